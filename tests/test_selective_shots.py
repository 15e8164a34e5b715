"""Shots from keyframes and a look at the doubtful parts: those of a pass over every frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastthumb.analysis.shot_packets import PacketEvidence
from fastthumb.analysis.shot_runs import join_runs, shots_of_runs
from fastthumb.analysis.shot_search import Sample, look_into, searches
from fastthumb.analysis.shots import Shot, find_shots
from fastthumb.media.packets import PacketTable
from fastthumb.media.source import open_source
from fastthumb.pipeline import find_shots as find_all_shots
from fastthumb.selective import find_shots_selectively
from fastthumb.settings import Settings
from films import moving_shot, write_film
from shot_films import Image, dissolve, fade, signals_of, still
from test_shots_keyframes import TIME_BASE, packets_of, regular


def edits(shots: list[Shot]) -> list[tuple[object, ...]]:
    return [
        (s.start_frame, s.end_frame, s.start_pts, s.end_pts, s.transition,
         s.transition_start_frame, s.transition_end_frame, s.usable_start_frame,
         s.usable_end_frame, s.content, s.scene, s.repeat_of)
        for s in shots
    ]  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shots of five seconds, of which one comes back, cut anywhere; a keyframe each second."""
    seeds = [0, 1, 2, 0, 3, 4]
    frames = [frame for seed in seeds for frame in moving_shot(seed, 125)]
    return write_film(tmp_path_factory.mktemp("selective") / "film.mp4", frames, gop=24)


def test_shots_are_those_of_every_frame_whatever_the_number_of_workers(film):
    with open_source(film) as source:
        every = find_all_shots(source, Settings(preset="best"))
        found = [find_shots_selectively(source, workers=workers) for workers in (1, 3)]
        count = len(source.packets())
    assert [shot.start_frame for shot in every] == [0, 125, 250, 375, 500, 625]
    assert found[0] is not None
    assert edits(found[0].shots) == edits(every)
    assert found[0] == found[1]
    assert found[0].frames < 0.5 * count


@pytest.mark.parametrize("gop", [1, 200])
def test_a_film_with_nothing_to_leave_out_is_left_to_a_straight_pass(tmp_path, gop):
    film = write_film(tmp_path / "film.mp4", moving_shot(1, 200), gop=gop)
    with open_source(film) as source:
        assert find_shots_selectively(source, workers=1) is None


def test_a_film_that_is_doubtful_all_over_is_left_to_a_straight_pass(tmp_path):
    frames = [frame for seed in range(20) for frame in moving_shot(seed, 20)]
    film = write_film(tmp_path / "film.mp4", frames, gop=24)
    with open_source(film) as source:
        assert find_shots_selectively(source, workers=1) is None


def found_in(images: list[Image], packets: PacketTable) -> tuple[list[Shot], set[int]]:
    """Shots found by looking where it is doubtful, and the frames that were looked at."""
    frames = [(s, n, pts, seconds) for s, n, pts, seconds in signals_of(images)]
    keyframes = [frame for frame in frames if packets.keyframe[frame[1]]]
    evidence = PacketEvidence(packets)

    def read(first: int, last: int):
        yield from frames[first : last + 1]

    looks = [look_into(search, evidence, read) for search in searches(keyframes, evidence)]
    shots, _ = shots_of_runs(join_runs(looks), keyframes, evidence, float(TIME_BASE))
    assert [s.start_frame for s in shots] == [0, *(s.end_frame + 1 for s in shots[:-1])]
    assert shots[-1].end_frame == len(images) - 1
    return shots, {sample[1] for look in looks for sample in look}


def places(shots: list[Shot]) -> list[tuple[object, ...]]:
    return [(s.start_frame, s.transition, s.transition_start_frame, s.transition_end_frame,
             s.usable_start_frame, s.usable_end_frame) for s in shots]  # fmt: skip


def test_a_still_film_is_looked_at_only_where_it_ends():
    shots, seen = found_in(still(4, 480), packets_of(480, cuts=[], keys=regular(480)))
    assert len(shots) == 1
    assert seen == set(range(432, 480))


@pytest.mark.parametrize("cut", [200, 191, 192, 193, 230])
def test_a_cut_is_found_on_its_frame_wherever_the_keyframes_are(cut):
    images = still(1, cut) + still(2, 480 - cut)
    shots, seen = found_in(images, packets_of(480, cuts=[cut], keys=regular(480)))
    assert [s.start_frame for s in shots] == [0, cut]
    assert len(seen) < 200


def test_a_dissolve_over_a_keyframe_is_found_whole():
    images = dissolve(still(5, 205), still(6, 275), 24)
    surge = list(range(182, 204, 3))
    shots, _ = found_in(images, packets_of(len(images), cuts=surge, keys=regular(len(images))))
    assert places(shots) == places(find_shots(signals_of(images)))
    assert [s.transition for s in shots] == ["start", "dissolve"]


def test_black_between_two_fades_is_a_shot():
    images = fade(still(5, 230), still(7, 250), 20, hold=60)
    count = len(images)
    surge = [*range(210, 228, 4), *range(290, 310, 4)]
    shots, _ = found_in(images, packets_of(count, cuts=surge, keys=regular(count)))
    every = find_shots(signals_of(images))
    kinds = [(s.transition, s.content) for s in shots]
    assert kinds == [(s.transition, s.content) for s in every]
    assert len(kinds) == 3
    starts = np.array([[s.start_frame, s.usable_start_frame] for s in shots])
    assert np.abs(starts - [[s.start_frame, s.usable_start_frame] for s in every]).max() <= 1


def test_of_a_frame_seen_twice_the_one_that_was_compared_counts():
    def samples(first: int, last: int, look: int) -> list[Sample]:
        return [(None, n, look, 0.0) for n in range(first, last + 1)]  # type: ignore[misc]

    runs = join_runs([samples(0, 9, 1), samples(8, 12, 2), samples(13, 14, 3), samples(20, 21, 4)])
    assert [[(n, look) for _, n, look, _ in run] for run in runs] == [
        [*((n, 1) for n in range(10)), *((n, 2) for n in range(10, 13)), (13, 3), (14, 3)],
        [(20, 4), (21, 4)],
    ]
