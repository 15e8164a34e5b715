"""Characters: who is in the film, how long, with whom, and who leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastthumb.analysis.tracks import Portrait

Role = Literal["hero", "heroine", "lead", "supporting", "background"]


@dataclass(frozen=True, slots=True)
class Character:
    """One person of the film.

    `name` is the cast's, or lead-1, person-1 ... by screen time; `known` says whether the cast
    named it, with `likeness`, the cosine to the cast's photographs. `screen_share` is its screen
    time over the film's length, `with_seconds` screen time shared with others, by name.
    """

    name: str
    role: Role
    known: bool
    likeness: float | None
    screen_seconds: float
    screen_share: float
    shots: tuple[int, ...]
    tracks: tuple[int, ...]
    with_seconds: dict[str, float]
    portraits: tuple[Portrait, ...]
