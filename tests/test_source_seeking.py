"""Frames found again by timestamp are those of the straight pass, bit for bit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest

import media_files
from fastthumb.media.layout import plane_rows
from fastthumb.media.source import Frame, open_source

# One of each kind of container, codec and trouble; the long ones are left to the benchmark.
FILES = [
    "asl_book_4s.mkv",  # starts at 33 ms
    "av1_5s.mkv",
    "bbb_1s_iframes_only.ts",
    "bbb_3s_642x642_vp9.webm",
    "bbb_4s_msmpeg4_cut.mkv",
    "broken_truncated_moov_first.mp4",
    "corrupt_h263.3gp",
    "drone_beach_37s_hevc.mp4",
    "error_i_p.264",  # no timestamps, changes its size
    "flower_5s_fragmented.mp4",
    "hamilton_whitehouse_10s.mp4",
    "interlaced_tff_mpeg2.mpg",  # program stream, open groups of pictures
    "no_duration.webm",
    "no_initial_keyframe.ts",
    "pancake_kitchen_10s.mkv",
    "phone_hlg_hevc_rot90_editlist.mp4",
    "prores_1s.mov",
    "psd_delayed_start_2s.mp4",
    "screen_pdf_1024x768.264",
    "seagulls_4s_mpeg4.avi",
    "start_at_10s_bbb.mp4",
]


def digest(frame: Frame) -> str:
    sums = hashlib.sha256()
    for plane in frame.image.planes:
        step = max(1, plane.line_size // max(1, plane.width))  # 1 or 2 bytes a sample
        wide = 2 if frame.image.format.components[0].bits > 8 else 1
        assert step >= wide
        sums.update(np.ascontiguousarray(plane_rows(plane)[:, : plane.width * wide]))
    return sums.hexdigest()


def spread(pts: list[int], count: int) -> list[int]:
    """First, last, and others in between, among them two neighbors."""
    places = {round(n * (len(pts) - 1) / (count - 1)) for n in range(count)}
    places.add(min(1, len(pts) - 1))
    return [pts[place] for place in sorted(places)]


@pytest.mark.parametrize("name", FILES)
def test_found_frames_equal_the_straight_pass(video, name):
    path = video(name)
    with open_source(path) as source:
        straight = {frame.pts: digest(frame) for frame in source.frames()}
        wanted = spread(sorted(straight), 7)
        again = {frame.pts: digest(frame) for frame in source.frames_at(wanted)}
    assert again == {pts: straight[pts] for pts in wanted}
    with open_source(path, threads=1) as fresh:  # that has never read the film before
        pick = [wanted[-2], wanted[1]]
        found = list(fresh.frames_at(pick))
        assert [frame.pts for frame in found] == sorted(set(pick))
        assert all(digest(frame) == straight[frame.pts] for frame in found)


@pytest.mark.parametrize("name", [name for name in FILES if name != "corrupt_h263.3gp"])
def test_keyframes_equal_the_straight_pass(video, name):
    # In the H.263 file one keyframe is not marked in the container, so it is not looked at.
    with open_source(video(name)) as source:
        straight = {f.pts: digest(f) for f in source.frames() if f.keyframe}
        lone = [(f.pts, digest(f)) for f in source.keyframes()]
    assert dict(lone) == straight
    assert [pts for pts, _ in lone] == sorted(straight)


@pytest.mark.parametrize("table", [False, True], ids=["blind", "with-packet-table"])
def test_long_groups_are_decoded_once(tmp_path, table):
    """Neighbors in one group of pictures must not be sought one by one."""
    path = media_files.write(
        tmp_path / "long.mp4",
        codec="libx264",
        frames=120,
        keyframe_every=60,
        b_frames=2,
        codec_options={"x264-params": "scenecut=0"},
    )
    with open_source(path) as source:
        straight = {frame.pts: digest(frame) for frame in source.frames()}
        if table:
            source.packets()
        wanted = [512 * n for n in (5, 6, 30, 59, 60, 61, 119)]
        seeks = count_seeks(source)
        found = {frame.pts: digest(frame) for frame in source.frames_at(wanted)}
    assert found == {pts: straight[pts] for pts in wanted}
    assert len(seeks) <= 3


def count_seeks(source) -> list[int]:
    """Record every seek that this source's readings make from now on."""
    seeks: list[int] = []
    start = source.start

    def watched(**options):
        reading = start(**options)
        seek = reading.seek
        reading.seek = lambda pts: (seeks.append(pts), seek(pts))[1]
        return reading

    source.start = watched
    return seeks


def test_duplicates_and_order_do_not_matter(tmp_path):
    path = media_files.write(tmp_path / "few.mp4", frames=20)
    with open_source(path) as source:
        found = [frame.pts for frame in source.frames_at([512 * 9, 512 * 2, 512 * 9, 0])]
        assert found == [0, 512 * 2, 512 * 9]
        assert list(source.frames_at([])) == []


def test_unknown_timestamps_are_named_and_left_out(tmp_path):
    path = media_files.write(tmp_path / "few.mp4", frames=20)
    with open_source(path) as source:
        found = [frame.pts for frame in source.frames_at([100, 512, 10**9])]
        assert found == [512]
        assert source.warnings == ["2 timestamps belong to no frame that decodes, the first is 100"]


def test_neighbors_are_the_pictures_before_and_after(tmp_path):
    path = media_files.write_interlaced(tmp_path / "fields.mpg", count=10)
    with open_source(path) as source:
        pts = [frame.pts for frame in source.frames()]
        found = list(source.frames_at([pts[0], pts[3], pts[4], pts[-1]], neighbors=True))
        around = [tuple(each and each.pts for each in frame.neighbors) for frame in found]
    assert around[1] == (pts[2], pts[4])
    assert around[2] == (pts[3], pts[5])
    assert around[0] == (None, pts[1])
    assert around[3][1] is None


def test_neighbors_are_not_kept_for_progressive_films(tmp_path):
    path = media_files.write(tmp_path / "few.mp4")
    with open_source(path) as source:
        assert next(source.frames_at([512], neighbors=True)).neighbors == (None, None)


def test_landing_without_keyframes_reads_from_the_start(tmp_path):
    """A film with intra refresh has one keyframe; no later landing can be trusted."""
    path = media_files.write(
        tmp_path / "refresh.ts",
        codec="libx264",
        frames=60,
        keyframe_every=20,
        codec_options={"x264-params": "intra-refresh=1:bframes=0"},
    )
    with open_source(path) as source:
        straight = {frame.pts: digest(frame) for frame in source.frames()}
        wanted = spread(sorted(straight), 6)
        assert {f.pts: digest(f) for f in source.frames_at(wanted)} == {
            pts: straight[pts] for pts in wanted
        }


def test_frames_are_not_held_back(tmp_path):
    """Frames come one by one: the first is given before the last is looked for."""
    path = media_files.write(tmp_path / "few.mp4", frames=20)
    with open_source(path) as source:
        run: Iterator[Frame] = source.frames_at([0, 512 * 19])
        assert next(run).pts == 0
        assert next(run).pts == 512 * 19
