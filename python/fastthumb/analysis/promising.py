"""Promising candidates: those that networks look at, before anybody knows what they show.

Networks take longer for a picture than everything else that is done to it, and a film offers far
more candidates than artwork can use. Which ones are looked at depends on no genre and no viewer:
any of them may be asked for later.

Note [what makes a candidate promising]. Its worth by cheap signals, and what it adds. The choice
takes the best picture of a kind (a face large, a pair, a group, something happening, a place), so
the best of every kind go on. Each one taken lessens what others add: most those of its shot and of
its moment, then those of the same camera set-up, of the same person, and of the same kind.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastthumb.analysis.classification import action_score
from fastthumb.analysis.face_worth import face_worth
from fastthumb.analysis.rules import default_rules

if TYPE_CHECKING:
    from fastthumb.analysis.candidates import Candidate
    from fastthumb.analysis.detections import Face, FloatArray, Sighting
    from fastthumb.analysis.shots import Shot

LEAST, PER_VARIANT, PER_HOUR = 24, 3, 60
# What is left of a candidate's worth for each one taken of its moment, its shot, its set-up, its
# person, and how it falls with those taken of its kind.
_MOMENT, _SHOT, _SET_UP, _PERSON = 0.5, 0.6, 0.85, 0.9
_KINDS, _KIND_FALLS = 6, 0.5
_MOMENT_SECONDS = 2.0
_NEAR, _SEEN = 0.25, 0.06  # heights of faces: large, and counted
_SAME_FACE = 0.5  # cosine of two looks that are surely one person
_ACTION = 0.35  # from which something may be happening


def how_many(variants: int, duration_seconds: float) -> int:
    """How many candidates of a film the networks look at, for so many variants."""
    return max(LEAST, PER_VARIANT * variants) + round(PER_HOUR * duration_seconds / 3600.0)


def promising(
    candidates: Sequence[Candidate],
    worth: Sequence[float],
    shots: Sequence[Shot],
    sightings: Mapping[int, Sequence[Sighting]],
    wanted: int,
) -> list[int]:
    """Indexes of the `wanted` most promising candidates, ascending; all where there are no more.

    `worth` is the quality of each by its pixels alone, 0..1; `sightings` are the sampled frames
    of each shot by its index. See Note [what makes a candidate promising].
    """
    if len(candidates) <= wanted:
        return list(range(len(candidates)))
    seen = [_seen(one, sightings.get(one.shot, ())) for one in candidates]
    left = np.array(worth) * [face_worth(faces) for faces in seen]
    set_ups = {shot.index: shot.repeat_of for shot in shots}
    shot_of = np.array([one.shot for one in candidates])
    set_up_of = np.array([_set_up(one.shot, set_ups) for one in candidates])
    seconds = np.array([one.seconds for one in candidates])
    kinds = [_kinds(one, faces) for one, faces in zip(candidates, seen, strict=True)]
    alike = _alike([_face_of(faces) for faces in seen])
    taken: list[int] = []
    counts: Counter[str] = Counter()
    while len(taken) < wanted:
        fresh = [max(_freshness(counts[kind], wanted) for kind in own) for own in kinds]
        best = int(np.argmax(left * fresh))
        taken.append(best)
        counts.update(kinds[best])
        left[set_up_of == set_up_of[best]] *= _SET_UP
        left[shot_of == shot_of[best]] *= _SHOT
        left[alike[best]] *= _PERSON
        left[np.abs(seconds - seconds[best]) < _MOMENT_SECONDS] *= _MOMENT
        left[best] = -1.0
    return sorted(taken)


def _seen(candidate: Candidate, sightings: Sequence[Sighting]) -> tuple[Face, ...]:
    """The sure faces of the sample of its shot that is nearest to a candidate."""
    nearest = min(sightings, key=lambda one: abs(one.seconds - candidate.seconds), default=None)
    faces = () if nearest is None else nearest.faces
    return tuple(face for face in faces if face.sure and _height(face) >= _SEEN)


def _kinds(candidate: Candidate, faces: Sequence[Face]) -> tuple[str, ...]:
    """What kinds of picture a candidate may be."""
    largest = max(map(_height, faces), default=0.0)
    words = ("place", "near" if largest >= _NEAR else "person", "pair", "group")
    action = action_score(candidate.signals, default_rules().action) >= _ACTION
    return (words[min(len(faces), 3)], "action") if action else (words[min(len(faces), 3)],)


def _freshness(count: int, wanted: int) -> float:
    """What a picture of a kind of which so many are taken is still worth, 1 for the first."""
    return math.pow(1.0 + count * _KINDS / wanted, -_KIND_FALLS)


def _set_up(shot: int, repeats: Mapping[int, int | None]) -> int:
    """The first shot of the same camera set-up."""
    first = repeats.get(shot)
    return shot if first is None else first


def _face_of(faces: Sequence[Face]) -> FloatArray | None:
    """What the one large face of a picture looks like."""
    return faces[0].embedding if len(faces) == 1 and _height(faces[0]) >= _NEAR else None


def _alike(embeddings: Sequence[FloatArray | None]) -> list[list[int]]:
    """For each candidate those that show the same person large, itself too."""
    known = [at for at, one in enumerate(embeddings) if one is not None]
    found: list[list[int]] = [[] for _ in embeddings]
    if known:
        vectors = np.stack([one for one in embeddings if one is not None])
        same = vectors @ vectors.T >= _SAME_FACE
        for row, at in enumerate(known):
            found[at] = [known[k] for k in np.flatnonzero(same[row]).tolist()]
    return found


def _height(face: Face) -> float:
    return face.box[3] - face.box[1]
