"""Classification: people, prominence, expression, place and kind of scene, by the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.classification import Classified, classify
from fastthumb.analysis.detections import Face, Rect
from fastthumb.analysis.dialogue import Dialogue, Line
from fastthumb.analysis.expressions import EXPRESSIONS, ExpressionReader, losses_of
from fastthumb.analysis.people import Person, find_people, people_label, shot_size
from fastthumb.analysis.prominence import prominence
from fastthumb.analysis.rules import default_rules, load_rules, rises
from fastthumb.analysis.screen_time import ScreenTime
from fastthumb.errors import SettingsError
from people_samples import ASPECT, character_of, face_of, shares_of, thing_of, track_of, with_people
from stills_samples import candidate_of, landscape, shot_of

RULES = default_rules()


@cache
def empty_candidate(seed: int = 0) -> Candidate:
    return candidate_of(landscape(seed))


def kind_of(*faces: Face, objects: Sequence[Any] = (), **changes: Any) -> Classified:
    """What one picture with these faces is; characters are lead-1 ... by their `track`."""
    candidate = replace(with_people(empty_candidate(), *faces, objects=objects), **changes)
    tracks = [track_of(number, 0) for number in range(4)]
    roles = ("lead", "hero", "heroine", "supporting")
    people = [
        character_of(f"{role}-{track.index}", role, [track])
        for role, track in zip(roles, tracks, strict=True)
    ]
    [one] = classify([candidate], tracks, people, [shot_of(0, 0, 100)], RULES)
    return one


class TestRules:
    def test_the_file_of_the_package_is_complete(self) -> None:
        assert RULES.prominence.screen_area == 0.4
        assert RULES.prominence.position == 0.3
        assert RULES.prominence.focus == 0.2
        assert RULES.prominence.scene_importance == 0.1
        assert load_rules() == RULES

    def test_a_file_changes_what_it_names(self, tmp_path: Path) -> None:
        file = tmp_path / "rules.toml"
        file.write_text("[composition]\nclose_up = 4\n[expression.tension]\nhappy = 0.5\n")
        rules = load_rules(file)
        assert rules.composition.close_up == 4.0
        assert rules.composition.mid == RULES.composition.mid
        assert rules.expression.tension == RULES.expression.tension | {"happy": 0.5}

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("[composition]\nclose = 4\n", "composition.close"),
            ("[people]\nensemble = 'many'\n", "people.ensemble"),
            ("[prominence]\nmiddle = [1]\n", "prominence.middle"),
            ("[scenes]\norder = ['action']\n", "order|scenes"),
            ("nonsense [", "cannot be read"),
        ],
    )
    def test_mistakes_are_named(self, tmp_path: Path, text: str, complaint: str) -> None:
        file = tmp_path / "rules.toml"
        file.write_text(text)
        with pytest.raises(SettingsError, match=complaint):
            load_rules(file)

    def test_ramps_rise_and_fall(self) -> None:
        assert [rises(x, (1.0, 3.0)) for x in (0, 1, 2, 3, 4)] == [0, 0, 0.5, 1, 1]
        assert [rises(x, (3.0, 1.0)) for x in (0, 1, 2, 3, 4)] == [1, 1, 0.5, 0, 0]


class TestPeople:
    def count(self, *faces: Face, objects: Sequence[Any] | None = ()) -> str:
        candidate = with_people(empty_candidate(), *faces, objects=objects)
        people = find_people(candidate.faces, candidate.contents, ASPECT, RULES)
        assert people is not None
        return people_label(people, RULES.people)

    def test_where_nobody_looked_nothing_is_said(self) -> None:
        candidate = empty_candidate()
        assert find_people(None, candidate.contents, ASPECT, RULES) is None

    @pytest.mark.parametrize("count", range(5))
    def test_faces_are_counted(self, count: int) -> None:
        faces = [face_of(0.2, 0.1 + 0.2 * number) for number in range(count)]
        words = ("none", "solo", "duo", "ensemble", "ensemble")
        assert self.count(*faces) == words[count]
        assert self.count(*faces, objects=None) == words[count]

    def test_a_face_and_its_body_are_one(self) -> None:
        body = thing_of("person", (0.3, 0.2, 0.7, 1.0))
        assert self.count(face_of(), objects=[body]) == "solo"
        nested = thing_of("person", (0.35, 0.25, 0.65, 0.8))
        assert self.count(face_of(), objects=[body, nested]) == "solo"

    def test_people_who_turn_their_back_count(self) -> None:
        bodies = [thing_of("person", (x, 0.2, x + 0.2, 0.9)) for x in (0.1, 0.4, 0.7)]
        assert self.count(objects=bodies) == "ensemble"
        assert self.count(face_of(0.1, 0.2, 0.3), objects=bodies[:2]) == "duo"

    def test_the_background_does_not_count(self) -> None:
        crowd = [face_of(0.05, 0.1 + 0.1 * number, 0.2) for number in range(8)]
        assert self.count(face_of(0.4), *crowd) == "solo"
        assert self.count(*crowd) == "ensemble"

    def test_doubtful_faces_do_not_count(self) -> None:
        assert self.count(face_of(0.1, score=0.7)) == "none"
        assert self.count(face_of(0.1, score=0.7), objects=None) == "solo"
        assert self.count(face_of(0.3, sure=False)) == "none"
        bear = replace(thing_of("bear", (0.2, 0.1, 0.8, 1.0)), group="animal")
        assert self.count(face_of(0.3, score=0.85), objects=[bear]) == "none"

    @pytest.mark.parametrize(
        ("height", "size"),
        [
            (0.5, "close-up"),
            (0.33, "close-up"),
            (0.2, "mid"),
            (0.08, "wide"),
            (0.02, "extreme-wide"),
        ],
    )
    def test_composition_by_the_face(self, height: float, size: str) -> None:
        assert kind_of(face_of(height)).composition == size

    def test_a_whole_body_goes_before_the_face(self) -> None:
        """Heads of children are larger: half a picture of child is no mid shot."""
        child = face_of(0.14, 0.5, 0.3)
        body = thing_of("person", (0.4, 0.2, 0.6, 0.95))
        assert kind_of(child).composition == "mid"
        assert kind_of(child, objects=[body]).composition == "wide"

    def test_a_body_cut_off_below_is_nearer_than_it_is_high(self) -> None:
        whole = thing_of("person", (0.4, 0.1, 0.6, 0.9))
        cut = thing_of("person", (0.2, 0.3, 0.8, 1.0))
        assert kind_of(objects=[whole]).composition == "wide"
        assert kind_of(objects=[cut]).composition in ("mid", "close-up")

    def test_a_head_beyond_the_upper_edge(self) -> None:
        body = thing_of("person", (0.3, 0.0, 0.7, 1.0), 0.95)
        assert kind_of(objects=[body]).inputs["head_cut"] == 1.0
        assert kind_of(face_of(0.2, 0.5, 0.15), objects=[body]).inputs["head_cut"] == 0.0
        lower = replace(body, box=(0.3, 0.1, 0.7, 1.0))
        assert kind_of(objects=[lower]).inputs["head_cut"] == 0.0

    def test_things_where_there_is_nobody(self) -> None:
        assert kind_of(objects=[thing_of("dog", (0.2, 0.1, 0.8, 0.9))]).composition == "close-up"
        assert kind_of(objects=[thing_of("dog", (0.4, 0.4, 0.5, 0.6))]).composition == "wide"

    def test_bounds_belong_to_the_nearer_class(self) -> None:
        limits = RULES.composition
        assert shot_size(limits.close_up, limits) == "close-up"
        assert shot_size(limits.mid, limits) == "mid"
        assert shot_size(limits.wide, limits) == "wide"


class TestProminence:
    def test_the_formula(self) -> None:
        face = face_of(0.3, 0.5, 0.4, sharpness=0.5)
        found = prominence(Person(face, None, 3.0), 0.25, RULES.prominence)
        assert found.position == 1.0
        assert found.focus == 0.5
        assert found.total == pytest.approx(
            0.4 * found.screen_area + 0.3 * found.position + 0.2 * 0.5 + 0.1 * 0.25
        )

    def test_what_is_not_known_is_left_out(self) -> None:
        full: Rect = (0.2, 0.0, 0.8, 1.0)
        found = prominence(Person(None, full, 1.0), None, RULES.prominence)
        assert found.focus is None
        assert found.total == pytest.approx((0.4 * found.screen_area + 0.3 * found.position) / 0.7)
        best = prominence(Person(face_of(0.6, sharpness=1.0), full, 5.0), 1.0, RULES.prominence)
        assert best.total == pytest.approx(1.0)

    @pytest.mark.parametrize(
        ("less", "more"),
        [
            (face_of(0.1), face_of(0.3)),
            (face_of(0.2, 0.05), face_of(0.2, 0.4)),
            (face_of(0.2, 0.5, 0.9), face_of(0.2, 0.5, 0.4)),
            (face_of(0.2, sharpness=0.2), face_of(0.2, sharpness=0.9)),
        ],
        ids=["size", "across", "down", "focus"],
    )
    def test_every_part_counts(self, less: Face, more: Face) -> None:
        low = prominence(Person(less, None, 1.0), 0.5, RULES.prominence).total
        high = prominence(Person(more, None, 1.0), 0.5, RULES.prominence).total
        assert low < high - 0.02

    def test_every_part_is_kept(self) -> None:
        inputs = kind_of(face_of(track=0)).inputs
        for name in ("prominence", "screen_area", "position", "focus", "scene_importance"):
            assert 0.0 <= inputs[name] <= 1.0
        assert inputs["screen_share"] == 0.2
        assert kind_of(face_of(track=0)).prominence == inputs["prominence"]

    def test_scene_importance_is_time_in_the_scene(self) -> None:
        tracks = [track_of(0, 0, 6.0), track_of(1, 1, 3.0), track_of(2, 5, 9.0)]
        people = [character_of("a", "lead", [tracks[0]]), character_of("b", "lead", tracks[1:])]
        shots = [replace(shot_of(k, 24 * k, 24 * k + 23), scene=k // 3) for k in range(6)]
        time = ScreenTime(tracks, people, shots, RULES.roles)
        assert time.scene_importance(0, 0) == 1.0
        assert time.scene_importance(1, 1) == 0.5
        assert time.scene_importance(2, 5) == 1.0
        assert time.scene_importance(7, 0) is None
        assert time.weight_of("b") > time.weight_of("a") > 0.0


class TestExpression:
    READER = ExpressionReader(RULES.expression, EXPRESSIONS)

    def losses(self, *faces: Face, talking: bool = False) -> dict[str, float | None]:
        found = losses_of([self.READER.read(face) for face in faces], talking=talking)
        return {name: getattr(found, name) for name in found.__slots__}

    @pytest.mark.parametrize(
        ("fault", "changes"),
        [
            ("eyes_closed", {"eyes_open": 0.1}),
            ("eyes_closed", {"eyes_open": None, "eyes": 0.11}),
            ("turned_away", {"turn": 0.95}),
            ("face_blur", {"sharpness": 0.1}),
            ("face_cut", {"cut_off": True}),
        ],
    )
    def test_every_fault_is_told_and_makes_it_less_readable(
        self, fault: str, changes: dict[str, Any]
    ) -> None:
        good, bad = face_of(), face_of(**changes)
        assert self.losses(good)[fault] == 0.0
        worse = self.losses(bad)[fault]
        assert worse is not None
        assert worse >= 0.5
        assert self.READER.read(bad).readable < 0.6 * self.READER.read(good).readable

    def test_a_face_beyond_the_edge_is_cut(self) -> None:
        assert self.losses(face_of(0.4, 0.02))["face_cut"] == 1.0

    def test_what_nothing_measured_is_none(self) -> None:
        losses = self.losses(face_of(eyes_open=None, mouth=None))
        assert losses["eyes_closed"] is None
        assert losses["mid_word"] is None
        assert self.READER.read(face_of()).strength is None

    def test_a_laugh_narrows_the_eyes(self) -> None:
        laugh = self.losses(face_of(expression="happy", eyes_open=0.2))["eyes_closed"]
        blink = self.losses(face_of(expression="neutral", eyes_open=0.2))["eyes_closed"]
        assert laugh is not None
        assert blink is not None
        assert laugh < 0.6 * blink

    def test_an_open_mouth_matters_in_the_middle_of_a_line(self) -> None:
        face = face_of(mouth=0.5, expression="neutral")
        assert self.losses(face)["mid_word"] == 0.0
        assert self.losses(face, talking=True)["mid_word"] == pytest.approx(0.9, abs=0.1)

    def test_two_in_profile_are_not_turned_away(self) -> None:
        side = face_of(turn=0.95)
        assert self.losses(side, side)["turned_away"] == 0.5
        assert self.losses(face_of(), side)["turned_away"] == 0.0

    def test_labels_of_another_model(self) -> None:
        reader = ExpressionReader(RULES.expression, ("Anger", "neutral", "Happiness"))
        face = face_of()
        shown = reader.read(replace(face, expression=shares_of("happy")[:3])).shown
        assert shown in ("angry", "neutral", "happy")
        assert reader.labels == ("angry", "neutral", "happy")


class TestSceneTypes:
    def test_without_networks_only_action_is_told(self) -> None:
        still = empty_candidate()
        moving = replace(still, signals=still.signals | {"moment_spread": 150.0})
        kinds = classify([still, moving], [], [], [], RULES)
        assert [kind.scene_type for kind in kinds] == ["other", "action"]
        for kind in kinds:
            assert kind.composition is None
            assert kind.people is None
            assert kind.emotional is None
            assert kind.dramatic is None
            assert kind.prominence is None
            assert kind.indoor is None
            assert kind.night is None

    @pytest.mark.parametrize(("track", "role"), [(0, "lead"), (1, "hero"), (2, "heroine")])
    def test_close_ups_by_role(self, track: int, role: str) -> None:
        kind = kind_of(face_of(0.4, track=track))
        assert kind.scene_type == f"{role}-close-up"
        assert kind.characters == (f"{role}-{track}",)
        assert kind.lead is not None
        assert kind.lead[0] == f"{role}-{track}"

    def test_close_ups_of_others_are_none_of_leads(self) -> None:
        assert kind_of(face_of(0.4, track=3)).scene_type == "other"
        assert kind_of(face_of(0.4)).lead is None

    def test_three_make_an_ensemble(self) -> None:
        faces = [face_of(0.2, 0.2 + 0.3 * k, track=k) for k in range(3)]
        kind = kind_of(*faces)
        assert kind.scene_type == "ensemble"
        assert len(kind.characters) == 3

    def test_two_who_are_near_and_smile_are_romantic(self) -> None:
        pair = [face_of(0.2, x, expression="happy", track=k) for k, x in enumerate((0.45, 0.56))]
        kind = kind_of(*pair)
        assert kind.scene_type == "romantic"
        apart = [face_of(0.2, x, expression="happy", track=k) for k, x in enumerate((0.2, 0.8))]
        assert kind_of(*apart).scene_type != "romantic"

    def test_two_who_face_each_other_in_anger_confront(self) -> None:
        pair = [
            face_of(0.2, 0.4, looks=0.15, expression="angry", track=0),
            face_of(0.2, 0.6, looks=-0.15, expression="angry", track=1),
        ]
        assert kind_of(*pair).scene_type == "confrontation"
        away = [replace(pair[0], landmarks=face_of(0.2, 0.4, looks=-0.15).landmarks), pair[1]]
        assert kind_of(*away).scene_type != "confrontation"

    def test_shots_that_alternate_in_anger_confront(self) -> None:
        tracks = [track_of(k, k) for k in range(4)]
        people = [character_of("a", "lead", tracks[::2]), character_of("b", "lead", tracks[1::2])]
        shots = [shot_of(k, 24 * k, 24 * k + 23) for k in range(4)]
        faces = [face_of(0.25, expression="angry", track=k) for k in range(4)]
        candidates = [
            replace(with_people(empty_candidate(), face), shot=k) for k, face in enumerate(faces)
        ]
        kinds = classify(candidates, tracks, people, shots, RULES)
        assert [kind.inputs["alternation"] for kind in kinds] == [0.7, 1.0, 1.0, 0.7]
        assert "confrontation" in kinds[1].suits
        alone = classify(candidates[:1], tracks[:1], people[:1], shots[:1], RULES)
        assert "confrontation" not in alone[0].suits

    def test_emotion_needs_a_face_near_enough(self) -> None:
        near = kind_of(face_of(0.25, expression="sad", track=3))
        assert near.scene_type == "emotional"
        assert near.expression == "sad"
        far = kind_of(face_of(0.05, expression="sad", track=3))
        assert far.emotional is not None
        assert near.emotional is not None
        assert far.emotional < 0.2 < near.emotional
        calm = kind_of(face_of(0.25, expression="neutral", track=3))
        assert calm.emotional is not None
        assert calm.emotional < 0.2

    def test_a_portrait_is_no_action(self) -> None:
        still = empty_candidate()
        moving = still.signals | {"moment_spread": 150.0}
        assert kind_of(face_of(0.4), signals=moving).scene_type == "other"
        assert kind_of(face_of(0.1), signals=moving).scene_type == "action"

    def test_places(self) -> None:
        kind = kind_of(objects=[thing_of("boat", (0.4, 0.5, 0.5, 0.55))])
        assert kind.people == "none"
        assert kind.indoor is not None
        assert kind.indoor < 0.3
        assert kind.scene_type == "landscape"
        near = kind_of(objects=[thing_of("boat", (0.1, 0.2, 0.9, 0.9))])
        assert near.scene_type != "landscape"
        room = kind_of(objects=[thing_of("bed", (0.1, 0.5, 0.6, 0.9), 0.95)])
        assert room.indoor is None or room.indoor > kind.indoor
        assert room.scene_type != "landscape"

    def test_a_learned_model_replaces_the_rule(self) -> None:
        boat = thing_of("boat", (0.4, 0.5, 0.5, 0.55))
        candidate = with_people(empty_candidate(), objects=[boat], labels={"setting=indoor": 0.97})
        [one] = classify([candidate], [], [], [], RULES)
        assert one.indoor == pytest.approx(0.97)

    def test_learned_models_of_composition_and_scene(self) -> None:
        labels = {"composition=wide": 0.8, "composition=mid": 0.2, "setting=outdoor": 0.9}
        labels |= {"scene-type=romantic": 0.7, "scene-type=dance": 0.3}
        candidate = with_people(empty_candidate(), face_of(0.4), labels=labels)
        [one] = classify([candidate], [], [], [], RULES)
        assert one.composition == "wide"
        assert one.scene_type == "romantic"
        assert one.suits[0] == "romantic"
        assert one.indoor == pytest.approx(0.1)
        assert one.inputs["learned_composition"] == 0.8
        unsure = {"composition=wide": 0.4, "scene-type=dance": 0.9}
        candidate = with_people(empty_candidate(), face_of(0.4), labels=unsure)
        [one] = classify([candidate], [], [], [], RULES)
        assert one.composition == "close-up"
        assert one.scene_type == "other"

    def test_a_picture_suits_every_type_it_reaches(self) -> None:
        kind = kind_of(face_of(0.4, expression="sad", track=0))
        assert kind.scene_type == "lead-close-up"
        assert kind.suits == ("lead-close-up", "emotional")
        assert kind.fit("emotional") == kind.inputs["fit_emotional"] > 0.5
        assert kind.fit("romantic") == 0.0

    def test_what_is_said_is_heard(self) -> None:
        candidate = with_people(empty_candidate(), face_of(0.25, expression="neutral", mouth=0.5))
        silent, sad = Dialogue((), "en", "x"), Dialogue((Line(0.0, 2.0, "No!", -0.9),), "en", "x")
        [calm] = classify([candidate], [], [], [], RULES, silent)
        [hurt] = classify([candidate], [], [], [], RULES, sad)
        assert hurt.inputs["talking"] == 1.0
        assert hurt.inputs["sentiment"] == -0.9
        assert hurt.inputs["mid_word"] > 0.5
        assert hurt.emotional is not None
        assert calm.emotional is not None
        assert hurt.emotional > calm.emotional + 0.1
        assert hurt.dramatic is not None
        assert calm.dramatic is not None
        assert hurt.dramatic > calm.dramatic + 0.1

    def test_lettering_of_a_network(self) -> None:
        candidate = with_people(empty_candidate(), lettering=((0.1, 0.4, 0.9, 0.6),))
        [one] = classify([candidate], [], [], [], RULES)
        assert one.text == pytest.approx(0.96)

    def test_the_same_input_gives_the_same(self) -> None:
        candidates = [with_people(empty_candidate(k), face_of(0.3, track=0)) for k in range(3)]
        people = [character_of("a", "lead", [track_of(0, 0)])]
        once = classify(candidates, [track_of(0, 0)], people, [shot_of(0, 0, 9)], RULES)
        again = classify(candidates, [track_of(0, 0)], people, [shot_of(0, 0, 9)], RULES)
        assert once == again
        assert classify([], [], [], [], RULES) == []


def test_a_back_or_an_arm_before_the_lens_spoils_a_picture() -> None:
    from fastthumb.analysis.people import faceless_bulk

    near = thing_of("person", (0.0, 0.0, 0.94, 1.0))
    assert faceless_bulk([], [near], 0.58) == pytest.approx(0.94)
    assert faceless_bulk([face_of(0.3)], [near], 0.58) == 0.0
    whole = thing_of("person", (0.3, 0.2, 0.7, 1.0))
    assert faceless_bulk([], [whole, thing_of("person", near.box, 0.3)], 0.58) == 0.0
