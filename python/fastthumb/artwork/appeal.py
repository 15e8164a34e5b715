"""Appeal: what the people of a picture make of it, and how relevant it is to its genre.

Content. A picture whose most prominent person fills it, well placed and readable, gains; one
without people neither gains nor loses, so that landscapes stay what they are.

    content = .6 prominence + .4 readable expression
    quality = quality + .25 content (1 - quality)

Faults of the main people cost a share of the quality: closed eyes, turned away, blurred, face or
head cut by the edge of the picture or by a shape that is asked for, in the middle of a word.

    relevance = .4 genre + .2 narrative + .2 character + .2 visual

    genre      share of the best priority of the genre that the picture suits, over the largest
    narrative  half the length of its scene over the longest one's, half the stronger of its
               emotional, dramatic and action scores
    character  the largest weight of its characters: role and share of screen time
    visual     visual quality

Relevance decides between pictures that suit one priority; it is no part of the quality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastthumb.artwork.genres import priorities_of

if TYPE_CHECKING:
    from fastthumb.analysis.candidates import Candidate
    from fastthumb.analysis.classification import Classified
    from fastthumb.analysis.shots import Shot
    from fastthumb.settings import Settings

LOSSES = {
    "eyes_closed": 0.45,
    "turned_away": 0.20,
    "face_blur": 0.35,
    "face_cut": 0.45,
    "head_cut": 0.30,
    "mid_word": 0.06,
    "crop_cut": 0.10,
}
"""What a picture loses at most by each fault of its people, as a share of its quality."""

_LIFT = 0.25
_PROMINENCE, _READABLE = 0.6, 0.4
_GENRE, _NARRATIVE, _CHARACTER, _VISUAL = 0.4, 0.2, 0.2, 0.2
_HEAD_OUT, _HEAD_UP, _HEAD_DOWN = 0.22, 0.42, 0.12  # a head beyond the box of its face


@dataclass(frozen=True, slots=True)
class Appeal:
    """Content, 0..1, and the named scores of a picture's people, faults among them."""

    content: float
    scores: dict[str, float]

    def applied(self, quality: float) -> float:
        """The quality of a picture with its people."""
        for name, loss in LOSSES.items():
            quality *= 1.0 - loss * self.scores.get(name, 0.0)
        return quality + _LIFT * self.content * (1.0 - quality)


def appeal_of(candidate: Candidate, classified: Classified, shapes: Sequence[float]) -> Appeal:
    """What the people of a picture make of it; `shapes` (width over height) it is cut to."""
    inputs = classified.inputs
    scores = {name: inputs[name] for name in LOSSES if name in inputs}
    content = 0.0
    if "prominence" in inputs:
        readable = inputs.get("readable", 0.0)
        content = _PROMINENCE * inputs["prominence"] + _READABLE * readable
        # What spoils the faces takes from the gain, too.
        spoiled = max(scores.get("eyes_closed", 0.0), scores.get("face_cut", 0.0))
        content *= 1.0 - spoiled
        scores["prominence"], scores["readable"] = inputs["prominence"], readable
    if shapes and candidate.faces:
        scores["crop_cut"] = _crop_cut(candidate, shapes)
    scores["content"] = content
    return Appeal(content, scores)


class Relevance:
    """How relevant pictures are to the genre of the settings."""

    def __init__(self, shots: Sequence[Shot], settings: Settings) -> None:
        priorities = priorities_of(settings.genre, settings.genres_file)
        most = max(priority.share for priority in priorities)
        self._share: dict[str, float] = {}
        for priority in priorities:
            for scene in priority.scene_types:
                share = priority.share / most if most > 0.0 else 0.0
                self._share[scene] = max(share, self._share.get(scene, 0.0))
        lengths: dict[int, float] = {}
        for shot in shots:
            seconds = shot.end_seconds - shot.start_seconds
            lengths[shot.scene] = lengths.get(shot.scene, 0.0) + seconds
        longest = max(lengths.values(), default=0.0)
        self._length = {
            shot.index: lengths[shot.scene] / longest for shot in shots if longest > 0.0
        }

    def of(self, classified: Classified, shot: int, visual: float) -> float:
        """Relevance of a picture, 0..1; see the module."""
        genre = max((self._share.get(scene, 0.0) for scene in classified.suits), default=0.0)
        felt = max(classified.emotional or 0.0, classified.dramatic or 0.0, classified.action)
        narrative = 0.5 * self._length.get(shot, 0.0) + 0.5 * felt
        character = classified.inputs.get("character", 0.0)
        return (
            _GENRE * genre
            + _NARRATIVE * narrative
            + _CHARACTER * character
            + _VISUAL * min(visual, 1.0)
        )


def _crop_cut(candidate: Candidate, shapes: Sequence[float]) -> float:
    """Share of the shapes into which the largest head does not fit whole."""
    faces = [face for face in candidate.faces or () if face.sure]
    if not faces:
        return 0.0
    left, top, right, bottom = max((face.box for face in faces), key=lambda box: box[3] - box[1])
    out = _HEAD_OUT * (right - left)
    wide = min(right + out, 1.0) - max(left - out, 0.0)
    high = bottom - top
    tall = min(bottom + _HEAD_DOWN * high, 1.0) - max(top - _HEAD_UP * high, 0.0)
    width, height = candidate.box_size
    shape = width / max(height, 1)
    cut = 0
    for wanted in shapes:
        cut += wide > wanted / shape if shape >= wanted else tall > shape / wanted
    return cut / len(shapes)
