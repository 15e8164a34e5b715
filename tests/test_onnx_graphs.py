"""Graphs of older exporters: rewritten they give the same numbers, with less to do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastthumb.inference.onnx_graphs import gains, optimizable

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
ATOL = 1e-6  # of a hard swish of numbers up to 10: another order of the same sums


def session(model: bytes) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def old_graph(*, gate_is_read_again: bool = False, six: float = 6.0) -> bytes:
    """(x * w) through a hard swish written out, weights and numbers listed as inputs."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    numbers = {"three": 3.0, "zero": 0.0, "six": 6.0, "over": six}
    tensors = [
        onnx.numpy_helper.from_array(np.array(value, np.float32), name)
        for name, value in numbers.items()
    ]
    tensors.append(onnx.numpy_helper.from_array(np.array([1.5, -2.0], np.float32), "w"))
    nodes = [
        helper.make_node("Mul", ["x", "w"], ["y"]),
        helper.make_node("Add", ["y", "three"], ["a"]),
        helper.make_node("Clip", ["a", "zero", "six"], ["c"]),
        helper.make_node("Mul", ["y", "c"], ["m"]),
        helper.make_node("Div", ["m", "over"], ["out"]),
    ]
    outputs = [helper.make_tensor_value_info("out", kind, ["n", 2])]
    if gate_is_read_again:
        outputs.append(helper.make_tensor_value_info("c", kind, ["n", 2]))
    inputs = [helper.make_tensor_value_info("x", kind, ["n", 2])]
    inputs += [helper.make_tensor_value_info(t.name, kind, list(t.dims)) for t in tensors]
    graph = helper.make_graph(nodes, "old", inputs, outputs, tensors)
    opset = [helper.make_opsetid("", 11)]
    model: bytes = helper.make_model(graph, opset_imports=opset, ir_version=6).SerializeToString()
    return model


def kinds(model: bytes) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load_model_from_string(model).graph.node)


X = np.linspace(-8, 8, 40, dtype=np.float32).reshape(20, 2)


def test_a_hard_swish_becomes_two_nodes_and_stays_the_same() -> None:
    old = old_graph()
    new = optimizable(old)
    assert kinds(new) == {"Mul": 2, "HardSigmoid": 1}
    assert session(old).get_overridable_initializers()
    assert not session(new).get_overridable_initializers()
    (wanted,) = session(old).run(None, {"x": X})
    (found,) = session(new).run(None, {"x": X})
    y = X * np.array([1.5, -2.0], np.float32)
    np.testing.assert_allclose(wanted, y * np.clip(y + 3, 0, 6) / 6, atol=1e-5)
    assert np.ptp(wanted) > 5, "hardly a swish proves nothing"
    np.testing.assert_allclose(found, wanted, atol=ATOL, rtol=1e-6)


@pytest.mark.parametrize("change", [{"gate_is_read_again": True}, {"six": 5.0}], ids=str)
def test_what_is_no_hard_swish_of_its_own_is_left_alone(change: dict[str, Any]) -> None:
    old = old_graph(**change)
    new = optimizable(old)
    assert kinds(new) == kinds(old)
    wanted, found = (session(model).run(None, {"x": X}) for model in (old, new))
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_allclose(a, b, atol=ATOL)


@pytest.mark.parametrize("slopes", [(3, 1, 1), (1,)], ids=str)
def test_a_prelu_becomes_sums_and_products(slopes: tuple[int, ...]) -> None:
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    values = np.array([0.25, -0.5, 1.5], np.float32)[: slopes[0]].reshape(slopes)
    shape = ["n", 3, 4, 5]
    graph = helper.make_graph(
        [helper.make_node("PRelu", ["x", "slope"], ["y"])],
        "prelu",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, shape)],
        [onnx.numpy_helper.from_array(values, "slope")],
    )
    opset = [helper.make_opsetid("", 13)]
    old = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    assert gains(old, session(old))
    new = optimizable(old)
    assert "PRelu" not in kinds(new)
    x = np.random.default_rng(2).normal(size=(2, 3, 4, 5)).astype(np.float32)
    (found,) = session(new).run(None, {"x": x})
    np.testing.assert_allclose(found, np.where(x > 0, x, x * values), atol=ATOL)


def test_what_cannot_gain_is_not_rewritten() -> None:
    assert gains(old_graph(), session(old_graph()))
    new = optimizable(old_graph())
    assert not gains(new, session(new))


def test_bytes_that_are_no_model_raise() -> None:
    with pytest.raises(Exception, match=r".+"):
        optimizable(b"\xff\x00nothing")


@pytest.mark.parametrize(
    ("name", "gone", "size"),
    [("picodet_s_416", "Clip", 416), ("face_mesh468_192", "PRelu", 192)],
    ids=str,
)
def test_real_networks_answer_the_same(models: Path, name: str, gone: str, size: int) -> None:
    file = models / f"{name}.onnx"
    if not file.exists():
        pytest.skip(f"{file} is not part of this test data")
    old = file.read_bytes()
    new = optimizable(old)
    assert kinds(old)[gone] > 20
    assert kinds(new)[gone] == 0
    picture = np.random.default_rng(1).random((1, 3, size, size)).astype(np.float32)
    (shown,) = (one.name for one in session(new).get_inputs())
    wanted, found = (session(model).run(None, {shown: picture}) for model in (old, new))
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_allclose(b, a, atol=1e-4)
