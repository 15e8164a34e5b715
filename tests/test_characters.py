"""Who is in a film: identities across shots, leads, co-appearance, names from the cast."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from face_samples import People, Vector, track, unit
from fastthumb.analysis.cast import Cast, CastMember
from fastthumb.analysis.cast_folder import CastRole
from fastthumb.analysis.cast_photographs import Photograph
from fastthumb.analysis.characters import find_characters, name_characters
from fastthumb.analysis.identities import find_identities
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.tracks import Portrait, Track


def shots(count: int, scene_length: int = 1000) -> list[Shot]:
    return [
        Shot(
            index=k,
            start_frame=50 * k,
            end_frame=50 * k + 49,
            start_pts=k,
            end_pts=k,
            start_seconds=2.0 * k,
            end_seconds=2.0 * k + 1.96,
            transition="cut",
            transition_start_frame=None,
            transition_end_frame=None,
            scene=k // scene_length,
            repeat_of=None,
            content="picture",
            usable_start_frame=50 * k,
            usable_end_frame=50 * k + 49,
        )
        for k in range(count)
    ]


def member(name: str, looks: list[Vector], role: CastRole | None = None) -> CastMember:
    photos = tuple(Photograph(Path(f"{name}-{k}"), f"{k}", e, None) for k, e in enumerate(looks))
    return CastMember(name, role, unit(np.sum(looks, axis=0)), photos)


def scattered(count: int, people: int, seed: int, noise: float) -> tuple[Vector, list[int]]:
    """Tracks of a film in which a few people have most of the time."""
    cast = People(people, seed=seed, noise=noise)
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, people + 1)
    owners = rng.choice(people, count, p=share / share.sum()).tolist()
    return np.stack([cast.look(owner) for owner in owners]), owners


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.6, 0.9], ids=["clear", "noisy"])
def test_identities_are_the_people(seed: int, noise: float) -> None:
    embeddings, owners = scattered(400, 12, seed, noise)
    labels = find_identities(embeddings, np.ones(400, dtype=np.bool_), [])
    groups = {label: {owners[k] for k in np.flatnonzero(labels == label)} for label in set(labels)}
    assert all(len(mixed) == 1 for mixed in groups.values()), "two people are never one"
    assert len(groups) <= len(set(owners)) + 2


def test_identities_do_not_depend_on_the_order() -> None:
    embeddings, _ = scattered(200, 8, 3, 0.8)
    everybody = np.ones(200, dtype=np.bool_)
    order = np.random.default_rng(0).permutation(200)
    labels = find_identities(embeddings, everybody, [])
    shuffled = find_identities(embeddings[order], everybody, [])
    assert np.array_equal(labels, find_identities(embeddings, everybody, []))
    same = labels[order][:, None] == labels[order][None]
    assert np.array_equal(same, shuffled[:, None] == shuffled[None])
    assert labels[0] == 0
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))


def test_faces_seen_together_are_never_one_person() -> None:
    twin = People(1, noise=0.1)
    embeddings = np.stack([twin.look(0) for _ in range(6)])
    everybody = np.ones(6, dtype=np.bool_)
    assert find_identities(embeddings, everybody, []).tolist() == [0] * 6
    labels = find_identities(embeddings, everybody, [(0, 1), (3, 2)])
    assert labels[0] != labels[1]
    assert labels[2] != labels[3]
    assert labels.max() == 1


def test_unclear_faces_neither_found_nor_bridge_but_may_join() -> None:
    people = People(2)
    ann = [people.look(0, 0.5) for _ in range(4)]
    bob = [people.look(1, 0.5) for _ in range(4)]
    between = unit(ann[0] + bob[0])
    blurred_ann = people.look(0, 1.0)
    stranger = People(1, seed=9).look(0)
    embeddings = np.stack([*ann, *bob, between, blurred_ann, stranger])
    clear = np.array([True] * 8 + [False] * 3)
    labels = find_identities(embeddings, clear, [])
    assert labels.tolist() == [0] * 4 + [1] * 4 + [-1, 0, -1]
    assert find_identities(embeddings, clear, [(9, 1)])[9] == -1
    assert set(find_identities(embeddings, np.zeros(11, dtype=np.bool_), [])) == {-1}


def test_equal_embeddings_are_one_identity_at_once() -> None:
    look = np.tile(People(1).look(0), (3000, 1))
    assert find_identities(look, np.ones(3000, dtype=np.bool_), []).max() == 0


@pytest.mark.parametrize("noise", [0.7, 1.1], ids=["clear", "noisy"])
def test_thousands_of_tracks_are_one_identity_each_at_most(noise: float) -> None:
    embeddings, truth = scattered(2500, 40, 1, noise)
    apart = [(k, k + 1) for k in range(500) if truth[k] != truth[k + 1]]
    labels = find_identities(embeddings, np.ones(2500, dtype=np.bool_), apart)
    assert labels.shape == (2500,)
    assert all(labels[a] != labels[b] for a, b in apart)


def film() -> tuple[list[Track], People]:
    """Ann for 12 s, Bob for 8 s of which 2 with Ann, Eve for 1.5 s, somebody for half a second."""
    people = People(4)
    tracks = [track(k, people.look(0), shot=k) for k in range(6)]
    tracks += [track(6 + k, people.look(1), shot=10 + k) for k in range(3)]
    tracks += [track(9, people.look(1), shot=0, together={0: 2.0})]
    tracks += [track(10, people.look(2), shot=20, seconds=1.5)]
    tracks += [track(11, people.look(3), shot=21, seconds=0.5, samples=1)]
    tracks[0] = replace(tracks[0], together=(9,), together_seconds=(2.0,))
    return tracks, people


def test_one_sample_makes_somebody_where_samples_are_rare() -> None:
    tracks, _ = film()
    assert len(find_characters(tracks, shots(22), 44.0)) == 3
    tracks[11] = replace(tracks[11], screen_seconds=2.0)
    assert len(find_characters(tracks, shots(22), 44.0)) == 4


def test_screen_time_company_and_leads() -> None:
    tracks, _ = film()
    ann, bob, eve = find_characters(tracks, shots(22), 44.0)
    assert [one.name for one in (ann, bob, eve)] == ["lead-1", "lead-2", "person-1"]
    assert [one.role for one in (ann, bob, eve)] == ["lead", "lead", "supporting"]
    assert ann.screen_seconds == pytest.approx(12.0)
    assert ann.screen_share == pytest.approx(12.0 / 44.0)
    assert bob.screen_seconds == pytest.approx(8.0)
    assert ann.with_seconds == {"lead-2": 2.0}
    assert bob.with_seconds == {"lead-1": 2.0}
    assert ann.shots == (0, 1, 2, 3, 4, 5)
    assert bob.tracks == (6, 7, 8, 9)
    assert not ann.known
    assert ann.likeness is None


def test_without_an_identity_network_there_are_no_characters() -> None:
    tracks = [track(k, None, shot=k) for k in range(5)]
    assert find_characters(tracks, shots(5), 10.0) == []
    assert find_characters([], shots(5), 10.0) == []


def test_at_most_four_lead_and_nobody_of_a_moment() -> None:
    people = People(6)
    tracks = [track(6 * s + p, people.look(p), shot=6 * s + p) for s in range(3) for p in range(6)]
    roles = [one.role for one in find_characters(tracks, shots(18), 36.0)]
    assert roles == ["lead"] * 4 + ["supporting"] * 2
    rare = find_characters(tracks, shots(18), 3600.0)
    assert {one.role for one in rare} == {"supporting"}, "six seconds of an hour do not lead"


def test_a_long_interview_does_not_lead_a_story() -> None:
    people = People(2)
    tracks = [track(k, people.look(0), shot=k) for k in range(12)]
    tracks += [track(12 + k, people.look(1), shot=20, seconds=4.0) for k in range(4)]
    scenes = shots(24, scene_length=2)
    guest = find_characters(tracks, scenes, 48.0)[1]
    assert guest.screen_seconds == pytest.approx(16.0) or guest.role == "supporting"
    by_time = {one.screen_seconds: one.role for one in find_characters(tracks, scenes, 48.0)}
    assert by_time == {24.0: "lead", 16.0: "supporting"}
    one_scene = {one.role for one in find_characters(tracks, shots(24), 48.0)}
    assert one_scene == {"lead"}, "a film of one scene has its leads there"


def test_portraits_come_from_many_shots() -> None:
    people = People(1)

    def looks(shot: int) -> tuple[Portrait, ...]:
        box = (0.0, 0.0, 0.1, 0.1)
        return tuple(Portrait(shot, shot, float(shot), box, 0.9 - 0.02 * shot) for _ in range(3))

    tracks = [replace(track(k, people.look(0), shot=k), portraits=looks(k)) for k in range(8)]
    portraits = find_characters(tracks, shots(8), 16.0)[0].portraits
    assert {portrait.frame_index for portrait in portraits} == set(range(8))
    assert portraits[0].worth == 0.9


def test_the_cast_names_whom_it_knows() -> None:
    tracks, people = film()
    found = find_characters(tracks, shots(22), 44.0)
    cast = Cast(
        [
            member("Ann", [people.look(0) for _ in range(2)], "heroine"),
            member("Eve", [people.look(2)]),
            member("Nobody", [People(1, seed=5).look(0)], "hero"),
        ]
    )
    ann, bob, eve = name_characters(found, tracks, cast)
    assert (ann.name, ann.role, ann.known) == ("Ann", "heroine", True)
    assert ann.likeness is not None
    assert ann.likeness > 0.6
    assert (bob.name, bob.role, bob.known, bob.likeness) == ("lead-2", "lead", False, None)
    assert (eve.name, eve.role) == ("Eve", "supporting")
    assert ann.with_seconds == {"lead-2": 2.0}
    assert bob.with_seconds == {"Ann": 2.0}
    assert name_characters(found, tracks, None) == found
    assert name_characters(found, tracks, Cast([])) == found
    assert name_characters([], tracks, cast) == []


def test_two_halves_of_a_person_become_one_by_its_name() -> None:
    people = People(1)
    ann = people.look(0, 0.2)
    away = [
        unit(ann + 1.7 * unit(np.random.default_rng(50 + k).normal(size=128))) for k in range(2)
    ]
    tracks = [track(k, away[k // 2], shot=k) for k in range(4)]
    found = find_characters(tracks, shots(4), 8.0)
    assert len(found) == 2, "the two looks must not be alike enough by themselves"
    cast = Cast([member("Ann", [ann])])
    (one,) = name_characters(found, tracks, cast)
    assert (one.name, one.tracks) == ("Ann", (0, 1, 2, 3))
    assert one.screen_seconds == pytest.approx(8.0)
    together = [
        replace(one, together=(other,), together_seconds=(2.0,))
        for one, other in zip(tracks, (2, 3, 0, 1), strict=True)
    ]
    named = name_characters(find_characters(together, shots(4), 8.0), together, cast)
    assert sorted(one.known for one in named) == [False, True]


def test_who_is_like_two_of_the_cast_is_nobody() -> None:
    people = People(1)
    looks = [people.look(0, 0.3) for _ in range(4)]
    tracks = [track(k, people.look(0, 0.3), shot=k) for k in range(4)]
    found = find_characters(tracks, shots(4), 8.0)
    twins = Cast([member("Ann", looks[:2]), member("Amy", looks[2:])])
    assert [one.known for one in name_characters(found, tracks, twins)] == [False]
    assert [one.known for one in name_characters(found, tracks, Cast(twins.people[:1]))] == [True]


def test_embeddings_of_another_network_name_nobody() -> None:
    tracks, _ = film()
    found = find_characters(tracks, shots(22), 44.0)
    other = unit(np.ones(512))
    photo = Photograph(Path("a"), "a", other, None)
    assert name_characters(found, tracks, Cast([CastMember("Ann", None, other, (photo,))])) == found


def test_company_keeps_people_apart_in_a_long_film() -> None:
    people = People(25, noise=0.8)
    rng = np.random.default_rng(0)
    tracks = [track(k, people.look(int(rng.integers(25))), shot=k // 2) for k in range(700)]
    tracks = [replace(t, together=(t.index ^ 1,), together_seconds=(1.0,)) for t in tracks]
    found = find_characters(tracks, shots(350), 700.0)
    assert len(found) < 60
    assert not any(t ^ 1 in one.tracks for one in found for t in one.tracks)
