"""Tracks: one person through the sampled frames of one shot.

Faces of neighboring samples, a second or two apart, belong to one person where place, size and
looks say so together; the best assignment of all faces of a frame is taken at once. Whoever
leaves and comes back in the same shot is known again by looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.detections import Face, FloatArray, Rect, Sighting, overlap
from fastthumb.analysis.ramps import ramp
from fastthumb.analysis.track_paths import Path, extend

_MISSED = 1  # samples in a row that a face may be missed while its person stays in place
_CERTAIN = 0.8  # score of a face that is believed even if it is seen once
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
    trusted (Note [clear looks] in track_paths.py); `open_eyes` the eye aspect ratio of this
    person's open eyes; `together` the indexes of tracks seen in the same frame, ascending, and
    `together_seconds` for how long each, both of tracks with an embedding only.
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
    paths: list[Path] = []
    for sample, sighting in enumerate(frames):
        extend(paths, sample, sighting)
    kept = [path for path in paths if not _doubtful(path, len(frames))]
    cells = _cells([sighting.seconds for sighting in frames], start_seconds, end_seconds)
    presence = _presence(kept, len(frames))
    shared = presence * cells @ presence.T  # seconds that two are seen in the same frames
    # Who has no embedding can be nobody's company: a crowd of small faces is no list of pairs.
    known = np.array([path.mean is not None for path in kept], dtype=np.bool_)
    shared *= np.outer(known, known) | np.eye(len(kept), dtype=np.bool_)
    tracks = [
        _track(path, number, first_index, shot_index, frames, shared[number])
        for number, path in enumerate(kept)
    ]
    return tracks, _annotated(frames, kept, tracks)


def eyes_open(eyes: float, open_eyes: float | None) -> float:
    """0 shut .. 1 open, from an eye aspect ratio and that of the person's open eyes, if known."""
    reference = max(open_eyes, _LEAST_OPEN) if open_eyes is not None else _USUAL_OPEN
    return ramp(eyes / reference, _SHUT_RATIO, _OPEN_RATIO)


def _doubtful(path: Path, frames: int) -> bool:
    """Never surely a face, or seen in one of several samples only and not with certainty."""
    if not any(face.sure for _, face in path.faces):
        return True
    return frames >= 3 and len(path.faces) == 1 and path.faces[0][1].score < _CERTAIN


def _cells(seconds: list[float], start: float, end: float) -> npt.NDArray[np.float64]:
    """Seconds for which each sample stands; their sum is the shot's length."""
    middles = [(a + b) / 2 for a, b in pairwise(seconds)]
    bounds = [min(start, seconds[0]), *middles, max(end, seconds[-1])]
    return np.diff(np.array(bounds, dtype=np.float64))


def _presence(paths: list[Path], frames: int) -> npt.NDArray[np.float64]:
    """1 where a path is in a sample, float64 (paths, frames).

    Also where it is missed for one sample and found again in place.
    """
    presence = np.zeros((len(paths), frames))
    for number, path in enumerate(paths):
        presence[number, path.samples] = 1.0
        looks = list(zip(path.samples, path.faces, strict=True))
        for (before, (_, a)), (after, (_, b)) in pairwise(looks):
            if 1 < after - before <= 1 + _MISSED and overlap(a.box, b.box) > 0.0:
                presence[number, before + 1 : after] = 1.0
    return presence


def _track(
    path: Path,
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
        embedding=None if mean is None else mean.astype(np.float16).astype(np.float32),
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


def _portraits(path: Path, frames: list[Sighting]) -> tuple[Portrait, ...]:
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
        if not near and len(chosen) < (_PORTRAITS if path.mean is not None else 1):
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


def _annotated(frames: list[Sighting], paths: list[Path], tracks: list[Track]) -> list[Sighting]:
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
