"""Who a picture is about: heads, prominence, where they look, where the eye goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.detections import FoundObject
from fastthumb.artwork.subjects import focal_point, head_box, subjects_of, view_of
from people_samples import face_of, thing_of, with_people
from stills_samples import candidate_of, landscape


@pytest.fixture(scope="module")
def plain() -> Candidate:
    return candidate_of(landscape())


def test_a_head_reaches_above_beside_and_a_little_below_its_face() -> None:
    assert head_box((0.4, 0.4, 0.5, 0.6)) == pytest.approx((0.378, 0.316, 0.522, 0.624))
    assert head_box((0.0, 0.05, 0.1, 0.3)) == pytest.approx((0.0, 0.0, 0.122, 0.33))
    assert head_box((0.9, 0.8, 1.1, 1.2))[2:] == (1.0, 1.0)


def test_nobody_looked_or_nobody_is_there(plain: Candidate) -> None:
    assert plain.faces is None
    for candidate in (plain, with_people(plain)):
        assert subjects_of(candidate) == ()
        assert focal_point(candidate) == plain.still.focal_point
        assert view_of(candidate).saliency is plain.still.saliency


def test_the_largest_clear_face_is_first_and_draws_the_eye(plain: Candidate) -> None:
    small, large = face_of(0.15, x=0.2), face_of(0.4, x=0.7)
    first, second = subjects_of(with_people(plain, small, large))
    assert first.face == large.box
    assert first.weight + second.weight == pytest.approx(1.0)
    x, y = focal_point(with_people(plain, small, large))
    assert x == pytest.approx(0.7, abs=0.01)
    assert y == pytest.approx(0.4 - 0.2 + 0.38 * 0.4)


@pytest.mark.parametrize(
    "changes",
    [{"sharpness": 0.0}, {"cut_off": True}, {"turn": 1.0, "sharpness": 0.3}],
    ids=repr,
)
def test_a_clear_face_comes_before_a_larger_one_that_is_not(
    plain: Candidate, changes: dict[str, object]
) -> None:
    clear = face_of(0.30, x=0.2, turn=0.0)
    larger = replace(face_of(0.33, x=0.7), **changes)  # type: ignore[arg-type]
    assert subjects_of(with_people(plain, clear, larger))[0].face == clear.box


def test_specks_in_the_background_are_left_out(plain: Candidate) -> None:
    crowd = [face_of(0.02, x=0.1 * n) for n in range(1, 9)]
    assert len(subjects_of(with_people(plain, face_of(0.4), *crowd))) == 1
    assert len(subjects_of(with_people(plain, *crowd))) == 8


def test_who_looks_where(plain: Candidate) -> None:
    def looking(**changes: float) -> float:
        return subjects_of(with_people(plain, face_of(0.3, **changes)))[0].looking  # type: ignore[arg-type]

    assert looking(looks=0.3, turn=0.8) == pytest.approx(0.8)
    assert looking(looks=-0.3, turn=0.8) == pytest.approx(-0.8)
    assert looking(looks=0.0, turn=0.0) == 0.0


def test_a_face_over_the_edge_ends_at_the_edge(plain: Candidate) -> None:
    (one,) = subjects_of(with_people(plain, face_of(0.5, x=0.02, y=0.1)))
    assert one.face[:2] == (0.0, 0.0)
    assert all(0.0 <= value <= 1.0 for value in (*one.head, *one.eyes))
    assert subjects_of(with_people(plain, face_of(0.2, x=-0.5))) == ()


def test_bodies_and_lettering_are_part_of_the_view(plain: Candidate) -> None:
    person, car = (thing_of(label, (0.1, 0.2, 0.3, 1.2)) for label in ("person", "car"))
    view = view_of(with_people(plain, objects=[person, car], lettering=((0.1, 0.8, 0.4, 0.9),)))
    assert view.bodies == ((0.1, 0.2, 0.3, 1.0),)
    assert view.lettering == ((0.1, 0.8, 0.4, 0.9),)
    assert isinstance(view.saliency, np.ndarray)


def person(left: float, top: float, right: float, bottom: float) -> FoundObject:
    return thing_of("person", (left, top, right, bottom))


def test_what_may_be_a_face_is_no_subject_but_kept_clear_of(plain: Candidate) -> None:
    doubtful = replace(face_of(0.33, x=0.7), sure=False)
    candidate = with_people(plain, face_of(0.1, x=0.2), doubtful)
    assert [one.seen for one in subjects_of(candidate)] == [True]
    assert view_of(candidate).doubtful == (doubtful.box,)
    assert focal_point(with_people(plain, doubtful)) == plain.still.focal_point


def test_who_turns_away_has_a_head_at_the_top_of_the_body(plain: Candidate) -> None:
    standing = person(0.4, 0.1, 0.5, 0.9)  # 192 by 864 pixels
    (one,) = subjects_of(with_people(plain, objects=[standing]))
    assert not one.seen
    left, top, right, bottom = one.head
    assert (top, bottom) == pytest.approx((0.1, 0.1 + 0.15 * 0.8))
    assert left < 0.45 < right
    assert focal_point(with_people(plain, objects=[standing])) == plain.still.focal_point
    bust = person(0.3, 0.2, 0.7, 1.0)
    (one,) = subjects_of(with_people(plain, objects=[bust]))
    assert one.head[3] - one.head[1] > 0.25


def test_a_pose_says_where_a_turned_head_is(plain: Candidate) -> None:
    pose = np.zeros((17, 3), np.float32)
    pose[3] = (0.32, 0.25, 0.9)  # an ear
    body = person(0.3, 0.2, 0.5, 0.9)
    (one,) = subjects_of(with_people(plain, objects=[body], poses=(pose.ravel(),)))
    assert (one.head[0] + one.head[2]) / 2 == pytest.approx(0.32, abs=0.01)


def test_heads_are_not_counted_twice_nor_where_none_can_be(plain: Candidate) -> None:
    face = face_of(0.2, x=0.5, y=0.3)
    around = person(0.4, 0.15, 0.6, 0.95)
    assert len(subjects_of(with_people(plain, face, objects=[around]))) == 1
    (doubtful,) = subjects_of(with_people(plain, replace(face, sure=False), objects=[around]))
    assert doubtful.head == head_box(face.box)
    cut_by_the_frame, lying = person(0.4, 0.0, 0.6, 0.6), person(0.1, 0.7, 0.9, 0.9)
    far_behind = person(0.1, 0.4, 0.12, 0.5)
    uncertain = thing_of("person", (0.4, 0.1, 0.5, 0.9), 0.3)
    nobody = [cut_by_the_frame, lying, far_behind, uncertain]
    assert subjects_of(with_people(plain, objects=nobody)) == ()


def test_faces_come_before_turned_heads(plain: Candidate) -> None:
    small = face_of(0.12, x=0.8, y=0.3)
    back = person(0.1, 0.05, 0.4, 1.0)
    first, second = subjects_of(with_people(plain, small, objects=[back]))
    assert first.seen
    assert not second.seen
    assert focal_point(with_people(plain, small, objects=[back]))[0] == pytest.approx(0.8, abs=0.01)
