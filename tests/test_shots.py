"""Shot detection on small films whose edits are known by construction."""

from __future__ import annotations

import random

import numpy as np
import pytest

import shot_films as films
from fastthumb.analysis import shots as shots_module
from fastthumb.analysis.shots import Shot, ShotDetector, find_shots
from shot_films import HEIGHT, WIDTH, Image, dissolve, fade, flat, pan, shaken, signals_of, still

ENDS = 1  # frames by which an end of a gradual transition may be off: its first share is 1/13
LATE_TICKS = 82  # as ShotDetector.push promises

_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
WIPES = {
    "left-to-right": _X / WIDTH,
    "right-to-left": 1 - _X / WIDTH,
    "down": _Y / HEIGHT,
    "up": 1 - _Y / HEIGHT,
    "diagonal": (_X / WIDTH + _Y / HEIGHT) / 2,
    "iris": np.hypot(_X / WIDTH - 0.5, _Y / HEIGHT - 0.5) / 0.71,
    "barn-doors": abs(_X / WIDTH - 0.5) * 2,
}


def shots_of(images: list[Image], fps: float = films.FPS) -> list[Shot]:
    found = find_shots(signals_of(images, fps=fps))
    check_tiling(found, len(images))
    return found


def check_tiling(found: list[Shot], frames: int) -> None:
    """Every frame belongs to exactly one shot, and what is usable lies within."""
    assert [shot.index for shot in found] == list(range(len(found)))
    ends = [shot.end_frame for shot in found]
    assert [shot.start_frame for shot in found] == [0, *(end + 1 for end in ends[:-1])]
    assert ends[-1] == frames - 1
    for shot in found:
        assert (
            shot.start_frame <= shot.usable_start_frame <= shot.usable_end_frame <= shot.end_frame
        )
        assert shot.start_seconds <= shot.end_seconds
        assert (shot.start_pts, shot.end_pts) == (
            round(shot.start_seconds * 1000),
            round(shot.end_seconds * 1000),
        )
        blended = shot.transition_start_frame, shot.transition_end_frame
        assert (blended == (None, None)) == (shot.transition in {"start", "cut"})


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shot", [still, pan, shaken], ids=lambda shot: shot.__name__)
def test_a_cut_is_found_on_its_frame(shot, seed):
    found = shots_of(shot(seed, 60) + shot(seed + 100, 50))
    assert [(s.start_frame, s.transition) for s in found] == [(0, "start"), (60, "cut")]


def test_a_cut_between_a_still_and_a_moving_shot_is_found():
    found = shots_of(still(1, 40) + pan(2, 40, speed=8) + still(3, 40) + shaken(4, 40))
    assert [s.start_frame for s in found] == [0, 40, 80, 120]


@pytest.mark.parametrize("frames", [7, 12])
def test_a_short_shot_between_two_cuts_is_a_shot(frames):
    found = shots_of(still(1, 60) + still(2, frames) + still(1, 60))
    assert [s.start_frame for s in found] == [0, 60, 60 + frames]
    assert found[2].repeat_of == 0


def test_a_cut_near_the_end_is_found():
    assert [s.start_frame for s in shots_of(still(1, 60) + still(2, 3))] == [0, 60]


