"""High dynamic range to standard: the tone curve, the gamut, and the tables the core reads.

Note [tone mapping]. Code values become display light (PQ: SMPTE ST 2084; HLG: BT.2100 with
the OOTF of a 1000 nit display). The brightest of R, G, B goes through the EETF of ITU-R
BT.2390-10 section 5.4 from the mastering peak down to 203 nits, the reference white of
BT.2408, and all three are scaled by the same gain, so that hues stay. Then BT.2020 becomes
BT.709 (BT.2407 matrix); what falls outside is moved towards its own luminance until it fits,
and light 0..1 (203 nits) is written with the sRGB curve (IEC 61966-2-1).

BT.2020 pictures of standard range take the same road without the tone curve, with the
gamma 2.4 of BT.1886 both ways, so that grays are left as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from fastthumb.media.color import LUMA_WEIGHTS, luma_levels, rgb_to_ycbcr, ycbcr_to_rgb
from fastthumb.media.source import Color

WHITE_NITS = 203.0  # BT.2408: HDR reference white
HLG_PEAK_NITS = 1000.0  # BT.2100: nominal peak, at which the system gamma is 1.2
HLG_GAMMA = 1.2
GAMMA_BT1886 = 2.4
LUT_POINTS = 65  # 33 would be off by up to 30 levels in saturated PQ colors
_BLOCK_PIXELS = 1 << 16  # of float32 RGB: stays in the second-level cache
_CODES = 1 << 16

# BT.2020 to BT.709 in linear light (ITU-R BT.2087-0, table 2, inverted in BT.2407).
BT2020_TO_BT709 = np.array(
    [
        [1.660491, -0.587641, -0.072850],
        [-0.124550, 1.132900, -0.008349],
        [-0.018151, -0.100579, 1.118730],
    ]
)

Floats = npt.NDArray[np.float64]


def pq_to_nits(code: Floats) -> Floats:
    """Display luminance in nits, 0..10000, of a PQ code 0..1 (ST 2084 EOTF)."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = np.power(np.clip(code, 0.0, 1.0), 1 / m2)
    light = np.power(np.maximum(power - c1, 0.0) / (c2 - c3 * power), 1 / m1)
    return np.asarray(10000.0 * light)


def nits_to_pq(nits: Floats) -> Floats:
    """PQ code 0..1 of a luminance in nits (the inverse EOTF of ST 2084)."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = np.power(np.clip(nits, 0.0, 10000.0) / 10000.0, m1)
    return np.asarray(np.power((c1 + c2 * power) / (1 + c3 * power), m2))


def hlg_to_scene(code: Floats) -> Floats:
    """Scene light 0..1 of an HLG code 0..1 (the inverse OETF of BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    code = np.clip(code, 0.0, 1.0)
    return np.where(code <= 0.5, code * code / 3.0, (np.exp((code - c) / a) + b) / 12.0)


def tone_curve(nits: Floats, peak_nits: float) -> Floats:
    """Luminance 0..203 nits for a mastered luminance in nits: the EETF of BT.2390."""
    source_peak = float(nits_to_pq(np.asarray(peak_nits)))
    level = np.clip(nits_to_pq(nits) / source_peak, 0.0, 1.0)
    top = float(nits_to_pq(np.asarray(WHITE_NITS))) / source_peak
    if top >= 1.0:
        return np.minimum(nits, WHITE_NITS)
    knee = 1.5 * top - 0.5
    t = np.clip((level - knee) / (1.0 - knee), 0.0, 1.0)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1.0 - knee)
        + (-2 * t**3 + 3 * t**2) * top
    )
    return pq_to_nits(np.where(level < knee, level, spline) * source_peak)


def srgb_encode(light: Floats) -> Floats:
    """SRGB code 0..1 of light 0..1."""
    light = np.clip(light, 0.0, 1.0)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)


def needs_mapping(color: Color) -> bool:
    """Say whether pictures of this color must go through `to_display` to be shown."""
    return color.transfer != "sdr" or color.primaries == "bt2020"


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """Everything of Note [tone mapping] that depends on one number, sampled finely."""

    linear: npt.NDArray[np.float32]  # by 16-bit code: nits (PQ), scene light (HLG), light
    gain: npt.NDArray[np.float32]  # PQ: by code; HLG: by the root of luminance / peak
    encoded: npt.NDArray[np.uint8]  # by light * 65535


@lru_cache(maxsize=8)
def _tables(transfer: str, peak_nits: float, white: int) -> _Tables:
    steps = np.arange(_CODES) / (_CODES - 1)
    codes = np.minimum(np.arange(_CODES) / white, 1.0)
    if transfer == "pq":
        nits = pq_to_nits(codes)
        linear = nits
    elif transfer == "hlg":
        nits = steps**2 * HLG_PEAK_NITS
        linear = hlg_to_scene(codes)
        peak_nits = HLG_PEAK_NITS
    else:
        encoded = np.rint(255 * steps ** (1 / GAMMA_BT1886)).astype(np.uint8)
        light = (codes**GAMMA_BT1886).astype(np.float32)
        return _Tables(light, np.ones(1, np.float32), encoded)
    nits = np.maximum(nits, 1e-6)
    gain = tone_curve(nits, peak_nits) / nits / WHITE_NITS
    encoded = np.rint(255 * srgb_encode(steps)).astype(np.uint8)
    return _Tables(linear.astype(np.float32), gain.astype(np.float32), encoded)


