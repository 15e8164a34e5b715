"""Colors: CIELAB against scikit-image, palettes of known colors, warmth and colorfulness."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2lab

from fastthumb.analysis.palette import colorfulness, find_palette, srgb_to_lab, warmth
from fastthumb.analysis.stills import look

LAB_ATOL = 0.02  # float32 against float64, and matrices of seven digits


def test_lab_equals_that_of_scikit_image() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    rgb[0, :3] = [[0, 0, 0], [255, 255, 255], [128, 128, 128]]
    expected = rgb2lab(rgb)
    assert expected.std() > 10, "flat input proves nothing"
    np.testing.assert_allclose(srgb_to_lab(rgb), expected, atol=LAB_ATOL)


def test_a_palette_is_the_known_colors_with_their_shares() -> None:
    picture = np.zeros((180, 320, 3), dtype=np.uint8)
    picture[:] = (20, 40, 120)
    picture[:90] = (230, 210, 190)
    picture[90:, :80] = (200, 30, 30)
    palette = look(picture).palette
    assert [swatch.hex for swatch in palette] == ["#e6d2be", "#142878", "#c81e1e"]
    assert [swatch.share for swatch in palette] == pytest.approx([0.5, 0.375, 0.125], abs=0.02)


def test_alike_colors_are_one_and_at_most_five_are_named() -> None:
    rng = np.random.default_rng(0)
    reds = np.clip(rng.normal((180, 40, 40), 3, (2000, 3)), 0, 255).astype(np.uint8)
    [only] = find_palette(reds, srgb_to_lab(reds))
    assert only.share == 1.0
    assert int(only.hex[1:3], 16) == pytest.approx(180, abs=2)
    all_colors = rng.integers(0, 256, (2000, 3), dtype=np.uint8)
    assert 3 <= len(find_palette(all_colors, srgb_to_lab(all_colors))) <= 5


def test_a_palette_does_not_depend_on_the_order_of_the_pixels() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.choice(np.array([[250, 250, 245], [10, 90, 60], [90, 20, 90]], np.uint8), 900)
    shuffled = rng.permutation(pixels)
    palettes = [find_palette(rgb, srgb_to_lab(rgb)) for rgb in (pixels, shuffled)]
    assert palettes[0] == palettes[1]


@pytest.mark.parametrize(
    ("color", "least", "most"),
    [
        ((230, 140, 40), 0.7, 1.0),
        ((200, 160, 140), 0.15, 0.7),
        ((128, 128, 128), -0.02, 0.02),
        ((60, 120, 200), -1.0, -0.6),
        ((0, 0, 0), 0.0, 0.0),
    ],
    ids=["sunset", "skin", "grey", "sea", "black"],
)
def test_warmth(color: tuple[int, int, int], least: float, most: float) -> None:
    lab = srgb_to_lab(np.full((10, 10, 3), color, dtype=np.uint8))
    assert least <= warmth(lab) <= most


def test_colorfulness_rises_with_saturation() -> None:
    rng = np.random.default_rng(2)
    color = rng.uniform(0, 255, (1000, 3))
    grey = color.mean(axis=1, keepdims=True)
    ladder = [
        colorfulness((grey + share * (color - grey)).astype(np.float32))
        for share in (0.0, 0.2, 0.5, 1.0)
    ]
    assert ladder[0] == 0.0
    assert ladder == sorted(ladder)
    assert ladder[-1] > 0.7
