"""Moments: which of their frames is the best, told by signals and faces alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from face_samples import face, track
from fastthumb.analysis.moments import (
    FACE_LOOKS,
    Instants,
    Rated,
    best_of,
    frames_around,
    known_again,
    rate,
    worth_a_look,
)
from fastthumb.analysis.neighbors import COLUMN, COLUMNS
from people_samples import face_of
from stills_samples import blurred, landscape, measured


def rows_of(sharpness: list[float], **columns: list[float]) -> np.ndarray:
    """Rows of still frames at 24 frames a second, from frame 0 on."""
    rows = np.zeros((len(sharpness), len(COLUMNS)), np.float32)
    rows[:, COLUMN["index"]] = np.arange(len(sharpness))
    rows[:, COLUMN["seconds"]] = np.arange(len(sharpness)) / 24
    rows[:, COLUMN["luma_mean"]], rows[:, COLUMN["luma_std"]] = 120.0, 50.0
    rows[:, COLUMN["laplacian_variance"]] = sharpness
    for name, values in columns.items():
        rows[:, COLUMN[name]] = values
    return rows


def rated(*worths: float) -> list[Rated]:
    frames = [Rated(k, k / 24, worth, {}) for k, worth in enumerate(worths)]
    return sorted(frames, key=lambda one: -one.worth)


def test_the_sharpest_frame_is_rated_best() -> None:
    found = rate(rows_of([100, 120, 400, 120, 100]), range(5), (-9, 99))
    assert found[0].index == 2
    assert found[0].context["relative_sharpness"] == 1.0


def test_of_two_sharp_frames_the_still_one_is_better() -> None:
    motion = [12.0, 12.0, 12.0, 12.0, 0.0, 0.0]
    found = rate(rows_of([300] * 6, motion=motion), range(6), (-9, 99))
    assert found[0].index in (4, 5)


def test_a_frame_beside_a_cut_is_worth_less() -> None:
    found = rate(rows_of([300, 290, 290]), range(3), (0, 2))
    assert found[0].index == 1


def test_a_flash_and_an_empty_frame_are_never_best() -> None:
    sharpness = [200.0] * 12
    sharpness[5], sharpness[8] = 260.0, 300.0
    light, spread = [100.0] * 12, [50.0] * 12
    light[5], spread[8] = 230.0, 1.0
    rows = rows_of(sharpness, luma_mean=light, luma_std=spread)
    found = rate(rows, range(12), (-9, 99))
    assert found[0].index not in (5, 8)
    assert 8 not in {one.index for one in found}


@pytest.mark.parametrize(
    ("worths", "expected"),
    [
        pytest.param((0.9, 0.91), 0, id="hardly better"),
        pytest.param((0.9, 0.99), 1, id="clearly better"),
        pytest.param((0.9, 0.2), 0, id="worse"),
    ],
)
def test_only_what_is_clearly_better_takes_the_place(worths, expected) -> None:
    best = best_of(rated(*worths), 0)
    assert best is not None
    assert best.index == expected


def test_of_no_frames_none_is_best() -> None:
    assert best_of([], 0) is None


def test_open_eyes_beat_sharpness_and_only_searched_frames_are_compared() -> None:
    shut, opened = face_of(eyes_open=0.0), face_of(eyes_open=1.0)
    best = best_of(rated(1.0, 0.8, 0.99), 0, {0: (shut,), 1: (opened,)})
    assert best is not None
    assert best.index == 1


def test_a_mouth_in_the_middle_of_a_word_stands_back_for_a_closed_one() -> None:
    speaking, silent = face_of(mouth=0.6), face_of(mouth=0.02)
    best = best_of(rated(1.0, 1.0), 0, {0: (speaking,), 1: (silent,)})
    assert best is not None
    assert best.index == 1
    laughing = face_of(mouth=0.6, expression="happy", likely=1.0)
    kept = best_of(rated(1.0, 1.0), 0, {0: (laughing,), 1: (silent,)})
    assert kept is not None
    assert kept.index == 0


def test_a_frame_that_lost_its_faces_does_not_take_the_place_of_one_that_has_them() -> None:
    best = best_of(rated(0.5, 1.0), 0, {0: (face_of(),), 1: ()})
    assert best is not None
    assert best.index == 0


def test_frames_to_search_lie_apart_and_hold_the_current_one() -> None:
    frames = rated(*np.linspace(0.5, 1.0, 24))
    chosen = worth_a_look(frames, 0)
    assert len(chosen) == FACE_LOOKS
    assert [one.index for one in chosen][:2] == [0, 23]
    times = np.sort([one.seconds for one in chosen])
    assert np.diff(times).min() >= 0.2 - 1e-9, "longer than a part of a blink"


def test_a_moment_ends_half_a_second_away_and_where_its_shot_ends() -> None:
    pts = np.arange(0, 240_000, 1000)
    assert frames_around(pts, 100, 12_000, (0, 239)) == (88, 112)
    assert frames_around(pts, 100, 12_000, (96, 105)) == (96, 105)
    uneven = np.array([0, 10, 20, 500, 510, 2000])
    assert frames_around(uneven, 3, 480, (0, 5)) == (2, 4)


def test_held_are_the_sharpest_frames_of_the_instants_and_the_one_that_is_kept() -> None:
    pictures = [blurred(landscape(1), 3.0) for _ in range(25)]
    for sharp in (6, 20):
        pictures[sharp] = landscape(1)
    instants = Instants(0.0, 1.0, 640 * 360, kept=11)
    for one in measured(pictures):
        instants.push(one)
    held = instants.frames
    assert {6, 11, 20} <= set(held)
    assert len(held) <= 14


def test_few_frames_of_8k_film_are_held() -> None:
    instants = Instants(0.0, 1.0, 7680 * 4320 * 3, kept=0)
    for one in measured([landscape(1)] * 25):
        instants.push(one)
    assert len(instants.frames) <= 4


def test_damaged_frames_are_not_held() -> None:
    instants = Instants(0.0, 1.0, 640 * 360, kept=3)
    for one in measured([landscape(1)] * 6):
        instants.push(replace(one, frame=replace(one.frame, damaged=True)))
    assert set(instants.frames) == {3}, "what was chosen before stays, whatever it is"


def test_faces_are_known_again_by_their_place() -> None:
    before = [replace(face(x=0.3), track=7), replace(face(x=0.7), track=8)]
    tracks = {k: replace(track(k, None), open_eyes=eyes) for k, eyes in ((7, 0.3), (8, 0.2))}
    now = [face(x=0.68, eyes=0.2), face(x=0.5, height=0.05), face(x=0.32, eyes=0.2)]
    found = known_again(now, before, tracks)
    assert [one.track for one in found] == [8, -1, 7]
    assert found[0].eyes_open == 1.0
    assert found[2].eyes_open is not None
    assert found[2].eyes_open < 0.5, "half shut for this person"
