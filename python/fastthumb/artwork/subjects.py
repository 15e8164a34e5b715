"""Who a picture is about: faces and heads, how much each counts, and where the eye goes.

Note [head]. Face detectors box what lies between brow and chin. A head is that box grown by 0.42
of its height upward (forehead and hair), by 0.22 of its width to both sides (ears, hair) and by
0.12 of its height downward (chin, beard), cut at the edges of the picture.

Note [head without a face]. Who turns away has a head, too. It lies at the top of the person's box
and takes the more of its height the less of the body the box shows: 0.15 of a standing body, 0.4
of a bust. Across the box it lies where a pose says so, else around the middle. What may be a face
in the upper half of the box is taken for the head. A body that the frame's upper edge cuts has no
head to be kept, and people far behind the largest one are background. Such heads are not cut
through where that can be avoided; they draw no eye.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.reframing import clipped

if TYPE_CHECKING:
    from fastthumb.analysis.candidates import Candidate
    from fastthumb.analysis.detections import Face, Rect

_UP, _OUT, _DOWN = 0.42, 0.22, 0.12
# A face counts by its area; less where it is blurred, turned away or cut off.
_BLURRED, _TURNED, _CUT_OFF = 0.6, 0.3, 0.5
_UNSEEN = 0.25  # what a head without a face counts by its area
_LEAST = 0.02  # who counts for less than this share of the first is background
_BODIES = ("person", "animal", "vehicle")
_SURE_PERSON = 0.5  # score of a person's box whose head is worth keeping
_SMALL_BODY = 0.2  # of the largest one's area
_AT_THE_TOP = 0.015  # a body that begins higher than this has its head outside
_LYING = 0.8  # height over width of a box below which its head is not at the top
_BODY_SHAPES, _HEAD_SHARES = (0.8, 1.5, 2.5, 3.5), (0.40, 0.32, 0.20, 0.15)
_HEAD_JOINTS, _CLEAR_JOINT = 5, 0.3  # nose, eyes, ears: the first of the 17 COCO joints


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody that a picture is about; all places in shares of the picture, 0..1.

    `weight` is its share of what all subjects of the picture count, `eyes` the middle between
    the eyes, `looking` -1 (to the left) .. 1 (to the right) in the picture, 0 into the camera.
    `seen` is False for a head whose face is not seen: `face` is then the head.
    """

    face: Rect
    head: Rect
    eyes: tuple[float, float]
    looking: float
    weight: float
    seen: bool = True


@dataclass(frozen=True, slots=True)
class View:
    """What a cut of a picture should respect; all places in shares of the picture, 0..1.

    `subjects` are its people, faces first, most prominent first; `doubtful` are boxes of what may
    be a face; `bodies` are those of people, animals and vehicles; `saliency` is any (rows,
    columns) map stretched over the picture, None or all zero where nothing stands out;
    `lettering` are boxes of text.
    """

    focal_point: tuple[float, float]
    saliency: npt.NDArray[np.uint8] | None = None
    subjects: tuple[Subject, ...] = ()
    doubtful: tuple[Rect, ...] = ()
    bodies: tuple[Rect, ...] = ()
    lettering: tuple[Rect, ...] = ()


def view_of(candidate: Candidate) -> View:
    """What a cut of this candidate's picture should respect."""
    contents = candidate.contents
    bodies = [one.box for one in contents.objects or () if one.group in _BODIES]
    doubtful = [face.box for face in candidate.faces or () if not face.sure]
    return View(
        focal_point=focal_point(candidate),
        saliency=candidate.still.saliency,
        subjects=subjects_of(candidate),
        doubtful=tuple(clipped(box) for box in doubtful if _visible(box)),
        bodies=tuple(clipped(box) for box in bodies if _visible(box)),
        lettering=tuple(clipped(box) for box in contents.lettering or () if _visible(box)),
    )


