"""The built-in detector's three networks, made once from the weights of the `mtcnn` package.

The package carries the weights as joblib files (lists of arrays in TensorFlow's order) and needs
TensorFlow to run them. Here they become ONNX files in the user's cache. Joblib files are pickles,
which can run code when they are read: their hashes are compared with the registry's first, and
the bytes that were hashed are the bytes that are read.

Note [TensorFlow to ONNX]. Kernels go from (rows, columns, in, out) to (out, in, rows, columns),
slopes of PReLU from (1, 1, channels) to (channels, 1, 1). PReLU itself is written as
slope * x + (1 - slope) * relu(x), which ONNX Runtime computes in half the time. The first dense
layer of R-Net and O-Net reads features in the order (column, row, channel), ONNX flattens
(channel, row, column): the rows of its matrix are put in that order. Of the softmax over "no
face" and "face" only the second number is wanted, which is the logistic function of the
difference of the two.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastthumb.errors import ModelError, OutputError
from fastthumb.inference.cache import models_cache
from fastthumb.names import printable

if TYPE_CHECKING:
    from onnx import ModelProto

    from fastthumb.inference.models import Resolved

FloatArray = npt.NDArray[np.float32]

NETWORKS = ("pnet", "rnet", "onet")
# Change this when the graphs change: older files in the cache are then no longer taken.
_FORM = 2
# Pooling after each convolution: kernel, or none. Stride is always 2; a window that begins inside
# the picture may end outside.
_POOLS = {"pnet": (2, 0, 0), "rnet": (3, 3, 0), "onet": (3, 3, 2, 0)}
_SIDES = {"pnet": 12, "rnet": 24, "onet": 48}
_OPSET, _IR_VERSION = 13, 8  # what every ONNX Runtime since 1.9 reads


def combined_sha256(weights: dict[str, str]) -> str:
    """One hash for the files of weights: SHA-256 over their names and hashes, sorted."""
    lines = "".join(f"{name} {sha256}\n" for name, sha256 in sorted(weights.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def network_files(resolved: Resolved, *, anew: bool = False) -> list[Path | bytes]:
    """P-Net, R-Net and O-Net as ONNX: files in the cache, made if need be; bytes if it refuses.

    `anew` makes them again. Raises ModelError, naming the file, if the weights are not the
    registry's or cannot be read.
    """
    folder = models_cache() / f"mtcnn-{resolved.sha256[:12]}-{_FORM}"
    files = [folder / f"{name}.onnx" for name in NETWORKS]
    if not anew and all(file.is_file() for file in files):
        return list(files)
    from fastthumb.atomic import make_folder, write_bytes

    made = [_graph(name, _weights(resolved, name)).SerializeToString() for name in NETWORKS]
    try:
        make_folder(folder)
        for file, data in zip(files, made, strict=True):
            write_bytes(file, data)
    except OutputError:  # no place to keep them: made again by the next process
        return list(made)
    return list(files)


def _weights(resolved: Resolved, name: str) -> list[FloatArray]:
    """The arrays of one network, read only if the file's hash is the registry's."""
    file = f"{name}.lz4"
    path, wanted = resolved.path / file, resolved.entry.weights.get(file, "")
    advice = "install mtcnn 1.0 again, or pull another face detector: 'fastthumb models pull'"
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ModelError(f"{printable(path)}: cannot be read ({exc.strerror}); {advice}") from exc
    got = hashlib.sha256(data).hexdigest()
    if got != wanted:
        raise ModelError(
            f"{printable(path)}: is not the file that the registry names (SHA-256 {got[:12]}..., "
            f"wanted {wanted[:12]}...) and was not opened; {advice}"
        )
    import joblib

    arrays: list[FloatArray] = joblib.load(io.BytesIO(data))
    return arrays


def _graph(name: str, weights: Sequence[FloatArray]) -> ModelProto:
    """The ONNX model of one network: `picture` -> scores, offsets and, for O-Net, landmarks."""
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    initializers: list[Any] = []
    left = list(weights)

    def constant(array: FloatArray) -> str:
        initializers.append(
            numpy_helper.from_array(
                np.ascontiguousarray(array, np.float32), f"w{len(initializers)}"
            )
        )
        return f"w{len(initializers) - 1}"

    def node(kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        output = output or f"x{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolution(x: str, output: str | None = None, kernel: FloatArray | None = None) -> str:
        if kernel is None:
            kernel = left.pop(0).transpose(3, 2, 0, 1)
        return node("Conv", [x, constant(kernel), constant(left.pop(0))], output)

    def leaky(x: str, slope: FloatArray) -> str:
        straight = node("Mul", [x, constant(slope)])
        return node("Add", [straight, node("Mul", [node("Relu", [x]), constant(1 - slope)])])

    x = "picture"
    channels = 3
    for pool in _POOLS[name]:
        channels = left[0].shape[3]
        x = convolution(x)
        x = leaky(x, left.pop(0).reshape(channels, 1, 1))
        if pool:
            x = node("MaxPool", [x], kernel_shape=[pool] * 2, strides=[2, 2], ceil_mode=1)
    spatial: list[int | str] = []
    if name == "pnet":
        spatial = ["rows", "columns"]
        node("Identity", [convolution(x)], "offsets")
        kernel, bias = left.pop(0).transpose(3, 2, 0, 1), left.pop(0)
        face = node("Conv", [x, constant(kernel[1:] - kernel[:1]), constant(bias[1:] - bias[:1])])
        heads = {"offsets": 4}
    else:
        side = round((left[0].shape[0] / channels) ** 0.5)
        dense = left.pop(0).reshape(side, side, channels, -1).transpose(2, 1, 0, 3)
        x = node("Flatten", [x])
        x = node("Gemm", [x, constant(dense.reshape(-1, dense.shape[3])), constant(left.pop(0))])
        x = leaky(x, left.pop(0))
        heads = {"offsets": 4} | ({"landmarks": 10} if name == "onet" else {})
        for head in heads:
            node("Gemm", [x, constant(left.pop(0)), constant(left.pop(0))], head)
        matrix, bias = left.pop(0), left.pop(0)
        difference = matrix[:, 1:] - matrix[:, :1]
        face = node("Gemm", [x, constant(difference), constant(bias[1:] - bias[:1])])
    node("Sigmoid", [face], "scores")
    size: list[int | str] = ["height", "width"] if spatial else [_SIDES[name]] * 2

    def tensor(title: str, shape: list[int | str]) -> Any:
        return helper.make_tensor_value_info(title, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        name,
        [tensor("picture", ["n", 3, *size])],
        [tensor(head, ["n", width, *spatial]) for head, width in {"scores": 1, **heads}.items()],
        initializers,
    )
    opset = helper.make_opsetid("", _OPSET)
    return helper.make_model(
        graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="fastthumb"
    )
