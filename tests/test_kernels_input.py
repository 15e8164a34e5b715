"""What the core takes and refuses, and that its implementations never differ."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_frames import planes
from fastthumb import _core
from fastthumb.errors import FastthumbError, FrameError, SettingsError
from references import Layout
from test_kernels import IMPLEMENTATIONS, check_frame, meter_of

SIGNALS = [name for name in dir(_core.FrameSignals) if not name.startswith("_")]
SMALL = Layout(40, 24)


def core_layout(layout: Layout) -> Any:
    return _core.FrameLayout(layout.width, layout.height, **layout.arguments())


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    bit_depth = draw(st.sampled_from([8, 8, 9, 10, 12, 16]))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    curve = rng.integers(0, 256, 2**bit_depth, dtype=np.uint8) if draw(st.booleans()) else None
    lut = rng.integers(0, 256, (3, 3, 3, 3), dtype=np.uint8) if draw(st.booleans()) else None
    side = st.one_of(st.integers(1, 40), st.integers(300, 900))
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
        luma_curve=curve,
        cell_lut=lut,
    )


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS[1:])
@given(
    layouts(),
    st.sampled_from(["random", "extremes", "moving", "bars"]),
    st.integers(0, 1000),
    st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_implementations_agree_bit_for_bit(
    implementation: str, layout: Layout, kind: Any, seed: int, pad: int
) -> None:
    plain, tuned = (meter_of(layout, name) for name in ("scalar", implementation))
    for frame in range(3):
        buffers, pitches, _ = planes(layout, kind, frame, seed=seed, pad=pad, over=seed)
        truth, fast = (meter.measure(buffers, pitches) for meter in (plain, tuned))
        for name in SIGNALS:
            np.testing.assert_array_equal(getattr(fast, name), getattr(truth, name), err_msg=name)
        np.testing.assert_array_equal(tuned.working_luma(), plain.working_luma())
        np.testing.assert_array_equal(tuned.cells(), plain.cells())


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_real_frame_is_read_from_the_decoder_planes(implementation: str, video: Any) -> None:
    path: Path = video("city_cuts_10s.mp4")
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
    layout = Layout(picture.width, picture.height)
    shapes = [(layout.height, layout.width), layout.chroma_shape, layout.chroma_shape]
    parts = [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[: shape[0], : shape[1]]
        for plane, shape in zip(picture.planes, shapes, strict=True)
    ]
    meter = meter_of(layout, implementation)
    signals = meter.measure(picture.planes, tuple(plane.line_size for plane in picture.planes))
    assert signals.luma_std > 5, "a dull frame proves little"
    check_frame(meter, layout, parts, signals)


def test_reset_forgets_the_previous_frame() -> None:
    meter = meter_of(SMALL, "auto")
    for frame in range(2):
        signals = meter.measure(*planes(SMALL, "random", frame)[:2])
    assert signals.has_previous
    assert signals.difference > 0
    meter.reset()
    signals = meter.measure(*planes(SMALL, "random", 2)[:2])
    assert not signals.has_previous
    assert signals.difference == 0


def test_a_failed_measure_leaves_a_meter_that_works() -> None:
    meter = meter_of(SMALL, "auto")
    meter.measure(*planes(SMALL, "random", 0)[:2])
    with pytest.raises(FrameError):
        meter.measure((b"",), (1,))
    before = meter.measure(*planes(SMALL, "random", 1)[:2])
    assert before.has_previous
    assert before.difference > 0


def test_arrays_of_the_result_are_read_only_and_outlive_it() -> None:
    signals = meter_of(SMALL, "auto").measure(*planes(SMALL, "random")[:2])
    histogram = signals.luma_histogram
    assert histogram.dtype == np.uint32
    assert (signals.grid.dtype, signals.grid.shape) == (np.float32, (18, 32, 3))
    assert (signals.chroma_histogram.dtype, signals.chroma_histogram.shape) == (np.uint32, (2, 64))
    with pytest.raises(ValueError, match="read-only"):
        histogram[0] = 1
    del signals
    assert histogram.sum() == SMALL.width * SMALL.height


def test_threads_measure_at_the_same_time_with_the_same_result() -> None:
    layout = Layout(640, 360)
    frames = [planes(layout, "moving", i)[:2] for i in range(12)]

    def film(_: int) -> list[float]:
        meter = meter_of(layout, "auto")
        return [meter.measure(*frame).motion for frame in frames]

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(film, range(8))
    assert max(first) > 0
    assert all(other == first for other in others)


def test_one_meter_makes_a_second_thread_wait() -> None:
    layout = Layout(640, 360)
    meter = meter_of(layout, "auto")
    frame = planes(layout, "random")[:2]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: meter.measure(*frame).luma_mean, range(40)))
    assert len(set(results)) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"width": 0}, ["width", "1 to 65535", "got 0"]),
        ({"height": -3}, ["height", "1 to 65535", "got -3"]),
        ({"width": 70000}, ["width", "got 70000"]),
        ({"bit_depth": 7}, ["bit depth of 8 to 16", "got 7"]),
        ({"bit_depth": 17}, ["bit depth of 8 to 16", "got 17"]),
        ({"msb_shift": 1}, ["msb_shift of 0 to 0 at 8 bits", "got 1"]),
        ({"bit_depth": 10, "msb_shift": 7}, ["msb_shift of 0 to 6 at 10 bits", "got 7"]),
        ({"chroma_shift_x": 3}, ["chroma shifts of 0 to 2", "got 3"]),
        ({"chroma_shift_y": -1}, ["chroma shifts of 0 to 2", "got -1"]),
        ({"fields": 3}, ["1 or 2 fields", "got 3"]),
        ({"luma_curve": np.zeros(255, np.uint8)}, ["luma_curve of 256 entries", "got 255"]),
        ({"cell_lut": np.zeros((3, 3, 3, 4), np.uint8)}, ["(n, n, n, 3)", "(3, 3, 3, 4)"]),
        ({"cell_lut": np.zeros((1, 1, 1, 3), np.uint8)}, ["2 to 65 steps", "got 1"]),
        ({"cell_lut": np.zeros((66, 66, 66, 3), np.uint8)}, ["2 to 65 steps", "got 66"]),
    ],
)
def test_impossible_layouts_are_refused(arguments: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(FrameError) as caught:
        core_layout(SMALL.with_(**arguments))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"chroma": "stacked"}, ["no chroma 'stacked'", "planar, interleaved, none"]),
        ({"matrix": "bt470"}, ["no matrix 'bt470'", "bt601, bt709, bt2020"]),
    ],
)
def test_unknown_names_are_refused(arguments: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        core_layout(SMALL.with_(**arguments))
    for word in words:
        assert word in str(caught.value)


def test_an_implementation_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError) as caught:
        _core.SignalMeter(core_layout(SMALL), implementation="abacus")
    for word in ["'abacus'", *IMPLEMENTATIONS]:
        assert word in str(caught.value)
    with pytest.raises(SettingsError, match="no operation 'sorting'"):
        _core.implementations("sorting")


LUMA, CHROMA = bytes(40 * 24), bytes(20 * 12)


@pytest.mark.parametrize(
    ("buffers", "pitches", "words"),
    [
        ((LUMA,), (40,), ["needs 3 planes", "got 1"]),
        ((LUMA,) * 4, (40,) * 4, ["needs 3 planes", "got 4"]),
        ((LUMA, CHROMA, CHROMA), (40, 20), ["one pitch per plane", "3 planes and 2 pitches"]),
        ((LUMA[:-1], CHROMA, CHROMA), (40, 20, 20), ["luma plane", "needs 960 bytes", "got 959"]),
        ((LUMA, CHROMA[:-1], CHROMA), (40, 20, 20), ["Cb plane", "needs 240 bytes", "got 239"]),
        ((LUMA, CHROMA, b""), (40, 20, 20), ["Cr plane", "needs 240 bytes", "got 0"]),
        ((LUMA, CHROMA, CHROMA), (39, 20, 20), ["luma plane", "pitch of at least 40", "got 39"]),
        ((LUMA, CHROMA, CHROMA), (40, -20, 20), ["Cb plane", "pitch of at least 20", "got -20"]),
        ((LUMA, CHROMA, CHROMA), (2**62, 20, 20), ["luma plane", "not plausible"]),
        ((LUMA, CHROMA, CHROMA), (2**70, 20, 20), ["pitches that are integers", "got 1180591"]),
        ((LUMA, CHROMA, CHROMA), (40, 20.0, 20), ["pitches that are integers", "got 20.0"]),
        ((None, CHROMA, CHROMA), (40, 20, 20), ["contiguous buffers", "NoneType"]),
        (
            (np.zeros((24, 80), np.uint8)[:, ::2], CHROMA, CHROMA),
            (80, 20, 20),
            ["contiguous buffers", "ndarray"],
        ),
    ],
)
def test_frames_that_do_not_fit_are_refused(
    buffers: tuple[Any, ...], pitches: tuple[int, ...], words: list[str]
) -> None:
    with pytest.raises(FrameError) as caught:
        meter_of(SMALL, "auto").measure(buffers, pitches)
    for word in words:
        assert word in str(caught.value)
    assert isinstance(caught.value, FastthumbError)


def test_odd_addresses_of_two_byte_samples_are_refused() -> None:
    layout = Layout(8, 8, bit_depth=10, chroma="none")
    meter = meter_of(layout, "auto")
    with pytest.raises(FrameError, match="multiple of 2"):
        meter.measure((memoryview(bytes(129))[1:],), (16,))
    with pytest.raises(FrameError, match="multiple of 2"):
        meter.measure((bytes(200),), (17,))


def test_nothing_can_be_seen_before_the_first_frame() -> None:
    meter = meter_of(SMALL, "auto")
    for look in (meter.working_luma, meter.cells):
        with pytest.raises(FrameError, match="call measure first"):
            look()


def test_build_info_names_compiler_and_instruction_set() -> None:
    info = _core.build_info()
    assert set(info) == {"compiler", "simd", "cuda", "cuda_architectures"}
    assert info["compiler"].split()[0] in ("gcc", "clang")
    assert info["simd"] in ("avx512", "avx2", "baseline")
    assert info["cuda"] == ("cuda" in IMPLEMENTATIONS)
    assert meter_of(SMALL, "auto").implementation == "simd"
