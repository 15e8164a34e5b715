"""What a network may look at: one picture, upright, in square pixels and display colors.

A view goes straight from the planes of a frame to the tensor that a network asks for: region,
reduction, colors, turn and normalization are one kernel of the core, and nothing is copied
before. Coordinates are continuous: the picture spans 0..width and 0..height, pixel (0, 0)
covers 0..1, and its center is at 0.5. The same holds for tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from fastthumb import _core
from fastthumb.errors import FrameError
from fastthumb.inference import device_tensors
from fastthumb.inference.device_tensors import DeviceTensor, Turned
from fastthumb.media.layout import CoreFrame, CoreLayout, core_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from fastthumb.media.source import Frame, SourceInfo

    Tensor = npt.NDArray[np.float32]
    NetworkInput = Tensor | DeviceTensor  # float32 (n, 3, height, width), on the host or a GPU

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Pixels:
    """How a network wants its pixels: value = (code 0..255 - mean) * scale.

    `mean` and `scale` are per channel, in the network's channel order. `fill` is the code of
    what lies outside the picture, before mean and scale. `filter` "area" averages where it
    reduces and is linear where it enlarges; "cubic" is sharper.
    """

    channels: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fill: float = 0.0
    filter: Literal["area", "cubic"] = "area"

    def tensor_format(self, width: int, height: int) -> _core.TensorFormat:
        """Give the core's word for this, for tensors of `width` x `height`."""
        return _core.TensorFormat(
            width,
            height,
            bgr=self.channels == "bgr",
            mean=self.mean,
            scale=self.scale,
            fill=self.fill,
        )


@dataclass(frozen=True, slots=True)
class _Way:
    """How display pixels lie in the stored picture.

    `matrix` (3, 3) takes display px to stored px.
    """

    width: int
    height: int
    matrix: npt.NDArray[np.float64]
    quarter_turns: int = 0  # clockwise, from stored to display
    mirrored: bool = False


