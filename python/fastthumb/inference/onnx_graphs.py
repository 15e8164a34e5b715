"""Graphs rewritten so that ONNX Runtime runs them faster; the same results but for rounding.

Times are of one core. Note [initializers that are inputs]. Before IR version 4 every initializer of
a graph was listed among its inputs, too, where a caller might replace it. ONNX Runtime then folds
nothing and fuses nothing: PicoDet-S takes 30.7 ms instead of 22.8. Nobody replaces weights here.

Note [hard swish]. x * clip(x + 3, 0, 6) / 6 written out is four passes over a tensor; a hard
sigmoid and a product are two: 16.8 ms.

Note [PRelu]. ONNX Runtime's own PRelu goes through a tensor value by value, three quarters of the
time of a face mesh. The same as slope * x + (1 - slope) * relu(x) is vectorized: 1.6 ms, not 4.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import GraphProto, NodeProto


def gains(model: bytes, session: Any) -> bool:
    """Whether `optimizable` has something to do for a model and the session made of it."""
    return bool(session.get_overridable_initializers()) or b"PRelu" in model


def optimizable(model: bytes) -> bytes:
    """The model with constant initializers, hard swishes fused and PRelu split, as ONNX bytes.

    Raises whatever the onnx package raises for bytes that are no model.
    """
    import onnx

    proto = onnx.load_model_from_string(model)
    graph = proto.graph
    constant = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constant]
    del graph.input[:]
    graph.input.extend(inputs)
    _fuse_hard_swishes(graph)
    _split_prelus(graph)
    rewritten: bytes = proto.SerializeToString()
    return rewritten


def _fuse_hard_swishes(graph: GraphProto) -> None:
    from onnx import helper

    fused: dict[str, str] = {}  # output of a hard swish -> its input
    gone: set[str] = set()
    for nodes, x in _hard_swishes(graph):
        fused[nodes[-1].output[0]] = x
        gone |= {node.output[0] for node in nodes}
    kept = []
    for node in graph.node:
        name = node.output[0] if node.output else ""
        if name in fused:
            x, gate = fused[name], f"{name}_gate"
            kept.append(helper.make_node("HardSigmoid", [x], [gate], alpha=1 / 6, beta=0.5))
            kept.append(helper.make_node("Mul", [x, gate], [name]))
        elif name not in gone:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def _split_prelus(graph: GraphProto) -> None:
    from onnx import helper, numpy_helper

    if not any(node.op_type == "PRelu" for node in graph.node):
        return
    one = "one_of_prelu"
    graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), one))
    nodes = []
    for node in graph.node:
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        (x, slope), (name,) = node.input, node.output
        kept, rest, above, more = (f"{name}_{part}" for part in ("kept", "rest", "above", "more"))
        nodes.append(helper.make_node("Mul", [x, slope], [kept]))
        nodes.append(helper.make_node("Sub", [one, slope], [rest]))  # folded when it is loaded
        nodes.append(helper.make_node("Relu", [x], [above]))
        nodes.append(helper.make_node("Mul", [above, rest], [more]))
        nodes.append(helper.make_node("Add", [kept, more], [name]))
    del graph.node[:]
    graph.node.extend(nodes)


def _hard_swishes(graph: GraphProto) -> Iterator[tuple[list[NodeProto], str]]:
    """Every chain x + 3, clip 0..6, * x, / 6 that nothing else reads, and its x."""
    maker = {output: node for node in graph.node for output in node.output}
    readers: dict[str, int] = {output.name: 1 for output in graph.output}
    for node in graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    values = _scalars(graph)

    def made_by(name: str, kind: str) -> NodeProto | None:
        node = maker.get(name)
        return node if node is not None and node.op_type == kind and readers[name] == 1 else None

    for divide in graph.node:
        if divide.op_type != "Div" or values.get(divide.input[1]) != 6:
            continue
        product = made_by(divide.input[0], "Mul")
        if product is None:
            continue
        for x, gate in (product.input, product.input[::-1]):
            clip = made_by(gate, "Clip")
            if clip is None or [values.get(name) for name in clip.input[1:]] != [0, 6]:
                continue
            add = made_by(clip.input[0], "Add")
            if add is not None and add.input[0] == x and values.get(add.input[1]) == 3:
                yield [add, clip, product, divide], x
                break


def _scalars(graph: GraphProto) -> dict[str, float]:
    """Values of the constants of one number."""
    from onnx import numpy_helper

    found: dict[str, Any] = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            found[node.output[0]] = node.attribute[0].t
    arrays = {
        name: numpy_helper.to_array(tensor)
        for name, tensor in found.items()
        if int(np.prod(tensor.dims)) == 1
    }
    return {name: float(array.ravel()[0]) for name, array in arrays.items()}
