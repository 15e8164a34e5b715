"""Framing: thirds, symmetry and depth of field of pictures composed to have them or not."""

from __future__ import annotations

import numpy as np
import pytest

from fastthumb.analysis.composition import depth_of_field, symmetry, thirds


@pytest.mark.parametrize("x", [1 / 3, 2 / 3])
@pytest.mark.parametrize("y", [1 / 3, 2 / 3])
def test_a_focal_point_where_third_lines_cross_is_best(x: float, y: float) -> None:
    assert thirds((x, y)) == pytest.approx(1.0)
    assert thirds((x + 0.05, y)) > thirds((x + 0.1, y))


def test_an_upright_third_line_is_worth_less_and_the_middle_least() -> None:
    line, middle, corner = thirds((1 / 3, 0.9)), thirds((0.5, 0.5)), thirds((0.02, 0.98))
    assert 0.6 < line < 0.8
    assert middle < 0.15
    assert corner < 0.05


def test_a_mirrored_picture_is_symmetric_and_a_lopsided_one_is_not() -> None:
    rng = np.random.default_rng(0)
    half = rng.uniform(0, 100, (18, 16)).astype(np.float32)
    mirrored = np.concatenate([half, half[:, ::-1]], axis=1)
    lopsided = np.concatenate([half, 100 - half[:, ::-1]], axis=1)
    assert symmetry(mirrored) == pytest.approx(1.0)
    assert symmetry(lopsided) == 0.0
    mixed = symmetry((mirrored + rng.normal(scale=20, size=(18, 32))).astype(np.float32))
    assert 0.3 < mixed < 0.9


def test_a_plain_sky_above_plain_ground_is_not_called_symmetric() -> None:
    layers = np.repeat(np.linspace(90, 20, 18, dtype=np.float32)[:, None], 32, axis=1)
    assert symmetry(layers) == 0.0


def test_depth_of_field_needs_a_sharp_subject_and_soft_surroundings() -> None:
    region = np.zeros((18, 32), dtype=bool)
    region[6:12, 12:20] = True
    soft = np.full((18, 32), 1.0, dtype=np.float32)
    isolated = np.where(region, np.float32(20.0), soft)
    assert depth_of_field(isolated, region) == pytest.approx(0.95)
    assert depth_of_field(soft + 19.0, region) == 0.0
    assert depth_of_field(np.where(region, soft, np.float32(20.0)), region) == 0.0
    assert depth_of_field(np.where(region, np.float32(2.0), soft), region) < 0.2
    assert depth_of_field(isolated, np.zeros_like(region)) == 0.0
    assert depth_of_field(isolated, np.ones_like(region)) == 0.0
