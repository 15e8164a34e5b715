"""Shots from keyframes and packet sizes: both have to speak for a cut."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fastthumb.analysis.shot_keyframes import KeyframeShotDetector, find_shots_from_keyframes
from fastthumb.analysis.shots import Shot
from fastthumb.media.packets import NO_TIMESTAMP, PacketTable
from shot_films import Image, dissolve, pan, signals_of, still

GOP = 48
KEY_BYTES, PLAIN_BYTES, CUT_BYTES = 20000, 600, 16000
TIME_BASE = Fraction(1, 1000)  # the unit of pts that signals_of writes


def packets_of(frames: int, *, cuts: list[int], keys: list[int]) -> PacketTable:
    """Packets as an encoder makes them: large at keyframes and at cuts."""
    rng = np.random.default_rng(frames)
    sizes = (PLAIN_BYTES * rng.uniform(0.5, 1.5, frames)).astype(np.int32)
    sizes[cuts], sizes[keys] = CUT_BYTES, KEY_BYTES
    pts = np.array([round(n / 24 * 1000) for n in range(frames)], np.int64)
    keyframe = np.zeros(frames, np.bool_)
    keyframe[keys] = True
    return PacketTable(pts, pts.copy(), sizes, keyframe)


def shots_of(images: list[Image], packets: PacketTable) -> list[Shot]:
    """Shots as found from the keyframes of `images` alone."""
    chosen = [
        (signals, number, pts, seconds)
        for number, (signals, index, pts, seconds) in enumerate(
            frame for frame in signals_of(images) if packets.keyframe[frame[1]]
        )
        if index >= 0
    ]
    found = find_shots_from_keyframes(chosen, packets, TIME_BASE)
    assert [s.start_frame for s in found] == [0, *(s.end_frame + 1 for s in found[:-1])]
    assert found[-1].end_frame == len(images) - 1
    assert [s.start_pts for s in found] == [int(packets.pts[s.start_frame]) for s in found]
    return found


def regular(frames: int) -> list[int]:
    return list(range(0, frames, GOP))


def test_a_cut_between_keyframes_is_found_at_its_packet():
    images = still(1, 130) + still(2, 160)
    found = shots_of(images, packets_of(290, cuts=[130], keys=regular(290)))
    assert [(s.start_frame, s.transition) for s in found] == [(0, "start"), (130, "cut")]
    assert found[1].start_seconds == pytest.approx(130 / 24, abs=1e-3)


def test_a_keyframe_ahead_of_its_turn_is_the_cut_itself():
    images = still(1, 130) + still(2, 160)
    keys = [0, 48, 96, 130, 178, 226, 274]
    found = shots_of(images, packets_of(290, cuts=[], keys=keys))
    assert [s.start_frame for s in found] == [0, 130]


def test_moving_on_is_no_cut():
    images = pan(3, 240, speed=3)
    assert len(shots_of(images, packets_of(240, cuts=[], keys=regular(240)))) == 1


def test_a_large_packet_in_a_shot_that_stays_is_no_cut():
    images = still(4, 240)
    assert len(shots_of(images, packets_of(240, cuts=[100], keys=regular(240)))) == 1


def test_where_every_frame_is_a_keyframe_shots_are_exact():
    images = dissolve(still(5, 80), still(6, 80), 12) + still(7, 60)
    found = shots_of(images, packets_of(len(images), cuts=[], keys=list(range(len(images)))))
    assert [(s.start_frame, s.transition) for s in found] == [
        (0, "start"), (68, "dissolve"), (148, "cut"),
    ]  # fmt: skip


def test_packets_in_decoding_order_or_without_a_timestamp_are_put_right():
    images = still(1, 130) + still(2, 160)
    packets = packets_of(290, cuts=[130], keys=regular(290))
    order = np.arange(290).reshape(-1, 2)[:, ::-1].ravel()
    shuffled = PacketTable(*(column[order] for column in (
        packets.pts, packets.dts, packets.size_bytes, packets.keyframe)))  # fmt: skip
    lost = PacketTable(*(np.append(column, extra) for column, extra in (
        (shuffled.pts, NO_TIMESTAMP), (shuffled.dts, NO_TIMESTAMP), (shuffled.size_bytes, 5),
        (shuffled.keyframe, False))))  # fmt: skip
    keyframes = [
        (signals, n // GOP, pts, seconds)
        for signals, n, pts, seconds in signals_of(images)
        if n % GOP == 0
    ]
    found = find_shots_from_keyframes(keyframes, lost, TIME_BASE)
    assert [(s.start_frame, s.end_frame) for s in found] == [(0, 129), (130, 289)]


def test_one_keyframe_is_one_shot_and_none_is_no_shot():
    packets = packets_of(30, cuts=[], keys=[0])
    (only,) = shots_of(still(1, 30), packets)
    assert (only.start_frame, only.end_frame, only.content) == (0, 29, "picture")
    assert KeyframeShotDetector(packets, TIME_BASE).finish() == []
