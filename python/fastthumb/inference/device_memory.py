"""Memory of a CUDA device, the core's, as the inference backends use it."""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Iterator
from typing import Any

from fastthumb import _core
from fastthumb.errors import DeviceUnavailable

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


@contextlib.contextmanager
def current(device: int) -> Iterator[None]:
    """While it is entered, the device is this thread's current one, for every library.

    TensorRT builds, loads and runs on the device whose context is current. Raises
    DeviceUnavailable where the driver has no such device.
    """
    driver, before = _driver(), ctypes.c_void_p()
    _checked(device, driver.cuCtxPushCurrent_v2(_context(device)))
    try:
        yield
    finally:
        driver.cuCtxPopCurrent_v2(ctypes.byref(before))


@functools.cache
def _driver() -> Any:
    """The driver's library, which is there where a device is."""
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as exc:
        raise DeviceUnavailable(
            "no CUDA driver is installed (libcuda.so.1); install NVIDIA's, or use --gpu none"
        ) from exc


@functools.cache
def _context(device: int) -> ctypes.c_void_p:
    """The context that the core and all libraries share on a device; kept for the process."""
    driver, number, context = _driver(), ctypes.c_int(), ctypes.c_void_p()
    _checked(device, driver.cuInit(0))
    _checked(device, driver.cuDeviceGet(ctypes.byref(number), device))
    _checked(device, driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), number))
    return context


def _checked(device: int, status: int) -> None:
    if status:
        raise DeviceUnavailable(
            f"GPU {device}: the CUDA driver cannot use it (error {status}); look at nvidia-smi"
        )
