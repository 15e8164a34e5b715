"""Classification: what kind of picture each candidate is, by rules over everything known of it.

The rules and all their numbers are in rules.toml; the modules beside this one apply them to the
people of a picture (people), their prominence, their expressions, the place (surroundings) and
the kind of scene (scene_types). Whatever a rule read is kept in `Classified.inputs`. Where no
network looked, what it would have told is None and the kind of scene is told by motion alone.
Learned models (`Contents.labels`, "task=label") replace the rules of setting, composition and
scene-type where they are sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from fastthumb.analysis.expressions import (
    EXPRESSIONS,
    ExpressionReader,
    FaceLosses,
    Reading,
    losses_of,
    main_faces,
)
from fastthumb.analysis.people import (
    Person,
    faceless_bulk,
    find_people,
    headless,
    people_label,
    shot_size,
    thing_size,
)
from fastthumb.analysis.prominence import Prominence, prominence
from fastthumb.analysis.rules import rises
from fastthumb.analysis.scene_types import LEADS, SceneFacts, duo_facts, scene_type_of
from fastthumb.analysis.screen_time import ScreenTime
from fastthumb.analysis.surroundings import (
    color_cues,
    indoor_share,
    landscape_fit,
    night_share,
)

if TYPE_CHECKING:
    from fastthumb.analysis.candidates import Candidate
    from fastthumb.analysis.characters import Character
    from fastthumb.analysis.detections import Contents
    from fastthumb.analysis.dialogue import Dialogue
    from fastthumb.analysis.rules import ActionRules, EmotionRules, Rules
    from fastthumb.analysis.shots import Shot
    from fastthumb.analysis.tracks import Track

SceneType = Literal[
    "hero-close-up",
    "heroine-close-up",
    "lead-close-up",
    "ensemble",
    "action",
    "romantic",
    "emotional",
    "confrontation",
    "landscape",
    "other",
]
Composition = Literal["close-up", "mid", "wide", "extreme-wide"]
People = Literal["solo", "duo", "ensemble", "none"]
SCENES: tuple[str, ...] = get_args(SceneType)
COMPOSITIONS: tuple[str, ...] = get_args(Composition)


_LEARNED = 0.5  # probability from which a learned model's answer replaces a rule's
_SURE = 0.6  # score of a thing that tells the composition of a picture without people
_SOFT_BACKGROUND, _SOME_TEXT = 0.6, 0.3
_BULK = (0.15, 0.45)  # of the picture: somebody's back or arm, from which it spoils the picture
_LETTERS = 6.0  # a picture is all lettering where boxes of text cover a sixth of it


@dataclass(frozen=True, slots=True)
class Classified:
    """What kind of picture a candidate is; None where no network looked.

    `characters` are names, most prominent first, `objects` labels. The scores are 0..1.
    `suits` are all scene types that the picture can stand for, `expression` is what the largest
    face shows, `lead` the name and weight of the most prominent person if it leads the film.
    `inputs` holds every number that a rule read, by name.
    """

    scene_type: SceneType
    composition: Composition | None
    people: People | None
    characters: tuple[str, ...]
    objects: tuple[str, ...]
    emotional: float | None
    action: float
    dramatic: float | None
    prominence: float | None
    indoor: float | None
    night: float | None
    text: float
    inputs: dict[str, float]
    suits: tuple[SceneType, ...] = ()
    expression: str | None = None
    lead: tuple[str, float] | None = None

    def fit(self, scene: str) -> float:
        """How well the picture suits a scene type, 0..1."""
        name = "close-up" if scene.endswith("close-up") else scene
        return self.inputs.get(f"fit_{name}", 0.0) if scene in self.suits else 0.0


def classify(
    candidates: Sequence[Candidate],
    tracks: Sequence[Track],
    characters: Sequence[Character],
    shots: Sequence[Shot],
    rules: Rules,
    dialogue: Dialogue | None = None,
    *,
    expression_labels: Sequence[str] = EXPRESSIONS,
) -> list[Classified]:
    """Classify the candidates of one film, in their order.

    `expression_labels` name the classes of `Face.expression`. Equal input gives equal output;
    nothing is decoded and no network is run.
    """
    if not candidates:
        return []
    film = _Film(candidates, tracks, characters, shots, rules, dialogue, expression_labels)
    return [film.classified(i, one) for i, one in enumerate(candidates)]


def action_score(signals: dict[str, float], rules: ActionRules) -> float:
    """How much happens, 0..1: things moving against the camera, change no motion explains."""
    moving = rises(signals["moment_spread"], rules.moving)
    changing = rises(signals["moment_change"], rules.changing)
    return 1.0 - (1.0 - moving) * (1.0 - rules.changing_weight * changing)


class _Film:
    """What the candidates of one film share."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        tracks: Sequence[Track],
        characters: Sequence[Character],
        shots: Sequence[Shot],
        rules: Rules,
        dialogue: Dialogue | None,
        labels: Sequence[str],
    ) -> None:
        self._rules = rules
        self._dialogue = dialogue
        self._reader = ExpressionReader(rules.expression, labels)
        self._time = ScreenTime(tracks, characters, shots, rules.roles)
        cues = color_cues(candidates)
        self._cues = list(
            zip(cues.sky.tolist(), cues.green.tolist(), cues.warm_light.tolist(), strict=True)
        )

    def classified(self, index: int, candidate: Candidate) -> Classified:
        rules = self._rules
        signals, contents = candidate.signals, candidate.contents
        width, height = candidate.box_size
        people = find_people(candidate.faces, contents, width / max(height, 1), rules)
        action = action_score(signals, rules.action)
        text = _text_share(candidate)
        inputs = {"action": action, "text": text}
        sentiment, talking = self._said(candidate.seconds, inputs)

        facts = SceneFacts(action=action, sentiment=sentiment)
        facts.nearest = max((person.scale for person in people or ()), default=0.0)
        names: list[str] = []
        first: Prominence | None = None
        lead: tuple[str, float] | None = None
        readings: list[Reading] = []
        if people:
            first, names, lead = self._who(people, candidate.shot, facts, inputs)
            inputs["head_cut"] = headless(people)
            faces = main_faces(people, rules.expression)
            readings = [self._reader.read(face) for face in faces]
            if readings:
                _keep_losses(losses_of(readings, talking=talking), inputs)
                _keep_reading(readings[0], inputs)
                facts.face_height = readings[0].height
            if len(people) == 2 and len(faces) == 2:
                happy = self._reader.happy
                duo_facts(faces, width / max(height, 1), happy, rules.duo, facts, inputs)
            facts.alternates = self._time.alternation(candidate.shot)
            inputs["alternation"] = facts.alternates
        elif people is not None:
            found, things = candidate.faces or (), candidate.contents.objects or ()
            bulk = faceless_bulk(found, things, rules.people.person_score)
            inputs["head_cut"] = rises(bulk, _BULK)
        emotional = dramatic = None
        if candidate.faces is not None:
            emotional, dramatic = _feelings(readings, facts, signals, rules.emotion, inputs)
        cues = self._cues[index]
        inputs["sky"], inputs["green"], inputs["warm_light"] = cues
        indoor = indoor_share(contents, cues, facts.face_height, rules.setting)
        facts.people = None if people is None else people_label(people, rules.people)
        facts.emotional, facts.dramatic = emotional, dramatic
        facts.landscape = landscape_fit(contents, facts.nearest, indoor, text, rules)
        scene, suits = scene_type_of(facts, rules, inputs)
        if contents.labels and (learned := _learned(contents, "scene-type", inputs)) in SCENES:
            scene = cast("SceneType", learned)
            suits = (scene, *(one for one in suits if one != scene))
        return Classified(
            scene_type=scene,
            composition=self._composition(people, facts, candidate, inputs),
            people=facts.people,
            characters=tuple(dict.fromkeys(names)),
            objects=tuple(dict.fromkeys(one.label for one in contents.objects or ())),
            emotional=emotional,
            action=action,
            dramatic=dramatic,
            prominence=first.total if first is not None else None if people is None else 0.0,
            indoor=indoor,
            night=night_share(candidate, rules.setting) if people is not None else None,
            text=text,
            inputs=inputs,
            suits=suits,
            expression=readings[0].shown if readings else None,
            lead=lead,
        )

    def _said(self, seconds: float, inputs: dict[str, float]) -> tuple[float, bool]:
        """Sentiment of what is said around a time, -1..1, and whether somebody is talking."""
        if self._dialogue is None:
            return 0.0, False
        sentiment, talking = self._dialogue.around(seconds)
        inputs["talking"] = float(talking)
        if sentiment is not None:
            inputs["sentiment"] = sentiment
        return sentiment or 0.0, talking

    def _who(
        self, people: Sequence[Person], shot: int, facts: SceneFacts, inputs: dict[str, float]
    ) -> tuple[Prominence, list[str], tuple[str, float] | None]:
        """The highest prominence, the characters, most prominent first, and who leads of them.

        The last is the name and weight of the most prominent person where it leads the film.
        """
        found = []
        for person in people:
            track = person.face.track if person.face is not None else -1
            character = self._time.character_of(track)
            importance = self._time.scene_importance(track, shot) if track >= 0 else None
            found.append((prominence(person, importance, self._rules.prominence), character))
        found.sort(key=lambda one: -one[0].total)
        first = found[0][0]
        inputs["prominence"] = first.total
        inputs["screen_area"], inputs["position"] = first.screen_area, first.position
        if first.focus is not None:
            inputs["focus"] = first.focus
        if first.scene_importance is not None:
            inputs["scene_importance"] = first.scene_importance
        known = [character for _, character in found if character is not None]
        if known:
            inputs["screen_share"] = known[0].screen_share
            inputs["character"] = max(self._time.weight_of(one.name) for one in known)
        most = found[0][1]
        facts.role = most.role if most is not None else None
        lead = None
        if most is not None and most.role in LEADS:
            lead = most.name, self._time.weight_of(most.name)
        return first, [one.name for one in known], lead

    def _composition(
        self,
        people: Sequence[Person] | None,
        facts: SceneFacts,
        candidate: Candidate,
        inputs: dict[str, float],
    ) -> Composition | None:
        if candidate.contents.labels:
            learned = _learned(candidate.contents, "composition", inputs)
            if learned in COMPOSITIONS:
                return cast("Composition", learned)
        if people is None or (not people and candidate.contents.objects is None):
            return None
        if people:
            inputs["scale"] = facts.nearest
            return shot_size(facts.nearest, self._rules.composition)
        things = [one for one in candidate.contents.objects or () if one.score >= _SURE]
        if things:
            return max(
                (thing_size(one.box) for one in things),
                key=("extreme-wide", "wide", "mid", "close-up").index,
            )
        # Nobody and no thing to go by: a view, unless something stands before a soft background.
        near = candidate.still.depth_of_field > _SOFT_BACKGROUND or inputs["text"] > _SOME_TEXT
        return None if near and facts.landscape < self._rules.scenes.landscape else "extreme-wide"


