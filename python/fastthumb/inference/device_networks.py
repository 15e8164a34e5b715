"""Which library runs the networks of a CUDA device: the first of those that can."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastthumb.errors import DeviceUnavailable, ModelError
from fastthumb.inference.backends import BackendFact, BackendUnusable, Device
from fastthumb.inference.cache import cache_folder
from fastthumb.inference.device_memory import devices

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastthumb._core import CudaStream
    from fastthumb.inference.device_batches import DeviceNetwork
    from fastthumb.inference.device_graphs import Precision
    from fastthumb.inference.engine_cache import Announce
    from fastthumb.inference.models import Resolved

MAX_BATCH = 16


def open_device_network(
    resolved: Resolved,
    device: int,
    stream: CudaStream,
    *,
    max_batch: int = MAX_BATCH,
    cache_dir: Path | None = None,
    precision: Precision = "fp16",
    announce: Announce = lambda _: None,
) -> DeviceNetwork:
    """Load a model on a CUDA device: through TensorRT, or else ONNX Runtime's CUDA provider.

    `stream` is the one that it runs on, `max_batch` how many pictures at once at most, for which
    it is also tuned. Engines that TensorRT builds are kept in `cache_dir`, the user's cache unless
    given; `announce` gets a sentence before one is built, which takes a while. With `precision`
    "fp16" the middle of the network runs in half precision.

    Raises DeviceUnavailable, with the reason for each library, where none can be used;
    DeviceOutOfMemory where memory is short; ModelError where the model is not what its entry
    says.
    """
    entry = resolved.entry
    if entry.built_in:
        raise ModelError(
            f"model {entry.name}: is made from an installed package and runs on the CPU only; "
            "open it there"
        )
    there = device_numbered(device)

    def through_tensorrt() -> DeviceNetwork:
        from fastthumb.inference.engine_cache import EngineCache
        from fastthumb.inference.tensorrt_networks import open_tensorrt_network

        engines = EngineCache(cache_dir or cache_folder() / "engines")
        return open_tensorrt_network(
            resolved, there, stream, engines, announce, max_batch=max_batch, precision=precision
        )

    def through_onnxruntime() -> DeviceNetwork:
        from fastthumb.inference.onnx_cuda import open_onnx_cuda_network

        return open_onnx_cuda_network(
            resolved, there, stream, max_batch=max_batch, precision=precision
        )

    ways: dict[str, Callable[[], DeviceNetwork]] = {
        "tensorrt": through_tensorrt,
        "onnxruntime-cuda": through_onnxruntime,
    }
    reasons: list[str] = []
    for backend, way in ways.items():
        try:
            network = way()
        except BackendUnusable as exc:
            reasons.append(f"{backend}: {exc}")
            continue
        network.passed_over = tuple(reasons)
        return network
    raise DeviceUnavailable(
        f"model {entry.name}: no library can run it on GPU {device} ({' | '.join(reasons)})"
    )


def device_numbered(number: int) -> Device:
    """The CUDA device of that number; raises DeviceUnavailable, with those there are."""
    found = devices()
    if not 0 <= number < len(found):
        there = ", ".join(f"{n} ({facts['name']})" for n, facts in enumerate(found)) or "none"
        raise DeviceUnavailable(
            f"GPU {number}: networks need a CUDA device and its driver, found {there}; "
            "use --gpu none, or look at nvidia-smi"
        )
    facts = found[number]
    return Device(number, facts["name"], ".".join(map(str, facts["compute_capability"])))


def inference_facts() -> list[BackendFact]:
    """The libraries for a CUDA device in the order in which they are tried, as installed.

    Loads them to see whether they load, which takes a second; needs no device.
    """
    from fastthumb.inference import onnx_cuda, tensorrt_library

    return [tensorrt_library.fact(), onnx_cuda.fact()]
