"""Memory and streams of a CUDA device, the core's, as the inference backends use them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from fastthumb import _core

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ALIGNMENT = 256  # bytes, for every tensor that TensorRT is given


class Stream(Protocol):
    """A CUDA stream: `handle` is its cudaStream_t as a number."""

    @property
    def handle(self) -> int: ...

    def synchronize(self) -> None: ...


class Buffer(Protocol):
    """Bytes on a device, freed with the object; copies are in the order of their stream."""

    @property
    def address(self) -> int: ...

    @property
    def bytes(self) -> int: ...

    def copy_from_host(self, array: npt.NDArray[Any], stream: Any, offset: int = 0) -> None: ...

    def copy_from_device(
        self, address: int, pitch: int, row_bytes: int, rows: int, stream: Any, offset: int = 0
    ) -> None: ...

    def to_host(
        self, stream: Any, offset: int, pitch: int, row_bytes: int, rows: int
    ) -> npt.NDArray[np.uint8]: ...


def aligned(size: int) -> int:
    """The next multiple of ALIGNMENT."""
    return -(-size // ALIGNMENT) * ALIGNMENT


class Room:
    """A buffer on a device that is as large as it ever had to be."""

    def __init__(self, device: int) -> None:
        self._device = device
        self._buffer: Buffer | None = None

    def of(self, size: int) -> Buffer:
        """A buffer of at least so many bytes, whose content is undefined.

        The one of before is freed where it is too small: nothing may still be using it. Raises
        DeviceOutOfMemory.
        """
        if self._buffer is None or self._buffer.bytes < size:
            self._buffer = None  # first give back, then take
            self._buffer = _core.DeviceBuffer(self._device, size)
        return self._buffer


def devices() -> list[dict[str, Any]]:
    """The CUDA devices that can be used here, by number; none without a driver."""
    return _core.cuda_devices()


def current(device: int) -> AbstractContextManager[None]:
    """While it is entered, the device is this thread's current one."""
    return _core.device_scope(device)
