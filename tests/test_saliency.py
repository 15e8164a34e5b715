"""Saliency: planted objects are found where they are, and nothing is found where nothing is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fastthumb.analysis.saliency import COLUMNS, ROWS, find_saliency
from fastthumb.analysis.stills import look
from stills_samples import Picture

# Share of photographs whose focal point lies in an annotated object; the middle reaches 0.735.
FOCAL_POINT_HITS = 0.77


def planted(
    x: float, y: float, radius: float = 0.1, shape: tuple[int, int] = (180, 320)
) -> Picture:
    """A red disk with some texture before a noisy grey-green gradient; positions are shares."""
    rng = np.random.default_rng(0)
    height, width = shape
    rows, columns = np.mgrid[0:height, 0:width]
    picture = np.full((height, width, 3), (110.0, 125.0, 105.0))
    picture += 30.0 * (rows / height)[..., None] + rng.normal(scale=4.0, size=(height, width, 1))
    reach = radius * min(height, width)
    inside = (columns - x * width) ** 2 + (rows - y * height) ** 2 < reach**2
    picture[inside] = (200, 40, 30)
    picture[inside & ((columns // 3 + rows // 3) % 2 == 0)] = (170, 70, 50)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("y", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("x", [0.2, 0.4, 0.5, 0.8])
@pytest.mark.parametrize("shape", [(180, 320), (320, 180)], ids=["wide", "tall"])
def test_a_planted_object_is_found(x: float, y: float, shape: tuple[int, int]) -> None:
    still = look(planted(x, y, shape=shape))
    assert still.focal_point == pytest.approx((x, y), abs=0.06)
    x0, y0, x1, y1 = still.subject_box
    assert x0 < x < x1
    assert y0 < y < y1
    peak = np.unravel_index(still.saliency.argmax(), still.saliency.shape)
    assert peak == pytest.approx((y * ROWS, x * COLUMNS), abs=3.0)
    assert still.concentration > 0.2


def test_the_share_of_the_subject_grows_with_it() -> None:
    shares = [look(planted(0.5, 0.5, radius)).subject_share for radius in (0.06, 0.12, 0.24)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(np.pi * 0.24**2 * 180 / 320, rel=0.4)


@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_nothing_stands_out_of_one_color(level: int) -> None:
    still = look(np.full((180, 320, 3), level, dtype=np.uint8))
    assert not still.saliency.any()
    assert still.focal_point == (0.5, 0.5)
    assert still.subject_share == still.concentration == 0.0


def test_what_moves_before_a_still_background_stands_out() -> None:
    lab = np.zeros((ROWS, COLUMNS, 3), dtype=np.float32)
    lab[..., 0] = 50.0
    lab[4:7, 5:8, 0] = 75.0
    lab[4:7, 24:27, 0] = 75.0
    detail = np.zeros((ROWS, COLUMNS), dtype=np.float32)
    activity = np.zeros((ROWS, COLUMNS), dtype=np.float32)
    activity[4:7, 24:27] = 20.0
    still, moving = find_saliency(lab, detail), find_saliency(lab, detail, activity)
    assert moving.focal_point[0] > 0.7
    assert moving.map[5, 25] > moving.map[5, 6]
    assert still.map[5, 25] == pytest.approx(int(still.map[5, 6]), abs=1)


def test_focal_points_lie_in_annotated_objects_of_photographs(data: Path) -> None:
    hits: list[bool] = []
    for folder in ("coco", "voc"):
        truth = json.loads((data / "images" / folder / "instances.json").read_text())
        for entry in truth["images"]:
            file = data / "images" / folder / Path(entry["file_name"]).name.split("_val2014_")[-1]
            boxes = [
                note["bbox"]
                for note in truth["annotations"]
                if note["image_id"] == entry["id"]
                and note["bbox"][2] * note["bbox"][3] >= 0.02 * entry["width"] * entry["height"]
            ]
            if boxes and file.exists():
                hits.append(_hit(np.asarray(_small(file)), boxes, entry))
    assert len(hits) > 20, "no annotated photographs were found"
    assert np.mean(hits) >= FOCAL_POINT_HITS


def _small(file: Path) -> Image.Image:
    with Image.open(file) as image:
        small = image.convert("RGB")
    small.thumbnail((320, 320), Image.Resampling.BOX)
    return small


def _hit(picture: npt.NDArray[np.uint8], boxes: list[list[float]], entry: dict[str, float]) -> bool:
    x, y = look(picture).focal_point
    x, y = x * entry["width"], y * entry["height"]
    return any(left <= x <= left + w and top <= y <= top + h for left, top, w, h in boxes)
