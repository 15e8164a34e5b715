"""Networks on the CPU through ONNX Runtime, checked against what the registry says of them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastthumb.errors import ModelError
from fastthumb.inference.onnx_graphs import gains, optimizable
from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.inference.entries import ModelEntry
    from fastthumb.inference.models import Resolved

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

    def run(self, tensors: FloatArray) -> dict[str, FloatArray]:
        """Run float32 (n, 3, height, width); returns the outputs by name, each (n, ...).

        A network without a free batch axis gets one picture after the other. Raises ModelError
        if the runtime refuses.
        """
        if self.entry.input.layout == "nhwc":
            tensors = tensors.transpose(0, 2, 3, 1)
        tensors = np.ascontiguousarray(tensors, np.float32)
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
            shape = "x".join(map(str, tensors.shape))
            raise ModelError(
                f"model {self.entry.name}: cannot be run on a {shape} tensor ({_brief(exc)}); "
                "check its width, height and multiple_of in the registry"
            ) from exc
        return outputs


def open_network(resolved: Resolved, *, threads: int) -> Network:
    """Load a model on the CPU with so many threads, which sleep while they wait.

    Raises ModelError, naming the model, if the file is no ONNX that the runtime can load, or if
    its inputs and outputs are not what its entry says.
    """
    entry = resolved.entry
    session = open_session(resolved.path, threads=threads, name=entry.name)
    _check_input(entry, session)
    _check_outputs(entry, session)
    return Network(entry, resolved.sha256, session)


def open_session(model: Path | bytes, *, threads: int, name: str) -> Any:
    """An ONNX Runtime session on the CPU for a file or its bytes; raises ModelError as above."""
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
    wanted = ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=wanted
        )
    except Exception as exc:  # the runtime's errors have no base of their own
        where = "" if isinstance(model, bytes) else f"{printable(model)}: "
        raise ModelError(
            f"{where}model {name} cannot be loaded ({_brief(exc)}); "
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


def _check_input(entry: ModelEntry, session: Any) -> None:
    """Raise ModelError unless the graph has one input of the name, kind and size of the entry."""
    inputs = session.get_inputs()
    names = [tensor.name for tensor in inputs]
    if len(inputs) != 1:
        raise ModelError(f"model {entry.name}: wanted a graph with one input, got {names}")
    if entry.input.name not in (None, names[0]):
        raise ModelError(
            f"model {entry.name}: wanted input {entry.input.name!r}, got {names[0]!r}; "
            "correct input.name in its entry"
        )
    size = (entry.input.height, entry.input.width)
    wanted = (3, *size) if entry.input.layout == "nchw" else (*size, 3)
    shape = list(inputs[0].shape)
    kind = inputs[0].type
    free = entry.input.multiple_of is not None
    fits = len(shape) == 4 and all(
        not isinstance(got, int) or got == want for got, want in zip(shape[1:], wanted, strict=True)
    )
    if kind != "tensor(float)" or not fits:
        raise ModelError(
            f"model {entry.name}: wanted an input float32 (n, {', '.join(map(str, wanted))}) as "
            f"its entry says, got {kind} {tuple(shape)}; correct its entry"
        )
    if free and any(
        isinstance(got, int) for got, want in zip(shape[1:], wanted, strict=True) if want != 3
    ):
        raise ModelError(
            f"model {entry.name}: input.multiple_of says that it takes any size, but its graph "
            f"takes {tuple(shape)} only; leave multiple_of out"
        )


def _check_outputs(entry: ModelEntry, session: Any) -> None:
    """Raise ModelError unless the outputs that the entry names are there, of the right width."""
    shapes = {tensor.name: list(tensor.shape) for tensor in session.get_outputs()}
    names = entry.output.names or tuple(shapes)
    for name in names:
        if name not in shapes:
            raise ModelError(
                f"model {entry.name}: wanted output {name!r}, got {', '.join(shapes)}; "
                "correct output.names in its entry"
            )
    strides, labels = len(entry.output.strides or (8, 16, 32)), len(entry.output.labels)
    count = {"yunet": 4 * strides, "picodet": 2 * strides, "face-mesh": 2}.get(entry.family, 1)
    if len(names) < count or (len(names) > count and not entry.output.names):
        raise ModelError(
            f"model {entry.name}: family {entry.family!r} reads {count} outputs, the graph has "
            f"{len(names)}: {', '.join(names)}; name them in output.names"
        )
    width = {
        "embedding": entry.output.size,
        "classifier": labels,
        "yolox": labels + 5,
        "picodet": labels,
    }.get(entry.family)
    last = shapes[names[0]][-1] if shapes[names[0]] else None
    if width is not None and isinstance(last, int) and last != width:
        raise ModelError(
            f"model {entry.name}: wanted {width} numbers in output {names[0]!r}, got {last}; "
            "correct output.size or output.labels in its entry"
        )


def _brief(exc: Exception) -> str:
    """The first line of a runtime's message, without its code and source positions."""
    text = " ".join(str(exc).split())
    text = text.rsplit(" : ", 1)[-1] if " : " in text else text
    return text[:160].rstrip(". ") or type(exc).__name__
