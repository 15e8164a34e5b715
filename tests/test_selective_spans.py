"""Spans of a film decoded alone: the frames of the straight pass, bit for bit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fastthumb.media.packets import PacketTable
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.source import open_source
from fastthumb.media.spans import Span, SpanTable, can_skip
from films import moving_shot, write_film
from test_source_seeking import digest

# Kinds of groups of pictures, by codec.
FILES = [
    "asl_book_4s.mkv",
    "av1_5s.mkv",
    "bbb_30s_720p_vp8.webm",
    "bbb_3s_642x642_vp9.webm",
    "bbb_68s_hevc.mp4",
    "drone_beach_37s_hevc.mp4",
    "hamilton_whitehouse_10s.mp4",
    "interlaced_tff_mpeg2.mpg",  # program stream, open groups of pictures
    "mix_cuts_30s.mp4",
    "pancake_kitchen_10s.mkv",
    "phone_hlg_hevc_rot90_editlist.mp4",
    "psd_testvideo_24s.mp4",
    "seagulls_4s_mpeg4.avi",
    "start_at_10s_bbb.mp4",
]
MOST_FRAMES = 400  # of a film, so that the straight pass stays short


@pytest.mark.parametrize("name", FILES)
def test_spans_equal_the_straight_pass(video, name):
    with open_source(video(name)) as source:
        packets = source.packets()
        if not packets.is_rising:
            pytest.skip("its timestamps do not find its frames")
        straight = {}
        for frame in source.frames():
            straight[frame.index] = (frame.pts, frame.seconds, digest(frame))
            if frame.index == MOST_FRAMES:
                break
        first = int(np.searchsorted(np.sort(packets.pts), packets.keyframe_pts[0]))
        count = min(len(straight), MOST_FRAMES)
        length = max(3, count // 9)
        runs = [(start, min(start + length // 2, count - 1))
                for start in range(first, count, length)]  # fmt: skip
        found = [
            (frame.index, frame.pts, frame.seconds, digest(frame))
            for run in runs
            for frame in source.span_frames(SpanTable(packets).spans(*run, most_groups=2))
        ]
    wanted = [n for a, b in runs for n in range(a, b + 1)]
    assert found == [(n, *straight[n]) for n in wanted]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = [frame for seed in range(6) for frame in moving_shot(seed, 48)]
    return write_film(tmp_path_factory.mktemp("spans") / "film.mp4", frames, gop=24)


def spans_of(packets: PacketTable) -> list[Span]:
    spans = SpanTable(packets)
    runs = [(5, 60), (70, 71), (100, 250)]
    return [span for run in runs for span in spans.spans(*run, most_groups=2)]


def test_several_threads_read_the_same_frames_as_one(film):
    with open_source(film) as source:
        spans = spans_of(source.packets())

        def read(span: Span) -> list[tuple[int, str]]:
            return [(frame.index, digest(frame)) for frame in source.span_frames([span])]

        alone = [(frame.index, digest(frame)) for frame in source.span_frames(spans)]
        with ThreadPoolExecutor(4) as pool:
            together = [frame for frames in pool.map(read, spans) for frame in frames]
    assert together == alone
    assert [n for n, _ in alone] == [*range(5, 61), 70, 71, *range(100, 251)]


def test_runs_are_cut_at_keyframes(film):
    with open_source(film) as source:
        packets = source.packets()
    pts = np.sort(packets.pts)
    number = {int(p): n for n, p in enumerate(pts)}
    spans = spans_of(packets)
    places = [(number[s.key_pts], number[s.first_pts], number[s.last_pts]) for s in spans]
    assert places == [(0, 5, 47), (48, 48, 60), (48, 70, 71), (96, 100, 143), (144, 144, 191),
                      (192, 192, 239), (240, 240, 250)]  # fmt: skip


def table(frames: int, keys: list[int], pts: list[int] | None = None) -> PacketTable:
    times = np.array(range(frames) if pts is None else pts, np.int64)
    keyframe = np.zeros(frames, np.bool_)
    keyframe[keys] = True
    return PacketTable(times, np.arange(frames), np.full(frames, 500, np.int32), keyframe)


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        pytest.param(table(480, list(range(0, 480, 48))), True, id="two seconds a group"),
        pytest.param(table(480, list(range(480))), False, id="intra only"),
        pytest.param(table(480, [0]), False, id="one keyframe"),
        pytest.param(table(90, [0, 48]), False, id="short"),
        pytest.param(table(480, [*range(0, 200, 20)]), False, id="a group too long"),
        pytest.param(table(480, [*range(10, 480, 48)]), False, id="begins without a keyframe"),
        pytest.param(
            table(480, [*range(0, 480, 48)], [n % 470 for n in range(480)]), False, id="times twice"
        ),
    ],
)
def test_where_leaving_out_can_pay(packets, expected):
    assert can_skip(packets, 1 / 24) is expected


def test_a_keyframe_that_is_not_there_is_an_error(film):
    with open_source(film) as source:
        pts = np.sort(source.packets().pts)
        wrong = Span(int(pts[3]), int(pts[5]), int(pts[9]), int(pts[9]))
        with pytest.raises(CannotSeek):
            list(source.span_frames([wrong]))
