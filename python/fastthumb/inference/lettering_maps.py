"""Boxes out of a map of where letters are, as networks of the DB family give it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SMALLEST_SIDE = 3  # cells of the map: what is lower or narrower is noise

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class _Part:
    """A connected part: its rows and columns (ends excluded), sum and count of its cells."""

    top: int
    bottom: int
    left: int
    right: int
    total: float
    count: int

    def __iadd__(self, other: _Part) -> _Part:
        self.top, self.bottom = min(self.top, other.top), max(self.bottom, other.bottom)
        self.left, self.right = min(self.left, other.left), max(self.right, other.right)
        self.total += other.total
        self.count += other.count
        return self


def boxes_of_map(
    map_: npt.NDArray[np.float32], *, threshold: float, box_threshold: float, unclip: float
) -> list[Box]:
    """Upright boxes (x0, y0, x1, y1) of the connected parts of a map above `threshold`, in cells.

    A part counts if the map's mean over it reaches `box_threshold`. The networks are trained on
    shrunken letters: each box grows on every side by its area times `unclip` over its perimeter,
    as the authors do with polygons (Liao et al. 2020). Boxes may reach beyond the map.
    """
    boxes = []
    for part in _parts(map_, threshold):
        height, width = part.bottom - part.top, part.right - part.left
        if min(height, width) < SMALLEST_SIDE or part.total / part.count < box_threshold:
            continue
        growth = height * width * unclip / (2 * (height + width))
        boxes.append(
            (part.left - growth, part.top - growth, part.right + growth, part.bottom + growth)
        )
    return boxes


def _parts(map_: npt.NDArray[np.float32], threshold: float) -> list[_Part]:
    """Connected parts, also over corners: runs of cells join those they touch in the row above."""
    inside = np.zeros((map_.shape[0], map_.shape[1] + 2), np.int8)
    inside[:, 1:-1] = map_ > threshold
    edges = np.diff(inside, axis=1)
    parts: list[_Part] = []
    parent: list[int] = []

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    above: list[tuple[int, int, int]] = []  # first column, the one after the last, part
    last_row = -2
    for row in np.flatnonzero(inside.any(axis=1)).tolist():
        runs = []
        starts, ends = np.flatnonzero(edges[row] == 1), np.flatnonzero(edges[row] == -1)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            mine = len(parts)
            total = float(map_[row, start:end].sum(dtype=np.float64))
            parts.append(_Part(row, row + 1, start, end, total, end - start))
            parent.append(mine)
            for other_start, other_end, other in above if last_row == row - 1 else ():
                if other_start <= end and start <= other_end and (joined := root(other)) != mine:
                    parts[joined] += parts[mine]
                    parent[mine] = joined
                    mine = joined
            runs.append((start, end, mine))
        above, last_row = runs, row
    return [part for index, part in enumerate(parts) if parent[index] == index]
