"""Seasons: no two episodes of one season are sold by the same picture.

Episodes are told by their file names, S01E02 or 1x02, in one folder. After a run, the episodes
of each season are gone through in order, and one that shows a picture of an earlier one (the
title card, a recap, a shot that is used every week) chooses again without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastthumb.artwork.film import repeats
from fastthumb.errors import FastthumbError
from fastthumb.records import TitleRecord, read_title
from fastthumb.store import load_analysis

if TYPE_CHECKING:
    from fastthumb.analysis.stills import Still
    from fastthumb.discovery import Location

_PATTERNS = (
    re.compile(r"(?<![a-z0-9])s(?P<season>\d{1,3})[ ._-]*e(?P<episode>\d{1,4})(?!\d)", re.I),
    re.compile(r"(?<![a-z0-9])(?P<season>\d{1,2})x(?P<episode>\d{2,3})(?![0-9])", re.I),
)


@dataclass(frozen=True, slots=True, order=True)
class Episode:
    """Where a video stands: the folder and series it belongs to, its season and number."""

    folder: str
    series: str
    season: int
    number: int


def episode_of(video: Location) -> Episode | None:
    """Which episode a video is by its name, None where the name does not say."""
    path = Path(video)
    for pattern in _PATTERNS:
        if match := pattern.search(path.stem):
            series = re.sub(r"[\W_]+", " ", path.stem[: match.start()]).strip().casefold()
            return Episode(str(path.parent), series, int(match["season"]), int(match["episode"]))
    return None


def seasons_of(titles: Iterable[tuple[Location, Path]]) -> list[list[Path]]:
    """The folders of the titles of each season that has several, by episode number.

    `titles` are (video, folder of its title). The same titles in any order give the same.
    """
    seasons: dict[tuple[str, str, int], list[tuple[Episode, str, Path]]] = {}
    for video, folder in titles:
        episode = episode_of(video)
        if episode is not None:
            key = episode.folder, episode.series, episode.season
            seasons.setdefault(key, []).append((episode, str(video), folder))
    return [
        [folder for _, _, folder in sorted(episodes, key=lambda one: one[:2])]
        for _, episodes in sorted(seasons.items(), key=lambda one: one[0])
        if len(episodes) > 1
    ]


def keep_apart(
    titles: Iterable[tuple[Location, Path]],
    choose_again: Callable[[Path, Sequence[Still]], TitleRecord],
) -> tuple[dict[Path, TitleRecord], list[str]]:
    """Let episodes choose again where they repeat a picture of an earlier one of their season.

    `titles` are the finished ones of a run, (video, folder); `choose_again` makes a title's
    choice anew without what repeats the given pictures, and returns its new record. Returns the
    records of the titles that chose again, by folder, and what went wrong, a sentence each: a
    title whose stored analysis cannot be read, or that cannot choose again, stays as it is.
    """
    changed: dict[Path, TitleRecord] = {}
    problems: list[str] = []
    for season in seasons_of(titles):
        earlier: list[Still] = []
        for folder in season:
            try:
                shown = _shown(folder)
                if earlier and _any_repeats(shown, earlier):
                    before = _picked(folder)
                    record = choose_again(folder, earlier)
                    if [variant.frame_pts for variant in record.variants] != before:
                        changed[folder] = record
                    shown = _shown(folder)
            except FastthumbError as exc:
                problems.append(str(exc))
                continue
            earlier += shown
    return changed, problems


def _shown(folder: Path) -> list[Still]:
    """What the variants of a title look like."""
    stills = {one.pts: one.still for one in load_analysis(folder).candidates}
    return [stills[pts] for pts in _picked(folder) if pts in stills]


def _picked(folder: Path) -> list[int]:
    return [variant.frame_pts for variant in read_title(folder).variants]


def _any_repeats(shown: Sequence[Still], earlier: Sequence[Still]) -> bool:
    if not shown:
        return False
    descriptors = np.stack([still.descriptor for still in shown])
    layouts = np.stack([still.layout for still in shown]).astype(np.int16)
    return any(bool(repeats(still, descriptors, layouts).any()) for still in earlier)
