"""Hard cuts: one step that is larger than its neighbors, to a picture that stays.

Three things look like a cut from one frame to the next and are not: fast motion (the steps
around it are as large, and block motion explains much of it), a flash or an object passing (the
old picture comes back), and a change of exposure (the new picture is the old one with another
gain). Each candidate is measured for all three, and a logistic function of the measurements
decides; its weights were fitted on composed films, see shot_weights.py. Comparing a step with
its neighborhood follows Yeo and Liu (1995, "Rapid scene analysis on compressed video").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastthumb.analysis.shot_ticks import LUMA_CELLS, FloatArray, TickWindow, distances

CONTEXT = 8  # ticks to either side: 1/3 s, enough for the slowest repeat of a 10 fps source
STAY = 3  # ticks on either side that must belong to two different pictures
FLASH = 5  # ticks within which an old picture that comes back means a flash: 1/5 s
PEAK = 2  # a candidate is the largest step within so many ticks
LEAST_STEP = 2.5  # of the picture distance; below it two pictures look the same
LEAST_RISE = 1.15  # over the median step of the context

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
    "comes_back",  # least distance to the same picture, within FLASH, over the step
    "similarity",  # correlation of luma across the step
    "regained",  # log of what is left after fitting gain and offset, over the motion beside
    "log_chroma",
    "log_unmatched",
    "brightness",  # change of mean luma / step
)


@dataclass(frozen=True, slots=True)
class Cut:
    """A candidate: the first tick of the new picture, and its features."""

    tick: int
    features: tuple[float, ...]


def candidates(window: TickWindow, low: int, high: int) -> list[Cut]:
    """Steps that stand out, for ticks in [low, high) by number; CONTEXT ticks beyond are read."""
    base, step = window.base, window.step
    rows = np.arange(max(low - base, 1), high - base)
    if not len(rows):
        return []
    rows = rows[step[rows] >= LEAST_STEP]
    found = []
    for row in rows:
        peak = step[max(1, row - PEAK) : row + PEAK + 1]
        if step[row] < peak.max() or int(peak.argmax()) != min(row - 1, PEAK):
            continue
        if step[row] >= LEAST_RISE * _median(_beside(step, int(row))):
            found.append(Cut(int(row) + base, features(window, int(row) + base)))
    return found


def features(window: TickWindow, tick: int) -> tuple[float, ...]:
    """The values of FEATURES for a cut before `tick`."""
    row, count = tick - window.base, len(window)
    step, unmatched, picture = window.step, window.unmatched, window.picture
    old, new = picture[max(0, row - STAY) : row], picture[row : row + STAY]
    across = distances(old[:, None], new[None])
    apart = float(across.min())
    within_old = float(distances(old, old[-1]).max())
    within_new = float(distances(new, new[0]).max())
    size, lost = float(step[row]), float(unmatched[row])
    returns = [
        distances(picture[row + 1 : min(count, row + 1 + FLASH)], old[-1]),
        distances(picture[max(0, row - 1 - FLASH) : row - 1], new[0]),
    ]
    back = min((float(group.min()) for group in returns if len(group)), default=2 * size)
    before, after = slice(max(1, row - CONTEXT), row), slice(row + 1, row + 1 + CONTEXT)
    motion = max(within_old, within_new)
    a, b = old[-1], new[0]
    chroma = float(np.abs(a[LUMA_CELLS:] - b[LUMA_CELLS:]).sum())
    alike, left = _fit_gain(a[:LUMA_CELLS], b[:LUMA_CELLS])
    brightness = abs(float(a[:LUMA_CELLS].sum()) - float(b[:LUMA_CELLS].sum()))
    return (
        _log_ratio(lost, _largest(unmatched[before])),
        _log_ratio(lost, _largest(unmatched[after])),
        _log_ratio(lost, _median(_beside(unmatched, row))),
        _log_ratio(size, _largest(step[before])),
        _log_ratio(size, _largest(step[after])),
        _log_ratio(size, _median(_beside(step, row))),
        float(np.log1p(apart)),
        _log_ratio(apart, within_old),
        _log_ratio(apart, within_new),
        min(2.0, back / (size + 1)),
        alike,
        _log_ratio(left, motion),
        float(np.log1p(chroma)),
        float(np.log1p(lost)),
        brightness / (size + 1e-6),
    )


def _fit_gain(a: FloatArray, b: FloatArray) -> tuple[float, float]:
    """Correlation of two lumas, and their distance after fitting b = gain * a + offset."""
    x, y = a - a.mean(), b - b.mean()
    xx, yy, xy = float(x @ x), float(y @ y), float(x @ y)
    norm = float(np.sqrt(xx * yy))
    gain = max(0.0, xy / xx) if xx > 1e-9 else 0.0
    return (xy / norm if norm > 1e-6 else 0.0), float(np.abs(y - np.float32(gain) * x).sum())


def _beside(values: np.ndarray, row: int) -> np.ndarray:
    """The context of a row without the row itself."""
    low = max(1, row - CONTEXT)
    return np.delete(values[low : row + 1 + CONTEXT], row - low)


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else 0.0


def _largest(values: np.ndarray) -> float:
    return float(values.max()) if len(values) else 0.0


def _log_ratio(value: float, other: float) -> float:
    # Plus one level each: below that, differences are noise and coding.
    return float(np.log((value + 1) / (other + 1)))
