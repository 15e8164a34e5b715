"""Tracks: one person through the sampled frames of one shot.

Faces of neighboring samples, about half a second apart, belong to one person where place, size
and looks say so together; the best assignment of all faces of a frame is taken at once. Whoever
leaves and comes back in the same shot is known again by looks.

Note [clear looks]. A blurred, turned or cut-off face has an embedding, too, but one that likens
strangers and estranges one person from itself. Each look therefore weighs 0..1 (`look_weight`),
and so does what it says, here and in identities.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.assignment import assign
from fastthumb.analysis.detections import Face, FloatArray, Rect, Sighting

# What a match is worth: place (1 the same, -0.8 far off) and looks (-1.5 .. 1), and how much the
# looks count. Cosines of one person within a shot are mostly above .5; those of strangers reach .4.
_LOOKS_COUNT = 1.2
_SAME_LOOKS, _LOOKS_SPAN = 0.36, 0.2
_FAR = -0.8
_WORTHWHILE = 0.05
_REACH, _REACH_PER_SECOND = 1.0, 2.0  # faces' own sizes that a head may move
_FORGOTTEN_SECONDS = 2.0  # after which a place says half as much
_INERTIA = 0.5  # of the last motion that is expected to go on: heads turn back more than they glide

_MISSED = 1  # samples in a row that a face may be missed while its person stays in place
_CERTAIN = 0.8  # score of a face that is believed even if it is seen once
# From where to where a look gains weight. Measured on labelled photographs made worse: of faces
# blurred to sharpness .2, strangers are up to .55 alike, and below any are; of faces of 25 pixels
# up to .47, of 40 and more .44 as of large ones. The loss of turned faces is a guess.
_SHARP, _PIXELS = (0.2, 0.45), (20.0, 40.0)
_TURNED, _TURNED_LOSS = (0.3, 0.8), 0.85
_CUT_OFF = 0.4
_CLEAREST = 3  # looks that tell how clearly a person was seen
_COHERENT = (0.2, 0.4)  # mean cosine among the looks of a track: two people .. one person
_PORTRAITS = 3
_PORTRAITS_APART_SECONDS = 1.0

# Eye aspect ratios (models of the face mesh; Soukupova and Cech 2016): personal, so a person's
# own open eyes are the measure; below these bounds nobody's are open.
_OPEN_QUANTILE = 0.8
_LEAST_OPEN, _USUAL_OPEN = 0.2, 0.26
_SHUT_RATIO, _OPEN_RATIO = 0.5, 0.9


@dataclass(frozen=True, slots=True)
class Portrait:
    """One good look at a person: the frame, the face's box in it (shares), and its worth 0..1."""

    frame_index: int
    pts: int
    seconds: float
    box: Rect
    worth: float


@dataclass(frozen=True, slots=True)
class Track:
    """One person through one shot.

    `screen_seconds` is for how long the face is seen, `samples` in how many sampled frames,
    `size` its median height as a share of the picture's. `embedding` is the mean of its clear
    looks, unit length, None without an identity network; `clarity` 0..1 is how far it can be
    trusted (see Note [clear looks]); `open_eyes` the eye aspect ratio of this person's open eyes;
    `together` the indexes of tracks seen in the same frame, ascending, and `together_seconds`
    for how long each.
    """

    index: int
    shot: int
    first_seconds: float
    last_seconds: float
    screen_seconds: float
    samples: int
    size: float
    score: float
    embedding: FloatArray | None
    clarity: float
    open_eyes: float | None
    together: tuple[int, ...]
    together_seconds: tuple[float, ...]
    portraits: tuple[Portrait, ...]


def follow(
    shot_index: int,
    start_seconds: float,
    end_seconds: float,
    sightings: Sequence[Sighting],
    first_index: int,
) -> tuple[list[Track], list[Sighting]]:
    """The people of one shot, and its sightings in order of time with the faces' tracks filled in.

    `sightings` are all sampled frames of the shot, those without a face, too: each stands for the
    time from halfway to the sample before to halfway to the next, within the shot. Tracks are
    numbered from `first_index` in order of appearance. What is seen only once and doubtful, or is
    never `sure`, gets no track (-1). `eyes_open` is filled in where eyes were measured.
    """
    frames = sorted(sightings, key=lambda sighting: (sighting.seconds, sighting.frame_index))
    if not any(sighting.faces for sighting in frames):
        return [], list(frames)
    paths: list[_Path] = []
    for sample, sighting in enumerate(frames):
        _extend(paths, sample, sighting)
    kept = [path for path in paths if not _doubtful(path, len(frames))]
    cells = _cells([sighting.seconds for sighting in frames], start_seconds, end_seconds)
    presence = _presence(kept, len(frames))
    shared = presence * cells @ presence.T  # seconds that two are seen in the same frames
    tracks = [
        _track(path, number, first_index, shot_index, frames, shared[number])
        for number, path in enumerate(kept)
    ]
    return tracks, _annotated(frames, kept, tracks)


