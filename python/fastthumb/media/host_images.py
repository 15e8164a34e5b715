"""Pictures of a GPU as the CPU's decoder would have given them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np

from fastthumb.media.device_image import DeviceImage
from fastthumb.media.layout import bit_depth, plane_samples

if TYPE_CHECKING:
    import numpy.typing as npt

    from fastthumb.media.source import Frame


def host_image(frame: Frame) -> av.VideoFrame:
    """The picture of a frame in the host's memory: its own, or the samples of a GPU's.

    The latter are good until the same thread asks for the next picture of that film. They are
    written over a picture that the CPU decoded, since PyAV cannot set all that a decoder says of
    color: where chroma samples lie, for one.
    """
    image = frame.image
    if not isinstance(image, DeviceImage):
        return image
    planar = image.film.likeness()
    depth = bit_depth(planar.format)
    luma, pairs = (_samples(rows, depth) for rows in image.to_host())
    for plane, rows in zip(planar.planes, (luma, pairs[:, 0::2], pairs[:, 1::2]), strict=True):
        plane_samples(plane, depth)[...] = rows[:, : plane.width]
    return planar


def _samples(
    rows: npt.NDArray[np.uint8], depth: int
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Samples of a plane's rows, whose bits are on top where there are more than 8."""
    return rows if depth <= 8 else np.right_shift(rows.view(np.uint16), 16 - depth)
