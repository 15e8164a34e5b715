"""The built-in face detector: boxes and five landmarks, with no download.

A cascade of three small networks after Zhang, Zhang, Li and Qiao, "Joint Face Detection and
Alignment Using Multitask Cascaded Convolutional Networks" (2016). P-Net looks at every 12x12
window, every second pixel, of a pyramid of the reduced picture; R-Net looks again at the windows
that it liked, 24x24 each; O-Net at what is then left, 48x48, and says where the eyes, the nose and
the corners of the mouth are. Each moves its windows by offsets in shares of their sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from fastthumb import _core
from fastthumb.errors import ModelError
from fastthumb.inference.mtcnn_weights import NETWORKS, network_files
from fastthumb.inference.onnx import open_session
from fastthumb.inference.views import PictureView, Pixels

if TYPE_CHECKING:
    from fastthumb.inference.models import Resolved

FloatArray = npt.NDArray[np.float32]

# The picture is reduced to this long side, never enlarged.
LONG_SIDE = 640
# Smallest face that is looked for, in shares of the picture's short side and in reduced pixels.
MIN_FACE_SHARE = 1 / 18
MIN_FACE_PX = 16
PYRAMID_STEP = 0.709  # sqrt(1/2): half the area from level to level
WINDOW_PX, WINDOW_STEP_PX = 12, 2  # what one output of P-Net sees, and how far apart
# Scores from which P-Net's and R-Net's windows live on; O-Net's is the registry's threshold.
P_THRESHOLD, R_THRESHOLD = 0.7, 0.6
# Overlaps above which the better window is kept: inside a level, after P-Net, after R-Net.
LEVEL_IOU, P_IOU, R_IOU = 0.5, 0.6, 0.7
# So many windows at most go on: bounds the time of a crowd or of noise.
MAX_FOR_R, MAX_FOR_O = 400, 100
# A face of which this share lies inside a better one is a part of it.
PART_OF_BETTER = 0.7


class Mtcnn:
    """The three networks, ready; `open` loads them."""

    def __init__(self, resolved: Resolved, sessions: list[Any]) -> None:
        self.entry, self.sha256 = resolved.entry, resolved.sha256
        self._p, self._r, self._o = sessions
        wanted = resolved.entry.input
        self._pixels = Pixels(wanted.channels, wanted.mean, wanted.scale, wanted.fill)

    @classmethod
    def open(cls, threads: int = 1, resolved: Resolved | None = None) -> Self:
        """Load the networks, making their ONNX files in the cache the first time.

        Raises ModelError if the weights are not installed or not the registry's.
        """
        if resolved is None:
            from fastthumb.inference.models import Registry

            registry = Registry.load()
            resolved = registry.resolve(registry.named("mtcnn"))
        if resolved is None:
            raise ModelError(
                "the built-in face detector needs the package mtcnn for its weights; "
                "install it: pip install 'mtcnn>=1.0,<2'"
            )
        try:
            return cls(resolved, _sessions(resolved, threads))
        except ModelError:  # a file of the cache is damaged
            return cls(resolved, _sessions(resolved, threads, anew=True))

    def detect(self, view: PictureView, least_share: float = MIN_FACE_SHARE) -> FloatArray:
        """Find the faces of a picture, best first.

        `least_share` is the smallest face, as a share of the picture's short side.
        Returns float32 (k, 15): box x0, y0, x1, y1 in display pixels, score 0..1, then x, y of
        left eye, right eye, nose, left and right corner of the mouth as the picture shows them.
        """
        reduction = min(1.0, LONG_SIDE / max(view.width, view.height))
        width = max(1, round(view.width * reduction))
        height = max(1, round(view.height * reduction))
        reduced = PictureView.of_rgb(view.rgb(width, height))
        boxes = self._proposals(reduced, least_share)
        boxes = self._refined(reduced, boxes)
        to_display = np.array([view.width / width, view.height / height] * 2, np.float32)
        return self._faces(view, reduced, boxes, to_display)

    def _proposals(self, reduced: PictureView, least_share: float) -> FloatArray:
        """Square windows (k, 4) that P-Net takes for faces, on all levels of the pyramid."""
        short = min(reduced.width, reduced.height)
        scale = WINDOW_PX / max(MIN_FACE_PX, short * least_share)
        boxes, scores = [], []
        while short * scale >= WINDOW_PX:
            width, height = round(reduced.width * scale), round(reduced.height * scale)
            level = reduced.fitted(width, height, self._pixels)
            score_map, offset_map = self._p.run(["scores", "offsets"], {"picture": level[None]})
            rows, columns = np.nonzero(score_map[0, 0] >= P_THRESHOLD)
            if len(rows):
                left_top = np.stack([columns, rows], 1) * WINDOW_STEP_PX
                windows = np.concatenate([left_top, left_top + WINDOW_PX], 1)
                moved = windows + offset_map[0][:, rows, columns].T * WINDOW_PX
                moved *= np.array([reduced.width / width, reduced.height / height] * 2)
                kept, kept_scores = _without_overlaps(
                    moved, score_map[0, 0, rows, columns], LEVEL_IOU, MAX_FOR_R
                )
                boxes.append(kept)
                scores.append(kept_scores)
            scale *= PYRAMID_STEP
        if not boxes:
            return np.zeros((0, 4), np.float32)
        kept, _ = _without_overlaps(np.concatenate(boxes), np.concatenate(scores), P_IOU, MAX_FOR_R)
        return _squares(kept)

    def _refined(self, reduced: PictureView, boxes: FloatArray) -> FloatArray:
        """The windows (k, 4) that R-Net keeps, moved and square."""
        if not len(boxes):
            return boxes
        crops = np.stack([reduced.fitted(24, 24, self._pixels, _box(box)) for box in boxes])
        scores, offsets = self._r.run(["scores", "offsets"], {"picture": crops})
        good = scores[:, 0] >= R_THRESHOLD
        moved = _moved(boxes[good], offsets[good])
        kept, _ = _without_overlaps(moved, scores[good, 0], R_IOU, MAX_FOR_O)
        return _squares(kept)

    def _faces(
        self, view: PictureView, reduced: PictureView, boxes: FloatArray, to_display: FloatArray
    ) -> FloatArray:
        """What O-Net says of the windows, as rows of `detect`."""
        if not len(boxes):
            return np.zeros((0, 15), np.float32)
        crops = np.stack(
            [
                reduced.fitted(48, 48, self._pixels, _box(box))
                if box[2] - box[0] >= 48  # smaller faces are sharper in the picture itself
                else view.fitted(48, 48, self._pixels, _box(box * to_display))
                for box in boxes
            ]
        )
        scores, offsets, landmarks = self._o.run(
            ["scores", "offsets", "landmarks"], {"picture": crops}
        )
        good = scores[:, 0] >= (self.entry.output.threshold or 0.0)
        boxes, scores = boxes[good], scores[good, 0]
        sizes = boxes[:, 2:] - boxes[:, :2]
        shares = landmarks[good].reshape(-1, 2, 5).transpose(0, 2, 1)  # five x, then five y
        points = (boxes[:, None, :2] + shares * sizes[:, None, :]) * to_display[:2]
        moved = _moved(boxes, offsets[good]) * to_display
        rows = np.concatenate([moved, scores[:, None], points.reshape(-1, 10)], 1)
        rows = rows.astype(np.float32)
        kept = _core.nms(
            np.ascontiguousarray(rows[:, :4]),
            np.ascontiguousarray(rows[:, 4]),
            self.entry.output.iou or 1.0,
        )
        return _without_parts(rows[kept])


def _sessions(resolved: Resolved, threads: int, *, anew: bool = False) -> list[Any]:
    files = network_files(resolved, anew=anew)
    return [
        open_session(file, threads=threads, name=f"mtcnn ({name})")
        for name, file in zip(NETWORKS, files, strict=True)
    ]


def _without_overlaps(
    boxes: npt.NDArray[Any], scores: npt.NDArray[Any], iou: float, most: int
) -> tuple[FloatArray, FloatArray]:
    boxes = np.ascontiguousarray(boxes, np.float32)
    scores = np.ascontiguousarray(scores, np.float32)
    kept = _core.nms(boxes, scores, iou)[:most]
    return boxes[kept], scores[kept]


def _without_parts(rows: FloatArray) -> FloatArray:
    """Rows, best first, less those of which PART_OF_BETTER lies inside a better one."""
    kept: list[int] = []
    for n, row in enumerate(rows):
        others = rows[kept, :4]
        inside = np.minimum(row[2:4], others[:, 2:]) - np.maximum(row[:2], others[:, :2])
        area = float(np.prod(np.maximum(row[2:4] - row[:2], 1e-6)))
        if not (np.prod(np.maximum(inside, 0.0), axis=1) > PART_OF_BETTER * area).any():
            kept.append(n)
    return rows[kept]


def _moved(boxes: FloatArray, offsets: FloatArray) -> FloatArray:
    """Boxes with each edge moved by its offset, in shares of the box's width or height."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    moved: FloatArray = boxes + offsets * np.concatenate([sizes, sizes], 1)
    return moved


def _squares(boxes: FloatArray) -> FloatArray:
    """Boxes made square about their centers, by their longer sides."""
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True, initial=0.0) / 2
    half = np.maximum(half, 1.0)
    return np.concatenate([centers - half, centers + half], 1)


def _box(box: FloatArray) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(edge) for edge in box)
    return x0, y0, x1, y1
