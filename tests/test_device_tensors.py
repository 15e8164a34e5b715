"""Tensors of frames in device memory against every implementation on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_frames import DeviceFilm, DeviceTensors, stream_or_skip
from fastthumb import _core
from fastthumb.errors import FrameError, SettingsError
from references import Layout
from test_letterbox import FLOAT_ATOL, IMAGENET, LAYOUTS, SHAPES, TABLE_FACTOR, layouts, turn

IMPLEMENTATIONS = _core.implementations("letterbox")
FORMAT = _core.TensorFormat(48, 40, bgr=True, fill=114.0, **IMAGENET)
PLAIN = _core.TensorFormat(48, 40, fill=3.0)
Region = tuple[float, float, float, float]


def same(implementation: str, found: Any, truth: Any, scale: float = 1.0) -> None:
    """The bits of the twins that sum in float32; the plain truth sums in float64."""
    if implementation == "scalar":
        np.testing.assert_allclose(found, truth, rtol=0, atol=FLOAT_ATOL * scale)
    else:
        np.testing.assert_array_equal(found, truth)


def fitted(
    film: DeviceFilm, which: list[int], regions: Any, sizes: Any, stream: Any, **how: Any
) -> Any:
    """Tensors on the device of FORMAT, downloaded."""
    out = DeviceTensors(len(which), 40, 48, stream)
    frames = [film.frames[i] for i in which]
    _core.fit_device(
        film.layout, frames, regions, sizes, FORMAT, out=out.address, stream=stream, **how
    )
    return out.host()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", ["random", "flat", "extremes"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_batch_fits_as_each_frame_does(name: str, kind: Any, implementation: str) -> None:
    stream = stream_or_skip()
    layout = LAYOUTS[name].with_(height=181, width=323)
    film = DeviceFilm(layout, kind, 3, stream, pad=5)
    which = [0, 0, 1, 2, 2]
    regions: list[Region] = [(0, 0, 323, 181)] * 4 + [(-20.5, 11.0, 12.25, 90.0)]
    sizes = [(48, 27), (48, 27), (48, 27), (30, 40), (48, 40)]
    found = fitted(film, which, regions, sizes, stream)
    steep = TABLE_FACTOR if layout.luma_curve is not None or layout.cell_lut is not None else 1.0
    for i, frame in enumerate(which):
        truth = _core.fit_planes(
            film.layout,
            *film.host[frame],
            regions[i],
            sizes[i],
            FORMAT,
            implementation=implementation,
        )
        same(implementation, found[i], truth, steep)


@pytest.mark.parametrize("shape", SHAPES, ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("name", ["i420", "nv12", "p010", "16-bit-full", "nv12-fields"])
def test_sizes(name: str, shape: tuple[int, int]) -> None:
    stream = stream_or_skip()
    layout = LAYOUTS[name].with_(height=shape[0], width=shape[1])
    film = DeviceFilm(layout, "random", 1, stream, pad=1, shift=2)
    region = (0.0, 0.0, float(shape[1]), float(shape[0]))
    found = fitted(film, [0], [region], [(37, 39)], stream)
    truth = _core.fit_planes(film.layout, *film.host[0], region, (37, 39), FORMAT)
    np.testing.assert_array_equal(found[0], truth)


@pytest.mark.parametrize("mirrored", [False, True], ids=["", "mirrored"])
@pytest.mark.parametrize("quarter_turns", range(4))
@pytest.mark.parametrize("kind", ["area", "cubic"])
def test_turns_mirrors_and_filters(kind: str, quarter_turns: int, mirrored: bool) -> None:
    stream = stream_or_skip()
    film = DeviceFilm(Layout(67, 45, chroma="interleaved"), "extremes", 1, stream)
    regions = [(3.3, 5.1, 60.2, 40.9), (-20.5, 11.0, 12.25, 90.0), (90.0, 0.0, 99.0, 9.0)]
    sizes = [(48, 40), (11, 23), (5, 5)]
    how: Any = {"quarter_turns": quarter_turns, "mirrored": mirrored, "filter": kind}
    found = fitted(film, [0, 0, 0], regions, sizes, stream, **how)
    for i, (region, size) in enumerate(zip(regions, sizes, strict=True)):
        truth = _core.fit_planes(film.layout, *film.host[0], region, size, FORMAT, **how)
        np.testing.assert_array_equal(found[i], truth)


@given(
    layouts(),
    st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.01, 2), st.floats(0.01, 2)),
    st.tuples(st.integers(1, 48), st.integers(1, 40)),
    st.integers(0, 3),
    st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_any_layout(layout: Layout, box: Any, size: Any, turns: int, over: int) -> None:
    stream = stream_or_skip()
    film = DeviceFilm(layout, "extremes", 1, stream, pad=over, over=over)
    x, y = box[0] * layout.width, box[1] * layout.height
    region = (x, y, x + box[2] * layout.width, y + box[3] * layout.height)
    found = fitted(film, [0], [region], [size], stream, quarter_turns=turns)
    truth = _core.fit_planes(film.layout, *film.host[0], region, size, FORMAT, quarter_turns=turns)
    np.testing.assert_array_equal(found[0], truth)


def test_calls_one_after_another_do_not_disturb_each_other() -> None:
    """Many calls without a wait: each has tables of its own size, which are replaced in flight."""
    stream = stream_or_skip()
    film = DeviceFilm(Layout(400, 300, chroma="interleaved"), "random", 4, stream)
    rng = np.random.default_rng(4)
    calls = []
    for call in range(40):
        count = int(rng.integers(1, 9))
        which = rng.integers(0, 4, count).tolist()
        corners = rng.uniform(0, 100, (count, 2))
        regions = np.hstack([corners, corners + rng.uniform(2, 200, (count, 2))]).tolist()
        sizes = [(1 + (7 * call + i) % 48, 1 + (5 * call + i) % 40) for i in range(count)]
        calls.append((which, regions, sizes, DeviceTensors(count, 40, 48, stream)))
    for which, regions, sizes, out in calls:
        frames = [film.frames[i] for i in which]
        _core.fit_device(
            film.layout, frames, regions, sizes, FORMAT, out=out.address, stream=stream
        )
    for which, regions, sizes, out in calls:
        found = out.host()
        for i, frame in enumerate(which):
            truth = _core.fit_planes(film.layout, *film.host[frame], regions[i], sizes[i], FORMAT)
            np.testing.assert_array_equal(found[i], truth)


@pytest.mark.parametrize("count", [1, 3, 32])
def test_batches_of_any_size_give_the_same(count: int) -> None:
    stream = stream_or_skip()
    film = DeviceFilm(Layout(200, 120, chroma="interleaved"), "random", 32, stream)
    whole = (0.0, 0.0, 200.0, 120.0)
    matrix = turn(3.1, 20.0, 4.0, 5.0)
    for first in range(0, 32, count):
        frames = film.frames[first : first + count]
        n = len(frames)
        fits, warps = (DeviceTensors(n, 40, 48, stream) for _ in range(2))
        _core.fit_device(
            film.layout,
            frames,
            [whole] * n,
            [(48, 29)] * n,
            FORMAT,
            out=fits.address,
            stream=stream,
        )
        _core.warp_device(
            film.layout, frames, np.stack([matrix] * n), PLAIN, out=warps.address, stream=stream
        )
        for i in range(n):
            planes = film.host[first + i]
            fit = _core.fit_planes(film.layout, *planes, whole, (48, 29), FORMAT)
            np.testing.assert_array_equal(fits.host()[i], fit)
            warp = _core.warp_planes(film.layout, *planes, matrix, PLAIN)
            np.testing.assert_array_equal(warps.host()[i], warp)


def test_the_tables_of_a_layout_are_replaced_with_the_layout() -> None:
    stream = stream_or_skip()
    for name in ["curve", "curve-lut", "lut", "i420", "curve"]:
        layout = LAYOUTS[name].with_(height=60, width=90)
        film = DeviceFilm(layout, "random", 1, stream)
        found = fitted(film, [0], [(0, 0, 90, 60)], [(48, 32)], stream)
        truth = _core.fit_planes(film.layout, *film.host[0], (0, 0, 90, 60), (48, 32), FORMAT)
        np.testing.assert_array_equal(found[0], truth)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("name", ["i420", "nv12", "p010", "444-full-601", "fields", "curve-lut"])
def test_a_batch_warps_as_each_frame_does(name: str, implementation: str) -> None:
    stream = stream_or_skip()
    layout = LAYOUTS[name].with_(height=101, width=143)
    film = DeviceFilm(layout, "random", 1, stream, pad=3)
    matrices = np.stack(
        [
            turn(scale, degrees, x, y)
            for scale in (0.31, 1.0, 4.7, 40.0)
            for degrees, x, y in [(0.0, 20.0, 10.0), (-120.0, 70.0, 95.0), (17.0, 900.0, 9.0)]
        ]
    )
    out = DeviceTensors(len(matrices), 40, 48, stream)
    frames = film.frames * len(matrices)
    _core.warp_device(film.layout, frames, matrices, PLAIN, out=out.address, stream=stream)
    steep = TABLE_FACTOR if layout.cell_lut is not None else 1.0
    for found, matrix in zip(out.host(), matrices, strict=True):
        truth = _core.warp_planes(
            film.layout,
            *film.host[0],
            np.ascontiguousarray(matrix),
            PLAIN,
            implementation=implementation,
        )
        same(implementation, found, truth, steep)


def test_a_large_batch_of_warps_is_worked_off_in_parts() -> None:
    """Cells of more than the 64 MB that are kept for them."""
    stream = stream_or_skip()
    film = DeviceFilm(Layout(2000, 1500, chroma="interleaved"), "random", 1, stream)
    matrices = np.stack([turn(2000 / 48, i / 10, 0.0, 0.0) for i in range(3)])
    matrices[:, 0, 0], matrices[:, 1, 1] = 2.0, 2.0  # whole px, 3 million cells each
    wide = _core.TensorFormat(1000, 750, fill=3.0)
    out = DeviceTensors(3, 750, 1000, stream)
    _core.warp_device(film.layout, film.frames * 3, matrices, wide, out=out.address, stream=stream)
    for found, matrix in zip(out.host(), matrices, strict=True):
        truth = _core.warp_planes(film.layout, *film.host[0], np.ascontiguousarray(matrix), wide)
        np.testing.assert_array_equal(found, truth)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("filter_", ["area", "cubic"])
def test_rgb_is_the_rounded_tensor(name: str, filter_: str) -> None:
    stream = stream_or_skip()
    layout = LAYOUTS[name].with_(height=71, width=93)
    film = DeviceFilm(layout, "extremes", 1, stream, pad=2)
    for turns, region, size in [
        (0, (0.0, 0.0, 93.0, 71.0), (93, 71)),
        (1, (3.0, 5.5, 60.0, 70.0), (40, 31)),
        (2, (-9.0, -9.0, 99.0, 79.0), (54, 44)),
        (0, (200.0, 0.0, 210.0, 9.0), (5, 4)),
    ]:
        how: Any = {"quarter_turns": turns, "mirrored": turns == 1, "filter": filter_}
        rgb = _core.fit_rgb_device(film.layout, *film.frames[0], region, size, stream=stream, **how)
        assert (rgb.dtype, rgb.shape) == (np.uint8, (size[1], size[0], 3))
        codes = _core.fit_planes(
            film.layout, *film.host[0], region, size, _core.TensorFormat(*size), **how
        )
        np.testing.assert_array_equal(rgb, np.rint(codes).astype(np.uint8).transpose(1, 2, 0))


def test_nothing_is_written_for_nothing() -> None:
    stream = stream_or_skip()
    film = DeviceFilm(Layout(8, 6), "flat", 0, stream)
    out = DeviceTensors(1, 40, 48, stream)
    _core.fit_device(film.layout, [], [], [], FORMAT, out=out.address, stream=stream)
    none = np.zeros((0, 2, 3))
    _core.warp_device(film.layout, [], none, FORMAT, out=out.address, stream=stream)
    assert np.isnan(out.host()).all()


def test_what_cannot_be_is_refused_before_anything_is_queued() -> None:
    stream = stream_or_skip()
    film = DeviceFilm(Layout(8, 6), "random", 1, stream)
    out = DeviceTensors(2, 40, 48, stream)
    whole, size = (0.0, 0.0, 8.0, 6.0), (48, 36)
    two = film.frames * 2

    def fit(frames: Any = two, regions: Any = (whole,) * 2, sizes: Any = (size,) * 2, **how: Any):
        options = {"out": out.address, "stream": stream} | how
        _core.fit_device(film.layout, frames, regions, sizes, FORMAT, **options)

    for arguments, message in [
        ({"frames": film.frames}, "as many frames as tensors, .* 1 frames for 2"),
        ({"sizes": [size]}, "a size per region, got 1 sizes for 2"),
        ({"regions": [whole, (4.0, 0.0, 4.0, 6.0)]}, "x0 < x1"),
        ({"sizes": [size, (49, 1)]}, "part of at most"),
        ({"out": 0}, "device address of floats"),
        ({"out": out.address + 2}, "device address of floats"),
        ({"quarter_turns": 4}, "quarter turns"),
        ({"frames": [two[0], ((0, 0, 0), two[0][1])]}, "address 0 for plane 0"),
        (
            {"frames": two * 2049, "regions": [whole] * 4098, "sizes": [size] * 4098},
            "at most 4096",
        ),
    ]:
        with pytest.raises(FrameError, match=message):
            fit(**arguments)
    with pytest.raises(SettingsError, match="no filter 'lanczos'"):
        fit(filter="lanczos")
    for matrices, message in [
        (np.zeros((2, 3)), r"matrices \(n, 2, 3\)"),
        (np.full((2, 2, 3), np.nan), "matrix"),
        (np.zeros((1, 2, 3)), "2 frames for 1"),
    ]:
        with pytest.raises(FrameError, match=message):
            _core.warp_device(film.layout, two, matrices, FORMAT, out=out.address, stream=stream)
    assert np.isnan(out.host()).all()
