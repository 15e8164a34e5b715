"""Pictures as complete files: JPEG, WebP, AVIF and PNG, tagged as sRGB."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, features

from fastthumb.errors import OutputError
from fastthumb.settings import ImageFormat

_PILLOW_NAMES = {"jpg": "JPEG", "webp": "WEBP", "avif": "AVIF", "png": "PNG"}
_LONGEST_SIDE = {"jpg": 65_535, "webp": 16_383, "avif": 65_535, "png": 65_535}

# WebP's effort (0..6) and AVIF's speed (0..10): a 1080p picture takes a fraction of a second, and
# the next slower step saves less than 3 % of the bytes.
_WEBP_METHOD = 4
_AVIF_SPEED = 6


def encode(
    picture: npt.NDArray[np.uint8],
    image_format: ImageFormat,
    quality: int,
    *,
    chroma: str = "4:2:0",
) -> bytes:
    """Encode 8-bit RGB (height, width, 3) as a complete file tagged as sRGB.

    Equal pictures give equal bytes. `quality` is 1..100 and means nothing to PNG; `chroma` is
    "4:4:4", "4:2:2" or "4:2:0" (WebP always halves it). Raises OutputError if the picture is
    larger than the format allows.
    """
    height, width = picture.shape[:2]
    limit = _LONGEST_SIDE[image_format]
    if max(width, height) > limit:
        raise OutputError(
            f"a picture of {width}x{height} does not fit into {image_format}, which ends at "
            f"{limit} pixels a side; set max_width or choose another image format"
        )
    options: dict[str, Any] = {"icc_profile": _srgb_profile()}
    match image_format:
        case "jpg":
            options |= {"quality": quality, "subsampling": chroma}
            options |= {"progressive": True, "optimize": True}
        case "webp":
            options |= {"quality": quality, "method": _WEBP_METHOD}
        case "avif":
            options |= {"quality": quality, "subsampling": chroma, "speed": _AVIF_SPEED}
        case "png":
            options |= {"compress_level": 6}
    image, name = Image.fromarray(picture), _PILLOW_NAMES[image_format]
    buffer = io.BytesIO()
    try:
        image.save(buffer, name, **options)
    except OSError:
        # libjpeg makes a progressive file in one piece, in a buffer that Pillow sizes for
        # pictures; noise overflows it. A baseline file is written piece by piece.
        if image_format != "jpg":
            raise
        buffer = io.BytesIO()
        image.save(buffer, name, **options | {"progressive": False, "optimize": False})
    return buffer.getvalue()


def require_encoder(image_format: ImageFormat) -> None:
    """Raise OutputError where this installation cannot write the format."""
    if image_format in ("webp", "avif") and not features.check(image_format):
        raise OutputError(
            f"image format {image_format}: this installation of Pillow cannot write it; "
            "install Pillow's own wheel (pip install --force-reinstall pillow) or use jpg"
        )


@functools.cache
def _srgb_profile() -> bytes | None:
    """An sRGB ICC profile of about 600 bytes; None where Pillow was built without LittleCMS.

    LittleCMS stamps the time of making into bytes 24..36 of the header; a fixed date keeps
    pictures of equal pixels equal to the byte.
    """
    if not features.check("littlecms2"):
        return None
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = np.array([2000, 1, 1, 0, 0, 0], dtype=">u2").tobytes()
    return bytes(profile)