def to_display(
    rgb: npt.NDArray[np.uint16], color: Color, white: int = _CODES - 1
) -> npt.NDArray[np.uint8]:
    """Display RGB, uint8 (rows, columns, 3), of R'G'B' codes of `color`, where `white` is 1.0.

    Works in blocks of rows: beside input and output it takes a few MB at any size.
    """
    tables = _tables(color.transfer, color.peak_nits, white)
    rows, columns = rgb.shape[:2]
    shown = np.empty((rows, columns, 3), np.uint8)
    block = max(1, _BLOCK_PIXELS // max(1, columns))
    to_bt709 = BT2020_TO_BT709.astype(np.float32) if color.primaries == "bt2020" else None
    for top in range(0, rows, block):
        # Planes rather than pixels: NumPy is slow along an axis of length 3.
        codes = np.ascontiguousarray(rgb[top : top + block].reshape(-1, 3).T)
        light = tables.linear.take(codes)
        if color.transfer == "pq":
            light *= tables.gain.take(_largest(codes))
        elif color.transfer == "hlg":
            light *= _hlg_gain(light, tables.gain)
        if to_bt709 is not None:
            light = to_bt709 @ light
            _fit_gamut(light)
        np.clip(light, 0.0, 1.0, out=light)
        light *= _CODES - 1
        light += 0.5
        pixels = shown[top : top + block].reshape(-1, 3)
        for channel, plane in enumerate(light.astype(np.uint16)):
            pixels[:, channel] = tables.encoded.take(plane)
    return shown


def _largest(planes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Brightest of three planes, pixel by pixel."""
    return np.asarray(np.maximum(np.maximum(planes[0], planes[1]), planes[2]))


def _hlg_gain(
    scene: npt.NDArray[np.float32], gain: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """OOTF and tone curve in one factor per pixel, for planes (3, n) of scene light 0..1."""
    luminance = np.array(LUMA_WEIGHTS["bt2020"], np.float32) @ scene
    ootf = np.power(luminance, np.float32(HLG_GAMMA - 1.0))
    brightest = np.sqrt(np.minimum(_largest(scene) * ootf, np.float32(1.0)))
    index = (brightest * np.float32(_CODES - 1) + np.float32(0.5)).astype(np.uint16)
    return np.asarray(ootf * gain.take(index) * np.float32(HLG_PEAK_NITS))


def _fit_gamut(light: npt.NDArray[np.float32]) -> None:
    """Move colors outside 0..1 towards their own BT.709 luminance until they fit, in place.

    `light` is planes (3, n) of linear BT.709.
    """
    low = np.minimum(np.minimum(light[0], light[1]), light[2])
    high = _largest(light)
    if low.min(initial=0.0) >= 0.0 and high.max(initial=1.0) <= 1.0:
        return
    tiny = np.float32(1e-9)
    gray = np.clip(np.array(LUMA_WEIGHTS["bt709"], np.float32) @ light, 0.0, 1.0)
    keep = np.minimum(gray / np.maximum(gray - low, tiny), np.float32(1.0))
    np.minimum(keep, (1.0 - gray) / np.maximum(high - gray, tiny), out=keep)
    light -= gray
    light *= keep
    light += gray


@lru_cache(maxsize=8)
def luma_curve(color: Color, bit_depth: int) -> npt.NDArray[np.uint8]:
    """Full-range standard luma of every luma code of an HDR stream, for a gray of that code.

    Shape (2 ** bit_depth,), never falling.
    """
    levels = luma_levels(bit_depth, color.full_range)
    grays = np.rint(levels * (_CODES - 1)).astype(np.uint16)
    return to_display(np.repeat(grays[None, :, None], 3, axis=2), color)[0, :, 0].copy()


@lru_cache(maxsize=8)
def cell_lut(color: Color) -> npt.NDArray[np.uint8]:
    """Standard BT.709 full-range (Y, Cb, Cr) for (Y, Cb, Cr) of an HDR cell, on a cube grid.

    Shape (65, 65, 65, 3), axes Y, Cb, Cr, 255 / 64 apart. The Y that goes in has been
    through `luma_curve`; Cb and Cr are the stream's own, full range.
    """
    grid = np.linspace(0.0, 255.0, LUT_POINTS)
    levels = np.linspace(0.0, 1.0, 4096)
    grays = np.rint(levels * (_CODES - 1)).astype(np.uint16)
    curve = to_display(np.repeat(grays[None, :, None], 3, axis=2), color)[0, :, 0]
    shown, first = np.unique(curve, return_index=True)
    luma = np.interp(grid, shown.astype(np.float64), levels[first])
    y, cb, cr = np.meshgrid(luma, (grid - 128) / 255, (grid - 128) / 255, indexing="ij")
    codes = np.clip(ycbcr_to_rgb(np.stack([y, cb, cr], axis=-1), color.matrix), 0.0, 1.0)
    cube = np.rint(codes * (_CODES - 1)).astype(np.uint16)
    rgb = to_display(cube.reshape(LUT_POINTS, -1, 3), color).reshape(cube.shape) / 255.0
    out = rgb_to_ycbcr(rgb, "bt709") * 255.0 + np.array([0.0, 128.0, 128.0])
    return np.asarray(np.clip(np.rint(out), 0, 255).astype(np.uint8))
