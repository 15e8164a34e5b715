"""Films of labelled people: photographs moved slowly in shots whose people and times are known."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from _films import cache_folder

Picture = npt.NDArray[np.uint8]
SIZE = (854, 480)
FPS = 24
_SLIDE = 0.1  # share of a shot that somebody takes to come in, to the middle of the way


@dataclass(frozen=True)
class Portrait:
    """A photograph of one labelled person; `face` is the box of the face in its pixels."""

    person: str
    path: Path
    face: tuple[float, float, float, float]


def labelled(faces: Path) -> dict[str, list[Path]]:
    """The photographs of identities.csv that show one person, by person."""
    people = defaultdict(list)
    with (faces / "identities.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["identity"] and "|" not in row["identity"]:
                people[row["identity"]].append(faces / row["file"])
    return dict(people)


def make_film(name: str, portraits: list[Portrait], seed: int, shots: int = 30) -> Path:
    """A film of `shots` shots of 1.5 to 4.5 s, made now if it is not cached, with its truth.

    NAME.truth.json: {"people": [...], "shots": [{"start_seconds", "end_seconds", "people":
    [{"person", "center", "seconds"}]}]}; centers are shares of the width. Every third shot shows
    two people, and in every second one of these the right one comes in from the side meanwhile.
    """
    path = cache_folder() / f"people-{name}.mp4"
    truth_path = path.with_suffix(".truth.json")
    if truth_path.exists():
        return path
    rng = random.Random(seed)
    by_person = defaultdict(list)
    for portrait in portraits:
        by_person[portrait.person].append(portrait)
    people = sorted(by_person)
    # A few have most of the shots, as in films.
    weights = [1.0 / (rank + 1) for rank in range(len(people))]
    rng.shuffle(weights)
    order = list(people)
    order += rng.choices(people, weights, k=max(shots - len(people), 0))
    rng.shuffle(order)
    truth: list[dict[str, Any]] = []
    frame_number = 0
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt, stream.gop_size = "yuv420p", 2 * FPS
        stream.options = {"preset": "veryfast", "crf": "23"}
        for number, person in enumerate(order):
            cast = [person]
            if number % 3 == 2:
                cast.append(rng.choice([other for other in people if other != person]))
            length = rng.randint(int(1.5 * FPS), int(4.5 * FPS))
            enters = [0.0, rng.uniform(0.25, 0.6) if number % 6 == 5 else 0.0]
            moves = [
                _Move(rng, rng.choice(by_person[one]), len(cast), slot, enters[slot])
                for slot, one in enumerate(cast)
            ]
            for step in range(length):
                panels = [move.panel(step / (length - 1)) for move in moves]
                picture = np.concatenate(panels, axis=1)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = frame_number + step, Fraction(1, FPS)
                container.mux(stream.encode(frame))
            truth.append(
                {
                    "start_seconds": frame_number / FPS,
                    "end_seconds": (frame_number + length) / FPS,
                    "people": [
                        {
                            "person": one,
                            "center": (slot + 0.5) / len(cast),
                            "seconds": (1.0 - enters[slot]) * length / FPS,
                        }
                        for slot, one in enumerate(cast)
                    ],
                }
            )
            frame_number += length
        container.mux(stream.encode(None))
    truth_path.write_text(json.dumps({"people": people, "shots": truth}), encoding="utf-8")
    return path


class _Move:
    """A slow pan and zoom over one photograph, in its panel of the picture."""

    def __init__(
        self, rng: random.Random, portrait: Portrait, panels: int, slot: int, enters: float
    ) -> None:
        self._enters = enters  # time at which the face is half in; 0: it is there from the start
        self._width = SIZE[0] // panels + (SIZE[0] % panels if slot == panels - 1 else 0)
        image = ImageOps.exif_transpose(Image.open(portrait.path)).convert("RGB")
        if rng.random() < 0.5:
            image = ImageOps.mirror(image)
            x0, y0, x1, y1 = portrait.face
            face = (image.width - x1, y0, image.width - x0, y1)
        else:
            face = portrait.face
        gain = rng.uniform(0.75, 1.2)
        self._image = image.point(lambda value: round(min(value * gain, 255)))
        # Around the photograph nothing that a detector could take for the same face once more.
        corners = self._image.resize((2, 1), Image.Resampling.BOX)
        self._ground = corners.resize((self._width, SIZE[1]), Image.Resampling.BILINEAR)
        self._center = ((face[0] + face[2]) / 2, (face[1] + face[3]) / 2)
        tall = face[3] - face[1]
        high = min(0.65, 0.8 * self._width / SIZE[1])
        first = rng.uniform(0.2, high)
        last = min(max(first * rng.uniform(0.85, 1.18), 0.18), high)
        self._scales = [share * SIZE[1] / tall for share in (first, last)]
        # The face stays inside the panel at both ends of the way, and so all along it.
        self._places = []
        for share in (first, last):
            half_x, half_y = 0.42 * share * SIZE[1] / self._width, 0.55 * share
            self._places.append(
                (
                    rng.uniform(half_x, 1.0 - half_x) * self._width,
                    rng.uniform(half_y, 1.0 - half_y) * SIZE[1],
                )
            )
        near = 0.25  # of the way that chance would have it go: slow
        (x, y), (end_x, end_y) = self._places
        self._places[1] = (x + near * (end_x - x), y + near * (end_y - y))

    def panel(self, time: float) -> Picture:
        """The panel's pixels at `time`, 0 first .. 1 last frame: uint8 (height, width, 3)."""

        def between(a: float, b: float) -> float:
            return a + (b - a) * time

        scale = between(*self._scales)
        (first_x, first_y), (last_x, last_y) = self._places
        x, y = between(first_x, last_x), between(first_y, last_y)
        if self._enters > 0.0:
            out = min(max(0.5 + (self._enters - time) / (2.0 * _SLIDE), 0.0), 1.0)
            x += out * 2.0 * (self._width - x)
        size = (round(self._image.width * scale), round(self._image.height * scale))
        left, top = round(x - self._center[0] * scale), round(y - self._center[1] * scale)
        panel = self._ground.copy()
        x0, y0 = max(-left, 0), max(-top, 0)
        x1, y1 = min(self._width - left, size[0]), min(SIZE[1] - top, size[1])
        if x1 > x0 and y1 > y0:
            right, bottom = min(x1 / scale, self._image.width), min(y1 / scale, self._image.height)
            box = (x0 / scale, y0 / scale, right, bottom)
            method = Image.Resampling.BILINEAR
            piece = self._image.resize((x1 - x0, y1 - y0), method, box, reducing_gap=1.5)
            panel.paste(piece, (left + x0, top + y0))
        return np.asarray(panel, dtype=np.uint8)
