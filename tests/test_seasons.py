"""Seasons: episodes by their names, and no picture twice in one season."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fastthumb import seasons
from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.stills import Still
from fastthumb.errors import OutputError
from fastthumb.seasons import Episode, episode_of, keep_apart, seasons_of
from stills_samples import candidate_of, landscape

STILLS = [candidate_of(landscape(seed)) for seed in range(7)]


@pytest.mark.parametrize(
    ("name", "series", "season", "number"),
    [
        ("Some.Show.S01E02.1080p.mkv", "some show", 1, 2),
        ("some show - s1e12 - Title.mp4", "some show", 1, 12),
        ("Some_Show S03 E004.mkv", "some show", 3, 4),
        ("Show 2x07.avi", "show", 2, 7),
        ("S10.E01.mkv", "", 10, 1),
    ],
)
def test_episodes_by_name(name: str, series: str, season: int, number: int) -> None:
    assert episode_of(Path("/films") / name) == Episode("/films", series, season, number)


@pytest.mark.parametrize(
    "name", ["Film 2019.mkv", "1920x1080.mp4", "clip-640x360.mp4", "bless1e2.mkv", "S01.mkv"]
)
def test_other_names_are_no_episodes(name: str) -> None:
    assert episode_of(Path(name)) is None


def test_seasons_are_of_one_folder_and_series_in_order() -> None:
    names = ["a/X S01E02.mkv", "a/X S01E01.mkv", "a/X S02E01.mkv", "b/X S01E03.mkv", "a/film.mkv"]
    names += ["a/Y S01E01.mkv", "a/Y S01E10.mkv", "a/Y S01E9.mkv"]
    titles = [(Path(name), Path("out") / Path(name).stem) for name in names]
    wanted = [["X S01E01", "X S01E02"], ["Y S01E01", "Y S01E9", "Y S01E10"]]
    assert [[folder.name for folder in one] for one in seasons_of(titles)] == wanted
    assert seasons_of(titles[::-1]) == seasons_of(titles)


class Titles:
    """Finished titles in memory: the candidates of each, and what is picked of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *picked: Sequence[int]) -> None:
        self.candidates: list[Candidate] = [
            replace(one, pts=number) for number, one in enumerate(STILLS)
        ]
        self.picked = {Path(f"out/{k}"): list(one) for k, one in enumerate(picked)}
        self.videos = [
            (Path(f"S01E{k + 1:02d}.mkv"), folder) for k, folder in enumerate(self.picked)
        ]
        self.avoided: list[tuple[Path, int]] = []
        monkeypatch.setattr(seasons, "load_analysis", self.load)
        monkeypatch.setattr(seasons, "read_title", self.read)

    def load(self, folder: Path) -> Any:
        return type("Stored", (), {"candidates": self.candidates})

    def read(self, folder: Path) -> Any:
        variants = [type("Variant", (), {"frame_pts": pts}) for pts in self.picked[folder]]
        return type("Title", (), {"variants": variants})

    def again(self, folder: Path, avoid: Sequence[Still]) -> Any:
        self.avoided.append((folder, len(avoid)))
        taken = [id(still) for still in avoid]
        free = [one.pts for one in self.candidates if id(one.still) not in taken]
        self.picked[folder] = (free or self.picked[folder])[: len(self.picked[folder])]
        return self.read(folder)


def test_later_episodes_choose_again_where_they_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    titles = Titles(monkeypatch, [0, 1], [2, 0], [3, 4])
    changed, problems = keep_apart(titles.videos, titles.again)
    assert not problems
    assert [str(folder) for folder in changed] == ["out/1", "out/2"]
    shown = [pts for picked in titles.picked.values() for pts in picked]
    assert len(set(shown)) == len(shown)
    assert titles.avoided == [(Path("out/1"), 2), (Path("out/2"), 4)]
    again, _ = keep_apart(titles.videos, titles.again)
    assert not again, "a second run finds nothing to do"


def test_what_cannot_be_avoided_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    titles = Titles(monkeypatch, range(7), [3])
    changed, problems = keep_apart(titles.videos, titles.again)
    assert not changed
    assert not problems


def test_one_broken_title_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    titles = Titles(monkeypatch, [0], [0], [0])

    def again(folder: Path, avoid: Sequence[Still]) -> Any:
        if folder.name == "1":
            raise OutputError("out/1: gone")
        return titles.again(folder, avoid)

    changed, problems = keep_apart(titles.videos, again)
    assert problems == ["out/1: gone"]
    assert [folder.name for folder in changed] == ["2"]


def test_single_films_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    titles = Titles(monkeypatch, [0], [0])
    films = [(Path(f"film {k}.mkv"), folder) for k, (_, folder) in enumerate(titles.videos)]
    assert keep_apart(films, titles.again) == ({}, [])
