"""Detections: which faces and things a frame shows, where, and how clearly.

Positions are shares 0..1 of the upright picture, x to the right and y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Rect = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Face:
    """A face in one frame; what no network measured is None.

    `box` is (x0, y0, x1, y1) and may reach beyond the picture; `landmarks` are x, y of left eye,
    right eye, nose, left and right corner of the mouth, as seen in the picture. `sharpness` is
    0..1, blur of the face itself; `turn` 0 (frontal) .. 1 (profile); `roll` in degrees,
    clockwise. `eyes` is the eye aspect ratio, `eyes_open` 0..1 the same against the track's own
    (`Track.open_eyes`); `mouth` is the opening of the mouth over its width. `expression` holds
    the probabilities of the expression classes in the order of the model's labels. `embedding`
    has unit length. `pixels` is the shorter side of the box in display pixels. A face that is not
    `sure` (a doubtful profile, a blur, an animal) is nobody, and only kept clear of crops. `track`
    is the index of its Track in the film, -1 before tracking.
    """

    box: Rect
    landmarks: tuple[float, float, float, float, float, float, float, float, float, float]
    score: float
    sharpness: float
    turn: float
    roll: float
    cut_off: bool
    eyes: float | None = None
    eyes_open: float | None = None
    mouth: float | None = None
    expression: FloatArray | None = None
    embedding: FloatArray | None = None
    pixels: float | None = None
    sure: bool = True
    track: int = -1


@dataclass(frozen=True, slots=True)
class Sighting:
    """The faces of one sampled frame, largest first."""

    frame_index: int
    pts: int
    seconds: float
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True)
class FoundObject:
    """A thing that an object detector found; `label` is its class, `group` what kind of thing.

    Groups: person, vehicle, weapon, prop, animal, furniture, food, sport, other.
    """

    label: str
    group: str
    box: Rect
    score: float


@dataclass(frozen=True, slots=True)
class Contents:
    """What the networks that look at the whole picture say; None where there is no such network.

    `embedding` has unit length: cosine is likeness of content. `labels` are probabilities of
    learned rules, named "task=label", such as "setting=indoor". `lettering` are boxes of text;
    `poses` are the 17 COCO joints (x, y, score, 51 numbers) of the largest people.
    """

    objects: tuple[FoundObject, ...] | None = None
    embedding: FloatArray | None = None
    labels: dict[str, float] | None = None
    lettering: tuple[Rect, ...] | None = None
    poses: tuple[FloatArray, ...] | None = None


NOT_LOOKED_AT = Contents()


def overlap(a: Rect, b: Rect) -> float:
    """Intersection over union of two boxes, 0..1."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0.0 or height <= 0.0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
