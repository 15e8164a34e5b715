"""Who a picture is about: its faces with their heads, how much each counts, where the eye goes.

Note [head]. Face detectors box what lies between brow and chin. A head is that box grown by 0.42
of its height upward (forehead and hair), by 0.22 of its width to both sides (ears, hair) and by
0.12 of its height downward (chin, beard), cut at the edges of the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from fastthumb.analysis.candidates import Candidate
    from fastthumb.analysis.detections import Face, Rect

_UP, _OUT, _DOWN = 0.42, 0.22, 0.12
# A face counts by its area; less where it is blurred, turned away, cut off, or only perhaps one.
_BLURRED, _TURNED, _CUT_OFF = 0.6, 0.3, 0.5
_LEAST = 0.02  # faces that count for less than this share of the first are background


@dataclass(frozen=True, slots=True)
class Subject:
    """A face that a picture is about; all places in shares of the picture, 0..1.

    `weight` is its share of what all faces of the picture count, `eyes` the middle between the
    eyes, `looking` -1 (to the left) .. 1 (to the right) in the picture, 0 into the camera.
    """

    face: Rect
    head: Rect
    eyes: tuple[float, float]
    looking: float
    weight: float


@dataclass(frozen=True, slots=True)
class View:
    """What a cut of a picture should respect; all places in shares of the picture, 0..1.

    `subjects` are its faces, most prominent first; `bodies` the people in it, with a face or
    without; `saliency` is any (rows, columns) map stretched over the picture, None or all zero
    where nothing stands out; `lettering` are boxes of text.
    """

    focal_point: tuple[float, float]
    saliency: npt.NDArray[np.uint8] | None = None
    subjects: tuple[Subject, ...] = ()
    bodies: tuple[Rect, ...] = ()
    lettering: tuple[Rect, ...] = ()


def view_of(candidate: Candidate) -> View:
    """What a cut of this candidate's picture should respect."""
    contents = candidate.contents
    people = [one.box for one in contents.objects or () if one.group == "person"]
    return View(
        focal_point=focal_point(candidate),
        saliency=candidate.still.saliency,
        subjects=subjects_of(candidate),
        bodies=tuple(_clipped(box) for box in people if _visible(box)),
        lettering=tuple(_clipped(box) for box in contents.lettering or () if _visible(box)),
    )


def subjects_of(candidate: Candidate) -> tuple[Subject, ...]:
    """The faces of a candidate that count, most prominent first; empty where nobody looked."""
    faces = [face for face in candidate.faces or () if _visible(face.box)]
    worth = {id(face): _worth(face) for face in faces}
    faces.sort(key=lambda face: -worth[id(face)])
    faces = [face for face in faces if worth[id(face)] >= _LEAST * worth[id(faces[0])]]
    total = sum(worth[id(face)] for face in faces)
    return tuple(_subject(face, worth[id(face)] / total) for face in faces)


def focal_point(candidate: Candidate) -> tuple[float, float]:
    """Where the eye goes, x and y in shares of the picture without bars.

    Between the eyes of the most prominent face; where there is none, where saliency peaks.
    """
    subjects = subjects_of(candidate)
    return subjects[0].eyes if subjects else candidate.still.focal_point


def head_box(face: Rect) -> Rect:
    """The head around a face box, cut at the edges of the picture; see Note [head]."""
    left, top, right, bottom = face
    width, height = right - left, bottom - top
    return (
        _share(left - _OUT * width),
        _share(top - _UP * height),
        _share(right + _OUT * width),
        _share(bottom + _DOWN * height),
    )


def _subject(face: Face, weight: float) -> Subject:
    left_x, left_y, right_x, right_y, nose_x = face.landmarks[:5]
    eyes = ((left_x + right_x) / 2, (left_y + right_y) / 2)
    return Subject(
        face=_clipped(face.box),
        head=head_box(face.box),
        eyes=(_share(eyes[0]), _share(eyes[1])),
        looking=_looking(face.turn, eyes[0], nose_x),
        weight=weight,
    )


def _looking(turn: float, eyes_x: float, nose_x: float) -> float:
    """Which way a face looks: as far as it is turned, to the side that its nose points to."""
    return 0.0 if nose_x == eyes_x else math.copysign(_share(turn), nose_x - eyes_x)


def _worth(face: Face) -> float:
    left, top, right, bottom = _clipped(face.box)
    clear = 1.0 - _BLURRED * (1.0 - min(max(face.sharpness, 0.0), 1.0))
    clear *= 1.0 - _TURNED * min(max(face.turn, 0.0), 1.0)
    clear *= _CUT_OFF if face.cut_off else 1.0
    return (right - left) * (bottom - top) * clear * max(face.score, 0.1)


def _visible(box: Rect) -> bool:
    left, top, right, bottom = _clipped(box)
    return right > left and bottom > top


def _clipped(box: Rect) -> Rect:
    left, top, right, bottom = box
    return _share(left), _share(top), _share(right), _share(bottom)


def _share(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)
