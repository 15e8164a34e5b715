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
# Ticks after the middle that must be known before a transition is judged.
LOOKAHEAD = REACH + WIDEN + NEIGHBORS
LEAST_DISTANCE = 12.0  # of the ends; two shots closer than that look like one
LEAST_DETAIL = 5.0  # flatness of one of the ends; between two plain colors nothing dissolves
LONGEST_WAY = 2.2  # way / distance; true transitions of moving shots reach 1.7
LEAST_GAIN = 6.0
# Share of the motion beside a transition that its distance has to exceed per tick: all of it would
# hide transitions between moving shots, whose motions the blend damps; half of it would take in
# the pan before a dissolve.
CHARGE = 0.65
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
    "comes_back",  # least distance of what is beyond one end to the other end, / distance
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
_COMES_BACK = FEATURES.index("comes_back")
LEAST_RETURN = 0.25  # of that; below it the picture of before is back


class BlendScan:
    """Gain of every length at every middle tick, kept beside the window while it slides."""

    def __init__(self) -> None:
        self._done = 0  # number of the first tick not yet tried as the end of a transition
        self._base = 0  # number of the first middle in the table
        self._gain: DoubleArray = np.zeros((len(LENGTHS), 0))

    def extend(self, window: TickWindow, *, closing: bool) -> None:
        """Try all lengths for the transitions that end with the newest ticks."""
        missing = window.end - self._base - self._gain.shape[1]
        fresh = np.full((len(LENGTHS), missing), _NOTHING)
        self._gain = np.concatenate([self._gain, fresh], axis=1)
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
        for row, length in enumerate(LENGTHS):
            column = low - (length + 1) // 2 - self._base
            dropped = min(max(0, -column), len(after))
            self._gain[row, column + dropped :][: len(after) - dropped] = gain[row, dropped:]
        self._done = end

    def candidates(self, window: TickWindow, low: int, high: int) -> list[Blend]:
        """The judged candidates whose middle is in [low, high), ticks by number.

        A candidate is better than what is a little shorter, longer, earlier or later, as in
        scale-space blob detection (Lindeberg 1998).
        """
        found: dict[tuple[int, int], Blend] = {}
        here = self._gain[:, low - self._base : high - self._base]
        hopeful = here > LEAST_GAIN
        # Most fall behind a direct neighbor already; `_is_peak` looks farther.
        hopeful[1:] &= here[1:] >= here[:-1]
        hopeful[:-1] &= here[:-1] >= here[1:]
        hopeful[:, 1:] &= here[:, 1:] >= here[:, :-1]
        hopeful[:, :-1] &= here[:, :-1] >= here[:, 1:]
        for column, row in np.argwhere(hopeful.T).tolist():
            middle = low + column
            if self._is_peak(row, middle - self._base):
                after = middle + (LENGTHS[row] + 1) // 2
                ends = settle(window, after - LENGTHS[row], after)
                if ends not in found and _differ(window, *ends):
                    values = features(window, *ends)
                    if values[_COMES_BACK] >= LEAST_RETURN:
                        found[ends] = Blend(*ends, values)
        return list(found.values())

    def _is_peak(self, row: int, column: int) -> bool:
        """Whether no gain of a similar length and middle is larger."""
        reach = max(2, LENGTHS[row] // 3)
        rows = slice(max(0, row - 1), row + 2)
        near = self._gain[rows, max(0, column - reach) : column + reach + 1]
        return bool(self._gain[row, column] >= near.max())

    def drop(self, number: int) -> None:
        """Forget the middles before `number`."""
        rows = max(0, number - self._base)
        self._gain = self._gain[:, rows:]
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
    gain = distance - CHARGE * motion - np.maximum(0, way - distance - motion)
    gain[lasts[None] - firsts[:, None] < LENGTHS[0]] = _NOTHING
    best = np.unravel_index(int(gain.argmax()), gain.shape)
    return int(firsts[best[0]]) + base, int(lasts[best[1]]) + base


def _differ(window: TickWindow, before: int, after: int) -> bool:
    """Whether two ticks show different things, at least one of them more than a plain color."""
    i, j = before - window.base, after - window.base
    apart = float(distances(window.picture[i], window.picture[j]))
    detailed = max(float(window.flatness[i]), float(window.flatness[j])) >= LEAST_DETAIL
    return detailed and apart >= LEAST_DISTANCE


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
        _return(window, i, j) / distance,
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


def _return(window: TickWindow, i: int, j: int) -> float:
    """Least distance from the ticks before row i to row j's picture, or after j to i's.

    An explosion lights the picture at once and dies away: that ends where it began.
    """
    start, end = window.picture[i], window.picture[j]
    earlier = distances(window.picture[max(0, i - NEIGHBORS) : i + 1], end)
    later = distances(window.picture[j : j + NEIGHBORS + 1], start)
    return float(min(earlier.min(), later.min()))
