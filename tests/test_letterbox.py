"""Tensors out of planes against their restatement in NumPy, implementation by implementation."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import letterbox_references as expected
from core_frames import planes
from fastthumb import _core
from fastthumb.errors import DeviceUnavailable, FrameError, SettingsError
from letterbox_references import Wanted
from references import Layout

# float32 results of codes up to 255: half a unit in the last place is 8e-6; float64 before that.
TRUTH_ATOL = 2e-5
# The simd twin sums up to a few hundred products in float32: 1e-4 at most was seen.
FLOAT_ATOL = 5e-4
# Tables multiply that by their steepness: at most 4 levels per level in the smooth ones here.
TABLE_FACTOR = 8.0
IMPLEMENTATIONS = _core.implementations("letterbox")
ON_CPU = [name for name in IMPLEMENTATIONS if name != "cuda"]
SHAPES = [(1, 1), (1, 7), (7, 1), (3, 3), (7, 5), (33, 17), (181, 321)]
IMAGENET = {
    "mean": (123.675, 116.28, 103.53),
    "scale": (1 / 58.395, 1 / 57.12, 1 / 57.375),
}


def tolerance(implementation: str, *, tables: bool = False) -> float:
    bound = TRUTH_ATOL if implementation == "scalar" else FLOAT_ATOL
    return bound * (TABLE_FACTOR if tables else 1)


def run(function: Any, *arguments: Any, implementation: str, **options: Any) -> Any:
    """Call one of the core's functions; skips where the implementation's device is missing."""
    try:
        return function(*arguments, implementation=implementation, **options)
    except DeviceUnavailable as exc:
        if os.environ.get("FASTTHUMB_REQUIRE_CUDA"):
            raise
        pytest.skip(str(exc))


def core_layout(layout: Layout) -> Any:
    return _core.FrameLayout(layout.width, layout.height, **layout.arguments())


def core_format(wanted: Wanted) -> Any:
    return _core.TensorFormat(wanted.width, wanted.height, **wanted.arguments())


def smooth_curve(bit_depth: int) -> Any:
    rising = np.linspace(0, 1, 2**bit_depth) ** 0.6
    return np.rint(255 * rising).astype(np.uint8)


def smooth_lut(n: int) -> Any:
    grid = np.stack(np.meshgrid(*[np.linspace(0, 255, n)] * 3, indexing="ij"), axis=-1)
    mixed = grid @ np.array([[0.8, 0.1, 0.0], [0.1, 0.7, 0.1], [0.0, 0.2, 0.9]])
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


LAYOUTS = {
    "i420": Layout(1, 1),
    "nv12": Layout(1, 1, chroma="interleaved"),
    "gray": Layout(1, 1, chroma="none"),
    "422": Layout(1, 1, chroma_shift_y=0),
    "444-full-601": Layout(
        1, 1, chroma_shift_x=0, chroma_shift_y=0, full_range=True, matrix="bt601"
    ),
    "411": Layout(1, 1, chroma_shift_x=2, chroma_shift_y=0),
    "410": Layout(1, 1, chroma_shift_x=2, chroma_shift_y=2),
    "440-2020": Layout(1, 1, chroma_shift_x=0, matrix="bt2020"),
    "p010": Layout(1, 1, bit_depth=10, msb_shift=6, chroma="interleaved"),
    "10-bit": Layout(1, 1, bit_depth=10),
    "16-bit-full": Layout(1, 1, bit_depth=16, full_range=True),
    "fields": Layout(1, 1, fields=2),
    "nv12-fields": Layout(1, 1, fields=2, chroma="interleaved"),
    "curve": Layout(1, 1, bit_depth=10, luma_curve=smooth_curve(10)),
    "lut": Layout(1, 1, matrix="bt709", cell_lut=smooth_lut(5)),
    "curve-lut": Layout(1, 1, bit_depth=10, luma_curve=smooth_curve(10), cell_lut=smooth_lut(17)),
    "gray-lut": Layout(1, 1, chroma="none", cell_lut=smooth_lut(9)),
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_frame_fits_as_the_formula_says(name: str, shape: Any, implementation: str) -> None:
    layout = LAYOUTS[name].with_(height=shape[0], width=shape[1])
    buffers, pitches, parts = planes(layout, "random", seed=3, pad=5)
    region = (0.0, 0.0, float(layout.width), float(layout.height))
    for size in [(16, 9), (37, 61)]:
        wanted = Wanted(40, 64, bgr=True, fill=114.0)
        got = run(
            _core.fit_planes,
            core_layout(layout),
            buffers,
            pitches,
            region,
            size,
            core_format(wanted),
            implementation=implementation,
        )
        assert got.dtype == np.float32
        assert got.shape == (3, 64, 40)
        correct = expected.fit(layout, parts, region, size, wanted)
        tables = layout.luma_curve is not None or layout.cell_lut is not None
        np.testing.assert_allclose(
            got, correct, rtol=0, atol=tolerance(implementation, tables=tables)
        )
        if min(shape) > 1:
            assert correct[:, : size[1], : size[0]].std() > 1, "a flat picture proves nothing"


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("mirrored", [False, True], ids=["", "mirrored"])
@pytest.mark.parametrize("quarter_turns", range(4))
@pytest.mark.parametrize("kind", ["area", "cubic"])
def test_turns_mirrors_regions_and_normalization(
    kind: Any, quarter_turns: int, mirrored: bool, implementation: str
) -> None:
    layout = Layout(67, 45)
    buffers, pitches, parts = planes(layout, "extremes", seed=1)
    wanted = Wanted(48, 40, fill=50.0, **IMAGENET)
    for region in [(3.3, 5.1, 60.2, 40.9), (-20.5, 11.0, 12.25, 90.0), (30.0, 20.0, 30.7, 20.9)]:
        for size in [(48, 40), (11, 23), (1, 1)]:
            got = run(
                _core.fit_planes,
                core_layout(layout),
                buffers,
                pitches,
                region,
                size,
                core_format(wanted),
                quarter_turns=quarter_turns,
                mirrored=mirrored,
                filter=kind,
                implementation=implementation,
            )
            correct = expected.fit(
                layout,
                parts,
                region,
                size,
                wanted,
                quarter_turns=quarter_turns,
                mirrored=mirrored,
                kind=kind,
            )
            np.testing.assert_allclose(got, correct, rtol=0, atol=tolerance(implementation))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids="{0[0]}x{0[1]}".format)
def test_an_rgb_picture_fits_and_warps_as_the_formula_says(shape: Any, implementation: str) -> None:
    rgb = np.random.default_rng(5).integers(0, 256, (*shape, 3), dtype=np.uint8)
    region = (0.0, 0.0, float(shape[1]), float(shape[0]))
    wanted = Wanted(31, 29, scale=(1 / 255, 1 / 255, 1 / 255), fill=9.0)
    got = run(
        _core.fit_rgb, rgb, region, (31, 20), core_format(wanted), implementation=implementation
    )
    correct = expected.fit(None, [rgb], region, (31, 20), wanted)
    np.testing.assert_allclose(got, correct, rtol=0, atol=tolerance(implementation))
    matrix = np.array([[1.7, -0.6, 2.0], [0.6, 1.7, -3.0]])
    got = run(_core.warp_rgb, rgb, matrix, core_format(wanted), implementation=implementation)
    correct = expected.warp(None, [rgb], matrix, wanted)
    np.testing.assert_allclose(got, correct, rtol=0, atol=tolerance(implementation))


def turn(scale: float, degrees: float, x: float, y: float) -> Any:
    """Tensor px to frame px: `scale` frame px per tensor px, turned, and moved."""
    angle = np.deg2rad(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y]])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("scale", [0.31, 1.0, 1.9, 4.7, 40.0])
@pytest.mark.parametrize("name", ["i420", "nv12", "p010", "444-full-601", "fields", "curve-lut"])
def test_a_frame_warps_as_the_formula_says(name: str, scale: float, implementation: str) -> None:
    layout = LAYOUTS[name].with_(height=101, width=143)
    buffers, pitches, parts = planes(layout, "random", seed=8, pad=3)
    wanted = Wanted(33, 28, fill=20.0)
    for degrees in (0.0, 17.0, -120.0):
        for center in [(70.0, 50.0), (0.0, 95.0), (160.0, -30.0)]:
            half = turn(scale, degrees, 0, 0) @ np.array([16.5, 14.0, 1.0])
            matrix = turn(scale, degrees, center[0] - half[0], center[1] - half[1])
            got = run(
                _core.warp_planes,
                core_layout(layout),
                buffers,
                pitches,
                matrix,
                core_format(wanted),
                implementation=implementation,
            )
            correct = expected.warp(layout, parts, matrix, wanted)
            tables = layout.cell_lut is not None
            np.testing.assert_allclose(
                got, correct, rtol=0, atol=tolerance(implementation, tables=tables)
            )


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    bit_depth = draw(st.sampled_from([8, 8, 9, 10, 12, 16]))
    side = st.one_of(st.integers(1, 40), st.integers(100, 300))
    return Layout(
        draw(side),
        draw(side),
        chroma_shift_x=draw(st.integers(0, 2)),
        chroma_shift_y=draw(st.integers(0, 2)),
        bit_depth=bit_depth,
        msb_shift=draw(st.integers(0, 16 - bit_depth)) if bit_depth > 8 else 0,
        chroma=draw(st.sampled_from(["planar", "interleaved", "none"])),
        full_range=draw(st.booleans()),
        matrix=draw(st.sampled_from(["bt601", "bt709", "bt2020"])),
        fields=draw(st.sampled_from([1, 2])),
    )


@given(
    layouts(),
    st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.001, 2), st.floats(0.001, 2)),
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(["area", "cubic"]),
    st.integers(0, 3),
)
@settings(max_examples=80, deadline=None)
def test_implementations_agree(
    layout: Layout, box: Any, size: Any, turns: int, mirrored: bool, kind: Any, over: int
) -> None:
    buffers, pitches, _ = planes(layout, "extremes", pad=over, over=over)
    x, y = box[0] * layout.width, box[1] * layout.height
    region = (x, y, x + box[2] * layout.width, y + box[3] * layout.height)
    made = [
        _core.fit_planes(
            core_layout(layout),
            buffers,
            pitches,
            region,
            size,
            _core.TensorFormat(70, 70, fill=7.0),
            quarter_turns=turns,
            mirrored=mirrored,
            filter=kind,
            implementation=implementation,
        )
        for implementation in ON_CPU
    ]
    for other in made[1:]:
        np.testing.assert_allclose(other, made[0], rtol=0, atol=FLOAT_ATOL)


@pytest.mark.parametrize("name", ["i420", "nv12-fields", "p010", "curve-lut", "gray-lut"])
def test_the_device_gives_the_bits_of_the_fast_cpu_twin(name: str) -> None:
    if "cuda" not in IMPLEMENTATIONS:
        pytest.skip("CUDA is not built in")
    layout = LAYOUTS[name].with_(height=181, width=323)
    buffers, pitches, _ = planes(layout, "random", seed=9, pad=2)
    for quarter_turns in range(4):
        tensors = [
            run(
                _core.fit_planes,
                core_layout(layout),
                buffers,
                pitches,
                (-3.0, 5.5, 320.0, 200.0),
                (90, 77),
                _core.TensorFormat(96, 80, bgr=True, fill=114.0, **IMAGENET),
                quarter_turns=quarter_turns,
                implementation=implementation,
            )
            for implementation in ("simd", "cuda")
        ]
        np.testing.assert_array_equal(*tensors)
    looks = [
        run(
            _core.warp_planes,
            core_layout(layout),
            buffers,
            pitches,
            turn(3.3, 25.0, -20.0, 30.0),
            _core.TensorFormat(112, 112, fill=5.0),
            implementation=implementation,
        )
        for implementation in ("simd", "cuda")
    ]
    np.testing.assert_array_equal(*looks)


def test_nothing_is_changed_where_nothing_is_asked() -> None:
    """A picture of the size of the tensor comes out as it is, to the bit."""
    rgb = np.random.default_rng(2).integers(0, 256, (31, 45, 3), dtype=np.uint8)
    region = (0.0, 0.0, 45.0, 31.0)
    for implementation in ON_CPU:
        for kind in ("area", "cubic"):
            tensor = _core.fit_rgb(
                rgb,
                region,
                (45, 31),
                _core.TensorFormat(45, 31),
                filter=kind,
                implementation=implementation,
            )
            np.testing.assert_array_equal(tensor, rgb.transpose(2, 0, 1))
        still = np.array([[1.0, 0, 0], [0, 1, 0]])
        tensor = _core.warp_rgb(
            rgb, still, _core.TensorFormat(45, 31), implementation=implementation
        )
        np.testing.assert_array_equal(tensor, rgb.transpose(2, 0, 1))


def test_a_picture_beyond_the_region_is_all_fill() -> None:
    rgb = np.full((8, 8, 3), 200, np.uint8)
    wanted = _core.TensorFormat(6, 5, mean=(1, 1, 1), scale=(2, 2, 2), fill=4.0)
    for implementation in ON_CPU:
        tensor = _core.fit_rgb(rgb, (9, 9, 20, 20), (6, 5), wanted, implementation=implementation)
        assert (tensor == 6).all()
        away = np.array([[1.0, 0, 500], [0, 1, 500]])
        assert (_core.warp_rgb(rgb, away, wanted, implementation=implementation) == 6).all()


WHOLE = (0.0, 0.0, 8.0, 6.0)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"region": (4.0, 0.0, 4.0, 6.0)}, "x0 < x1"),
        ({"region": (0.0, 6.0, 8.0, 0.0)}, "y0 < y1"),
        ({"region": (NAN, 0.0, 8.0, 6.0)}, "region"),
        ({"region": (0.0, 0.0, INF, 6.0)}, "region"),
        ({"region": (0.0, 0.0, 1e9, 6.0)}, "region"),
        ({"size": (0, 4)}, "part of at most"),
        ({"size": (17, 4)}, "part of at most"),
        ({"size": (4, -1)}, "part of at most"),
        ({"format": _core.TensorFormat(0, 16)}, "1 to 16384"),
        ({"format": _core.TensorFormat(16, 1 << 30)}, "1 to 16384"),
        ({"format": _core.TensorFormat(16, 16, mean=(NAN, 0, 0))}, "finite"),
        ({"format": _core.TensorFormat(16, 16, fill=INF)}, "finite"),
        ({"rgb": np.zeros((6, 8), np.uint8)}, "height, width, 3"),
        ({"rgb": np.zeros((6, 8, 4), np.uint8)}, "height, width, 3"),
        ({"rgb": np.zeros((0, 8, 3), np.uint8)}, "1 to 65535"),
        ({"rgb": np.zeros((1, 70000, 3), np.uint8)}, "1 to 65535"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "rgb": np.zeros((6, 8, 3), np.uint8),
        "region": WHOLE,
        "size": (16, 12),
        "format": _core.TensorFormat(16, 16),
    }
    with pytest.raises(FrameError, match=message):
        _core.fit_rgb(**(arguments | changes))


def test_frames_and_matrices_that_cannot_be_are_refused() -> None:
    layout = core_layout(Layout(8, 6))
    buffers, pitches, _ = planes(Layout(8, 6), "random")
    tensor = _core.TensorFormat(16, 16)
    with pytest.raises(FrameError, match="planes"):
        _core.fit_planes(layout, buffers[:2], pitches[:2], WHOLE, (16, 12), tensor)
    short = (buffers[0][:-1], *buffers[1:])
    with pytest.raises(FrameError, match="bytes"):
        _core.fit_planes(layout, short, pitches, WHOLE, (16, 12), tensor)
    with pytest.raises(FrameError, match="quarter turns"):
        _core.fit_planes(layout, buffers, pitches, WHOLE, (16, 12), tensor, quarter_turns=4)
    with pytest.raises(SettingsError, match="no filter 'lanczos'; use area, cubic"):
        _core.fit_planes(layout, buffers, pitches, WHOLE, (16, 12), tensor, filter="lanczos")
    with pytest.raises(SettingsError, match="no implementation 'gpu'"):
        _core.fit_planes(layout, buffers, pitches, WHOLE, (16, 12), tensor, implementation="gpu")
    for matrix in (np.full((2, 3), NAN), np.full((2, 3), 1e12)):
        with pytest.raises(FrameError, match="matrix"):
            _core.warp_planes(layout, buffers, pitches, matrix, tensor)
    with pytest.raises(FrameError, match=r"\(2, 3\)"):
        _core.warp_planes(layout, buffers, pitches, np.eye(3), tensor)
    with pytest.raises(TypeError):
        _core.warp_planes(layout, buffers, pitches, np.zeros((2, 3), np.float32), tensor)
