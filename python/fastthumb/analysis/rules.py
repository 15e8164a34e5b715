"""Rules: the numbers by which pictures are classified, from rules.toml and a user's own file.

A user's file holds only what it changes. A name that no rule has, or a value of the wrong
form, is an error: it would otherwise be a change that silently does nothing.
"""

from __future__ import annotations

import tomllib
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fastthumb.errors import SettingsError
from fastthumb.names import printable

Ramp = tuple[float, float]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PeopleRules(_Table):
    """Who counts as a person."""

    person_score: float
    small_score: float
    further_score: float
    everywhere: float
    person_height: float
    face_score: float
    lone_face_score: float
    face_height: float
    comparable: float
    same_person: float
    ensemble: int = Field(ge=2)


class CompositionRules(_Table):
    """How near people are."""

    face_to_body: float
    torso_to_body: float
    whole_faces: float
    box_aspect: float
    close_up: float
    mid: float
    wide: float
    joint_score: float


class ProminenceRules(_Table):
    """Weights of the four parts of prominence, and where each is full."""

    screen_area: float
    position: float
    focus: float
    scene_importance: float
    full_face: float = Field(gt=0)
    full_person: float = Field(gt=0)
    middle: Ramp
    upper: Ramp
    reach: float = Field(gt=0)


class ExpressionRules(_Table):
    """What can be read in a face."""

    eyes: Ramp
    eyes_alone: Ramp
    turned: Ramp
    blurred: Ramp
    small: Ramp
    cut: Ramp
    mouth: Ramp
    main: float
    strength: dict[str, float]
    tension: dict[str, float]


class EmotionRules(_Table):
    """Emotional and dramatic scores."""

    face: Ramp
    sentiment: float
    dark: Ramp
    contrast: Ramp
    tension_weight: float
    light_weight: float
    action_weight: float
    sentiment_weight: float


class ActionRules(_Table):
    """How much happens."""

    moving: Ramp
    changing: Ramp
    changing_weight: float


class SettingRules(_Table):
    """Indoors or outdoors, day or night."""

    bias: float
    unknown: float
    night: Ramp
    night_dark: Ramp
    sky: float
    green: float
    warm_light: float
    learned: float
    object_score: float
    indoor_things: tuple[str, ...]
    outdoor_things: tuple[str, ...]
    indoor_thing: float
    outdoor_thing: float
    large_face: float


class LandscapeRules(_Table):
    """Pictures of a place."""

    person_scale: Ramp
    thing: Ramp
    outdoors: Ramp
    text: Ramp


class DuoRules(_Table):
    """How two people stand to each other."""

    near: Ramp
    facing: Ramp
    alike: Ramp


class SceneRules(_Table):
    """Thresholds of the scene types, and which goes first."""

    order: tuple[str, ...]
    ensemble: float
    romantic: float
    confrontation: float
    action: float
    emotional: float
    close_up: float = Field(alias="close-up")
    landscape: float
    emotional_scale: float
    action_face: float

    @model_validator(mode="after")
    def _order_names_types(self) -> SceneRules:
        known = {"ensemble", "romantic", "confrontation", "action", "emotional", "close-up"}
        if sorted(self.order) != sorted(known | {"landscape"}):
            raise ValueError(f"wanted each of {', '.join(sorted(known | {'landscape'}))} once")
        return self

    @cached_property
    def thresholds(self) -> tuple[tuple[str, float], ...]:
        """The types in their order, with the fit from which a picture suits each."""
        return tuple((name, getattr(self, name.replace("-", "_"))) for name in self.order)


class Rules(_Table):
    """Every rule of the classification; what each number means stands in rules.toml."""

    people: PeopleRules
    composition: CompositionRules
    prominence: ProminenceRules
    expression: ExpressionRules
    emotion: EmotionRules
    action: ActionRules
    setting: SettingRules
    landscape: LandscapeRules
    duo: DuoRules
    scenes: SceneRules
    roles: dict[str, float]


@cache
def default_rules() -> Rules:
    """The rules of the package."""
    return Rules.model_validate(_defaults())


def load_rules(file: str | Path | None = None) -> Rules:
    """The rules of the package with those of a user's file in their place.

    Raises SettingsError where the file cannot be read or says something that no rule is.
    """
    if file is None:
        return default_rules()
    path = Path(file)
    try:
        changes = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise SettingsError(f"rules file {printable(path)}: cannot be read ({reason})") from exc
    try:
        return Rules.model_validate(_merged(_defaults(), changes))
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"rules file {printable(path)}: {where}: {first['msg']}, got {first['input']!r}; "
            "use the names and forms of the package's rules.toml"
        ) from exc


def rises(value: float, ramp: Ramp) -> float:
    """0 up to the first number of the ramp, 1 from the second on; falling if they fall."""
    low, high = ramp
    share = (value - low) / (high - low) if high != low else float(value >= high)
    return 0.0 if share <= 0.0 else 1.0 if share >= 1.0 else share


def _defaults() -> dict[str, Any]:
    text = files("fastthumb.analysis").joinpath("rules.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        old = base.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = _merged(old, value)
        else:
            merged[name] = value
    return merged
