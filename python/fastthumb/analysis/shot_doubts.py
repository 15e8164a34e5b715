"""How likely an edit hides between two pictures of which nothing between was decoded.

A camera that moves for two seconds leaves two pictures as far apart as a cut does. What tells the
two apart: the best match after a shift is near, the same colors are there, and no packet between
cost more bits than is usual. A network of eight hidden units weighs it, see shot_weights.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastthumb.analysis.shot_packets import FLAT, PacketEvidence
from fastthumb.analysis.shot_ticks import (
    LUMA_CELLS,
    FloatArray,
    SignalsLike,
    distances,
    pictures,
    similarity,
    unevenness,
)
from fastthumb.analysis.shot_weights import DOUBT_NETWORK

SHIFT_ROWS, SHIFT_COLUMNS = 3, 6  # of a grid's 18 x 32 cells: a fifth of the picture each way

FEATURES = (
    "log_distance",  # of the two pictures
    "log_unlike",  # of 1 - correlation of their luma
    "spread",  # of the change over the cells, 1 = even
    "log_relative",  # distance / sum of the flatness of both
    "log_colors",  # distance of the sorted levels: what moves keeps its colors
    "colors_over_distance",
    "log_moved",  # distance after the best shift
    "moved_over_distance",
    "surge_over_key",  # log of the largest surge between over a keyframe's packet
    "surge_over_usual",  # over the median in the group of pictures
    "surge_over_beside",  # over the upper quartile of the groups around
    "largest_over_key",  # of single packets
    "ahead",  # 1 where the second picture is a keyframe that comes ahead of its turn
    "distance_over_least",  # log of the distance over the lesser of the groups beside ...
    "distance_over_most",  # ... and over the greater
    "distance_over_whole",  # over that of the keyframes around
    "log_ticks",  # between the two
)


@dataclass(frozen=True, slots=True)
class Place:
    """A frame and its picture, as shot_ticks compares them, with its luma and sorted colors."""

    number: int
    picture: FloatArray
    flatness: float
    luma: FloatArray  # (18, 32)
    colors: FloatArray  # (576, 3), each column ascending


@dataclass(frozen=True, slots=True)
class Group:
    """Two neighboring keyframes, and what lies around.

    `beside` is how far the two before and the two after are apart, where there are such;
    `per_tick` how many frames make a tick, see Note [ticks] in shot_ticks.py.
    """

    before: Place
    after: Place
    beside: tuple[float, ...]
    per_tick: int


def place_of(signals: SignalsLike, number: int) -> Place:
    """The picture of a measured frame."""
    grid = signals.grid
    rows = pictures(grid[None])
    colors = np.sort(grid.reshape(-1, 3), axis=0)
    return Place(number, rows[0], float(unevenness(rows)[0]), grid[..., 0], colors)


def apart(one: Place, two: Place) -> float:
    """Picture distance, 0..about 500."""
    return float(distances(one.picture, two.picture))


def doubt(evidence: PacketEvidence, group: Group, one: Place, two: Place) -> float:
    """Log odds that an edit lies after the first place and not after the second.

    At least one of the places is a keyframe of the group.
    """
    return DOUBT_NETWORK.score(features(evidence, group, one, two))


def features(evidence: PacketEvidence, group: Group, one: Place, two: Place) -> tuple[float, ...]:
    """The values of FEATURES for two places of a group."""
    distance, whole = apart(one, two), apart(group.before, group.after)
    change = np.abs(one.picture - two.picture)[:LUMA_CELLS]
    spread = float(change.sum()) ** 2 / (LUMA_CELLS * float(change @ change) + 1e-9)
    colors = float(np.abs(one.colors - two.colors).mean(axis=0).sum())
    moved = _moved(one.luma, two.luma)
    least, most = min(group.beside, default=distance), max(group.beside, default=distance)
    keys = group.before.number, group.after.number
    return (
        float(np.log1p(distance)),
        float(np.log(1.03 - similarity(one.picture, two.picture))),
        spread,
        float(np.log((distance + 0.1) / (one.flatness + two.flatness + FLAT))),
        float(np.log1p(colors)),
        _log_ratio(colors, distance),
        float(np.log1p(moved)),
        _log_ratio(moved, distance),
        *evidence.bits_between(one.number, two.number, *keys),
        _log_ratio(distance, least),
        _log_ratio(distance, most),
        _log_ratio(distance, whole),
        float(np.log(max(1.0, (two.number - one.number) / group.per_tick))),
    )


def _moved(one: FloatArray, two: FloatArray) -> float:
    """Mean difference of the middle of one luma from the place in the other most like it."""
    middle = one[SHIFT_ROWS:-SHIFT_ROWS, SHIFT_COLUMNS:-SHIFT_COLUMNS]
    shifted = np.lib.stride_tricks.sliding_window_view(two, middle.shape)
    return float(np.abs(shifted - middle).mean(axis=(2, 3)).min())


def _log_ratio(value: float, other: float) -> float:
    return float(np.log((value + 1) / (other + 1)))
