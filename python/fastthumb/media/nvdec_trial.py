"""Whether a device decoder gives FFmpeg's pictures; see Note [trust] in nvdec.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastthumb.media.layout import plane_samples

if TYPE_CHECKING:
    import av

    from fastthumb.media.device_image import DeviceImage

_PLANAR_DEPTHS = {"yuv420p": 8, "yuvj420p": 8, "yuv420p10le": 10, "yuv420p12le": 12}


def are_equal(ours: DeviceImage, theirs: av.VideoFrame) -> bool:
    """Say whether a device's picture is FFmpeg's, of which it is the semi-planar form."""
    depth = _PLANAR_DEPTHS.get(theirs.format.name)
    if depth is None or (ours.width, ours.height) != (theirs.width, theirs.height):
        return False
    luma, blue, red = (plane_samples(plane, depth) for plane in theirs.planes)
    pairs = np.stack([blue, red], axis=-1).reshape(blue.shape[0], -1)
    shift = 0 if depth == 8 else 16 - depth
    return all(
        # The column that makes an odd width even is the decoder's own.
        np.array_equal(
            rows.view(samples.dtype)[:, : samples.shape[1]], cast("Any", samples) << shift
        )
        for rows, samples in zip(ours.to_host(), (luma, pairs), strict=True)
    )
