"""Face detection: boxes, five landmarks and a score for every face of a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb import _core
from fastthumb.inference.crops import Box, Points
from fastthumb.inference.tensors import Runnable, region
from fastthumb.inference.views import PictureView

if TYPE_CHECKING:
    from fastthumb.inference.models import Resolved
    from fastthumb.inference.mtcnn import Mtcnn

# Where an entry leaves them out: those of the official networks.
THRESHOLD, IOU = 0.6, 0.3
# Tiles of the search for small faces: this many along each side, and how much of a tile also
# belongs to its neighbor. A face smaller than the overlap is whole in one tile at least.
TILES = 2
OVERLAP = 0.2
# A glimpse: the longer side of the picture in it, and the score from which it shows something that
# may be a face. Of the frames that show a sure face to a whole look, 98.6 % then show one.
GLIMPSE_SIDE, GLIMPSE_SCORE = 320, 0.3
# The built-in cascade's time is in the small faces; this is the smallest one of its glimpse, as a
# share of the picture's short side.
GLIMPSE_FACE_SHARE = 1 / 9
# A face that a tile cuts off reaches this near to the tile's inner edge, as a share of its width.
CUT_BY_TILE = 0.02


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face in display pixels.

    `box` is (x0, y0, x1, y1) and may reach beyond the picture; `landmarks`, float64 (5, 2), are
    left eye, right eye, nose, left and right corner of the mouth as the picture shows them.
    """

    box: Box
    landmarks: Points
    score: float


class FaceFinder(ABC):
    """Finds the faces of a picture.

    A face that scores `sure` or more is one; among those that score less are profiles and
    blurred heads, and also animals, paws and folds of cloth.
    """

    sure: float
    iou: float = IOU
    glimpses_are_exact = True  # what a glimpse shows scores and lies as in a whole look

    def detect(self, view: PictureView, *, tiles: bool = False) -> list[FoundFace]:
        """Find faces, best first; with `tiles` small ones too, in about five times the time.

        Tiles are looked at one by one, each as large as the whole picture is otherwise shown to
        the network. A face that an inner edge of a tile cuts is whole in a neighboring tile, or
        large enough to be found in the whole picture.
        """
        whole = (0.0, 0.0, float(view.width), float(view.height))
        rows = self._rows(view, whole)
        if tiles:
            parts = [rows]
            for tile in tiles_of(view.width, view.height):
                parts.append(_whole_in(self._rows(view, tile), tile, whole))
            rows = np.concatenate(parts)
            boxes, scores = rows[:, :4].astype(np.float32), rows[:, 4].astype(np.float32)
            rows = rows[_core.nms(boxes, scores, self.iou)]
        return [_face(row) for row in rows]

    def glimpse(self, view: PictureView) -> list[FoundFace]:
        """Where faces may be, best first, in less time than `detect` where the finder knows how.

        Unless `glimpses_are_exact` they score less than `detect` asks for and their places are
        coarse. Where there are none, `detect` finds small or doubtful faces at most.
        """
        return self.detect(view)

    def detect_in(self, view: PictureView, box: Box) -> list[FoundFace]:
        """Find the faces of a region, best first, as `detect` finds them in the whole picture."""
        return [_face(row) for row in self._rows(view, box)]

    @abstractmethod
    def _rows(self, view: PictureView, box: Box) -> npt.NDArray[np.float64]:
        """Faces in a region, best first, (k, 15): box, score, landmarks in display pixels."""


