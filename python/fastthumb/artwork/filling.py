"""Filling: a face that is larger than any cut of a shape is shown whole, between blurred sides.

A portrait that fills an upright film has no wide cut that holds it. Rather than cut off its chin,
the picture is shown as far as the face needs, and the rest of the shape is filled with a blurred,
darker copy of it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

from fastthumb.analysis.reframing import clipped
from fastthumb.artwork.subjects import View

Box = tuple[int, int, int, int]

_AIR = 0.06  # on both sides of a face, as a share of its length: no more, for narrow sides
_SMALL = 96  # pixels along the long side of the copy that is blurred
_BLUR = 4.0  # of those pixels
_DARKER = 0.6
_MISSED = 1.0  # pixels of a face that a cut may miss: rounding


def part_to_fill(
    size: tuple[int, int], aspect: Fraction | float, view: View, cut: Box
) -> Box | None:
    """The part of a picture to be shown whole in a filled shape; None where `cut` will do.

    That is where the most prominent face, as far as the picture shows it, is whole in `cut`, and
    where nobody's face is seen. Boxes are pixels, x0, y0, x1, y1, ends exclusive; the part has
    the full width of the picture where the shape is wider, else its full height.
    """
    seen = next((one for one in view.subjects if one.seen), None)
    if seen is None:
        return None
    width, height = size
    face = _pixels(seen.face, size)
    inside = (
        face[0] >= cut[0] - _MISSED
        and face[1] >= cut[1] - _MISSED
        and face[2] <= cut[2] + _MISSED
        and face[3] <= cut[3] + _MISSED
    )
    if inside:
        return None
    if width < height * aspect:
        low, high = _range(face[1], face[3], cut[3] - cut[1], height)
        return 0, low, width, high
    low, high = _range(face[0], face[2], cut[2] - cut[0], width)
    return low, 0, high, height


def filled(part: npt.NDArray[np.uint8], aspect: Fraction | float) -> npt.NDArray[np.uint8]:
    """A picture of shape `aspect` with `part` whole in its middle: uint8 (rows, columns, 3)."""
    rows, columns = part.shape[:2]
    width = max(columns, round(rows * aspect))
    height = max(rows, round(columns / aspect))
    scale = _SMALL / max(width, height)
    small = Image.fromarray(part)
    # The middle of the part, stretched to no shape but its own, covers the whole picture.
    cover = max(width / columns, height / rows)
    across, down = width / cover, height / cover
    left, top = (columns - across) / 2, (rows - down) / 2
    small = small.resize(
        (max(round(width * scale), 1), max(round(height * scale), 1)),
        Image.Resampling.BOX,
        box=(left, top, left + across, top + down),
    )
    small = ImageEnhance.Brightness(small.filter(ImageFilter.GaussianBlur(_BLUR))).enhance(_DARKER)
    picture = np.array(small.resize((width, height), Image.Resampling.BICUBIC))
    y, x = (height - rows) // 2, (width - columns) // 2
    picture[y : y + rows, x : x + columns] = part
    return picture


def _pixels(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = clipped(box)
    return x0 * size[0], y0 * size[1], x1 * size[0], y1 * size[1]


def _range(low: float, high: float, least: int, length: int) -> tuple[int, int]:
    """Whole pixels around low..high with some air, `least` at least, within the length."""
    wanted = min(max(round((1.0 + 2.0 * _AIR) * (high - low)), least), length)
    first = round((low + high - wanted) / 2)
    first = min(max(first, 0), length - wanted)
    return first, first + wanted
