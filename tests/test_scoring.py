"""Scores: the published formula, and ladders of known faults that must come out in order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fastthumb.artwork.scoring import Scored, score, visual_quality
from fastthumb.settings import QualityWeights, Settings, VisualWeights
from stills_samples import Picture, blurred, candidate_of, card, landscape, shot_of

SEEDS = (1, 3, 4, 8)
EQUAL = 0.01  # qualities that differ by less would be called equal by any editor


def scored(picture: Picture, settings: Settings | None = None, **context: float) -> Scored:
    [one] = score([candidate_of(picture, **context)], [], settings or Settings())
    return one


def darkened(picture: Picture, stops: float) -> Picture:
    return (picture * 2.0**-stops).astype(np.uint8)


def burnt(picture: Picture, stops: float) -> Picture:
    return np.clip(picture * 2.0**stops, 0, 255).astype(np.uint8)


def faded(picture: Picture, share: float) -> Picture:
    return (picture * (1.0 - share)).astype(np.uint8)


def washed_out(picture: Picture, share: float) -> Picture:
    return (picture * (1.0 - share) + 255 * share).astype(np.uint8)


def grained(picture: Picture, spread: float) -> Picture:
    # Grain as large as the pixels of the small copy, so that scaling down does not remove it.
    height, width = picture.shape[:2]
    grain = np.random.default_rng(9).normal(scale=spread, size=(height // 2, width // 2))
    return np.clip(picture + grain.repeat(2, 0).repeat(2, 1)[..., None], 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("spoil", "steps"),
    [
        (blurred, (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)),
        (darkened, (0.0, 1.0, 2.0, 3.0, 4.0)),
        (burnt, (0.0, 1.5, 2.5)),
        (faded, (0.0, 0.3, 0.5, 0.7, 0.9)),
        (washed_out, (0.0, 0.3, 0.5, 0.7, 0.9)),
        (grained, (0.0, 6.0, 12.0, 24.0)),
    ],
    ids=["blur", "underexposure", "overexposure", "fade to black", "fade to white", "noise"],
)
def test_quality_falls_with_every_step_of_a_fault(
    spoil: Callable[[Picture, float], Picture], steps: tuple[float, ...], seed: int
) -> None:
    picture = landscape(seed)
    picture = np.clip(picture * (115.0 / picture.mean()), 0, 255).astype(np.uint8)
    ladder = [scored(spoil(picture, step)).quality for step in steps]
    assert all(worse <= better + EQUAL for better, worse in itertools.pairwise(ladder)), ladder
    assert ladder[0] - ladder[-1] > 0.15, "the ladder is too short to prove anything"


@pytest.mark.parametrize("seed", SEEDS)
def test_every_good_picture_beats_every_spoiled_one(seed: int) -> None:
    good = scored(landscape(seed)).quality
    for other in SEEDS:
        picture = landscape(other)
        for spoiled in (
            blurred(picture, 8.0),
            darkened(picture, 4.0),
            washed_out(picture, 0.9),
            np.full_like(picture, 130),
            card(["a title"], 60),
            card(["Directed by", "Somebody", "Music", "Another"], 24),
        ):
            assert good > scored(spoiled).quality + 0.1


def test_visual_quality_is_the_published_formula() -> None:
    visual = visual_quality(
        {"lightness": 60.0, "luma_std": 40.0, "laplacian_variance": 150.0, "chroma": 30.0}
    )
    assert (visual.brightness, visual.contrast) == pytest.approx((0.8, 0.8))
    assert (visual.sharpness, visual.saturation) == pytest.approx((0.5, 0.3))
    assert visual.total(VisualWeights()) == pytest.approx(0.2 + 0.2 + 0.15 + 0.06)


@pytest.mark.parametrize(
    ("lightness", "brightness"), [(0.0, 0.0), (25.0, 0.5), (50.0, 1.0), (100.0, 0.0)]
)
def test_brightness_is_best_at_half(lightness: float, brightness: float) -> None:
    signals = {"lightness": lightness, "luma_std": 99.0, "laplacian_variance": 9e9, "chroma": 300.0}
    visual = visual_quality(signals)
    assert visual.brightness == pytest.approx(brightness)
    assert (visual.contrast, visual.sharpness, visual.saturation) == (1.0, 1.0, 1.0)


def test_every_part_is_kept_and_lies_between_0_and_1() -> None:
    one = scored(landscape(1), moment_spread=80.0)
    assert {*QualityWeights.model_fields} - {"text"} <= {*one.scores}
    assert {"text", "emptiness", "blur", "noise", "settled", "thirds", "action"} <= {*one.scores}
    assert all(0.0 <= value <= 1.0 for value in one.scores.values())
    assert 0.0 <= one.quality <= 1.0


def test_a_fade_and_a_transition_take_quality_away() -> None:
    ladder = [scored(landscape(1), settled=settled).quality for settled in (1.0, 0.6, 0.2, 0.0)]
    assert ladder == sorted(ladder, reverse=True)
    assert ladder[-1] < 0.2 * ladder[0]


def test_motion_blur_is_told_from_soft_pictures_and_from_frozen_motion() -> None:
    film: list[tuple[Picture, dict[str, Any]]] = [
        *((landscape(seed), {"stillness": 0.98}) for seed in range(5)),
        (blurred(landscape(5), 6.0), {"stillness": 0.2}),
        (blurred(landscape(6), 6.0), {"stillness": 0.98}),
        (landscape(7), {"stillness": 0.2}),
    ]
    candidates = [candidate_of(picture, **context) for picture, context in film]
    *_, moving_blur, soft, frozen = score(candidates, [], Settings())
    assert moving_blur.scores["blur"] > 0.9
    assert soft.scores["blur"] == frozen.scores["blur"] == 0.0


@pytest.mark.parametrize(
    ("context", "scene_type"),
    [
        ({"moment_spread": 40.0, "moment_change": 1.0}, "other"),
        ({"moment_spread": 150.0, "moment_change": 3.0}, "action"),
        ({"moment_spread": 90.0, "moment_change": 11.0}, "action"),
        ({"moment_motion": 300.0, "moment_spread": 10.0}, "other"),
    ],
    ids=["somebody talks", "a skier", "an explosion", "a pan"],
)
def test_action_is_what_moves_against_the_camera(
    context: dict[str, float], scene_type: str
) -> None:
    assert scored(landscape(1), **context).scene_type == scene_type


@pytest.mark.parametrize("content", ["title-card", "credits"])
def test_shots_of_lettering_are_taken_at_their_word(content: str) -> None:
    candidate = candidate_of(landscape(1))
    [plain] = score([candidate], [shot_of(0, 0, 23)], Settings())
    [named] = score([candidate], [shot_of(0, 0, 23, content=content)], Settings())
    assert named.quality < 0.4 * plain.quality


def test_weights_are_settings() -> None:
    picture = landscape(1)
    only_color = Settings(
        quality_weights=QualityWeights(
            visual=0, detail=0, stillness=0, exposure=0, subject=0, composition=0, color=1, text=0
        )
    )
    one = scored(picture, only_color)
    assert one.quality == pytest.approx(
        one.scores["color"] * (1 - 0.7 * one.scores["emptiness"]), abs=1e-6
    )
    bright = Settings(
        visual_weights=VisualWeights(brightness=1, contrast=0, sharpness=0, saturation=0)
    )
    assert scored(picture, bright).scores["visual"] == pytest.approx(one.visual.brightness)


def test_weights_that_leave_nothing_are_refused() -> None:
    from fastthumb.errors import SettingsError

    nothing = dict.fromkeys(QualityWeights.model_fields, 0.0)
    with pytest.raises(SettingsError, match="above 0"):
        Settings.build(quality_weights=nothing)


def test_scores_do_not_depend_on_resolution() -> None:
    large = landscape(4, 1280, 720)
    small = np.asarray(Image.fromarray(large).resize((640, 360), Image.Resampling.BOX))
    assert scored(large).quality == pytest.approx(scored(small).quality, abs=0.03)
