"""Black bars: which part of the decoded picture is picture.

Every frame says how many of its outer rows and columns are black (`bar_*` of its signals). That
alone cannot tell a bar from a dark scene. Bars are told by three things together: they keep
their size through a shot; they are black without texture; and they end in a straight edge
along which most of the picture begins at once, which the small copies of the shot's
candidates show. Sizes that were proven once are remembered and believed in darker shots.

Sides are in the order top, bottom, left, right, and everything is in decoded pixels: before
sample aspect ratio, rotation and mirroring.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from fastthumb.media.source import SourceInfo

Box = tuple[int, int, int, int]
Sizes = tuple[int, int, int, int]
ByteArray = npt.NDArray[np.uint8]

_LARGEST = 0.35  # of a side; more than that black is a scene, not a bar
_SMALLEST = 2  # working pixels; thinner lines are left alone
_TOO_DARK = 0.97  # dark share from which a frame says nothing about bars
_MOST_TIMES = 0.5  # share of a shot's frames that must agree on a bar's size, within a pixel
_BAR_LEVEL, _BAR_TEXTURE = 10.0, 2.5  # mean and spread of the luma inside a bar, at most
_STEP = 10.0  # grey levels by which the picture beside a bar is brighter than the bar
_STRAIGHT = 0.5  # share of the edge's length along which the picture must begin
_MATCHED = 2  # working pixels by which the bars of opposite sides may differ and still match
_LOGO_BLACK = 0.85  # share of a bar that is black although a logo or a caption is in it
_LUMA = np.array([54, 183, 19], dtype=np.float32) / 256.0


class BarFinder:
    """Finds the picture without bars shot by shot, and remembers what it has proven."""

    def __init__(self, info: SourceInfo) -> None:
        self._info = info
        self._scale = working_scale(info)
        self._proven: tuple[set[int], ...] = (set(), set(), set(), set())

    def find(
        self,
        sizes: npt.NDArray[np.floating],
        dark_share: npt.NDArray[np.floating],
        pictures: Sequence[ByteArray],
    ) -> Box:
        """(x0, y0, x1, y1) of a shot's picture, ends exclusive, bar edges on even pixels.

        `sizes` is (frames, 4), the bars that each frame measured in working pixels;
        `dark_share` is (frames,); `pictures` are upright uint8 copies of some of the frames.
        The whole frame where no bar is certain.
        """
        info = self._info
        telling = sizes[dark_share < _TOO_DARK]
        if len(telling) == 0 or not telling.any():
            return whole(info)
        lumas = [as_decoded(picture, info) @ _LUMA for picture in pictures]
        bars = [self._side(side, telling[:, side], lumas) for side in range(4)]
        for side in range(4):
            # Straight and black, but larger than a bar that the film has there, and not matched
            # by the other side: something in the picture.
            known = self._known(side, bars[side])
            if known and abs(bars[side] - bars[side ^ 1]) > _MATCHED:
                bars[side] = known
        for side, other in ((0, 1), (1, 0), (2, 3), (3, 2)):
            if bars[side] < bars[other] and self._holds_logo(side, bars[other], lumas):
                bars[side] = bars[other]
        for side, size in enumerate(bars):
            if size:
                self._proven[side].add(size)
        return self._box(bars)

    def _side(
        self, side: int, measured: npt.NDArray[np.floating], lumas: list[npt.NDArray[np.float32]]
    ) -> int:
        """Size of one bar in working pixels, 0 where there is none for certain."""
        size = int(np.quantile(measured, 0.1, method="lower"))
        if not _SMALLEST <= size <= _LARGEST * self._length(side):
            return 0
        steady = float((measured <= size + 1).mean()) >= _MOST_TIMES
        if steady and any(self._is_straight(side, size, luma) for luma in lumas):
            return size
        return self._known(side, size)

    def _known(self, side: int, size: int) -> int:
        """The largest bar up to a size that an earlier shot had on a side; 0 if none had."""
        return max((proven for proven in self._proven[side] if proven <= size + 1), default=0)

    def _length(self, side: int) -> float:
        """Length of the frame across a bar, in working pixels."""
        if side < 2:
            return self._info.height / self._scale[1]
        return self._info.width / self._scale[0]

    def _is_straight(self, side: int, size: int, luma: npt.NDArray[np.float32]) -> bool:
        """Whether a picture shows a bar of this size with a straight end."""
        inside, beside = self._around(side, size, luma)
        if inside.size == 0 or beside.size == 0:
            return False
        level = float(inside.mean())
        if level > _BAR_LEVEL or float(inside.std()) > _BAR_TEXTURE:
            return False
        return float((beside.max(axis=0) >= level + _STEP).mean()) >= _STRAIGHT

    def _holds_logo(self, side: int, size: int, lumas: list[npt.NDArray[np.float32]]) -> bool:
        """Whether a bar as large as the one opposite is there, with something bright in it."""
        for luma in lumas:
            inside, beside = self._around(side, size, luma)
            if inside.size == 0 or beside.size == 0:
                return False
            black = inside <= _BAR_LEVEL + _BAR_TEXTURE
            begins = beside.max(axis=0) >= _BAR_LEVEL + _STEP
            if float(black.mean()) < _LOGO_BLACK or float(begins.mean()) < _STRAIGHT:
                return False
        return bool(lumas)

    def _around(
        self, side: int, size: int, luma: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """The rows of a bar that are surely inside it, and the two that are surely beside it.

        Both come with the outer edge as row 0, whatever the side. The row that the edge runs
        through is in neither.
        """
        turned = (luma, luma[::-1], luma.T, luma.T[::-1])[side]
        end = size * len(turned) / self._length(side)
        first = int(np.ceil(end)) + 1
        return turned[: max(int(end) - 1, 1)], turned[first : first + 2]

    def _box(self, bars: Sequence[int]) -> Box:
        info = self._info
        top, bottom, left, right = (
            _even_cut(size, self._scale[side < 2]) for side, size in enumerate(bars)
        )
        return left, top, info.width - right, info.height - bottom


def whole(info: SourceInfo) -> Box:
    """The box of a frame without bars."""
    return 0, 0, info.width, info.height


def working_scale(info: SourceInfo) -> tuple[int, int]:
    """Decoded pixels per working pixel, (across, down); the core's reduction to 360 lines."""
    factor = max(1, min(info.width, info.height) // 360)
    if info.interlaced:
        return 2 * ((factor + 1) // 2), 2 * ((factor + 1) // 2)
    return factor, factor


def as_decoded(picture: ByteArray, info: SourceInfo) -> ByteArray:
    """An upright picture turned back to the way its frame is stored."""
    if info.mirrored:
        picture = picture[:, ::-1]
    return np.rot90(picture, info.rotation_degrees // 90)


def upright_shares(box: Box, info: SourceInfo) -> tuple[float, float, float, float]:
    """A box of decoded pixels as (x0, y0, x1, y1) in shares of the upright picture."""
    x0, x1 = box[0] / info.width, box[2] / info.width
    y0, y1 = box[1] / info.height, box[3] / info.height
    for _ in range(info.rotation_degrees // 90):
        x0, y0, x1, y1 = 1.0 - y1, x0, 1.0 - y0, x1
    if info.mirrored:
        x0, x1 = 1.0 - x1, 1.0 - x0
    return x0, y0, x1, y1


def cut_bars(picture: ByteArray, box: Box, info: SourceInfo) -> ByteArray:
    """The part of an upright picture that a box of decoded pixels leaves; a view."""
    rows, columns = picture.shape[:2]
    x0, y0, x1, y1 = upright_shares(box, info)
    # Rounded inwards: a line that is half bar would look like an edge.
    left, top = int(np.ceil(x0 * columns - 1e-6)), int(np.ceil(y0 * rows - 1e-6))
    right, bottom = int(x1 * columns + 1e-6), int(y1 * rows + 1e-6)
    if right - left < 1 or bottom - top < 1:
        return picture
    return picture[top:bottom, left:right]


def upright_map(
    values: npt.NDArray[np.float32], box: Box, info: SourceInfo
) -> npt.NDArray[np.float32]:
    """A map over the decoded frame as one of equal size over the upright picture in a box."""
    rows, columns = values.shape
    turned = np.rot90(values, -info.rotation_degrees // 90)
    if info.mirrored:
        turned = turned[:, ::-1]
    x0, y0, x1, y1 = upright_shares(box, info)
    height, width = turned.shape
    part = (x0 * width, y0 * height, x1 * width, y1 * height)
    plane = Image.fromarray(np.ascontiguousarray(turned))
    return np.asarray(plane.resize((columns, rows), Image.Resampling.BILINEAR, box=part))


def _even_cut(size: int, scale: int) -> int:
    """Decoded pixels to cut for a bar of `size` working pixels.

    The bar may end anywhere inside the next working pixel, and compression smears its edge
    over about two pixels: those are cut too.
    """
    if size == 0:
        return 0
    cut = size * scale + max(scale, 2)
    return cut + cut % 2