def look_weight(face: Face) -> float:
    """0..1: how much a face's embedding says; 0 without one. See Note [clear looks]."""
    if face.embedding is None:
        return 0.0
    weight = _ramp(face.sharpness, *_SHARP) * (1.0 - _TURNED_LOSS * _ramp(face.turn, *_TURNED))
    if face.pixels is not None:
        weight *= _ramp(face.pixels, *_PIXELS)
    return weight * (_CUT_OFF if face.cut_off else 1.0)


def eyes_open(eyes: float, open_eyes: float | None) -> float:
    """0 shut .. 1 open, from an eye aspect ratio and that of the person's open eyes, if known."""
    reference = max(open_eyes, _LEAST_OPEN) if open_eyes is not None else _USUAL_OPEN
    return _ramp(eyes / reference, _SHUT_RATIO, _OPEN_RATIO)


class _Path:
    """A person as far as followed: the samples it was seen in, and what it looks like."""

    __slots__ = ("_sum", "faces", "samples", "seconds", "weights")

    def __init__(self) -> None:
        self.samples: list[int] = []
        self.seconds: list[float] = []
        self.faces: list[tuple[int, Face]] = []  # position in its sighting, face
        self.weights: list[float] = []
        self._sum: npt.NDArray[np.float64] | None = None

    def append(self, sample: int, seconds: float, position: int, face: Face) -> None:
        self.samples.append(sample)
        self.seconds.append(seconds)
        self.faces.append((position, face))
        weight = look_weight(face)
        self.weights.append(weight)
        if face.embedding is not None:
            # An unclear look is better than none, and nothing beside a clear one.
            added = max(weight, 1e-3) * face.embedding.astype(np.float64)
            self._sum = added if self._sum is None else self._sum + added

    @property
    def mean(self) -> npt.NDArray[np.float64] | None:
        """Mean of the looks by their weights, unit length."""
        if self._sum is None:
            return None
        length = float(np.linalg.norm(self._sum))
        return self._sum / length if length > 0.0 else None

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
        return clear * _ramp(cosine, *_COHERENT)


def _extend(paths: list[_Path], sample: int, sighting: Sighting) -> None:
    """Give every face of a frame to the path that it continues, or to a new one."""
    faces = sighting.faces
    scores = np.array(
        [[_match(path, face, sighting.seconds) for face in faces] for path in paths],
        dtype=np.float64,
    ).reshape(len(paths), len(faces))
    taken = {face: path for path, face in assign(scores - _WORTHWHILE)}
    for position, face in enumerate(faces):
        if position not in taken:
            taken[position] = len(paths)
            paths.append(_Path())
        paths[taken[position]].append(sample, sighting.seconds, position, face)


def _match(path: _Path, face: Face, seconds: float) -> float:
    """How much speaks for a face being this path's next; see the constants above."""
    gap = max(seconds - path.seconds[-1], 1e-3)
    place = _place(path, face, gap) / (1.0 + (gap / _FORGOTTEN_SECONDS) ** 2)
    mean = path.mean
    if mean is None or face.embedding is None:
        return place
    cosine = float(mean @ face.embedding)
    looks = min(max((cosine - _SAME_LOOKS) / _LOOKS_SPAN, -1.5), 1.0)
    trust = math.sqrt(max(path.weights) * look_weight(face))
    return place + _LOOKS_COUNT * trust * looks


def _place(path: _Path, face: Face, gap: float) -> float:
    """1 where a face lies just where the path is expected, down to _FAR; by faces' own sizes."""
    last = path.faces[-1][1]
    x, y, width, height = _center(last.box)
    if len(path.faces) > 1:
        before = path.seconds[-1] - path.seconds[-2]
        if 0.0 < before <= 1.2:
            earlier = _center(path.faces[-2][1].box)
            share = _INERTIA * min(gap, before) / before
            x, y = x + share * (x - earlier[0]), y + share * (y - earlier[1])
    new_x, new_y, new_width, new_height = _center(face.box)
    across = abs(new_x - x) / max((width + new_width) / 2, 1e-6)
    down = abs(new_y - y) / max((height + new_height) / 2, 1e-6)
    reach = _REACH + _REACH_PER_SECOND * min(gap, 1.0)
    growth = abs(math.log(max(new_height, 1e-6) / max(height, 1e-6))) / math.log(2.0)
    return max(1.0 - math.hypot(across, down) / reach - 0.7 * growth, _FAR)


