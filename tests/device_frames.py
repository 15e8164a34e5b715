"""Frames in a CUDA device's memory, for the tests of the core; skips without a device."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from core_frames import Kind, planes
from fastthumb import _core
from fastthumb.errors import DeviceUnavailable
from references import Layout

DeviceFrame = tuple[tuple[int, ...], tuple[int, ...]]
REQUIRED = "FASTTHUMB_REQUIRE_CUDA"  # set where a missing device is a failure


def stream_or_skip() -> _core.CudaStream:
    """A stream on the first device."""
    try:
        return _core.CudaStream(0)
    except DeviceUnavailable as exc:
        if os.environ.get(REQUIRED):
            raise
        pytest.skip(str(exc))


def core_layout(layout: Layout) -> _core.FrameLayout:
    return _core.FrameLayout(layout.width, layout.height, **layout.arguments())


class DeviceFilm:
    """The same frames on the host and on the device, where each plane lies `shift` bytes further.

    `host` are buffers and pitches as the CPU's functions take them, `frames` as the device's do.
    The device's memory lives as long as this object.
    """

    def __init__(
        self,
        layout: Layout,
        kind: Kind,
        count: int,
        stream: _core.CudaStream,
        *,
        shift: int = 0,
        **how: Any,
    ) -> None:
        self.layout = core_layout(layout)
        self.host = [planes(layout, kind, frame, **how)[:2] for frame in range(count)]
        self.frames: list[DeviceFrame] = []
        self._buffers: list[_core.DeviceBuffer] = []
        for buffers, pitches in self.host:
            addresses = [self._upload(buffer, stream, shift) for buffer in buffers]
            self.frames.append((tuple(addresses), pitches))

    def _upload(self, plane: npt.NDArray[Any], stream: _core.CudaStream, shift: int) -> int:
        buffer = _core.DeviceBuffer(0, shift + plane.nbytes)
        buffer.copy_from_host(plane, stream, offset=shift)
        self._buffers.append(buffer)
        return buffer.address + shift


class DeviceTensors:
    """Room for `count` tensors on the device, all of its bytes 0xFF (a NaN) before."""

    def __init__(self, count: int, height: int, width: int, stream: _core.CudaStream) -> None:
        self.shape, self.stream = (count, 3, height, width), stream
        bytes_ = 4 * int(np.prod(self.shape))
        self.buffer = _core.DeviceBuffer(0, bytes_)
        self.buffer.copy_from_host(b"\xff" * bytes_, stream)

    @property
    def address(self) -> int:
        return self.buffer.address

    def host(self) -> npt.NDArray[np.float32]:
        size = self.buffer.bytes
        return (
            self.buffer.to_host(self.stream, 0, size, size, 1).view(np.float32).reshape(self.shape)
        )
