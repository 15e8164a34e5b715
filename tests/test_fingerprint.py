"""The fingerprint of a file: what it sees, what it may miss, and what it refuses."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from fastthumb.errors import Unreadable
from fastthumb.fingerprint import content_hash, with_sidecars

MIB = 1 << 20
LARGE = 40 * MIB + 12_345


def sparse(path: Path, size: int, **bytes_at: int) -> Path:
    """A file of zeros with single bytes set at `at_<offset>`."""
    with path.open("wb") as file:
        file.truncate(size)
        for name, value in bytes_at.items():
            file.seek(int(name.removeprefix("at_")))
            file.write(bytes([value]))
    return path


@pytest.mark.parametrize("size", [0, 1, 5_000, 16 * MIB], ids="{}-bytes".format)
def test_small_files_are_hashed_whole(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    expected = hashlib.sha256(size.to_bytes(8, "little") + data).hexdigest()
    assert content_hash(path) == f"sha256-sampled:{expected}"


def test_large_files_are_sampled_at_sixteen_blocks(tmp_path: Path) -> None:
    path = sparse(
        tmp_path / "film.mkv", LARGE, **{f"at_{at}": at % 250 for at in range(7, LARGE, MIB)}
    )
    data = path.read_bytes()
    last = LARGE - MIB
    blocks = [data[last * k // 15 :][:MIB] for k in range(16)]
    assert blocks[-1] == data[-MIB:]
    expected = hashlib.sha256(LARGE.to_bytes(8, "little") + b"".join(blocks)).hexdigest()
    assert content_hash(path) == f"sha256-sampled:{expected}"


@pytest.mark.parametrize("offset", [0, MIB - 1, LARGE - MIB, LARGE - 1], ids="at-{}".format)
def test_a_changed_first_or_last_block_is_seen(tmp_path: Path, offset: int) -> None:
    before = content_hash(sparse(tmp_path / "a.mkv", LARGE))
    assert content_hash(sparse(tmp_path / "b.mkv", LARGE, **{f"at_{offset}": 1})) != before


def test_another_size_is_seen(tmp_path: Path) -> None:
    a, b = sparse(tmp_path / "a.mkv", LARGE), sparse(tmp_path / "b.mkv", LARGE + 1)
    assert content_hash(a) != content_hash(b)


def test_the_place_does_not_matter(tmp_path: Path) -> None:
    name = tmp_path / os.fsdecode(b"d\xe9j\xe0 vu.mp4")
    try:
        name.write_bytes(b"same")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    (tmp_path / "other.mp4").write_bytes(b"same")
    assert content_hash(name) == content_hash(str(tmp_path / "other.mp4"))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"gone\.mp4: cannot be read \(No such file"):
        content_hash(tmp_path / "gone.mp4")


def test_folder_and_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="this is a folder"):
        content_hash(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(Unreadable, match="no regular file"):
        content_hash(tmp_path / "pipe.mp4")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret.mp4"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(Unreadable, match="Permission denied"):
        content_hash(path)


def test_file_that_shrinks_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing.mp4"
    path.write_bytes(b"x" * 100)
    real = os.fstat

    def longer(descriptor: int) -> os.stat_result:
        values = list(real(descriptor))
        values[6] += 10
        return os.stat_result(values)

    monkeypatch.setattr("fastthumb.fingerprint.os.fstat", longer)
    with pytest.raises(Unreadable, match="ends 10 bytes early"):
        content_hash(path)


def test_files_beside_a_video_count_where_they_are(tmp_path: Path) -> None:
    subtitles, synopsis = tmp_path / "film.srt", tmp_path / "film.nfo"
    files = [subtitles, synopsis]
    assert with_sidecars("sha256-sampled:0", files) == "sha256-sampled:0"
    subtitles.write_text("1")
    one = with_sidecars("sha256-sampled:0", files)
    assert one.startswith("sha256-sampled:0+")
    assert one == with_sidecars("sha256-sampled:0", reversed(files))
    subtitles.write_text("2")
    assert with_sidecars("sha256-sampled:0", files) != one
    synopsis.write_text("drama")
    assert len({one, with_sidecars("sha256-sampled:0", files)}) == 2
