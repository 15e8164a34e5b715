"""Crops: whether faces and heads stay whole, and what a crop costs.

    python bench/crops.py [--models DIR] [--films 100]

Pictures are the labeled portraits, the COCO photographs and frames of the test films with people.
Faces are those that the package finds. Whether a head is whole is judged by a network that the
crops know nothing of: DeepLabV3's person mask. The top of a head is where, above a face, the
mask ends; it is cut where the crop begins below it by more than a tenth of the face's height.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from _films import test_data
from _report import save
from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.detectors import Detectors
from fastthumb.analysis.stills import PICTURE_SIDE, look
from fastthumb.artwork.crops import best_crop, parse_aspect
from fastthumb.artwork.subjects import head_box, view_of
from fastthumb.inference.models import Registry
from fastthumb.inference.onnx import Network, open_network
from fastthumb.inference.views import PictureView
from fastthumb.media.display import display_rgb
from fastthumb.media.source import open_source

ASPECTS = ("16:9", "2:3", "1:1", "9:16", "21:9")
PERSON = 15  # class of VOC
MASK = 513
LEAST_FACE = 0.06  # of the picture's height: masks of smaller heads say nothing
MASK_ERROR = 0.10  # of the face's height
Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def photographs(data: Path) -> Iterator[tuple[str, Picture]]:
    for folder in ("faces/people", "faces/celebrities", "images/coco", "images/scenes"):
        for path in sorted((data / folder).rglob("*.jpg")):
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image).convert("RGB")
                upright.thumbnail((1280, 1280))
                yield folder, np.asarray(upright)


def film_frames(data: Path, films: int, each: int = 3) -> Iterator[tuple[str, Picture]]:
    """Frames spread over the films, of those that decode from start to end without trouble."""
    seen = 0
    for path in sorted((data / "videos").iterdir()):
        if path.name.startswith(("broken", "corrupt", "black", "screen", "audio", "LICENSE")):
            continue
        if seen >= films:
            return
        try:
            with open_source(path, threads=1) as source:
                frames = int(10 * (source.info.average_rate or 25))
                wanted = set(np.linspace(5, frames, each).astype(int).tolist())
                for frame in source.frames():
                    if frame.index in wanted:
                        yield "films", display_rgb(frame, source.info, max_long_side=1280)
                    if frame.index > max(wanted):
                        break
            seen += 1
        except Exception as exc:
            print(f"{path.name}: left out ({exc})")


def people_mask(network: Network, picture: Picture) -> Mask:
    """DeepLabV3's mask of people, at the picture's size."""
    image = Image.fromarray(picture)
    small = np.asarray(image.resize((MASK, MASK), Image.Resampling.BILINEAR), np.float32)
    tensor = ((small - 128) / 128).transpose(2, 0, 1)[None]
    (logits,) = network.run(tensor).values()
    size = image.size
    planes = [
        np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR))
        for plane in logits[0]
    ]
    mask: Mask = np.stack(planes).argmax(0) == PERSON
    return mask


def head_top(face: Sequence[float], mask: Mask) -> float | None:
    """Row at which the head of a face ends upward; None where the mask misses the face."""
    height, width = mask.shape
    left, top, right, bottom = face
    x0, x1 = int(left * width), max(int(right * width), int(left * width) + 1)
    rows = mask[:, max(x0, 0) : x1].mean(axis=1) > 0.25
    y = int(min(max(0.5 * (top + bottom), 0.0), 0.999) * height)
    if not rows[y]:
        return None
    while y > 0 and rows[y - 1]:
        y -= 1
    return float(y)


def candidate_of(picture: Picture, detectors: Detectors) -> Candidate:
    """The picture as the pipeline would judge it."""
    view = PictureView.of_rgb(picture)
    height, width = picture.shape[:2]
    small = Image.fromarray(picture)
    small.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    return Candidate(
        shot=0,
        frame_index=0,
        pts=0,
        seconds=0.0,
        signals={},
        stillness=1.0,
        content_box=(0, 0, width, height),
        still=look(np.asarray(small)),
        box_size=(width, height),
        faces=detectors.faces(view),
        contents=detectors.contents(view),
    )


def inside(box: Sequence[float], crop: Sequence[int], size: tuple[int, int]) -> float:
    """Share of a box (shares of the picture) that a crop shows; 1 up to a hundredth of a pixel."""
    x0, y0, x1, y1 = (value * size[axis % 2] for axis, value in enumerate(box))
    across = max(min(x1, crop[2]) - max(x0, crop[0]), 0.0)
    down = max(min(y1, crop[3]) - max(y0, crop[1]), 0.0)
    whole = x1 - x0 - across < 0.01 and y1 - y0 - down < 0.01
    return 1.0 if whole else across * down / max((x1 - x0) * (y1 - y0), 1e-9)


def fits(boxes: Sequence[Sequence[float]], size: tuple[int, int], aspect: Fraction) -> bool:
    """Whether the largest crop of a shape can hold all boxes (shares), but for a pixel."""
    width, height = size
    wide = (max(b[2] for b in boxes) - min(b[0] for b in boxes)) * width
    tall = (max(b[3] for b in boxes) - min(b[1] for b in boxes)) * height
    return wide <= min(width, height * aspect) - 1 and tall <= min(height, width / aspect) - 1


class Tally:
    """How often something held, by name."""

    def __init__(self) -> None:
        self.counts: dict[str, list[int]] = {}

    def note(self, name: str, held: bool) -> None:
        count = self.counts.setdefault(name, [0, 0])
        count[0] += held
        count[1] += 1

    def report(self) -> dict[str, Any]:
        return {
            name: {"of": total, "share": round(held / total, 4)}
            for name, (held, total) in sorted(self.counts.items())
        }


def note_crops(candidate: Candidate, mask: Mask, tally: Tally, seconds: list[float]) -> None:
    """Cut a picture to every shape and note what stayed whole."""
    size, view = candidate.box_size, view_of(candidate)
    faces = [one.face for one in view.subjects if one.seen]
    height = size[1]
    tops = []
    for face in faces:
        tall = (face[3] - face[1]) * height
        top = head_top(face, mask) if tall >= LEAST_FACE * height else None
        tops.append((top, tall))
        if top is not None:
            covered = head_box(face)[1] * height <= top + MASK_ERROR * tall
            tally.note("head boxes that reach the top of the head", covered)
    for aspect in ASPECTS:
        start = time.perf_counter()
        crop = best_crop(size, parse_aspect(aspect), view).box
        seconds.append(time.perf_counter() - start)
        if not faces:
            continue
        shown = [inside(face, crop, size) for face in faces]
        if fits(faces[:1], size, parse_aspect(aspect)):
            tally.note("most prominent face whole, where it fits", shown[0] == 1.0)
        if fits(faces, size, parse_aspect(aspect)):
            tally.note("all faces whole, where they fit together", min(shown) == 1.0)
        elif len(faces) > 1:
            for share in shown[1:]:
                tally.note("other faces in or out, where not all fit", share in (0.0, 1.0))
        top, tall = tops[0]
        if top is not None and top > 0 and fits([head_box(faces[0])], size, parse_aspect(aspect)):
            uncut = crop[1] <= top + MASK_ERROR * tall
            tally.note("head of the most prominent face not cut at the top, where it fits", uncut)


def measured(data: Path, models: Path, films: int) -> dict[str, Any]:
    """What the crops of all pictures keep, by where the pictures are from, and their time."""
    registry = Registry.load(models)
    resolved = registry.resolve(registry.named("deeplabv3_voc21_513"))
    if resolved is None:
        raise SystemExit("model deeplabv3_voc21_513 is not there; name its folder with --models")
    judge = open_network(resolved, threads=1)
    detectors = Detectors.open(str(models), threads=1)
    tallies: dict[str, Tally] = defaultdict(Tally)
    pictures: Counter[str] = Counter()
    seconds: list[float] = []
    for origin, picture in itertools.chain(photographs(data), film_frames(data, films)):
        candidate = candidate_of(picture, detectors)
        mask = people_mask(judge, picture)
        for name in (origin, "all"):
            pictures[name] += 1
            note_crops(candidate, mask, tallies[name], seconds)
    return {
        "pictures": dict(pictures),
        "whole": {name: tally.report() for name, tally in tallies.items()},
        "ms_per_crop": round(1000 * float(np.median(seconds)), 2),
        "ms_per_crop_slowest": round(1000 * max(seconds), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path)
    parser.add_argument("--films", type=int, default=100)
    options = parser.parse_args()
    data = test_data()
    models = options.models or data / "models"
    save("crops", {"aspects": list(ASPECTS), **measured(data, models, options.films)})


if __name__ == "__main__":
    main()
