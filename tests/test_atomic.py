"""Files appear whole or not at all, and a file system that refuses is told plainly."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from fastthumb.atomic import atomic_write, make_folder, write_bytes, write_text
from fastthumb.errors import OutputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_with_normal_permissions(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a.bin", b"\x00\xff")
    write_text(tmp_path / "b.txt", "é\n")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\xff"
    assert (tmp_path / "b.txt").read_bytes() == "é\n".encode()
    (tmp_path / "plain").touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "a.bin")]
    assert modes[0] == modes[1]
    assert names(tmp_path) == ["a.bin", "b.txt", "plain"]


@pytest.mark.parametrize("failure", [RuntimeError("encoder"), KeyboardInterrupt()])
def test_a_failing_writer_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, failure: BaseException
) -> None:
    path = tmp_path / "title.json"
    write_bytes(path, b"old")

    def writer(file: BinaryIO) -> None:
        file.write(b"half")
        raise failure

    with pytest.raises(type(failure)):
        atomic_write(path, writer)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["title.json"]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EROFS, "on a disk that can be written"),
        (errno.EACCES, "that you may write to"),
        (errno.EIO, "check the output folder"),
    ],
    ids=["full", "read-only", "forbidden", "other"],
)
def test_the_error_names_file_reason_and_remedy(tmp_path: Path, code: int, advice: str) -> None:
    path = tmp_path / "picture.jpg"

    def writer(file: BinaryIO) -> None:
        raise OSError(code, os.strerror(code))

    with pytest.raises(OutputError) as caught:
        atomic_write(path, writer)
    assert str(path) in str(caught.value)
    assert os.strerror(code) in str(caught.value)
    assert advice in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX")
def test_a_file_system_that_takes_no_more_leaves_nothing_behind(tmp_path: Path) -> None:
    # A file-size limit stands for a full disk: the kernel refuses the write itself.
    code = (
        "import pathlib, resource, sys\n"
        "from fastthumb.atomic import write_bytes\n"
        "from fastthumb.errors import OutputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: write_bytes(pathlib.Path(sys.argv[1]), bytes(1_000_000))\n"
        "except OutputError as exc: print(exc)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "big.jpg")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "big.jpg: cannot be written (File too large)" in run.stdout
    assert names(tmp_path) == []


def test_a_missing_folder_and_a_file_in_the_way_are_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"x\.jpg: cannot be written .*the folder is gone"):
        write_bytes(tmp_path / "missing" / "x.jpg", b"")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        write_bytes(tmp_path / "file" / "x.jpg", b"")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        make_folder(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="a folder stands where the file should be"):
        write_bytes(tmp_path / "folder", b"")
    assert names(tmp_path) == ["file", "folder"]


def test_folders_are_made_with_their_parents_once(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_the_longest_name_a_file_system_takes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".jpg")
    write_bytes(path, b"x")
    assert path.read_bytes() == b"x"
