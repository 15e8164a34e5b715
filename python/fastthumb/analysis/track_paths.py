"""Paths: faces of successive samples joined into people, by place, size and looks.

Note [clear looks]. A blurred, turned, small or cut-off face has an embedding, too, but one that
likens strangers and estranges one person from itself. Each look therefore weighs 0..1
(`look_weight`), and so does what it says, here and in identities.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.assignment import Matrix, assign
from fastthumb.analysis.detections import Face, Rect, Sighting
from fastthumb.analysis.ramps import ramp

# What a match is worth: place (1 the same, -0.8 far off) and looks (-1.5 .. 1), and how much the
# looks count. Cosines of one person within a shot are mostly above .5; those of strangers reach .4.
_LOOKS_COUNT = 1.2
_SAME_LOOKS, _LOOKS_SPAN = 0.36, 0.2
_FAR, _UNSURE = -0.8, 0.35
_WORTHWHILE = 0.05
_REACH, _REACH_PER_SECOND = 1.0, 2.0  # faces' own sizes that a head may move
_FORGOTTEN_SECONDS = 2.0  # after which a place says half as much
_LOST_SECONDS = 6.0  # after which it says nothing: only looks can bring somebody back
_INERTIA = 0.5  # of the last motion that is expected to go on: heads turn back more than they glide
_MOTION_SECONDS = 1.2  # between two samples that tell a motion

# From where to where a look gains weight. Measured on labelled photographs made worse: of faces
# blurred to sharpness .2, strangers are up to .55 alike, and below any are; of faces of 25 pixels
# up to .47, of 40 and more .44 as of large ones. The loss of turned faces is a guess.
_SHARP, _PIXELS = (0.2, 0.45), (20.0, 40.0)
_TURNED, _TURNED_LOSS = (0.3, 0.8), 0.85
_CUT_OFF = 0.4
_CLEAREST = 3  # looks that tell how clearly a person was seen
_CLEAR = 0.3  # weight of a look by which somebody can be known again in the shot
_COHERENT = (0.2, 0.4)  # mean cosine among the looks of a track: two people .. one person


class Path:
    """A person as far as followed: the samples it was seen in, and what it looks like.

    `faces` are pairs of the face's position in its sighting and the face; `mean` is the mean of
    the looks by their weights, unit length, None without any, `best` the highest weight.
    """

    __slots__ = ("_sum", "best", "faces", "mean", "place", "samples", "seconds", "weights")

    def __init__(self) -> None:
        self.samples: list[int] = []
        self.seconds: list[float] = []
        self.faces: list[tuple[int, Face]] = []
        self.weights: list[float] = []
        self.best = 0.0
        self.mean: npt.NDArray[np.float64] | None = None
        # Center and size of the last face, and its motion in x and y per second.
        self.place = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        self._sum: npt.NDArray[np.float64] | None = None

    def append(self, sample: int, seconds: float, position: int, face: Face) -> None:
        """Go on with a face."""
        x, y, width, height = _center(face.box)
        motion = (0.0, 0.0)
        if self.seconds and 0.0 < seconds - self.seconds[-1] <= _MOTION_SECONDS:
            gap = seconds - self.seconds[-1]
            motion = ((x - self.place[0]) / gap, (y - self.place[1]) / gap)
        self.place = (x, y, width, height, *motion)
        self.samples.append(sample)
        self.seconds.append(seconds)
        self.faces.append((position, face))
        weight = look_weight(face)
        self.weights.append(weight)
        self.best = max(self.best, weight)
        if face.embedding is not None:
            # An unclear look is better than none, and nothing beside a clear one.
            added = max(weight, 1e-3) * face.embedding.astype(np.float64)
            self._sum = added if self._sum is None else self._sum + added
            length = float(np.linalg.norm(self._sum))
            self.mean = self._sum / length if length > 0.0 else None

    @property
    def clarity(self) -> float:
        """Mean weight of the clearest looks, less where the looks contradict each other.

        Looks in profile or out of focus err alike: many of them are no better than one.
        """
        best = sorted(self.weights)[-_CLEAREST:]
        clear = sum(best) / len(best)
        total = sum(self.weights)
        if self._sum is None or total <= 0.0:
            return 0.0
        # The mean of n unit vectors with cosine c to each other has length^2 (1 + (n - 1) c) / n.
        effective = total * total / sum(weight * weight for weight in self.weights)
        if effective < 1.2:
            return clear
        length = min(float(np.linalg.norm(self._sum)) / total, 1.0)
        cosine = (length * length * effective - 1.0) / (effective - 1.0)
        return clear * ramp(cosine, *_COHERENT)


def look_weight(face: Face) -> float:
    """0..1: how much a face's embedding says; 0 without one. See Note [clear looks]."""
    if face.embedding is None:
        return 0.0
    weight = ramp(face.sharpness, *_SHARP) * (1.0 - _TURNED_LOSS * ramp(face.turn, *_TURNED))
    if face.pixels is not None:
        weight *= ramp(face.pixels, *_PIXELS)
    return weight * (_CUT_OFF if face.cut_off else 1.0)


