"""Pictures for people and for networks: upright display RGB from a decoded frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import av
import numpy as np
from av.video.reformatter import Interpolation

from fastthumb.media.color import luma_levels
from fastthumb.media.deinterlacing import deinterlaced
from fastthumb.media.host_images import host_image
from fastthumb.media.layout import (
    EXACT,
    bit_depth,
    flattened,
    frame_color,
    has_alpha,
    plane_rows,
    plane_samples,
    reformatted,
)
from fastthumb.media.tone import needs_mapping, to_display

if TYPE_CHECKING:
    import numpy.typing as npt

    from fastthumb.media.source import Color, Frame, SourceInfo

_Sample = TypeVar("_Sample", np.uint8, np.uint16)

_ACCURATE = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_SMALL = Interpolation.AREA | _ACCURATE
_LARGE = Interpolation.LANCZOS | _ACCURATE


def display_rgb(
    frame: Frame, info: SourceInfo, *, max_long_side: int | None = None
) -> npt.NDArray[np.uint8]:
    """Give a frame as it should be seen: upright, square pixels, standard range.

    Returns uint8 (height, width, 3), BT.709 primaries, made from the frame's own matrix and
    range, HDR tone-mapped (Note [tone mapping]), transparency over black. With
    `max_long_side` the picture is scaled down to it (never up). Interlaced frames are
    deinterlaced, except where the picture becomes so small that both fields merge.
    """
    image = host_image(frame)
    color = frame_color(image, info)
    width, height = target_size(image, info, max_long_side)
    if image.interlaced_frame and 2 * height > image.height:
        image = deinterlaced(image, *frame.neighbors)
    if has_alpha(image.format):
        image = flattened(image, color)
        color = frame_color(image, info)
    image, color = _gray_expanded(image, color)
    if (width, height) == (image.width, image.height):
        interpolation = int(EXACT)
    else:
        interpolation = int(_SMALL if height < image.height else _LARGE)
    if needs_mapping(color):
        deep = reformatted(
            image, "rgb48le", color, width=width, height=height, interpolation=interpolation
        )
        white = _white_code(color, bit_depth(image.format))
        rgb = to_display(_packed(deep, np.uint16), color, white)
    else:
        small = reformatted(
            image, "rgb24", color, width=width, height=height, interpolation=interpolation
        )
        rgb = _packed(small, np.uint8)
    return upright(rgb, info)


def target_size(
    image: av.VideoFrame, info: SourceInfo, max_long_side: int | None
) -> tuple[int, int]:
    """(width, height) in square pixels before the rotation, each at least 1."""
    width = max(1, round(image.width * info.sample_aspect_ratio))
    height = image.height
    longest = max(width, height)
    if max_long_side is None or longest <= max_long_side:
        return width, height
    return (
        max(1, round(width * max_long_side / longest)),
        max(1, round(height * max_long_side / longest)),
    )


def upright(rgb: npt.NDArray[np.uint8], info: SourceInfo) -> npt.NDArray[np.uint8]:
    """Turn (and mirror) a picture as the stream's display matrix asks; contiguous."""
    turned = np.rot90(rgb, -info.rotation_degrees // 90)
    if info.mirrored:
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)


def _packed(image: av.VideoFrame, sample: type[_Sample]) -> npt.NDArray[_Sample]:
    """View of a packed RGB picture, (rows, columns, 3), without its padding."""
    rows = plane_rows(image.planes[0]).view(sample)
    return rows[:, : 3 * image.width].reshape(image.height, image.width, 3)


def _white_code(color: Color, depth: int) -> int:
    """What swscale's 48-bit RGB holds for 1.0: it shifts codes up, and does not stretch them."""
    if not color.full_range:
        return 255 << 8
    depth = min(max(depth, 8), 16)
    return ((1 << depth) - 1) << (16 - depth)


def _gray_expanded(image: av.VideoFrame, color: Color) -> tuple[av.VideoFrame, Color]:
    """Full-range gray of a limited one; swscale takes every gray picture for full range."""
    if not image.format.name.startswith("gray") or color.full_range:
        return image, color
    depth = bit_depth(image.format)
    if depth > 16 or image.format.name.endswith("be"):
        return image, color
    samples = plane_samples(image.planes[0], depth)
    levels = luma_levels(depth, full_range=False)
    if depth <= 8:
        narrow = np.rint(levels * 255).astype(np.uint8)
        expanded = av.VideoFrame.from_ndarray(narrow[samples], format="gray")
    else:
        wide = np.rint(levels * 65535).astype(np.uint16)
        expanded = av.VideoFrame.from_ndarray(wide[samples], format="gray16le")
    return expanded, replace(color, full_range=True)
