"""Models for tests of device backends: tiny ones of every kind of input, with their entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fake_cuda import FakeCuda, FakeStream
from fastthumb.inference import onnx_cuda, tensorrt_library
from fastthumb.inference.cache import sha256_of
from fastthumb.inference.entries import ModelEntry
from fastthumb.inference.models import Resolved
from tiny_networks import write_network

Floats = npt.NDArray[np.float32]


def sample_model(folder: Path, shape: tuple[int | str, ...], **wanted: Any) -> Resolved:
    """A network of that input shape whose vectors of 4 differ from picture to picture.

    It has another output, which its entry does not name. `wanted` are keys of the entry's input.
    """
    path = folder / "sample.onnx"
    batch = shape[0]
    write_network(path, {"other": (batch, 9), "vector": (batch, 4)}, shape=shape)
    entry = ModelEntry.model_validate(
        {
            "name": "sample",
            "task": "embedding",
            "family": "embedding",
            "file": path.name,
            "license": "MIT",
            "input": {"width": 8, "height": 8} | wanted,
            "output": {"size": 4, "names": ["vector"]},
        }
    )
    return Resolved(entry, path, sha256_of(path))


def pictures(n: int, height: int = 8, width: int = 8) -> Floats:
    """Reproducible tensors (n, 3, height, width), each different."""
    rng = np.random.default_rng(n)
    return rng.uniform(0, 255, (n, 3, height, width)).astype(np.float32)


def forget_libraries() -> None:
    """Let libraries be looked for again: another one, or none, is installed now."""
    for remembered in (tensorrt_library.tensorrt, tensorrt_library.log, onnx_cuda._runtime):
        remembered.cache_clear()


class Upload:
    """Tensors in device memory, where the address may be moved by some bytes."""

    def __init__(self, cuda: FakeCuda, stream: FakeStream, tensors: Floats, shift: int = 0) -> None:
        self.buffer = cuda.buffer(stream.device, tensors.nbytes + shift)
        self.buffer.copy_from_host(np.ascontiguousarray(tensors), stream, shift)
        self.address = self.buffer.address + shift
        self.n, _, self.height, self.width = tensors.shape

    @property
    def arguments(self) -> tuple[int, int, int, int]:
        """What `run_device` takes."""
        return self.address, self.n, self.height, self.width
