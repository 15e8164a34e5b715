"""Expression: what can be read in the faces of a picture, and what spoils it.

A face is readable where its eyes are open, it looks this way, it is sharp, whole and large
enough. What spoils a picture is judged over its main faces only: nobody minds the closed eyes
of somebody in the back. Closed eyes are told against the open eyes of the same person where the
film shows them, else by their shape alone; a laugh narrows the eyes, and in profile their shape
says little, so both count for less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastthumb.analysis.rules import rises
from fastthumb.inference.face_readers import EXPRESSIONS as EXPRESSIONS

if TYPE_CHECKING:
    from fastthumb.analysis.detections import Face
    from fastthumb.analysis.people import Person
    from fastthumb.analysis.rules import ExpressionRules

"""The classes that rules speak of; other spellings of a model's labels are brought to these."""

_SPELLINGS = {
    "anger": "angry",
    "contempt": "disgusted",
    "disgust": "disgusted",
    "fear": "fearful",
    "happiness": "happy",
    "happy": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprise": "surprised",
}


@dataclass(slots=True)
class Reading:
    """What one face tells; shares 0..1, None where nothing measured it.

    `shown` is the most likely expression, `strength` and `tension` what its expression counts
    as emotion and as tension.
    """

    height: float
    eyes_closed: float | None
    turned: float
    blurred: float
    cut: float
    readable: float
    shown: str | None
    shown_share: float
    strength: float | None
    tension: float | None
    mouth: float | None


class ExpressionReader:
    """Reads faces by rules, for one order of the expression network's labels."""

    def __init__(self, rules: ExpressionRules, labels: Sequence[str]) -> None:
        self._rules = rules
        self.labels = tuple(_SPELLINGS.get(label.lower(), label.lower()) for label in labels)
        self._strength = [rules.strength.get(label, 0.0) for label in self.labels]
        self._tension = [rules.tension.get(label, 0.0) for label in self.labels]
        self.happy = self.labels.index("happy") if "happy" in self.labels else -1

    def read(self, face: Face) -> Reading:
        """Everything that one face tells."""
        rules = self._rules
        left, top, right, bottom = face.box
        height = bottom - top
        turned = rises(face.turn, rules.turned)
        blurred = 1.0 - rises(face.sharpness, rules.blurred)
        cut = rises(_beyond(left, top, right, bottom), rules.cut)
        if face.cut_off:
            cut = max(cut, 0.5)
        shown, share, strength, tension, happy = None, 0.0, None, None, 0.0
        if face.expression is not None and len(face.expression) == len(self.labels):
            shares: list[float] = face.expression.tolist()
            share = max(shares)
            shown = self.labels[shares.index(share)]
            strength = _weighed(shares, self._strength)
            tension = _weighed(shares, self._tension)
            happy = shares[self.happy] if self.happy >= 0 else 0.0
        closed = self._closed(face)
        if closed is not None:
            closed *= (1.0 - 0.5 * happy) * (1.0 - 0.7 * turned) * rises(height, rules.small)
        mouth = None
        if face.mouth is not None:
            mouth = rises(face.mouth, rules.mouth) * (1.0 - happy)
        readable = rises(height, rules.small) * (1.0 - 0.8 * (closed or 0.0))
        readable *= (1.0 - 0.8 * turned) * (1.0 - 0.8 * blurred) * (1.0 - cut)
        return Reading(
            height, closed, turned, blurred, cut, readable, shown, share, strength, tension, mouth
        )

    def _closed(self, face: Face) -> float | None:
        if face.eyes_open is not None:
            return 1.0 - rises(face.eyes_open, self._rules.eyes)
        if face.eyes is not None:
            return 1.0 - rises(face.eyes, self._rules.eyes_alone)
        return None


@dataclass(slots=True)
class FaceLosses:
    """What spoils the main faces of a picture, 0..1; None where nothing measured it."""

    eyes_closed: float | None
    turned_away: float
    face_blur: float
    face_cut: float
    mid_word: float | None


def main_faces(people: Sequence[Person], rules: ExpressionRules) -> list[Face]:
    """The faces that carry a picture, largest first."""
    faces = [person.face for person in people if person.face is not None]
    if len(faces) < 2:
        return faces
    faces.sort(key=lambda face: face.box[1] - face.box[3])
    least = rules.main * (faces[0].box[3] - faces[0].box[1])
    return [face for face in faces if face.box[3] - face.box[1] >= least]


def losses_of(readings: Sequence[Reading], *, talking: bool) -> FaceLosses:
    """What spoils a picture with these main faces, largest first; there is at least one.

    One pair of closed eyes or one cut face spoils it. People who turn away do only where
    nobody looks this way: two in profile look at each other. An open mouth counts in the
    middle of a spoken line.
    """
    largest = max(readings[0].height, 1e-6)
    closed = [r.eyes_closed * r.height / largest for r in readings if r.eyes_closed is not None]
    mouths = [r.mouth * r.height / largest for r in readings if r.mouth is not None]
    turned = min(r.turned for r in readings)
    return FaceLosses(
        eyes_closed=max(closed, default=None),
        turned_away=turned if len(readings) == 1 else 0.5 * turned,
        face_blur=readings[0].blurred,
        face_cut=max(r.cut * r.height / largest for r in readings),
        mid_word=(max(mouths) if talking else 0.0) if mouths else None,
    )


def _beyond(left: float, top: float, right: float, bottom: float) -> float:
    """Share of a box that lies beyond the edges of the picture."""
    area = (right - left) * (bottom - top)
    if area <= 0.0:
        return 0.0
    width = min(right, 1.0) - max(left, 0.0)
    height = min(bottom, 1.0) - max(top, 0.0)
    inside = width * height if width > 0.0 and height > 0.0 else 0.0
    return 1.0 - inside / area


def _weighed(shares: Sequence[float], weights: Sequence[float]) -> float:
    return sum(share * weight for share, weight in zip(shares, weights, strict=True))
