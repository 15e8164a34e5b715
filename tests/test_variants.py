"""The choice: how many, how different, in which order, and why."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.shots import Shot
from fastthumb.artwork.diversity import FacilityLocation, layout_difference
from fastthumb.artwork.genres import SCENE_TYPES, Priority, genres, slots_of
from fastthumb.artwork.scoring import Scored, score
from fastthumb.artwork.variants import QUALITY_AND_DIFFERENCE, Pick, choose
from fastthumb.errors import SettingsError
from fastthumb.settings import Settings
from stills_samples import blurred, candidate_of, card, landscape, shot_of

SECONDS = 10.0  # between the shots of a film here
GREEDY_BOUND = 1.0 - 1.0 / np.e


@cache
def picture_candidate(seed: int) -> Candidate:
    return candidate_of(landscape(seed))


def film(seeds: Sequence[int], **changes: Any) -> tuple[list[Candidate], list[Shot]]:
    """One shot per seed, ten seconds each, with one candidate in its middle."""
    candidates, shots = [], []
    for index, seed in enumerate(seeds):
        frame = int(24 * SECONDS * (index + 0.5))
        candidate = replace(
            picture_candidate(seed), shot=index, seconds=frame / 24, frame_index=frame, pts=frame
        )
        candidates.append(candidate)
        first = int(24 * SECONDS * index)
        shots.append(shot_of(index, first, first + int(24 * SECONDS) - 1, **changes))
    return candidates, shots


def picks_of(
    candidates: list[Candidate], shots: list[Shot], **settings: Any
) -> tuple[list[Pick], list[Scored]]:
    chosen = Settings.build(**settings)
    scored = score(candidates, shots, chosen)
    return choose(scored, shots, chosen), scored


@pytest.mark.parametrize("variants", [4, 8, 12])
def test_a_film_with_enough_moments_gives_as_many_as_asked(variants: int) -> None:
    picks, _ = picks_of(*film(range(20)), variants=variants)
    assert len(picks) == variants
    assert [pick.rank for pick in picks] == list(range(1, variants + 1))
    qualities = [pick.scored.quality for pick in picks]
    assert qualities == sorted(qualities, reverse=True)
    assert len({pick.scored.candidate.shot for pick in picks}) == variants


def test_no_candidates_give_no_picks() -> None:
    assert choose([], [], Settings()) == []


def test_one_candidate_is_picked_however_poor_and_the_reason_says_so() -> None:
    candidate = candidate_of(card(["only text"], 50))
    [pick], _ = picks_of([candidate], [shot_of(0, 0, 10)])
    assert pick.scored.quality < Settings().quality_floor
    assert "below the floor" in pick.reason


def test_cards_blurs_and_fades_are_left_out_where_there_is_better() -> None:
    candidates, shots = film(range(6))
    candidates[1] = replace(candidates[1], still=candidate_of(card(["THE END"], 90)).still)
    candidates[2] = replace(candidates[2], signals=candidates[2].signals | {"settled": 0.2})
    soft = candidate_of(blurred(landscape(3), 6.0), stillness=0.2)
    candidates[3] = replace(candidates[3], still=soft.still, stillness=0.2)
    picks, _ = picks_of(candidates, shots, variants=6)
    assert {pick.scored.candidate.shot for pick in picks} == {0, 4, 5}


def test_near_duplicates_are_picked_once() -> None:
    candidates, shots = film([0, 1, 0, 2, 1, 0])
    picks, _ = picks_of(candidates, shots, variants=6)
    assert len(picks) == 3


def test_a_slow_pan_over_one_view_is_one_moment() -> None:
    wide = landscape(3, 800, 360)
    candidates, shots = film([0, 1, 2])
    shots = [replace(shot, index=0, scene=0) for shot in shots]
    for k, shift in enumerate((0, 60, 120)):
        still = candidate_of(wide[:, shift : shift + 640]).still
        candidates[k] = replace(candidates[k], still=still, shot=0)
    picks, _ = picks_of(candidates, shots[:1])
    assert len(picks) == 1


def test_repeated_shots_are_one_moment() -> None:
    candidates, shots = film([0, 2, 3, 4])
    for k, crop in ((1, 160), (3, 175)):  # the camera of the first shot, nearer
        nearer = Image.fromarray(landscape(0)).crop((crop, crop // 2, 640 - crop, 360 - crop // 2))
        still = candidate_of(np.asarray(nearer)).still
        assert 0.75 < float(still.descriptor @ candidates[0].still.descriptor) < 0.88
        candidates[k] = replace(candidates[k], still=still)
    assert len(picks_of(candidates, shots)[0]) == 3, "the two near ones are duplicates"
    shots[1], shots[3] = replace(shots[1], repeat_of=0), replace(shots[3], repeat_of=0)
    picks, _ = picks_of(candidates, shots)
    assert len({pick.scored.candidate.shot for pick in picks} & {0, 1, 3}) == 1
    assert len(picks) == 2


def test_repeats_that_do_not_look_alike_are_several_moments() -> None:
    candidates, shots = film([0, 1, 3, 4])
    shots = [replace(shot, repeat_of=0 if shot.index else None) for shot in shots]
    assert len(picks_of(candidates, shots)[0]) == 4


def test_picks_are_never_nearer_than_the_gap() -> None:
    candidates, shots = film(range(8))
    candidates = [
        replace(candidate, seconds=20.0 + 0.7 * k) for k, candidate in enumerate(candidates)
    ]
    shots[-1] = replace(shots[-1], end_seconds=1000.0)
    picks, _ = picks_of(candidates, shots, min_gap_seconds=1.5)
    times = sorted(pick.scored.candidate.seconds for pick in picks)
    assert len(times) >= 2
    assert np.diff(times).min() >= 1.5
    assert len(picks_of(candidates, shots, min_gap_seconds=0.0)[0]) == 8


def test_the_gap_shrinks_for_short_films() -> None:
    candidates, _ = film(range(4))
    candidates = [replace(c, seconds=0.6 * k, shot=0) for k, c in enumerate(candidates)]
    picks, _ = picks_of(candidates, [shot_of(0, 0, 47)], min_gap_seconds=2.0)
    assert len(picks) == 4


def test_the_film_is_covered_although_one_part_of_it_looks_best() -> None:
    candidates, shots = film(range(24))
    shots = [replace(shot, scene=shot.index // 6) for shot in shots]
    settings = Settings(variants=4, diversity=0.8)
    scored = [
        replace(one, quality=0.8 if one.candidate.shot < 6 else 0.7)
        for one in score(candidates, shots, settings)
    ]
    scenes = [pick.scored.candidate.shot // 6 for pick in choose(scored, shots, settings)]
    assert set(scenes) == {0, 1, 2, 3}
    by_quality = choose(scored, shots, settings.model_copy(update={"diversity": 0.0}))
    assert {pick.scored.candidate.shot // 6 for pick in by_quality} == {0}


def test_the_same_candidates_give_the_same_picks_in_any_order() -> None:
    candidates, shots = film(range(15))
    first, _ = picks_of(candidates, shots)
    again, _ = picks_of(candidates, shots)
    assert first == again
    turned, _ = picks_of(candidates[::-1], shots)
    assert [p.scored.candidate.pts for p in turned] == [p.scored.candidate.pts for p in first]


class TestGenres:
    def test_tables_are_complete_and_sound(self) -> None:
        wanted = (
            "action romance adventure drama comedy horror thriller documentary animation sport "
            "children default"
        )
        assert set(genres()) == set(wanted.split())
        for genre, priorities in genres().items():
            assert 0.8 <= sum(priority.share for priority in priorities) <= 1.0 + 1e-9, genre
            for priority in priorities:
                assert set(priority.scene_types) <= set(SCENE_TYPES), (genre, priority.name)
                assert priority.scene_types

    @pytest.mark.parametrize(
        ("genre", "shares"),
        [
            ("action", [0.40, 0.25, 0.20, 0.15]),
            ("romance", [0.35, 0.30, 0.20, 0.15]),
            ("adventure", [0.30, 0.25, 0.25, 0.20]),
        ],
    )
    def test_published_shares(self, genre: str, shares: list[float]) -> None:
        assert [priority.share for priority in genres()[genre]] == shares

    @pytest.mark.parametrize("genre", sorted(genres()))
    @pytest.mark.parametrize("variants", range(4, 13))
    def test_slots_are_whole_and_near_their_share(self, genre: str, variants: int) -> None:
        slots = slots_of(genres()[genre], variants)
        assert sum(count for _, count in slots) <= variants
        assert all(abs(count - priority.share * variants) < 1.0 for priority, count in slots)

    def test_slots_by_largest_remainder(self) -> None:
        shares = {"a": 0.4, "b": 0.25, "c": 0.2, "d": 0.15}
        priorities = [Priority(name, share, ("action",)) for name, share in shares.items()]
        assert [count for _, count in slots_of(priorities, 8)] == [3, 2, 2, 1]
        assert [count for _, count in slots_of(priorities, 4)] == [2, 1, 1, 0]

    def test_an_action_film_shows_action_first_and_says_what_it_could_not_fill(self) -> None:
        candidates, shots = film(range(20))
        for k in (3, 7, 11, 15, 19):
            moving = candidates[k].signals | {"moment_spread": 150.0}
            candidates[k] = replace(candidates[k], signals=moving)
        picks, _ = picks_of(candidates, shots, genre="action", variants=8)
        action = [pick for pick in picks if pick.slot == "hero action"]
        assert len(action) == 3
        assert all(pick.scored.scene_type == "action" for pick in action)
        assert all("ction (" in pick.reason for pick in action)
        others = [pick.slot for pick in picks if pick not in action]
        assert all(slot.startswith(QUALITY_AND_DIFFERENCE) for slot in others)
        assert any("hero close-up" in slot for slot in others)

    def test_an_unknown_genre_names_the_known_ones(self) -> None:
        with pytest.raises(SettingsError, match=r"'western' is not known.*romance"):
            choose([], [], Settings(genre="western"))


class TestReasons:
    def test_a_reason_is_one_sentence_with_the_numbers_that_decided(self) -> None:
        picks, _ = picks_of(*film(range(12)))
        for pick in picks:
            assert pick.reason.endswith(".")
            assert f"quality {pick.scored.quality:.2f}" in pick.reason
            assert "candidate" in pick.reason
        assert len({pick.reason for pick in picks}) == len(picks)

    def test_best_of_a_scene_is_said_of_the_best_only(self) -> None:
        candidates, shots = film(range(8))
        shots = [replace(shot, scene=shot.index // 4) for shot in shots]
        picks, scored = picks_of(candidates, shots)
        for scene in (0, 1):
            of_scene = [one for one in scored if one.candidate.shot // 4 == scene]
            best = max(of_scene, key=lambda one: one.quality)
            said = [pick.scored for pick in picks if f"best of 4 candidates in scene {scene + 1}"
                    in pick.reason]  # fmt: skip
            assert said == [best]


class TestFacilityLocation:
    """The objective against its definition and against the best of all sets."""

    @staticmethod
    def instance(
        seed: int, pictures: int = 14, columns: int = 10
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(pictures, 3))
        near = np.exp(-((points[:, None] - points[None, :columns]) ** 2).sum(axis=2))
        weights = rng.uniform(size=pictures)
        quality = rng.uniform(0.3, 0.9, columns)
        return (
            near.astype(np.float32),
            (weights / weights.sum()).astype(np.float32),
            quality.astype(np.float32),
        )

    @staticmethod
    def value(
        chosen: Sequence[int],
        near: npt.NDArray[np.float32],
        weights: npt.NDArray[np.float32],
        quality: npt.NDArray[np.float32],
        diversity: float,
        count: int,
    ) -> float:
        if not chosen:
            return 0.0
        cover = float(weights @ near[:, list(chosen)].max(axis=1))
        return (1 - diversity) * float(quality[list(chosen)].sum()) / count + diversity * cover

    @pytest.mark.parametrize("diversity", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize("seed", range(6))
    def test_greedy_reaches_the_bound_of_the_best_set(self, seed: int, diversity: float) -> None:
        near, weights, quality = self.instance(seed)
        count = 4
        objective = FacilityLocation(near, weights, quality, count=count, diversity=diversity)
        chosen: list[int] = []
        for _ in range(count):
            gains = objective.gains()
            gains[chosen] = -np.inf
            best = int(gains.argmax())
            before = self.value(chosen, near, weights, quality, diversity, count)
            objective.add(best)
            chosen.append(best)
            after = self.value(chosen, near, weights, quality, diversity, count)
            assert float(gains[best]) == pytest.approx(after - before, abs=1e-5)
        best_value = max(
            self.value(chosen_set, near, weights, quality, diversity, count)
            for chosen_set in itertools.combinations(range(10), count)
        )
        reached = self.value(chosen, near, weights, quality, diversity, count)
        assert reached >= GREEDY_BOUND * best_value
        assert reached <= best_value + 1e-6

    @pytest.mark.parametrize("seed", range(4))
    def test_it_is_monotone_and_gains_only_fall(self, seed: int) -> None:
        near, weights, quality = self.instance(seed, 30, 20)
        objective = FacilityLocation(near, weights, quality, count=8, diversity=0.6)
        before = objective.gains()
        for column in np.random.default_rng(seed).permutation(20)[:8]:
            assert before.min() >= 0.0
            objective.add(int(column))
            after = objective.gains()
            assert (after <= before + 1e-6).all()
            before = after


def test_layout_difference_takes_a_pan_off_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 256, (15, 24, 3)).astype(np.int16)
    here = scene[3:12, 4:20]
    panned, tilted = scene[3:12, 6:22], scene[1:10, 4:20]
    other = rng.integers(0, 256, (9, 16, 3)).astype(np.int16)
    differences = layout_difference(here, np.stack([here, panned, tilted, other]))
    assert differences[:3] == pytest.approx([0.0, 0.0, 0.0])
    assert differences[3] > 40.0
