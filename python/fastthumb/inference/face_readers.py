"""What networks read in the faces of a picture: identity, expression, eyes, mouth and turn.

Each reader takes all faces of a picture at once, so that a network with a free batch axis runs
once a picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.inference.tensors import (
    FloatArray,
    Runnable,
    face_crops,
    probabilities,
    unit_rows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastthumb.inference.crops import Located
    from fastthumb.inference.views import PictureView

# The public order of the expressions, whatever order a network has.
EXPRESSIONS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
# What networks call them.
_SYNONYMS = {
    "neutrality": "neutral",
    "calm": "neutral",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fearful",
    "disgust": "disgusted",
    "surprise": "surprised",
}

# Points of the 468-point mesh (MediaPipe's numbering): for each eye the outer corner, two on the
# upper lid, the inner corner, two on the lower lid; the inner lips; the sides of the face.
_EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
_LIPS, _LIP_CORNERS = (13, 14), (78, 308)
_SIDES = (234, 454)
PRESENCE = 0.5  # where an entry names no threshold


@dataclass(frozen=True, slots=True)
class MeshReading:
    """What the mesh of one face says.

    `eyes` is the eye aspect ratio, height over width, the mean of both eyes (Soukupova and Cech
    2016): about .3 open, below .17 closed, and personal. `mouth` is the height of its opening
    over its width. `turn` is the angle of the head to the side, 0 frontal .. 1 profile. `score`
    is how sure the network is that there is a face.
    """

    eyes: float
    mouth: float
    turn: float
    score: float


class IdentityReader:
    """Vectors of unit length; the cosine of two says how alike two faces are."""

    def __init__(self, network: Runnable) -> None:
        self._network = network

    def read(self, view: PictureView, faces: Sequence[Located]) -> FloatArray:
        """One row per face, (n, size)."""
        answers = self._network.run(face_crops(view, self._network.entry.input, faces))
        return unit_rows(answers[self._network.output_names[0]])


class ExpressionReader:
    """Probabilities of the expressions, in the order of EXPRESSIONS."""

    def __init__(self, network: Runnable) -> None:
        self._network = network
        own = [_SYNONYMS.get(label.lower(), label.lower()) for label in network.entry.output.labels]
        self._places = [
            (EXPRESSIONS.index(name), at) for at, name in enumerate(own) if name in EXPRESSIONS
        ]

    def read(self, view: PictureView, faces: Sequence[Located]) -> FloatArray:
        """One row per face, (n, 7); an expression that the network does not know stays 0."""
        entry = self._network.entry
        answers = self._network.run(face_crops(view, entry.input, faces))
        raw = answers[self._network.output_names[0]].reshape(len(faces), -1)
        found = probabilities(entry, raw)
        result = np.zeros((len(faces), len(EXPRESSIONS)), np.float32)
        for public, own in self._places:
            result[:, public] += found[:, own]
        return result


class MeshReader:
    """Eyes, mouth and turn out of a mesh of 468 points."""

    def __init__(self, network: Runnable) -> None:
        self._network = network
        threshold = network.entry.output.threshold
        self._threshold = PRESENCE if threshold is None else threshold

    def read(self, view: PictureView, faces: Sequence[Located]) -> list[MeshReading | None]:
        """One reading per face; None where the network sees no face."""
        answers = self._network.run(face_crops(view, self._network.entry.input, faces))
        points, scores = (answers[name] for name in self._network.output_names[:2])
        return [
            mesh_reading(mesh, score) if score >= self._threshold else None
            for mesh, score in zip(
                points.reshape(len(faces), -1, 3), scores.ravel().tolist(), strict=True
            )
        ]


def mesh_reading(mesh: FloatArray, score: float) -> MeshReading:
    """Reading of one mesh, (468, 3), x and y in crop pixels, z in the same unit."""
    points = mesh.astype(np.float64)
    left_eye, right_eye = (_openness(points[list(eye), :2]) for eye in _EYES)
    upper, lower = points[list(_LIPS), :2]
    left, right = points[list(_LIP_CORNERS), :2]
    mouth = _length(upper - lower) / max(_length(left - right), 1e-6)
    across = points[_SIDES[1]] - points[_SIDES[0]]
    turn = abs(math.atan2(across[2], math.hypot(across[0], across[1]))) / (math.pi / 2)
    return MeshReading((left_eye + right_eye) / 2, mouth, min(turn, 1.0), score)


def _openness(eye: npt.NDArray[np.float64]) -> float:
    heights = _length(eye[1] - eye[5]) + _length(eye[2] - eye[4])
    return heights / max(2 * _length(eye[0] - eye[3]), 1e-6)


def _length(vector: npt.NDArray[np.float64]) -> float:
    return float(np.hypot(vector[0], vector[1]))
