"""A user's own networks, described by data alone, do their tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastthumb.analysis.detectors import Detectors
from fastthumb.inference.views import PictureView
from tiny_networks import write_network

ENTRIES = """
[models.my_faces]
task = "identity"
family = "embedding"
file = "faces.onnx"
license = "mine"
input = { width = 16, height = 16, crop = "arcface-112" }
output = { size = 5 }

[models.my_moods]
task = "expression"
family = "classifier"
file = "moods.onnx"
license = "mine"
input = { width = 16, height = 16, crop = "expression" }
output = { labels = ["happy", "sad"], activation = "softmax" }

[models.my_likeness]
task = "embedding"
family = "embedding"
file = "likeness.onnx"
license = "mine"
input = { width = 24, height = 16 }
output = { size = 6 }

[models.my_places]
task = "setting"
family = "classifier"
file = "places.onnx"
license = "mine"
input = { layout = "nhwc", width = 24, height = 16, fit = "letterbox" }
output = { labels = ["indoor", "outdoor"], activation = "softmax" }

[models.my_props]
task = "objects"
family = "yolox"
file = "props.onnx"
license = "mine"
input = { width = 32, height = 32, fit = "letterbox", channels = "bgr", fill = 114 }
output = { threshold = 0.9, iou = 0.5, strides = [8, 16, 32], labels = ["sword", "crown"] }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models.toml").write_text(ENTRIES)
    write_network(tmp_path / "faces.onnx", {"v": ("n", 5)}, shape=("n", 3, 16, 16))
    write_network(tmp_path / "moods.onnx", {"p": (1, 2)}, shape=(1, 3, 16, 16))
    write_network(tmp_path / "likeness.onnx", {"v": ("n", 6)}, shape=("n", 3, 16, 24))
    write_network(tmp_path / "places.onnx", {"p": ("n", 2)}, shape=("n", 16, 24, 3))
    cells = 4 * 4 + 2 * 2 + 1
    write_network(tmp_path / "props.onnx", {"boxes": ("n", cells, 7)}, shape=("n", 3, 32, 32))
    return tmp_path


def test_they_are_taken_and_read_as_their_entries_say(folder: Path, data: Path) -> None:
    with Image.open(data / "faces" / "celebrities" / "img1.jpg") as image:
        view = PictureView.of_rgb(np.asarray(image.convert("RGB")))
    detectors = Detectors.open(folder)
    used = {task: name for name, task, _ in detectors.models}
    assert used == {
        "faces": "mtcnn",
        "identity": "my_faces",
        "expression": "my_moods",
        "embedding": "my_likeness",
        "setting": "my_places",
        "objects": "my_props",
    }
    faces = detectors.faces(view)
    assert faces
    assert faces[0].embedding is not None
    assert faces[0].embedding.shape == (5,)
    assert np.linalg.norm(faces[0].embedding) == pytest.approx(1, abs=1e-5)
    assert faces[0].expression is not None
    assert faces[0].expression.sum() == pytest.approx(1, abs=1e-5)
    contents = detectors.contents(view)
    assert contents.embedding is not None
    assert contents.embedding.shape == (6,)
    assert contents.labels is not None
    assert set(contents.labels) == {"setting=indoor", "setting=outdoor"}
    assert sum(contents.labels.values()) == pytest.approx(1, abs=1e-5)
    assert contents.objects is not None
    assert {thing.label for thing in contents.objects} <= {"sword", "crown"}
    assert contents.lettering is None, "no network for it"
    assert contents.poses is None


def test_one_that_cannot_be_loaded_is_named_and_done_without(folder: Path) -> None:
    write_network(folder / "faces.onnx", {"v": ("n", 9)}, shape=("n", 3, 16, 16))
    detectors = Detectors.open(folder)
    assert "my_faces" not in {name for name, _, _ in detectors.models}
    assert any("wanted 5 numbers in output 'v', got 9" in line for line in detectors.warnings)
