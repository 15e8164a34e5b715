"""Frames built in memory, for tests of color and layout: no codec comes between."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from fastthumb.media.color import color_of
from fastthumb.media.layout import bit_depth, has_alpha
from fastthumb.media.source import Frame, SourceInfo

SPC = {"bt601": 6, "bt709": 1, "bt2020": 9}  # H.273 code points


def tagged(
    image: av.VideoFrame,
    *,
    matrix: str | None = None,
    primaries: str | None = None,
    transfer: int | None = None,
    full: bool | None = None,
) -> av.VideoFrame:
    """Set the color tags of a frame; what is None stays unspecified."""
    if matrix is not None:
        image.colorspace = SPC[matrix]
    if primaries is not None:
        image.color_primaries = SPC[primaries]
    if transfer is not None:
        image.color_trc = transfer
    if full is not None:
        image.color_range = 2 if full else 1
    return image


def planar(pixel_format: str, planes: list[np.ndarray]) -> av.VideoFrame:
    """Frame whose planes hold these samples."""
    rows, columns = planes[0].shape
    image = av.VideoFrame(columns, rows, pixel_format)
    for plane, samples in zip(image.planes, planes, strict=True):
        target = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        data = np.ascontiguousarray(samples).view(np.uint8).reshape(samples.shape[0], -1)
        target[:, : data.shape[1]] = data
    image.pts = 0
    return image


def wrapped(
    image: av.VideoFrame,
    *,
    codec: str = "ffv1",
    rotation: int = 0,
    interlaced: bool = False,
    aspect: Fraction = Fraction(1),
) -> tuple[Frame, SourceInfo]:
    """Frame and facts of a film that consists of this picture."""
    info = SourceInfo(
        path=Path("memory"),
        container="memory",
        codec=codec,
        pixel_format=image.format.name,
        width=image.width,
        height=image.height,
        sample_aspect_ratio=aspect,
        rotation_degrees=rotation,
        time_base=Fraction(1, 25),
        start_pts=0,
        duration_seconds=None,
        average_rate=Fraction(25),
        bit_depth=bit_depth(image.format),
        interlaced=interlaced,
        color=color_of(image, codec),
        has_alpha=has_alpha(image.format),
    )
    return Frame(0, 0, 0.0, True, image), info