def subjects_of(candidate: Candidate) -> tuple[Subject, ...]:
    """The people of a candidate that count, faces first, the most prominent of them first.

    Empty where nobody is or nobody looked.
    """
    faces = [face for face in candidate.faces or () if face.sure and _visible(face.box)]
    seen = [_subject(face, _worth(face)) for face in faces]
    turned = [_turned_away(head) for head in _heads_without_faces(candidate)]
    seen.sort(key=lambda one: -one.weight)
    turned.sort(key=lambda one: -one.weight)
    first = max((one.weight for one in [*seen, *turned]), default=0.0)
    counted = [one for one in [*seen, *turned] if one.weight >= _LEAST * first]
    total = sum(one.weight for one in counted)
    return tuple(replace(one, weight=one.weight / total) for one in counted)


def focal_point(candidate: Candidate) -> tuple[float, float]:
    """Where the eye goes, x and y in shares of the picture without bars.

    Between the eyes of the most prominent face; where there is none, where saliency peaks.
    """
    seen = [one for one in subjects_of(candidate) if one.seen]
    return seen[0].eyes if seen else candidate.still.focal_point


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
        face=clipped(face.box),
        head=head_box(face.box),
        eyes=(_share(eyes[0]), _share(eyes[1])),
        looking=_looking(face.turn, eyes[0], nose_x),
        weight=weight,
    )


def _turned_away(head: Rect) -> Subject:
    return Subject(head, head, _middle(head), 0.0, _UNSEEN * _area(head), seen=False)


def _heads_without_faces(candidate: Candidate) -> Iterator[Rect]:
    """Where the heads of people are whose faces were not found; see Note [head without a face]."""
    faces = [face for face in candidate.faces or () if _visible(face.box)]
    width, height = candidate.box_size
    people = [one for one in candidate.contents.objects or () if one.group == "person"]
    bodies = [clipped(one.box) for one in people if one.score >= _SURE_PERSON]
    largest = max(map(_area, bodies), default=0.0)
    for body in bodies:
        if not _visible(body) or _area(body) < _SMALL_BODY * largest:
            continue
        left, top, right, bottom = body
        tall, wide = (bottom - top) * height, (right - left) * width
        inside = [face for face in faces if _holds(body, _middle(face.box))]
        if any(face.sure for face in inside) or tall < _LYING * wide or top < _AT_THE_TOP:
            continue
        doubtful = next((f.box for f in inside if _middle(f.box)[1] < (top + bottom) / 2), None)
        if doubtful is not None:
            yield head_box(doubtful)
            continue
        size = tall * float(np.interp(tall / wide, _BODY_SHAPES, _HEAD_SHARES))
        middle, reach = (left + right) / 2, max(0.8 * size, 0.5 * wide) / width
        joint = _head_joint(candidate, body)
        if joint is not None:
            middle, reach = joint, 0.9 * size / width
        start = min(max(middle - reach / 2, 0.0), 1.0)
        yield start, top, min(start + reach, 1.0), min(top + size / height, 1.0)


def _head_joint(candidate: Candidate, body: Rect) -> float | None:
    """Where a pose in this box has its head, across the picture; None where no pose tells."""
    for pose in candidate.contents.poses or ():
        joints = pose.reshape(-1, 3)[:_HEAD_JOINTS]
        clear = joints[joints[:, 2] >= _CLEAR_JOINT]
        if len(clear) and _holds(body, (float(clear[:, 0].mean()), float(clear[:, 1].mean()))):
            return float(clear[:, 0].mean())
    return None


def _area(box: Rect) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _middle(box: Rect) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _holds(box: Rect, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _looking(turn: float, eyes_x: float, nose_x: float) -> float:
    """Which way a face looks: as far as it is turned, to the side that its nose points to."""
    return 0.0 if nose_x == eyes_x else math.copysign(_share(turn), nose_x - eyes_x)


def _worth(face: Face) -> float:
    clear = 1.0 - _BLURRED * (1.0 - min(max(face.sharpness, 0.0), 1.0))
    clear *= 1.0 - _TURNED * min(max(face.turn, 0.0), 1.0)
    clear *= _CUT_OFF if face.cut_off else 1.0
    return _area(clipped(face.box)) * clear * max(face.score, 0.1)


def _visible(box: Rect) -> bool:
    left, top, right, bottom = clipped(box)
    return right > left and bottom > top


def _share(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)
