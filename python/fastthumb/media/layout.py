"""From a decoded picture to what the core reads: its planes, without a copy, and their layout.

Every planar, semi-planar or gray little-endian YUV format of up to 16 bits goes through as
it is. Everything else (RGB, palettes, packed YUV, big endian, floats, alpha) is first
converted to planar 4:4:4 of enough depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from fastthumb.media.color import color_of, is_rgb
from fastthumb.media.device_image import DeviceImage
from fastthumb.media.tone import cell_lut, luma_curve, needs_mapping

if TYPE_CHECKING:
    import numpy.typing as npt

    from fastthumb.media.source import Color, Frame, SourceInfo

Chroma = Literal["planar", "interleaved", "none"]

COLORSPACES = {
    "bt601": Colorspace.ITU601,
    "bt709": Colorspace.ITU709,
    "bt2020": Colorspace.BT2020,
}
# Bilinear would be enough where nothing is scaled, but swscale's two-line bilinear path gives
# wrong colors for 48-bit RGB out of 4:2:0.
EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT

_PLANAR = re.compile(r"yuvj?(410|411|420|422|440|444)p(9|10|12|14|16)?(le)?")
_PLANAR_MSB = re.compile(r"yuv444p(10|12)msble")
_GRAY = re.compile(r"gray(8|9|10|12|14|16)?(le)?")
_SEMIPLANAR = re.compile(r"(?:nv(12|16|24)|p([024])(10|12|16)le|nv(20)le)")
_SHIFTS = {
    "410": (2, 2),
    "411": (2, 0),
    "420": (1, 1),
    "422": (1, 0),
    "440": (0, 1),
    "444": (0, 0),
}


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """Where the samples of a pixel format lie."""

    chroma_shift_x: int
    chroma_shift_y: int
    bit_depth: int
    msb_shift: int
    chroma: Chroma


@dataclass(frozen=True, slots=True)
class CoreLayout:
    """How the core is to read the planes of a stream; equal layouts can share one meter."""

    width: int
    height: int
    pixels: PixelLayout
    color: Color
    fields: int

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `_core.FrameLayout`, tone tables of HDR included."""
        mapped = needs_mapping(self.color)
        return {
            "width": self.width,
            "height": self.height,
            "chroma_shift_x": self.pixels.chroma_shift_x,
            "chroma_shift_y": self.pixels.chroma_shift_y,
            "bit_depth": self.pixels.bit_depth,
            "msb_shift": self.pixels.msb_shift,
            "chroma": self.pixels.chroma,
            "full_range": self.color.full_range,
            # The cube's output is BT.709, and the core applies the matrix behind it.
            "matrix": "bt709" if mapped else self.color.matrix,
            "fields": self.fields,
            "luma_curve": (
                None
                if self.color.transfer == "sdr"
                else luma_curve(self.color, self.pixels.bit_depth)
            ),
            "cell_lut": cell_lut(self.color) if mapped else None,
        }


@dataclass(frozen=True, slots=True)
class CoreFrame:
    """A picture as the core takes it: `SignalMeter.measure(planes, pitches)`.

    Where it lies on a GPU, `planes` are addresses, and `on_device` keeps them valid.
    """

    layout: CoreLayout
    planes: tuple[Any, ...]  # buffers: PyAV planes, or arrays where a copy was needed
    pitches: tuple[int, ...]
    on_device: DeviceImage | None = None


@lru_cache(maxsize=64)
def pixel_layout(name: str) -> PixelLayout | None:
    """Layout of a pixel format that the core reads as it is; None for all others."""
    if match := _PLANAR.fullmatch(name):
        if match[2] and not match[3]:
            return None
        return PixelLayout(*_SHIFTS[match[1]], int(match[2] or 8), 0, "planar")
    if match := _PLANAR_MSB.fullmatch(name):
        return PixelLayout(0, 0, int(match[1]), 16 - int(match[1]), "planar")
    if match := _GRAY.fullmatch(name):
        if match[1] not in (None, "8") and not match[2]:
            return None
        return PixelLayout(0, 0, int(match[1] or 8), 0, "none")
    if match := _SEMIPLANAR.fullmatch(name):
        if match[4]:
            return PixelLayout(1, 0, 10, 0, "interleaved")
        if match[1]:
            shifts = {"12": (1, 1), "16": (1, 0), "24": (0, 0)}[match[1]]
            return PixelLayout(*shifts, 8, 0, "interleaved")
        shifts = {"0": (1, 1), "2": (1, 0), "4": (0, 0)}[match[2]]
        depth = int(match[3])
        return PixelLayout(*shifts, depth, 16 - depth, "interleaved")
    return None


def core_frame(frame: Frame, info: SourceInfo) -> CoreFrame:
    """Give the core a picture's planes as they lie in memory, and how to read them."""
    image = frame.image
    if isinstance(image, DeviceImage):
        pixels = pixel_layout(image.format_name)
        assert pixels is not None
        layout = CoreLayout(image.width, image.height, pixels, info.color, fields=1)
        return CoreFrame(layout, image.planes, image.pitches, image)
    color = frame_color(image, info)
    if has_alpha(image.format):
        image = flattened(image, color)
        color = color_of(image, info.codec, info.color.peak_nits)
    pixels = pixel_layout(image.format.name)
    if pixels is None:
        image, color = _planar(image, color)
        pixels = pixel_layout(image.format.name)
        assert pixels is not None
    layout = CoreLayout(image.width, image.height, pixels, color, 2 if info.interlaced else 1)
    planes = image.planes
    pitches = tuple(plane.line_size for plane in planes)
    if min(pitches) < 0:
        # Stored bottom up: the only case that costs a copy.
        upright = tuple(np.ascontiguousarray(plane_rows(plane)) for plane in planes)
        return CoreFrame(layout, upright, tuple(rows.shape[1] for rows in upright))
    return CoreFrame(layout, tuple(planes), pitches)


