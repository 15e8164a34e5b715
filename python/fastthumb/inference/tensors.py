"""What a registry entry says of its input, turned into tensors of a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from fastthumb.inference.crops import crop_matrix
from fastthumb.inference.views import Pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastthumb.inference.crops import Box, Located
    from fastthumb.inference.entries import Input, ModelEntry
    from fastthumb.inference.views import NetworkInput, PictureView

FloatArray = npt.NDArray[np.float32]


class Runnable(Protocol):
    """A loaded network, wherever it runs."""

    @property
    def entry(self) -> ModelEntry: ...

    @property
    def output_names(self) -> tuple[str, ...]: ...

    def run(self, tensors: NetworkInput) -> dict[str, FloatArray]: ...


def pixels_of(wanted: Input) -> Pixels:
    """How the network wants its pixels."""
    return Pixels(wanted.channels, wanted.mean, wanted.scale, wanted.fill, wanted.filter)


def size_for(wanted: Input, width: float, height: float) -> tuple[int, int]:
    """Width and height of the tensor for a region of that size, in display pixels.

    The entry's, or, where it allows free sizes, the smallest that holds the region with its
    longer side no longer than the entry's.
    """
    step = wanted.multiple_of
    if step is None:
        return wanted.width, wanted.height
    scale = min(1.0, max(wanted.width, wanted.height) / max(width, height))
    return _multiple(width * scale, step), _multiple(height * scale, step)


def _multiple(length: float, step: int) -> int:
    """The smallest multiple of `step`, one at least, that holds so many pixels."""
    return max(step, math.ceil(round(length) / step) * step)


def whole_picture(view: PictureView, wanted: Input) -> tuple[NetworkInput, tuple[float, float]]:
    """The picture as (1, 3, h, w), and tensor pixels per display pixel in x and y."""
    pixels = pixels_of(wanted)
    width, height = size_for(wanted, view.width, view.height)
    if wanted.fit == "stretch":
        tensor = view.input_fitted(width, height, pixels)
        return tensor, (width / view.width, height / view.height)
    free = wanted.multiple_of is not None
    tensor, scale = view.input_letterboxed(width, height, pixels, enlarge=not free)
    return tensor, (scale, scale)


def region(
    view: PictureView, wanted: Input, box: Box | None = None, most_scale: float | None = None
) -> tuple[NetworkInput, float]:
    """A region as (1, 3, h, w), aspect kept, never enlarged; and its scale.

    It is as large as the entry allows, or, where that has free sizes and `most_scale` is given,
    reduced to that scale at least, give or take what it takes to a multiple.
    """
    x0, y0, x1, y1 = box or (0.0, 0.0, float(view.width), float(view.height))
    width, height = size_for(wanted, x1 - x0, y1 - y0)
    if most_scale is not None and wanted.multiple_of is not None:
        width = min(width, _multiple((x1 - x0) * min(most_scale, 1.0), wanted.multiple_of))
        height = min(height, _multiple((y1 - y0) * min(most_scale, 1.0), wanted.multiple_of))
    return view.input_letterboxed(width, height, pixels_of(wanted), (x0, y0, x1, y1))


def face_crops(view: PictureView, wanted: Input, faces: Sequence[Located]) -> NetworkInput:
    """The crop of each face that the entry names, (n, 3, h, w)."""
    pixels, kind, size = pixels_of(wanted), wanted.crop or "", wanted.width
    matrices = [crop_matrix(kind, face, size) for face in faces]
    return view.input_warped(matrices, size, size, pixels)


def probabilities(entry: ModelEntry, raw: FloatArray) -> FloatArray:
    """What a classifier answered, (n, classes), after the activation that its entry names."""
    if entry.output.activation == "softmax":
        powers = np.exp(raw - raw.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)
    if entry.output.activation == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(raw, -60, 60))), np.float32)
    return raw


def unit_rows(raw: FloatArray) -> FloatArray:
    """Rows of (n, size) at unit length; a row of zeros stays."""
    vectors = raw.reshape(len(raw), -1).astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)
