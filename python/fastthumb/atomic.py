"""Files that appear whole or not at all.

A file is written under a hidden temporary name in its own folder and then renamed, so that a
reader, a crash or a full disk never meets half of it, and an older file stays until the new one
is complete.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from fastthumb.errors import OutputError
from fastthumb.names import printable

_ADVICE = {
    errno.ENOSPC: "free some space or choose another output folder, then run again",
    errno.EDQUOT: "the quota is used up: free some space or choose another output folder",
    errno.EFBIG: "the file system or a limit (ulimit -f) allows no file of that size",
    errno.EROFS: "choose an output folder on a disk that can be written",
    errno.EACCES: "choose an output folder that you may write to",
    errno.EPERM: "choose an output folder that you may write to",
    errno.ENOENT: "the folder is gone: make it again, then run again",
    errno.ENOTDIR: "a file stands where a folder is needed: move it or choose another folder",
    errno.EEXIST: "a file stands where a folder is needed: move it or choose another folder",
    errno.EISDIR: "a folder stands where the file should be: move it or choose another folder",
    errno.ENAMETOOLONG: "choose an output folder with a shorter path",
}
_ADVICE_OTHERWISE = "check the output folder, then run again"


def atomic_write(path: Path, writer: Callable[[BinaryIO], object]) -> None:
    """Write `path` through `writer(binary_file)`, whole or not at all.

    Raises OutputError, naming the file, the reason and what to do, if the file system refuses;
    whatever else `writer` raises passes through. The temporary file is gone in either case, and
    a file that stood at `path` is untouched unless the new one is complete.
    """
    temporary = path.parent / f".fastthumb-{os.getpid()}-{secrets.token_hex(6)}.tmp"
    try:
        try:
            with temporary.open("xb") as file:
                writer(file)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise _output_error(path, "cannot be written", exc) from exc


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Write `data` to `path`, whole or not at all; errors as `atomic_write`."""
    atomic_write(path, lambda file: file.write(data))


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, line ends kept, whole or not at all; errors as above."""
    write_bytes(path, text.encode())


def make_folder(path: Path) -> None:
    """Make the folder and its parents, if need be; raises OutputError if that is impossible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise _output_error(path, "cannot be made", exc) from exc


def _output_error(path: Path, what: str, exc: OSError) -> OutputError:
    reason = exc.strerror or str(exc) or type(exc).__name__
    advice = _ADVICE.get(exc.errno or 0, _ADVICE_OTHERWISE)
    return OutputError(f"{printable(path)}: {what} ({reason}); {advice}")
