"""The collector: which frames of a shot it keeps, how many, and what it never keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from fastthumb.analysis.candidates import CandidateCollector, Held, judge
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import Measured, measure
from fastthumb.analysis.slots import SlotSampler
from fastthumb.media.source import SourceInfo, open_source
from fastthumb.settings import Settings
from stills_samples import Picture, blurred, card, info_of, landscape, measured, shot_of


class Feed:
    """Gives a collector the samples and slots of measured frames."""

    def __init__(self, info: SourceInfo, settings: Settings | None = None) -> None:
        self.collector = CandidateCollector(info, settings or Settings())
        self.sampler = SlotSampler(info)
        self.last = 0

    def push(self, one: Measured) -> None:
        self.sampler.push(one)
        self.collector.push(one.signals, one.frame.index, one.frame.seconds)
        self.collector.add(self.sampler.take())
        self.last = one.frame.index

    def close(self, shot: Shot) -> list[Held]:
        if shot.end_frame >= self.last:  # there is no more
            self.sampler.finish()
            self.collector.add(self.sampler.take())
        return self.collector.close(shot)


def collect(
    pictures: list[Picture], shots: Sequence[Shot], rate: int = 24, late: int = 60
) -> list[Held]:
    """What a collector gives for a film whose shots are closed `late` frames after their end."""
    info = info_of(pictures[0])
    collector = Feed(info)
    held, waiting = [], list(shots)
    for one in measured(pictures, rate):
        collector.push(one)
        while waiting and one.frame.index >= waiting[0].end_frame + late:
            held += collector.close(waiting.pop(0))
    for shot in waiting:
        held += collector.close(shot)
    return held


def panned(seed: int, count: int, step: int = 1) -> list[Picture]:
    wide = landscape(seed, 640 + count * step, 360)
    return [wide[:, k * step : k * step + 640] for k in range(count)]


def faded(pictures: list[Picture]) -> list[Picture]:
    """From black up to the full picture, one step a frame."""
    last = len(pictures)
    return [(p * ((k + 1) / last)).astype(np.uint8) for k, p in enumerate(pictures)]


def mixed(old: list[Picture], new: list[Picture]) -> list[Picture]:
    steps = np.linspace(0, 1, len(old) + 2)[1:-1]
    return [((1 - s) * a + s * b).astype(np.uint8) for s, a, b in zip(steps, old, new, strict=True)]


def test_the_sharp_frames_of_a_blurred_shot_are_kept() -> None:
    pictures = panned(1, 72)
    sharp = {20, 60}
    pictures = [p if k in sharp else blurred(p, 4.0) for k, p in enumerate(pictures)]
    held = collect(pictures, [shot_of(0, 0, 71)])
    assert {one.frame_index for one in held} == sharp
    assert all(one.signals["relative_sharpness"] > 0.8 for one in held)


def test_frames_of_a_dissolve_are_never_kept() -> None:
    old, new = panned(1, 60), panned(4, 60)
    pictures = old[:36] + mixed(old[36:], new[:24]) + new[24:]
    shots = [
        shot_of(0, 0, 35),
        shot_of(1, 36, 95, transition="dissolve", usable_start_frame=60),
    ]
    indexes = [one.frame_index for one in collect(pictures, shots)]
    assert [index for index in indexes if index < 36]
    assert [index for index in indexes if index >= 60]
    assert not [index for index in indexes if 36 <= index < 60]


def test_half_faded_frames_lose_to_settled_ones_even_where_no_fade_was_reported() -> None:
    pictures = panned(2, 96)
    pictures = faded(pictures[:48]) + pictures[48:]
    held = collect(pictures, [shot_of(0, 0, 95)])
    settled = [one.signals["settled"] for one in held if one.frame_index >= 48]
    assert settled
    assert min(settled) > 0.9
    for one in held:
        if one.frame_index < 30:
            assert one.signals["settled"] < 0.5


def test_a_flash_is_not_kept() -> None:
    pictures = panned(3, 60)
    for k in (29, 30):
        pictures[k] = np.clip(pictures[k].astype(np.int16) + 110, 0, 255).astype(np.uint8)
    held = collect(pictures, [shot_of(0, 0, 59)])
    assert held
    assert all(one.frame_index not in (29, 30) for one in held)


@pytest.mark.parametrize("level", [0, 3, 128, 255])
def test_a_shot_of_one_color_gives_nothing(level: int) -> None:
    pictures = [np.full((360, 640, 3), level, dtype=np.uint8)] * 30
    assert collect(pictures, [shot_of(0, 0, 29)]) == []


def test_a_film_of_one_frame_gives_it() -> None:
    [held] = collect([landscape(0)], [shot_of(0, 0, 0)])
    assert (held.frame_index, held.stillness) == (0, 1.0)
    candidate = judge(held, info_of(landscape(0)))
    assert candidate.content_box == (0, 0, 640, 360)
    assert candidate.still.detail > 5.0


def test_a_film_that_is_all_transition_gives_its_best_frame_marked_as_such() -> None:
    pictures = faded(panned(5, 24))
    shot = shot_of(0, 0, 23, transition="fade", usable_start_frame=23)
    held = collect(pictures, [shot])
    assert len(held) == 1
    if held[0].frame_index != 23:
        assert held[0].signals["settled"] == 0.0


def test_a_cut_inside_a_slot_costs_neither_side_its_candidate() -> None:
    pictures = [frame for seed in range(8) for frame in panned(seed, 7)]
    shots = [shot_of(k, 7 * k, 7 * k + 6) for k in range(8)]
    held = collect(pictures, shots)
    assert [one.shot for one in held] == list(range(8))


def test_longer_shots_give_more_and_they_lie_apart() -> None:
    counts = []
    for seconds in (1, 3, 6):
        held = collect(panned(1, 24 * seconds), [shot_of(0, 0, 24 * seconds - 1)])
        times = [one.seconds for one in held]
        assert times == sorted(times)
        assert np.diff(times).min(initial=9.0) >= 0.3
        counts.append(len(held))
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert counts[-1] >= 3


def test_candidates_of_a_film_are_limited() -> None:
    pictures = [frame for seed in range(6) for frame in panned(seed, 48)]
    shots = [shot_of(k, 48 * k, 48 * k + 47) for k in range(6)]
    info = info_of(pictures[0])
    collector = Feed(info, Settings(candidates_per_hour=50))
    collector.collector._allowance = 0.0  # as far into a film
    held = []
    for one in measured(pictures):
        collector.push(one)
    for shot in shots:
        held += collector.close(shot)
    assert [one.shot for one in held] == list(range(6)), "one for every shot, and no more"


def test_a_long_open_shot_holds_a_bounded_number_of_slots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fastthumb.analysis.candidates._MOST_SLOTS", 20)
    pattern = measured(panned(1, 48))
    feed = Feed(info_of(landscape(1)))
    for number in range(24 * 120):
        one = pattern[number % 48]
        frame = type(one.frame)(number, number, number / 24, False, one.frame.image)
        feed.push(Measured(frame, one.signals))
        assert len(feed.collector._slots) <= 20
    held = feed.close(shot_of(0, 0, 24 * 120 - 1))
    assert len(held) >= 15
    gaps = np.diff([0.0] + [one.seconds for one in held] + [120.0])
    assert gaps.max() < 20.0, "a part of the shot was forgotten"


def test_keyframes_alone_are_samples_and_not_motion() -> None:
    pictures = [landscape(seed // 3) for seed in range(12)]
    shots = [shot_of(k, 3 * k, 3 * k + 2) for k in range(4)]
    info = info_of(pictures[0])
    collector = Feed(info)
    held = []
    for one in measured(pictures):
        frame = type(one.frame)(one.frame.index, one.frame.pts, 2.0 * one.frame.index, True,
                                one.frame.image)  # fmt: skip
        collector.push(Measured(frame, one.signals))
    for shot in shots:
        held += collector.close(shot)
    assert {one.shot for one in held} == {0, 1, 2, 3}
    assert all(one.stillness == 1.0 for one in held)


def test_signals_of_a_letterboxed_picture_are_those_of_the_picture_inside() -> None:
    inside = landscape(6, 640, 272)
    boxed = np.zeros((360, 640, 3), dtype=np.uint8)
    boxed[44:316] = inside
    [held] = collect([boxed], [shot_of(0, 0, 0)])
    [alone] = collect([inside], [shot_of(0, 0, 0)])
    assert held.content_box[1] in range(44, 50)
    # The cut is a few lines larger than the bar, and the sky differs from the ground.
    for name, tolerance in (
        ("lightness", 0.05),
        ("luma_std", 0.05),
        ("chroma", 0.05),
        ("laplacian_variance", 0.15),
    ):
        assert held.signals[name] == pytest.approx(alone.signals[name], rel=tolerance), name
    assert judge(held, info_of(boxed)).still.dark == pytest.approx(0.0, abs=0.005)


def test_lettering_shots_give_candidates_so_that_a_film_of_text_has_one() -> None:
    pictures = [card(["chapter one"], 50, (20, 20, 20), (240, 240, 240))] * 24
    assert collect(pictures, [shot_of(0, 0, 23, content="title-card")])


def test_black_film_gives_no_candidate(video: Callable[[str], Path]) -> None:
    with open_source(video("black_363s_1080p.mp4")) as source:
        collector = Feed(source.info)
        last = 0
        for one in measure(source.keyframes(), source.info):
            collector.push(one)
            last = one.frame.index
        assert last > 5
        assert collector.close(shot_of(0, 0, last)) == []
