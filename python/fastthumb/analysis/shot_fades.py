"""Fades to and from black or white.

A fade is a straight way (see Note [straight ways]) that ends in a flat picture, with no need
for the flat picture to last: in a fade through black the darkest tick is a turning point. So
the flat ticks are found first, as deep valleys of `gloom` (or of its mirror image for white),
and then the ramp on either side is followed for as long as it goes on in a straight line,
faster than the motion beyond it, while the picture remains the same but for its brightness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastthumb.analysis.shot_ticks import (
    NOISE,
    DoubleArray,
    TickWindow,
    distances,
    similarity,
)

REACH = 48  # longest ramp: 2 s at 24 ticks a second
SETTLE = 8  # ticks to either side among which a flat tick is the flattest
FLOOR = 1.0  # levels above the flattest that still count as flat: coding noise
# What is left of the picture in the valley. A fade through black over an even number of frames
# n never gets darker than a gain of 1 / (n + 1): 1/7 for the shortest.
FLAT_SHARE = 0.15
BLACK = 4.0  # gloom of a picture that is black on its own, not only for a moment
RISE = 3.0  # a valley above BLACK has to be left again, by this factor within SETTLE
LEAST_DISTANCE = 8.0  # between the flat picture and the one that it fades to or from
LEAST_DETAIL = 5.0  # flatness of what fades to white: a gray that brightens is no picture
# A ramp of one or two steps is a cut to black or a flash; a fade takes three.
LEAST_RAMP = 3
STEEPEST = 0.6  # largest step / way of a ramp; above it most of the change is one cut
STRAIGHT = 1.25  # way / distance of a ramp, after allowing for motion
SAME_PICTURE = 0.6  # correlation of the middle of a ramp with its source, moving shots included


@dataclass(frozen=True, slots=True)
class Ramp:
    """Half a fade: the ticks `first`..`last`, the flat one included."""

    first: int
    last: int
    outward: bool  # True: a fade out, `last` is flat. False: a fade in, `first` is flat


def gloom(flatness: DoubleArray, level: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """How far ticks are from all black and from all white; both go linearly with a fade."""
    return flatness + level / 4, flatness + (255 - level) / 4


def is_flat(window: TickWindow, tick: int) -> bool:
    """Whether a tick is black or white all over; False before the window begins."""
    row = tick - window.base
    if row < 0:
        return False
    flatness, level = float(window.flatness[row]), float(window.level[row])
    return flatness + min(level, 255 - level) / 4 <= BLACK


def fade_outs(window: TickWindow, low: int, high: int) -> list[Ramp]:
    """Fades that end in a flat tick in [low, high); SETTLE ticks beyond are read."""
    return _ramps(window, low, high, -1)


def fade_ins(window: TickWindow, low: int, high: int) -> list[Ramp]:
    """Fades that begin in a flat tick in [low, high); REACH + NEIGHBORS ticks beyond are read."""
    return _ramps(window, low, high, 1)


def _ramps(window: TickWindow, low: int, high: int, side: int) -> list[Ramp]:
    """The ramps on one side (-1 before, 1 after) of the flat ticks in [low, high)."""
    ramps, base = [], window.base
    for to_white, depth in enumerate(gloom(window.flatness, window.level)):
        if not len(depth[max(low - base, 0) : high - base]):
            break
        # Nearly always nothing is dark (or bright) enough, and this says so at once.
        if depth[max(low - base, 0) : high - base].min() > FLAT_SHARE * depth.max():
            continue
        for row in _valleys(depth, low - base, high - base, side):
            source = _source(window, depth, row, side, LEAST_DETAIL if to_white else 0.0)
            if source is not None:
                first, last = sorted((row, source - side))
                ramps.append(Ramp(first + base, last + base, side < 0))
    return ramps


def _valleys(depth: DoubleArray, low: int, high: int, side: int) -> list[int]:
    """Rows in [low, high) of the flat ticks whose neighbor on `side` is not as flat."""
    count = len(depth)
    padded = np.concatenate([np.full(SETTLE, np.inf), depth, np.full(SETTLE, np.inf)])
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * SETTLE + 1)
    floor = near.min(axis=1) + FLOOR
    beside = padded[SETTLE + side : SETTLE + side + count]
    flat = (depth <= floor) & (beside > floor) & np.isfinite(beside)
    rows = np.flatnonzero(flat[max(low, 0) : max(high, 0)]) + max(low, 0)
    found = []
    for row in rows:
        ends = depth[max(0, row - SETTLE) : row], depth[row + 1 : row + 1 + SETTLE]
        left = all(not len(end) or end.max() >= RISE * depth[row] for end in ends)
        if depth[row] <= BLACK or left:
            found.append(int(row))
    return found


def _source(
    window: TickWindow, depth: DoubleArray, row: int, side: int, least_detail: float
) -> int | None:
    """Row of the picture on one side from which a straight ramp leads to the flat `row`."""
    far = max(0, row - REACH) if side < 0 else min(len(window) - 1, row + REACH)
    calm = window.calm_before if side < 0 else window.calm_after
    while abs(far - row) >= LEAST_RAMP:
        sources = np.arange(row + side, far + side, side)
        distance = distances(window.picture[sources], window.picture[row])
        way = np.abs(window.path[row] - window.path[sources])
        motion = np.abs(row - sources) * (calm[sources] + NOISE)
        gain = distance - 1.15 * motion - np.maximum(0, way - distance - motion)
        best = int(gain.argmax())
        source = int(sources[best])
        low, high = min(row, source), max(row, source)
        steps = window.step[low + 1 : high + 1]
        if gain[best] <= 0 or high - low < LEAST_RAMP or distance[best] < LEAST_DISTANCE:
            return None
        flat_enough = depth[row] <= FLAT_SHARE * depth[source]
        straight = way[best] <= STRAIGHT * distance[best] + motion[best]
        gradual = steps.max() <= STEEPEST * way[best]
        detailed = window.flatness[source] >= least_detail
        if flat_enough and straight and gradual and detailed and _same_picture(window, row, source):
            return source
        # A longer way may lead through another transition: look again, nearer to the valley.
        far = source - side
    return None


def _same_picture(window: TickWindow, row: int, source: int) -> bool:
    """Whether the middle of a ramp shows what its source shows, only dimmed."""
    if window.flatness[source] < LEAST_DETAIL:
        return True  # a flat gray has nothing to compare
    middle = (row + source) // 2
    return similarity(window.picture[middle], window.picture[source]) >= SAME_PICTURE
