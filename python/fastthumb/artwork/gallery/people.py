"""Who and what a title shows, as the page's script reads it: people, tags, boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastthumb.artwork.labels import spoken
from fastthumb.artwork.tags import KINDS, tags_of

if TYPE_CHECKING:
    from fastthumb.records import CharacterRecord, FaceRecord, TitleRecord, Variant

Box = tuple[float, float, float, float]

_WITH = 3  # others that a character's row names
_SAID = {("people", "none"): "Nobody", ("object", "tv"): "TV"}
_SHUT = 0.4  # eyes that are less open than this are shut


def people_of(record: TitleRecord, quoted: Callable[[str], str]) -> list[dict[str, Any]]:
    """A row for each character, most screen time first; `quoted` makes a file's name a URL."""
    ordered = sorted(record.characters, key=lambda one: (-one.screen_seconds, one.name))
    return [_person(one, quoted) for one in ordered]


def tags_of_title(record: TitleRecord) -> tuple[list[list[str]], dict[int, list[int]]]:
    """All tags of a title as [kind, tag, spoken], and each variant's as indexes of them.

    By kind, in each kind the most frequent first.
    """
    found = {variant.variant: tags_of(variant) for variant in record.variants}
    counts: dict[tuple[str, str], int] = {}
    for tags in found.values():
        for tag in tags:
            counts[tag] = counts.get(tag, 0) + 1
    ordered = sorted(counts, key=lambda tag: (KINDS.index(tag[0]), -counts[tag]))
    place = {tag: number for number, tag in enumerate(ordered)}
    named = [[kind, tag, _SAID.get((kind, tag)) or _said(kind, tag)] for kind, tag in ordered]
    return named, {rank: [place[tag] for tag in tags] for rank, tags in found.items()}


def _said(kind: str, tag: str) -> str:
    return tag if kind == "character" else spoken(tag)


def boxes_of(variant: Variant) -> list[list[Any]]:
    """Faces and things as [left, top, width, height, what it is, more about it, is it a face].

    A person whose face is there has no box of its own.
    """
    boxes = [
        [*_placed(face.box), face.character or ("Face" if face.sure else "Face?"), _looks(face), 1]
        for face in variant.faces or ()
    ]
    boxes += [
        [*_placed(one.box), spoken(one.label), f"{one.score:.0%} sure", 0]
        for one in variant.object_boxes or ()
        if one.label != "person"
        or not any(_inside(face.box, one.box) for face in variant.faces or ())
    ]
    return boxes


def _inside(face: Box, body: Box) -> bool:
    """Whether the middle of a face lies in the box of a person."""
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    return body[0] <= x <= body[2] and body[1] <= y <= body[3]


def _person(character: CharacterRecord, quoted: Callable[[str], str]) -> dict[str, Any]:
    others = sorted(character.with_seconds.items(), key=lambda item: -item[1])
    return {
        "name": character.name,
        "known": character.known,
        "role": spoken(character.role),
        "seconds": round(character.screen_seconds, 1),
        "share": round(character.screen_share, 3),
        "shots": len(character.shots),
        "faces": [[quoted(one.file), round(one.timestamp, 1)] for one in character.portraits],
        "with": [[name, round(seconds, 1)] for name, seconds in others[:_WITH]],
        "more": max(len(others) - _WITH, 0),
    }


def _looks(face: FaceRecord) -> str:
    """What is known of a face, in a few words; empty where no network read it."""
    words = []
    if face.expression is not None and face.expression_score is not None:
        words.append(f"{face.expression} {face.expression_score:.0%}")
    if face.eyes_open is not None:
        words.append("eyes shut" if face.eyes_open < _SHUT else "eyes open")
    if face.cut_off:
        words.append("cut off")
    return ", ".join(words)


def _placed(box: Box) -> list[float]:
    left, top, right, bottom = box
    return [round(value, 3) for value in (left, top, right - left, bottom - top)]
