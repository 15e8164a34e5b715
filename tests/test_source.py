"""Opening and decoding: facts, exact timestamps, keyframes, packets, no leaks."""

from __future__ import annotations

import gc
import resource
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import media_files
from fastthumb.errors import SettingsError, SourceError
from fastthumb.media.display import display_rgb
from fastthumb.media.source import open_source

# A lossy codec moves a level by this much at most on the smooth test pictures.
LOSSY_ATOL = 12
# What the allocator may keep between opens; one leaked decoder per open is far more.
LEAK_LIMIT_BYTES = 24 << 20


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    return media_files.write(
        folder / "plain.mp4",
        codec="libx264",
        frames=40,
        b_frames=3,
        codec_options={"x264-params": "scenecut=0"},
    )


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def number_of(image: av.VideoFrame, last: int) -> int:
    """Which `media_files.picture` a decoded frame shows, by the least difference."""
    rgb = image.to_ndarray(format="rgb24").astype(int)
    return min(
        range(last),
        key=lambda n: np.abs(rgb - media_files.picture(n, image.width, image.height)).mean(),
    )


def test_frames_come_in_presentation_order_with_exact_pts(plain):
    with open_source(plain) as source:
        frames = list(source.frames())
        assert [frame.index for frame in frames] == list(range(40))
        assert [frame.pts for frame in frames] == [512 * n for n in range(40)]
        assert source.info.time_base == Fraction(1, 12800)
        assert [number_of(frame.image, 40) for frame in frames[:20]] == list(range(20))
        assert frames[-1].seconds == pytest.approx(39 / 25)
        assert source.info.average_rate == 25
        assert source.info.duration_seconds == pytest.approx(1.6)
        assert source.warnings == []


def test_reading_twice_gives_the_same(plain):
    with open_source(plain) as source:
        first = [(frame.pts, bytes(frame.image.planes[0])) for frame in source.frames()]
        second = [(frame.pts, bytes(frame.image.planes[0])) for frame in source.frames()]
    assert first == second


def test_passes_may_overlap(plain):
    with open_source(plain) as source:
        outer = source.frames()
        next(outer)
        inner = [frame.pts for frame in source.keyframes()]
        assert [frame.pts for frame in outer] == [512 * n for n in range(1, 40)]
        assert inner == [0, 2560, 5120, 7680, 10240, 12800, 15360, 17920]


def test_keyframes_are_the_keyframes_of_the_whole_pass(plain):
    with open_source(plain) as source:
        whole = {f.pts: bytes(f.image.planes[0]) for f in source.frames() if f.keyframe}
        lone = {f.pts: bytes(f.image.planes[0]) for f in source.keyframes()}
    assert len(whole) == 8
    assert lone == whole


def test_one_thread_gives_what_many_give(plain):
    with open_source(plain) as many, open_source(plain, threads=1) as one:
        assert [bytes(f.image.planes[0]) for f in many.frames()] == [
            bytes(f.image.planes[0]) for f in one.frames()
        ]


def test_packet_table_lists_every_packet_in_decoding_order(plain):
    with open_source(plain) as source:
        table = source.packets()
        assert sorted(table.pts) == [frame.pts for frame in source.frames()]
        assert (np.diff(table.dts) > 0).all()
        assert list(table.pts) != sorted(table.pts), "B-frames are decoded out of order"
        assert list(table.keyframe_pts) == [frame.pts for frame in source.keyframes()]
        assert table.size_bytes.sum() < plain.stat().st_size
        assert table.is_rising
        assert source.packets() is table


def test_variable_frame_rate_keeps_every_timestamp(tmp_path):
    pts = [0, 40, 41, 100, 500, 501, 900, 2000, 2033, 2066, 2100, 9000]
    path = media_files.write(tmp_path / "v.mkv", pts=pts, time_base=Fraction(1, 1000))
    with open_source(path) as source:
        assert [frame.pts for frame in source.frames()] == pts
        assert source.warnings == []


@pytest.mark.parametrize(
    ("first", "options"),
    [(250, {}), (-5, {"avoid_negative_ts": "disabled"})],
    ids=["late", "negative"],
)
def test_first_timestamp_need_not_be_zero(tmp_path, first, options):
    pts = [first + n for n in range(12)]
    path = media_files.write(tmp_path / "late.mkv", pts=pts, container_options=options)
    with open_source(path) as source:
        frames = list(source.frames())
        assert [frame.pts for frame in frames] == [40 * value for value in pts]
        assert source.info.start_pts == 40 * first
        assert frames[0].seconds == 0
        assert frames[-1].seconds == pytest.approx(11 / 25)
        assert source.warnings == []
        again = list(source.frames_at([frames[3].pts]))
        assert [frame.pts for frame in again] == [frames[3].pts]


def test_raw_stream_gets_timestamps_from_its_rate(tmp_path):
    path = media_files.annex_b(tmp_path / "raw.264")
    with open_source(path) as source:
        frames = list(source.frames())
        assert [frame.seconds for frame in frames] == pytest.approx([n / 25 for n in range(8)])
        assert all(frame.synthesized_pts for frame in frames)
        assert source.info.start_pts is None
        assert source.warnings == [
            "8 frames have no timestamp; they are spaced by the frame rate of 25 per second"
        ]
        keyframes = [frame.pts for frame in source.keyframes()]
        assert keyframes == [frame.pts for frame in frames if frame.keyframe]
    with open_source(path) as fresh:
        found = list(fresh.frames_at([frames[5].pts]))
        assert bytes(found[0].image.planes[0]) == bytes(frames[5].image.planes[0])


