"""Networks on the CPU through ONNX Runtime, checked against what the registry says of them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastthumb.errors import ModelError
from fastthumb.inference.onnx_graphs import gains, optimizable
from fastthumb.inference.signatures import TensorSpec, check_input, check_outputs
from fastthumb.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastthumb.inference.entries import ModelEntry
    from fastthumb.inference.models import Resolved
    from fastthumb.inference.views import NetworkInput

FloatArray = npt.NDArray[np.float32]


class Network:
    """A network that is loaded and ready.

    `entry` is what the registry says of it, `sha256` the hash of its file, `device` where it
    runs; `output_names` are the outputs in the order in which `run` returns them.
    """

    device = "cpu"

    def __init__(self, entry: ModelEntry, sha256: str, session: Any) -> None:
        self.entry, self.sha256, self._session = entry, sha256, session
        self.input_name: str = session.get_inputs()[0].name
        self.output_names = entry.output.names or tuple(o.name for o in session.get_outputs())
        self._batches = not isinstance(session.get_inputs()[0].shape[0], int)

    def run(self, tensors: NetworkInput) -> dict[str, FloatArray]:
        """Run float32 (n, 3, height, width); returns the outputs by name, each (n, ...).

        Tensors on a GPU are downloaded first.
        A network without a free batch axis gets one picture after the other. Raises ModelError
        if the runtime refuses.
        """
        tensors = np.asarray(tensors, np.float32)
        if self.entry.input.layout == "nhwc":
            tensors = tensors.transpose(0, 2, 3, 1)
        tensors = np.ascontiguousarray(tensors)
        if len(tensors) == 0:
            one = self._outputs(np.zeros((1, *tensors.shape[1:]), np.float32))
            outputs = [output[:0] for output in one]
        elif self._batches or len(tensors) == 1:
            outputs = self._outputs(tensors)
        else:
            singles = [self._outputs(tensors[n : n + 1]) for n in range(len(tensors))]
            outputs = [np.concatenate(same) for same in zip(*singles, strict=True)]
        return dict(zip(self.output_names, outputs, strict=True))

    def _outputs(self, tensors: FloatArray) -> list[FloatArray]:
        try:
            outputs: list[FloatArray] = self._session.run(
                list(self.output_names), {self.input_name: tensors}
            )
        except Exception as exc:  # the runtime's errors have no base of their own
            raise refused(self.entry, tensors.shape, brief(exc)) from exc
        return outputs


def open_network(resolved: Resolved, *, threads: int) -> Network:
    """Load a model on the CPU with so many threads, which sleep while they wait.

    Raises ModelError, naming the model, if the file is no ONNX that the runtime can load, or if
    its inputs and outputs are not what its entry says.
    """
    entry = resolved.entry
    session = open_session(resolved.path, threads=threads, name=entry.name)
    check_input(entry, specs_of(session.get_inputs()), entry.input.layout)
    check_outputs(entry, specs_of(session.get_outputs()))
    return Network(entry, resolved.sha256, session)


def open_session(model: Path | bytes, *, threads: int, name: str) -> Any:
    """An ONNX Runtime session on the CPU for a file or its bytes; raises ModelError as above."""
    import onnxruntime

    options = session_options(threads)
    wanted = ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=wanted
        )
    except Exception as exc:  # the runtime's errors have no base of their own
        where = "" if isinstance(model, bytes) else f"{printable(model)}: "
        raise ModelError(
            f"{where}model {name} cannot be loaded ({brief(exc)}); "
            "wanted an ONNX file that ONNX Runtime can run"
        ) from exc
    if isinstance(model, Path):
        # A graph that cannot be rewritten runs as it is.
        with contextlib.suppress(Exception):
            data = model.read_bytes()
            if gains(data, session):
                session = onnxruntime.InferenceSession(optimizable(data), options, providers=wanted)
    if session.get_providers() != wanted:
        raise ModelError(
            f"model {name} runs on {session.get_providers()}, wanted {wanted}; "
            "install onnxruntime again"
        )
    return session


def session_options(threads: int) -> Any:
    """Options of every session: quiet, one network at a time, so many threads, which sleep."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)  # what it knows arrives as an exception
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # as fast, and 70 MB less for the networks of a run
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Weights that are kept as integers are unpacked once, at load.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return options


def specs_of(tensors: Iterable[Any]) -> list[TensorSpec]:
    """What a session says of its inputs or outputs."""
    return [TensorSpec(tensor.name, tuple(tensor.shape), tensor.type) for tensor in tensors]


def refused(entry: ModelEntry, shape: Sequence[int], reason: str) -> ModelError:
    """The error of a network that does not take a tensor of that shape."""
    return ModelError(
        f"model {entry.name}: cannot be run on a {'x'.join(map(str, shape))} tensor ({reason}); "
        "check its width, height and multiple_of in the registry"
    )


def brief(exc: Exception) -> str:
    """The first line of a runtime's message, without its code and source positions."""
    text = " ".join(str(exc).split())
    text = text.rsplit(" : ", 1)[-1] if " : " in text else text
    return text[:160].rstrip(". ") or type(exc).__name__
