"""High dynamic range: curves against published numbers, pictures against float64."""

from __future__ import annotations

import numpy as np
import pytest

from fastthumb.media.color import color_of, rgb_to_ycbcr
from fastthumb.media.display import display_rgb
from fastthumb.media.source import Color, open_source
from fastthumb.media.tone import (
    LUT_POINTS,
    cell_lut,
    hlg_to_scene,
    luma_curve,
    nits_to_pq,
    pq_to_nits,
    to_display,
    tone_curve,
)
from picture_frames import planar, tagged, wrapped

PQ = Color("bt2020", "bt2020", "pq", full_range=False)
HLG = Color("bt2020", "bt2020", "hlg", full_range=False)
WIDE = Color("bt2020", "bt2020", "sdr", full_range=False)
TABLE_ATOL = 1  # one level: tables of 65536 steps, float32, rounding
# The cube is straight between its points; the curve is not, least of all far from gray, where
# a tenth of PQ is two and a half times the light.
CUBE_MEAN_ATOL, CUBE_WORST_ATOL = 1.0, 20


def test_pq_matches_st_2084():
    codes = np.array([0.0, 0.508078, 0.580689, 0.751827, 1.0])
    assert pq_to_nits(codes) == pytest.approx([0, 100, 203, 1000, 10000], rel=2e-4)
    assert nits_to_pq(pq_to_nits(codes)) == pytest.approx(codes, abs=1e-6)


def test_hlg_matches_bt_2100():
    assert hlg_to_scene(np.array([0.0, 0.5, 1.0])) == pytest.approx([0, 1 / 12, 1], abs=1e-6)
    # Reference white, 75 %, is 203 nits on a 1000 nit display (BT.2408, table 1).
    assert 1000 * hlg_to_scene(np.array([0.75])) ** 1.2 == pytest.approx([203], rel=0.01)


@pytest.mark.parametrize("peak", [400.0, 1000.0, 4000.0, 10000.0])
def test_tone_curve_is_the_eetf(peak):
    nits = np.linspace(0, peak, 5000)
    shown = tone_curve(nits, peak)
    assert (np.diff(shown) >= 0).all()
    assert shown[-1] == pytest.approx(203, rel=1e-3)
    assert (shown <= nits + 1e-6).all()
    top = nits_to_pq(np.array(203.0)) / nits_to_pq(np.array(peak))
    knee = pq_to_nits((1.5 * top - 0.5) * nits_to_pq(np.array(peak)))
    dark = nits < knee
    assert np.allclose(shown[dark], nits[dark], rtol=1e-6)


def test_tone_curve_leaves_dim_films_alone():
    nits = np.linspace(0, 203, 100)
    assert np.allclose(tone_curve(nits, 203.0), nits, atol=1e-6)


def exact(rgb: np.ndarray, color: Color) -> np.ndarray:
    """Display RGB 0..255 of R'G'B' 0..1 in float64, step by step as the Note says."""
    if color.transfer == "pq":
        nits = pq_to_nits(rgb)
        brightest = np.maximum(nits.max(axis=-1, keepdims=True), 1e-9)
        light = nits * tone_curve(brightest, color.peak_nits) / brightest / 203
    elif color.transfer == "hlg":
        scene = hlg_to_scene(rgb)
        luminance = scene @ [0.2627, 0.6780, 0.0593]
        nits = 1000 * scene * luminance[..., None] ** 0.2
        brightest = np.maximum(nits.max(axis=-1, keepdims=True), 1e-9)
        light = nits * tone_curve(brightest, 1000.0) / brightest / 203
    else:
        light = rgb**2.4
    # BT.2087: the primaries of BT.2020 in those of BT.709.
    light = (
        light
        @ np.array(
            [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
        ).T
    )
    gray = np.clip(light @ [0.2126, 0.7152, 0.0722], 0, 1)[..., None]
    low = np.minimum(light.min(axis=-1, keepdims=True), 0)
    high = np.maximum(light.max(axis=-1, keepdims=True), 1)
    keep = np.minimum(gray / np.maximum(gray - low, 1e-9), 1)
    keep = np.where(low < 0, keep, 1)
    keep = np.minimum(keep, np.where(high > 1, (1 - gray) / np.maximum(high - gray, 1e-9), 1))
    light = np.clip(gray + keep * (light - gray), 0, 1)
    if color.transfer == "sdr":
        return 255 * light ** (1 / 2.4)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("color", [PQ, HLG, WIDE], ids=["pq", "hlg", "bt2020-sdr"])
def test_fast_path_equals_float64(color):
    rgb = np.random.default_rng(3).random((60, 50, 3))
    rgb[0, 0], rgb[0, 1], rgb[0, 2] = 0, 1, (1, 0, 0)
    codes = np.rint(rgb * 65535).astype(np.uint16)
    shown = to_display(codes, color)
    expected = exact(codes / 65535, color)
    assert expected.std() > 30
    # Near the corners of the gamut the published 4-digit matrix and ours differ by a hair.
    assert np.abs(shown - expected).max() <= TABLE_ATOL + 0.5
    assert (shown[0, 0] == 0).all()
    assert (shown[0, 1] >= 254).all()


@pytest.mark.parametrize("color", [PQ, HLG, WIDE], ids=["pq", "hlg", "bt2020-sdr"])
def test_grays_stay_gray(color):
    ramp = np.linspace(0, 65535, 500).astype(np.uint16)
    shown = to_display(np.repeat(ramp[None, :, None], 3, axis=2), color)[0].astype(int)
    assert np.ptp(shown, axis=1).max() <= 1
    assert (np.diff(shown[:, 1]) >= 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 70000), (130, 600)], ids=str)
