"""Faces with known owners: embeddings around one direction per person, no network needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.detections import Face, Sighting
from fastthumb.analysis.tracks import Track

Vector = npt.NDArray[np.float32]


class People:
    """Embeddings of invented people; `looks` of one are about .6 alike, of two about .1."""

    def __init__(self, count: int, seed: int = 0, noise: float = 0.8) -> None:
        self._rng = np.random.default_rng(seed)
        self._noise = noise
        centers = self._rng.normal(size=(count, 128)) + 0.35 * self._rng.normal(size=128)
        self.centers = centers / np.linalg.norm(centers, axis=1, keepdims=True)

    def look(self, person: int, noise: float | None = None) -> Vector:
        spread = self._noise if noise is None else noise
        return unit(self.centers[person] + spread * self._rng.normal(size=128) / np.sqrt(128))


def unit(vector: npt.NDArray[np.floating]) -> Vector:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def face(
    embedding: Vector | None = None,
    x: float = 0.5,
    y: float = 0.4,
    height: float = 0.2,
    **others: object,
) -> Face:
    """A sharp, frontal face centered on (x, y)."""
    half = height * 0.4
    one = Face(
        box=(x - half, y - height / 2, x + half, y + height / 2),
        landmarks=(x - 0.03, y, x + 0.03, y, x, y + 0.02, x - 0.02, y + 0.05, x + 0.02, y + 0.05),
        score=0.9,
        sharpness=0.8,
        turn=0.05,
        roll=0.0,
        cut_off=False,
        embedding=embedding,
    )
    return replace(one, **others)  # type: ignore[arg-type]


def sightings(frames: list[list[Face]], start: float = 0.0, every: float = 0.5) -> list[Sighting]:
    """One sighting per list of faces, `every` seconds, the first half of that after `start`."""
    return [
        Sighting(number * 12, number * 500, start + every * (number + 0.5), tuple(faces))
        for number, faces in enumerate(frames)
    ]


def track(
    index: int,
    embedding: Vector | None,
    shot: int = 0,
    seconds: float = 2.0,
    together: dict[int, float] | None = None,
    clarity: float = 1.0,
    samples: int = 4,
) -> Track:
    together = together or {}
    return Track(
        index=index,
        shot=shot,
        first_seconds=float(shot),
        last_seconds=shot + seconds,
        screen_seconds=seconds,
        samples=samples,
        size=0.3,
        score=0.9,
        embedding=embedding,
        clarity=clarity,
        open_eyes=None,
        together=tuple(together),
        together_seconds=tuple(together.values()),
        portraits=(),
    )
