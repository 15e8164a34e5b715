"""The core's device functions over host memory: each works as its twin of the CPU does.

For processes over the fake driver (see nvdec_fakes), where addresses are those of host memory.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastthumb import _core

Frame = tuple[Sequence[int], Sequence[int]]  # addresses and pitches of luma and chroma
MOST_BATCHED = [256]  # frames of a batch that fit into this GPU's memory


class FakeDeviceSignalMeter:
    """Stands in for _core.DeviceSignalMeter."""

    batches: list[int] = []  # noqa: RUF012  what was measured at once, in this process

    def __init__(self, layout: Any, *, device: int, stream: Any, batch: int = 32) -> None:
        from fastthumb.errors import DeviceOutOfMemory

        assert stream.device == device
        if batch > MOST_BATCHED[0]:
            raise DeviceOutOfMemory("no memory")
        self._meter = _core.SignalMeter(layout)

    def reset(self) -> None:
        self._meter.reset()

    def measure(self, frames: Sequence[Frame]) -> list[Any]:
        self.batches.append(len(frames))
        return [self._meter.measure(_planes(*frame), tuple(frame[1])) for frame in frames]


def fake_fit_device(
    layout: Any,
    frames: Sequence[Frame],
    regions: Any,
    sizes: Any,
    wanted: Any,
    *,
    out: int,
    stream: Any,
    **turned: Any,
) -> None:
    """Stands in for _core.fit_device."""
    for frame, region, size in zip(frames, regions, sizes, strict=True):
        made = _core.fit_planes(
            layout, _planes(*frame), tuple(frame[1]), region, size, wanted, **turned
        )
        out = _write(made, out)


def fake_warp_device(
    layout: Any, frames: Sequence[Frame], matrices: Any, wanted: Any, *, out: int, stream: Any
) -> None:
    """Stands in for _core.warp_device."""
    for frame, matrix in zip(frames, matrices, strict=True):
        made = _core.warp_planes(layout, _planes(*frame), tuple(frame[1]), matrix, wanted)
        out = _write(made, out)


def use_fake_kernels() -> None:
    """Put the fakes in the place of the core's."""
    core: Any = _core
    core.DeviceSignalMeter = FakeDeviceSignalMeter
    core.fit_device, core.warp_device = fake_fit_device, fake_warp_device
    FakeDeviceSignalMeter.batches.clear()


def _planes(addresses: Sequence[int], pitches: Sequence[int]) -> tuple[Any, ...]:
    """Buffers of a picture whose chroma follows its luma."""
    luma, chroma = addresses
    rows = (chroma - luma) // pitches[0]
    sizes = (pitches[0] * rows, pitches[1] * ((rows + 1) // 2))
    return tuple(
        np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
        for address, size in zip(addresses, sizes, strict=True)
    )


def _write(tensor: np.ndarray, address: int) -> int:
    """Copy a tensor there; returns where the next one goes."""
    data = np.ascontiguousarray(tensor)
    ctypes.memmove(address, data.ctypes.data, data.nbytes)
    return address + data.nbytes
