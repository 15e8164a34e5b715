"""What one picture looks like: sharpness, noise, light, and how alike two pictures are."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from fastthumb.analysis.stills import DESCRIPTOR_SIZE, look
from stills_samples import Picture, blurred, candidate_of, landscape

SHARES = (
    "subject_share",
    "concentration",
    "subject_focus",
    "thirds",
    "symmetry",
    "depth_of_field",
    "text_likeness",
    "one_color",
    "light",
    "dark",
    "colorfulness",
)


def noisy(picture: Picture, spread: float, seed: int = 1) -> Picture:
    noise = np.random.default_rng(seed).normal(scale=spread, size=picture.shape[:2])
    return np.clip(picture + noise[..., None], 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "size",
    [(1, 1), (2, 3), (8, 8), (1, 320), (320, 1), (17, 23), (180, 320), (320, 180), (133, 320)],
    ids="{0[0]}x{0[1]}".format,
)
@pytest.mark.parametrize("content", ["noise", "black", "white"])
def test_any_picture_gives_values_in_their_ranges(size: tuple[int, int], content: str) -> None:
    random = np.random.default_rng(5).integers(0, 256, (*size, 3), dtype=np.uint8)
    picture = {"noise": random, "black": random * 0, "white": random * 0 + 255}[content]
    still = look(picture)
    for name in SHARES:
        assert 0.0 <= getattr(still, name) <= 1.0, name
    assert -1.0 <= still.warmth <= 1.0
    assert 0.0 <= still.entropy <= 8.0
    assert all(0.0 <= part <= 1.0 for part in (*still.focal_point, *still.subject_box))
    assert still.saliency.shape == (18, 32)
    assert still.layout.shape == (9, 16, 3)
    assert still.descriptor.shape == (DESCRIPTOR_SIZE,)
    assert sum(swatch.share for swatch in still.palette) == pytest.approx(1.0)
    for field in fields(still):
        value = getattr(still, field.name)
        assert field.name == "palette" or np.isfinite(value).all(), field.name


def test_detail_falls_with_every_step_of_blur() -> None:
    picture = landscape(3, 320, 180)
    ladder = [look(blurred(picture, radius)).detail for radius in (0.0, 0.7, 1.2, 2.0, 4.0, 8.0)]
    assert ladder[0] > 15.0, "a picture without detail proves nothing"
    assert ladder == sorted(ladder, reverse=True)
    assert ladder[-1] < 0.15 * ladder[0]


def test_noise_is_measured_and_is_no_detail() -> None:
    picture = blurred(landscape(1, 320, 180), 2.0)
    clean = look(picture)
    assert clean.noise < 1.0
    for spread in (3.0, 6.0, 12.0):
        still = look(noisy(picture, spread))
        assert still.noise == pytest.approx(spread, rel=0.2)
        assert still.detail < clean.detail + 0.8 * spread


def test_a_sharp_subject_before_a_soft_background_is_as_sharp_as_a_sharp_picture() -> None:
    picture = landscape(4, 320, 180)
    portrait = blurred(picture, 5.0).copy()
    box = look(picture).subject_box
    rows = slice(int(box[1] * 180), int(box[3] * 180))
    columns = slice(int(box[0] * 320), int(box[2] * 320))
    portrait[rows, columns] = picture[rows, columns]
    sharp, soft, mixed = look(picture), look(blurred(picture, 5.0)), look(portrait)
    assert mixed.detail > 0.5 * sharp.detail > 3 * soft.detail
    assert mixed.depth_of_field > max(0.6, sharp.depth_of_field)


def test_lost_light_and_darkness_are_shares_of_the_picture() -> None:
    picture = np.full((90, 160, 3), 120, dtype=np.uint8)
    picture[:30], picture[30:45] = 255, 2
    still = look(picture)
    assert still.light == pytest.approx(1 / 3, abs=0.01)
    assert still.dark == pytest.approx(1 / 6, abs=0.01)
    assert still.one_color == pytest.approx(1 / 2, abs=0.01)
    assert still.entropy == pytest.approx(1.459, abs=0.02)  # of 1/2, 1/3 and 1/6


class TestDescriptor:
    def test_is_of_unit_length_and_exact_in_half_precision(self) -> None:
        descriptor = look(landscape(0, 320, 180)).descriptor
        assert np.linalg.norm(descriptor) == pytest.approx(1.0, abs=1e-3)
        assert np.array_equal(descriptor, descriptor.astype(np.float16).astype(np.float32))

    def test_tells_another_picture_from_another_copy(self) -> None:
        pictures = [landscape(seed, 320, 180) for seed in range(8)]
        stills = [look(picture) for picture in pictures]
        for number, (picture, still) in enumerate(zip(pictures, stills, strict=True)):
            moved = np.roll(picture, 3, axis=1)
            copies = [noisy(picture, 3.0), blurred(picture, 0.6), moved, picture // 8 * 8 + 4]
            worst_copy = min(float(look(copy).descriptor @ still.descriptor) for copy in copies)
            others = [
                float(other.descriptor @ still.descriptor)
                for position, other in enumerate(stills)
                if position != number
            ]
            assert worst_copy > 0.95
            assert worst_copy > max(others) + 0.05

    def test_does_not_depend_on_resolution(self) -> None:
        large, small = landscape(2, 640, 360), landscape(2, 640, 360)[::2, ::2]
        similarity = candidate_of(large).still.descriptor @ look(small).descriptor
        assert similarity > 0.9
