"""Labeled pictures, sampled frames and opened networks for bench/detection.py."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from _average_precision import Truth
from fastthumb.inference.faces import FaceFinder, open_face_finder
from fastthumb.inference.models import Registry, Resolved
from fastthumb.inference.onnx import Network, open_network
from fastthumb.inference.views import PictureView
from fastthumb.media.source import open_source

# VOC's names of classes that COCO has too.
SAME_CLASS = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}


class PictureSet:
    """The test data, and the networks that look at it."""

    def __init__(self, data: Path, models: Path) -> None:
        self.data = data
        self.registry = Registry.load(models)

    def models(self) -> dict[str, str]:
        """SHA-256 of every model that is here."""
        found = {}
        for name, entry in self.registry.entries.items():
            resolved = self.registry.resolve(entry)
            if resolved is not None:
                found[name] = resolved.sha256
        return found

    def resolved(self, name: str) -> Resolved:
        resolved = self.registry.resolve(self.registry.named(name))
        if resolved is None:
            raise SystemExit(f"model {name} is not there; name its folder with --models")
        return resolved

    def network(self, name: str) -> Network:
        return open_network(self.resolved(name), threads=1)

    def face_finder(self, name: str) -> FaceFinder:
        return open_face_finder(self.resolved(name), 1)

    def rgb(self, name: str) -> npt.NDArray[np.uint8]:
        with Image.open(self.data / name) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))

    def view(self, name: str) -> PictureView:
        return PictureView.of_rgb(self.rgb(name))

    def portraits(self) -> list[tuple[str, int]]:
        """(file, number of people that the label names)."""
        found = []
        for row in self._table("faces/identities.csv"):
            found.append((f"faces/{row['file']}", len(row["identity"].split("|"))))
        for row in self._table("faces/expressions/labels.csv"):
            found.append((f"faces/expressions/{row['file']}", 1))
        return found

    def truths(self, folder: str) -> dict[str, list[Truth]]:
        """True boxes of images/coco or images/voc by file, classes named as COCO names them."""
        table = json.loads((self.data / folder / "instances.json").read_text())
        names = {c["id"]: SAME_CLASS.get(c["name"], c["name"]) for c in table["categories"]}
        files = {image["id"]: image["file_name"] for image in table["images"]}
        found: dict[str, list[Truth]] = {file: [] for file in files.values()}
        for one in table["annotations"]:
            x, y, width, height = one["bbox"]
            truth = Truth(
                names[one["category_id"]], (x, y, x + width, y + height), bool(one["iscrowd"])
            )
            found[files[one["image_id"]]].append(truth)
        return found

    def frames(self, name: str, every: int) -> Iterator[PictureView]:
        """Every so many frames of a film."""
        with open_source(self.data / "videos" / name, threads=1) as source:
            for frame in source.frames():
                if frame.index % every == 0:
                    yield PictureView.of_frame(frame, source.info)

    def _table(self, name: str) -> list[dict[str, Any]]:
        with (self.data / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
