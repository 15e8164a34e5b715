"""Scenes, repeats and the kinds of content of shots."""

from __future__ import annotations

import numpy as np
import pytest

from fastthumb.analysis.shot_looks import Look
from fastthumb.analysis.shot_scenes import group_scenes
from fastthumb.analysis.shots import find_shots
from shot_films import HEIGHT, WIDTH, Image, flat, scenery, signals_of, still


def lettering(rows: int, seed: int = 0) -> Image:
    """Light letters in the middle of a dark picture `rows` px high."""
    rng = np.random.default_rng(seed)
    image = flat(12, 1)[0][:1].repeat(rows, axis=0)
    top = 10
    while top < rows - 10:
        letters = rng.random((8, 26)) < 0.5
        block = letters.repeat(3, axis=1)
        left = (WIDTH - block.shape[1]) // 2
        image[top : top + 8, left : left + block.shape[1], 0] = np.where(block, 230, 12)
        top += int(rng.integers(20, 60))
    return image


def test_a_dialogue_is_one_scene_and_its_set_ups_repeat():
    images = [image for seed in (1, 2, 1, 2, 1) for image in still(seed, 40)]
    found = find_shots(signals_of(images))
    assert [shot.repeat_of for shot in found] == [None, None, 0, 1, 0]
    assert {shot.scene for shot in found} == {0}


def test_a_new_place_is_a_new_scene():
    order = (1, 2, 1, 5, 6, 5)
    found = find_shots(signals_of([image for seed in order for image in still(seed, 40)]))
    assert [shot.scene for shot in found] == [0, 0, 0, 1, 1, 1]
    assert [shot.repeat_of for shot in found] == [None, None, 0, None, None, 3]


def test_dark_shots_repeat_only_what_they_show():
    order = (1, 2, 3, 1)
    images = [scenery(seed, dark=0.15) for seed in order for _ in range(40)]
    found = find_shots(signals_of(images))
    assert [shot.repeat_of for shot in found] == [None, None, None, 0]


def test_a_look_is_missing():
    shots = find_shots(signals_of(still(1, 30)))
    with pytest.raises(ValueError, match="1 shots but 2 looks"):
        group_scenes(shots, [Look(np.zeros((3, 9, 16, 3), np.uint8))] * 2)
    assert group_scenes([], []) == []


def test_a_title_card_is_told_from_a_picture():
    card = flat(12, 1)[0]
    card[60:80] = lettering(HEIGHT)[4:24]
    found = find_shots(signals_of([card] * 50 + still(3, 50)))
    assert [shot.content for shot in found] == ["title-card", "picture"]


def test_rolling_credits_are_told_from_a_picture():
    roll = lettering(HEIGHT + 300)
    images = [roll[n * 2 : n * 2 + HEIGHT] for n in range(140)]
    found = find_shots(signals_of(still(3, 50) + images))
    assert [shot.content for shot in found] == ["picture", "credits"]


def test_a_clear_sky_is_a_picture():
    sky = np.linspace(150, 200, HEIGHT, dtype=np.float32)[:, None, None] * np.ones((1, WIDTH, 3))
    sky[..., 1:] = (150, 110)
    (only,) = find_shots(signals_of([sky.astype(np.float32)] * 50))
    assert only.content == "picture"
