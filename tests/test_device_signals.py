"""Signals of frames in device memory against every implementation on the host, bit for bit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_frames import Kind
from device_frames import DeviceFilm, stream_or_skip
from fastthumb import _core
from fastthumb.errors import DeviceOutOfMemory, DeviceUnavailable, FrameError, SettingsError
from references import Layout
from test_kernels import FORMATS, KINDS, SHAPES
from test_kernels_input import SIGNALS, layouts

IMPLEMENTATIONS = _core.implementations("frame_signals")
NV12 = Layout(641, 361, chroma="interleaved")
P016 = Layout(641, 361, chroma="interleaved", bit_depth=16)
SMALL = Layout(40, 24, chroma="interleaved")


def assert_same(found: Any, truth: Any, frame: int) -> None:
    for name in SIGNALS:
        np.testing.assert_array_equal(
            getattr(found, name), getattr(truth, name), err_msg=f"{name} of frame {frame}"
        )


def on_host(film: DeviceFilm, implementation: str = "simd") -> tuple[Any, list[Any]]:
    meter = _core.SignalMeter(film.layout, implementation=implementation)
    return meter, [meter.measure(*frame) for frame in film.host]


def check(film: DeviceFilm, splits: list[int], stream: Any, implementation: str = "simd") -> None:
    """Measure the film, cut at `splits`, and compare all there is to compare."""
    plain, truth = on_host(film, implementation)
    meter = _core.DeviceSignalMeter(film.layout, device=0, stream=stream, batch=8)
    found = []
    for first, end in pairwise([0, *splits, len(film.frames)]):
        found += meter.measure(film.frames[first:end])
    assert len(found) == len(truth)
    for frame, (one, other) in enumerate(zip(found, truth, strict=True)):
        assert_same(one, other, frame)
    np.testing.assert_array_equal(meter.working_luma(), plain.working_luma())
    np.testing.assert_array_equal(meter.cells(), plain.cells())


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", [NV12, P016, Layout(641, 361)], ids=["NV12", "P016", "planar"])
def test_every_implementation_measures_the_same(
    layout: Layout, kind: Kind, implementation: str
) -> None:
    stream = stream_or_skip()
    check(DeviceFilm(layout, kind, 4, stream, pad=3), [1], stream, implementation)


@pytest.mark.parametrize("shape", SHAPES, ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("kind", ["random", "extremes"])
def test_sizes(shape: tuple[int, int], kind: Kind) -> None:
    stream = stream_or_skip()
    layout = Layout(shape[1], shape[0], chroma="interleaved")
    check(DeviceFilm(layout, kind, 3, stream, pad=1), [], stream)


@pytest.mark.parametrize("layout", FORMATS.values(), ids=FORMATS.keys())
def test_formats(layout: Layout) -> None:
    stream = stream_or_skip()
    check(DeviceFilm(layout, "moving", 3, stream, pad=5), [2], stream)


@given(layouts(), st.sampled_from(["random", "extremes", "moving", "bars"]), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_any_layout(layout: Layout, kind: Any, pad: int) -> None:
    stream = stream_or_skip()
    check(DeviceFilm(layout, kind, 3, stream, pad=pad, over=pad), [1], stream)


@pytest.mark.parametrize("shift", [1, 2, 3, 6])
def test_planes_may_begin_anywhere(shift: int) -> None:
    stream = stream_or_skip()
    check(DeviceFilm(NV12, "moving", 3, stream, shift=shift), [], stream)


@pytest.mark.parametrize("size", [1, 3, 8, 32, 50])
def test_batches_of_any_size_measure_the_same(size: int) -> None:
    stream = stream_or_skip()
    film = DeviceFilm(Layout(400, 365, chroma="interleaved"), "moving", 50, stream)
    check(film, list(range(size, 50, size)), stream)


@pytest.mark.parametrize("batch", [1, 3, 32, 256])
def test_the_batch_of_the_meter_does_not_show(batch: int) -> None:
    stream = stream_or_skip()
    film = DeviceFilm(SMALL, "moving", 40, stream)
    truth = on_host(film)[1]
    meter = _core.DeviceSignalMeter(film.layout, device=0, stream=stream, batch=batch)
    found = meter.measure(film.frames[:5]) + meter.measure(film.frames[5:])
    for frame, (one, other) in enumerate(zip(found, truth, strict=True)):
        assert_same(one, other, frame)


def test_reset_forgets_the_previous_frame() -> None:
    stream = stream_or_skip()
    film = DeviceFilm(SMALL, "random", 3, stream)
    meter = _core.DeviceSignalMeter(film.layout, device=0, stream=stream)
    first, second = meter.measure(film.frames[:2])
    assert not first.has_previous
    assert second.difference > 0
    meter.reset()
    third = meter.measure(film.frames[2:])[0]
    assert not third.has_previous
    assert third.difference == third.motion == 0


def test_no_frames_are_no_signals() -> None:
    stream = stream_or_skip()
    film = DeviceFilm(SMALL, "random", 2, stream)
    meter = _core.DeviceSignalMeter(film.layout, device=0, stream=stream)
    meter.measure(film.frames[:1])
    assert meter.measure([]) == []
    assert meter.measure(film.frames[1:])[0].has_previous


def test_frames_that_do_not_fit_are_refused_and_the_meter_goes_on() -> None:
    stream = stream_or_skip()
    film = DeviceFilm(SMALL, "random", 2, stream)
    (luma, chroma), (pitch, chroma_pitch) = film.frames[1]
    meter = _core.DeviceSignalMeter(film.layout, device=0, stream=stream)
    for look in (meter.working_luma, meter.cells):
        with pytest.raises(FrameError, match="call measure first"):
            look()
    meter.measure(film.frames[:1])
    for frame, message in [
        (((luma,), (pitch,)), "needs 2 planes for this layout, got 1"),
        (((luma, chroma), (pitch,)), "one pitch per plane, got 2 planes and 1 pitches"),
        (((luma, chroma), (39, chroma_pitch)), "luma plane: needs a pitch of at least 40"),
        (((luma, chroma), (pitch, -40)), "chroma plane: needs a pitch of at least 40"),
        (((0, chroma), (pitch, chroma_pitch)), "address 0 for plane 0"),
    ]:
        with pytest.raises(FrameError, match=message):
            meter.measure([film.frames[1], frame])
    signals = meter.measure(film.frames[1:])[0]
    assert_same(signals, on_host(film)[1][1], 1)


def test_meters_that_cannot_be_are_refused() -> None:
    stream = stream_or_skip()
    layout = DeviceFilm(SMALL, "flat", 0, stream).layout
    for batch in (0, -1, 257):
        with pytest.raises(SettingsError, match=f"batch of 1 to 256 frames, got {batch}"):
            _core.DeviceSignalMeter(layout, device=0, stream=stream, batch=batch)
    with pytest.raises(SettingsError, match="stream of device 1, got one of 0"):
        _core.DeviceSignalMeter(layout, device=1, stream=stream)


def test_a_meter_that_does_not_fit_leaves_the_device_usable() -> None:
    stream = stream_or_skip()
    taken: list[_core.DeviceBuffer] = []
    size = _core.cuda_devices()[0]["free_bytes"]
    while size > 1 << 20:
        try:
            taken.append(_core.DeviceBuffer(0, size))
        except DeviceOutOfMemory:
            size //= 2
    layout = _core.FrameLayout(65535, 700, chroma_shift_x=1, chroma_shift_y=1)
    with pytest.raises(DeviceOutOfMemory):
        _core.DeviceSignalMeter(layout, device=0, stream=stream, batch=256)
    taken.clear()
    assert _core.DeviceSignalMeter(layout, device=0, stream=stream, batch=1).measure([]) == []


def test_threads_with_streams_of_their_own_measure_the_same() -> None:
    stream = stream_or_skip()
    film = DeviceFilm(Layout(400, 365, chroma="interleaved"), "moving", 12, stream)
    truth = on_host(film)[1]

    def measured(size: int) -> list[Any]:
        own = _core.CudaStream(0)
        meter = _core.DeviceSignalMeter(film.layout, device=0, stream=own, batch=size)
        return [s for i in range(0, 12, size) for s in meter.measure(film.frames[i : i + size])]

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(measured, [1, 2, 3, 4, 6, 12, 5, 7]):
            for frame, (one, other) in enumerate(zip(found, truth, strict=True)):
                assert_same(one, other, frame)


def test_a_meter_needs_a_stream() -> None:
    layout = _core.FrameLayout(8, 8, chroma_shift_x=1, chroma_shift_y=1)
    with pytest.raises(TypeError):
        _core.DeviceSignalMeter(layout, device=0, stream=None)  # type: ignore[arg-type]
    with pytest.raises((DeviceUnavailable, SettingsError)):
        _core.DeviceSignalMeter(layout, device=99, stream=_core.CudaStream(0))