def test_clock_that_jumps_back_is_moved_on(tmp_path):
    piece = media_files.write(tmp_path / "piece.ts", codec="mpeg2video", frames=30)
    path = tmp_path / "twice.ts"
    path.write_bytes(piece.read_bytes() * 2)
    with open_source(path) as source:
        frames = list(source.frames())
        assert len(frames) == 60
        assert np.allclose(np.diff([frame.pts for frame in frames]), 3600)
        assert [frame.synthesized_pts for frame in frames] == [False] * 30 + [True] * 30
        assert "fail to rise" in source.warnings[0]
        whole = {frame.pts: bytes(frame.image.planes[0]) for frame in frames}
        for other in (source, open_source(path)):
            found = list(other.frames_at([frames[10].pts, frames[45].pts]))
            assert [frame.pts for frame in found] == [frames[10].pts, frames[45].pts]
            assert all(bytes(f.image.planes[0]) == whole[f.pts] for f in found)
            other.close()


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True], ids=["plain", "mirrored"])
def test_orientation_is_undone(tmp_path, degrees, mirrored):
    upright = media_files.picture(3)
    stored = upright[:, ::-1] if mirrored else upright
    stored = np.ascontiguousarray(np.rot90(stored, degrees // 90))  # against the clock
    image = av.VideoFrame.from_ndarray(stored, format="rgb24").reformat(format="yuv420p")
    path = media_files.write(
        tmp_path / "turned.mp4",
        frames=[image],
        size=(image.width, image.height),
        rotation=degrees,
        mirrored=mirrored,
        codec_options={"qscale": "1"},
    )
    with open_source(path) as source:
        shown = display_rgb(next(source.frames()), source.info)
        assert (source.info.rotation_degrees, source.info.mirrored) == (degrees, mirrored)
        assert source.info.display_size == (upright.shape[1], upright.shape[0])
    assert shown.shape == upright.shape
    error = np.abs(shown.astype(int) - upright).mean()
    assert error < LOSSY_ATOL < np.abs(shown[:, ::-1].astype(int) - upright).mean()


def test_anamorphic_pictures_are_stretched(tmp_path):
    path = media_files.write(tmp_path / "wide.mp4", aspect=Fraction(4, 3))
    with open_source(path) as source:
        assert source.info.sample_aspect_ratio == Fraction(4, 3)
        assert source.info.display_size == (128, 64)
        frame = next(source.frames())
        assert display_rgb(frame, source.info).shape == (64, 128, 3)
        assert display_rgb(frame, source.info, max_long_side=32).shape == (16, 32, 3)


@pytest.mark.parametrize(
    ("default", "size"), [(None, (128, 96)), (0, (64, 48)), (2, (80, 60))], ids=str
)
def test_main_video_stream_is_taken(tmp_path, default, size):
    path = media_files.write_streams(
        tmp_path / "many.mkv", [(64, 48), (128, 96), (80, 60)], default=default
    )
    with open_source(path) as source:
        assert (source.info.width, source.info.height) == size
        assert len(list(source.frames())) == 8
        assert source.warnings[0].startswith("the file has 3 video streams; stream ")


def test_large_stills_beside_the_film_are_not_the_film(video):
    with open_source(video("selfie_hevc_rot90_vfr.mp4")) as source:
        assert source.info.display_size == (1080, 1440)


def test_metadata_header_facts(tmp_path):
    path = media_files.write(
        tmp_path / "tags.mkv",
        codec="ffv1",
        pixel_format="yuv422p10le",
        color={"colorspace": 9, "color_primaries": 9, "color_trc": 16, "color_range": 1},
    )
    with open_source(path) as source:
        info = source.info
    assert (info.codec, info.pixel_format, info.bit_depth) == ("ffv1", "yuv422p10le", 10)
    assert (info.color.matrix, info.color.primaries, info.color.transfer) == (
        "bt2020",
        "bt2020",
        "pq",
    )
    assert not info.color.full_range
    assert not info.interlaced
    assert not info.has_alpha
    assert info.path == path


def test_fragmented_mp4_is_read_whole(tmp_path):
    path = media_files.write(
        tmp_path / "frag.mp4",
        frames=30,
        container_options={"movflags": "frag_keyframe+empty_moov"},
    )
    with open_source(path) as source:
        pts = [frame.pts for frame in source.frames()]
        assert len(pts) == 30
        assert [frame.pts for frame in source.frames_at(pts[20:22])] == pts[20:22]


def test_interlaced_flag_comes_from_the_stream(tmp_path):
    path = media_files.write_interlaced(tmp_path / "fields.mpg")
    with open_source(path) as source:
        assert source.info.interlaced


def test_closing_ends_passes_under_way(plain):
    source = open_source(plain)
    runs = [source.frames(), source.keyframes(), source.frames_at([512, 5120, 10240])]
    for run in runs:
        next(run)
    source.close()
    source.close()
    assert [list(run) for run in runs] == [[], [], []]
    with pytest.raises(SourceError, match="closed"):
        next(source.frames())


def test_other_devices_are_refused_by_name(plain):
    with pytest.raises(SettingsError, match="'tpu'"):
        open_source(plain, device="tpu")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts /proc/self/fd")
def test_no_file_stays_open(plain):
    before = open_files()
    for _ in range(10):
        source = open_source(plain)
        next(source.frames())  # left unfinished
        next(source.keyframes())
        source.close()
        with pytest.raises(SourceError):
            open_source(plain.with_name("missing.mp4"))
    del source
    gc.collect()
    assert open_files() == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
def test_memory_does_not_grow_with_passes(plain):
    def peak_bytes() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

    def read() -> None:
        with open_source(plain, threads=1) as source:
            for _ in source.frames():
                pass
            for _ in source.frames_at([512 * 20]):
                pass

    for _ in range(20):
        read()
    gc.collect()
    before = peak_bytes()
    for _ in range(120):
        read()
    assert peak_bytes() - before < LEAK_LIMIT_BYTES
