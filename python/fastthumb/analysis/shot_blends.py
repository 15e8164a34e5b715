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
    DoubleArray,
    TickWindow,
    distances,
    similarity,
)

# Lengths tried, about 1 : 1.35 apart, in ticks from the last old picture to the first new one.
LENGTHS = (2, 3, 4, 5, 7, 9, 12, 16, 22, 30, 40)
REACH = LENGTHS[-1] // 2  # ticks to either side of the middle of a transition
WIDEN = 10  # most ticks by which an end is moved when it is settled
APART = 10  # middles closer than this, or than half a length, compete
# Ticks after the middle that must be known before a transition is judged.
LOOKAHEAD = REACH + WIDEN + NEIGHBORS
LEAST_DISTANCE = 12.0  # of the ends; two shots closer than that look like one
LONGEST_WAY = 2.2  # way / distance; true transitions of moving shots reach 1.7
LEAST_GAIN = 6.0
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
    "similarity",  # correlation of the ends' luma: near 1 for a change of exposure
    "share",  # of the cells that change by more than 8 levels: small for a caption
    "bend",  # distance of the ticks in between from the straight blend of the ends
    "unsteady",  # deviation of the steps / their mean
    "log_length",
    "log_unmatched",  # compensated difference inside / beside
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
        low, base = self._done, window.base
        if end <= low:
            return
        for length in LENGTHS:
            after = np.arange(max(low, base + length), end)
            if not len(after):
                continue
            j, i = after - base, after - base - length
            distance = distances(window.picture[j], window.picture[i])
            way = window.path[j] - window.path[i]
            motion = length * 0.5 * (window.calm_before[i] + window.calm_after[j])
            # Net of three quarters of the motion beside it: all of it would hide transitions
            # between two moving shots, whose motions the blend itself damps.
            gain = distance - 0.75 * motion - np.maximum(0, way - distance - motion)
            gain[(distance < LEAST_DISTANCE) | (way > LONGEST_WAY * distance)] = _NOTHING
            middle = after - (length + 1) // 2 - self._base
            better = np.flatnonzero(gain > self._gain[middle])
            self._gain[middle[better]] = gain[better]
            self._ends[middle[better], 0] = i[better] + base
            self._ends[middle[better], 1] = j[better] + base
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
                found.append(Blend(before, after, features(window, before, after)))
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
    calm_before = window.calm_before[firsts[0]] + 0.15
    calm_after = window.calm_after[lasts[-1]] + 0.15
    distance = distances(window.picture[firsts][:, None], window.picture[lasts][None])
    way = window.path[lasts][None] - window.path[firsts][:, None]
    middle = (i + j) / 2
    motion = (middle - firsts[:, None]) * calm_before + (lasts[None] - middle) * calm_after
    gain = distance - 1.15 * motion - np.maximum(0, way - distance - motion)
    gain[lasts[None] - firsts[:, None] < LENGTHS[0]] = _NOTHING
    best = np.unravel_index(int(gain.argmax()), gain.shape)
    return int(firsts[best[0]]) + base, int(lasts[best[1]]) + base


def features(window: TickWindow, before: int, after: int) -> tuple[float, ...]:
    """The values of FEATURES for a transition between two ticks."""
    i, j = before - window.base, after - window.base
    length = j - i
    start, end = window.picture[i], window.picture[j]
    change = np.abs(end - start)
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
        (way - length * 0.5 * (calm_before + calm_after)) / distance,
        float(steps.max()) / way,
        calm_before * length / distance,
        calm_after * length / distance,
        similarity(start, end),
        float((change[:LUMA_CELLS] > 8 / LUMA_CELLS).mean()),
        float(bend) / distance,
        float(steps.std() / steps.mean()),
        float(np.log(length)),
        float(np.log((inside + 1) / (np.mean(beside) + 1))),
        float(np.log(min(window.flatness[i], window.flatness[j]) + 1)),
        float(np.log((window.detail[quarters].mean() + 10) / (detail + 10))),
    )