def frame_color(image: av.VideoFrame, info: SourceInfo) -> Color:
    """Color of one picture of a stream; tags may change in the middle of it."""
    return color_of(image, info.codec, info.color.peak_nits)


def has_alpha(pixel_format: av.VideoFormat) -> bool:
    """Say whether pictures of this format can be see-through (palettes may be)."""
    return any(part.is_alpha for part in pixel_format.components) or pixel_format.name == "pal8"


def bit_depth(pixel_format: av.VideoFormat) -> int:
    """Most significant bits per component, 1..32."""
    return max((part.bits for part in pixel_format.components), default=8)


def plane_rows(plane: av.video.plane.VideoPlane) -> npt.NDArray[np.uint8]:
    """Bytes of a plane, uint8 (rows, pitch), top row first, without a copy."""
    pitch = abs(plane.line_size)
    stored = np.frombuffer(cast("Any", plane), np.uint8)
    rows: npt.NDArray[np.uint8] = stored[: plane.height * pitch].reshape(plane.height, pitch)
    return rows[::-1] if plane.line_size < 0 else rows


def plane_samples(
    plane: av.video.plane.VideoPlane, depth: int
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Samples of a one-component plane, (rows, columns), without a copy."""
    rows = plane_rows(plane)
    if depth <= 8:
        return rows[:, : plane.width]
    return rows.view("<u2")[:, : plane.width]


def reformatted(
    image: av.VideoFrame,
    pixel_format: str,
    color: Color,
    *,
    width: int | None = None,
    height: int | None = None,
    interpolation: int = EXACT,
) -> av.VideoFrame:
    """Convert by swscale, reading the matrix and range from `color`; RGB and YUV444 are full.

    One thread: the callers run in parallel themselves. An image that needs nothing comes back
    as it is.
    """
    return VideoReformatter().reformat(
        image,
        width=width,
        height=height,
        format=pixel_format,
        src_colorspace=COLORSPACES[color.matrix],
        dst_colorspace=COLORSPACES[color.matrix],
        src_color_range=ColorRange.JPEG if color.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=interpolation,
        threads=1,
    )


def _planar(image: av.VideoFrame, color: Color) -> tuple[av.VideoFrame, Color]:
    """Full-range planar 4:4:4 of a picture in any format, deep enough for it."""
    depth = bit_depth(image.format)
    deep = "p" if depth <= 8 else "p10le" if depth <= 10 else "p12le" if depth <= 12 else "p16le"
    return reformatted(image, "yuv444" + deep, color), replace(color, full_range=True)


def flattened(image: av.VideoFrame, color: Color) -> av.VideoFrame:
    """Lay a see-through picture over black, as an opaque one of the same kind and depth."""
    depth = bit_depth(image.format)
    deep = depth > 8
    if is_rgb(image.format) or not image.format.name.startswith("yuva"):
        # Packed RGBA and gray with alpha: through straight RGBA.
        rgba = reformatted(image, "rgba64le" if deep else "rgba", color).to_ndarray()
        top = 65535 if deep else 255
        wide = rgba.astype(np.uint32)
        opaque = ((wide[..., :3] * wide[..., 3:] + top // 2) // top).astype(rgba.dtype)
        flat = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(opaque), format="rgb48le" if deep else "rgb24"
        )
    else:
        flat = _flattened_yuva(image, color, depth)
    flat.pts = image.pts
    flat.colorspace, flat.color_range = image.colorspace, image.color_range
    flat.color_trc, flat.color_primaries = image.color_trc, image.color_primaries
    return flat


def _flattened_yuva(image: av.VideoFrame, color: Color, depth: int) -> av.VideoFrame:
    """Opaque planar YUV of planar YUVA: each sample moves to black by its transparency."""
    name = image.format.name.replace("yuva", "yuv")
    if name.endswith("be"):
        name = name[:-2] + "le"
        image = VideoReformatter().reformat(image, format="yuva" + name[3:], threads=1)
    flat = av.VideoFrame(image.width, image.height, name)
    unit = 1 << max(0, depth - 8)
    black = 0 if color.full_range else 16 * unit
    top = (1 << depth) - 1
    alpha = plane_samples(image.planes[3], depth).astype(np.int64)
    for index in range(3):
        source = plane_samples(image.planes[index], depth).astype(np.int64)
        cover = _box_mean(alpha, *source.shape)
        rest = black if index == 0 else 128 * unit
        mixed = rest + ((source - rest) * cover + top // 2) // top
        target = plane_samples(flat.planes[index], depth)
        target[...] = np.clip(mixed, 0, top).astype(target.dtype)
    return flat


def _box_mean(alpha: npt.NDArray[np.int64], rows: int, columns: int) -> npt.NDArray[np.int64]:
    """Mean of `alpha` under each sample of a plane of `rows` x `columns`, edges repeated."""
    if alpha.shape == (rows, columns):
        return alpha
    step_y, step_x = -(-alpha.shape[0] // rows), -(-alpha.shape[1] // columns)
    padding = ((0, rows * step_y - alpha.shape[0]), (0, columns * step_x - alpha.shape[1]))
    boxes = np.pad(alpha, padding, mode="edge").reshape(rows, step_y, columns, step_x)
    return np.asarray((boxes.sum(axis=(1, 3)) + step_x * step_y // 2) // (step_x * step_y))
