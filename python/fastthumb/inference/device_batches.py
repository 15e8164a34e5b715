"""What every network on a device shares: batches, device memory, one download."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from fastthumb.inference.device_memory import ALIGNMENT, Room, aligned, current
from fastthumb.inference.device_tensors import DeviceTensor
from fastthumb.inference.tensors import FloatArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from fastthumb._core import CudaStream
    from fastthumb.inference.entries import ModelEntry
    from fastthumb.inference.views import NetworkInput

FLOAT_BYTES = 4
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """Pictures that run at once: the first one's position, how many, and where results go.

    `places` are, per output, its offset in the buffer of results and its shape.
    """

    start: int
    count: int
    places: tuple[tuple[int, Shape], ...]


class DeviceNetwork(ABC):
    """A network on a CUDA device, ready to run on one stream.

    Like the CPU's: `entry` is what the registry says of it, `sha256` the hash of its file,
    `device` where it runs ("cuda:0"), `backend` through which library, and `output_names` the
    order of the outputs. `passed_over` are the reasons why libraries that come first were not
    taken. Threads may share it: one call runs after the other.
    """

    backend: str

    def __init__(
        self,
        entry: ModelEntry,
        sha256: str,
        output_names: tuple[str, ...],
        *,
        device: int,
        stream: CudaStream,
        max_batch: int,
    ) -> None:
        self.entry, self.sha256, self.output_names = entry, sha256, output_names
        self.device = f"cuda:{device}"
        self.passed_over: tuple[str, ...] = ()
        self._number, self._stream, self._most = device, stream, max_batch
        self._inputs, self._inputs_copy, self._outputs = Room(device), Room(device), Room(device)
        self._lock = threading.Lock()

    def run(self, tensors: NetworkInput) -> dict[str, FloatArray]:
        """Run float32 (n, 3, height, width); returns the outputs by name on the host, (n, ...).

        Tensors on this GPU are read in place. Raises ModelError if the library refuses,
        DeviceOutOfMemory where memory is short.
        """
        if isinstance(tensors, DeviceTensor) and tensors.device == self._number:
            n, _, height, width = tensors.shape
            return self.run_device(tensors.ready(), n, height, width)
        tensors = np.ascontiguousarray(tensors, np.float32)
        n, _, height, width = tensors.shape
        with self._lock, current(self._number):
            if n == 0:
                return self._nothing(height, width)
            inputs = self._inputs.of(tensors.nbytes)
            inputs.copy_from_host(tensors.data, self._stream)
            return self._run(inputs.address, n, height, width)

    def run_device(self, address: int, n: int, height: int, width: int) -> dict[str, FloatArray]:
        """Run n tensors that lie on the device; returns the outputs on the host, by name, (n, ...).

        `address` is that of n * 3 * height * width float32, planar, written on the network's
        stream or before; they are free again when this returns. More than the largest batch run
        one batch after the other, and all results come back in one copy. Errors as for `run`.
        """
        with self._lock, current(self._number):
            if n == 0:
                return self._nothing(height, width)
            return self._run(address, n, height, width)

    def _run(self, address: int, n: int, height: int, width: int) -> dict[str, FloatArray]:
        parts, size = self._parts(n, height, width)
        picture = 3 * height * width * FLOAT_BYTES
        results = self._outputs.of(size)
        try:
            for part in parts:
                start = self._aligned_input(address + part.start * picture, part.count * picture)
                outputs = [(results.address + offset, shape) for offset, shape in part.places]
                self._enqueue(start, part.count, height, width, outputs)
            host = results.to_host(self._stream, 0, size, size, 1).reshape(-1)
        except BaseException:
            self._stream.synchronize()  # what is under way still reads and writes this memory
            raise
        return {
            name: _joined(host, [part.places[index] for part in parts])
            for index, name in enumerate(self.output_names)
        }

    def _parts(self, n: int, height: int, width: int) -> tuple[list[_Part], int]:
        """The batches of n pictures, and how many bytes their results take."""
        parts, size = [], 0
        for start, count in _batches(n, self._most):
            places = []
            for shape in self._shapes(count, height, width):
                places.append((size, shape))
                size += aligned(prod(shape) * FLOAT_BYTES)
            parts.append(_Part(start, count, tuple(places)))
        return parts, size

    def _aligned_input(self, address: int, size: int) -> int:
        """The address, or that of a copy where it is no multiple of what the libraries need.

        Copies of one call follow each other on the stream, each after the run that read the one
        before, so that one place does for all.
        """
        if address % ALIGNMENT == 0:
            return address
        copy = self._inputs_copy.of(size)
        copy.copy_from_device(address, size, size, 1, self._stream)
        return copy.address

    def _nothing(self, height: int, width: int) -> dict[str, FloatArray]:
        shapes = self._shapes(1, height, width)
        empty = [np.empty((0, *shape[1:]), np.float32) for shape in shapes]
        return dict(zip(self.output_names, empty, strict=True))

    @abstractmethod
    def _shapes(self, n: int, height: int, width: int) -> list[Shape]:
        """Shapes of the outputs for n pictures, n at most the largest batch; raises ModelError."""

    @abstractmethod
    def _enqueue(
        self, address: int, n: int, height: int, width: int, outputs: list[tuple[int, Shape]]
    ) -> None:
        """Run n pictures at `address` on the stream, without waiting.

        `outputs` are, per output, the address for its results and its shape.
        """


def _batches(n: int, most: int) -> Iterator[tuple[int, int]]:
    """First picture and count of each batch."""
    for start in range(0, n, most):
        yield start, min(most, n - start)


def _joined(host: npt.NDArray[np.uint8], places: list[tuple[int, Shape]]) -> FloatArray:
    """One output of all batches, of the bytes that came back."""
    arrays = [
        host[offset : offset + prod(shape) * FLOAT_BYTES].view(np.float32).reshape(shape)
        for offset, shape in places
    ]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
