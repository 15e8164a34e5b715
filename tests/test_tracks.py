"""People through the samples of one shot: who is who, for how long, how clearly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from face_samples import People, face, sightings
from fastthumb.analysis.assignment import assign
from fastthumb.analysis.detections import Face, Sighting
from fastthumb.analysis.track_paths import look_weight
from fastthumb.analysis.tracks import Track, eyes_open, follow

ANN, BOB, EVE = 0, 1, 2


def followed(frames: list[list[Face]], every: float = 0.5) -> tuple[list[Track], list[Sighting]]:
    return follow(3, 0.0, every * len(frames), sightings(frames, every=every), 10)


def numbers(annotated: list[Sighting]) -> list[list[int]]:
    return [[one.track for one in sighting.faces] for sighting in annotated]


def test_assignment_is_the_best_there_is() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        scores = rng.normal(size=rng.integers(1, 9, 2)).round(int(rng.integers(0, 3)))
        pairs = assign(scores)
        rows, columns = linear_sum_assignment(np.maximum(scores, 0.0), maximize=True)
        assert sum(scores[pair] for pair in pairs) == pytest.approx(
            np.maximum(scores, 0.0)[rows, columns].sum()
        )
        assert all(scores[pair] > 0.0 for pair in pairs)
        assert len({a for a, _ in pairs}) == len(pairs) == len({b for _, b in pairs})
    assert assign(np.zeros((0, 3))) == assign(np.zeros((3, 0))) == []


@pytest.mark.parametrize("known", [True, False], ids=["with embeddings", "places only"])
def test_one_person_who_moves_is_one_track(known: bool) -> None:
    people = People(1)
    frames = [[face(people.look(ANN) if known else None, x=0.2 + 0.05 * k)] for k in range(12)]
    tracks, annotated = followed(frames)
    assert numbers(annotated) == [[10]] * 12
    (one,) = tracks
    assert (one.index, one.shot, one.samples) == (10, 3, 12)
    assert one.screen_seconds == pytest.approx(6.0)
    assert one.size == pytest.approx(0.2)
    assert (one.embedding is not None) == known
    assert one.clarity == pytest.approx(1.0 if known else 0.0)


def test_an_embedding_of_many_looks_is_nearer_to_the_person() -> None:
    people = People(2, noise=1.0)
    tracks, _ = followed([[face(people.look(ANN))] for _ in range(10)])
    mean = tracks[0].embedding
    assert mean is not None
    assert np.linalg.norm(mean) == pytest.approx(1.0, abs=1e-5)
    assert float(mean @ people.centers[ANN]) > 0.9 > float(people.look(ANN) @ people.centers[ANN])


def test_whoever_comes_back_is_known_again_by_looks() -> None:
    people = People(2)
    away = [[face(people.look(ANN), x=0.2)]] * 4 + [[]] * 6 + [[face(people.look(ANN), x=0.8)]] * 4
    tracks, _ = followed(away)
    assert len(tracks) == 1
    assert tracks[0].screen_seconds == pytest.approx(4.0)

    other = [[face(people.look(ANN), x=0.2)]] * 4 + [[]] * 6 + [[face(people.look(BOB), x=0.8)]] * 4
    assert [track.samples for track in followed(other)[0]] == [4, 4]


def test_somebody_else_in_the_same_place_is_somebody_else() -> None:
    people = People(2)
    tracks, _ = followed([[face(people.look(k // 5))] for k in range(10)])
    assert [track.samples for track in tracks] == [5, 5]
    assert tracks[0].together == ()


def test_two_who_cross_keep_their_tracks() -> None:
    people = People(2)
    frames = [
        [face(people.look(ANN), x=0.2 + 0.06 * k), face(people.look(BOB), x=0.8 - 0.06 * k)]
        for k in range(11)
    ]
    tracks, annotated = followed(frames)
    assert numbers(annotated) == [[10, 11]] * 11
    assert [track.together for track in tracks] == [(11,), (10,)]
    assert tracks[0].together_seconds == pytest.approx((5.5,))


def test_a_turned_head_stays_in_its_track_and_out_of_its_embedding() -> None:
    people = People(3)
    aside = {"turn": 0.9, "embedding": people.look(EVE)}  # what profiles look like is noise
    frames = [[face(people.look(ANN))] for _ in range(4)]
    frames += [[face(**aside)] for _ in range(4)]  # type: ignore[arg-type]
    frames += [[face(people.look(ANN))] for _ in range(4)]
    tracks, _ = followed(frames)
    assert len(tracks) == 1
    mean = tracks[0].embedding
    assert mean is not None
    assert float(mean @ people.centers[ANN]) > 0.85


def test_only_clear_looks_make_a_track_clear() -> None:
    people = People(3)
    look = people.look(ANN)
    assert look_weight(face(look)) == 1.0
    assert look_weight(face(None)) == 0.0
    for worse in ({"turn": 0.9}, {"sharpness": 0.25}, {"pixels": 26.0}, {"cut_off": True}):
        assert look_weight(face(look, **worse)) < 0.45
        frames = [[face(people.look(ANN), **worse)] for _ in range(8)]
        assert followed(frames)[0][0].clarity < 0.5
    mixed = [[face(people.look(k % 2), sharpness=0.3, height=0.5)] for k in range(8)]
    unclear = [track for track in followed(mixed)[0] if track.samples > 4]
    assert all(track.clarity < 0.5 for track in unclear), "two people in one track are no one"


def test_a_doubtful_face_seen_once_is_nobody() -> None:
    people = People(1)
    frames = [[face(people.look(ANN))] for _ in range(5)]
    frames[2] = [*frames[2], face(None, x=0.1, height=0.05, score=0.65)]
    tracks, annotated = followed(frames)
    assert len(tracks) == 1
    assert numbers(annotated)[2] == [10, -1]
    assert tracks[0].together == ()

    frames[2][1] = face(None, x=0.1, score=0.95)
    assert [track.samples for track in followed(frames)[0]] == [5, 1]
    single = follow(0, 0.0, 0.5, sightings([[face(None, score=0.65)]]), 0)[0]
    assert len(single) == 1, "the only sample of a shot cannot be doubted by others"


def test_what_is_never_surely_a_face_is_nobody() -> None:
    people = People(1)
    bear = [[face(None, sure=False)] for _ in range(4)]
    assert followed(bear)[0] == []
    profile = [[face(people.look(ANN), sure=k % 3 != 1)] for k in range(6)]
    assert [track.samples for track in followed(profile)[0]] == [6]


def test_a_face_missed_once_in_place_was_there() -> None:
    people = People(1)
    frames = [[face(people.look(ANN))] for _ in range(9)]
    frames[4] = []
    tracks, _ = followed(frames)
    assert tracks[0].samples == 8
    assert tracks[0].screen_seconds == pytest.approx(4.5)
    frames[5] = []
    assert followed(frames)[0][0].screen_seconds == pytest.approx(3.5)


def test_screen_seconds_follow_the_samples_times() -> None:
    people = People(1)
    times = [0.1, 0.3, 1.2, 1.4, 2.9]
    seen = [True, True, False, False, True]
    samples = [
        Sighting(k, k, time, (face(people.look(ANN)),) if there else ())
        for k, (time, there) in enumerate(zip(times, seen, strict=True))
    ]
    tracks, _ = follow(0, 0.0, 3.0, samples[::-1], 0)
    bounds = [0.0, *((a + b) / 2 for a, b in pairwise(times)), 3.0]
    expected = sum(b - a for (a, b), there in zip(pairwise(bounds), seen, strict=True) if there)
    assert tracks[0].screen_seconds == pytest.approx(expected)
    assert (tracks[0].first_seconds, tracks[0].last_seconds) == (0.1, 2.9)


def test_eyes_are_open_by_the_persons_own_measure() -> None:
    narrow = [0.21, 0.2, 0.12, 0.21, 0.2, 0.22]
    tracks, annotated = followed([[face(None, eyes=eyes)] for eyes in narrow])
    assert tracks[0].open_eyes == pytest.approx(0.21)
    opened = [sighting.faces[0].eyes_open for sighting in annotated]
    assert opened[2] is not None
    assert opened[2] < 0.3 < 0.8 < min(value for value in opened[:2] if value is not None)
    asleep, _ = followed([[face(None, eyes=0.11)] for _ in range(6)])
    assert eyes_open(0.11, asleep[0].open_eyes) < 0.3, "always shut is still shut"
    assert eyes_open(0.3, None) == 1.0
    assert eyes_open(0.13, None) == 0.0
    unmeasured, annotated = followed([[face(None, eyes_open=0.4)]])
    assert unmeasured[0].open_eyes is None
    assert annotated[0].faces[0].eyes_open == 0.4


def test_portraits_are_the_best_looks_of_different_moments() -> None:
    people = People(1)
    frames = [
        [face(people.look(ANN), sharpness=0.2 + 0.05 * k, turn=0.5 if k == 10 else 0.0)]
        for k in range(12)
    ]
    portraits = followed(frames)[0][0].portraits
    assert [portrait.frame_index for portrait in portraits] == [132, 108, 84]
    assert all(0.0 <= portrait.worth <= 1.0 for portrait in portraits)
    assert sorted(portraits, key=lambda one: -one.worth) == list(portraits)


def test_a_shot_without_faces_has_no_tracks() -> None:
    assert follow(0, 0.0, 1.0, [], 5) == ([], [])
    empty = sightings([[], []])
    assert follow(0, 0.0, 1.0, empty, 5) == ([], empty)


def test_a_stadium_is_followed() -> None:
    """Eighty small faces for a minute, a tenth of them elsewhere in each sample."""
    rng = np.random.default_rng(0)
    people = People(12)
    places = rng.uniform(size=(80, 2))
    frames = []
    for _ in range(120):
        moved = rng.random(80) < 0.1
        places[moved] = rng.uniform(size=(int(moved.sum()), 2))
        looks = [people.look(k) if k < 12 else None for k in range(80)]
        frames.append(
            [face(e, *place, height=0.04) for e, place in zip(looks, places, strict=True)]
        )
    tracks, _ = followed(frames)
    known = [track for track in tracks if track.embedding is not None]
    assert 12 <= len(known) < 40
    assert {other for track in tracks for other in track.together} <= {t.index for t in known}


@pytest.mark.parametrize("seed", range(4))
def test_a_crowd_is_told_apart(seed: int) -> None:
    """Eight people wander and are missed now and then."""
    rng = np.random.default_rng(seed)
    people = People(8, seed=seed)
    places = np.linspace(0.08, 0.92, 8)
    owners: list[list[int]] = []
    frames = []
    for _ in range(24):
        places = np.clip(places + rng.normal(scale=0.01, size=8), 0.0, 1.0)
        there = [k for k in range(8) if rng.random() > 0.1]
        rng.shuffle(there)
        owners.append(there)
        frames.append([face(people.look(k), x=places[k], height=0.1) for k in there])
    tracks, annotated = followed(frames)
    held: dict[int, set[int]] = {}
    for sighting, there in zip(annotated, owners, strict=True):
        for one, owner in zip(sighting.faces, there, strict=True):
            held.setdefault(one.track, set()).add(owner)
    assert all(len(mixed) == 1 for mixed in held.values())
    assert len(tracks) == 8
