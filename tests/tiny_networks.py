"""Tiny ONNX files: networks of the shapes that the registry knows, made in a moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

Shape = Sequence[int | str | None]


def write_network(
    path: Path,
    outputs: dict[str, Shape],
    *,
    input_name: str = "input",
    shape: Shape = ("n", 3, 8, 8),
    seed: int = 0,
) -> Path:
    """Write a network whose every output is `mean over channels, then a linear map`; returns path.

    The declared output shapes count; the values are reproducible and differ from picture to
    picture, so that a mix-up of pictures shows.
    """
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    channel_axis = 1 if shape[1] == 3 else 3
    spatial = [axis for axis in (1, 2, 3) if axis != channel_axis]
    nodes = [helper.make_node("ReduceMean", [input_name], ["mean"], axes=spatial, keepdims=0)]
    weights, infos = [], []
    for index, (name, wanted) in enumerate(outputs.items()):
        sizes = [size for size in wanted[1:] if isinstance(size, int)]
        matrix = rng.normal(size=(3, int(np.prod(sizes)))).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"w{index}"))
        weights.append(numpy_helper.from_array(np.array([-1, *sizes], np.int64), f"s{index}"))
        nodes.append(helper.make_node("MatMul", ["mean", f"w{index}"], [f"m{index}"]))
        nodes.append(helper.make_node("Reshape", [f"m{index}", f"s{index}"], [name]))
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(wanted)))
    picture = helper.make_tensor_value_info(input_name, TensorProto.FLOAT, list(shape))
    graph = helper.make_graph(nodes, "tiny", [picture], infos, weights)
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path
