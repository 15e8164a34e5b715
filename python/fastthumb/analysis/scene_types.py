"""Scene types: which kinds of scene a picture can stand for, and which one it is called.

Every type gets a fit, 0..1, and the picture suits each type whose fit reaches its threshold:
a close-up of a lead in tears suits a close-up and an emotional picture. The scene type is the
first of them in the order of the rules.

    ensemble       three people or more of comparable size
    romantic       two faces near each other, alike in size, that face or smile, without tension
    confrontation  two people who face each other, or whose shots alternate, with tension in
                   their faces or in what is said
    action         things move fast, and the picture is no portrait
    close-up       nearer than the chest of somebody who leads the film; hero, heroine or lead
                   by the role of the character, never by looks
    emotional      a face near enough to read shows strong emotion
    landscape      a place, outdoors, without things or people in front

Where no network looked only action is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from fastthumb.analysis.rules import rises

if TYPE_CHECKING:
    from fastthumb.analysis.characters import Role
    from fastthumb.analysis.classification import People, SceneType
    from fastthumb.analysis.detections import Face
    from fastthumb.analysis.rules import DuoRules, Rules

LEADS = ("hero", "heroine", "lead")
_UNMOVED = 0.45  # fit of two people near each other who neither face nor smile
_APART = 2.0  # people confront each other from this much farther off than lovers stand
_CALM_DUEL = 0.5  # fit of two people who face each other without a sign of tension, ...
_CALM_EXCHANGE = 0.35  # ... and of shots that alternate without one
_PORTRAIT = 0.4  # what is left of the fit of action where a face fills the picture


@dataclass(slots=True)
class SceneFacts:
    """What the scene types are told from; None where no network looked.

    `nearest` is the scale of the nearest person. `near`, `facing`, `alike` and `smiling` are of
    two people, 0..1. `alternates` says how surely this shot and its neighbors show two people by
    turns, `role` that of the most prominent person.
    """

    action: float
    sentiment: float
    nearest: float = 0.0
    face_height: float = 0.0
    people: People | None = None
    emotional: float | None = None
    dramatic: float | None = None
    tension: float = 0.0
    near: float = 0.0
    opposite: float = 0.0
    facing: float = 0.0
    alike: float = 0.0
    smiling: float = 0.0
    alternates: float = 0.0
    role: Role | None = None
    landscape: float = 0.0


def duo_facts(
    faces: Sequence[Face],
    aspect: float,
    happy: int,
    rules: DuoRules,
    facts: SceneFacts,
    inputs: dict[str, float],
) -> None:
    """How two faces stand to each other, kept in `facts` and `inputs`.

    `happy` is the position of that class in the expressions, -1 where there is none.
    """
    left, right = sorted(faces, key=lambda face: face.box[0] + face.box[2])
    sizes = [face.box[3] - face.box[1] for face in (left, right)]
    larger = max(*sizes, 1e-6)
    across = 0.5 * aspect * (right.box[0] + right.box[2] - left.box[0] - left.box[2])
    down = 0.5 * (right.box[1] + right.box[3] - left.box[1] - left.box[3])
    apart = (across * across + down * down) ** 0.5 / larger
    inputs["duo_distance"] = apart
    facts.near = rises(apart, rules.near)
    facts.opposite = rises(apart, (_APART * rules.near[0], _APART * rules.near[1]))
    facts.alike = rises(min(sizes) / larger, rules.alike)
    toward = rises(_looks_right(left), rules.facing), rises(-_looks_right(right), rules.facing)
    facts.facing = min(toward)
    if happy >= 0 and left.expression is not None and right.expression is not None:
        facts.smiling = float(min(left.expression[happy], right.expression[happy]))
        inputs["duo_smiling"] = facts.smiling
    inputs["duo_facing"], inputs["duo_alike"] = facts.facing, facts.alike


def scene_type_of(
    facts: SceneFacts, rules: Rules, inputs: dict[str, float]
) -> tuple[SceneType, tuple[SceneType, ...]]:
    """The scene type and all that the picture suits, both in the order of the rules.

    The fits are kept in `inputs` as "fit_" and the type.
    """
    scenes = rules.scenes
    fits = {"action": facts.action}
    if facts.people is not None:
        fits = _fits(facts, rules)
    suits: list[SceneType] = []
    for name, least in scenes.thresholds:
        fit = fits.get(name, 0.0)
        if fit > 0.0:
            inputs[f"fit_{name}"] = fit
            if fit >= least:
                suits.append(_named(name, facts.role))
    return (suits[0] if suits else "other"), tuple(suits)


def _fits(facts: SceneFacts, rules: Rules) -> dict[str, float]:
    scenes, composition = rules.scenes, rules.composition
    calm = (1.0 - facts.tension) * (1.0 + min(facts.sentiment, 0.0))
    tense = max(facts.tension, -facts.sentiment, 0.0)
    fits = {"ensemble": float(facts.people == "ensemble"), "landscape": facts.landscape}
    fits["action"] = facts.action * (_PORTRAIT if facts.face_height >= scenes.action_face else 1.0)
    if facts.people == "duo":
        drawn = max(facts.facing, facts.smiling)
        fits["romantic"] = facts.near * facts.alike * calm * (1.0 - facts.action)
        fits["romantic"] *= _UNMOVED + (1.0 - _UNMOVED) * drawn
        duel = _CALM_DUEL + (1.0 - _CALM_DUEL) * tense
        duel *= facts.opposite * facts.alike * facts.facing * (1.0 - facts.smiling)
        fits["confrontation"] = duel
    if facts.people in ("solo", "duo") and facts.nearest >= composition.mid:
        exchange = facts.alternates * (_CALM_EXCHANGE + (1.0 - _CALM_EXCHANGE) * tense)
        fits["confrontation"] = max(fits.get("confrontation", 0.0), exchange)
    if facts.emotional is not None and facts.nearest >= scenes.emotional_scale:
        fits["emotional"] = facts.emotional
    if facts.role in LEADS and facts.people in ("solo", "duo"):
        fits["close-up"] = float(facts.nearest >= composition.close_up)
    return fits


def _named(name: str, role: str | None) -> SceneType:
    if name != "close-up":
        return cast("SceneType", name)
    return cast("SceneType", f"{role}-close-up")


def _looks_right(face: Face) -> float:
    """Where a face looks: the nose beside the middle of the eyes, in widths of the face."""
    marks = face.landmarks
    width = max(face.box[2] - face.box[0], 1e-6)
    return (marks[4] - 0.5 * (marks[0] + marks[2])) / width
