"""Finding objects: coordinates of both families, classes, groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fastthumb.analysis.object_groups import group_of
from fastthumb.errors import ModelError
from fastthumb.inference.models import Registry
from fastthumb.inference.objects import ObjectFinder
from fastthumb.inference.onnx import open_network
from fastthumb.inference.views import PictureView
from network_samples import SampleNetwork, entry

GROUPS = {"person", "vehicle", "weapon", "prop", "animal", "furniture", "food", "sport", "other"}
LABELS = ["person", "knife", "dog"]
SIZE = 64  # px of the tensors


def yolox_answer(cells: dict[tuple[int, int], tuple[float, ...]]) -> Any:
    """Answers of stride 8: at (column, row) a box of 16 x 32 px around the corner of the cell."""

    def answer(tensors: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        side = SIZE // 8
        table = np.zeros((len(tensors), side * side, 5 + len(LABELS)), np.float32)
        for (column, row), scores in cells.items():
            sized = (0, 0, np.log(2), np.log(4), 1.0)
            table[:, row * side + column] = (*sized, *scores)
        return {"output": table}

    return answer


def picodet_answer(cells: dict[tuple[int, int], tuple[float, ...]]) -> Any:
    """Answers of stride 8: at (column, row) 1 stride left and right, 2 up and down."""

    def answer(tensors: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        side = SIZE // 8
        scores = np.zeros((len(tensors), side * side, len(LABELS)), np.float32)
        sides = np.zeros((len(tensors), side * side, 4, 8), np.float32)
        for (column, row), found in cells.items():
            scores[:, row * side + column] = found
            for edge, steps in enumerate((1, 2, 1, 2)):
                sides[:, row * side + column, edge, steps] = 50
        return {"scores": scores, "sides": sides.reshape(len(tensors), side * side, 32)}

    return answer


def finder(
    family: str, cells: dict[tuple[int, int], tuple[float, ...]], **wanted: Any
) -> tuple[ObjectFinder, SampleNetwork]:
    output = {"threshold": 0.5, "iou": 0.5, "strides": [8], "labels": LABELS}
    network = SampleNetwork(
        entry("objects", family, output=output, **wanted),
        (yolox_answer if family == "yolox" else picodet_answer)(cells),
    )
    if family == "picodet":
        network.output_names = ("scores", "sides")
    else:
        network.output_names = ("output",)
    return ObjectFinder(network), network


def gray(width: int, height: int) -> PictureView:
    return PictureView.of_rgb(np.full((height, width, 3), 200, np.uint8))


def test_yolox_boxes_are_in_display_pixels_of_a_letterboxed_picture() -> None:
    objects, network = finder("yolox", {(4, 2): (0, 0.9, 0)}, fit="letterbox", fill=114)
    (thing,) = objects.find(gray(128, 96))
    assert network.shown[0].shape == (1, 3, SIZE, SIZE)
    assert network.shown[0][0, :, -1].tolist() == [[114.0] * SIZE] * 3, "the rest is the fill"
    assert (thing.label, thing.score) == ("knife", pytest.approx(0.9))
    assert thing.box == pytest.approx((2 * 24, 0, 2 * 40, 2 * 32), rel=1e-5)


def test_small_pictures_are_enlarged_for_a_network_of_fixed_size() -> None:
    objects, _ = finder("yolox", {(4, 4): (0.8, 0, 0)}, fit="letterbox", fill=114)
    (thing,) = objects.find(gray(32, 16))
    assert thing.box == pytest.approx((12, 8, 20, 16), rel=1e-5)


def test_picodet_boxes_are_in_display_pixels_of_a_stretched_picture() -> None:
    objects, _ = finder("picodet", {(4, 4): (0.9, 0, 0)}, fit="stretch")
    (thing,) = objects.find(gray(640, 128))
    assert thing.label == "person"
    # cell (4, 4) has its center at 36 px: 28..44 across, 20..52 down, times 10 and 2
    assert thing.box == pytest.approx((280, 40, 440, 104), rel=1e-4)


@pytest.mark.parametrize("family", ["yolox", "picodet"])
def test_boxes_end_at_the_edge_of_the_picture(family: str) -> None:
    objects, _ = finder(family, {(0, 0): (0.9, 0, 0), (7, 7): (0.8, 0, 0)})
    for thing in objects.find(gray(64, 64)):
        x0, y0, x1, y1 = thing.box
        assert 0 <= x0 < x1 <= 64
        assert 0 <= y0 < y1 <= 64


@pytest.mark.parametrize("family", ["yolox", "picodet"])
def test_only_what_reaches_the_threshold_is_found_best_first(family: str) -> None:
    cells = {(1, 1): (0.6, 0, 0), (5, 5): (0, 0, 0.9), (3, 3): (0.4, 0.49, 0)}
    objects, _ = finder(family, cells)
    assert [thing.label for thing in objects.find(gray(64, 64))] == ["dog", "person"]
    everything = objects.find(gray(64, 64), threshold=0.3, every_class=True)
    assert [thing.label for thing in everything] == ["dog", "person", "knife", "person"]


def test_another_family_is_refused() -> None:
    described = entry("faces", "yunet", output={"threshold": 0.5, "iou": 0.5})
    with pytest.raises(ModelError, match="got family 'yunet'"):
        ObjectFinder(SampleNetwork(described, dict))


def test_every_coco_class_has_a_group_and_labels_may_be_of_any_case() -> None:
    labels = Registry.load().named("picodet_s_416").output.labels
    groups = {label: group_of(label) for label in labels}
    assert len(groups) == 80
    assert set(groups.values()) == GROUPS - {"other"}
    assert {label for label, group in groups.items() if group == "weapon"} == {
        "knife",
        "scissors",
        "baseball bat",
    }
    assert group_of("Truck") == "vehicle"
    assert group_of("sofa") == "furniture"
    assert group_of("unheard-of thing") == "other"


def test_every_voc_class_has_a_group() -> None:
    labels = Registry.load().named("deeplabv3_voc21_513").output.labels
    assert [label for label in labels if group_of(label) == "other"] == ["background"]


@pytest.mark.parametrize(
    ("picture", "wanted"),
    [
        ("images/coco/000000000285.jpg", {"bear"}),
        ("images/coco/000000000785.jpg", {"person", "skis"}),
        ("images/coco/000000000139.jpg", {"tv", "chair"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["picodet_s_416", "yolox_nano_416"])
def test_real_pictures(data: Path, picture: str, wanted: set[str], name: str) -> None:
    registry = Registry.load(data / "models")
    resolved = registry.resolve(registry.named(name))
    if resolved is None or not (data / picture).exists():
        pytest.skip(f"{name} or {picture} is not part of this test data")
    objects = ObjectFinder(open_network(resolved, threads=1))
    with Image.open(data / picture) as image:
        view = PictureView.of_rgb(np.asarray(image.convert("RGB")))
    assert wanted <= {thing.label for thing in objects.find(view)}
