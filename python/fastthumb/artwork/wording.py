"""Wording: what a picture shows, in the words of an artwork editor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.analysis.classification import Classified

_COMPOSITIONS = {
    "close-up": "close-up",
    "mid": "mid shot",
    "wide": "wide shot",
    "extreme-wide": "extreme wide shot",
}
_EXPRESSIONS = {
    "happy": "smiling",
    "sad": "sad",
    "angry": "angry",
    "fearful": "afraid",
    "surprised": "surprised",
}
_SURE = 0.5  # probability from which an expression is named,
_READABLE = 0.35  # and readability of the face
_OPEN, _CLOSED = 0.2, 0.55  # closed eyes below and above which the eyes are mentioned
_TURNED, _CUT = 0.6, 0.4
_DRAMATIC = 0.6
_INDOORS, _OUTDOORS, _NIGHT = 0.7, 0.3, 0.6
_THINGS = 2  # that are named where there is nobody
_NAMES = 3


def what_it_shows(kind: Classified) -> str:
    """Such as "close-up of lead-1, smiling, eyes open, indoors"; "" where no network looked."""
    if kind.people is None:
        return ""
    size = _COMPOSITIONS.get(kind.composition or "", "picture")
    if kind.people == "none":
        if kind.scene_type == "landscape":
            subject = "landscape"
        else:
            things = [name for name in kind.objects if name != "person"][:_THINGS]
            subject = f"{size} of {_listed([f'a {name}' for name in things])}" if things else size
            # Without an object detector only faces were looked for.
            subject += " without people" if kind.composition else " without faces"
        words = [subject]
    else:
        words = [f"{size} of {_who(kind)}", *_faces(kind)]
    if kind.scene_type == "romantic":
        words.append("close together")
    elif kind.scene_type == "confrontation":
        words.append("face to face" if kind.people == "duo" else "in an exchange of looks")
    if kind.dramatic is not None and kind.dramatic >= _DRAMATIC:
        words.append(f"dramatic ({kind.dramatic:.2f})")
    place = _place(kind)
    return ", ".join([*words, place] if place else words)


def _who(kind: Classified) -> str:
    if kind.characters:
        names = [printable(name) for name in kind.characters[:_NAMES]]
        least = {"duo": 2, "ensemble": 3}.get(kind.people or "", 1)
        if len(names) < least or len(kind.characters) > _NAMES:
            names.append("somebody else" if kind.people == "duo" else "others")
        return _listed(names)
    return {"solo": "one person", "duo": "two people"}.get(kind.people or "", "a group")


def _faces(kind: Classified) -> list[str]:
    inputs, words = kind.inputs, []
    shown = kind.expression
    if (
        shown in _EXPRESSIONS
        and inputs.get(f"shows_{shown}", 0.0) >= _SURE
        and inputs.get("readable", 0.0) >= _READABLE
    ):
        words.append(_EXPRESSIONS[shown])
    closed = inputs.get("eyes_closed")
    if closed is not None and inputs.get("readable", 0.0) >= _READABLE and closed <= _OPEN:
        words.append("eyes open")
    elif closed is not None and closed >= _CLOSED:
        words.append("eyes closed")
    if inputs.get("turned_away", 0.0) >= _TURNED:
        words.append("turned away")
    if inputs.get("face_cut", 0.0) >= _CUT:
        words.append("cut by the edge")
    return words


def _place(kind: Classified) -> str:
    words = []
    if kind.indoor is not None and kind.scene_type != "landscape":
        words += ["indoors"] * (kind.indoor >= _INDOORS) + ["outdoors"] * (kind.indoor <= _OUTDOORS)
    if kind.night is not None and kind.night >= _NIGHT:
        words.append("at night" if "outdoors" in words else "in the dark")
    return " ".join(words)


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
