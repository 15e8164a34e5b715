"""A network on the device against the CPU: results and times in batches of 1, 8 and 32.

python bench/_gpu_networks.py BACKEND MODEL FILM      prints one JSON object a line

BACKEND is tensorrt or onnxruntime-cuda. It fails where another library, or the CPU, would have run
the network; where the library or the model is not installed it says so and is not run.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt

from fastthumb import _core
from fastthumb.inference.device_networks import (
    device_numbered,
    inference_facts,
    open_device_network,
)
from fastthumb.inference.models import Registry, Resolved
from fastthumb.inference.onnx import open_network

BATCHES = (1, 8, 32)
ROUNDS = 30
CPU_ROUNDS = 3


def pictures(film: Path, model: Resolved, count: int) -> npt.NDArray[np.float32]:
    """Frames from all over the film as the network's input: float32 (count, 3, height, width)."""
    wanted = model.entry.input
    found: list[npt.NDArray[Any]] = []
    with av.open(str(film)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % 24 == 0:
                found.append(frame.to_ndarray(
                    width=wanted.width, height=wanted.height,
                    format="rgb24" if wanted.channels == "rgb" else "bgr24",
                ))  # fmt: skip
            if len(found) == count:
                break
    codes = np.stack(found).transpose(0, 3, 1, 2).astype(np.float32)
    mean, scale = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (wanted.mean, wanted.scale))
    return np.ascontiguousarray((codes - mean) * scale, dtype=np.float32)


def opened(backend: str, model: Resolved, stream: _core.CudaStream, precision: Any) -> Any:
    """The network through one library, and no other."""
    most = max(BATCHES)
    if backend == "onnxruntime-cuda":
        from fastthumb.inference.onnx_cuda import PROVIDER, open_onnx_cuda_network

        network = open_onnx_cuda_network(
            model, device_numbered(0), stream, max_batch=most, precision=precision
        )
        provider = cast("Any", network)._session.get_providers()[0]
        if provider != PROVIDER:
            sys.exit(f"wanted {PROVIDER} first, got {provider}: the CPU runs it")
        return network
    with tempfile.TemporaryDirectory() as folder:
        network = open_device_network(
            model, 0, stream, max_batch=most, precision=precision, cache_dir=Path(folder),
            announce=lambda text: print(text, flush=True),
        )  # fmt: skip
    if network.backend != backend:
        sys.exit(f"wanted {backend}, got {network.backend}: {network.passed_over}")
    return network


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """The middle of the rounds' times, after two that are not counted."""
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    return round(statistics.median(times[2:]), 3)


def measured(network: Any, address: int, expected: dict[str, Any], size: Any) -> dict[str, Any]:
    """How far the outputs are from the CPU's, as shares of the largest, and times of batches."""
    n, _, height, width = size
    errors = {}
    for output, found in network.run_device(address, n, height, width).items():
        truth = expected[output]
        off = np.abs(found - truth) / max(float(np.abs(truth).max()), 1e-9)
        errors[output] = [round(float(off.mean()), 7), round(float(off.max()), 7)]
    times = {
        k: milliseconds(partial(network.run_device, address, k, height, width), ROUNDS)
        for k in BATCHES
    }
    return {"relative_errors_mean_max": errors, "ms_of_batch": times}


def main() -> None:
    backend, name, film = sys.argv[1:]
    fact = next(fact for fact in inference_facts() if fact.backend == backend)
    registry = Registry.load()
    model = registry.resolve(registry.named(name))
    if not fact.usable or model is None:
        reason = f"{fact.found}; {fact.advice}" if not fact.usable else f"no file of {name} here"
        print(json.dumps({"not_run": reason}))
        return
    stream = _core.CudaStream(0)
    tensors = pictures(Path(film), model, max(BATCHES))
    memory = _core.DeviceBuffer(0, tensors.nbytes)
    memory.copy_from_host(tensors.data, stream)
    stream.synchronize()
    on_cpu = open_network(model, threads=1)
    expected = on_cpu.run(tensors)
    cpu_ms = {k: milliseconds(partial(on_cpu.run, tensors[:k]), CPU_ROUNDS) for k in BATCHES}
    for precision in ("fp32", "fp16"):
        start = time.perf_counter()
        network = opened(backend, model, stream, precision)
        line = {"model": name, "backend": network.backend, "precision": precision}
        line |= {"open_seconds": round(time.perf_counter() - start, 2)}
        line |= measured(network, memory.address, expected, tensors.shape)
        print(json.dumps(line | {"cpu_ms_of_batch": cpu_ms}), flush=True)


if __name__ == "__main__":
    main()
