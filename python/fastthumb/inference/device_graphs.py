"""The graph that a device runs: of a model's file, with the same results.

Every backend on a device gets the same one: only the outputs that the entry names, a planar
input, constants computed (weights kept as integers unpacked), and half precision where asked for.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal

from fastthumb.errors import ModelError
from fastthumb.inference.half_precision import halved
from fastthumb.inference.onnx_graphs import optimizable
from fastthumb.inference.signatures import TensorSpec, check_input, check_outputs
from fastthumb.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx import GraphProto, ModelProto, ValueInfoProto

    from fastthumb.inference.entries import ModelEntry
    from fastthumb.inference.models import Resolved

Precision = Literal["fp16", "fp32"]
# Raise it when the same model becomes another graph: engines that were kept are then built again.
RECIPE = 1


def device_graph(resolved: Resolved, precision: Precision) -> bytes:
    """The model as ONNX bytes for a device: float32 NCHW in, the entry's outputs, float32, out.

    Raises ModelError if the file cannot be read, is no model or not what its entry says.
    """
    entry = resolved.entry
    try:
        model = _prepared(resolved.path.read_bytes(), entry)
        return halved(model) if precision == "fp16" else model
    except ModelError:
        raise
    except Exception as exc:  # the onnx package's errors have no base of their own
        raise ModelError(
            f"{printable(resolved.path)}: model {entry.name} cannot be prepared for a device "
            f"({type(exc).__name__}); wanted a readable ONNX file"
        ) from exc


def _prepared(data: bytes, entry: ModelEntry) -> bytes:
    import onnx

    proto = onnx.load_model_from_string(optimizable(data))
    check_input(entry, _specs(proto.graph.input), entry.input.layout)
    check_outputs(entry, _specs(proto.graph.output))
    _keep_outputs(proto.graph, entry.output.names)
    _fold_constants(proto)
    if entry.input.layout == "nhwc":
        _take_planes(proto.graph)
    model: bytes = proto.SerializeToString()
    return model


def _specs(values: Iterable[ValueInfoProto]) -> list[TensorSpec]:
    """Inputs or outputs of a graph, as a session of it would name them."""
    from onnx import TensorProto

    specs = []
    for value in values:
        tensor = value.type.tensor_type
        shape = tuple(
            axis.dim_value if axis.HasField("dim_value") else axis.dim_param or None
            for axis in tensor.shape.dim
        )
        kind = "float" if tensor.elem_type == TensorProto.FLOAT else "another type"
        specs.append(TensorSpec(value.name, shape, f"tensor({kind})"))
    return specs


def _keep_outputs(graph: GraphProto, names: tuple[str, ...]) -> None:
    """Leave only these outputs, in this order, and what leads to them; no names: all."""
    if not names:
        return
    there = {output.name: output for output in graph.output}
    outputs = [there[name] for name in names]
    del graph.output[:]
    graph.output.extend(outputs)
    wanted = set(names)
    kept = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def _fold_constants(proto: ModelProto) -> None:
    """Compute, once, every node that reads constants only."""
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator

    graph = proto.graph
    opsets = {opset.domain: opset.version for opset in proto.opset_import}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        values = None
        if all(name in constants or not name for name in node.input):
            inputs = {n: numpy_helper.to_array(constants[n]) for n in node.input if n}
            with contextlib.suppress(Exception):  # what the evaluator cannot do stays a node
                values = ReferenceEvaluator(node, opsets=opsets).run(None, inputs)
        if values is None:
            kept.append(node)
            continue
        for name, value in zip(node.output, values, strict=True):
            constants[name] = numpy_helper.from_array(value, name)
    del graph.node[:]
    graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    used.update(output.name for output in graph.output)
    del graph.initializer[:]
    graph.initializer.extend(tensor for name, tensor in constants.items() if name in used)


def _take_planes(graph: GraphProto) -> None:
    """Let a graph of (n, h, w, 3) pictures take (n, 3, h, w)."""
    from onnx import helper

    picture = graph.input[0]
    interleaved = f"{picture.name}_interleaved"
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == picture.name:
                node.input[place] = interleaved
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.append(
        helper.make_node("Transpose", [picture.name], [interleaved], perm=[0, 2, 3, 1])
    )
    graph.node.extend(nodes)
    dimensions = list(picture.type.tensor_type.shape.dim)
    if len(dimensions) == 4:
        del picture.type.tensor_type.shape.dim[:]
        picture.type.tensor_type.shape.dim.extend(dimensions[place] for place in (0, 3, 1, 2))
