"""A CUDA device in host memory: work runs when its stream is waited for, as late as it can.

Memory that was given back, or that a tensor reaches beyond, is found when the work runs. A new
buffer holds no numbers, so that results that nobody wrote show.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fastthumb import _core
from fastthumb.errors import DeviceOutOfMemory
from fastthumb.inference import device_memory

Bytes = npt.NDArray[np.uint8]
ALIGNMENT = 256


class FakeCuda:
    """The devices of one test, and what happened on them."""

    def __init__(self, devices: int = 2, memory_bytes: int = 1 << 30) -> None:
        self.count, self.free_bytes = devices, memory_bytes
        self.buffers: list[weakref.ref[FakeBuffer]] = []
        self.streams: dict[int, FakeStream] = {}
        self.downloads = self.synchronizations = 0
        self._thread = threading.local()

    @property
    def current(self) -> int | None:
        """The device that this thread has made its current one."""
        return self.contexts[-1] if self.contexts else None

    @property
    def contexts(self) -> list[int]:
        """The devices that this thread has made current, the last one on top."""
        stack: list[int] = self._thread.__dict__.setdefault("stack", [])
        return stack

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Make it the core's."""
        patch.setattr(_core, "cuda_devices", self.devices, raising=False)
        patch.setattr(device_memory, "_driver", lambda: FakeDriver(self))
        fresh = functools.cache(device_memory._context.__wrapped__)
        patch.setattr(device_memory, "_context", fresh)
        patch.setattr(_core, "DeviceBuffer", self.buffer, raising=False)

    def devices(self) -> list[dict[str, Any]]:
        facts = {"name": "Fake GPU", "compute_capability": (9, 0)}
        return [facts | {"free_bytes": self.free_bytes} for _ in range(self.count)]

    def buffer(self, device: int, size: int) -> FakeBuffer:
        if size > self.free_bytes:
            raise DeviceOutOfMemory(f"{size} bytes are too many; ask for less")
        buffer = FakeBuffer(self, device, size)
        self.buffers.append(weakref.ref(buffer))
        return buffer

    def memory(self, address: int, size: int, device: int) -> Bytes:
        """The bytes at an address; fails unless a living buffer of the device holds them all."""
        for buffer in filter(None, (ref() for ref in self.buffers)):
            start = address - buffer.address
            if start >= 0 and start + size <= buffer.bytes:
                assert buffer.device == device, "memory of another device"
                return buffer.data[start : start + size]
        raise AssertionError(f"no living buffer holds {size} bytes at {address:#x}")


class FakeDriver:
    """What the driver's library offers for contexts."""

    def __init__(self, cuda: FakeCuda) -> None:
        self._cuda = cuda

    def cuInit(self, flags: int) -> int:
        return 0 if self._cuda.count else 100

    def cuDeviceGet(self, number: Any, ordinal: int) -> int:
        number._obj.value = ordinal
        return 0 if ordinal < self._cuda.count else 101

    def cuDevicePrimaryCtxRetain(self, context: Any, number: Any) -> int:
        context._obj.value = 0xC0 + number.value
        return 0

    def cuCtxPushCurrent_v2(self, context: Any) -> int:
        self._cuda.contexts.append(context.value - 0xC0)
        return 0

    def cuCtxPopCurrent_v2(self, context: Any) -> int:
        context._obj.value = 0xC0 + self._cuda.contexts.pop()
        return 0


class FakeStream:
    """A stream whose work waits until somebody waits for it."""

    def __init__(self, cuda: FakeCuda, device: int = 0) -> None:
        self.cuda, self.device = cuda, device
        self.handle = 0x5000 + 16 * len(cuda.streams)
        self.work: list[Callable[[], None]] = []
        cuda.streams[self.handle] = self

    def synchronize(self) -> None:
        self.cuda.synchronizations += 1
        work, self.work = self.work, []
        for task in work:
            task()


class FakeBuffer:
    """Device memory, aligned as cudaMalloc's is."""

    def __init__(self, cuda: FakeCuda, device: int, size: int) -> None:
        self.cuda, self.device, self.bytes = cuda, device, size
        room = np.full(size + ALIGNMENT, 0xFF, np.uint8)  # float32 of these bytes is NaN
        start = -room.ctypes.data % ALIGNMENT
        self.data = room[start : start + size]
        self.address = self.data.ctypes.data

    def copy_from_host(self, data: Any, stream: FakeStream, offset: int = 0) -> None:
        view = memoryview(data)
        assert view.c_contiguous
        assert offset + view.nbytes <= self.bytes
        data = np.array(bytearray(view.tobytes()), np.uint8)
        place = self.address + offset

        def copy() -> None:
            self.cuda.memory(place, len(data), stream.device)[:] = data

        stream.work.append(copy)

    def copy_from_device(
        self,
        address: int,
        pitch: int,
        row_bytes: int,
        rows: int,
        stream: FakeStream,
        offset: int = 0,
        to_pitch: int | None = None,
    ) -> None:
        place, step = self.address + offset, to_pitch or row_bytes
        cuda, device = self.cuda, stream.device

        def copy() -> None:
            for row in range(rows):
                source = cuda.memory(address + row * pitch, row_bytes, device)
                cuda.memory(place + row * step, row_bytes, device)[:] = source

        stream.work.append(copy)

    def to_host(
        self, stream: FakeStream, offset: int, pitch: int, row_bytes: int, rows: int
    ) -> Bytes:
        stream.synchronize()
        self.cuda.downloads += 1
        return np.stack(
            [self.data[offset + row * pitch :][:row_bytes].copy() for row in range(rows)]
        )
