"""Crops of faces and people: where eyes, mouth and box land."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastthumb.inference.crops import (
    ARCFACE_TEMPLATE,
    aligned,
    crop_matrix,
    expression_square,
    inverted,
    mesh_square,
    person_square,
    similarity,
    transformed,
)

Points = npt.NDArray[np.float64]

# A face that looks to the right, tilted: no crop of it is trivial.
LANDMARKS = np.array(
    [(210.0, 140.0), (262.0, 152.0), (243.0, 178.0), (206.0, 196.0), (248.0, 206.0)]
)
BOX = (180.0, 100.0, 290.0, 240.0)


@dataclass
class Sample:
    box: tuple[float, float, float, float] = BOX
    landmarks: Points = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.landmarks = LANDMARKS


def turned(points: Points, degrees: float, scale: float, shift: tuple[float, float]) -> Points:
    angle = np.radians(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ matrix.T + shift


@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_a_similarity_is_found_again(
    degrees: float, scale: float, shift: tuple[float, float]
) -> None:
    target = turned(LANDMARKS, degrees, scale, shift)
    found = transformed(similarity(LANDMARKS, target), LANDMARKS)
    np.testing.assert_allclose(found, target, atol=1e-6 * max(1.0, scale))


def test_the_similarity_is_the_best_of_all_nearby_ones() -> None:
    """Umeyama's closed form against what an optimizer would try: no small change is better."""
    target = ARCFACE_TEMPLATE
    best = similarity(LANDMARKS, target)
    a, b, x, y = best[0, 0], best[1, 0], best[0, 2], best[1, 2]

    def error(a: float, b: float, x: float, y: float) -> float:
        matrix = np.array([[a, -b, x], [b, a, y]])
        return float(np.square(transformed(matrix, LANDMARKS) - target).sum())

    least = error(a, b, x, y)
    assert least > 1, "a perfect fit proves nothing"
    for change in np.eye(4) * 1e-3:
        for sign in (-1, 1):
            da, db, dx, dy = sign * change
            assert error(a + da, b + db, x + dx, y + dy) > least


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    mirrored = LANDMARKS * (-1, 1)
    matrix = similarity(mirrored, ARCFACE_TEMPLATE)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_points_that_coincide_still_give_a_matrix() -> None:
    matrix = similarity(np.full((5, 2), 7.0), ARCFACE_TEMPLATE)
    assert np.isfinite(matrix).all()
    np.testing.assert_allclose(
        transformed(matrix, np.array([[7.0, 7.0]])), [ARCFACE_TEMPLATE.mean(0)]
    )


@pytest.mark.parametrize("size", [112, 224])
def test_an_aligned_face_lies_on_the_template(size: int) -> None:
    ideal = turned((ARCFACE_TEMPLATE + 0.5), 30, 2.5, (40, 90))
    placed = transformed(aligned(ideal, size), ideal)
    np.testing.assert_allclose(placed, (ARCFACE_TEMPLATE + 0.5) * size / 112, atol=1e-9)


def test_the_expression_square_is_upright_and_holds_the_face() -> None:
    matrix = expression_square(LANDMARKS, 112)
    assert matrix[0, 1] == matrix[1, 0] == 0
    left, right, _, low, lower = transformed(matrix, LANDMARKS)
    mouth = (low + lower) / 2
    reach = (np.linalg.norm(left - mouth) + np.linalg.norm(right - mouth)) / 2
    assert reach == pytest.approx(0.45 * 112)
    center = (left + right + mouth) / 3
    np.testing.assert_allclose(center, (0.5 * 112, 0.43 * 112))


def test_the_mesh_square_has_level_eyes_and_the_box_in_its_middle() -> None:
    matrix = mesh_square(BOX, LANDMARKS, 192)
    left, right = transformed(matrix, LANDMARKS)[:2]
    assert left[1] == pytest.approx(right[1])
    assert left[0] < right[0]
    middle = transformed(matrix, np.array([[235.0, 170.0]]))[0]
    np.testing.assert_allclose(middle, (96, 96))
    scale = np.sqrt(np.linalg.det(matrix[:, :2]))
    assert scale == pytest.approx(192 / (1.5 * 140))


def test_the_person_square_is_a_quarter_larger_than_the_box() -> None:
    corners = np.array([(10.0, 20.0), (60.0, 220.0)])
    placed = transformed(person_square((10, 20, 60, 220), 192), corners)
    np.testing.assert_allclose(placed.mean(axis=0), (96, 96))
    assert placed[1, 1] - placed[0, 1] == pytest.approx(192 / 1.25)


@pytest.mark.parametrize("kind", ["arcface-112", "expression", "mesh"])
def test_crops_go_there_and_back(kind: str) -> None:
    matrix = crop_matrix(kind, Sample(), 112)
    back = transformed(inverted(matrix), transformed(matrix, LANDMARKS))
    np.testing.assert_allclose(back, LANDMARKS, atol=1e-9)
    inside = transformed(matrix, LANDMARKS)
    assert (inside > 0).all()
    assert (inside < 112).all()


def test_an_unknown_crop_is_named() -> None:
    with pytest.raises(ValueError, match="wanted arcface-112, expression or mesh, got 'ears'"):
        crop_matrix("ears", Sample(), 112)


@pytest.mark.parametrize("kind", ["arcface-112", "expression", "mesh"])
def test_a_face_without_extent_gives_a_finite_matrix(kind: str) -> None:
    face = Sample(box=(5, 5, 5, 5))
    face.landmarks = np.full((5, 2), 5.0)
    assert np.isfinite(crop_matrix(kind, face, 112)).all()
