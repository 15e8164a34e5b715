"""Where to cut a picture for another shape: poster, square, banner."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from fastthumb.errors import SettingsError

Box = tuple[int, int, int, int]
UnitBox = tuple[float, float, float, float]

# Where a focal point sits well, as a share of the crop's side. A subject low in a wide crop looks
# sunk, so the lower third is no target along the vertical.
_TARGETS_ACROSS = (1 / 3, 1 / 2, 2 / 3)
_TARGETS_DOWN = (1 / 3, 1 / 2)
# Placing the focal point well is worth giving up this share of the picture's saliency at most.
_PLACEMENT_WEIGHT = 0.2
# Positions whose worth differs by less are equal, and the one nearest the middle is taken: far
# above the rounding of a sum of 576 doubles, far below any difference that an eye could see.
_EQUAL = 1e-9


def parse_aspect(aspect: str) -> Fraction:
    """Width over height of an aspect such as "2:3"; raises SettingsError if it is not one."""
    width, _, height = aspect.partition(":")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise SettingsError(f"aspect: wanted width:height such as 16:9, got {aspect!r}")
    return Fraction(int(width), int(height))


def crop_box(
    size: tuple[int, int],
    aspect: Fraction | float,
    saliency: npt.NDArray[np.uint8] | None,
    focal_point: tuple[float, float],
    keep_boxes: Sequence[UnitBox] = (),
) -> Box:
    """Largest box of shape `aspect` in a picture, placed where it keeps what matters.

    Returns (x0, y0, x1, y1) in pixels, ends exclusive: it spans the whole picture along one side
    (nothing is ever enlarged) and its other side is within half a pixel of the exact aspect, at
    least one pixel. Along the free side the position is chosen, in this order, by

    1. the area of the `keep_boxes` (faces) that stay whole, as large as possible; where not one
       fits, the share of them that does,
    2. the focal point inside,
    3. the share of the saliency inside, plus a fifth of how near the focal point comes to a third
       or the middle of the crop,
    4. nearness to the middle of the picture.

    `size` is (width, height) in pixels; `aspect` is width over height; `saliency` is any (rows,
    columns) map stretched over the picture, None or all zero if nothing stands out;
    `focal_point` and `keep_boxes` are in shares of the picture, 0..1.
    """
    width, height = size
    aspect = Fraction(aspect)
    if width < 1 or height < 1 or aspect <= 0:
        raise SettingsError(f"crop: wanted a picture and an aspect above 0, got {size}, {aspect}")
    wide = Fraction(width, height) >= aspect
    length = width if wide else height
    exact = height * aspect if wide else width / aspect
    span = min(max(int(exact + Fraction(1, 2)), 1), length)
    axis = 0 if wide else 1
    start = _best_start(
        length,
        span,
        _profile(saliency, axis),
        focal_point[axis],
        [(box[axis], box[axis + 2], _area(box)) for box in keep_boxes],
        _TARGETS_ACROSS if wide else _TARGETS_DOWN,
    )
    if wide:
        return start, 0, start + span, height
    return 0, start, width, start + span


def _best_start(
    length: int,
    span: int,
    profile: npt.NDArray[np.float64],
    focal: float,
    keeps: Sequence[tuple[float, float, float]],
    targets: Sequence[float],
) -> int:
    """First pixel of the best interval of `span` pixels along a side of `length` pixels."""
    starts = np.arange(length - span + 1, dtype=np.float64)
    ends = starts + span

    whole, covered = np.zeros(starts.shape), np.zeros(starts.shape)
    for low, high, area in keeps:
        low_px, high_px = _clamp(low) * length, _clamp(high) * length
        whole += area * ((starts <= low_px + _EQUAL) & (ends >= high_px - _EQUAL))
        overlap = np.minimum(ends, high_px) - np.maximum(starts, low_px)
        covered += area * np.maximum(overlap, 0.0) / max(high_px - low_px, _EQUAL)
    faces = whole if whole.any() else covered

    focal_px = _clamp(focal) * length
    inside = (starts <= focal_px) & (focal_px <= ends)

    edges = np.linspace(0.0, length, profile.size + 1)
    total = np.concatenate(([0.0], np.cumsum(profile)))
    kept = np.interp(ends, edges, total) - np.interp(starts, edges, total)
    share = (focal_px - starts) / span
    miss = np.min([np.abs(share - target) for target in targets], axis=0)
    miss = np.maximum(miss - 0.5 / span, 0.0)  # half a pixel off is on the spot
    worth = kept + _PLACEMENT_WEIGHT * np.maximum(1.0 - 3.0 * miss, 0.0)

    best = faces >= faces.max() - _EQUAL
    if (best & inside).any():
        best &= inside
    best &= worth >= worth[best].max() - _EQUAL
    off_middle = np.abs(starts - (length - span) / 2)
    return int(np.where(best, off_middle, np.inf).argmin())


def _profile(saliency: npt.NDArray[np.uint8] | None, axis: int) -> npt.NDArray[np.float64]:
    """Saliency summed across the other side, as shares of 1; even where nothing stands out."""
    if saliency is None or saliency.size == 0 or not saliency.any():
        return np.ones(1)
    profile = saliency.sum(axis=axis, dtype=np.float64)
    shares: npt.NDArray[np.float64] = profile / profile.sum()
    return shares


def _clamp(share: float) -> float:
    return min(max(float(share), 0.0), 1.0)


def _area(box: UnitBox) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)
