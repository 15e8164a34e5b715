"""Hard cuts: one step that is larger than its neighbors, to a picture that stays.

Three things look like a cut from one frame to the next and are not: fast motion (the steps
around it are as large, and block motion explains much of it), a flash or an object passing (the
old picture comes back), and a change of exposure (the new picture is the old one with another
gain). Each candidate is measured for all three, and a small network decides; see shot_weights.py
for its numbers and bench/fit_shots.py for where they come from. Comparing a step with
its neighborhood follows Yeo and Liu (1995, "Rapid scene analysis on compressed video").
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from statistics import median

import numpy as np

from fastthumb.analysis.shot_ticks import LUMA_CELLS, DoubleArray, FloatArray, TickWindow, distances

CONTEXT = 8  # ticks to either side: 1/3 s, enough for the slowest repeat of a 10 fps source
SIDE = 6  # ticks to either side among which the most similar picture is looked for
STAY = 3  # ticks on either side that must belong to two different pictures
BLAST = 16  # ticks, 2/3 s: how long an explosion may light the picture
FLASH = 5  # ticks within which an old picture that comes back means a flash: 1/5 s
LOOKAHEAD = max(CONTEXT, BLAST)  # ticks after a cut that must be known before it is judged
PEAK = 2  # a candidate is the largest step within so many ticks
LEAST_STEP = 2.5  # of the picture distance; below it two pictures look the same
LEAST_RISE = 0.85  # log of the step over the median of its context; true cuts begin at 1.0
LEAST_LOSS = 0.45  # the same of the compensated difference; true cuts begin at 0.58

FEATURES = (
    "unmatched_over_before",  # log of the compensated difference over the context's largest
    "unmatched_over_after",
    "unmatched_over_median",  # over the median of the whole context
    "step_over_before",  # log of the step over the context's largest
    "step_over_after",
    "step_over_median",
    "log_apart",  # least distance of any of STAY old pictures to any of STAY new ones
    "apart_over_within_before",  # over the motion within the STAY old pictures
    "apart_over_within_after",
    "apart_over_nearest_before",  # over the usual distance of a picture to the one most like
    "apart_over_nearest_after",  # it on its own side: small for lights that flicker, or a shake
    "comes_back",  # least distance to the same picture, within FLASH, over the step
    "comes_back_later",  # the same within BLAST: an explosion lights the picture for longer
    "log_unlike",  # of 1 - correlation of luma across the step
    "left",  # log of the luma change that a new gain and offset do not explain ...
    "left_over_motion",  # ... over the motion beside
    "left_share",  # ... / step
    "spread",  # of the luma change over the cells, 1 = even: small for a caption that appears
    "log_chroma",
    "log_unmatched",
)
_COMES_BACK = FEATURES.index("comes_back")
LEAST_RETURN = 0.25  # of that; below it the picture is back at once. True cuts begin at 0.5


@dataclass(frozen=True, slots=True)
class Cut:
    """A candidate: the first tick of the new picture, and its features."""

    tick: int
    features: tuple[float, ...]


def candidates(window: TickWindow, low: int, high: int) -> list[Cut]:
    """Steps that stand out, for ticks in [low, high) by number; CONTEXT ticks beyond are read."""
    base, step, unmatched = window.base, window.step, window.unmatched
    rows = np.arange(max(low - base, 1), high - base)
    rows = rows[step[rows] >= LEAST_STEP]
    found = []
    for row in rows.tolist():
        start = max(1, row - PEAK)
        if start + int(step[start : row + PEAK + 1].argmax()) != row:
            continue
        rises = _log_ratio(float(step[row]), _median_beside(step, row)) >= LEAST_RISE
        loss = _log_ratio(float(unmatched[row]), _median_beside(unmatched, row))
        if rises and loss >= LEAST_LOSS:
            values = features(window, row + base)
            if values[_COMES_BACK] >= LEAST_RETURN:
                found.append(Cut(row + base, values))
    return found


def features(window: TickWindow, tick: int) -> tuple[float, ...]:
    """The values of FEATURES for a cut before `tick`."""
    row = tick - window.base
    step, unmatched, picture = window.step, window.unmatched, window.picture
    near = picture[max(0, row - SIDE) : row + SIDE]
    split = min(row, SIDE)
    table = distances(near[:, None], near[None])
    apart = float(table[max(0, split - STAY) : split, split : split + STAY].min())
    within_old = float(table[max(0, split - STAY) : split, split - 1].max())
    within_new = float(table[split : split + STAY, split].max())
    np.fill_diagonal(table, np.inf)
    nearest_old = _nearest(table[:split, :split])
    nearest_new = _nearest(table[split:, split:])
    size, lost = float(step[row]), float(unmatched[row])
    back = distances(picture[row + 1 : row + 1 + BLAST], near[split - 1])
    forth = distances(picture[max(0, row - 1 - BLAST) : row - 1], near[split])[::-1]
    before, after = slice(max(1, row - CONTEXT), row), slice(row + 1, row + 1 + CONTEXT)
    motion = max(within_old, within_new)
    a, b = near[split - 1], near[split]
    chroma = float(np.abs(a[LUMA_CELLS:] - b[LUMA_CELLS:]).sum())
    change = np.abs(a[:LUMA_CELLS] - b[:LUMA_CELLS])
    spread = float(change.sum()) ** 2 / (LUMA_CELLS * float(change @ change) + 1e-9)
    alike, left = _fit_gain(a[:LUMA_CELLS], b[:LUMA_CELLS])
    return (
        _log_ratio(lost, _largest(unmatched[before])),
        _log_ratio(lost, _largest(unmatched[after])),
        _log_ratio(lost, _median_beside(unmatched, row)),
        _log_ratio(size, _largest(step[before])),
        _log_ratio(size, _largest(step[after])),
        _log_ratio(size, _median_beside(step, row)),
        float(np.log1p(apart)),
        _log_ratio(apart, within_old),
        _log_ratio(apart, within_new),
        _log_ratio(apart, nearest_old),
        _log_ratio(apart, nearest_new),
        _return(back[:FLASH], forth[:FLASH], size),
        _return(back, forth, size),
        float(np.log(1.03 - alike)),
        float(np.log1p(left)),
        _log_ratio(left, motion),
        left / (size + 1e-6),
        spread,
        float(np.log1p(chroma)),
        float(np.log1p(lost)),
    )


def _fit_gain(a: FloatArray, b: FloatArray) -> tuple[float, float]:
    """Correlation of two lumas, and their distance after fitting b = gain * a + offset."""
    x, y = a - a.mean(), b - b.mean()
    xx, yy, xy = float(x @ x), float(y @ y), float(x @ y)
    norm = float(np.sqrt(xx * yy))
    gain = max(0.0, xy / xx) if xx > 1e-9 else 0.0
    return (xy / norm if norm > 1e-6 else 0.0), float(np.abs(y - np.float32(gain) * x).sum())


def _return(back: FloatArray, forth: FloatArray, size: float) -> float:
    """Least of the distances to the picture on the other side, over the step; at most 2."""
    least = min((float(side.min()) for side in (back, forth) if len(side)), default=2 * size)
    return min(2.0, least / (size + 1))


def _nearest(table: FloatArray) -> float:
    """Median distance of a picture to the one most like it; 0 for fewer than two pictures."""
    return float(np.median(table.min(axis=1))) if len(table) > 1 else 0.0


def _median_beside(values: DoubleArray, row: int) -> float:
    """Median of the context of a row without the row itself."""
    before = values[max(1, row - CONTEXT) : row].tolist()
    beside = before + values[row + 1 : row + 1 + CONTEXT].tolist()
    return median(beside) if beside else 0.0


def _largest(values: DoubleArray) -> float:
    return float(values.max()) if len(values) else 0.0


def _log_ratio(value: float, other: float) -> float:
    # Plus one level each: below that, differences are noise and coding.
    return log((value + 1) / (other + 1))
