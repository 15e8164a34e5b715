"""Dissolves and wipes: straight ways from one picture to another.

Note [straight ways]. In a dissolve every cell of the picture goes in a straight line from its
old color to its new one, and in a wipe each cell jumps once. Either way the L1 distances of
neighboring ticks add up to exactly the distance of the two ends: way / distance = 1. Camera and
object motion go back and forth in every cell: the way is several times as long. Two pictures
far apart with a nearly straight way between them are a gradual transition, if the way goes on
faster than the motion beside it. This generalizes the linear-blend tests for dissolves (Hampapur
et al. 1994, "Digital video segmentation"; Lienhart 2001, "Reliable transition detection in
videos") to wipes of any shape, and costs one subtraction per tick and length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastthumb.analysis.shot_ticks import (
    LUMA_CELLS,
    NEIGHBORS,
    NOISE,
    DoubleArray,
    TickWindow,
    distances,
    similarity,
)

# Lengths tried, about 1 : 1.35 apart, in ticks from the last old picture to the first new one.
LENGTHS = (2, 3, 4, 5, 7, 9, 12, 16, 22, 30, 40)
_LENGTHS = np.array(LENGTHS)[:, None]
REACH = LENGTHS[-1] // 2  # ticks to either side of the middle of a transition
WIDEN = 10  # most ticks by which an end is moved when it is settled
APART = 10  # middles closer than this, or than half a length, compete
# Ticks after the middle that must be known before a transition is judged.
LOOKAHEAD = REACH + WIDEN + NEIGHBORS
LEAST_DISTANCE = 12.0  # of the ends; two shots closer than that look like one
LONGEST_WAY = 2.2  # way / distance; true transitions of moving shots reach 1.7
LEAST_GAIN = 6.0
CHARGE = 0.65
SETTLE_CHARGE = 0.55
_NOTHING = -1e9


@dataclass(frozen=True, slots=True)
class Blend:
    """A candidate: the last tick of the old shot and the first of the new, and its features."""

    before: int
    after: int
    features: tuple[float, ...]


FEATURES = (
    "log_distance",  # of the two ends
    "detour",  # way / distance - 1
    "surplus",  # (way - what motion as beside it would make) / distance
    "steepest",  # largest step / way: 1 for a cut
    "motion_before",  # calm_before * length / distance
    "motion_after",
    "log_unlike",  # of 1 - correlation of the ends' luma: small for a change of exposure
    "share",  # of the cells that change by more than 8 levels: small for a caption
    "spread",  # of the change over the cells, 1 = even: small for a caption or a small object
    "bend",  # distance of the ticks in between from the straight blend of the ends
    "unsteady",  # deviation of the steps / their mean
    "log_length",
    "log_unmatched",  # compensated difference inside / beside
    "log_unexplained",  # compensated difference inside / mean step: low for a pan
    "log_relative",  # distance / sum of the ends' flatness: about 1 for unrelated pictures
    "log_flatness",  # of the flatter end
    "detail",  # Laplacian variance inside / mean of the ends
)


class BlendScan:
    """Best candidate per middle tick, kept beside the window while it slides."""

    def __init__(self) -> None:
        self._done = 0  # number of the first tick not yet tried as the end of a transition
        self._base = 0
        self._gain: DoubleArray = np.zeros(0)
        self._ends = np.zeros((0, 2), np.int64)

    def extend(self, window: TickWindow, *, closing: bool) -> None:
        """Try all lengths for the transitions that end with the newest ticks."""
        missing = window.end - self._base - len(self._gain)
        self._gain = np.concatenate([self._gain, np.full(missing, _NOTHING)])
        self._ends = np.concatenate([self._ends, np.zeros((missing, 2), np.int64)])
        end = window.end if closing else window.end - NEIGHBORS
        low, base = max(self._done, window.base + LENGTHS[0]), window.base
        if end <= low:
            return
        # One row per length, one column per tick that may be the first of the new picture.
        after = np.arange(low, end)
        j = np.broadcast_to(after - base, (len(LENGTHS), len(after)))
        i = j - _LENGTHS
        beyond = i < 0
        i = np.maximum(i, 0)
        distance = distances(window.picture[j[0]], window.picture[i])
        way = window.path[j] - window.path[i]
        motion = _LENGTHS * (NOISE + 0.5 * (window.calm_before[i] + window.calm_after[j]))
        gain = distance - CHARGE * motion - np.maximum(0, way - distance - motion)
        gain[beyond | (distance < LEAST_DISTANCE) | (way > LONGEST_WAY * distance)] = _NOTHING
        # The same by the tick in the middle of the transition.
        first = low - _LENGTHS[-1, 0] // 2
        by_middle = np.full((len(LENGTHS), end - first), _NOTHING)
        for row, length in enumerate(LENGTHS):
            column = low - (length + 1) // 2 - first
            by_middle[row, column : column + len(after)] = gain[row]
        best = by_middle.argmax(axis=0)
        rows = np.arange(max(first, self._base), end) - self._base
        best = best[-len(rows) :]
        best_gain = by_middle[best, np.arange(by_middle.shape[1])[-len(rows) :]]
        better = np.flatnonzero(best_gain > self._gain[rows])
        rows, lengths = rows[better], _LENGTHS[best[better], 0]
        self._gain[rows] = best_gain[better]
        self._ends[rows, 1] = rows + self._base + (lengths + 1) // 2
        self._ends[rows, 0] = self._ends[rows, 1] - lengths
        self._done = end

    def candidates(self, window: TickWindow, low: int, high: int) -> list[Blend]:
        """The judged candidates whose middle is in [low, high), ticks by number."""
        gain, found = self._gain, []
        for middle in low + np.flatnonzero(gain[low - self._base : high - self._base] > LEAST_GAIN):
            row = middle - self._base
            before, after = (int(end) for end in self._ends[row])
            reach = min(APART, max(2, (after - before) // 2))
            rivals = gain[max(0, row - reach) : row + reach + 1]
            if gain[row] >= rivals.max() and int(rivals.argmax()) == min(row, reach):
                before, after = settle(window, before, after)
                blend = Blend(before, after, features(window, before, after))
                if blend.features[0] >= np.log(LEAST_DISTANCE):
                    found.append(blend)
        return found

    def drop(self, number: int) -> None:
        """Forget the middles before `number`."""
        rows = max(0, number - self._base)
        self._gain, self._ends = self._gain[rows:], self._ends[rows:]
        self._base += rows


def settle(window: TickWindow, before: int, after: int) -> tuple[int, int]:
    """Move both ends to where the surplus over the motion beside them is largest.

    An end that lies inside the transition gains by moving out, since a blended tick moves on
    faster than the shot; outside, each tick costs a little more than the motion it adds.
    """
    base, count = window.base, len(window)
    i, j = before - base, after - base
    reach = min(WIDEN, max(2, (j - i) // 3))
    firsts = np.arange(max(0, i - reach), min(i + reach + 1, j))
    lasts = np.arange(max(j - reach, i + 1), min(count, j + reach + 1))
    # At its ends a transition changes by about one step; the window beyond is ordinary motion.
    calm_before = window.calm_before[firsts[0]] + NOISE
    calm_after = window.calm_after[lasts[-1]] + NOISE
    distance = distances(window.picture[firsts][:, None], window.picture[lasts][None])
    way = window.path[lasts][None] - window.path[firsts][:, None]
    middle = (i + j) / 2
    motion = (middle - firsts[:, None]) * calm_before + (lasts[None] - middle) * calm_after
    gain = distance - SETTLE_CHARGE * motion - np.maximum(0, way - distance - motion)
    gain[lasts[None] - firsts[:, None] < LENGTHS[0]] = _NOTHING
    best = np.unravel_index(int(gain.argmax()), gain.shape)
    return int(firsts[best[0]]) + base, int(lasts[best[1]]) + base


def features(window: TickWindow, before: int, after: int) -> tuple[float, ...]:
    """The values of FEATURES for a transition between two ticks."""
    i, j = before - window.base, after - window.base
    length = j - i
    start, end = window.picture[i], window.picture[j]
    change = np.abs(end - start)
    luma = change[:LUMA_CELLS]
    distance = float(change.sum())
    way = float(window.path[j] - window.path[i])
    steps = window.step[i + 1 : j + 1]
    calm_before, calm_after = float(window.calm_before[i]), float(window.calm_after[j])
    beside = [*window.unmatched[max(0, i - 5) : i + 1], *window.unmatched[j + 1 : j + 7]]
    inside = window.unmatched[i + 1 : j + 1].mean()
    quarters = np.array([(i * (4 - k) + j * k) // 4 for k in (1, 2, 3)])
    share = ((quarters - i) / length).astype(np.float32)[:, None]
    straight = start * (1 - share) + end * share
    bend = distances(window.picture[quarters], straight).mean()
    detail = 0.5 * (window.detail[i] + window.detail[j])
    return (
        float(np.log(distance)),
        way / distance - 1,
        max(-2.0, (way - length * 0.5 * (calm_before + calm_after)) / distance),
        float(steps.max()) / way,
        min(3.0, calm_before * length / distance),
        min(3.0, calm_after * length / distance),
        float(np.log(1.03 - similarity(start, end))),
        float((luma > 8 / LUMA_CELLS).mean()),
        float(luma.sum()) ** 2 / (LUMA_CELLS * float(luma @ luma) + 1e-9),
        float(bend) / distance,
        float(steps.std() / steps.mean()),
        float(np.log(length)),
        float(np.log((inside + 1) / (np.mean(beside) + 1))),
        float(np.log((inside + 0.5) / (way / length + 0.5))),
        float(np.log(distance / (window.flatness[i] + window.flatness[j] + 5))),
        float(np.log(min(window.flatness[i], window.flatness[j]) + 1)),
        float(np.log((window.detail[quarters].mean() + 10) / (detail + 10))),
    )
