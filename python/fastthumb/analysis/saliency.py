"""Where a picture draws the eye, without a network.

A cell stands out by how its color differs from the frame's border, which is background more
often than not, by how its color differs from the picture as a whole, and by how much fine
detail it holds: a lens is focused on the subject. In a film it also stands out by moving while
most of the frame does not. The border as background follows Wei et al.,
"Geodesic saliency using background priors" (ECCV 2012); the distance from the mean color is
the frequency-tuned saliency of Achanta et al. (CVPR 2009).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ROWS, COLUMNS = 18, 32

FloatArray = npt.NDArray[np.float32]

# Weights of the three cues and the pull of the middle; chosen on photographs with annotated
# objects, where the focal point lies in an object of 79 % of them (the middle: 74 %).
_BORDER, _GLOBAL, _DETAIL = 0.65, 0.10, 0.25
_CORNER = 0.25
# A CIELAB distance from which a cell is as different as can be; below it, contrast is weak.
_FULL_CONTRAST = 45.0
_ACTIVITY = 0.5  # beside the three, where the film moves: a subject before a still background
_ACTIVITY_FULL = 12.0  # grey levels of spread over some seconds, where much moves
_DETAIL_FULL = 14.0  # mean gradient in grey levels per pixel of a richly textured cell
# The most salient region is what reaches this share of the strongest cell.
_REGION_LEVEL = 0.55
# Cells whose strongest cue stays below this are flat: nothing stands out in such a picture.
_NOTHING = 0.04


@dataclass(frozen=True, slots=True)
class Saliency:
    """What stands out in a picture.

    `map` is uint8 (18, 32), 255 where the eye goes first, all zero where nothing stands out.
    `focal_point` is (x, y) in shares of the picture, the middle where nothing stands out.
    `region` is the connected most salient region, bool (18, 32); `concentration` is the share
    of all saliency inside it, 0..1.
    """

    map: npt.NDArray[np.uint8]
    focal_point: tuple[float, float]
    region: npt.NDArray[np.bool_]
    concentration: float

    @property
    def subject_share(self) -> float:
        """Share of the picture's area that the most salient region covers."""
        return float(self.region.mean())


def find_saliency(
    lab: FloatArray, detail: FloatArray, activity: FloatArray | None = None
) -> Saliency:
    """Saliency of a picture given as cells.

    `lab` is float32 (18, 32, 3), mean CIELAB of each cell; `detail` is float32 (18, 32), mean
    gradient of luma in each cell, grey levels per pixel; `activity`, of the same shape, is how
    many grey levels each cell changes in the film around the picture, None where not known.
    """
    cells = lab.reshape(-1, 3)
    far = np.minimum(_border_distance(lab), _FULL_CONTRAST) / _FULL_CONTRAST
    off_mean = np.sqrt(((cells - cells.mean(axis=0)) ** 2).sum(axis=1)).reshape(ROWS, COLUMNS)
    off_mean = np.minimum(off_mean, _FULL_CONTRAST) / _FULL_CONTRAST
    # Detail that is everywhere is texture, not a subject: only what exceeds the median counts.
    sharp = np.maximum(detail - np.median(detail), 0.0) / _DETAIL_FULL
    raw = _BORDER * far + _GLOBAL * off_mean + _DETAIL * np.minimum(sharp, 1.0)
    if activity is not None:
        raw = raw + _ACTIVITY * np.minimum(activity / _ACTIVITY_FULL, 1.0)
    raw = _blur(raw.astype(np.float32)) * _CENTER
    top = float(raw.max())
    if top < _NOTHING:
        nothing = np.zeros((ROWS, COLUMNS), dtype=bool)
        return Saliency(nothing.astype(np.uint8), (0.5, 0.5), nothing, 0.0)
    scaled = np.maximum(raw - raw.min(), 0.0) / (top - float(raw.min()))
    region = _region_of_peak(scaled >= _REGION_LEVEL, scaled)
    weights = np.where(region, scaled, 0.0)
    total = float(weights.sum())
    y = float((weights.sum(axis=1) * (np.arange(ROWS) + 0.5)).sum() / total / ROWS)
    x = float((weights.sum(axis=0) * (np.arange(COLUMNS) + 0.5)).sum() / total / COLUMNS)
    levels = np.rint(255.0 * scaled).astype(np.uint8)
    return Saliency(levels, (x, y), region, total / float(scaled.sum()))


def _border_distance(lab: FloatArray) -> FloatArray:
    """Distance of every cell from the border's colors: mean over the nearest quarter of it.

    The bottom row is left out: subjects stand on it.
    """
    border = np.concatenate([lab[0], lab[1:, 0], lab[1:, -1]])
    cells = lab.reshape(-1, 3)
    squared = (
        (cells**2).sum(axis=1)[:, None] + (border**2).sum(axis=1)[None] - 2.0 * cells @ border.T
    )
    nearest = len(border) // 4
    squared.partition(nearest, axis=1)
    distance = np.sqrt(np.maximum(squared[:, :nearest], 0.0)).mean(axis=1)
    distances: FloatArray = distance.reshape(ROWS, COLUMNS).astype(np.float32)
    return distances


def _blur(cells: FloatArray) -> FloatArray:
    """The cells smoothed by (1 2 1) / 4 along both sides, edges repeated."""
    down = 2.0 * cells
    down[1:] += cells[:-1]
    down[:-1] += cells[1:]
    down[0] += cells[0]
    down[-1] += cells[-1]
    both = 2.0 * down
    both[:, 1:] += down[:, :-1]
    both[:, :-1] += down[:, 1:]
    both[:, 0] += down[:, 0]
    both[:, -1] += down[:, -1]
    smooth: FloatArray = (both / 16.0).astype(np.float32)
    return smooth


def _region_of_peak(mask: npt.NDArray[np.bool_], strength: FloatArray) -> npt.NDArray[np.bool_]:
    """The 8-connected part of `mask` that holds the largest sum of `strength`."""
    # On a grid two columns wider, a step across the edge lands on a column that is never marked.
    wide = COLUMNS + 2
    padded = np.zeros((ROWS, wide), dtype=bool)
    padded[:, 1:-1] = mask
    left = set(np.flatnonzero(padded).tolist())
    weights = dict(zip(left, np.pad(strength, ((0, 0), (1, 1))).ravel()[list(left)], strict=True))
    best: list[int] = []
    best_weight = -1.0
    for start in sorted(left):
        if start not in left:
            continue
        left.discard(start)
        part = [start]
        for cell in part:
            for step in (-wide - 1, -wide, -wide + 1, -1, 1, wide - 1, wide, wide + 1):
                if cell + step in left:
                    left.discard(cell + step)
                    part.append(cell + step)
        weight = sum(weights[cell] for cell in part)
        if weight > best_weight:
            best, best_weight = part, weight
    region = np.zeros(ROWS * wide, dtype=bool)
    region[best] = True
    return region.reshape(ROWS, wide)[:, 1:-1]


def _center_prior() -> FloatArray:
    """Preference for the middle, where things are shown: 1 there, 0.25 in the corners."""
    y = (np.arange(ROWS) + 0.5) / ROWS - 0.5
    x = (np.arange(COLUMNS) + 0.5) / COLUMNS - 0.5
    squared = (y[:, None] ** 2 + x[None] ** 2) / 0.5
    prior: FloatArray = np.exp(np.log(_CORNER) * squared).astype(np.float32)
    return prior


_CENTER = _center_prior()