@pytest.mark.parametrize("motion", [0.0, 2.0])
@pytest.mark.parametrize("length", [4, 8, 12, 25, 40])
def test_a_dissolve_is_found_with_its_ends(length, motion):
    images = dissolve(pan(3, 80, speed=motion), pan(4, 80, speed=motion), length)
    first, second = shots_of(images)
    assert second.transition == "dissolve"
    assert second.transition_start_frame == pytest.approx(80 - length, abs=ENDS)
    slack = ENDS if motion == 0 else max(ENDS, length // 12)
    assert second.transition_end_frame == pytest.approx(79, abs=slack)
    assert first.end_frame == second.transition_start_frame - 1
    assert second.usable_start_frame == second.transition_end_frame + 1


@pytest.mark.parametrize("shape", WIPES.values(), ids=WIPES)
def test_a_wipe_is_found_whatever_its_shape(shape):
    images = films.wipe(still(5, 60), still(6, 60), 14, shape)
    _first, second = shots_of(images)
    assert second.transition == "wipe"
    assert second.transition_start_frame == pytest.approx(46, abs=ENDS)
    assert second.transition_end_frame == pytest.approx(59, abs=ENDS)


@pytest.mark.parametrize("level", [0, 255], ids=["black", "white"])
@pytest.mark.parametrize("length", [8, 20, 30])
def test_a_fade_through_black_or_white_is_one_transition(length, level):
    images = fade(still(7, 80), still(8, 80), length, hold=1, level=level)
    _first, second = shots_of(images)
    assert second.transition == "fade"
    assert second.transition_start_frame == pytest.approx(80 - length, abs=ENDS)
    assert second.transition_end_frame == pytest.approx(80 + length, abs=ENDS)


def test_black_that_lasts_is_a_shot_of_its_own():
    found = shots_of(fade(still(7, 60), still(8, 60), 12, hold=40))
    assert [(s.transition, s.content) for s in found] == [
        ("start", "picture"), ("fade", "black"), ("fade", "picture"),
    ]  # fmt: skip
    assert found[1].start_frame == pytest.approx(48, abs=ENDS)
    assert found[2].start_frame == pytest.approx(99, abs=ENDS)


def test_a_cut_to_black_and_out_of_it_are_cuts():
    found = shots_of(still(7, 60) + flat(0, 40) + still(8, 60))
    assert [(s.start_frame, s.transition, s.content) for s in found] == [
        (0, "start", "picture"), (60, "cut", "black"), (100, "cut", "picture"),
    ]  # fmt: skip


def test_a_film_may_fade_in_and_out():
    images = fade(flat(0, 1), still(8, 60), 1)[:1] + fade(still(8, 80), flat(0, 20), 20)[60:80]
    ramp = [films.mixed(flat(0, 1)[0], image, n / 20) for n, image in enumerate(still(8, 20))]
    (only,) = shots_of(ramp + still(8, 80) + images[1:])
    assert only.transition == "fade"
    assert (only.transition_start_frame, only.start_frame) == (0, 0)
    assert only.usable_start_frame == pytest.approx(20, abs=2)
    assert only.usable_end_frame == pytest.approx(99, abs=2)


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
@pytest.mark.parametrize("level", [250, 0], ids=["white", "black"])
def test_a_flash_is_not_a_cut(frames, level):
    images = still(9, 100)
    images[50 : 50 + frames] = flat(level, frames)
    assert len(shots_of(images)) == 1


def test_an_explosion_that_dies_away_is_not_a_cut():
    light = np.exp(-((_X - 90) ** 2 + (_Y - 60) ** 2) / 9000)[..., None] * np.float32([220, 0, 0])
    images = still(9, 120)
    for n in range(50, 80):
        images[n] = images[n] + light * np.exp(-(n - 50) / 6).astype(np.float32)
    assert len(shots_of(images)) == 1


@pytest.mark.parametrize("gain", [0.55, 1.5])
def test_an_exposure_step_is_not_a_cut(gain):
    images = still(12, 100)
    images[50:] = [image * np.float32([gain, 1, 1]) for image in images[50:]]
    assert len(shots_of(images)) == 1


def test_an_exposure_ramp_is_no_transition():
    gains = [1 + 0.6 * min(1, max(0, (n - 40) / 15)) for n in range(100)]
    images = [image * np.float32([g, 1, 1]) for image, g in zip(still(12, 100), gains, strict=True)]
    assert len(shots_of(images)) == 1


@pytest.mark.parametrize("speed", [1, 3, 6, 12, 20])
def test_a_pan_is_neither_cut_nor_dissolve(speed):
    assert len(shots_of(pan(10, 100, speed=speed))) == 1


@pytest.mark.parametrize("strength", [2, 6, 12])
def test_a_shaking_camera_is_not_a_cut(strength):
    assert len(shots_of(shaken(11, 100, strength=strength))) == 1


def test_an_object_that_passes_is_no_edit():
    images, body = still(13, 90), films.scenery(14, 120)
    for n in range(12):
        x = int((WIDTH + 120) * (n + 1) / 13) - 120
        low, high = max(0, x), min(WIDTH, x + 120)
        image = images[40 + n].copy()
        image[:, low:high] = body[:, low - x : high - x]
        images[40 + n] = image
    assert len(shots_of(images)) == 1


def test_a_caption_that_appears_is_no_edit():
    images = still(15, 90)
    for n in range(40, 90):
        image = images[n].copy()
        image[110:125, 40:200] = mixed_caption(image[110:125, 40:200], min(1, (n - 39) / 8))
        images[n] = image
    assert len(shots_of(images)) == 1


def mixed_caption(under: Image, share: float) -> Image:
    letters = (np.arange(under.shape[1]) // 6 % 2 == 0)[None, :, None]
    return np.where(letters, under * (1 - share) + np.float32([240, 128, 128]) * share, under)


def test_no_frame_gives_no_shot():
    assert find_shots([]) == []
    assert ShotDetector().finish() == []


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_a_film_of_few_frames_is_one_shot(frames):
    (only,) = shots_of(still(1, frames))
    assert (only.transition, only.end_frame) == ("start", frames - 1)


@pytest.mark.parametrize(("level", "content"), [(0, "black"), (255, "white"), (120, "picture")])
def test_a_film_of_one_color_is_one_shot(level, content):
    (only,) = shots_of(flat(level, 200))
    assert (only.content, only.transition) == (content, "start")


@pytest.mark.parametrize("fps", [10, 24, 30, 60, 120])
def test_frame_numbers_are_exact_at_any_rate(fps):
    frames = 5 * fps // 2 + 1
    found = shots_of(still(1, frames) + still(2, frames), fps)
    assert [s.start_frame for s in found] == [0, frames]


def test_a_variable_rate_is_read_from_the_timestamps():
    rng = np.random.default_rng(5)
    seconds = np.cumsum(rng.choice([1 / 60, 1 / 30, 1 / 15], 200)).tolist()
    found = find_shots(signals_of(still(1, 101) + still(2, 99), seconds=seconds))
    assert [s.start_frame for s in found] == [0, 101]
    assert found[1].start_seconds == seconds[101]


def test_a_clock_that_stands_still_hides_no_frame():
    found = find_shots(signals_of(still(1, 60) + still(2, 60), seconds=[0.0] * 120))
    assert [s.start_frame for s in found] == [0, 60]


def long_film(seed: int, shots: int) -> list[Image]:
    """Shots of all kinds joined by edits of all kinds."""
    rng = random.Random(seed)
    images: list[Image] = still(seed, 50)
    for n in range(shots):
        shot = rng.choice([still, pan, shaken])(seed + n + 1, rng.randint(40, 90))
        join = rng.choice(["cut", "cut", "dissolve", "fade", "wipe"])
        length = rng.randint(5, 20)
        if join == "cut":
            images = images + shot
        elif join == "dissolve":
            images = dissolve(images, shot, length)
        elif join == "fade":
            images = fade(images, shot, length, hold=rng.choice([0, 20]))
        else:
            images = films.wipe(images, shot, length, rng.choice(list(WIPES.values())))
    return images


@pytest.mark.parametrize("block", [1, 7, 64, 5000])
def test_shots_do_not_depend_on_how_the_stream_is_cut_into_blocks(block, monkeypatch):
    frames = list(signals_of(long_film(20, 14)))
    expected = find_shots(frames)
    assert len(expected) > 10, "a film of one shot proves nothing"
    monkeypatch.setattr(shots_module, "BLOCK", block)
    assert find_shots(frames) == expected


def test_shots_come_out_as_the_film_goes_on_and_memory_does_not_grow():
    frames = list(signals_of(long_film(30, 12)))
    detector, late, sizes = ShotDetector(), [], []
    for repeat in range(4):
        for signals, index, _pts, _seconds in frames:
            number = repeat * len(frames) + index
            closed = detector.push(signals, number, number, number / films.FPS)
            late += [number - shot.end_frame for shot in closed]
        window = detector._window
        sizes.append((window._pictures.nbytes, len(window.frames), len(detector._pending)))
    assert max(late) <= LATE_TICKS
    assert len(late) > 30
    assert sizes[0][0] == sizes[-1][0]
    assert all(held < 250 and pending < 20 for _bytes, held, pending in sizes)


def test_finish_may_be_called_again():
    detector = ShotDetector()
    for frame in signals_of(still(1, 30)):
        assert detector.push(*frame) == []
    assert len(detector.finish()) == 1
    assert detector.finish() == []
