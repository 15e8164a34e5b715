"""The choice: which 4 to 12 candidates become the variants of a title.

Genre priorities come first: each gets its share of the variants, filled by the best pictures of
its scene types. What nothing recognizes, and the rest, goes to quality and difference.

Note [quality and difference]. The set S of picks grows greedily by

    F(S) = (1 - d) * sum_{j in S} quality_j / k  +  d * sum_i w_i max_{j in S} similarity_ij

with d the `diversity` setting and k the number wanted. The second sum is facility location:
every candidate i of the film, weighted by its quality, asks for a pick that is like it in
looks, scene and time. It was taken before a determinantal point process because it covers
the film (a DPP only spreads the picks, and is happy with odd ones), because F is monotone
and submodular, so that the greedy set reaches (1 - 1/e) of the best one (Nemhauser, Wolsey
and Fisher, 1978), and because its terms can be put into words. Two pictures of one moment, or
that look alike, exclude each other whatever F says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.artwork.diversity import FacilityLocation, layout_difference, similarity
from fastthumb.artwork.reasons import reasons_for
from fastthumb.errors import SettingsError

if TYPE_CHECKING:
    from fastthumb.analysis.shots import Shot
    from fastthumb.artwork.scoring import Scored
    from fastthumb.settings import Settings

BoolArray = npt.NDArray[np.bool_]

QUALITY_AND_DIFFERENCE = "quality and difference"
SCENE_TYPES = (
    "hero-close-up",
    "heroine-close-up",
    "lead-close-up",
    "ensemble",
    "action",
    "romantic",
    "emotional",
    "confrontation",
    "landscape",
    "other",
)
"""Every scene type that a priority may name; "action" and "other" are recognized so far."""

_PROMISING = 250  # candidates that may be chosen
_REPRESENTED = 600  # candidates that want to be represented by the chosen ones
# Two pictures are near-duplicates from this cosine of their descriptors on, or below this mean
# difference of their layouts (in codes of 255), or where both come near enough.
_ALIKE, _ALIKE_LAYOUT = 0.92, 5.0
_NEARLY, _NEARLY_LAYOUT = 0.88, 7.3
_SAME_SETUP = 0.75  # the same for shots that repeat each other: they show one moment
_SAME_VIEW = 0.65  # cosine below which no pan can make one picture of two
_SHORTEST_GAP = 0.4  # seconds between two picks, in the shortest films;
_GAP_SHARE = 0.12  # in longer ones this share of their length per variant, up to the setting
_UNSETTLED = 0.5  # a picture below it lies in a fade or a flash and is the last resort
_NEXT_BEST = 0.8  # where nothing reaches the floor, pictures of this share of the best will do
_FAR_BELOW = 0.75  # a pick has at least this share of the best quality of the film
_CLEARLY_BETTER = 0.04  # quality that a genre priority may not cost the moment that it shows, ...
_STANDING_BACK = 12  # ... while there are others of its kind, of which so many are looked at
_BLURRED = 0.5  # blur score from which a picture is shown only if the film has nothing else,
_TEXT = 0.35  # and its text score


@dataclass(frozen=True, slots=True)
class Priority:
    """One line of a genre: a kind of picture and the share of the variants that it gets."""

    name: str
    share: float
    scene_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """A chosen candidate.

    `rank` counts from 1, best first; `slot` is the genre priority that it fills, or
    "quality and difference"; `reason` is one sentence for the artwork team.
    """

    rank: int
    scored: Scored
    slot: str
    reason: str


@cache
def genres() -> dict[str, tuple[Priority, ...]]:
    """The priorities of every genre, by name."""
    text = files("fastthumb.artwork").joinpath("genres.toml").read_text(encoding="utf-8")
    return {
        genre: tuple(
            Priority(line["name"], line["share"], tuple(line["scene_types"]))
            for line in table["priorities"]
        )
        for genre, table in tomllib.loads(text).items()
    }


def priorities_of(genre: str) -> tuple[Priority, ...]:
    """The priorities of one genre; raises SettingsError naming the genres that there are."""
    try:
        return genres()[genre]
    except KeyError:
        known = ", ".join(sorted(genres()))
        raise SettingsError(f"genre {genre!r} is not known; use one of {known}") from None


def choose(scored: Sequence[Scored], shots: Sequence[Shot], settings: Settings) -> list[Pick]:
    """Choose the variants of a film, best first.

    At most `settings.variants` picks; fewer where the film has fewer distinct moments above
    the quality floor, one at least where there is any candidate, none where there is none.
    The same candidates and settings always give the same picks. Raises SettingsError where
    the genre is not known.
    """
    priorities = priorities_of(settings.genre)
    if not scored:
        return []
    film = _Film(scored, shots, settings)
    chosen: dict[int, str] = {}
    unfilled: list[str] = []
    for priority, count in slots_of(priorities, settings.variants):
        for _ in range(count):
            best = film.best_of(priority.scene_types)
            if best is None:
                unfilled.append(priority.name)
            else:
                chosen[best] = priority.name
    while len(chosen) < settings.variants and (addition := film.best_addition()) is not None:
        place = f", in place of {unfilled.pop(0)}" if unfilled else ""
        chosen[addition] = QUALITY_AND_DIFFERENCE + place
    ranked = sorted(chosen, key=lambda i: (-scored[i].quality, scored[i].candidate.frame_index))
    reasons = reasons_for(ranked, scored, shots, settings)
    return [
        Pick(rank, scored[i], chosen[i], reason)
        for rank, (i, reason) in enumerate(zip(ranked, reasons, strict=True), start=1)
    ]


def slots_of(priorities: Sequence[Priority], variants: int) -> list[tuple[Priority, int]]:
    """How many of the variants each priority gets: whole numbers by largest remainder."""
    exact = [priority.share * variants for priority in priorities]
    counts = [int(share) for share in exact]
    spare = round(sum(exact)) - sum(counts)
    by_remainder = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in by_remainder[:spare]:
        counts[i] += 1
    return list(zip(priorities, counts, strict=True))


class _Film:
    """The candidates of one film that are fit to be shown, and which of them are taken.

    Positions count candidates from the best of every shot to the second ones, and so on. The
    first `_PROMISING` may be chosen; all of them, up to `_REPRESENTED`, want to be represented.
    """

    def __init__(self, scored: Sequence[Scored], shots: Sequence[Shot], settings: Settings) -> None:
        self._index = _by_turns(scored, fit_to_show(scored, settings))[:_REPRESENTED]
        self._scored = [scored[i] for i in self._index]
        candidates = [one.candidate for one in self._scored]
        by_index = {shot.index: shot for shot in shots}
        known = [by_index.get(candidate.shot) for candidate in candidates]
        self._quality = np.array([one.quality for one in self._scored], dtype=np.float32)
        self._seconds = np.array([c.seconds for c in candidates])
        self._shot = np.array([c.shot for c in candidates])
        self._scene = np.array([-1 if shot is None else shot.scene for shot in known])
        # A repeated shot shows the moment of the shot that it repeats.
        self._moment = np.array(
            [
                c.shot if shot is None or shot.repeat_of is None else shot.repeat_of
                for c, shot in zip(candidates, known, strict=True)
            ]
        )
        self._descriptors = np.stack([c.still.descriptor for c in candidates])
        self._layouts = np.stack([c.still.layout for c in candidates]).astype(np.int16)
        end = max([shot.end_seconds for shot in shots] + [float(self._seconds.max())])
        share = _GAP_SHARE * end / settings.variants
        self._gap = min(settings.min_gap_seconds, max(_SHORTEST_GAP, share))
        self._free = np.arange(len(candidates)) < _PROMISING
        self._objective = self._facility_location(max(end, 1e-3), settings)

    def best_of(self, scene_types: Sequence[str]) -> int | None:
        """The best free candidate of the given scene types.

        One that would keep a clearly better picture of its moment from being chosen stands back
        for others of its kind.
        """
        suited = [
            position
            for position in np.flatnonzero(self._free).tolist()
            if self._scored[position].scene_type in scene_types
        ]
        if not suited:
            return None
        suited.sort(key=lambda position: -self._worth(position))
        for position in suited[:_STANDING_BACK]:
            rivals = self._quality[self._free & self._resembling(position)]
            if rivals.max() <= self._quality[position] + _CLEARLY_BETTER:
                return self._take(position)
        return self._take(suited[0])

    def _worth(self, position: int) -> float:
        one = self._scored[position]
        return one.quality * (0.7 + 0.3 * one.action_score)

    def best_addition(self) -> int | None:
        """The free candidate that adds most; see Note [quality and difference]."""
        gains = np.where(self._free[:_PROMISING], self._objective.gains(), -np.inf)
        best = int(gains.argmax())
        return self._take(best) if np.isfinite(gains[best]) else None

    def _take(self, position: int) -> int:
        """Take a candidate; those that resemble it are free no more. Returns its index."""
        self._objective.add(position)
        self._free &= ~self._resembling(position)
        return self._index[position]

    def _resembling(self, position: int) -> BoolArray:
        """Which candidates show the same moment or look alike, the candidate itself included."""
        looks = self._descriptors @ self._descriptors[position]
        layout = np.full(len(looks), np.inf)
        panned = self._free & (self._scene == self._scene[position]) & (looks >= _SAME_VIEW)
        layout[panned] = layout_difference(self._layouts[position], self._layouts[panned])
        alike = (looks >= _ALIKE) | (layout < _ALIKE_LAYOUT)
        alike |= (looks >= _NEARLY) & (layout < _NEARLY_LAYOUT)
        near = np.abs(self._seconds - self._seconds[position]) < self._gap
        repeated = (self._moment == self._moment[position]) & (self._shot != self._shot[position])
        repeated &= looks >= _SAME_SETUP
        resembling: BoolArray = alike | near | repeated
        resembling[position] = True
        return resembling

    def _facility_location(self, duration: float, settings: Settings) -> FacilityLocation:
        columns = slice(_PROMISING)
        apart = np.abs(self._seconds[:, None] - self._seconds[None, columns])
        alike = similarity(
            self._descriptors @ self._descriptors[columns].T,
            self._scene[:, None] == self._scene[None, columns],
            np.exp(-apart / (duration / settings.variants)).astype(np.float32),
        )
        weights = np.maximum(self._quality, 1e-6) ** 2
        return FacilityLocation(
            alike,
            weights / weights.sum(),
            self._quality[columns],
            count=settings.variants,
            diversity=settings.diversity,
        )


def fit_to_show(scored: Sequence[Scored], settings: Settings) -> list[int]:
    """Indexes of the candidates that may be chosen at all; never empty where `scored` is not.

    Those above the quality floor, and not far below the best of them, that are no lettering and
    no blur and lie in no fade. Where there are none, lettering and blur will do; where nothing
    reaches the floor, the best that there is, outside fades if possible.
    """
    settled = [i for i, one in enumerate(scored) if one.scores["settled"] >= _UNSETTLED]
    clean = [
        i
        for i in settled
        if scored[i].scores["text"] < _TEXT and scored[i].scores["blur"] < _BLURRED
    ]
    for able in (clean, settled):
        fit = [i for i in able if scored[i].quality >= settings.quality_floor]
        if fit:
            return _near_the_best(scored, fit, _FAR_BELOW)
    return _near_the_best(scored, settled or range(len(scored)), _NEXT_BEST)


def _near_the_best(scored: Sequence[Scored], indexes: Sequence[int], share: float) -> list[int]:
    least = share * max(scored[i].quality for i in indexes)
    return [i for i in indexes if scored[i].quality >= least]


def _by_turns(scored: Sequence[Scored], indexes: Sequence[int]) -> list[int]:
    """Indexes in the order: the best candidate of every shot by quality, then the second ones."""
    turns: dict[int, int] = {}
    order = []
    for i in sorted(indexes, key=lambda i: (-scored[i].quality, scored[i].candidate.frame_index)):
        shot = scored[i].candidate.shot
        turns[shot] = turns.get(shot, 0) + 1
        order.append((turns[shot], i))
    return [i for _, i in sorted(order, key=lambda one: one[0])]
