"""Networks through TensorRT: an engine of the model, a context of it for one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastthumb.errors import DeviceOutOfMemory
from fastthumb.inference.backends import BackendUnusable
from fastthumb.inference.device_batches import DeviceNetwork, Shape
from fastthumb.inference.device_memory import current
from fastthumb.inference.onnx import refused
from fastthumb.inference.signatures import FLOAT32, TensorSpec, check_input, check_outputs
from fastthumb.inference.tensorrt_engines import OTHER_BACKEND, load_engine
from fastthumb.inference.tensorrt_library import log, tensorrt

if TYPE_CHECKING:
    from fastthumb._core import CudaStream
    from fastthumb.inference.backends import Device
    from fastthumb.inference.device_graphs import Precision
    from fastthumb.inference.engine_cache import Announce, EngineCache
    from fastthumb.inference.models import Resolved
    from fastthumb.inference.tensorrt_engines import Engine


class TensorrtNetwork(DeviceNetwork):
    """A network that TensorRT runs on one stream."""

    backend = "tensorrt"

    def __init__(
        self,
        resolved: Resolved,
        engine: Engine,
        device: Device,
        stream: CudaStream,
        *,
        max_batch: int,
    ) -> None:
        inputs, outputs = _specs(engine.engine)
        entry = resolved.entry
        check_input(entry, inputs, "nchw")
        check_outputs(entry, outputs)
        self._input_name = inputs[0].name
        fixed = isinstance(inputs[0].shape[0], int)
        super().__init__(
            entry,
            resolved.sha256,
            entry.output.names or tuple(output.name for output in outputs),
            device=device.number,
            stream=stream,
            max_batch=1 if fixed else max_batch,
        )
        with current(device.number):
            self._context = engine.engine.create_execution_context()
            if self._context is None:
                raise DeviceOutOfMemory(
                    f"model {entry.name}: TensorRT cannot make room for batches of {max_batch} on "
                    f"{self.device} ({log().last()}); ask for smaller ones"
                )
            # Only the first context of an engine has its sizes from the start.
            if not self._context.set_optimization_profile_async(0, stream.handle):
                raise BackendUnusable(
                    f"model {entry.name}: TensorRT does not take its profile ({log().last()})",
                    OTHER_BACKEND,
                )
        self._engine = engine  # lives as long as its context, which is let go first

    def _shapes(self, n: int, height: int, width: int) -> list[Shape]:
        size = (n, 3, height, width)
        if not self._context.set_input_shape(self._input_name, size):
            raise refused(self.entry, size, log().last())
        shapes = [tuple(self._context.get_tensor_shape(name)) for name in self.output_names]
        if not all(shape and shape[0] == n and min(shape) >= 0 for shape in shapes):
            raise refused(self.entry, size, f"its outputs would be {shapes}")
        return shapes

    def _enqueue(
        self, address: int, n: int, height: int, width: int, outputs: list[tuple[int, Shape]]
    ) -> None:
        context, size = self._context, (n, 3, height, width)
        places = {self._input_name: address}
        places |= {name: place for name, (place, _) in zip(self.output_names, outputs, strict=True)}
        done = context.set_input_shape(self._input_name, size)
        for name, place in places.items():
            done = done and context.set_tensor_address(name, place)
        if not (done and context.execute_async_v3(self._stream.handle)):
            raise refused(self.entry, size, log().last())


def open_tensorrt_network(
    resolved: Resolved,
    device: Device,
    stream: CudaStream,
    cache: EngineCache,
    announce: Announce,
    *,
    max_batch: int,
    precision: Precision,
) -> TensorrtNetwork:
    """Load a model through TensorRT, from the cache or, once, built.

    Raises BackendUnusable where TensorRT is missing or cannot take the model, ModelError where
    the model is not what its entry says, DeviceOutOfMemory where memory is short.
    """
    engine = load_engine(
        resolved, device, cache, announce, max_batch=max_batch, precision=precision
    )
    return TensorrtNetwork(resolved, engine, device, stream, max_batch=max_batch)


def _specs(engine: Any) -> tuple[list[TensorSpec], list[TensorSpec]]:
    """Inputs and outputs of an engine, in its order."""
    trt = tensorrt()
    found: dict[Any, list[TensorSpec]] = {}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        kind = engine.get_tensor_dtype(name)
        spec = TensorSpec(
            name,
            tuple(size if size >= 0 else None for size in engine.get_tensor_shape(name)),
            FLOAT32 if kind == trt.DataType.FLOAT else str(kind),
        )
        found.setdefault(engine.get_tensor_mode(name), []).append(spec)
    modes = trt.TensorIOMode
    return found.get(modes.INPUT, []), found.get(modes.OUTPUT, [])
