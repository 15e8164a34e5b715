"""Crops against a brute-force search, and the promises that an editor would hold them to."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastthumb.artwork.crops import crop_box, parse_aspect
from fastthumb.errors import SettingsError

# Both sides are whole multiples of the map's 32 x 18 cells, so that every pixel lies in one cell
# and the brute force can add up pixels instead of integrating.
SIZE = (256, 144)
# A hundredth of the smallest saliency in the maps: the search may not be worse by more.
WORTH_ATOL = 1e-6

shares = st.floats(0, 1).map(lambda value: round(value, 3))
maps = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 256, (18, 32)).astype(np.uint8)
)
aspects = st.sampled_from(["1:1", "2:3", "3:4", "4:5", "9:16", "16:9", "21:9", "4:1"])


def worth_by_pixels(
    box: tuple[int, int, int, int], saliency: np.ndarray, focal: tuple[float, float]
) -> float:
    """Kept saliency plus a fifth of how well the focal point sits, pixel by pixel."""
    width, height = SIZE
    pixels = np.kron(saliency.astype(float), np.ones((height // 18, width // 32)))
    x0, y0, x1, y1 = box
    kept = pixels[y0:y1, x0:x1].sum() / pixels.sum()
    if (x0, x1) == (0, width):
        span, place, targets = y1 - y0, focal[1] * height - y0, (1 / 3, 1 / 2)
    else:
        span, place, targets = x1 - x0, focal[0] * width - x0, (1 / 3, 1 / 2, 2 / 3)
    miss = max(min(abs(place / span - target) for target in targets) - 0.5 / span, 0)
    return kept + 0.2 * max(1 - 3 * miss, 0)


def every_box(aspect: str) -> list[tuple[int, int, int, int]]:
    width, height = SIZE
    ratio = parse_aspect(aspect)
    if Fraction(width, height) >= ratio:
        span = int(height * ratio + Fraction(1, 2))
        return [(x, 0, x + span, height) for x in range(width - span + 1)]
    span = int(width / ratio + Fraction(1, 2))
    return [(0, y, width, y + span) for y in range(height - span + 1)]


def holds(box: tuple[int, int, int, int], inner: tuple[float, float, float, float]) -> bool:
    width, height = SIZE
    return (
        box[0] <= inner[0] * width + 1e-9
        and box[1] <= inner[1] * height + 1e-9
        and box[2] >= inner[2] * width - 1e-9
        and box[3] >= inner[3] * height - 1e-9
    )


@settings(max_examples=60, deadline=None)
@given(aspect=aspects, saliency=maps, focal=st.tuples(shares, shares))
def test_no_other_position_is_better(
    aspect: str, saliency: np.ndarray, focal: tuple[float, float]
) -> None:
    box = crop_box(SIZE, parse_aspect(aspect), saliency, focal)
    boxes = every_box(aspect)
    assert box in boxes
    inside = [other for other in boxes if holds(other, (*focal, *focal))]
    assert box in inside
    best = max(worth_by_pixels(other, saliency, focal) for other in inside)
    assert worth_by_pixels(box, saliency, focal) >= best - WORTH_ATOL


@settings(max_examples=60, deadline=None)
@given(
    aspect=aspects,
    saliency=maps,
    faces=st.lists(st.tuples(shares, shares, shares, shares), min_size=1, max_size=4),
)
def test_as_much_face_as_possible_stays_whole(
    aspect: str, saliency: np.ndarray, faces: list[tuple[float, float, float, float]]
) -> None:
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in faces]
    area = {box: (box[2] - box[0]) * (box[3] - box[1]) for box in boxes}

    def whole(crop: tuple[int, int, int, int]) -> float:
        return sum(area[box] for box in boxes if holds(crop, box))

    chosen = crop_box(SIZE, parse_aspect(aspect), saliency, (0.5, 0.5), keep_boxes=boxes)
    assert whole(chosen) == pytest.approx(max(whole(other) for other in every_box(aspect)))


def test_a_face_at_the_edge_outweighs_saliency_elsewhere() -> None:
    saliency = np.zeros((18, 32), np.uint8)
    saliency[:, :6] = 255
    face = (0.8, 0.2, 0.95, 0.6)
    assert crop_box(SIZE, parse_aspect("2:3"), saliency, (0.1, 0.5))[0] == 0
    x0, _, x1, _ = crop_box(SIZE, parse_aspect("2:3"), saliency, (0.1, 0.5), keep_boxes=[face])
    assert x0 <= 0.8 * SIZE[0]
    assert x1 >= 0.95 * SIZE[0]


def test_a_face_too_wide_for_the_crop_fills_it() -> None:
    face = (0.5, 0.2, 0.95, 0.6)  # 115 pixels; the crop has 96
    x0, _, x1, _ = crop_box(SIZE, parse_aspect("2:3"), None, (0.1, 0.5), keep_boxes=[face])
    assert 0.5 * SIZE[0] <= x0 < x1 <= 0.95 * SIZE[0]


@settings(max_examples=200, deadline=None)
@given(
    width=st.integers(1, 8192),
    height=st.integers(1, 8192),
    aspect=aspects,
    focal=st.tuples(shares, shares),
)
def test_any_size_gives_the_largest_box_of_the_shape(
    width: int, height: int, aspect: str, focal: tuple[float, float]
) -> None:
    ratio = parse_aspect(aspect)
    x0, y0, x1, y1 = crop_box((width, height), ratio, None, focal)
    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height
    assert x1 - x0 == width or y1 - y0 == height
    if x1 - x0 < width:
        assert abs((x1 - x0) - height * ratio) <= Fraction(1, 2) or x1 - x0 == 1
    elif y1 - y0 < height:
        assert abs((y1 - y0) - width / ratio) <= Fraction(1, 2) or y1 - y0 == 1
    assert x0 <= focal[0] * width <= x1
    assert y0 <= focal[1] * height <= y1


@pytest.mark.parametrize("saliency", [None, np.zeros((18, 32), np.uint8)], ids=["none", "flat"])
def test_a_picture_in_which_nothing_stands_out_is_cut_from_the_middle(
    saliency: np.ndarray | None,
) -> None:
    assert crop_box((300, 100), 1, saliency, (0.5, 0.5)) == (100, 0, 200, 100)


def test_the_same_shape_is_the_whole_picture() -> None:
    assert crop_box((1920, 1080), parse_aspect("16:9"), None, (0.9, 0.9)) == (0, 0, 1920, 1080)


def test_a_wide_crop_of_a_tall_picture_does_not_sink_its_subject() -> None:
    _, y0, _, y1 = crop_box((90, 160), parse_aspect("16:9"), None, (0.5, 0.5))
    place = (80 - y0) / (y1 - y0)
    assert place == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("aspect", ["", "16", "16:", "0:9", "16:0", "1.5:1", "-2:3", "a:b"])
def test_what_is_no_aspect_is_refused_by_name(aspect: str) -> None:
    with pytest.raises(SettingsError, match="wanted width:height"):
        parse_aspect(aspect)


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(SettingsError, match="wanted a picture"):
        crop_box((0, 10), 1, None, (0.5, 0.5))
