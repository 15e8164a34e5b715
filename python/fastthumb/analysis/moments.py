"""Moments: the half second on both sides of a frame, and which of its frames shows it best.

The sharpest and stillest frame of a moment is its best one, told by the signals of every frame
of it. Where people are seen, those few that are best by signals are searched for faces, and open
eyes, clear faces and a closed or smiling mouth count as well. A frame is replaced only by one
that is clearly better: what the next half second shows may be as good, but it is not what was
chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.detections import Face, overlap
from fastthumb.analysis.expressions import EXPRESSIONS, ExpressionReader, losses_of
from fastthumb.analysis.face_worth import face_worth
from fastthumb.analysis.neighbors import COLUMN, FloatArray, context_of, is_empty
from fastthumb.analysis.rules import default_rules
from fastthumb.analysis.signals import Measured
from fastthumb.analysis.tracks import Track, eyes_open

REACH_SECONDS = 0.5
INSTANTS = 12  # of a moment, each held as its sharpest frame while the moment is decoded
_FRAME_BYTES = 64 << 20  # decoded frames held at most for a moment; two at least
FACE_LOOKS = 4  # frames of a moment that are searched for faces
_LOOKS_APART_SECONDS = 0.2  # a blink lasts for three to ten frames
_CLEARLY = 1.03  # times the worth of a frame that another one must have to take its place
_STILLNESS = 0.5  # of the worth of a frame is lost to motion
_BESIDE_CUT = 0.85  # what a frame that touches a cut is worth: it may hold parts of both shots
_FACES_LOST = 0.3  # what one without a face is worth in a moment that shows faces
_SAME_PLACE = 0.2  # of two boxes overlaps where they are of one face, half a second apart
_MID_WORD = 0.1  # of its worth is lost to a mouth in the middle of a word


@dataclass(frozen=True, slots=True)
class Rated:
    """A frame of a moment: what it is worth among the others, and what its neighbors tell."""

    index: int
    seconds: float
    worth: float
    context: dict[str, float]


class Instants:
    """The frames of a moment that may be its best, held while it is decoded.

    The moment is cut into as many instants as memory allows, INSTANTS at most, and of each its
    sharpest frame is held; so is frame `kept`. Damaged frames are not, unless it is that one.
    """

    def __init__(self, first_seconds: float, last_seconds: float, frame_bytes: int, kept: int):
        count = min(max(_FRAME_BYTES // max(frame_bytes, 1), 2), INSTANTS)
        self._start = first_seconds
        self._length = max(last_seconds - first_seconds, 1e-3) / count
        self._kept = kept
        self._held: dict[int, Measured] = {}
        self._kept_frame: Measured | None = None

    def push(self, measured: Measured) -> None:
        """Take note of the next frame of the moment."""
        frame = measured.frame
        if frame.index == self._kept:
            self._kept_frame = measured
        elif not frame.damaged:
            place = int((frame.seconds - self._start) / self._length)
            held = self._held.get(place)
            sharpness = measured.signals.laplacian_variance
            if held is None or sharpness > held.signals.laplacian_variance:
                self._held[place] = measured

    @property
    def frames(self) -> dict[int, Measured]:
        """The frames that are held, by their index."""
        held = [*self._held.values(), *([self._kept_frame] if self._kept_frame else [])]
        return {one.frame.index: one for one in held}


def frames_around(
    pts: npt.NDArray[np.int64], frame: int, reach: int, within: tuple[int, int]
) -> tuple[int, int]:
    """The first and last frame of the moment around a frame, both inclusive.

    `pts` are the timestamps of the film's frames, ascending; `reach` is half the moment's length
    in the same units. `within` are the first and last frame of its shot that lie outside
    transitions: the moment ends there.
    """
    low = int(np.searchsorted(pts, pts[frame] - reach, side="left"))
    high = int(np.searchsorted(pts, pts[frame] + reach, side="right")) - 1
    return max(low, within[0]), min(high, within[1])


def rate(rows: FloatArray, indexes: Sequence[int], edges: tuple[int, int]) -> list[Rated]:
    """Rate the frames `indexes` of a moment by their signals, best first.

    `rows` is float32 (frames, COLUMNS), frames of one shot in order of time with every frame of
    the moment; `edges` are the first and last frame of the shot. Empty frames are left out.
    """
    rated = []
    sharpest = float(rows[:, COLUMN["laplacian_variance"]].max(initial=1e-6))
    for index in indexes:
        at = int(np.searchsorted(rows[:, COLUMN["index"]], index))
        if is_empty(rows[at]):
            continue
        context = context_of(rows, at)
        worth = float(rows[at, COLUMN["laplacian_variance"]]) / sharpest
        worth *= 1.0 - _STILLNESS * (1.0 - context["stillness"])
        worth *= 0.1 + 0.9 * context["settled"]
        worth *= _BESIDE_CUT if index in edges else 1.0
        rated.append(Rated(index, float(rows[at, COLUMN["seconds"]]), worth, context))
    return sorted(rated, key=lambda one: (-one.worth, one.index))


def worth_a_look(rated: Sequence[Rated], current: int) -> list[Rated]:
    """The frames to search for faces: `current`, and the best that lie apart in time.

    `rated` are best first; FACE_LOOKS frames at most.
    """
    chosen = [one for one in rated if one.index == current]
    for one in rated:
        apart = all(abs(one.seconds - other.seconds) >= _LOOKS_APART_SECONDS for other in chosen)
        if apart and len(chosen) < FACE_LOOKS:
            chosen.append(one)
    return chosen


def best_of(
    rated: Sequence[Rated], current: int, faces: Mapping[int, Sequence[Face]] | None = None
) -> Rated | None:
    """The frame that shows a moment best; `current` unless another one is clearly better.

    `faces`, by index, are those of the frames that were searched, in a moment that shows people:
    only these are compared then. None where `rated` is empty.
    """
    worth = {one.index: one.worth for one in rated}
    if faces is not None:
        rated = [one for one in rated if one.index in faces]
        worth = {one.index: one.worth * _people_worth(faces[one.index]) for one in rated}
    if not rated:
        return None
    best = max(rated, key=lambda one: (worth[one.index], -one.index))
    old = next((one for one in rated if one.index == current), None)
    if old is not None and worth[best.index] < _CLEARLY * worth[current]:
        return old
    return best


def known_again(
    faces: Sequence[Face], before: Sequence[Face], tracks: Mapping[int, Track]
) -> tuple[Face, ...]:
    """The faces of a frame, with the tracks of those that lie where faces did a moment before.

    Each face of `before` is found again once at most, where their boxes overlap most; how open
    its eyes are is then told by those of its person.
    """
    overlaps = sorted(
        (
            (overlap(face.box, other.box), -here, -there)
            for here, face in enumerate(faces)
            for there, other in enumerate(before)
            if other.track >= 0
        ),
        reverse=True,
    )
    found: dict[int, int] = {}
    for shared, here, there in overlaps:
        if shared >= _SAME_PLACE and -here not in found and -there not in found.values():
            found[-here] = -there
    known = list(faces)
    for here, there in found.items():
        face, track = faces[here], before[there].track
        opened = face.eyes_open
        if face.eyes is not None:
            opened = eyes_open(face.eyes, tracks[track].open_eyes if track in tracks else None)
        known[here] = replace(face, track=track, eyes_open=opened)
    return tuple(known)


def _people_worth(faces: Sequence[Face]) -> float:
    sure = [_with_eyes(face) for face in faces if face.sure]
    if not sure:
        return _FACES_LOST
    reader = ExpressionReader(default_rules().expression, EXPRESSIONS)
    sure.sort(key=lambda face: face.box[1] - face.box[3])
    mid_word = losses_of([reader.read(face) for face in sure], talking=True).mid_word
    return face_worth(sure) * (1.0 - _MID_WORD * (mid_word or 0.0))


def _with_eyes(face: Face) -> Face:
    """A face of nobody known, its eyes judged by their shape alone."""
    if face.eyes is None or face.eyes_open is not None:
        return face
    return replace(face, eyes_open=eyes_open(face.eyes, None))