def extend(paths: list[Path], sample: int, sighting: Sighting) -> None:
    """Give every face of a frame to the path that it continues, or to a new one."""
    faces, now = sighting.faces, sighting.seconds
    active = [
        number
        for number, path in enumerate(paths)
        if now - path.seconds[-1] <= _LOST_SECONDS or path.best >= _CLEAR
    ]
    scores = _matches([paths[number] for number in active], faces, now)
    taken = {face: active[row] for row, face in assign(scores - _WORTHWHILE)}
    for position, face in enumerate(faces):
        if position not in taken:
            taken[position] = len(paths)
            paths.append(Path())
        paths[taken[position]].append(sample, now, position, face)


def _matches(paths: Sequence[Path], faces: Sequence[Face], now: float) -> Matrix:
    """How much speaks for a face being a path's next, (paths, faces); see the constants above."""
    if not paths or not faces:
        return np.zeros((len(paths), len(faces)))
    gap = np.maximum(now - np.array([path.seconds[-1] for path in paths]), 1e-3)[:, None]
    place = _places(np.array([path.place for path in paths]), faces, gap)
    place /= 1.0 + (gap / _FORGOTTEN_SECONDS) ** 2
    # What may be no face takes nobody's place, unless it lies just there.
    place -= np.array([0.0 if face.sure else _UNSURE for face in faces])
    size = next((len(face.embedding) for face in faces if face.embedding is not None), 0)
    if size == 0:
        return place
    nothing = np.zeros(size, dtype=np.float64)
    means = np.stack([nothing if path.mean is None else path.mean for path in paths])
    looks: Matrix = np.zeros((len(faces), size))
    for row, face in enumerate(faces):
        if face.embedding is not None:
            looks[row] = face.embedding
    best = np.array([path.best for path in paths])
    trust = np.sqrt(best[:, None] * np.array([look_weight(face) for face in faces]))
    alike = np.clip((means @ looks.T - _SAME_LOOKS) / _LOOKS_SPAN, -1.5, 1.0)
    worth: Matrix = place + _LOOKS_COUNT * trust * alike
    return worth


def _places(last: Matrix, faces: Sequence[Face], gap: Matrix) -> Matrix:
    """1 where a face lies just where a path is expected, down to _FAR; by faces' own sizes."""
    new = np.array([_center(face.box) for face in faces])
    ahead = _INERTIA * np.minimum(gap, _MOTION_SECONDS)
    x, y = last[:, 0:1] + ahead * last[:, 4:5], last[:, 1:2] + ahead * last[:, 5:6]
    across = np.abs(new[:, 0] - x) / np.maximum((last[:, 2:3] + new[:, 2]) / 2, 1e-6)
    down = np.abs(new[:, 1] - y) / np.maximum((last[:, 3:4] + new[:, 3]) / 2, 1e-6)
    reach = _REACH + _REACH_PER_SECOND * np.minimum(gap, 1.0)
    growth = np.abs(np.log2(np.maximum(new[:, 3], 1e-6) / np.maximum(last[:, 3:4], 1e-6)))
    place: Matrix = np.maximum(1.0 - np.hypot(across, down) / reach - 0.7 * growth, _FAR)
    return place


def _center(box: Rect) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    return (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
