"""What the color tags of a stream mean: matrix, primaries, transfer, range.

Numbers are those of ITU-T H.273 (which FFmpeg uses as they are). The matrices come from
ITU-R BT.601-7, BT.709-6 and BT.2020-2. High dynamic range lives in `tone.py`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastthumb.media.source import Color, Matrix, Transfer

if TYPE_CHECKING:
    import av
    import numpy.typing as npt

LUMA_WEIGHTS: dict[Matrix, tuple[float, float, float]] = {
    "bt601": (0.299, 0.587, 0.114),
    "bt709": (0.2126, 0.7152, 0.0722),
    "bt2020": (0.2627, 0.6780, 0.0593),
}

# H.273 code points; what is not here is treated as unspecified.
_MATRICES: dict[int, Matrix] = {
    1: "bt709",
    4: "bt601",
    5: "bt601",
    6: "bt601",
    7: "bt709",  # SMPTE 240M: weights .212 .701 .087
    9: "bt2020",
    10: "bt2020",
    14: "bt2020",  # ICtCp is told apart by its warning, see `unsupported_matrix`
}
_PRIMARIES: dict[int, Matrix] = {
    1: "bt709",
    4: "bt601",
    5: "bt601",
    6: "bt601",
    7: "bt601",
    9: "bt2020",
    12: "bt709",  # Display P3: a little wider; shown as BT.709, slightly less saturated
}
_TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}
_UNSUPPORTED_MATRICES = {8: "YCgCo", 14: "ICtCp", 15: "IPT-PQ-C2 (Dolby Vision profile 5)"}

LIMITED, FULL = 1, 2
DEFAULT_PEAK_NITS = 1000.0
PEAK_NITS_RANGE = (203.0, 10000.0)

# Monochrome of a video codec is limited unless tagged; of a picture codec it is full.
_LIMITED_GRAY_CODECS = frozenset({"av1", "h264", "hevc", "vp9", "vvc"})


def unsupported_matrix(image: av.VideoFrame) -> str | None:
    """Name the color matrix that cannot be shown right, or None."""
    return _UNSUPPORTED_MATRICES.get(int(image.colorspace))


def color_of(image: av.VideoFrame, codec: str, peak_nits: float | None = None) -> Color:
    """Read a decoded picture's tags; what they leave open follows its size.

    `peak_nits` is used where the picture itself carries no mastering metadata.
    """
    name = image.format.name
    transfer = _TRANSFERS.get(int(image.color_trc), "sdr")
    if is_rgb(image.format):
        primaries = _PRIMARIES.get(int(image.color_primaries), "bt709")
        peak = _peak_nits(image, transfer, peak_nits)
        matrix: Matrix = "bt2020" if primaries == "bt2020" else "bt709"
        return Color(matrix, primaries, transfer, full_range=True, peak_nits=peak)
    size_default: Matrix = "bt709" if image.height >= 720 or image.width >= 1280 else "bt601"
    tagged_primaries = _PRIMARIES.get(int(image.color_primaries))
    if transfer != "sdr" or tagged_primaries == "bt2020":
        size_default = "bt2020"
    matrix = _MATRICES.get(int(image.colorspace), size_default)
    value_range = int(image.color_range)
    if value_range in (LIMITED, FULL):
        full = value_range == FULL or name.startswith("yuvj")
    elif name.startswith("gray"):
        full = codec not in _LIMITED_GRAY_CODECS
    else:
        full = name.startswith("yuvj")
    return Color(
        matrix,
        tagged_primaries or matrix,
        transfer,
        full_range=full,
        peak_nits=_peak_nits(image, transfer, peak_nits),
    )


def is_rgb(pixel_format: av.VideoFormat) -> bool:
    """Say whether pictures of this format hold R, G, B (or a palette of them), not Y, Cb, Cr."""
    return bool(pixel_format.is_rgb or pixel_format.is_bayer or pixel_format.has_palette) or (
        pixel_format.name.startswith(("xyz", "mono"))
    )


def _peak_nits(image: av.VideoFrame, transfer: Transfer, known: float | None) -> float:
    """Brightest luminance that the mastering metadata (SMPTE ST 2086, CTA-861.3) promises."""
    if transfer != "pq":
        return DEFAULT_PEAK_NITS
    peak, attached = 0.0, side_data(image)
    content = attached.get("CONTENT_LIGHT_LEVEL", b"")
    mastering = attached.get("MASTERING_DISPLAY_METADATA", b"")
    if len(content) >= 4:
        peak = float(struct.unpack_from("<I", content)[0])
    if not peak and len(mastering) >= 88:
        # AVMasteringDisplayMetadata: 8 rationals of chromaticity, min, max, two flags.
        numerator, denominator = struct.unpack_from("<ii", mastering, 72)
        if struct.unpack_from("<i", mastering, 84)[0] and denominator:
            peak = numerator / denominator
    if not peak:
        peak = known or DEFAULT_PEAK_NITS
    return min(max(peak, PEAK_NITS_RANGE[0]), PEAK_NITS_RANGE[1])


def side_data(image: av.VideoFrame) -> dict[str, bytes]:
    """What the decoder attached to a picture, by FFmpeg's name for it."""
    try:
        entries = cast("Any", image.side_data)
        return {entry.type.name: bytes(entry) for entry in entries}
    except ValueError:  # a kind that this PyAV does not know
        return {}


def ycbcr_to_rgb(ycbcr: npt.NDArray[np.float64], matrix: Matrix) -> npt.NDArray[np.float64]:
    """Convert Y' 0..1 and Cb, Cr -0.5..0.5 to R'G'B', not clipped. Last axis has length 3."""
    red, green, blue = LUMA_WEIGHTS[matrix]
    y, cb, cr = ycbcr[..., 0], ycbcr[..., 1], ycbcr[..., 2]
    r = y + 2 * (1 - red) * cr
    b = y + 2 * (1 - blue) * cb
    return np.stack([r, (y - red * r - blue * b) / green, b], axis=-1)


def rgb_to_ycbcr(rgb: npt.NDArray[np.float64], matrix: Matrix) -> npt.NDArray[np.float64]:
    """Convert R'G'B' 0..1 to Y' 0..1 and Cb, Cr -0.5..0.5. Last axis has length 3."""
    red, green, blue = LUMA_WEIGHTS[matrix]
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    y = red * r + green * g + blue * b
    return np.stack([y, (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))], axis=-1)


def luma_levels(bit_depth: int, full_range: bool) -> npt.NDArray[np.float64]:
    """Y' 0..1 of every code value, clipped. Shape (2 ** bit_depth,)."""
    codes = np.arange(2**bit_depth, dtype=np.float64)
    if full_range:
        return np.asarray(codes / (2**bit_depth - 1))
    unit = 2.0 ** (bit_depth - 8)
    return np.asarray(np.clip((codes - 16 * unit) / (219 * unit), 0.0, 1.0))