class PictureView:
    """One picture as the networks see it; `width` and `height` are upright display pixels."""

    def __init__(self, picture: CoreFrame | npt.NDArray[np.uint8], way: _Way) -> None:
        self.width, self.height = way.width, way.height
        self._picture = picture
        self._way = way

    @classmethod
    def of_frame(cls, frame: Frame, info: SourceInfo) -> Self:
        """View a decoded frame, of interlaced ones the first field.

        The planes are not copied: `frame` stays alive as long as the view does.
        """
        core = core_frame(frame, info)
        return cls(core, _way_of(core.layout, info))

    @classmethod
    def of_rgb(cls, rgb: npt.NDArray[np.uint8]) -> Self:
        """View upright display RGB, uint8 (height, width, 3). Raises FrameError for others."""
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
            raise FrameError(
                f"picture view: needs uint8 (height, width, 3), got {rgb.dtype} {rgb.shape}; "
                "convert the picture first"
            )
        return cls(np.ascontiguousarray(rgb), _Way(rgb.shape[1], rgb.shape[0], np.eye(3)))

    def fitted(self, width: int, height: int, pixels: Pixels, box: Box | None = None) -> Tensor:
        """Region `box` (x0, y0, x1, y1 display px; default all) stretched to width x height.

        Returns float32 (3, height, width). What lies outside the picture is `pixels.fill`.
        Raises FrameError for an empty region or a size that cannot be.
        """
        tensor: Tensor = np.asarray(self.input_fitted(width, height, pixels, box))[0]
        return tensor

    def input_fitted(
        self, width: int, height: int, pixels: Pixels, box: Box | None = None
    ) -> NetworkInput:
        """As `fitted`, (1, 3, height, width), where the picture lies."""
        return self._fit(self._checked(box), (width, height), (width, height), pixels)

    def letterboxed(
        self,
        width: int,
        height: int,
        pixels: Pixels,
        box: Box | None = None,
        *,
        enlarge: bool = False,
    ) -> tuple[Tensor, float]:
        """Region `box`, aspect kept, pasted top left into width x height; with its scale.

        Returns float32 (3, height, width) and tensor px per display px, the same on both axes
        (unless a side is less than half a tensor px). The rest is `pixels.fill`. A region
        smaller than the tensor is enlarged only with `enlarge`. Raises FrameError for an empty
        region or a size that cannot be.
        """
        made, scale = self.input_letterboxed(width, height, pixels, box, enlarge=enlarge)
        return np.asarray(made)[0], scale

    def input_letterboxed(
        self,
        width: int,
        height: int,
        pixels: Pixels,
        box: Box | None = None,
        *,
        enlarge: bool = False,
    ) -> tuple[NetworkInput, float]:
        """As `letterboxed`, (1, 3, height, width), where the picture lies."""
        x0, y0, x1, y1 = self._checked(box)
        scale = min(width / (x1 - x0), height / (y1 - y0))
        if not enlarge:
            scale = min(scale, 1.0)
        if not scale > 0:
            raise FrameError(
                f"letterbox: needs a tensor of at least 1 px a side, got {width} x {height}; "
                "pass the size that the network takes"
            )
        across, right = _side(x0, x1, scale, width)
        down, bottom = _side(y0, y1, scale, height)
        return self._fit((x0, y0, right, bottom), (across, down), (width, height), pixels), scale

    def warped(
        self, matrix: npt.NDArray[np.float64], width: int, height: int, pixels: Pixels
    ) -> Tensor:
        """Picture moved by `matrix` (2, 3), display px to tensor px, both continuous.

        Returns float32 (3, height, width); outside the picture is `pixels.fill`. A matrix
        that counts from the centers of pixels (as OpenCV's do) is off by half a pixel:
        M @ (x - 0.5, y - 0.5, 1) + 0.5 is what is wanted here.
        Raises FrameError for a matrix that is not finite or cannot be turned around.
        """
        tensor: Tensor = np.asarray(self.input_warped([matrix], width, height, pixels))[0]
        return tensor

    def input_warped(
        self,
        matrices: Sequence[npt.NDArray[np.float64]],
        width: int,
        height: int,
        pixels: Pixels,
    ) -> NetworkInput:
        """As `warped` by each of one or more matrices, (n, 3, height, width), where it lies."""
        ways = [self._back(matrix) for matrix in matrices]
        wanted, picture = pixels.tensor_format(width, height), self._picture
        if not isinstance(picture, CoreFrame):
            return np.stack([_core.warp_rgb(picture, way, wanted) for way in ways])
        layout, planes, pitches = _core_layout(picture.layout), picture.planes, picture.pitches
        if picture.on_device is not None:
            return device_tensors.warped(picture, layout, ways, wanted, (width, height))
        return np.stack([_core.warp_planes(layout, planes, pitches, way, wanted) for way in ways])

    def rgb(self, width: int, height: int, box: Box | None = None) -> npt.NDArray[np.uint8]:
        """Region `box` stretched to uint8 (height, width, 3), for people and tests."""
        codes = self.fitted(width, height, Pixels(), box)
        return np.ascontiguousarray(np.rint(codes).astype(np.uint8).transpose(1, 2, 0))

    def _back(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Tensor px to stored px of a matrix from display px to tensor px; both (2, 3)."""
        square = np.vstack([np.asarray(matrix, np.float64).reshape(2, 3), [0.0, 0.0, 1.0]])
        if not np.isfinite(square).all() or abs(np.linalg.det(square)) < 1e-12:
            raise FrameError(
                f"warp: needs a finite matrix that can be inverted, got {square[:2].tolist()}; "
                "leave out crops without an extent"
            )
        return np.ascontiguousarray((self._way.matrix @ np.linalg.inv(square))[:2])

    def _checked(self, box: Box | None) -> Box:
        if box is None:
            return (0.0, 0.0, float(self.width), float(self.height))
        x0, y0, x1, y1 = (float(edge) for edge in box)
        if not (all(map(math.isfinite, (x0, y0, x1, y1))) and x0 < x1 and y0 < y1):
            raise FrameError(
                f"picture view: needs a box with x0 < x1 and y0 < y1, got {tuple(box)}; "
                "leave out boxes without an extent"
            )
        return x0, y0, x1, y1

    def _fit(
        self, box: Box, size: tuple[int, int], tensor: tuple[int, int], pixels: Pixels
    ) -> NetworkInput:
        wanted = pixels.tensor_format(*tensor)
        picture, way = self._picture, self._way
        if not isinstance(picture, CoreFrame):
            return _core.fit_rgb(picture, box, size, wanted, filter=pixels.filter)[None]
        corners = way.matrix @ np.array([[box[0], box[2]], [box[1], box[3]], [1.0, 1.0]])
        (x0, x1), (y0, y1) = np.sort(corners[:2]).tolist()
        layout = _core_layout(picture.layout)
        how = Turned(quarter_turns=way.quarter_turns, mirrored=way.mirrored, filter=pixels.filter)
        if picture.on_device is not None:
            region = (x0, y0, x1, y1)
            return device_tensors.fitted(picture, layout, region, size, wanted, tensor, how)
        fitted = _core.fit_planes(
            layout, picture.planes, picture.pitches, (x0, y0, x1, y1), size, wanted, **how
        )
        return fitted[None]


def _side(start: float, end: float, scale: float, most: int) -> tuple[int, float]:
    """Whole tensor px for a side of a box, and where the box then ends for the scale to hold.

    A side of less than half a px gets one all the same.
    """
    count = round((end - start) * scale)
    if count < 1:
        return 1, end
    count = min(most, count)
    return count, start + count / scale


@lru_cache(maxsize=8)
def _core_layout(layout: CoreLayout) -> _core.FrameLayout:
    return _core.FrameLayout(**layout.arguments())


def _way_of(layout: CoreLayout, info: SourceInfo) -> _Way:
    """Undo, from the last to the first, what shows a stored picture upright."""
    wide = max(1, round(layout.width * info.sample_aspect_ratio))
    high = layout.height
    turns = info.rotation_degrees // 90 % 4
    width, height = (high, wide) if turns % 2 else (wide, high)
    unmirrored = np.array([[-1.0, 0, width], [0, 1, 0], [0, 0, 1]]) if info.mirrored else np.eye(3)
    unturned = [
        np.eye(3),
        np.array([[0.0, 1, 0], [-1, 0, high], [0, 0, 1]]),
        np.array([[-1.0, 0, wide], [0, -1, high], [0, 0, 1]]),
        np.array([[0.0, -1, wide], [1, 0, 0], [0, 0, 1]]),
    ][turns]
    unstretched = np.diag([layout.width / wide, 1.0, 1.0])
    matrix = unstretched @ unturned @ unmirrored
    return _Way(width, height, matrix, turns, info.mirrored)
