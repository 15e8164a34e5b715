"""The folder that fastthumb keeps between runs, and hashes of the files in it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from fastthumb.errors import ModelError
from fastthumb.names import printable

_hashes: dict[tuple[str, int, int, int], str] = {}


def cache_folder() -> Path:
    """The user's cache folder: FASTTHUMB_CACHE, or the platform's own; need not be there yet."""
    if own := os.environ.get("FASTTHUMB_CACHE"):
        return Path(own).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("fastthumb", appauthor=False)


def models_cache() -> Path:
    """Where pulled models lie, and those made here."""
    return cache_folder() / "models"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex; computed once a process while the file does not change.

    Raises ModelError, naming the file and the reason, if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            key = (str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
            if key not in _hashes:
                _hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
            return _hashes[key]
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise ModelError(
            f"{printable(path)}: the model cannot be read ({reason}); "
            "make it readable or remove it, then 'fastthumb models pull'"
        ) from exc
