"""Crops that networks want of a face or a person, as 2x3 matrices from display to crop pixels.

A matrix `m` takes the point (x, y) of the picture to `m @ (x, y, 1)` in the crop; both count
pixels from the top left corner. Which crop a network wants is data of its registry entry.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Points = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

# Eyes, nose and corners of the mouth in the 112x112 crop on which ArcFace networks are trained
# (Deng, Guo, Xue and Zafeiriou 2019).
ARCFACE_TEMPLATE: Points = np.array(
    [
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ]
)
ARCFACE_SIZE = 112


class Located(Protocol):
    """A face whose box and landmarks are known, in display pixels."""

    @property
    def box(self) -> Box: ...

    @property
    def landmarks(self) -> Points: ...


def crop_matrix(kind: str, face: Located, size: int) -> Matrix:
    """Matrix of the crop named `kind`, size x size pixels.

    "arcface-112": the landmarks lie as near to the ArcFace template as a turn, a scale and a
    shift bring them. "expression": an upright square around eyes and mouth. "mesh": one and a
    half times the face, its eyes level. Raises ValueError for another name.
    """
    if kind == "arcface-112":
        return aligned(face.landmarks, size)
    if kind == "expression":
        return expression_square(face.landmarks, size)
    if kind == "mesh":
        return mesh_square(face.box, face.landmarks, size)
    raise ValueError(f"crop: wanted arcface-112, expression or mesh, got {kind!r}")


def aligned(landmarks: Points, size: int = ARCFACE_SIZE) -> Matrix:
    """Matrix that lays 5 landmarks, (5, 2), on the ArcFace template at `size` pixels."""
    # The template counts from the centers of pixels, matrices from their corners.
    return similarity(landmarks, (ARCFACE_TEMPLATE + 0.5) * (size / ARCFACE_SIZE))


def expression_square(landmarks: Points, size: int) -> Matrix:
    """Matrix of the square of which the way from eyes to mouth takes up 45 %.

    Its center is the mean of both eyes and the mouth, a little above the middle.
    """
    left, right = landmarks[0], landmarks[1]
    mouth = (landmarks[3] + landmarks[4]) / 2
    reach = (np.linalg.norm(left - mouth) + np.linalg.norm(right - mouth)) / 2
    side = max(float(reach), 1e-3) / 0.45
    center = (left + right + mouth) / 3
    return _square(center[0] - 0.5 * side, center[1] - 0.43 * side, side, size)


def mesh_square(box: Box, landmarks: Points, size: int) -> Matrix:
    """Matrix of the square 1.5 times the longer side of the face's box, its eyes level."""
    center = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    side = max(1.5 * max(box[2] - box[0], box[3] - box[1]), 1e-3)
    across = landmarks[1] - landmarks[0]
    angle = np.arctan2(across[1], across[0])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    scaled = turn * (size / side)
    return np.column_stack([scaled, size / 2 - scaled @ center])


def person_square(box: Box, size: int) -> Matrix:
    """Matrix of the square 1.25 times the longer side of a person's box."""
    side = max(1.25 * max(box[2] - box[0], box[3] - box[1]), 1e-3)
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return _square(x - side / 2, y - side / 2, side, size)


def similarity(source: Points, target: Points) -> Matrix:
    """Turn, scale and shift that bring `source`, (n, 2), nearest to `target`, least squares.

    No reflection. The closed form for the plane of Umeyama 1991: points as complex numbers.
    Points that all coincide keep their scale.
    """
    a, b = source.mean(axis=0), target.mean(axis=0)
    from_, to = (source - a) @ (1, 1j), (target - b) @ (1, 1j)
    spread = float(np.vdot(from_, from_).real)
    factor = np.vdot(from_, to) / spread if spread > 0 else 1.0 + 0j
    scaled = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([scaled, b - scaled @ a])


def transformed(matrix: Matrix, points: Points) -> Points:
    """Where points, (n, 2), land; the same shape."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def inverted(matrix: Matrix) -> Matrix:
    """Matrix of the way back, from crop to display pixels."""
    back = np.linalg.inv(matrix[:, :2])
    return np.column_stack([back, -back @ matrix[:, 2]])


def _square(x: float, y: float, side: float, size: int) -> Matrix:
    scale = size / side
    return np.array([[scale, 0.0, -x * scale], [0.0, scale, -y * scale]])
