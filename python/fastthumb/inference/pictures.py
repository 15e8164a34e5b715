"""What networks say of a whole picture: its embedding, learned rules, lettering, poses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.inference.crops import inverted, person_square, transformed
from fastthumb.inference.lettering_maps import boxes_of_map
from fastthumb.inference.tensors import (
    FloatArray,
    Runnable,
    pixels_of,
    probabilities,
    unit_rows,
    whole_picture,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastthumb.inference.crops import Box
    from fastthumb.inference.views import PictureView

JOINTS = 17

# Lettering, where an entry leaves it out: share of letters in a box, and by how much boxes grow.
BOX_THRESHOLD, UNCLIP = 0.5, 2.0


class EmbeddingReader:
    """A vector of unit length; the cosine of two says how alike two pictures are in content."""

    def __init__(self, network: Runnable) -> None:
        self._network = network

    def read(self, view: PictureView) -> FloatArray:
        """The picture's vector, (size,)."""
        tensor, _ = whole_picture(view, self._network.entry.input)
        vector: FloatArray = unit_rows(self._network.run(tensor)[self._network.output_names[0]])[0]
        return vector


class PictureClassifier:
    """A learned rule: probabilities of its labels for a picture."""

    def __init__(self, network: Runnable) -> None:
        self._network = network

    def read(self, view: PictureView) -> dict[str, float]:
        """Probability of each label of the entry."""
        entry = self._network.entry
        tensor, _ = whole_picture(view, entry.input)
        raw = self._network.run(tensor)[self._network.output_names[0]].reshape(1, -1)
        return dict(zip(entry.output.labels, probabilities(entry, raw)[0].tolist(), strict=True))


class PoseReader:
    """The 17 COCO joints of people whose boxes are known (nose, eyes, ears, shoulders, ...)."""

    def __init__(self, network: Runnable) -> None:
        self._network = network

    def read(self, view: PictureView, people: Sequence[Box]) -> list[npt.NDArray[np.float64]]:
        """For each box, display pixels, (17, 3): x, y in display pixels, and a score 0..1."""
        wanted = self._network.entry.input
        pixels, size = pixels_of(wanted), wanted.width
        matrices = [person_square(box, size) for box in people]
        crops = view.input_warped(matrices, size, size, pixels)
        answers = self._network.run(crops)[self._network.output_names[0]]
        poses = []
        for matrix, joints in zip(matrices, answers.reshape(-1, JOINTS, 3), strict=True):
            rows = joints.astype(np.float64)
            places = transformed(inverted(matrix), rows[:, 1::-1] * size)
            poses.append(np.column_stack([places, rows[:, 2]]))
        return poses


class LetteringFinder:
    """Boxes of text by a network of the DB family (Liao et al. 2020), a map of letters."""

    def __init__(self, network: Runnable) -> None:
        self._network = network

    def find(self, view: PictureView) -> list[Box]:
        """Boxes (x0, y0, x1, y1) of lines of text, display pixels, inside the picture."""
        output = self._network.entry.output
        tensor, (scale_x, scale_y) = whole_picture(view, self._network.entry.input)
        raw = self._network.run(tensor)[self._network.output_names[0]]
        rows, columns = raw.shape[-2:]
        map_ = raw.reshape(rows, columns)
        cells = (columns / tensor.shape[3], rows / tensor.shape[2])
        boxes = []
        for x0, y0, x1, y1 in boxes_of_map(
            map_,
            threshold=output.threshold or 0.3,
            box_threshold=BOX_THRESHOLD if output.box_threshold is None else output.box_threshold,
            unclip=UNCLIP if output.unclip is None else output.unclip,
        ):
            left, right = (np.clip(x / cells[0] / scale_x, 0, view.width) for x in (x0, x1))
            top, bottom = (np.clip(y / cells[1] / scale_y, 0, view.height) for y in (y0, y1))
            if right > left and bottom > top:
                boxes.append((float(left), float(top), float(right), float(bottom)))
        return boxes
