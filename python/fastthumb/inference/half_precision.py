"""Networks in half precision where that is safe: an ONNX graph with FP16 tensors in its middle.

TensorRT runs every tensor in the type that the graph gives it, so a network is made half by
casting its graph. Inputs and outputs stay float32, and so does all that is worth its bits: what
comes before the first convolution or matrix product (pictures of 0..255), and on the way to each
output the last one and all that follows it (boxes, scores, vectors). Between them only operations
run in half precision that cannot leave its range or lose the result: no exponentials, divisions,
means over a plane, and no weights that FP16 cannot hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

LARGEST = 65504.0  # of FP16
PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
SAFE = PRODUCTS | frozenset(
    "Add Clip Concat DepthToSpace Flatten HardSigmoid Identity LeakyRelu Max MaxPool Min Mul Neg "
    "PRelu Pad Relu Reshape Resize Sigmoid Slice SpaceToDepth Split Squeeze Sub Tanh Transpose "
    "Unsqueeze".split()
)
# They pick one place of many: where two are nearly alike, half precision picks the other one.
PICKING = frozenset({"ArgMax", "ArgMin", "NonMaxSuppression", "TopK"})
# Inputs that are float32 whatever the others are: the region and the scales of Resize.
ALWAYS_FLOAT32 = {"Resize": (1, 2)}


def halved(model: bytes) -> bytes:
    """The model with FP16 tensors in its middle, float32 inputs and outputs, as ONNX bytes.

    A graph with branches or loops, or one that picks places itself, stays float32. Constants must
    be initializers. Raises whatever the onnx package raises for bytes that are no model.
    """
    import onnx
    from onnx import shape_inference

    proto = shape_inference.infer_shapes(onnx.load_model_from_string(model))
    if any(_keeps_float32(node) for node in proto.graph.node):
        return model
    _Halving(proto.graph).rewrite()
    rewritten: bytes = proto.SerializeToString()
    return rewritten


def _keeps_float32(node: NodeProto) -> bool:
    """Whether all of a graph stays float32 for a node of it."""
    branches = any(attribute.HasField("g") for attribute in node.attribute)
    return branches or node.op_type in PICKING


class _Halving:
    """One graph and the names that its float32 tensors have in half precision."""

    def __init__(self, graph: GraphProto) -> None:
        from onnx import TensorProto

        self._graph = graph
        self._kinds = {"full": TensorProto.FLOAT, "half": TensorProto.FLOAT16}
        values = [*graph.input, *graph.value_info, *graph.output]
        floats = {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.FLOAT}
        self._weights = {t.name: t for t in graph.initializer if t.data_type == TensorProto.FLOAT}
        self._floats = floats | self._weights.keys()
        self._nodes: list[NodeProto] = []
        self._made: set[tuple[str, str]] = {(value.name, "full") for value in graph.input}
        self._made |= {(name, "full") for name in self._weights}

    def rewrite(self) -> None:
        middle = self._middle()
        for index, node in enumerate(self._graph.node):
            kind = "half" if index in middle else "full"
            for place, name in enumerate(node.input):
                if name in self._floats:
                    fixed = place in ALWAYS_FLOAT32.get(node.op_type, ())
                    node.input[place] = self._as("full" if fixed else kind, name)
            for place, name in enumerate(node.output):
                if name in self._floats:
                    self._made.add((name, kind))
                    node.output[place] = _named(name, kind)
            self._nodes.append(node)
        for output in self._graph.output:
            if output.name in self._floats:
                self._as("full", output.name)
        self._replace()

    def _middle(self) -> set[int]:
        """Positions of the nodes that run in half precision."""
        nodes = list(self._graph.node)
        after: set[str] = set()  # tensors that a product is before
        behind: set[int] = set()
        for index, node in enumerate(nodes):
            if node.op_type in PRODUCTS or after.intersection(node.input):
                after.update(node.output)
                behind.add(index)
        before: set[str] = set()  # tensors that a product is still to come for
        ahead: set[int] = set()
        for index, node in reversed(list(enumerate(nodes))):
            if before.intersection(node.output):
                ahead.add(index)
            if node.op_type in PRODUCTS or index in ahead:
                before.update(node.input)
        return {index for index in ahead & behind if self._is_safe(nodes[index])}

    def _is_safe(self, node: NodeProto) -> bool:
        weights = [self._weights[name] for name in node.input if name in self._weights]
        floats = self._floats.intersection([*node.input, *node.output])
        return node.op_type in SAFE and bool(floats) and all(map(_fits, weights))

    def _as(self, kind: str, name: str) -> str:
        """The tensor's name in that kind; cast, or for weights copied, where it is new."""
        from onnx import helper, numpy_helper

        wanted = _named(name, kind)
        if (name, kind) not in self._made:
            self._made.add((name, kind))
            if name in self._weights:
                half = numpy_helper.to_array(self._weights[name]).astype(np.float16)
                self._graph.initializer.append(numpy_helper.from_array(half, wanted))
            else:
                other = _named(name, "half" if kind == "full" else "full")
                to = self._kinds[kind]
                self._nodes.append(helper.make_node("Cast", [other], [wanted], to=to))
        return wanted

    def _replace(self) -> None:
        graph = self._graph
        del graph.node[:]
        graph.node.extend(self._nodes)
        del graph.value_info[:]  # their types have changed
        used = {name for node in self._nodes for name in node.input}
        kept = [tensor for tensor in graph.initializer if tensor.name in used]
        del graph.initializer[:]
        graph.initializer.extend(kept)


def _named(name: str, kind: str) -> str:
    return name if kind == "full" else f"{name}_as_fp16"


def _fits(tensor: Any) -> bool:
    from onnx import numpy_helper

    values = numpy_helper.to_array(tensor)
    return bool(np.all(np.abs(values) <= LARGEST))
