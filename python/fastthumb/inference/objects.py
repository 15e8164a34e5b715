"""Object detection: boxes, classes and scores of the things in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb import _core
from fastthumb.errors import ModelError
from fastthumb.inference.tensors import FloatArray, Runnable, whole_picture

if TYPE_CHECKING:
    from fastthumb.inference.crops import Box
    from fastthumb.inference.views import PictureView


@dataclass(frozen=True, slots=True)
class FoundThing:
    """A thing: its class, its box (x0, y0, x1, y1) in display pixels, within the picture."""

    label: str
    box: Box
    score: float


class ObjectFinder:
    """Objects by a network of the YOLOX family (Ge et al. 2021) or PicoDet's (Yu et al. 2021)."""

    def __init__(self, network: Runnable) -> None:
        if network.entry.family not in ("yolox", "picodet"):
            raise ModelError(
                f"model {network.entry.name}: objects are decoded of yolox and picodet, "
                f"got family {network.entry.family!r}; correct its entry"
            )
        self._network = network

    def find(
        self,
        view: PictureView,
        *,
        threshold: float | None = None,
        iou: float | None = None,
        every_class: bool = False,
    ) -> list[FoundThing]:
        """Find things, best first.

        Threshold and overlap are the entry's unless given. With `every_class` a place of the
        picture may be several things at once, which only benches want.
        """
        entry = self._network.entry
        output = entry.output
        tensor, (scale_x, scale_y) = whole_picture(view, entry.input)
        answers = self._network.run(tensor)
        maps = [
            np.ascontiguousarray(answers[name][0], np.float32)
            for name in self._network.output_names
        ]
        rows = self._decoded(
            maps,
            (tensor.shape[3], tensor.shape[2]),
            (output.threshold or 0.0) if threshold is None else threshold,
            (1.0 if output.iou is None else output.iou) if iou is None else iou,
            every_class,
        ).astype(np.float64)
        edges = np.array([view.width, view.height] * 2, np.float64)
        boxes = np.clip(rows[:, :4] / (scale_x, scale_y, scale_x, scale_y), 0, edges)
        return [
            FoundThing(output.labels[int(row[5])], (box[0], box[1], box[2], box[3]), row[4])
            for box, row in zip(boxes.tolist(), rows.tolist(), strict=True)
            if box[2] > box[0] and box[3] > box[1]
        ]

    def _decoded(
        self,
        maps: list[FloatArray],
        size: tuple[int, int],
        threshold: float,
        iou: float,
        every_class: bool,
    ) -> npt.NDArray[np.float32]:
        entry, strides = self._network.entry, list(self._network.entry.output.strides)
        if entry.family == "yolox":
            return _core.decode_yolox(
                maps[0], *size, strides, threshold, iou, every_class=every_class
            )
        half = len(strides)
        return _core.decode_picodet(
            maps[:half], maps[half:], *size, strides, threshold, iou, every_class=every_class
        )
