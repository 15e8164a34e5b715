"""Memory of a CUDA device, the core's, as the inference backends use it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from fastthumb import _core

ALIGNMENT = 256  # bytes, for every tensor that TensorRT is given


def aligned(size: int) -> int:
    """The next multiple of ALIGNMENT."""
    return -(-size // ALIGNMENT) * ALIGNMENT


class Room:
    """A buffer on a device that is as large as it ever had to be."""

    def __init__(self, device: int) -> None:
        self._device = device
        self._buffer: _core.DeviceBuffer | None = None

    def of(self, size: int) -> _core.DeviceBuffer:
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
