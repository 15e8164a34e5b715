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
from fastthumb.artwork.reasons import reason_for
from fastthumb.errors import SettingsError

if TYPE_CHECKING:
    from fastthumb.analysis.shots import Shot
    from fastthumb.artwork.scoring import Scored
    from fastthumb.settings import Settings

FloatArray = npt.NDArray[np.float32]
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

_PROMISING = 400  # candidates that may be chosen; the others are only represented
# Two pictures are near-duplicates from this cosine of their descriptors on, or below this mean
# difference of their layouts (in codes of 255), or where both come near enough.
_ALIKE, _ALIKE_LAYOUT = 0.92, 5.0
_NEARLY, _NEARLY_LAYOUT = 0.88, 7.3
_SHORTEST_GAP = 0.4  # seconds between two picks, in the shortest films;
_GAP_SHARE = 0.12  # in longer ones this share of their length per variant, up to the setting
_UNSETTLED = 0.5  # a picture below it lies in a fade or a flash and is the last resort
_NEXT_BEST = 0.8  # where nothing reaches the floor, pictures of this share of the best will do
_FAR_BELOW = 0.75  # a pick has at least this share of the best quality of the film
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
                film.take(best)
                chosen[best] = priority.name
    while len(chosen) < settings.variants and (addition := film.best_addition()) is not None:
        film.take(addition)
        place = f", in place of {unfilled.pop(0)}" if unfilled else ""
        chosen[addition] = QUALITY_AND_DIFFERENCE + place
    ranked = sorted(chosen, key=lambda i: (-scored[i].quality, scored[i].candidate.frame_index))
    return [
        Pick(rank, scored[i], chosen[i], reason_for(i, ranked, scored, shots, settings))
        for rank, i in enumerate(ranked, start=1)
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
    """The candidates of one film as arrays, and what is taken so far."""

    def __init__(self, scored: Sequence[Scored], shots: Sequence[Shot], settings: Settings) -> None:
        self._scored = scored
        self._settings = settings
        by_index = {shot.index: shot for shot in shots}
        candidates = [one.candidate for one in scored]
        known = [by_index.get(candidate.shot) for candidate in candidates]
        self._quality = np.array([one.quality for one in scored], dtype=np.float32)
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
        self._duration = max(end, 1e-3)
        self._gap = min(
            settings.min_gap_seconds,
            max(_SHORTEST_GAP, _GAP_SHARE * self._duration / settings.variants),
        )
        self._free = self._fit_to_show()
        self._columns = self._promising()
        self._objective = self._facility_location()

    def best_of(self, scene_types: Sequence[str]) -> int | None:
        """The best free candidate of the given scene types."""
        best, best_worth = None, -1.0
        for i in self._columns:
            one = self._scored[i]
            if self._free[i] and one.scene_type in scene_types:
                worth = one.quality * (0.7 + 0.3 * one.action_score)
                if worth > best_worth:
                    best, best_worth = int(i), worth
        return best

    def best_addition(self) -> int | None:
        """The free candidate that adds most; see Note [quality and difference]."""
        gains = np.where(self._free[self._columns], self._objective.gains(), -np.inf)
        best = int(gains.argmax())
        return int(self._columns[best]) if np.isfinite(gains[best]) else None

    def take(self, index: int) -> None:
        """Take a candidate, and with it the right of those to be taken that resemble it."""
        self._objective.add(int(np.flatnonzero(self._columns == index)[0]))
        looks = self._descriptors @ self._descriptors[index]
        layout = self._layout_difference(index)
        alike = (looks >= _ALIKE) | (layout < _ALIKE_LAYOUT)
        alike |= (looks >= _NEARLY) & (layout < _NEARLY_LAYOUT)
        near = np.abs(self._seconds - self._seconds[index]) < self._gap
        repeated = (self._moment == self._moment[index]) & (self._shot != self._shot[index])
        self._free &= ~(alike | near | repeated)
        self._free[index] = False

    def _layout_difference(self, index: int) -> npt.NDArray[np.float64]:
        """Of the free candidates of the same scene; infinite for all others."""
        difference = np.full(len(self._scored), np.inf)
        others = np.flatnonzero(self._free & (self._scene == self._scene[index]))
        difference[others] = layout_difference(self._layouts[index], self._layouts[others])
        return difference

    def _fit_to_show(self) -> BoolArray:
        """Which candidates may be taken at all: above the floor, or the best of a poor film."""
        quality = self._quality
        settled = np.array([one.scores["settled"] >= _UNSETTLED for one in self._scored])
        flawed = np.array(
            [one.scores["text"] >= _TEXT or one.scores["blur"] >= _BLURRED for one in self._scored]
        )
        fit: BoolArray
        for able in (settled & ~flawed, settled):
            fit = able & (quality >= self._settings.quality_floor)
            if fit.any():
                fit &= quality >= _FAR_BELOW * quality[fit].max()
                return fit
        fit = settled if settled.any() else np.ones_like(settled)
        fit = fit & (quality >= _NEXT_BEST * quality[fit].max())
        return fit

    def _promising(self) -> npt.NDArray[np.int64]:
        """The candidates that may be chosen: the best of every shot, then the second ones, ..."""
        fit = np.flatnonzero(self._free)
        order = fit[np.argsort(-self._quality[fit], kind="stable")]
        seen: dict[int, int] = {}
        turn = []
        for i in order:
            shot = int(self._shot[i])
            turn.append(seen.get(shot, 0))
            seen[shot] = turn[-1] + 1
        return order[np.argsort(turn, kind="stable")][:_PROMISING]

    def _facility_location(self) -> FacilityLocation:
        columns = self._columns
        apart = np.abs(self._seconds[:, None] - self._seconds[None, columns])
        reach = self._duration / self._settings.variants
        alike = similarity(
            self._descriptors @ self._descriptors[columns].T,
            self._scene[:, None] == self._scene[None, columns],
            np.exp(-apart / reach).astype(np.float32),
        )
        weights = np.maximum(self._quality, 1e-6) ** 2
        return FacilityLocation(
            alike,
            (weights / weights.sum()).astype(np.float32),
            self._quality[columns],
            count=self._settings.variants,
            diversity=self._settings.diversity,
        )
