"""Tensors that lie on a GPU, made of pictures there; networks there run on them in place."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from fastthumb import _core

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from fastthumb.media.device_image import DeviceImage
    from fastthumb.media.layout import CoreFrame

Region = tuple[float, float, float, float]
_FLOAT_BYTES = 4


class Turned(TypedDict):
    """The keywords of `_core.fit_planes`."""

    quarter_turns: int
    mirrored: bool
    filter: str


class DeviceTensor:
    """float32 `shape` (n, 3, height, width), planar, on the GPU and the stream of a picture.

    Whatever takes an array takes it too: its numbers are then downloaded.
    """

    def __init__(self, image: DeviceImage, shape: tuple[int, int, int, int]) -> None:
        self.shape, self._image = shape, image  # which is not let go before its pixels are read
        self._buffer = image.scratch(prod(shape) * _FLOAT_BYTES)

    def __del__(self) -> None:
        if hasattr(self, "_buffer"):
            self._image.give_back(self._buffer)

    @property
    def device(self) -> int:
        """Number of the GPU."""
        return self._image.device

    @property
    def stream(self) -> _core.CudaStream:
        """The stream on which the numbers are there."""
        return self._image.stream

    @property
    def address(self) -> int:
        """Where the first number is."""
        return self._buffer.address

    def ready(self) -> int:
        """The address, once the numbers are there for every stream."""
        self.stream.synchronize()
        return self.address

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[np.float32]:
        size = prod(self.shape) * _FLOAT_BYTES
        rows = self._buffer.to_host(self.stream, 0, size, size, 1)
        numbers = rows.reshape(-1).view(np.float32).reshape(self.shape)
        return np.asarray(numbers, dtype)


def fitted(
    picture: CoreFrame,
    layout: _core.FrameLayout,
    region: Region,
    size: tuple[int, int],
    wanted: _core.TensorFormat,
    tensor: tuple[int, int],
    turned: Turned,
) -> DeviceTensor:
    """A region of a picture on a GPU, (1, 3, height, width); arguments as `_core.fit_planes`."""
    made = _room(picture, 1, tensor)
    _core.fit_device(
        layout,
        [(picture.planes, picture.pitches)],
        [region],
        [size],
        wanted,
        **turned,
        out=made.address,
        stream=made.stream,
    )
    return made


def warped(
    picture: CoreFrame,
    layout: _core.FrameLayout,
    matrices: Sequence[npt.NDArray[np.float64]],
    wanted: _core.TensorFormat,
    tensor: tuple[int, int],
) -> DeviceTensor:
    """A picture on a GPU through each matrix, (n, 3, height, width), as `_core.warp_planes`."""
    made = _room(picture, len(matrices), tensor)
    _core.warp_device(
        layout,
        [(picture.planes, picture.pitches)] * len(matrices),
        np.stack(matrices),
        wanted,
        out=made.address,
        stream=made.stream,
    )
    return made


def _room(picture: CoreFrame, count: int, size: tuple[int, int]) -> DeviceTensor:
    image = picture.on_device
    assert image is not None
    return DeviceTensor(image, (count, 3, size[1], size[0]))
