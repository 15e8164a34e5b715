"""Films for the benches: composed once with known edits, kept in a cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def test_data() -> Path:
    """Folder of the test data; ends the bench with a message where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("FASTTHUMB_TEST_DATA", default))
    if not (folder / "tools" / "compose_film.py").exists():
        sys.exit(f"{folder}: no test data here; set FASTTHUMB_TEST_DATA to its folder")
    return folder


def cache_folder() -> Path:
    """Folder in which composed films are kept between runs."""
    folder = Path(
        os.environ.get("FASTTHUMB_BENCH_CACHE", Path(tempfile.gettempdir()) / "fastthumb-films")
    )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def composed(name: str, *options: str) -> Path:
    """Path of a film composed with compose_film.py's `options`, made now if it is not cached."""
    film = cache_folder() / name
    if not film.with_suffix(".truth.json").exists():
        data = test_data()
        command = [
            sys.executable, str(data / "tools" / "compose_film.py"), str(film),
            "--clips", str(data / "videos"), "--spans", str(data / "tools" / "spans.json"),
            *options,
        ]  # fmt: skip
        subprocess.run(command, check=True)
    return film
