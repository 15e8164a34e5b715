"""From an analysis to a choice: who is in the film, what each candidate shows, which are picked.

Decodes nothing and reads no network: the same for a fresh analysis and for a stored one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fastthumb.analysis.characters import Character, find_characters, name_characters
from fastthumb.analysis.classification import classify
from fastthumb.analysis.identities import SAME_PERSON
from fastthumb.analysis.rules import load_rules
from fastthumb.artwork.genres import genre_of
from fastthumb.artwork.scoring import score
from fastthumb.artwork.variants import Pick, choose
from fastthumb.looking import Model, same_person_for

if TYPE_CHECKING:
    from fastthumb.analysis.candidates import Candidate
    from fastthumb.analysis.cast import Cast
    from fastthumb.analysis.dialogue import Dialogue
    from fastthumb.analysis.shots import Shot
    from fastthumb.analysis.stills import Still
    from fastthumb.analysis.synopsis import Synopsis
    from fastthumb.analysis.tracks import Track
    from fastthumb.settings import Settings


class Analyzed(Protocol):
    """What a choice is made from: a fresh analysis or a stored one."""

    @property
    def shots(self) -> Sequence[Shot]: ...
    @property
    def candidates(self) -> Sequence[Candidate]: ...
    @property
    def tracks(self) -> Sequence[Track]: ...
    @property
    def dialogue(self) -> Dialogue | None: ...
    @property
    def synopsis(self) -> Synopsis | None: ...
    @property
    def models(self) -> Sequence[Model]: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """The picks of a title, best first, the people of the film, leads first, and what to tell."""

    picks: list[Pick]
    characters: list[Character]
    notes: list[str]


def choose_pictures(
    analysis: Analyzed,
    settings: Settings,
    cast: Cast | None = None,
    *,
    avoid: Sequence[Still] = (),
) -> Choice:
    """Name the characters, classify and score the candidates, and choose among them.

    Where settings name no genre, that of the film's synopsis is taken. Nothing is chosen that
    repeats a picture of `avoid`. Raises NoArtwork where window and bans leave nothing.
    """
    settings, notes = with_genre_of(analysis.synopsis, settings)
    shots, tracks, candidates = analysis.shots, analysis.tracks, analysis.candidates
    duration = max((shot.end_seconds for shot in shots), default=0.0)
    same = same_person_for(settings, analysis.models) or SAME_PERSON
    found = find_characters(tracks, shots, duration, same)
    characters = name_characters(found, tracks, cast, same)
    rules = load_rules(settings.rules_file)
    classified = classify(candidates, tracks, characters, shots, rules, analysis.dialogue)
    scored = score(candidates, shots, settings, classified)
    return Choice(choose(scored, shots, settings, avoid=avoid), characters, notes)


def with_genre_of(synopsis: Synopsis | None, settings: Settings) -> tuple[Settings, list[str]]:
    """Settings with the genre of the synopsis where they name none, and a note that says so."""
    if synopsis is not None:
        genre, note = genre_of(settings, synopsis.genres, synopsis.source)
        if note is not None:
            return settings.model_copy(update={"genre": genre}), [note]
    return settings, []
