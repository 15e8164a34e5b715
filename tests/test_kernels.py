"""The signals of the core against their restatement in NumPy, implementation by implementation."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import references
from core_frames import Kind, planes
from fastthumb import _core
from fastthumb.errors import DeviceUnavailable
from references import Layout

# The core's gains are 2^22 fixed point on sums of at most 16 bits: within a hundredth of a level
# of the real value before it is rounded (0.5) to the byte.
ROUNDED = 0.51
CURVE_STEPS = 1.01  # codes: a 16-bit mean is looked up within a step of its rounded value
LUT_LEVELS = 1.01  # positions in the table are rounded to 1/256 of a step of up to 255 levels
# Statistics of the same bytes: integer sums on both sides, float64 only in the last division.
EXACT = 1e-11
# CIELAB comes from tables: quarter levels of R'G'B', 2048 steps of the cube root. Over 30,000
# random colors one cell was within 0.11 of L and 0.44 of a and b (near black); means are closer.
LAB_L_ATOL = 0.12
LAB_AB_ATOL = 0.5
GRID_RTOL = 1e-6  # float32 quotients

SHAPES = [(1, 1), (1, 7), (7, 1), (3, 3), (7, 5), (33, 17), (360, 640), (361, 641), (1080, 1921)]
KINDS: list[Kind] = ["random", "flat", "gradient", "extremes", "checkerboard", "bars", "moving"]
IMPLEMENTATIONS = _core.implementations("frame_signals")
MOTION = ["motion", "camera_x", "camera_y", "motion_spread", "compensated_difference"]


def test_the_device_is_tested_where_it_has_to_be() -> None:
    if os.environ.get("FASTTHUMB_REQUIRE_CUDA"):
        assert "cuda" in IMPLEMENTATIONS, "FASTTHUMB_REQUIRE_CUDA is set, but CUDA is not built in"


def meter_of(layout: Layout, implementation: str) -> Any:
    core_layout = _core.FrameLayout(layout.width, layout.height, **layout.arguments())
    try:
        return _core.SignalMeter(core_layout, implementation=implementation)
    except DeviceUnavailable as exc:
        if os.environ.get("FASTTHUMB_REQUIRE_CUDA"):
            raise
        pytest.skip(str(exc))


def check_frame(meter: Any, layout: Layout, parts: list[Any], signals: Any) -> None:
    """Compare what the meter made of one frame, its planes being `parts`, with the references."""
    luma, cells = meter.working_luma(), meter.cells()
    expected_luma = references.working_luma(parts[0], layout)
    if layout.luma_curve is None:
        np.testing.assert_allclose(luma, expected_luma, rtol=0, atol=ROUNDED)
    else:
        lowest = np.ceil(expected_luma - CURVE_STEPS).astype(np.int64)
        codes = np.clip(lowest[..., None] + np.arange(3), 0, len(layout.luma_curve) - 1)
        found = layout.luma_curve[codes] == luma[..., None]
        assert found.any(axis=-1).all(), "working luma is not on the curve"
    expected = references.luma_statistics(luma) | references.bars(luma)

    plain = np.full((*references.geometry(layout).cells, 3), 128.0)
    plain[..., 0] = references.cell_luma(luma, layout)
    if layout.chroma != "none":
        plain[..., 1:] = np.stack(
            [references.cell_chroma(part, layout) for part in parts[1:]], axis=-1
        )
    if layout.cell_lut is None:
        np.testing.assert_array_equal(cells[..., 0], plain[..., 0])
        np.testing.assert_allclose(cells, plain, rtol=0, atol=ROUNDED)
    else:
        # The chroma that enters the table is only known to half a level: a smooth table keeps it.
        mapped = references.mapped_cells(np.rint(plain).astype(np.uint8), layout.cell_lut)
        np.testing.assert_allclose(cells, mapped, rtol=0, atol=LUT_LEVELS + 1)
    lightness, a, b = references.lab(cells, layout.matrix)
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(signals, name), value, EXACT, EXACT, err_msg=name)
    np.testing.assert_array_equal(signals.chroma_histogram, references.chroma_histogram(cells))
    np.testing.assert_allclose(signals.grid, references.grid(cells), GRID_RTOL)
    assert signals.lightness == pytest.approx(lightness.mean(), abs=LAB_L_ATOL)
    assert signals.a_mean == pytest.approx(a.mean(), abs=LAB_AB_ATOL)
    assert signals.b_mean == pytest.approx(b.mean(), abs=LAB_AB_ATOL)
    assert signals.chroma == pytest.approx(np.hypot(a, b).mean(), abs=LAB_AB_ATOL)


def check_film(
    layout: Layout, kind: Kind, implementation: str, *, frames: int = 3, **how: Any
) -> Any:
    meter = meter_of(layout, implementation)
    before: tuple[Any, Any] | None = None
    signals = None
    for frame in range(frames):
        buffers, pitches, parts = planes(layout, kind, frame, **how)
        signals = meter.measure(buffers, pitches)
        check_frame(meter, layout, parts, signals)
        luma, cells = meter.working_luma(), meter.cells()
        assert signals.has_previous == (before is not None)
        expected = dict.fromkeys(["difference", *MOTION], 0.0)
        if before is not None:
            change = np.abs(luma.astype(np.int64) - before[0])
            expected = references.block_motion(before[1][..., 0], cells[..., 0])
            expected["difference"] = change.mean()
        for name, value in expected.items():
            assert getattr(signals, name) == pytest.approx(value, rel=EXACT, abs=EXACT), name
        before = luma, cells
    return signals


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("kind", KINDS)
def test_signals_match_numpy(implementation: str, shape: tuple[int, int], kind: Kind) -> None:
    layout = Layout(width=shape[1], height=shape[0])
    frames = 2 if shape[0] > 1000 else 3
    signals = check_film(layout, kind, implementation, frames=frames, pad=3)
    if shape[0] >= 360 and kind != "flat":
        assert signals.luma_std > 0, "flat input proves nothing"
        assert signals.laplacian_variance > 0
        assert signals.difference > 0


SMOOTH_LUT = np.rint(  # swaps nothing, bends everything: (Y, Cb, Cr) each by another curve
    np.stack(
        [
            255 * (np.mgrid[:9, :9, :9][0] / 8) ** 0.8,
            108 + 100 * (np.mgrid[:9, :9, :9][1] / 4 - 1),
            128 - 90 * (np.mgrid[:9, :9, :9][2] / 4 - 1),
        ],
        axis=-1,
    )
).astype(np.uint8)

FORMATS = {
    "gray": Layout(641, 361, chroma="none"),
    "4:1:1": Layout(641, 361, chroma_shift_x=2, chroma_shift_y=0),
    "4:1:0": Layout(641, 361, chroma_shift_x=2, chroma_shift_y=2),
    "4:2:2": Layout(641, 361, chroma_shift_y=0),
    "4:4:0": Layout(641, 361, chroma_shift_x=0),
    "4:4:4": Layout(641, 361, chroma_shift_x=0, chroma_shift_y=0),
    "NV12": Layout(641, 361, chroma="interleaved"),
    "NV16": Layout(641, 361, chroma="interleaved", chroma_shift_y=0),
    "full range": Layout(641, 361, full_range=True),
    "bt601": Layout(641, 361, matrix="bt601"),
    "bt2020": Layout(641, 361, matrix="bt2020"),
    "9 bits": Layout(641, 361, bit_depth=9),
    "10 bits": Layout(1301, 723, bit_depth=10),
    "12 bits": Layout(1301, 723, bit_depth=12, full_range=True),
    "16 bits": Layout(1301, 1083, bit_depth=16),
    "P010": Layout(1301, 723, bit_depth=10, msb_shift=6, chroma="interleaved"),
    "1440 lines of 8 bits": Layout(1443, 1501),
    "5 to 1": Layout(1801, 1805, bit_depth=10),
    "6 to 1, 12 bits": Layout(2191, 2163, bit_depth=12),
    "8 to 1": Layout(2900, 2890),
    "interlaced": Layout(720, 576, fields=2),
    "interlaced, odd": Layout(361, 363, fields=2),
    "interlaced HD": Layout(1920, 1080, fields=2, chroma="interleaved"),
    "interlaced and tiny": Layout(1, 3, fields=2),
    "portrait": Layout(400, 1500),
    "a line of 5000": Layout(5000, 1),
    "5000 lines": Layout(1, 5000),
    "curve": Layout(
        641, 361, bit_depth=10, luma_curve=(np.arange(1024) ** 0.5 * 7.97).astype(np.uint8)
    ),
    "curve of 8 bits": Layout(641, 361, luma_curve=np.arange(255, -1, -1).astype(np.uint8)),
    "cell table": Layout(641, 361, cell_lut=SMOOTH_LUT),
    "gray, cell table": Layout(641, 361, chroma="none", cell_lut=SMOOTH_LUT),
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("layout", FORMATS.values(), ids=FORMATS.keys())
@pytest.mark.parametrize("kind", ["random", "moving"])
def test_formats_match_numpy(implementation: str, layout: Layout, kind: Kind) -> None:
    check_film(layout, kind, implementation, frames=2, pad=5)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("layout", [FORMATS["10 bits"], FORMATS["P010"]], ids=["10 bits", "P010"])
def test_samples_above_the_depth_are_its_maximum(implementation: str, layout: Layout) -> None:
    check_film(layout, "random", implementation, frames=2, over=3000)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("pixels", "expected"), [(3, 1.0), (12, 4.0), (60, 20.0), (-150, -50.0)])
def test_a_pan_is_measured_in_working_pixels(
    implementation: str, pixels: int, expected: float
) -> None:
    layout = Layout(1920, 1080, chroma="none")
    rng = np.random.default_rng(1)
    small = rng.integers(40, 220, (1080 // 20 + 2, 2400 // 20 + 2))
    scene: Any = np.kron(small, np.ones((20, 20)))
    for axis in (0, 1):  # blurred: a picture, not a mosaic
        scene = sum(np.roll(scene, i, axis) for i in range(-12, 13)) / 25
    meter = meter_of(layout, implementation)
    for x in (200, 200 - pixels):
        view = np.ascontiguousarray(scene[:1080, x : x + 1920]).astype(np.uint8)
        signals = meter.measure((view,), (1920,))
    assert signals.camera_x == pytest.approx(expected, abs=0.6)
    assert signals.camera_y == pytest.approx(0, abs=0.3)
    assert signals.compensated_difference < signals.difference


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_nothing_moves_in_noise_and_flat_frames(implementation: str) -> None:
    layout = Layout(1920, 1080)
    rng = np.random.default_rng(2)
    meter = meter_of(layout, implementation)
    chroma = np.full((540, 960), 128, np.uint8)
    for _ in range(3):
        luma = np.clip(rng.normal(90, 6, (1080, 1920)), 0, 255).astype(np.uint8)
        signals = meter.measure((luma, chroma, chroma), (1920, 960, 960))
    assert signals.difference > 1, "without noise this proves nothing"
    assert signals.motion == 0
    assert (signals.camera_x, signals.camera_y, signals.motion_spread) == (0, 0, 0)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_black_picture_has_no_bars_but_a_letterboxed_one_has(implementation: str) -> None:
    layout = Layout(1920, 1080, chroma="none")
    meter = meter_of(layout, implementation)
    luma = np.full((1080, 1920), 16, np.uint8)
    black = meter.measure((luma,), (1920,))
    assert (black.bar_top, black.bar_bottom, black.bar_left, black.bar_right) == (0, 0, 0, 0)
    assert black.dark_share == 1
    luma[138:-138, 30:-60] = 120
    boxed = meter.measure((luma,), (1920,))
    assert (boxed.bar_top, boxed.bar_bottom, boxed.bar_left, boxed.bar_right) == (46, 46, 10, 20)


# Y, Cb, Cr of BT.709 full range (rounded to bytes) and CIELAB of the sRGB color they stand for.
KNOWN_COLORS = {
    "white": ((255, 128, 128), (100.0, 0.0, 0.0)),
    "mid gray": ((119, 128, 128), (50.034, 0.0, 0.0)),
    "black": ((0, 128, 128), (0.0, 0.0, 0.0)),
    "red": ((54, 99, 256), (53.241, 80.092, 67.203)),
    "green": ((182, 30, 12), (87.735, -86.183, 83.179)),
    "blue": ((18, 256, 116), (32.297, 79.188, -107.86)),
    "orange": ((172, 35, 181), (74.936, 23.933, 78.956)),
}
BYTE_ROUNDING = 1.5  # Y, Cb and Cr were rounded, and 256 had to become 255


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("ycbcr", "expected"), KNOWN_COLORS.values(), ids=KNOWN_COLORS.keys())
def test_lab_of_known_colors(
    implementation: str, ycbcr: tuple[int, int, int], expected: tuple[float, float, float]
) -> None:
    layout = Layout(64, 64, chroma_shift_x=0, chroma_shift_y=0, full_range=True)
    signals = meter_of(layout, implementation).measure(
        tuple(np.full((64, 64), min(v, 255), np.uint8) for v in ycbcr), (64, 64, 64)
    )
    measured = signals.lightness, signals.a_mean, signals.b_mean
    assert measured == pytest.approx(expected, abs=BYTE_ROUNDING)
    assert signals.chroma == pytest.approx(np.hypot(*expected[1:]), abs=BYTE_ROUNDING)
    if expected[1:] == (0, 0):
        assert signals.chroma == 0, "gray has no chroma at all"


def test_lab_reference_is_that_of_skimage() -> None:
    color = pytest.importorskip("skimage.color")
    rng = np.random.default_rng(3)
    rgb = rng.random((40, 50, 3)) * 0.6 + 0.2
    red, blue = references.LUMA_WEIGHTS["bt709"]
    y = rgb @ [red, 1 - red - blue, blue]
    cb = (rgb[..., 2] - y) / (2 - 2 * blue) + 128 / 255
    cr = (rgb[..., 0] - y) / (2 - 2 * red) + 128 / 255
    cells = np.stack([y, cb, cr], axis=-1)
    ours = np.stack(references.lab(cells * 255, "bt709"), axis=-1)
    np.testing.assert_allclose(ours, color.rgb2lab(rgb), atol=0.01)
