"""Reference outputs of the small networks, through the registry, our tensors and our decoders.

Where a reference began with a picture and not with a tensor, the picture is prepared as the
reference says, with OpenCV, so that nothing but network and decoding is compared; that our own
tensors find the same things is tested beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from fastthumb import _core
from fastthumb.inference.face_readers import EXPRESSIONS, ExpressionReader, mesh_reading
from fastthumb.inference.faces import YunetFinder
from fastthumb.inference.models import Registry
from fastthumb.inference.objects import ObjectFinder
from fastthumb.inference.onnx import Network, open_network
from fastthumb.inference.tensors import pixels_of, unit_rows
from fastthumb.inference.views import PictureView

ATOL = 1e-4  # float32, other kernels on other processors
YUNET_BOX_ATOL, OBJECT_BOX_ATOL = 0.011, 0.11  # the references are rounded to 0.01 and 0.1 px

Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def registry(data: Path) -> Registry:
    return Registry.load(data / "models")


def network(registry: Registry, name: str) -> Network:
    resolved = registry.resolve(registry.named(name))
    if resolved is None:
        pytest.skip(f"model {name} is not part of this test data")
    return open_network(resolved, threads=1)


def golden(data: Path, name: str) -> dict[str, Any]:
    with np.load(data / "goldens" / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def tensors(net: Network, crops_bgr: npt.NDArray[np.uint8]) -> Floats:
    """Crops, (n, h, w, 3) BGR, as the entry wants them."""
    pixels = pixels_of(net.entry.input)
    made = []
    for crop in crops_bgr:
        height, width = crop.shape[:2]
        view = PictureView.of_rgb(np.ascontiguousarray(crop[:, :, ::-1]))
        made.append(view.fitted(width, height, pixels))
    return np.stack(made)


def test_identity_embeddings_equal_the_reference(data: Path, registry: Registry) -> None:
    net, wanted = network(registry, "mobilefacenet_112"), golden(data, "mobilefacenet")
    found = net.run(tensors(net, wanted["crops_bgr_u8"]))["output0"]
    assert len(found) == 8
    np.testing.assert_allclose(found, wanted["embedding_raw"], atol=ATOL, rtol=ATOL)
    np.testing.assert_allclose(unit_rows(found), wanted["embedding_l2"], atol=ATOL)


def test_expressions_equal_the_reference_in_public_order(data: Path, registry: Registry) -> None:
    net, wanted = network(registry, "face_expression_112"), golden(data, "face_expression")
    found = net.run(tensors(net, wanted["crops_bgr_u8"]))["probs"]
    np.testing.assert_allclose(found, wanted["probs"], atol=ATOL)
    assert len({int(row.argmax()) for row in wanted["probs"]}) > 1, "one class proves nothing"

    class Crops:
        """Gives the crops of the reference, whatever is asked for."""

        def __init__(self) -> None:
            self.crops = tensors(net, wanted["crops_bgr_u8"])

        def input_warped(self, matrices: Sequence[object], *_: object) -> Floats:
            assert len(matrices) == len(self.crops)
            return self.crops

    face: Any = type("Face", (), {"box": (0, 0, 1, 1), "landmarks": np.eye(5, 2)})
    view: Any = Crops()
    read = ExpressionReader(net).read(view, [face] * len(wanted["probs"]))
    own = [net.entry.output.labels.index(name) for name in EXPRESSIONS]
    np.testing.assert_allclose(read, wanted["probs"][:, own], atol=ATOL)


def test_face_meshes_equal_the_reference(data: Path, registry: Registry) -> None:
    net, wanted = network(registry, "face_mesh468_192"), golden(data, "face_mesh")
    found = net.run(tensors(net, wanted["crops_bgr_u8"]))
    np.testing.assert_allclose(found["landmarks"], wanted["landmarks"], atol=ATOL, rtol=ATOL)
    np.testing.assert_allclose(found["score"], wanted["score"], atol=ATOL)
    for mesh, reference in zip(found["landmarks"], wanted["landmarks"], strict=True):
        ours, theirs = mesh_reading(mesh, 1.0), mesh_reading(reference, 1.0)
        assert ours.eyes == pytest.approx(theirs.eyes, abs=ATOL)
        assert ours.mouth == pytest.approx(theirs.mouth, abs=ATOL)


def test_picture_embeddings_equal_the_reference(data: Path, registry: Registry) -> None:
    net, wanted = network(registry, "mobilenet_v2_imagenet_224"), golden(data, "mobilenet_v2")
    found = net.run(tensors(net, wanted["images_bgr_u8"]))["embedding"]
    np.testing.assert_allclose(found, wanted["embedding"], atol=ATOL)


def test_poses_equal_the_reference(data: Path, registry: Registry) -> None:
    net, wanted = network(registry, "movenet_lightning_192"), golden(data, "movenet")
    found = net.run(tensors(net, wanted["crop_bgr_u8"][None]))["keypoints"]
    np.testing.assert_allclose(found, wanted["keypoints_yxs"], atol=ATOL)


def test_segmentation_equals_the_reference(data: Path, registry: Registry) -> None:
    net, wanted = network(registry, "deeplabv3_voc21_513"), golden(data, "deeplab")
    cv2 = pytest.importorskip("cv2", reason="the reference was resized with OpenCV")
    resized = cv2.resize(rgb_of(data / str(wanted["image"])), (513, 513))
    found = net.run(tensors(net, resized[None, :, :, ::-1]))["logits"]
    np.testing.assert_allclose(found, wanted["logits_33"], atol=ATOL)
    assert (found.argmax(1)[0] == wanted["argmax_33"]).all()


# --- detectors: from the picture


def rgb_of(path: Path) -> npt.NDArray[np.uint8]:
    if not path.exists():
        pytest.skip(f"{path} is not part of this test data")
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def present(data: Path, name: str) -> dict[str, Any]:
    """The pictures of a reference of which the test data has the file."""
    table = json.loads((data / "goldens" / f"{name}.json").read_text())["images"]
    return {file: facts for file, facts in table.items() if (data / file).exists()}


def test_yunet_finds_the_faces_of_the_reference(data: Path, registry: Registry) -> None:
    cv2 = pytest.importorskip("cv2", reason="the reference was resized with OpenCV")
    net = network(registry, "yunet_n_dynamic")
    pictures = present(data, "yunet")
    assert sum(len(facts["faces"]) for facts in pictures.values()) > 5
    for file, facts in pictures.items():
        rgb = rgb_of(data / file)
        scale = min(1.0, 640 / max(rgb.shape[:2]))
        if scale < 1:
            size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
            rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        tensor = padded_bgr(rgb, 32, 0)
        outputs = [np.ascontiguousarray(maps[0]) for maps in net.run(tensor).values()]
        rows = _core.decode_yunet(outputs, tensor.shape[3], tensor.shape[2], 0.6, 0.3) / scale
        assert len(rows) == len(facts["faces"]), file
        for row, face in zip(rows.astype(float), facts["faces"], strict=True):
            assert row[4] * scale == pytest.approx(face["score"], abs=ATOL)
            x, y, width, height = face["box"]
            box = (x, y, x + width, y + height)
            np.testing.assert_allclose(row[:4], box, atol=2 * YUNET_BOX_ATOL)
            np.testing.assert_allclose(row[5:].reshape(5, 2), face["kps"], atol=YUNET_BOX_ATOL)


def test_our_tensors_give_yunet_the_same_faces(data: Path, registry: Registry) -> None:
    finder = YunetFinder(network(registry, "yunet_n_dynamic"))
    for file, facts in present(data, "yunet").items():
        sure = [face for face in facts["faces"] if face["score"] > 0.7]
        found = finder.detect(PictureView.of_rgb(rgb_of(data / file)))
        assert len(found) >= len(sure), file
        for face in sure:
            x, y, width, _ = face["box"]
            near = min(found, key=lambda f: abs(f.box[0] - x) + abs(f.box[1] - y))
            off = np.abs(near.landmarks - face["kps"]).max()
            # The networks were trained on pictures reduced in many ways: 4 % of a face's width.
            assert off < 0.04 * width + 0.5, file


@pytest.mark.parametrize(
    ("name", "iou"), [("yolox_nano_416", 0.45), ("picodet_s_416", 0.5)], ids=lambda v: str(v)
)
def test_objects_equal_the_reference(data: Path, registry: Registry, name: str, iou: float) -> None:
    cv2 = pytest.importorskip("cv2", reason="the reference was resized with OpenCV")
    net = network(registry, name)
    strides, count = list(net.entry.output.strides), 0
    for file, facts in present(data, "objects").items():
        rgb = rgb_of(data / file)
        height, width = rgb.shape[:2]
        if name.startswith("yolox"):
            ratio = min(416 / height, 416 / width)
            small = cv2.resize(rgb, (int(width * ratio), int(height * ratio)))
            tensor, scale = padded_bgr(small, 416, 114), (ratio, ratio)
            cells = net.run(tensor)["output"][0]
            rows = _core.decode_yolox(cells, 416, 416, strides, 0.35, iou, every_class=True)
        else:
            small = cv2.resize(rgb, (416, 416), interpolation=cv2.INTER_CUBIC)
            tensor, scale = tensors(net, small[None, :, :, ::-1]), (416 / width, 416 / height)
            maps = [one[0] for one in net.run(tensor).values()]
            rows = _core.decode_picodet(
                maps[:4], maps[4:], 416, 416, strides, 0.35, iou, every_class=True
            )
        wanted = facts[name]
        assert len(rows) == len(wanted), file
        for row, thing in zip(rows.astype(float), wanted, strict=True):
            count += 1
            assert net.entry.output.labels[int(row[5])] == thing["label"]
            assert row[4] == pytest.approx(thing["score"], abs=ATOL)
            box = row[:4] / (*scale, *scale)
            np.testing.assert_allclose(box, thing["box_xyxy"], atol=OBJECT_BOX_ATOL)
    assert count > 10, "hardly an object proves nothing"


@pytest.mark.parametrize("name", ["yolox_nano_416", "picodet_s_416"])
def test_our_tensors_give_the_same_objects(data: Path, registry: Registry, name: str) -> None:
    finder = ObjectFinder(network(registry, name))
    missed = total = 0
    for file, facts in present(data, "objects").items():
        found = finder.find(PictureView.of_rgb(rgb_of(data / file)))
        for thing in facts[name]:
            if thing["score"] < 0.6:
                continue
            total += 1
            missed += not any(
                one.label == thing["label"] and overlap(one.box, thing["box_xyxy"]) > 0.6
                for one in found
            )
    assert total > 8
    assert missed == 0


def padded_bgr(rgb: npt.NDArray[np.uint8], multiple: int, fill: int) -> Floats:
    """BGR codes as (1, 3, h, w), pasted top left into sides that are multiples."""
    height, width = (-(-side // multiple) * multiple for side in rgb.shape[:2])
    tensor = np.full((height, width, 3), fill, np.float32)
    tensor[: rgb.shape[0], : rgb.shape[1]] = rgb[:, :, ::-1]
    return np.ascontiguousarray(tensor.transpose(2, 0, 1)[None])


def overlap(a: Any, b: Any) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)
