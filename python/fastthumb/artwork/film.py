"""The film of a choice: what may be chosen, what is taken, and what resembles that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.artwork.diversity import FacilityLocation, layout_difference, likeness, similarity
from fastthumb.artwork.fitness import fit_to_show, is_close_up
from fastthumb.artwork.genres import CLOSE_UPS

if TYPE_CHECKING:
    from fastthumb.analysis.shots import Shot
    from fastthumb.analysis.stills import Still
    from fastthumb.artwork.scoring import Scored
    from fastthumb.settings import Settings

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

_ENOUGH = 2  # pictures a variant, among which the choice is not too small
_PROMISING = 250  # candidates that may be chosen
_REPRESENTED = 600  # candidates that want to be represented by the chosen ones
# Two pictures are near-duplicates from this cosine of their descriptors on, or below this mean
# difference of their layouts (in codes of 255), or where both come near enough.
_ALIKE, _ALIKE_LAYOUT = 0.92, 5.0
_NEARLY, _NEARLY_LAYOUT = 0.88, 7.3
_SAME_SETUP = 0.75  # the same for shots that repeat each other: they show one moment
_SAME_SHOT = 0.86  # cosine of two moments of a shot that two episodes share
_SAME_VIEW = 0.65  # cosine below which no pan can make one picture of two
_SHORTEST_GAP = 0.4  # seconds between two picks, in the shortest films;
_GAP_SHARE = 0.12  # in longer ones this share of their length per variant, up to the setting
_CLEARLY_BETTER = 0.04  # quality that a genre priority may not cost the moment that it shows, ...
_STANDING_BACK = 12  # ... while there are others of its kind, of which so many are looked at
_TOLD_AGAIN = 0.6  # what another picture of a set-up that has one adds to the others
_SEEN_BEFORE = 0.85  # what another picture of a person who has one is worth to a priority


class Film:
    """The candidates of one film that are fit to be shown, and which of them are taken.

    Positions count pinned candidates first, then from the best of every shot to the second ones,
    and so on. The first `_PROMISING` may be chosen; all of them, up to `_REPRESENTED`, want to be
    represented. Methods return indexes into `scored`.
    """

    def __init__(
        self,
        scored: Sequence[Scored],
        shots: Sequence[Shot],
        settings: Settings,
        avoid: Sequence[Still] = (),
    ) -> None:
        seconds = np.array([one.candidate.seconds for one in scored])
        end = max([shot.end_seconds for shot in shots] + [float(seconds.max())])
        share = _GAP_SHARE * end / settings.variants
        self._gap = min(settings.min_gap_seconds, max(_SHORTEST_GAP, share))
        pins = list(dict.fromkeys(_nearest(seconds, pin) for pin in settings.pins))
        first, last = (share * end for share in settings.window)
        allowed = [
            i
            for i in range(len(scored))
            if (first <= seconds[i] <= last or settings.window == (0.0, 1.0))
            and all(abs(seconds[i] - ban) >= self._gap for ban in settings.bans)
        ]
        # What no network has seen may show anything; it is offered where the others are few.
        seen = [i for i in allowed if scored[i].candidate.looked_at]
        if len(seen) >= _ENOUGH * settings.variants:
            allowed = seen
        fit = [allowed[i] for i in fit_to_show([scored[i] for i in allowed], settings)]
        self._index = pins + [i for i in _by_turns(scored, fit) if i not in set(pins)]
        self._index = self._index[:_REPRESENTED]
        self._pinned = len(pins)
        if not self._index:
            self._free = np.zeros(0, dtype=np.bool_)
            return
        self._scored = [scored[i] for i in self._index]
        candidates = [one.candidate for one in self._scored]
        by_index = {shot.index: shot for shot in shots}
        known = [by_index.get(candidate.shot) for candidate in candidates]
        self._quality = np.array([one.quality for one in self._scored], dtype=np.float32)
        self._seconds = seconds[self._index]
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
        self._free = np.arange(len(candidates)) < _PROMISING
        # Pictures of a set-up that has a pick: a priority asks for something else, and for
        # quality and difference they count less.
        self._told = np.zeros(len(candidates), dtype=np.bool_)
        self._shown: set[str] = set()  # characters that a pick shows first
        self._objective = self._facility_location(max(end, 1e-3), settings)
        for ban in settings.bans:
            self._ban(scored, _nearest(seconds, ban), ban)
        self._avoid(avoid)

    @property
    def has_some(self) -> bool:
        """Whether anything may still be chosen."""
        return bool(self._free.any())

    def take_pins(self, most: int) -> list[int]:
        """Take the pinned candidates, in the order of their settings, at most so many."""
        return [self._take(position) for position in range(min(self._pinned, most))]

    def leads(self) -> list[str]:
        """Names of the characters who lead the film, the most important one first."""
        weight: dict[str, float] = {}
        for one in self._scored if len(self._free) else ():
            kind = one.classified
            if kind is not None and kind.lead is not None:
                name, worth = kind.lead
                weight[name] = max(worth, weight.get(name, 0.0))
        return sorted(weight, key=lambda name: (-weight[name], name))

    def close_up_of(self, name: str) -> int | None:
        """The best free close-up of a lead, None where there is none or a pick shows it."""
        if name in self._shown:
            return None
        return self._best(lambda one: is_close_up(one) and _first_of(one) == name, ())

    def best_of(self, scene_types: Sequence[str]) -> int | None:
        """The best free candidate that suits one of the given scene types.

        One that would keep a clearly better picture of its moment from being chosen stands back
        for others of its kind. Where nobody leads the film, because nobody is known across
        shots, any close-up of one person suits those of leads.
        """
        anybody = bool(set(scene_types) & set(CLOSE_UPS)) and not self.leads()

        def suits(one: Scored) -> bool:
            if one.scene_type in scene_types:
                return True
            kind = one.classified
            if kind is None:
                return False
            return any(scene in scene_types for scene in kind.suits) or (
                anybody and is_close_up(one) and kind.people == "solo"
            )

        return self._best(suits, scene_types)

    def best_addition(self) -> int | None:
        """The free candidate that adds most; see variants, Note [quality and difference]."""
        if not self.has_some:
            return None
        gains = self._objective.gains() * np.where(self._told[:_PROMISING], _TOLD_AGAIN, 1.0)
        gains = np.where(self._free[:_PROMISING], gains, -np.inf)
        best = int(gains.argmax())
        return self._take(best) if np.isfinite(gains[best]) else None

    def _best(self, suits: Callable[[Scored], bool], scene_types: Sequence[str]) -> int | None:
        suited = [
            position
            for position in np.flatnonzero(self._free & ~self._told).tolist()
            if suits(self._scored[position])
        ]
        if not suited:
            return None
        worth = {position: self._worth(position, scene_types) for position in suited}
        suited.sort(key=lambda position: -worth[position])
        for position in suited[:_STANDING_BACK]:
            rivals = self._quality[self._free & self._resembling(position)]
            if rivals.max() <= self._quality[position] + _CLEARLY_BETTER:
                return self._take(position)
        return self._take(suited[0])

    def _worth(self, position: int, scene_types: Sequence[str]) -> float:
        one = self._scored[position]
        kind = one.classified
        if kind is None or kind.people is None:
            return one.quality * (0.7 + 0.3 * one.action_score)
        fit = max((kind.fit(scene) for scene in scene_types), default=0.0)
        worth = one.quality * (0.6 + 0.2 * fit + 0.2 * one.scores["relevance"])
        name = _first_of(one)
        return worth * _SEEN_BEFORE if name is not None and name in self._shown else worth

    def _take(self, position: int) -> int:
        """Take a candidate; those that resemble it are free no more. Returns its index."""
        self._objective.add(position)
        self._free &= ~self._resembling(position)
        looks = self._descriptors @ self._descriptors[position]
        self._told |= (self._shot == self._shot[position]) & (looks >= _SAME_SETUP)
        name = _first_of(self._scored[position])
        if name is not None:
            self._shown.add(name)
        return self._index[position]

    def _ban(self, scored: Sequence[Scored], nearest: int, ban: float) -> None:
        """Take what resembles the banned picture out of the choice; pins stay."""
        if abs(scored[nearest].candidate.seconds - ban) < self._gap:
            looks = self._descriptors @ scored[nearest].candidate.still.descriptor
            self._free[self._pinned :] &= (looks < _ALIKE)[self._pinned :]

    def _avoid(self, pictures: Sequence[Still]) -> None:
        """Take what repeats pictures of another title out of the choice, if anything else is left.

        Pins stay.
        """
        repeated = np.zeros(len(self._free), dtype=np.bool_)
        for picture in pictures:
            repeated |= repeats(picture, self._descriptors, self._layouts)
        repeated[: self._pinned] = False
        if (self._free & ~repeated).any():
            self._free &= ~repeated

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
            likeness(self._scored, _PROMISING),
        )
        weights = np.maximum(self._quality, 1e-6) ** 2
        return FacilityLocation(
            alike,
            weights / weights.sum(),
            self._quality[columns],
            count=settings.variants,
            diversity=settings.diversity,
            kinds=[
                one.classified.people if one.classified is not None else None
                for one in self._scored[columns]
            ],
        )


def repeats(picture: Still, descriptors: FloatArray, layouts: npt.NDArray[np.int16]) -> BoolArray:
    """Which pictures repeat one of another film or show another moment of its shot, (pictures,).

    `descriptors` is (pictures, n), `layouts` (pictures, rows, columns, 3).
    """
    looks = descriptors @ picture.descriptor
    layout = np.full(len(looks), np.inf)
    near = looks >= _SAME_VIEW
    layout[near] = layout_difference(picture.layout.astype(np.int16), layouts[near])
    found: BoolArray = (looks >= _SAME_SHOT) | (layout < _ALIKE_LAYOUT)
    return found


def _nearest(seconds: npt.NDArray[np.float64], wanted: float) -> int:
    return int(np.abs(seconds - wanted).argmin())


def _first_of(one: Scored) -> str | None:
    """The name of the most prominent character of a picture."""
    kind = one.classified
    return kind.characters[0] if kind is not None and kind.characters else None


def _by_turns(scored: Sequence[Scored], indexes: Sequence[int]) -> list[int]:
    """Indexes in the order: the best candidate of every shot by quality, then the second ones."""
    turns: dict[int, int] = {}
    order = []
    for i in sorted(indexes, key=lambda i: (-scored[i].quality, scored[i].candidate.frame_index)):
        shot = scored[i].candidate.shot
        turns[shot] = turns.get(shot, 0) + 1
        order.append((turns[shot], i))
    return [i for _, i in sorted(order, key=lambda one: one[0])]
