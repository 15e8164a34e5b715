"""Promising candidates: how many, which, and what they cover."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from face_samples import face, unit
from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.detections import Sighting
from fastthumb.analysis.promising import LEAST, PER_HOUR, how_many, promising
from stills_samples import candidate_of, landscape, shot_of

ACTION = {"moment_spread": 500.0, "moment_change": 60.0}


@pytest.fixture(scope="module")
def plain() -> Candidate:
    return candidate_of(landscape(2, 128, 72))


def film(plain: Candidate, shots: int, each: int = 2) -> tuple[list[Candidate], list[Any]]:
    """Shots of 4 seconds with so many candidates each, evenly spread."""
    candidates = [
        replace(plain, shot=n, seconds=4.0 * n + 4.0 * (k + 0.5) / each, frame_index=100 * n + k)
        for n in range(shots)
        for k in range(each)
    ]
    return candidates, [shot_of(n, 96 * n, 96 * n + 95) for n in range(shots)]


def seen(candidates: list[Candidate], at: int, *faces: Any) -> Sighting:
    one = candidates[at]
    return Sighting(one.frame_index, one.pts, one.seconds, faces)


def test_how_many_grows_with_variants_and_length() -> None:
    assert how_many(4, 0.0) == LEAST
    assert how_many(12, 0.0) == 36
    assert how_many(12, 3600.0) == 36 + PER_HOUR


def test_all_where_there_are_few(plain: Candidate) -> None:
    candidates, shots = film(plain, 5)
    assert promising(candidates, [0.5] * 10, shots, {}, 10) == list(range(10))
    assert promising([], [], [], {}, 4) == []


def test_the_best_of_many_shots_go_on(plain: Candidate) -> None:
    candidates, shots = film(plain, 20)
    worth = [0.5 + 0.01 * (n % 2) + 0.01 * (n // 2) for n in range(40)]
    found = promising(candidates, worth, shots, {}, 10)
    assert found == list(range(21, 41, 2)), "one each of the ten best shots, the better one"


def test_no_moment_is_taken_twice_while_there_are_others(plain: Candidate) -> None:
    candidates, shots = film(plain, 1, each=40)
    candidates = [replace(one, seconds=0.5 * n) for n, one in enumerate(candidates)]
    found = promising(candidates, [0.5] * 40, shots, {}, 5)
    seconds = np.array([candidates[at].seconds for at in found])
    assert np.diff(seconds).min() >= 2.0


def test_every_kind_of_picture_goes_on(plain: Candidate) -> None:
    candidates, shots = film(plain, 40, each=1)
    worth = [0.6] * 40
    kinds: dict[int, list[Any]] = {
        3: [face(height=0.4)],
        7: [face(height=0.1)],
        11: [face(x=0.3), face(x=0.7)],
        15: [face(x=0.2), face(x=0.5), face(x=0.8)],
    }
    for at in (*kinds, 19):
        worth[at] = 0.45
    candidates[19] = replace(candidates[19], signals=candidates[19].signals | ACTION)
    sightings = {at: [seen(candidates, at, *faces)] for at, faces in kinds.items()}
    found = promising(candidates, worth, shots, sightings, 16)
    assert {*kinds, 19} <= set(found)


def test_another_person_goes_before_the_same_again(plain: Candidate) -> None:
    candidates, shots = film(plain, 12, each=1)
    rng = np.random.default_rng(1)
    ada, bob = (unit(rng.normal(size=128)) for _ in range(2))
    sightings = {
        at: [seen(candidates, at, face(bob if at == 11 else ada, height=0.4))] for at in range(12)
    }
    found = promising(candidates, [0.6] * 11 + [0.56], shots, sightings, 4)
    assert 11 in found


def test_shots_of_one_set_up_add_less(plain: Candidate) -> None:
    candidates, shots = film(plain, 12, each=1)
    shots = [replace(one, repeat_of=0 if 0 < n < 10 else None) for n, one in enumerate(shots)]
    found = promising(candidates, [0.6] * 10 + [0.55] * 2, shots, {}, 4)
    assert {10, 11} <= set(found)


def test_faces_are_those_of_the_nearest_sample_of_the_shot(plain: Candidate) -> None:
    candidates, shots = film(plain, 30, each=2)
    near, far = seen(candidates, 0, face(height=0.4)), seen(candidates, 1)
    found = promising(candidates, [0.6] * 60, shots, {0: [near, far]}, 4)
    assert 0 in found, "the only face of the film"
    assert 1 not in found


def test_doubtful_faces_are_nobody(plain: Candidate) -> None:
    candidates, shots = film(plain, 30, each=1)
    doubtful = {29: [seen(candidates, 29, face(height=0.4, sure=False))]}
    assert 29 not in promising(candidates, [0.6] * 29 + [0.5], shots, doubtful, 4)
