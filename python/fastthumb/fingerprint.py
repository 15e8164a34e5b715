"""A file's fingerprint: whether a video is still the one that was processed.

Note [sampled hash]. A whole film takes seconds to minutes to read from a disk or a network
share, and every re-run over a folder would read all of them only to skip them. So a file up
to 16 MiB is hashed whole, and of a larger one its size and 16 blocks of 1 MiB, evenly spaced,
first and last included: 16 MiB whatever the length. Another encode, cut, mux or container
changes the size or the first and last blocks (headers and indexes live there). What goes
unseen is an edit in place that keeps the size and touches only bytes between the blocks;
`--force` is for that. It is a fingerprint against change, not a proof against forgery.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from fastthumb.errors import Unreadable
from fastthumb.names import printable

_WHOLE_UP_TO_BYTES = 16 << 20
_BLOCK_BYTES = 1 << 20
_BLOCKS = 16


def content_hash(path: str | os.PathLike[str]) -> str:
    """The fingerprint of a file's content: "sha256-sampled:" and 64 hex digits.

    Equal content gives equal fingerprints, wherever the file lies; see Note [sampled hash].
    Reads at most 16 MiB. Raises Unreadable where the file cannot be read to its end or is no
    regular file.
    """
    try:
        # Looked at before it is opened: opening a named pipe would wait for its writer.
        _require_file(path, Path(path).stat().st_mode)
        with Path(path).open("rb") as file:
            return _digest(file, os.fstat(file.fileno()).st_size, path)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise Unreadable(
            f"{printable(path)}: cannot be read ({reason}); check the path and its permissions"
        ) from exc


def with_sidecars(digest: str, files: Iterable[Path]) -> str:
    """A video's fingerprint and that of the small files that are read with it, as one.

    The fingerprint itself where none of `files` is there: "+" and 16 hex digits behind it else.
    """
    together = hashlib.sha256()
    found = False
    for file in sorted(files):
        with contextlib.suppress(OSError):
            if file.is_file():
                together.update(f"{file.name}\0{content_hash(file)}\0".encode(errors="replace"))
                found = True
    return f"{digest}+{together.hexdigest()[:16]}" if found else digest


def _require_file(path: str | os.PathLike[str], mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
    raise Unreadable(f"{printable(path)}: wanted a video file, this is {kind}; name a file")


def _digest(file: BinaryIO, size: int, path: str | os.PathLike[str]) -> str:
    digest = hashlib.sha256(size.to_bytes(8, "little"))
    if size <= _WHOLE_UP_TO_BYTES:
        spans = [(0, size)]
    else:
        last = size - _BLOCK_BYTES
        spans = [(last * block // (_BLOCKS - 1), _BLOCK_BYTES) for block in range(_BLOCKS)]
    for start, length in spans:
        file.seek(start)
        left = length
        while left:
            data = file.read(min(left, _BLOCK_BYTES))
            if not data:
                raise Unreadable(
                    f"{printable(path)}: ends {left} bytes early; it changed while it was read, "
                    "wait until it is complete"
                )
            digest.update(data)
            left -= len(data)
    return f"sha256-sampled:{digest.hexdigest()}"
