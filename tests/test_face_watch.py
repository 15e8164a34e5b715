"""Watching samples: what is looked at closely, what is read, and what is reused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from face_samples import face
from fastthumb.analysis.detectors import Detectors
from fastthumb.analysis.face_watch import FaceWatch, differ
from fastthumb.inference.views import PictureView

Picture = npt.NDArray[np.uint8]


class Counting:
    """A network that counts its runs."""

    def __init__(self, network: Any) -> None:
        self._network, self.runs = network, 0
        self.entry, self.output_names = network.entry, network.output_names

    def run(self, tensors: npt.NDArray[np.float32]) -> Any:
        self.runs += len(tensors)
        return self._network.run(tensors)


@pytest.fixture
def detectors(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Detectors:
    monkeypatch.setattr("fastthumb.analysis.detectors._OPENED", {})  # networks of its own
    opened = Detectors.open(models)
    runners: Any = opened._runners
    runners.identity._network = Counting(runners.identity._network)
    return opened


def read(detectors: Detectors) -> int:
    """Faces whose identity was read."""
    runners: Any = detectors._runners
    return int(runners.identity._network.runs)


def portrait(data: Path, name: str) -> Picture:
    with Image.open(data / "faces/people" / name) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def scene(person: Picture | None, height: int = 500, left: int = 300) -> Picture:
    """A gray picture of 1280 x 720 with a photograph of this height in it."""
    canvas = np.full((720, 1280, 3), 90, np.uint8)
    if person is not None:
        width = round(person.shape[1] * height / person.shape[0])
        small = Image.fromarray(person).resize((width, height), Image.Resampling.BOX)
        part = np.asarray(small)[:, : 1280 - left]
        canvas[100 : 100 + height, left : left + part.shape[1]] = part
    return canvas


def seen(watch: FaceWatch, picture: Picture, *, goes_on: bool = False) -> Any:
    faces = watch.look(PictureView.of_rgb(picture), goes_on=goes_on)
    assert faces is not None
    return faces


def test_nobody_is_there(detectors: Detectors) -> None:
    assert seen(FaceWatch(detectors), scene(None)) == ()


@pytest.mark.parametrize("height", [600, 160], ids=["large", "small"])
def test_faces_are_those_of_a_whole_look(detectors: Detectors, data: Path, height: int) -> None:
    view = PictureView.of_rgb(scene(portrait(data, "obama/obama.jpg"), height))
    [whole] = detectors.faces(view) or ()
    [watched] = FaceWatch(detectors).look(view) or ()
    assert watched.sure
    size = whole.box[3] - whole.box[1]
    assert np.abs(np.subtract(watched.box, whole.box)).max() < 0.15 * size
    assert watched.embedding is not None
    assert whole.embedding is not None
    assert float(watched.embedding @ whole.embedding) > 0.7
    assert watched.expression is None
    assert watched.eyes is None


def test_a_face_that_stays_is_read_once(detectors: Detectors, data: Path) -> None:
    obama = portrait(data, "obama/obama.jpg")
    watch = FaceWatch(detectors)
    [first] = seen(watch, scene(obama))
    [moved] = seen(watch, scene(obama, left=320), goes_on=True)
    assert read(detectors) == 1
    assert moved.embedding is first.embedding
    assert moved.sure
    assert moved.box[0] - first.box[0] == pytest.approx(20 / 1280, abs=0.01)
    assert seen(watch, scene(None), goes_on=True) == ()
    seen(watch, scene(obama), goes_on=True)
    assert read(detectors) == 2, "nobody was there before"


def test_behind_an_edit_everything_is_read_anew(detectors: Detectors, data: Path) -> None:
    watch = FaceWatch(detectors)
    [first] = seen(watch, scene(portrait(data, "obama/obama.jpg")))
    [second] = seen(watch, scene(portrait(data, "biden/biden.jpg")))
    assert read(detectors) == 2
    assert float(first.embedding @ second.embedding) < 0.35


def test_who_comes_is_read_and_who_was_there_is_not(detectors: Detectors, data: Path) -> None:
    obama, biden = portrait(data, "obama/obama.jpg"), portrait(data, "biden/biden.jpg")
    alone, both = scene(obama, 400, 100), scene(obama, 400, 100)
    other = scene(biden, 400, 800)
    both[:, 800:] = other[:, 800:]
    watch = FaceWatch(detectors)
    [first] = seen(watch, alone)
    faces = seen(watch, both, goes_on=True)
    assert len(faces) == 2
    assert read(detectors) == 2
    left = min(faces, key=lambda one: one.box[0])
    assert left.embedding is first.embedding


def test_a_sample_that_is_not_remembered_changes_nothing(detectors: Detectors, data: Path) -> None:
    watch = FaceWatch(detectors)
    obama = scene(portrait(data, "obama/obama.jpg"))
    seen(watch, obama)
    watch.look(PictureView.of_rgb(scene(None)), goes_on=True, remember=False)
    seen(watch, obama, goes_on=True)
    assert read(detectors) == 1


def test_the_built_in_detector_watches_too(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path))
    [found] = seen(FaceWatch(Detectors.open()), scene(portrait(data, "obama/obama.jpg")))
    assert found.sure
    assert found.embedding is None


@pytest.mark.parametrize(
    ("before", "now", "changed"),
    [
        ([], [], False),
        ([face(x=0.5)], [face(x=0.51)], False),
        ([face(x=0.5)], [], True),
        ([face(x=0.2)], [face(x=0.8)], True),
        ([face(x=0.2)], [face(x=0.2), face(x=0.8)], True),
        ([], [face(x=0.5, sure=False)], False),
    ],
    ids=["nobody", "stays", "goes", "another", "comes", "doubtful"],
)
def test_who_came_or_went(before: Any, now: Any, changed: bool) -> None:
    assert differ(before, now) is changed
