"""Networks through ONNX Runtime's CUDA provider, on the caller's stream and in its memory."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from fastthumb.errors import DeviceOutOfMemory, ModelError
from fastthumb.inference.backends import BackendFact, BackendUnusable
from fastthumb.inference.device_batches import DeviceNetwork, Shape
from fastthumb.inference.device_graphs import device_graph
from fastthumb.inference.onnx import brief, refused, session_options

if TYPE_CHECKING:
    from fastthumb._core import CudaStream
    from fastthumb.inference.backends import Device
    from fastthumb.inference.device_graphs import Precision
    from fastthumb.inference.models import Resolved

PROVIDER = "CUDAExecutionProvider"
# Both packages are called onnxruntime inside: one must go before the other comes.
COMMAND = "pip uninstall -y onnxruntime && pip install 'onnxruntime-gpu[cuda,cudnn]'"


class OnnxCudaNetwork(DeviceNetwork):
    """A network that ONNX Runtime runs on one stream of a CUDA device."""

    backend = "onnxruntime-cuda"

    def __init__(
        self,
        resolved: Resolved,
        session: Any,
        device: Device,
        stream: CudaStream,
        *,
        max_batch: int,
    ) -> None:
        (picture,) = session.get_inputs()
        super().__init__(
            resolved.entry,
            resolved.sha256,
            tuple(output.name for output in session.get_outputs()),
            device=device.number,
            stream=stream,
            max_batch=1 if isinstance(picture.shape[0], int) else max_batch,
        )
        self._session, self._input_name = session, picture.name
        self._of_one: dict[tuple[int, int], list[Shape]] = {}

    def _shapes(self, n: int, height: int, width: int) -> list[Shape]:
        """A size that is new runs once on zeros: the runtime knows no shapes before."""
        size = (height, width)
        if size not in self._of_one:
            zeros = np.zeros((1, 3, *size), np.float32)
            outputs = self._checked(
                zeros.shape,
                lambda: self._session.run(list(self.output_names), {self._input_name: zeros}),
            )
            self._of_one[size] = [output.shape for output in outputs]
        return [(n * shape[0], *shape[1:]) for shape in self._of_one[size]]

    def _enqueue(
        self, address: int, n: int, height: int, width: int, outputs: list[tuple[int, Shape]]
    ) -> None:
        size = (n, 3, height, width)
        binding = self._session.io_binding()
        binding.bind_input(self._input_name, "cuda", self._number, np.float32, size, address)
        for name, (place, shape) in zip(self.output_names, outputs, strict=True):
            binding.bind_output(name, "cuda", self._number, np.float32, shape, place)
        self._checked(size, lambda: self._session.run_with_iobinding(binding))

    def _checked(self, size: Shape, call: Any) -> Any:
        try:
            return call()
        except Exception as exc:  # the runtime's errors have no base of their own
            reason = brief(exc)
            if "allocate memory" in reason or "out of memory" in reason:
                raise DeviceOutOfMemory(
                    f"model {self.entry.name}: {self.device} has no room for a batch of {size[0]} "
                    f"({reason}); ask for smaller ones"
                ) from exc
            raise refused(self.entry, size, reason) from exc


def open_onnx_cuda_network(
    resolved: Resolved,
    device: Device,
    stream: CudaStream,
    *,
    max_batch: int,
    precision: Precision,
) -> OnnxCudaNetwork:
    """Load a model through ONNX Runtime on a CUDA device.

    Raises BackendUnusable where the provider is missing or does not load, ModelError where the
    model is no ONNX file that the runtime can load or not what its entry says.
    """
    runtime = _runtime()
    entry = resolved.entry
    graph = device_graph(resolved, precision)
    try:
        session = runtime.InferenceSession(
            graph,
            session_options(threads=1),
            providers=[(PROVIDER, _provider_options(device, stream)), "CPUExecutionProvider"],
            enable_fallback=0,  # an error, not a session on the CPU
        )
    except Exception as exc:  # the runtime's errors have no base of their own
        raise ModelError(
            f"model {entry.name} cannot be loaded on a CUDA device ({brief(exc)}); "
            "wanted an ONNX file that ONNX Runtime can run"
        ) from exc
    # A provider whose libraries are missing is left out without a word.
    if session.get_providers()[:1] != [PROVIDER]:
        raise BackendUnusable(
            f"ONNX Runtime {runtime.__version__} cannot load its CUDA provider: the libraries of "
            "CUDA or cuDNN that it wants are missing",
            "pip install 'onnxruntime-gpu[cuda,cudnn]'",
        )
    return OnnxCudaNetwork(resolved, session, device, stream, max_batch=max_batch)


def fact() -> BackendFact:
    """Whether ONNX Runtime's CUDA provider is there as it is installed."""
    try:
        runtime = _runtime()
    except BackendUnusable as exc:
        return BackendFact(OnnxCudaNetwork.backend, False, exc.reason, exc.advice)
    return BackendFact(OnnxCudaNetwork.backend, True, f"ONNX Runtime {runtime.__version__}")


def _provider_options(device: Device, stream: CudaStream) -> dict[str, str]:
    return {
        "device_id": str(device.number),
        "user_compute_stream": str(stream.handle),
        "use_tf32": "0",  # float32 is what must keep its bits
        "cudnn_conv_algo_search": "HEURISTIC",  # a search for each new size takes seconds
    }


@functools.cache
def _runtime() -> Any:
    """ONNX Runtime with the CUDA provider in it; raises BackendUnusable without."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise BackendUnusable("ONNX Runtime is not installed", COMMAND)
    import onnxruntime

    if PROVIDER not in onnxruntime.get_available_providers():
        raise BackendUnusable(
            f"ONNX Runtime {onnxruntime.__version__} is the package for the CPU, without the "
            "CUDA provider",
            COMMAND,
        )
    # CUDA's libraries may be installed as Python packages, where the loader does not look. It
    # prints what it does not find; what is really missing shows when a session is made.
    with contextlib.redirect_stdout(io.StringIO()):
        getattr(onnxruntime, "preload_dlls", lambda: None)()
    return onnxruntime
