"""Shots from keyframes and a look at the doubtful parts: those of a pass over every frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastthumb.analysis.shot_doubts import doubt
from fastthumb.analysis.shot_packets import PacketEvidence
from fastthumb.analysis.shot_runs import RunShotDetector
from fastthumb.analysis.shot_search import MARGIN, groups_of, look_into, searches
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.shots import find_shots as find_in_signals
from fastthumb.media.packets import PacketTable
from fastthumb.media.source import open_source
from fastthumb.pipeline import find_shots
from fastthumb.presets import plan
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
        every = find_shots(source, Settings(preset="best"))
        found = [find_shots(source, Settings(), threads=threads) for threads in (1, 3)]
        frames = sum(len(piece.samples) for piece in plan(source, Settings()).pieces())
        count = len(source.packets())
    assert [shot.start_frame for shot in every] == [0, 125, 250, 375, 500, 625]
    assert edits(found[0]) == edits(every)
    assert found[0] == found[1]
    assert frames < 0.5 * count


@pytest.mark.parametrize("gop", [1, 200])
def test_a_film_with_nothing_to_leave_out_is_decoded_whole(tmp_path, gop):
    film = write_film(tmp_path / "film.mp4", moving_shot(1, 200), gop=gop)
    with open_source(film) as source:
        assert plan(source, Settings()).decodes == "every frame"


def test_of_a_film_that_is_doubtful_all_over_every_frame_is_measured(tmp_path):
    frames = [frame for seed in range(20) for frame in moving_shot(seed, 20)]
    film = write_film(tmp_path / "film.mp4", frames, gop=24)
    with open_source(film) as source:
        decoding = plan(source, Settings())
        assert decoding.decodes == "around edits"
        numbers = {sample[1] for piece in decoding.pieces() for sample in piece.samples}
    assert numbers == set(range(400))


def found_in(images: list[Image], packets: PacketTable) -> tuple[list[Shot], set[int]]:
    """Shots found by looking where it is doubtful, and the frames that were looked at."""
    frames = [(s, n, pts, seconds) for s, n, pts, seconds in signals_of(images)]
    keyframes = [frame for frame in frames if packets.keyframe[frame[1]]]
    evidence = PacketEvidence(packets)

    def read(first: int, last: int):
        yield from frames[first : last + 1]

    looks = [look_into(search, evidence, read) for search in searches(keyframes, evidence)]
    samples = {frame[1]: frame for frame in keyframes}
    samples.update((sample[1], sample) for look in reversed(looks) for sample in look)
    detector = RunShotDetector(evidence.pts, float(TIME_BASE))
    shots = [shot for n in sorted(samples) for shot in detector.push(*samples[n])]
    shots += detector.finish()
    assert [s.start_frame for s in shots] == [0, *(s.end_frame + 1 for s in shots[:-1])]
    assert shots[-1].end_frame == len(images) - 1
    return shots, {sample[1] for look in looks for sample in look}


def looks_of(cut: int, **options: bool) -> list[list[tuple[int, int]]]:
    """What each look into a still film with one cut reads: the first and last frame, each time."""
    images = still(1, cut) + still(2, 480 - cut)
    packets = packets_of(480, cuts=[cut], keys=regular(480))
    frames = list(signals_of(images))
    keyframes = [frame for frame in frames if packets.keyframe[frame[1]]]
    evidence = PacketEvidence(packets)
    reads: list[list[int]] = []

    def read(first: int, last: int):
        reads.append([first, first])
        for frame in frames[first : last + 1]:
            reads[-1][1] = frame[1]
            yield frame

    found = []
    for search in searches(keyframes, evidence, **options):
        if search.after is not None:
            reads.clear()
            look_into(search, evidence, read)
            found.append([(first, last) for first, last in reads])
    return found


def test_a_look_begins_shortly_before_a_cut_and_ends_shortly_after_it():
    (reads,) = looks_of(222)
    ((first, last),) = reads
    assert 222 - 12 <= first <= 222 - MARGIN
    assert 222 + MARGIN <= last + 1 <= 222 + 12


def test_where_all_frames_cost_the_same_a_look_begins_with_its_keyframe():
    (reads,) = looks_of(222, passes_cheaply=False)
    ((first, last),) = reads
    assert first == 192
    assert last <= 222 + 12


def test_packets_that_point_to_the_wrong_place_do_not_hide_a_cut():
    images = still(1, 200) + still(2, 280)
    shots, _ = found_in(images, packets_of(480, cuts=[230], keys=regular(480)))
    assert [s.start_frame for s in shots] == [0, 200]


def test_a_camera_that_moves_is_doubted_less_than_a_cut_and_a_surge_adds_doubt():
    scene, other = still(1, 1)[0], still(2, 1)[0]
    moved = np.roll(scene, scene.shape[1] // 10, axis=1)

    def doubts(last: Image, cuts: list[int]) -> float:
        images = [scene] * 48 + [last] * 48
        frames = list(signals_of(images))
        packets = packets_of(96, cuts=cuts, keys=[0, 48])
        keyframes = [frames[0], frames[48]]
        (group,) = groups_of(keyframes)
        return doubt(PacketEvidence(packets), group, group.before, group.after)

    assert doubts(moved, []) < doubts(other, []) < doubts(other, [24])
    assert doubts(moved, []) < doubts(moved, [24])


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
    assert places(shots) == places(find_in_signals(signals_of(images)))
    assert [s.transition for s in shots] == ["start", "dissolve"]


def test_black_between_two_fades_is_a_shot():
    images = fade(still(5, 230), still(7, 250), 20, hold=60)
    count = len(images)
    surge = [*range(210, 228, 4), *range(290, 310, 4)]
    shots, _ = found_in(images, packets_of(count, cuts=surge, keys=regular(count)))
    every = find_in_signals(signals_of(images))
    kinds = [(s.transition, s.content) for s in shots]
    assert kinds == [(s.transition, s.content) for s in every]
    assert len(kinds) == 3
    starts = np.array([[s.start_frame, s.usable_start_frame] for s in shots])
    assert np.abs(starts - [[s.start_frame, s.usable_start_frame] for s in every]).max() <= 1


def test_of_a_frame_that_comes_twice_the_first_sample_counts():
    frames = list(signals_of(still(1, 60) + still(2, 60)))
    pts = np.array([frame[2] for frame in frames])
    once, twice = (RunShotDetector(pts, float(TIME_BASE)) for _ in range(2))
    for frame in frames:
        once.push(*frame)
    for frame in [*frames[:70], *frames[55:]]:
        twice.push(*frame)
    shots = once.finish()
    assert [shot.start_frame for shot in shots] == [0, 60]
    assert twice.finish() == shots


def test_memory_does_not_grow_with_a_run_or_with_samples_apart():
    frames = list(signals_of(still(3, 48)))
    pts = np.arange(40_000) * (frames[1][2] - frames[0][2])
    step = frames[1][3] - frames[0][3]
    for stride in (1, 20):
        detector = RunShotDetector(pts, step / (pts[1] - pts[0]))
        most = 0
        for n in range(0, 40_000, stride):
            detector.push(frames[n % 48][0], n, int(pts[n]), n * step)
            most = max(most, len(detector._waiting))
        assert len(detector.finish()) >= 1
        assert most <= 1000
