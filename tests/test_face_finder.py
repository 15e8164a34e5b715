"""Finding faces: sizes of tensors, coordinates, tiles."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from fastthumb.inference.faces import FaceFinder, YunetFinder, open_face_finder, tiles_of
from fastthumb.inference.models import Registry
from fastthumb.inference.onnx import open_network
from fastthumb.inference.views import PictureView
from network_samples import SampleNetwork, entry

NAMES = tuple(
    f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)
)


def rgb_of(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def yunet_answer(
    faces: list[tuple[int, int, float]],
) -> Any:
    """Faces at (column, row, score) of stride 8: 32 x 48 tensor px around the cell's corner."""

    def answer(tensors: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        _, _, height, width = tensors.shape
        found = {}
        for stride in (8, 16, 32):
            cells = (height // stride) * (width // stride)
            for kind, columns in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
                found[f"{kind}_{stride}"] = np.zeros((1, cells, columns), np.float32)
        for column, row, score in faces:
            cell = row * (width // 8) + column
            found["cls_8"][0, cell], found["obj_8"][0, cell] = score, score
            found["bbox_8"][0, cell] = (0, 0, np.log(4), np.log(6))
            found["kps_8"][0, cell] = (-1, -1, 1, -1, 0, 0, -1, 1, 1, 1)
        return found

    return answer


def yunet(faces: list[tuple[int, int, float]], **wanted: Any) -> tuple[YunetFinder, SampleNetwork]:
    described = entry(
        "faces",
        "yunet",
        output={"threshold": 0.6, "iou": 0.3, "strides": [8, 16, 32], "names": NAMES},
        **({"width": 640, "height": 640, "fit": "letterbox", "channels": "bgr"} | wanted),
    )
    network = SampleNetwork(described, yunet_answer(faces))
    return YunetFinder(network), network


def gray(width: int, height: int) -> PictureView:
    return PictureView.of_rgb(np.full((height, width, 3), 90, np.uint8))


def test_faces_come_back_in_display_pixels() -> None:
    finder, network = yunet([(20, 10, 0.9)], multiple_of=32)
    (face,) = finder.detect(gray(1280, 720))
    assert network.shown[0].shape == (1, 3, 384, 640)
    assert face.box == pytest.approx((2 * (160 - 16), 2 * (80 - 24), 2 * 176, 2 * 104), rel=1e-4)
    assert face.score == pytest.approx(0.9)
    np.testing.assert_allclose(face.landmarks[0], (2 * 152, 2 * 72), rtol=1e-5)
    np.testing.assert_allclose(face.landmarks[2], (2 * 160, 2 * 80), rtol=1e-5)
    np.testing.assert_allclose(face.landmarks[4], (2 * 168, 2 * 88), rtol=1e-5)


@pytest.mark.parametrize(
    ("size", "free", "fixed"),
    [
        ((1920, 1080), (640, 384), (640, 640)),
        ((1080, 1920), (384, 640), (640, 640)),
        ((320, 180), (320, 192), (640, 640)),
        ((50, 3), (64, 32), (640, 640)),
        ((3000, 1), (640, 32), (640, 640)),
    ],
    ids=str,
)
def test_tensors_are_no_larger_than_the_picture_needs(
    size: tuple[int, int], free: tuple[int, int], fixed: tuple[int, int]
) -> None:
    for wanted, (width, height) in (({"multiple_of": 32}, free), ({}, fixed)):
        finder, network = yunet([], **wanted)
        assert finder.detect(gray(*size)) == []
        assert network.shown[0].shape == (1, 3, height, width)


@given(width=st.integers(1, 4000), height=st.integers(1, 4000))
def test_tiles_cover_the_picture_and_overlap(width: int, height: int) -> None:
    tiles = list(tiles_of(width, height))
    assert len(tiles) == 4
    for x0, y0, x1, y1 in tiles:
        assert -1e-6 <= x0 < x1 <= width + 1e-6
        assert -1e-6 <= y0 < y1 <= height + 1e-6
        assert (x1 - x0) / width == pytest.approx((y1 - y0) / height)
    for length, axis in ((width, 0), (height, 1)):
        spans = sorted({(tile[axis], tile[axis + 2]) for tile in tiles})
        assert spans[0][0] == 0
        assert spans[-1][1] == pytest.approx(length)
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert end - start >= 0.19 * (spans[0][1] - spans[0][0]), "tiles hardly overlap"


def test_a_face_that_a_tile_cuts_is_left_to_its_neighbor() -> None:
    """In every tile a face hangs over the top left corner: inner corners cut it."""
    finder, network = yunet([(0, 0, 0.95)], multiple_of=32)
    whole = finder.detect(gray(640, 640))
    found = finder.detect(gray(640, 640), tiles=True)
    assert len(network.shown) == 1 + 1 + 4
    assert [face.box for face in found] == [face.box for face in whole]


def test_tiles_find_faces_that_the_whole_picture_is_too_small_for(data: Path) -> None:
    registry = Registry.load(data / "models")
    resolved = registry.resolve(registry.named("yunet_n_dynamic"))
    assert resolved is not None
    finder = open_face_finder(resolved, partial(open_network, threads=1), 1)
    portrait = Image.fromarray(rgb_of(data / "faces/people/obama/obama.jpg"))
    portrait = portrait.resize((150, round(150 * portrait.height / portrait.width)))
    scene = Image.new("RGB", (3840, 2160), (96, 110, 90))
    places = [(x, y) for x in (300, 1500, 2080, 3500) for y in (200, 1300, 1950)]
    for place in places:
        scene.paste(portrait, place)
    view = PictureView.of_rgb(np.asarray(scene))
    without, tiled = finder.detect(view), finder.detect(view, tiles=True)
    assert len(without) < len(places) // 2
    assert len(tiled) >= len(places) - 1
    for face in tiled:
        x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
        assert any(0 < x - left < 150 and 0 < y - top < portrait.height for left, top in places)


@pytest.fixture(scope="module", params=["yunet_n_dynamic", "yunet_2023mar", "mtcnn"])
def finder(request: pytest.FixtureRequest, data: Path) -> FaceFinder:
    registry = Registry.load(data / "models")
    resolved = registry.resolve(registry.named(request.param))
    if resolved is None:
        pytest.skip(f"model {request.param} is not part of this test data")
    return open_face_finder(resolved, partial(open_network, threads=1), 1)


def test_two_people_are_found_where_they_are(data: Path, finder: FaceFinder) -> None:
    view = PictureView.of_rgb(rgb_of(data / "faces/people/group/two_people.jpg"))
    left, right = sorted(finder.detect(view), key=lambda face: face.box[0])[:2]
    for face, eyes in ((left, (229, 68)), (right, (624, 92))):
        assert face.score > 0.8
        middle = face.landmarks[:2].mean(axis=0)
        np.testing.assert_allclose(middle, eyes, atol=8)
        assert face.landmarks[0, 0] < face.landmarks[1, 0]
        assert face.landmarks[3, 1] > face.landmarks[2, 1] > face.landmarks[0, 1]


def test_nothing_is_found_in_nothing(finder: FaceFinder) -> None:
    assert finder.detect(gray(1, 1)) == []
    assert finder.detect(gray(640, 360)) == []
    assert finder.detect(gray(7, 900), tiles=True) == []


# --- glimpses and parts


def test_a_glimpse_is_half_as_large_and_asks_for_less() -> None:
    finder, network = yunet([(10, 5, 0.4)], multiple_of=32)
    (face,) = finder.glimpse(gray(1280, 720))
    assert network.shown[0].shape == (1, 3, 192, 320)
    assert face.score == pytest.approx(0.4)
    assert face.box == pytest.approx((4 * (80 - 16), 4 * (40 - 24), 4 * 96, 4 * 64), rel=1e-4)
    assert finder.detect(gray(1280, 720)) == []
    assert not finder.glimpses_are_exact


def test_a_network_of_one_size_glimpses_as_it_looks() -> None:
    finder, network = yunet([(20, 10, 0.9)])
    assert finder.glimpses_are_exact
    assert finder.glimpse(gray(1280, 720))[0].box == finder.detect(gray(1280, 720))[0].box
    assert [shown.shape[2:] for shown in network.shown] == [(640, 640)] * 2


def test_a_small_picture_is_not_enlarged_for_a_glimpse() -> None:
    finder, network = yunet([], multiple_of=32)
    finder.glimpse(gray(96, 64))
    assert network.shown[0].shape == (1, 3, 64, 96)


@pytest.mark.parametrize(
    ("box", "shape"),
    [
        ((0.0, 0.0, 1280.0, 720.0), (384, 640)),
        ((200.0, 100.0, 520.0, 420.0), (160, 160)),
        ((200.0, 100.0, 210.0, 105.0), (32, 32)),
    ],
    ids=["whole", "part", "tiny"],
)
def test_a_part_is_seen_at_the_scale_of_the_whole(
    box: tuple[float, float, float, float], shape: tuple[int, int]
) -> None:
    finder, network = yunet([(2, 3, 0.9)], multiple_of=32)
    found = finder.detect_in(gray(1280, 720), box)
    assert network.shown[0].shape[2:] == shape
    scale = min(shape[1] / (box[2] - box[0]), shape[0] / (box[3] - box[1]), 1.0)
    assert found[0].box[0] == pytest.approx(box[0], abs=1.0), "16 - 16 px from the part's edge"
    assert found[0].box[3] == pytest.approx(box[1] + (24 + 24) / scale, rel=1e-3)


def test_the_built_in_detector_glimpses_large_faces(data: Path) -> None:
    registry = Registry.load()
    resolved = registry.resolve(registry.named("mtcnn"))
    assert resolved is not None
    finder = open_face_finder(resolved, partial(open_network, threads=1), 1)
    path = data / "faces/people/group/two_people.jpg"
    if not path.exists():
        pytest.skip(f"{path} is not part of this test data")
    view = PictureView.of_rgb(rgb_of(path))
    assert finder.glimpses_are_exact
    assert len(finder.glimpse(view)) >= 2
