"""Decoding on a real GPU: every frame equal to FFmpeg's, to the last bit.

They are skipped where there is no device or no PyNvVideoCodec, and must run where
FASTTHUMB_REQUIRE_CUDA is set.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

import nvdec_films
from fastthumb.errors import DeviceUnavailable
from fastthumb.media.nvdec import open_on_device
from fastthumb.media.nvdec_library import decoder_refusal, nvdec_facts
from fastthumb.media.pyav import PyavSource
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.spans import SpanTable, can_divide
from nvdec_films import KINDS, print_of

MOST_FRAMES = 300  # of a film

# Decoded on the device, by codec, depth and kind of groups of pictures.
FILMS = [
    "asl_book_4s.mkv",
    "bbb_30s_720p_vp8.webm",
    "bbb_3s_642x642_vp9.webm",
    "bbb_68s_hevc.mp4",
    "drone_beach_37s_hevc.mp4",
    "hamilton_whitehouse_10s.mp4",
    "mix_cuts_30s.mp4",
    "phone_hlg_hevc_rot90_editlist.mp4",
    "start_at_10s_bbb.mp4",
]
# Left to the CPU, and why.
REFUSED = {
    "av1_5s.mkv": "does not decode AV1",
    "h264_10bit.mp4": "does not decode H.264 of 10 bits",
    "cockatoo_14s_yuv444.mp4": "it is yuv444p",
    "interlaced_tff_mpeg2.mpg": "other pixels of mpeg2video",
}


@pytest.fixture(scope="module")
def device() -> int:
    try:
        nvdec_facts(0)
    except DeviceUnavailable as exc:
        if os.environ.get("FASTTHUMB_REQUIRE_CUDA"):
            raise
        pytest.skip(str(exc))
    return 0


def test_engines_are_counted(device):
    facts = nvdec_facts(device)
    assert facts["engines"] >= 1
    assert facts["decodes"]["H.264, 8 bits, 4:2:0"]


@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_every_kind_are_those_of_the_cpu(device, tmp_path, kind):
    film = nvdec_films.write_film(tmp_path, KINDS[kind])
    with open_on_device(film, device=device) as source:
        frames = list(source.frames())  # all held at once, and looked at when all are decoded
        assert {type(frame.image).__name__ for frame in frames} == {"DeviceImage"}
        assert list(map(print_of, frames)) == list(nvdec_films.on_the_cpu(film))
        assert source.warnings == []


@pytest.mark.parametrize("name", FILMS)
def test_frames_of_real_films_are_those_of_the_cpu(device, video, name):
    with PyavSource(video(name)) as film:
        expected = [print_of(frame) for frame in islice(film.frames(), MOST_FRAMES)]
    with open_on_device(video(name), device=device) as source:
        frames = [print_of(frame) for frame in islice(source.frames(), MOST_FRAMES)]
        assert frames == expected
        assert not any("decoded on the CPU" in warning for warning in source.warnings)


@pytest.mark.parametrize("name", FILMS)
def test_keyframes_and_parts_in_threads_are_those_of_the_cpu(device, video, name):
    with PyavSource(video(name)) as film, open_on_device(video(name), device=device) as source:
        if not can_divide(film.packets()):
            pytest.skip("its timestamps do not find its frames")
        assert list(map(print_of, source.keyframes())) == list(map(print_of, film.keyframes()))
        table = SpanTable(film.packets())
        count = min(len(table.pts), MOST_FRAMES)
        runs = [(n, min(n + count // 14, count - 1)) for n in range(0, count, count // 7)]

        def read(run: tuple[int, int]) -> list[nvdec_films.Print]:
            return [print_of(frame) for frame in source.span_frames(table.spans(*run))]

        try:
            expected = [list(map(print_of, film.span_frames(table.spans(*run)))) for run in runs]
        except CannotSeek:
            pytest.skip("the CPU does not decode it in parts either")
        with ThreadPoolExecutor(7) as pool:
            assert list(pool.map(read, runs)) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_films_that_the_device_does_not_decode_are_named(device, video, name):
    with PyavSource(video(name)) as film:
        said = decoder_refusal(film.info, device)
    if said is None:
        pytest.skip("this device decodes it")
    assert REFUSED[name] in said


def test_film_with_a_hole_is_left_to_the_cpu(device, tmp_path):
    whole = nvdec_films.write_film(tmp_path, KINDS["H.264"])
    data = bytearray(whole.read_bytes())
    middle = len(data) // 8
    data[middle : middle + 200] = bytes(200)  # in the first group of pictures
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    with PyavSource(broken) as film:
        expected = list(map(print_of, film.frames()))
    with open_on_device(broken, device=device) as source:
        try:
            frames = list(map(print_of, source.frames()))
        except CannotSeek:
            frames = list(map(print_of, source.frames()))
        assert frames == expected