def test_any_size_and_blocks_do_not_show(shape):
    codes = np.random.default_rng(4).integers(0, 65536, (*shape, 3)).astype(np.uint16)
    shown = to_display(codes, PQ)
    assert shown.shape == (*shape, 3)
    assert (shown[-1:] == to_display(codes[-1:], PQ)).all()


def hdr_frame(transfer: int, rgb: np.ndarray):
    """10-bit 4:4:4 limited-range frame of R'G'B' 0..1, tagged as HDR."""
    ycc = rgb_to_ycbcr(rgb, "bt2020") * [876, 896, 896] + [64, 512, 512]
    planes = list(np.rint(ycc).astype(np.uint16).transpose(2, 0, 1))
    image = planar("yuv444p10le", planes)
    return tagged(image, matrix="bt2020", primaries="bt2020", transfer=transfer, full=False)


@pytest.mark.parametrize(("transfer", "color"), [(16, PQ), (18, HLG)], ids=["pq", "hlg"])
def test_display_of_an_hdr_frame(transfer, color):
    rng = np.random.default_rng(5)
    rgb = np.kron(0.1 + 0.6 * rng.random((6, 8, 3)), np.ones((8, 8, 1)))
    image = hdr_frame(transfer, rgb)
    frame, info = wrapped(image)
    assert info.color == color
    shown = display_rgb(frame, info)
    error = np.abs(shown[4::8, 4::8] - exact(rgb[4::8, 4::8], color))
    assert np.median(error) <= 1
    assert error.max() <= 6  # half a 10-bit chroma code is several levels in dark blue
    small = display_rgb(frame, info, max_long_side=8)
    assert np.median(np.abs(small - exact(rgb[4::8, 4::8], color))) <= 2


@pytest.mark.parametrize("color", [PQ, HLG], ids=["pq", "hlg"])
@pytest.mark.parametrize("depth", [8, 10, 12])
def test_luma_curve_is_what_grays_become(color, depth):
    curve = luma_curve(color, depth)
    assert curve.shape == (2**depth,)
    assert curve.dtype == np.uint8
    assert (np.diff(curve.astype(int)) >= 0).all()
    unit = 2 ** (depth - 8)
    assert curve[16 * unit] == 0
    assert curve[235 * unit] >= 254
    codes = np.arange(16 * unit, 235 * unit, 7 * unit)
    grays = ((codes - 16 * unit) / (219 * unit))[:, None].repeat(3, axis=1)
    assert np.abs(curve[codes] - exact(grays, color)[:, 1]).max() <= TABLE_ATOL


@pytest.mark.parametrize("color", [PQ, HLG, WIDE], ids=["pq", "hlg", "bt2020-sdr"])
def test_cell_cube_gives_what_pictures_show(color):
    cube = cell_lut(color).astype(float)
    assert cube.shape == (LUT_POINTS,) * 3 + (3,)
    rng = np.random.default_rng(6)
    rgb = 0.15 + 0.5 * rng.random((400, 1)) + 0.15 * (rng.random((400, 3)) - 0.5)
    ycc = rgb_to_ycbcr(rgb, "bt2020")
    gray = exact(ycc[:, :1].repeat(3, axis=1), color)[:, 1]  # what `luma_curve` makes of Y
    where = np.stack([gray, ycc[:, 1] * 255 + 128, ycc[:, 2] * 255 + 128], axis=-1)
    given = trilinear(cube, where / 255 * (LUT_POINTS - 1))
    expected = rgb_to_ycbcr(exact(rgb, color) / 255, "bt709") * 255 + [0, 128, 128]
    error = np.abs(given - expected)
    assert error.mean() < CUBE_MEAN_ATOL
    assert error.max() < CUBE_WORST_ATOL


def trilinear(cube: np.ndarray, where: np.ndarray) -> np.ndarray:
    low = np.clip(where.astype(int), 0, cube.shape[0] - 2)
    part = where - low
    out = np.zeros_like(where)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=1, keepdims=True)
        out += weight * cube[tuple((low + corner).T)]
    return out


def test_mastering_metadata_sets_the_peak(video):
    with open_source(video("hdr10_av1_1080p60_1s.mp4")) as source:
        assert source.info.color.transfer == "pq"
        assert source.info.color.peak_nits == 1100
        again = color_of(next(source.frames()).image, "av1")
        assert again == source.info.color


@pytest.mark.parametrize(
    "name",
    [
        "hdr10_av1_1080p60_1s.mp4",
        "hdr10_av1_vertical_4s.mp4",
        "phone_hlg_hevc_rot90_editlist.mp4",
    ],
)
def test_real_hdr_is_neither_washed_out_nor_dark(video, name):
    with open_source(video(name)) as source:
        frame = next(source.keyframes())
        shown = display_rgb(frame, source.info, max_long_side=480)
    darkest, brightest = np.percentile(shown, [1, 99])
    assert darkest < 60
    assert brightest > 180
    assert 30 < shown.mean() < 200
