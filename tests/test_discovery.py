"""Which files a run takes, and how titles are named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastthumb.discovery import find_videos, location, plan_jobs, title_slug
from fastthumb.errors import Unreadable
from fastthumb.names import printable


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_sidecars_of_a_video_are_no_strangers(tmp_path: Path) -> None:
    for name in ("film.mp4", "film.srt", "film.en.forced.srt", "film.nfo", "tvshow.nfo"):
        (tmp_path / name).touch()
    others = [tmp_path / "film2.srt", tmp_path / "notes.txt"]
    for other in others:
        other.touch()
    videos, skipped = find_videos([tmp_path])
    assert videos == [tmp_path / "film.mp4"]
    assert [skip.path for skip in skipped] == others


def test_a_folder_is_searched_recursively_and_other_files_are_named(tmp_path: Path) -> None:
    first = touch(tmp_path / "a.mp4")
    deep = touch(tmp_path / "season 1" / "b.MKV")
    notes = touch(tmp_path / "notes.txt")
    touch(tmp_path / ".hidden.mp4")
    touch(tmp_path / ".trash" / "c.mp4")
    videos, skipped = find_videos([tmp_path])
    assert videos == [first, deep]
    assert [skip.path for skip in skipped] == [notes]


def test_a_folder_named_like_a_video_is_searched_as_a_folder(tmp_path: Path) -> None:
    inner = touch(tmp_path / "film.mp4" / "inner.mp4")
    assert find_videos([tmp_path])[0] == [inner]
    assert find_videos([tmp_path / "film.mp4"])[0] == [inner]


def test_a_named_file_is_taken_whatever_it_is_called_and_only_once(tmp_path: Path) -> None:
    odd = touch(tmp_path / "recording.bin")
    assert find_videos([odd, odd])[0] == [odd]


def test_a_path_that_does_not_exist_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"nowhere\.mp4: no such file"):
        find_videos([tmp_path / "nowhere.mp4"])


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Film.mp4", "Film"),
        ("A Film (2024).mp4", "A-Film-2024"),
        ("über.Straße.mkv", "über.Straße"),
        ("../..", "title"),
        ("???.mp4", "title"),
        ("index.html.mp4", "title-index.html"),
        ("catalog.db.mkv", "title-catalog.db"),
        (".mp4", "mp4"),
        ("a\udcff\udcfeb.mp4", "a-b"),
        ("<script>alert(1)<script>.mp4", "script-alert-1-script"),
    ],
)
def test_title_ids_are_safe_folder_names(name: str, slug: str) -> None:
    assert title_slug(Path(name)) == slug


def test_a_long_name_stays_below_the_file_system_limit() -> None:
    assert len(title_slug(Path("ü" * 120 + ".mp4")).encode()) <= 120


def test_two_files_of_one_name_get_different_ids_that_stay_the_same(tmp_path: Path) -> None:
    videos = [tmp_path / "a" / "x.mp4", tmp_path / "b" / "X.mp4", tmp_path / "y.mp4"]
    ids = [job.title_id for job in plan_jobs(videos, tmp_path)]
    assert len({name.casefold() for name in ids}) == 3
    assert ids[2] == "y"
    assert ids == [job.title_id for job in plan_jobs(videos, tmp_path)]
    assert sorted(ids) == sorted(job.title_id for job in plan_jobs(videos[::-1], tmp_path))


def test_names_that_are_not_utf8_can_be_printed() -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    assert printable(Path(name)) == "caf\\xe9.mp4"
    printable(Path(name)).encode("utf-8")


def test_a_url_is_taken_as_it_is_and_named_by_its_path() -> None:
    url = "https://example.org/films/My%20Film.mp4?token=1"
    videos, _ = find_videos([location(url)])
    assert videos == [url]
    assert plan_jobs(videos, Path("out"))[0].title_id == "My-20Film"
