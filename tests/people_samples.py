"""People for tests: faces, things, tracks and characters without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.characters import Character
from fastthumb.analysis.detections import Contents, Face, FoundObject, Rect
from fastthumb.analysis.expressions import EXPRESSIONS
from fastthumb.analysis.tracks import Track

ASPECT = 16 / 9
SIZE = (1920, 1080)


def face_of(
    height: float = 0.3,
    x: float = 0.5,
    y: float = 0.4,
    *,
    looks: float = 0.0,
    expression: str | None = None,
    likely: float = 0.9,
    **changes: Any,
) -> Face:
    """A face of this height around (x, y), shares of a 16:9 picture.

    `looks` moves the nose, in widths of the face: above 0 it looks to the right.
    """
    width = 0.78 * height / ASPECT
    left, top = x - width / 2, y - height / 2
    eyes, mouth = top + 0.38 * height, top + 0.78 * height
    values: dict[str, Any] = {
        "box": (left, top, left + width, top + height),
        "landmarks": (
            left + 0.3 * width,
            eyes,
            left + 0.7 * width,
            eyes,
            x + looks * width,
            top + 0.58 * height,
            left + 0.33 * width,
            mouth,
            left + 0.67 * width,
            mouth,
        ),
        "score": 0.95,
        "sharpness": 0.8,
        "turn": 0.1,
        "roll": 0.0,
        "cut_off": False,
        "eyes_open": 1.0,
        "mouth": 0.05,
        "expression": None if expression is None else shares_of(expression, likely),
    }
    return Face(**values | changes)


def shares_of(expression: str, sure: float = 0.9) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Probabilities of the expressions, `sure` for the one."""
    shares = np.full(len(EXPRESSIONS), (1.0 - sure) / (len(EXPRESSIONS) - 1), dtype=np.float32)
    shares[EXPRESSIONS.index(expression)] = sure
    return shares


def thing_of(label: str, box: Rect, score: float = 0.8) -> FoundObject:
    return FoundObject(label, "person" if label == "person" else "other", box, score)


def with_people(
    candidate: Candidate,
    *faces: Face,
    objects: Sequence[FoundObject] | None = (),
    **contents: Any,
) -> Candidate:
    """The candidate with these faces, largest first, and things."""
    ordered = tuple(sorted(faces, key=lambda face: face.box[1] - face.box[3]))
    found = None if objects is None else tuple(objects)
    return replace(
        candidate, faces=ordered, contents=Contents(objects=found, **contents), box_size=SIZE
    )


def track_of(index: int, shot: int, seconds: float = 5.0, **changes: Any) -> Track:
    values: dict[str, Any] = {
        "index": index,
        "shot": shot,
        "first_seconds": 0.0,
        "last_seconds": seconds,
        "screen_seconds": seconds,
        "samples": round(2 * seconds),
        "size": 0.3,
        "score": 0.95,
        "embedding": None,
        "open_eyes": None,
        "together": (),
        "clarity": 0.8,
        "together_seconds": (),
        "portraits": (),
    }
    return Track(**values | changes)


def character_of(name: str, role: str, tracks: Sequence[Track], **changes: Any) -> Character:
    """The character that these tracks show."""
    seconds = sum(track.screen_seconds for track in tracks)
    values: dict[str, Any] = {
        "name": name,
        "role": role,
        "known": False,
        "likeness": None,
        "screen_seconds": seconds,
        "screen_share": 0.2,
        "shots": tuple(track.shot for track in tracks),
        "tracks": tuple(track.index for track in tracks),
        "with_seconds": {},
        "portraits": (),
    }
    return Character(**values | changes)
