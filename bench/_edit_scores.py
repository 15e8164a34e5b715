"""Edits that were found against edits that are there: matching, precision, recall, F1.

Matching is one to one, as in TRECVID's shot boundary task (Smeaton, Over and Doherty 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Span = tuple[int, int]
FLASH_FRAMES = 1  # a cut this near to a flash frame was taken from the flash


class ShotLike(Protocol):
    """A shot, of the analysis or of title.json."""

    @property
    def start_frame(self) -> int: ...
    @property
    def transition(self) -> str: ...
    @property
    def transition_start_frame(self) -> int | None: ...
    @property
    def transition_end_frame(self) -> int | None: ...


@dataclass(slots=True)
class Edits:
    """The edits of a film: first frames of new shots, and (first, last) blended frames."""

    cuts: list[int]
    graduals: list[Span]


@dataclass(slots=True)
class Count:
    """Right, reported and true; adds up over films."""

    right: int = 0
    reported: int = 0
    true: int = 0

    def __iadd__(self, other: Count) -> Count:
        self.right += other.right
        self.reported += other.reported
        self.true += other.true
        return self

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.reported + self.true) if self.reported + self.true else 1.0

    def as_dict(self) -> dict[str, float]:
        precision = self.right / self.reported if self.reported else 1.0
        recall = self.right / self.true if self.true else 1.0
        numbers = {"precision": precision, "recall": recall, "f1": self.f1}
        return {name: round(value, 4) for name, value in numbers.items()} | {
            "right": self.right, "reported": self.reported, "true": self.true,
        }  # fmt: skip


@dataclass
class Score:
    """What one detector found of one film, or of several."""

    cuts: Count = field(default_factory=Count)
    cuts_within_1: Count = field(default_factory=Count)
    graduals: Count = field(default_factory=Count)
    by_kind: dict[str, Count] = field(default_factory=dict)
    flashes_as_cuts: int = 0
    flashes: int = 0

    def __iadd__(self, other: Score) -> Score:
        self.cuts += other.cuts
        self.cuts_within_1 += other.cuts_within_1
        self.graduals += other.graduals
        for kind, count in other.by_kind.items():
            self.by_kind.setdefault(kind, Count()).__iadd__(count)
        self.flashes_as_cuts += other.flashes_as_cuts
        self.flashes += other.flashes
        return self

    def as_dict(self) -> dict[str, Any]:
        return {
            "cuts": self.cuts.as_dict(),
            "cuts_within_1": self.cuts_within_1.as_dict(),
            "graduals": self.graduals.as_dict(),
            "found_by_kind": {kind: [c.right, c.true] for kind, c in self.by_kind.items()},
            "flashes_as_cuts": self.flashes_as_cuts,
            "flashes": self.flashes,
        }


def matched(reported: Sequence[Span], true: Sequence[Span]) -> dict[int, int]:
    """Index of the true span -> index of the reported one, each used once, most overlap first."""
    pairs = sorted(
        (max(a, c) - min(b, d), n, m)
        for n, (a, b) in enumerate(true)
        for m, (c, d) in enumerate(reported)
        if max(a, c) <= min(b, d)
    )
    found: dict[int, int] = {}
    for _overlap, n, m in pairs:
        if n not in found and m not in found.values():
            found[n] = m
    return found


def judge(reported: Edits, truth: dict[str, Any], *, points_only: bool) -> Score:
    """The score of reported edits; `points_only` for a detector that knows no transitions."""
    cuts, graduals = list(reported.cuts), list(reported.graduals)
    true_graduals: list[Span] = [(a, b) for _kind, a, b in truth["graduals"]]
    if points_only:
        inside = matched([(c, c) for c in cuts], [(a, b + 1) for a, b in true_graduals])
        graduals = [true_graduals[n] for n in inside]
        used = set(inside.values())
        cuts = [cut for n, cut in enumerate(cuts) if n not in used]
    flashes = truth.get("flashes", [])
    score = Score(flashes=len(flashes))
    score.flashes_as_cuts = sum(
        any(-FLASH_FRAMES <= cut - flash <= FLASH_FRAMES + 1 for cut in cuts) for flash in flashes
    )
    for tolerance, count in ((0, score.cuts), (1, score.cuts_within_1)):
        spans = [(c - tolerance, c + tolerance) for c in truth["cuts"]]
        right = len(matched([(c, c) for c in cuts], spans))
        count += Count(right, len(cuts), len(spans))
    found = matched(graduals, true_graduals)
    score.graduals = Count(len(found), len(graduals), len(true_graduals))
    for n, (kind, _first, _last) in enumerate(truth["graduals"]):
        score.by_kind.setdefault(kind, Count()).__iadd__(Count(n in found, 0, 1))
    return score


def edits_of(shots: Sequence[ShotLike]) -> Edits:
    """The edits between shots."""
    cuts = [shot.start_frame for shot in shots if shot.transition == "cut"]
    graduals = [
        (shot.transition_start_frame, shot.transition_end_frame)
        for shot in shots
        if shot.transition_start_frame is not None and shot.transition_end_frame is not None
    ]
    return Edits(cuts, graduals)


def agreement(reported: Edits, wanted: Edits) -> Count:
    """Edits found right: cuts on the very frame, gradual transitions that overlap."""
    cuts = matched([(c, c) for c in reported.cuts], [(c, c) for c in wanted.cuts])
    graduals = matched(reported.graduals, wanted.graduals)
    return Count(
        len(cuts) + len(graduals),
        len(reported.cuts) + len(reported.graduals),
        len(wanted.cuts) + len(wanted.graduals),
    )