def _center(box: Rect) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    return (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0


def _doubtful(path: _Path, frames: int) -> bool:
    """Never surely a face, or seen in one of several samples only and not with certainty."""
    if not any(face.sure for _, face in path.faces):
        return True
    return frames >= 3 and len(path.faces) == 1 and path.faces[0][1].score < _CERTAIN


def _cells(seconds: list[float], start: float, end: float) -> npt.NDArray[np.float64]:
    """Seconds for which each sample stands; their sum is the shot's length."""
    middles = [(a + b) / 2 for a, b in pairwise(seconds)]
    bounds = [min(start, seconds[0]), *middles, max(end, seconds[-1])]
    return np.diff(np.array(bounds, dtype=np.float64))


def _presence(paths: list[_Path], frames: int) -> npt.NDArray[np.float64]:
    """1 where a path is in a sample, float64 (paths, frames).

    Also where it is missed for one sample and found again in place.
    """
    presence = np.zeros((len(paths), frames))
    for number, path in enumerate(paths):
        presence[number, path.samples] = 1.0
        looks = list(zip(path.samples, path.faces, strict=True))
        for (before, (_, a)), (after, (_, b)) in pairwise(looks):
            if 1 < after - before <= 1 + _MISSED and _overlap(a.box, b.box):
                presence[number, before + 1 : after] = 1.0
    return presence


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _track(
    path: _Path,
    number: int,
    first_index: int,
    shot: int,
    frames: list[Sighting],
    shared: npt.NDArray[np.float64],
) -> Track:
    """A finished path as a track; `shared` are its seconds with every track of the shot."""
    others = [other for other in np.flatnonzero(shared > 0.0).tolist() if other != number]
    mean = path.mean
    faces = [face for _, face in path.faces]
    return Track(
        index=first_index + number,
        shot=shot,
        first_seconds=path.seconds[0],
        last_seconds=path.seconds[-1],
        screen_seconds=float(shared[number]),
        samples=len(faces),
        size=float(np.median([face.box[3] - face.box[1] for face in faces])),
        score=float(np.median([face.score for face in faces])),
        embedding=None if mean is None else mean.astype(np.float32),
        clarity=path.clarity,
        open_eyes=_open_eyes(faces),
        together=tuple(first_index + other for other in others),
        together_seconds=tuple(float(shared[other]) for other in others),
        portraits=_portraits(path, frames),
    )


def _open_eyes(faces: list[Face]) -> float | None:
    """Eye aspect ratio of open eyes, None where too few looks were measured to know it."""
    eyes = [face.eyes for face in faces if face.eyes is not None and face.turn < 0.6]
    return float(np.quantile(eyes, _OPEN_QUANTILE)) if len(eyes) >= 3 else None


def _portraits(path: _Path, frames: list[Sighting]) -> tuple[Portrait, ...]:
    """The best looks, best first, no two of one moment."""
    open_eyes = _open_eyes([face for _, face in path.faces])
    looks = [
        Portrait(
            frames[sample].frame_index,
            frames[sample].pts,
            frames[sample].seconds,
            face.box,
            _portrait_worth(face, open_eyes),
        )
        for sample, (_, face) in zip(path.samples, path.faces, strict=True)
    ]
    chosen: list[Portrait] = []
    for look in sorted(looks, key=lambda look: (-look.worth, look.seconds)):
        near = any(abs(look.seconds - c.seconds) < _PORTRAITS_APART_SECONDS for c in chosen)
        if not near and len(chosen) < _PORTRAITS:
            chosen.append(look)
    return tuple(chosen)


def _portrait_worth(face: Face, open_eyes: float | None) -> float:
    """0..1: large, sharp, frontal, eyes open, whole; what was not measured counts as middling."""
    opened = face.eyes_open if face.eyes is None else eyes_open(face.eyes, open_eyes)
    worth = math.sqrt(min(max(face.box[3] - face.box[1], 0.0) / 0.35, 1.0))
    worth *= 0.3 + 0.7 * face.sharpness
    worth *= 1.0 - 0.5 * face.turn
    worth *= 0.4 + 0.6 * (0.7 if opened is None else opened)
    return max(worth * min(face.score, 1.0) * (0.5 if face.cut_off else 1.0), 0.0)


def _annotated(frames: list[Sighting], paths: list[_Path], tracks: list[Track]) -> list[Sighting]:
    """The sightings with track and eyes_open of every face filled in."""
    faces = [list(sighting.faces) for sighting in frames]
    for path, track in zip(paths, tracks, strict=True):
        for sample, (position, face) in zip(path.samples, path.faces, strict=True):
            opened = face.eyes_open if face.eyes is None else eyes_open(face.eyes, track.open_eyes)
            faces[sample][position] = replace(face, track=track.index, eyes_open=opened)
    return [
        replace(sighting, faces=tuple(found)) if found else sighting
        for sighting, found in zip(frames, faces, strict=True)
    ]


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight in between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)
