"""Filled pictures: a face that no cut of a shape can hold is shown whole, between blurred sides."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fastthumb.artwork.crops import best_crop
from fastthumb.artwork.filling import filled, part_to_fill
from fastthumb.artwork.subjects import Subject, View

WIDE, TALL, SQUARE = Fraction(16, 9), Fraction(2, 3), Fraction(1)
Rect = tuple[float, float, float, float]


def view_of(face: Rect, head: Rect | None = None, *, seen: bool = True) -> View:
    eyes = ((face[0] + face[2]) / 2, face[1] + 0.4 * (face[3] - face[1]))
    subject = Subject(face, head or face, eyes, 0.0, 1.0, seen)
    return View(focal_point=eyes, subjects=(subject,))


def part_of(size: tuple[int, int], aspect: Fraction, view: View) -> tuple[int, ...] | None:
    return part_to_fill(size, aspect, view, best_crop(size, aspect, view).box)


def test_a_face_taller_than_a_wide_cut_is_shown_whole() -> None:
    size, face = (512, 512), (0.2, 0.15, 0.8, 0.95)
    part = part_of(size, WIDE, view_of(face, (0.2, 0.05, 0.8, 1.0)))
    assert part is not None
    x0, y0, x1, y1 = part
    assert (x0, x1) == (0, 512)
    assert y0 <= 0.15 * 512
    assert y1 >= 0.95 * 512


def test_a_face_wider_than_a_tall_cut_is_shown_whole() -> None:
    part = part_of((1920, 800), TALL, view_of((0.2, 0.1, 0.8, 0.9)))
    assert part is not None
    x0, y0, x1, y1 = part
    assert (y0, y1) == (0, 800)
    assert x0 <= 0.2 * 1920
    assert x1 >= 0.8 * 1920


@pytest.mark.parametrize("aspect", [WIDE, TALL, SQUARE])
def test_a_cut_that_holds_the_face_stays(aspect: Fraction) -> None:
    assert part_of((1920, 1080), aspect, view_of((0.4, 0.3, 0.5, 0.5))) is None


def test_what_the_camera_cut_off_is_not_missed() -> None:
    # The forehead lies beyond the upper edge of the film's own picture.
    assert part_of((1920, 1080), SQUARE, view_of((0.4, -0.2, 0.6, 0.4))) is None


def test_nobodys_face_needs_no_filling() -> None:
    assert part_of((512, 512), WIDE, view_of((0.1, 0.0, 0.9, 1.0), seen=False)) is None
    assert part_of((512, 512), WIDE, View(focal_point=(0.5, 0.5))) is None


@pytest.mark.parametrize("aspect", [WIDE, TALL, SQUARE, Fraction(21, 9), Fraction(9, 16)])
@pytest.mark.parametrize("shape", [(512, 512), (301, 199), (1, 1), (7, 900)])
def test_the_part_is_whole_in_the_middle_of_the_shape(
    aspect: Fraction, shape: tuple[int, int]
) -> None:
    part = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    picture = filled(part, aspect)
    rows, columns = picture.shape[:2]
    assert rows >= shape[0]
    assert columns >= shape[1]
    assert (rows == shape[0]) or (columns == shape[1])
    assert abs(columns - rows * aspect) <= max(1, aspect)
    y, x = (rows - shape[0]) // 2, (columns - shape[1]) // 2
    assert np.array_equal(picture[y : y + shape[0], x : x + shape[1]], part)


def test_the_sides_are_blurred_and_darker() -> None:
    part = np.full((400, 400, 3), 200, dtype=np.uint8)
    part[::2] = 60
    picture = filled(part, WIDE)
    side = picture[:, :100].astype(float)
    assert side.std() < 5.0
    assert 60 < side.mean() < 100
