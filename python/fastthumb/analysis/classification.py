"""Classification: what kind of picture each candidate is, by rules over everything known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class Classified:
    """What kind of picture a candidate is; None where no network looked.

    `characters` are names, most prominent first, `objects` labels. The scores are 0..1.
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
