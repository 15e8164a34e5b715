"""FP16 graphs as a device computes them, for ONNX Runtime's CPU kernels.

Those compute FP16 graphs in float32, and round no tensor but weights and inputs. Here every FP16
tensor becomes a float32 one that is rounded to FP16's 11 bits by arithmetic, Veltkamp's, which no
optimizer undoes. (Sums inside of one operation stay in float32, as tensor cores keep them.)
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, load_model_from_string, numpy_helper, shape_inference

SPLIT = np.float32(2**13 + 1)  # of a product with this, the upper 24 - 13 bits of x remain


def rounded(model: bytes) -> bytes:
    """The graph with float32 tensors only, rounded wherever it had FP16 ones."""
    proto = shape_inference.infer_shapes(load_model_from_string(model))
    graph = proto.graph
    halves = {
        value.name
        for value in graph.value_info
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16
    }
    assert halves, "no tensor is FP16"
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    nodes = []
    for node in graph.node:
        if node.op_type == "Cast" and node.attribute[0].i == TensorProto.FLOAT16:
            node.attribute[0].i = TensorProto.FLOAT
        nodes.append(node)
        for place, name in enumerate(node.output):
            if name in halves:
                exact, large, rest = (f"{name}_{part}" for part in ("exact", "large", "rest"))
                node.output[place] = exact
                nodes.append(helper.make_node("Mul", [exact, "split"], [large]))
                nodes.append(helper.make_node("Sub", [large, exact], [rest]))
                nodes.append(helper.make_node("Sub", [large, rest], [name]))
    graph.initializer.append(numpy_helper.from_array(SPLIT, "split"))
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    rewritten: bytes = proto.SerializeToString()
    return rewritten
