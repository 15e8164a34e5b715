"""Positions in the whole picture as positions in the part of it without black bars."""

from __future__ import annotations

import numpy as np
import pytest

from fastthumb.analysis.detections import Contents, FoundObject
from fastthumb.analysis.reframing import contents_within, face_within, rect_within
from people_samples import face_of

PART = (0.0, 0.125, 1.0, 0.875)  # bars of an eighth above and below


def test_a_place_in_the_part() -> None:
    assert rect_within((0.25, 0.125, 0.5, 0.5), PART) == pytest.approx((0.25, 0.0, 0.5, 0.5))
    assert rect_within((0.25, 0.25, 0.5, 0.5), (0.25, 0.25, 0.5, 0.5)) == (0.0, 0.0, 1.0, 1.0)


def test_a_face_moves_with_its_landmarks() -> None:
    face = face_of(0.3, 0.5, 0.5)
    moved = face_within(face, PART)
    assert moved.box[3] - moved.box[1] == pytest.approx(0.4)
    assert moved.box[0] == pytest.approx(face.box[0])
    for i in range(0, 10, 2):
        assert moved.landmarks[i] == pytest.approx(face.landmarks[i])
        assert moved.landmarks[i + 1] == pytest.approx((face.landmarks[i + 1] - 0.125) / 0.75)
    assert not moved.cut_off
    assert face_within(face, (0.0, 0.0, 1.0, 1.0)) == face


def test_a_face_that_reaches_into_a_bar_is_cut_off() -> None:
    assert face_within(face_of(0.3, 0.5, 0.2), PART).cut_off
    assert not face_within(face_of(0.3, 0.5, 0.3), PART).cut_off
    assert face_within(face_of(0.3, 0.5, 0.5, cut_off=True), PART).cut_off


def test_things_are_cut_to_the_part_and_bodies_move() -> None:
    pose = np.tile(np.array([0.5, 0.5, 0.75], dtype=np.float32), 17)
    contents = Contents(
        objects=(FoundObject("dog", "animal", (0.0, 0.0, 0.5, 0.5), 0.9),),
        lettering=((0.1, 0.8, 0.9, 1.0),),
        poses=(pose,),
    )
    moved = contents_within(contents, PART)
    assert moved.objects is not None
    assert moved.objects[0].box == pytest.approx((0.0, 0.0, 0.5, 0.5))
    assert moved.lettering is not None
    assert moved.lettering[0] == pytest.approx((0.1, 0.9, 0.9, 1.0))
    assert moved.poses is not None
    assert moved.poses[0].reshape(17, 3)[3].tolist() == [0.5, 0.5, 0.75]


def test_what_nobody_looked_for_stays_unknown() -> None:
    moved = contents_within(Contents(), PART)
    assert moved == Contents()


def test_rounding_an_embedding_keeps_its_likeness() -> None:
    random = np.random.default_rng(3)
    vectors = np.maximum(random.normal(size=(40, 1280)), 0.0).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rounded = np.stack(
        [
            one
            for vector in vectors
            if (one := contents_within(Contents(embedding=vector), PART).embedding) is not None
        ]
    )
    assert np.abs(rounded @ rounded.T - vectors @ vectors.T).max() < 0.01
    assert np.array_equal(rounded.astype(np.float16).astype(np.float32), rounded)