def _learned(contents: Contents, task: str, inputs: dict[str, float]) -> str | None:
    """The label that a learned model of this task gives a picture, None where it is not sure."""
    shares = {
        name.removeprefix(f"{task}="): share
        for name, share in (contents.labels or {}).items()
        if name.startswith(f"{task}=")
    }
    if not shares:
        return None
    label = max(sorted(shares), key=shares.__getitem__)
    inputs[f"learned_{task}"] = shares[label]
    return label if shares[label] >= _LEARNED else None


def _text_share(candidate: Candidate) -> float:
    """How much of the picture is lettering, 0..1: of signals, or the boxes of a text network."""
    boxes = candidate.contents.lettering
    if not boxes:
        return candidate.still.text_likeness
    area = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    return max(candidate.still.text_likeness, min(_LETTERS * area, 1.0))


def _keep_losses(losses: FaceLosses, inputs: dict[str, float]) -> None:
    inputs["turned_away"] = losses.turned_away
    inputs["face_blur"] = losses.face_blur
    inputs["face_cut"] = losses.face_cut
    if losses.eyes_closed is not None:
        inputs["eyes_closed"] = losses.eyes_closed
    if losses.mid_word is not None:
        inputs["mid_word"] = losses.mid_word


def _keep_reading(reading: Reading, inputs: dict[str, float]) -> None:
    inputs["face_height"] = reading.height
    inputs["readable"] = reading.readable
    if reading.shown is not None:
        inputs[f"shows_{reading.shown}"] = reading.shown_share


def _feelings(
    readings: Sequence[Reading],
    facts: SceneFacts,
    signals: dict[str, float],
    rules: EmotionRules,
    inputs: dict[str, float],
) -> tuple[float | None, float]:
    """Emotional and dramatic score; emotional is None where faces show what no network read."""
    said, tension = facts.sentiment, 0.0
    emotional: float | None = None
    if not readings:
        emotional = 0.0
    for reading in readings:
        if reading.strength is None or reading.tension is None:
            continue
        seen = reading.readable * rises(reading.height, rules.face)
        emotional = max(emotional or 0.0, reading.strength * seen)
        tension = max(tension, reading.tension * seen)
    if emotional is not None:
        emotional += (1.0 - emotional) * rules.sentiment * abs(said)
    low_key = rises(signals["lightness"], rules.dark) * rises(signals["luma_std"], rules.contrast)
    inputs["tension"], inputs["low_key"] = tension, low_key
    calm = (1.0 - rules.tension_weight * tension) * (1.0 - rules.light_weight * low_key)
    calm *= 1.0 - rules.action_weight * facts.action
    calm *= 1.0 - rules.sentiment_weight * max(-said, 0.0)
    facts.tension = tension
    return emotional, 1.0 - calm
