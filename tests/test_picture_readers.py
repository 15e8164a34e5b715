"""What networks say of whole pictures: embedding, learned rules, lettering, poses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage

from fastthumb.inference.lettering_maps import boxes_of_map
from fastthumb.inference.models import Registry
from fastthumb.inference.onnx import open_network
from fastthumb.inference.pictures import (
    EmbeddingReader,
    LetteringFinder,
    PictureClassifier,
    PoseReader,
)
from fastthumb.inference.tensors import probabilities
from fastthumb.inference.views import PictureView
from network_samples import SampleNetwork, entry

Floats = npt.NDArray[np.float32]


def picture(width: int = 200, height: int = 100, seed: int = 1) -> PictureView:
    rng = np.random.default_rng(seed)
    return PictureView.of_rgb(rng.integers(0, 256, (height, width, 3), np.uint8))


def test_embeddings_have_unit_length() -> None:
    described = entry("embedding", "embedding", output={"size": 3, "names": ["v"]})
    network = SampleNetwork(described, lambda _: {"v": np.array([[3, 0, 4]], np.float32)})
    np.testing.assert_allclose(EmbeddingReader(network).read(picture()), (0.6, 0, 0.8))


def test_an_embedding_of_zeros_stays_finite() -> None:
    described = entry("embedding", "embedding", output={"size": 3, "names": ["v"]})
    network = SampleNetwork(described, lambda _: {"v": np.zeros((1, 3), np.float32)})
    assert EmbeddingReader(network).read(picture()).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("activation", "wanted"),
    [("none", (2.0, -1.0)), ("softmax", (0.952574, 0.047426)), ("sigmoid", (0.880797, 0.268941))],
)
def test_learned_rules_give_probabilities_by_label(
    activation: str, wanted: tuple[float, float]
) -> None:
    output = {"labels": ["indoor", "outdoor"], "activation": activation, "names": ["p"]}
    described = entry("setting", "classifier", output=output)
    network = SampleNetwork(described, lambda _: {"p": np.array([[2, -1]], np.float32)})
    read = PictureClassifier(network).read(picture())
    assert read == pytest.approx({"indoor": wanted[0], "outdoor": wanted[1]}, abs=1e-5)


def test_activations_bear_huge_numbers() -> None:
    output = {"labels": ["a", "b"], "names": ["p"]}
    for activation in ("softmax", "sigmoid"):
        described = entry("setting", "classifier", output=output | {"activation": activation})
        found = probabilities(described, np.array([[1e6, -1e6]], np.float32))
        np.testing.assert_allclose(found, [[1, 0]], atol=1e-6)


def test_joints_come_back_in_display_pixels() -> None:
    described = entry("pose", "movenet", output={"names": ["k"]}, crop="person")

    def answer(tensors: Floats) -> dict[str, Floats]:
        joints = np.zeros((len(tensors), 1, 17, 3), np.float32)
        joints[:, 0, 0] = (0.5, 0.5, 0.9)  # y, x, score
        joints[:, 0, 1] = (0.1, 0.9, 0.5)
        return {"k": joints}

    network = SampleNetwork(described, answer)
    first, second = PoseReader(network).read(picture(), [(20, 10, 60, 90), (100, 0, 140, 20)])
    assert network.shown[0].shape == (2, 3, 64, 64)
    # The squares are 1.25 times the longer side: 100 px about (40, 50), 50 px about (120, 10).
    np.testing.assert_allclose(first[0], (40, 50, 0.9), rtol=1e-6)
    np.testing.assert_allclose(first[1], (40 + 40, 50 - 40, 0.5), rtol=1e-6)
    np.testing.assert_allclose(second[1], (120 + 20, 10 - 20, 0.5), rtol=1e-6)


def test_the_joints_of_a_real_person_lie_on_it(data: Path) -> None:
    registry = Registry.load(data / "models")
    resolved = registry.resolve(registry.named("movenet_lightning_192"))
    file = data / "images/coco/000000000785.jpg"
    if resolved is None or not file.exists():
        pytest.skip("the model or the picture is not part of this test data")
    with Image.open(file) as image:
        view = PictureView.of_rgb(np.asarray(image.convert("RGB")))
    (joints,) = PoseReader(open_network(resolved, threads=1)).read(view, [(279, 46, 500, 382)])
    seen = joints[joints[:, 2] > 0.3]
    assert len(seen) > 10
    assert ((seen[:, 0] > 260) & (seen[:, 0] < 520)).all()
    assert joints[0, 1] < joints[5:7, 1].mean() < joints[15:17, 1].mean(), "head, shoulders, feet"


# --- lettering


def test_parts_of_a_map_are_the_connected_ones() -> None:
    rng = np.random.default_rng(3)
    for share in (0.2, 0.4, 0.6):
        map_ = rng.random((60, 80), np.float32)
        map_ = ndimage.uniform_filter(map_, 3)
        limit = float(np.quantile(map_, 1 - share))
        labels, count = ndimage.label(map_ > limit, structure=np.ones((3, 3)))
        wanted = set()
        for index, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
            if min(rows.stop - rows.start, columns.stop - columns.start) >= 3:
                assert (labels == index).any()
                wanted.add((columns.start, rows.start, columns.stop, rows.stop))
        found = boxes_of_map(map_, threshold=limit, box_threshold=0.0, unclip=0.0)
        assert count > 3, "hardly a part proves nothing"
        assert {tuple(round(edge) for edge in box) for box in found} == wanted


def test_boxes_grow_by_area_over_perimeter_and_weak_ones_go() -> None:
    map_ = np.zeros((40, 100), np.float32)
    map_[10:20, 20:80] = 0.9
    map_[30:35, 5:25] = 0.4
    (box,) = boxes_of_map(map_, threshold=0.3, box_threshold=0.5, unclip=2.0)
    growth = 10 * 60 * 2.0 / 140
    assert box == pytest.approx((20 - growth, 10 - growth, 80 + growth, 20 + growth))
    assert (
        boxes_of_map(np.zeros((5, 5), np.float32), threshold=0.3, box_threshold=0, unclip=0) == []
    )
    (full,) = boxes_of_map(np.ones((5, 7), np.float32), threshold=0.3, box_threshold=0, unclip=0)
    assert full == (0, 0, 7, 5)


@pytest.mark.parametrize("reduced", [1, 4])
def test_boxes_of_text_are_in_display_pixels(reduced: int) -> None:
    """A network that takes bright for letters, with a map of another size than its tensor."""

    def answer(tensors: Floats) -> dict[str, Floats]:
        bright = tensors.mean(axis=1, keepdims=True) / 255
        return {"map": bright[:, :, ::reduced, ::reduced]}

    output = {"threshold": 0.5, "box_threshold": 0.5, "unclip": 0.0, "names": ["map"]}
    described = entry("text", "text-db", output=output, width=128, height=64, fit="stretch")
    rgb = np.zeros((256, 256, 3), np.uint8)
    rgb[128:192, 64:224] = 255
    boxes = LetteringFinder(SampleNetwork(described, answer)).find(PictureView.of_rgb(rgb))
    assert len(boxes) == 1
    assert boxes[0] == pytest.approx((64, 128, 224, 192), abs=8)