class YunetFinder(FaceFinder):
    """Faces by a network of the YuNet family (Wu, Peng and Yu 2023).

    The picture is shown at the size of the entry's input, never enlarged; where the entry
    allows free sizes (`multiple_of`), no larger than the picture's own shape needs.
    """

    sure = 0.8

    def __init__(self, network: Runnable) -> None:
        self._network = network
        output = network.entry.output
        self.glimpses_are_exact = network.entry.input.multiple_of is None
        self._threshold = THRESHOLD if output.threshold is None else output.threshold
        self.iou = IOU if output.iou is None else output.iou

    def glimpse(self, view: PictureView) -> list[FoundFace]:
        """As above, in a quarter of the time; a network of one size looks as for `detect`."""
        if self.glimpses_are_exact:
            return self.detect(view)
        scale = GLIMPSE_SIDE / max(view.width, view.height)
        whole = (0.0, 0.0, float(view.width), float(view.height))
        return [_face(row) for row in self._rows(view, whole, scale, GLIMPSE_SCORE)]

    def detect_in(self, view: PictureView, box: Box) -> list[FoundFace]:
        """As above, at the scale at which `detect` shows the whole picture: less is to be seen."""
        wanted = self._network.entry.input
        scale = max(wanted.width, wanted.height) / max(view.width, view.height)
        return [_face(row) for row in self._rows(view, box, scale)]

    def _rows(
        self,
        view: PictureView,
        box: Box,
        most_scale: float | None = None,
        threshold: float | None = None,
    ) -> npt.NDArray[np.float64]:
        tensor, scale = region(view, self._network.entry.input, box, most_scale)
        answers = self._network.run(tensor)
        maps = [np.ascontiguousarray(answers[name][0]) for name in self._network.output_names]
        height, width = tensor.shape[2:]
        least = self._threshold if threshold is None else threshold
        found = _core.decode_yunet(maps, width, height, least, self.iou)
        rows = np.asarray(found, np.float64)
        places = [0, 1, 2, 3, *range(5, 15)]
        rows[:, places] = rows[:, places] / scale + np.tile(box[:2], 7)
        return rows


class MtcnnFinder(FaceFinder):
    """Faces by the built-in cascade, for which no file is needed."""

    sure = 0.9

    def __init__(self, cascade: Mtcnn) -> None:
        self._cascade = cascade

    def glimpse(self, view: PictureView) -> list[FoundFace]:
        """As above, in a third of the time: the larger faces."""
        return [_face(row) for row in self._cascade.detect(view, GLIMPSE_FACE_SHARE).astype(float)]

    def _rows(self, view: PictureView, box: Box) -> npt.NDArray[np.float64]:
        x0, y0, x1, y1 = (round(edge) for edge in box)
        if x1 - x0 == view.width and y1 - y0 == view.height:
            return np.asarray(self._cascade.detect(view), np.float64)
        part = PictureView.of_rgb(view.rgb(x1 - x0, y1 - y0, (x0, y0, x1, y1)))
        rows = np.asarray(self._cascade.detect(part), np.float64)
        places = [0, 1, 2, 3, *range(5, 15)]
        rows[:, places] += np.tile((x0, y0), 7)
        return rows


def open_face_finder(
    resolved: Resolved, opened: Callable[[Resolved], Runnable], threads: int
) -> FaceFinder:
    """The finder of the entry's family; raises ModelError if its file cannot be loaded.

    `opened` loads its network. The built-in cascade runs on the CPU, with so many `threads`.
    """
    if resolved.entry.family == "mtcnn":
        from fastthumb.inference.mtcnn import Mtcnn

        return MtcnnFinder(Mtcnn.open(threads, resolved))
    return YunetFinder(opened(resolved))


def tiles_of(width: int, height: int) -> Iterator[Box]:
    """Boxes of TILES x TILES overlapping tiles that cover a picture, each of its shape."""
    for top, bottom in _spans(height):
        for left, right in _spans(width):
            yield left, top, right, bottom


def _spans(length: int) -> Iterator[tuple[float, float]]:
    """TILES equal spans that cover 0..length, neighbors sharing OVERLAP of one."""
    size = length / (TILES - (TILES - 1) * OVERLAP)
    for index in range(TILES):
        start = index * size * (1 - OVERLAP)
        yield start, start + size


def _whole_in(rows: npt.NDArray[np.float64], tile: Box, picture: Box) -> npt.NDArray[np.float64]:
    """Faces that no inner edge of the tile cuts off."""
    slack = CUT_BY_TILE * (rows[:, 2] - rows[:, 0])[:, None]
    low = (rows[:, :2] > np.add(tile[:2], slack)) | np.less_equal(tile[:2], picture[:2])
    at_end = np.greater_equal(np.add(tile[2:], 1e-6), picture[2:])
    high = (rows[:, 2:4] < np.subtract(tile[2:], slack)) | at_end
    return rows[(low & high).all(axis=1)]


def _face(row: npt.NDArray[np.float64]) -> FoundFace:
    x0, y0, x1, y1, score, *places = (float(value) for value in row)
    return FoundFace((x0, y0, x1, y1), np.array(places).reshape(5, 2), score)
