"""From what the detectors found to the film's edits: conflicts, and fades in two halves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["start", "cut", "fade", "dissolve", "wipe"]

HOLD = 12  # ticks, 1/2 s: black that lasts longer between two pictures is a shot of its own
NEAR = 2  # ticks; of two cuts as close as this, one is an echo of the other
CLEAR = 2  # ticks after a gradual transition in which its own end may look like a cut
OVERLAP = 2  # ticks that two gradual transitions may share and be both true


@dataclass(frozen=True, slots=True)
class Found:
    """What a detector found. `first`..`last` are the blended ticks; of a cut, both are its tick."""

    kind: Kind
    first: int
    last: int
    score: float  # log odds; infinite for the ramps of shot_fades, that have their own tests
    to_black: bool = False  # ends in a picture that is black or white all over
    from_black: bool = False  # begins in one


@dataclass(slots=True)
class Edit:
    """How one shot begins. `first` is its first tick; `last` the last one of the transition."""

    kind: Kind
    first: int
    last: int  # first - 1 where nothing is blended


def without_conflicts(found: Sequence[Found]) -> list[Found]:
    """What can be true at the same time, in order of time.

    Gradual edits come first, by their score, then cuts: the edges of a wipe look like cuts.
    """
    kept: list[Found] = []
    for item in sorted(found, key=lambda f: (f.kind == "cut", -f.score, f.first, f.last)):
        if not any(conflict(item, other) for other in kept):
            kept.append(item)
    return sorted(kept, key=lambda f: (f.first, f.last))


def conflict(item: Found, other: Found) -> bool:
    """Whether `item` cannot be true beside `other`, which ranks at least as high."""
    if item.kind != "cut":
        return min(item.last, other.last) - max(item.first, other.first) >= OVERLAP
    if other.kind == "cut":
        return abs(item.first - other.first) <= NEAR
    # A cut may lead into black just before a fade in, and out of it just after a fade out.
    low = other.first if other.from_black else other.first - 1
    high = other.last if other.to_black else other.last + CLEAR
    return low < item.first <= high if other.from_black else low <= item.first <= high


class EditLine:
    """Lays the edits of a film one after the other.

    A fade through black is found as two halves, a fade into black and one out of it, or as one
    half and a cut. Where the black between lasts less than HOLD, that is one edit; where it
    lasts longer, the black is a shot.
    """

    def __init__(self, begins_black: bool) -> None:
        self.current = Edit("start", 0, -1)
        self._black_since: int | None = 0 if begins_black else None

    def take(self, found: Found) -> Edit | None:
        """The new edit, or None where `found` belongs to the current one; in order of time."""
        current, black_since = self.current, self._black_since
        self._black_since = found.last if found.to_black else None
        if found.first <= 0 and found.kind == "cut":
            return None
        if black_since is not None and found.first - black_since < HOLD:
            last = found.first - 1 if found.kind == "cut" else found.last
            if current.kind == "fade":
                current.last = max(current.last, last)
            elif current.kind == "start" and found.kind != "cut":
                current.kind, current.last = "fade", last  # the film fades in
            return None
        first = max(found.first, current.last + 1)
        last = found.first - 1 if found.kind == "cut" else max(found.last, first)
        self.current = Edit(found.kind, first, last)
        return self.current
