"""Half precision: what stays float32, and how far its results are from the CPU's at most.

The bounds are of pictures and crops that show what each network is for, with every FP16 tensor
rounded as on a device (fp16_rounding.py). Devices add rounding of their own inside of sums.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fastthumb.inference.device_graphs import device_graph
from fastthumb.inference.faces import YunetFinder
from fastthumb.inference.half_precision import LARGEST, halved
from fastthumb.inference.models import Registry, Resolved
from fastthumb.inference.objects import ObjectFinder
from fastthumb.inference.onnx import Network, open_network, open_session
from fastthumb.inference.tensors import pixels_of, unit_rows, whole_picture
from fastthumb.inference.views import PictureView
from fp16_rounding import rounded

onnx = pytest.importorskip("onnx")

Floats = npt.NDArray[np.float32]

# Bounds of the difference between half precision and float32.
FACE_SCORE, FACE_PX = 0.01, 0.5
OBJECT_SCORE, OBJECT_PX = 0.03, 2.0
LEAST_COSINE = 0.9999
PROBABILITY = 0.01
LANDMARK_PX = 0.1  # of a crop of 192 px
LEAST_AGREEMENT = 0.99  # of the pixels of a mask


def resolved(models: Path, name: str) -> Resolved:
    registry = Registry.load(models)
    found = registry.resolve(registry.named(name))
    if found is None:
        pytest.skip(f"model {name} is not part of this test data")
    return found


def both(model: Resolved) -> tuple[Network, Network]:
    """The network as the CPU runs it, and in half precision with every tensor rounded."""
    half = rounded(device_graph(model, "fp16"))
    session = open_session(half, threads=1, name=model.entry.name)
    return open_network(model, threads=1), Network(model.entry, model.sha256, session)


@pytest.fixture(scope="module")
def views(data: Path) -> list[PictureView]:
    """Pictures with people and things."""
    files = sorted((data / "images" / "coco").glob("*.jpg"))[:5]
    files += sorted((data / "faces" / "people").glob("*/*.jp*g"))[:3]
    assert len(files) == 8
    return [PictureView.of_rgb(np.asarray(Image.open(file).convert("RGB"))) for file in files]


def crops(data: Path, name: str, model: Resolved) -> Floats:
    """The crops of a reference as the entry wants them."""
    with np.load(data / "goldens" / f"{name}.npz", allow_pickle=False) as file:
        pictures = file["crops_bgr_u8"][:, :, :, ::-1]
    pixels = pixels_of(model.entry.input)
    height, width = pictures.shape[1:3]
    return np.stack(
        [
            PictureView.of_rgb(np.ascontiguousarray(rgb)).fitted(width, height, pixels)
            for rgb in pictures
        ]
    )


@pytest.mark.parametrize("name", ["yunet_2023mar", "yunet_n_dynamic", "yunet_n_640"])
def test_faces_are_found_alike(models: Path, views: list[PictureView], name: str) -> None:
    full, half = map(YunetFinder, both(resolved(models, name)))
    count = 0
    for view in views:
        wanted, found = (
            [face for face in finder.detect(view) if face.score > full.sure]
            for finder in (full, half)
        )
        assert len(found) == len(wanted)
        count += len(wanted)
        scale = min(1.0, 640 / max(view.width, view.height))
        for a, b in zip(wanted, found, strict=True):
            assert abs(a.score - b.score) < FACE_SCORE
            np.testing.assert_allclose(b.box, a.box, atol=FACE_PX / scale)
            np.testing.assert_allclose(b.landmarks, a.landmarks, atol=FACE_PX / scale)
    assert count >= 3


@pytest.mark.parametrize("name", ["picodet_s_416", "yolox_nano_416"])
def test_things_are_found_alike(models: Path, views: list[PictureView], name: str) -> None:
    full, half = map(ObjectFinder, both(resolved(models, name)))
    count = 0
    for view in views:
        wanted = [thing for thing in full.find(view) if thing.score > 0.5]
        found = half.find(view)
        count += len(wanted)
        scale = max(view.width, view.height) / 416
        for a in wanted:
            alike = [b for b in found if b.label == a.label]
            b = min(alike, key=lambda b: float(np.abs(np.subtract(a.box, b.box)).max()))
            assert abs(a.score - b.score) < OBJECT_SCORE
            np.testing.assert_allclose(b.box, a.box, atol=OBJECT_PX * scale)
    assert count >= 10


def test_identities_stay_who_they_are(models: Path, data: Path) -> None:
    model = resolved(models, "mobilefacenet_112")
    wanted, found = (
        unit_rows(net.run(crops(data, "mobilefacenet", model))["output0"]) for net in both(model)
    )
    assert (wanted * found).sum(axis=1).min() > LEAST_COSINE
    assert np.abs(wanted @ wanted.T - found @ found.T).max() < 1 - LEAST_COSINE + 0.002


def test_pictures_look_as_alike_as_before(models: Path, views: list[PictureView]) -> None:
    model = resolved(models, "mobilenet_v2_imagenet_224")
    tensors = np.concatenate([whole_picture(view, model.entry.input)[0] for view in views])
    wanted, found = (unit_rows(net.run(tensors)["embedding"]) for net in both(model))
    assert (wanted * found).sum(axis=1).min() > LEAST_COSINE


def test_expressions_are_as_likely(models: Path, data: Path) -> None:
    model = resolved(models, "face_expression_112")
    wanted, found = (net.run(crops(data, "face_expression", model))["probs"] for net in both(model))
    np.testing.assert_allclose(found, wanted, atol=PROBABILITY)
    assert len(set(wanted.argmax(axis=1).tolist())) > 1


def test_a_mesh_lies_where_it_lay(models: Path, data: Path) -> None:
    model = resolved(models, "face_mesh468_192")
    full, half = (net.run(crops(data, "face_mesh", model)) for net in both(model))
    np.testing.assert_allclose(half["landmarks"], full["landmarks"], atol=LANDMARK_PX)
    np.testing.assert_allclose(half["score"], full["score"], atol=PROBABILITY)


@pytest.mark.parametrize("name", ["deeplabv3_voc21_513", "selfie_seg_144x256"])
def test_masks_cover_the_same(models: Path, views: list[PictureView], name: str) -> None:
    model = resolved(models, name)
    half = open_session(rounded(device_graph(model, "fp16")), threads=1, name=name)
    full = open_network(model, threads=1)

    def mask(raw: Floats) -> npt.NDArray[Any]:
        return raw.argmax(axis=1) if model.entry.family == "segmentation" else raw > 0.5

    for view in views:
        tensor = whole_picture(view, model.entry.input)[0]
        (wanted,) = full.run(tensor).values()
        (found,) = half.run(None, {half.get_inputs()[0].name: tensor})
        assert (mask(found) == mask(wanted)).mean() > LEAST_AGREEMENT


def test_joints_are_picked_in_float32(models: Path) -> None:
    model = resolved(models, "movenet_lightning_192")
    assert device_graph(model, "fp16") == device_graph(model, "fp32")


# --- what stays float32


def chain(*, large: bool = False, branch: bool = False) -> bytes:
    """x -> Mul -> Conv a -> Relu -> Exp -> Conv b -> Relu -> Conv c -> Sigmoid -> y.

    With `branch`, the second Relu is an output, too.
    """
    helper, kind = onnx.helper, onnx.TensorProto
    rng = np.random.default_rng(0)
    weights = {name: rng.uniform(0, 1, (3, 3, 1, 1)).astype(np.float32) for name in "abc"}
    weights["c"] -= 0.5
    if large:
        weights["b"][0, 0] = 2 * LARGEST
    nodes = [
        helper.make_node("Mul", ["x", "scale"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "a"], ["ca"]),
        helper.make_node("Relu", ["ca"], ["ra"]),
        helper.make_node("Exp", ["ra"], ["e"]),
        helper.make_node("Conv", ["e", "b"], ["cb"]),
        helper.make_node("Relu", ["cb"], ["rb"]),
        helper.make_node("Conv", ["rb", "c"], ["cc"]),
        helper.make_node("Sigmoid", ["cc"], ["y"]),
    ]
    outputs = [helper.make_tensor_value_info("y", kind.FLOAT, ["n", 3, 4, 4])]
    if branch:
        outputs.append(helper.make_tensor_value_info("rb", kind.FLOAT, ["n", 3, 4, 4]))
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()]
    tensors.append(onnx.numpy_helper.from_array(np.float32(1e-3), "scale"))
    inputs = [helper.make_tensor_value_info("x", kind.FLOAT, ["n", 3, 4, 4])]
    graph = helper.make_graph(nodes, "chain", inputs, outputs, tensors)
    opset = [helper.make_opsetid("", 13)]
    model: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return model


def half_nodes(model: bytes) -> set[str]:
    """Operations, by the original name of their result, that give FP16."""
    proto = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(model), strict_mode=True)
    onnx.checker.check_model(proto, full_check=True)
    halves = {
        value.name
        for value in proto.graph.value_info
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    }
    return {
        node.output[0].removesuffix("_as_fp16")
        for node in proto.graph.node
        if node.op_type != "Cast" and node.output[0] in halves
    }


def kinds_at_the_ends(model: bytes) -> set[int]:
    graph = onnx.load_model_from_string(model).graph
    return {value.type.tensor_type.elem_type for value in [*graph.input, *graph.output]}


@pytest.mark.parametrize("branch", [False, True])
def test_only_the_middle_is_half(branch: bool) -> None:
    half = halved(chain(branch=branch))
    assert half_nodes(half) == {"ca", "ra", "cb", "rb"}
    assert kinds_at_the_ends(half) == {onnx.TensorProto.FLOAT}
    x = np.random.default_rng(1).uniform(0, 255, (2, 3, 4, 4)).astype(np.float32)
    sessions = [
        open_session(model, threads=1, name="chain") for model in (chain(branch=branch), half)
    ]
    for wanted, found in zip(*(session.run(None, {"x": x}) for session in sessions), strict=True):
        np.testing.assert_allclose(found, wanted, atol=PROBABILITY)
        assert np.ptp(wanted) > 0.05


def test_weights_that_half_precision_cannot_hold_stay() -> None:
    assert half_nodes(halved(chain(large=True))) == {"ca", "ra", "rb"}


def test_a_graph_that_picks_places_stays_as_it_is() -> None:
    proto = onnx.load_model_from_string(chain())
    kind = onnx.TensorProto.INT64
    proto.graph.node.append(onnx.helper.make_node("ArgMax", ["y"], ["place"], axis=1))
    proto.graph.output.append(onnx.helper.make_tensor_value_info("place", kind, ["n", 1, 4, 4]))
    assert half_nodes(halved(proto.SerializeToString())) == set()
