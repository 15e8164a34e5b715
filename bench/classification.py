"""Classification against known truth: composition, people counts, indoors and outdoors.

    python bench/classification.py [--data ../shared]

writes bench/results/classification.json. Truth comes by construction or from other people's
labels, by these rules:

    composition   A standing person whose height in pixels is known is shown at a scale drawn
                  from the middle of each class (scale: its height over that of the picture):
                  a part of its picture for close-up and mid, cut out along its outline and set
                  into a place for wide and extreme-wide. Scales within 8 % of a
                  class's bound are not drawn: nobody could tell.
    people        COCO and VOC pictures: person boxes of a tenth of the picture's height and of
                  two fifths of the tallest one's. Rendered pictures: so many portraits of one
                  person each, side by side before a landscape, or only a landscape.
    setting       The labels of images/scenes; the weights of the rule were set on these. "-" is
                  a picture in which nothing tells.
    film frames   classification_frames.csv, labeled by eye; no rule was set on their setting.
"""

from __future__ import annotations

import argparse
import csv
import functools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from _report import save
from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.classification import Classified, classify
from fastthumb.analysis.detectors import Detectors
from fastthumb.analysis.rules import Rules, load_rules
from fastthumb.analysis.stills import look
from fastthumb.inference.views import PictureView
from fastthumb.media.display import display_rgb
from fastthumb.media.source import open_source

SIZE = (1280, 720)
CLASSES = ("close-up", "mid", "wide", "extreme-wide")
COUNTS = ("none", "solo", "duo", "ensemble")
# Adults who stand, seen whole: picture, second of a video, x, y, width and height in pixels.
PEOPLE: tuple[tuple[str, float | None, tuple[int, int, int, int]], ...] = (
    ("videos/ball_juggle_10s_720p.mp4", 1.0, (603, 50, 246, 636)),
    ("videos/ball_juggle_10s_720p.mp4", 5.0, (616, 35, 247, 656)),
    ("videos/woman_dog_10s_720p.mp4", 1.0, (229, 83, 218, 476)),
    ("videos/woman_dog_10s_720p.mp4", 6.0, (180, 76, 230, 493)),
    ("images/coco/000000000241.jpg", None, (133, 7, 200, 626)),
)
PLACES = ("trail_0", "trail_2", "trail_4", "trail_6", "trail_8", "room_3")
LEAST_HEIGHT, COMPARABLE = 0.10, 0.40  # of people who count in labeled pictures
CLEAR = 0.08  # of a bound, on either side, where no scale is drawn
LARGEST_SCALE, SMALLEST_SCALE = 7.0, 0.16
PERSON = 15  # class of DeepLab
EACH = 12  # pictures of each person and class

SIGNALS = dict.fromkeys(
    ("lightness", "luma_std", "dark_share", "moment_spread", "moment_change"), 0.0
)


class Looker:
    """Classifies pictures as the main job classifies candidates, without a film around them."""

    def __init__(self, models: Path, rules: Rules) -> None:
        self._detectors = Detectors.open(models, threads=1)
        self._rules = rules

    def __call__(self, picture: Image.Image) -> Classified:
        rgb = np.ascontiguousarray(np.asarray(picture.convert("RGB")))
        view = PictureView.of_rgb(rgb)
        small = picture.convert("RGB")
        small.thumbnail((320, 320), Image.Resampling.BOX)
        candidate = Candidate(
            shot=0,
            frame_index=0,
            pts=0,
            seconds=0.0,
            signals=SIGNALS,
            stillness=1.0,
            content_box=(0, 0, view.width, view.height),
            still=look(np.asarray(small)),
            box_size=(view.width, view.height),
            faces=self._detectors.faces(view),
            contents=self._detectors.contents(view),
        )
        [one] = classify([candidate], [], [], [], self._rules)
        return one


def main() -> None:
    """Run everything and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared")
    data: Path = parser.parse_args().data
    rules = load_rules()
    looker = Looker(data / "models", rules)
    rng = np.random.default_rng(7)
    found = {
        "composition_rendered": table(
            ((truth, looker(picture).composition or "-") for truth, picture in sized(data, rng))
        ),
        "people_labeled": table(counted(data, looker)),
        "people_rendered": table(
            (truth, looker(picture).people or "-") for truth, picture in grouped(data, rng)
        ),
        "setting_scenes": table(placed(data, looker)),
    }
    both = [found["people_labeled"], found["people_rendered"]]
    found["people"] = scored(merged([one["confusion"] for one in both]))
    found |= {f"film_frames_{name}": one for name, one in film_frames(data, looker).items()}
    print(json.dumps(found, indent=1))
    save("classification", found)


def table(pairs: Iterator[tuple[str, str]]) -> dict[str, Any]:
    """The confusion table of (truth, answer) pairs and the share of each truth that is right."""
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    for truth, answer in pairs:
        confusion[truth][answer] += 1
    return scored({truth: dict(answers) for truth, answers in confusion.items()})


def scored(confusion: dict[str, dict[str, int]]) -> dict[str, Any]:
    """A confusion table with the share of each class that is right, and of all."""
    right = {truth: answers.get(truth, 0) for truth, answers in confusion.items()}
    total = {truth: sum(answers.values()) for truth, answers in confusion.items()}
    return {
        "confusion": confusion,
        "right": {truth: round(right[truth] / total[truth], 4) for truth in confusion},
        "all": round(sum(right.values()) / max(sum(total.values()), 1), 4),
        "pictures": sum(total.values()),
    }


def merged(confusions: list[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """Confusion tables added up."""
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for confusion in confusions:
        for truth, answers in confusion.items():
            total[truth].update(answers)
    return {truth: dict(answers) for truth, answers in total.items()}


def sized(data: Path, rng: np.random.Generator) -> Iterator[tuple[str, Image.Image]]:
    """Pictures of one person of known scale, with the class that the scale makes."""
    rules = load_rules().composition
    bounds = (LARGEST_SCALE, rules.close_up, rules.mid, rules.wide, SMALLEST_SCALE)
    for file, seconds, box in PEOPLE:
        picture = picture_of(data / file, seconds)
        for position, name in enumerate(CLASSES):
            high, low = bounds[position] / (1.0 + CLEAR), bounds[position + 1] * (1.0 + CLEAR)
            for scale in np.geomspace(low, high, EACH):
                across = float(rng.choice([0.35, 0.5, 0.65]))
                if position < 2:
                    yield name, cut(picture, box, float(scale), across)
                else:
                    place = str(rng.choice(PLACES))
                    yield name, pasted(data, picture, box, float(scale), across, place)


def cut(
    picture: Image.Image, box: tuple[int, int, int, int], scale: float, across: float
) -> Image.Image:
    """The upper part of a person at this scale, its head below the upper edge."""
    left, top, width, height = box
    rows = height / scale
    columns = min(rows * SIZE[0] / SIZE[1], picture.width)
    x = left + width / 2 - across * columns
    y = top - 0.06 * rows
    x = min(max(x, 0.0), picture.width - columns)
    y = min(max(y, 0.0), max(picture.height - rows, 0.0))
    part = picture.crop((round(x), round(y), round(x + columns), round(y + rows)))
    tall = SIZE[1]
    return part.resize((max(round(tall * columns / rows), 16), tall), Image.Resampling.BICUBIC)


def pasted(
    data: Path,
    picture: Image.Image,
    box: tuple[int, int, int, int],
    scale: float,
    across: float,
    place: str,
) -> Image.Image:
    """A whole person at this scale, cut out along its outline, in a place."""
    canvas = place_of(data, place)
    left, top, width, height = box
    wider, taller = round(0.2 * width), round(0.04 * height)
    part = picture.crop((left - wider, top - taller, left + width + wider, top + height + taller))
    mask = Image.fromarray(outline(data, part))
    factor = scale * SIZE[1] / height
    size = max(round(part.width * factor), 2), max(round(part.height * factor), 2)
    part, mask = part.resize(size, Image.Resampling.LANCZOS), mask.resize(size)
    x = min(max(round(across * SIZE[0] - part.width / 2), 0), max(SIZE[0] - part.width, 0))
    y = max(round(0.97 * SIZE[1]) - part.height, 0)
    canvas.paste(part, (x, y), mask)
    return canvas


def outline(data: Path, part: Image.Image) -> npt.NDArray[np.uint8]:
    """Where the person of a picture is, 255 inside, by DeepLabV3; the picture's size."""
    network = segmenter(data)
    pixels = np.asarray(part.resize((513, 513), Image.Resampling.BILINEAR), dtype=np.float32)
    tensor = ((pixels - 128.0) / 128.0).transpose(2, 0, 1)[None]
    [logits] = network.run(None, {network.get_inputs()[0].name: np.ascontiguousarray(tensor)})
    others = np.delete(logits[0], PERSON, axis=0).max(axis=0)
    sure = Image.fromarray((logits[0, PERSON] - others).astype(np.float32))
    sure = sure.resize(part.size, Image.Resampling.BICUBIC)
    return (np.clip(np.asarray(sure) + 0.5, 0.0, 1.0) * 255).astype(np.uint8)


@functools.cache
def segmenter(data: Path) -> Any:
    """The network that outlines people."""
    import onnxruntime

    return onnxruntime.InferenceSession(
        str(data / "models" / "deeplabv3_voc21_513.onnx"), providers=["CPUExecutionProvider"]
    )


def counted(data: Path, looker: Looker) -> Iterator[tuple[str, str]]:
    """People of labeled pictures: truth by the rule of the module, and the answer."""
    least, share = LEAST_HEIGHT, COMPARABLE
    for name in ("coco", "voc"):
        labels = json.loads((data / "images" / name / "instances.json").read_text())
        person = next(one["id"] for one in labels["categories"] if one["name"] == "person")
        heights = defaultdict(list)
        for one in labels["annotations"]:
            if one["category_id"] == person and not one.get("iscrowd"):
                heights[one["image_id"]].append(one["bbox"][3])
        for one in labels["images"]:
            seen = [h / one["height"] for h in heights[one["id"]] if h / one["height"] >= least]
            near = [h for h in seen if h >= share * max(seen)]
            picture = Image.open(data / "images" / name / one["file_name"])
            yield COUNTS[min(len(near), 3)], looker(picture).people or "-"


def grouped(data: Path, rng: np.random.Generator) -> Iterator[tuple[str, Image.Image]]:
    """So many portraits side by side before a landscape, 24 pictures of each count."""
    folder = data / "faces" / "expressions"
    portraits = [file for file in sorted(folder.glob("*.jpg")) if min(Image.open(file).size) >= 250]
    for count in range(5):
        for _ in range(24 if count < 3 else 12):
            canvas = place_of(data, str(rng.choice(PLACES)))
            for position, at in enumerate(rng.choice(len(portraits), count, replace=False)):
                portrait = Image.open(portraits[at]).convert("RGB")
                side = min(SIZE[0] // count - 16, round(0.85 * SIZE[1]))
                portrait = portrait.resize((side, side), Image.Resampling.BICUBIC)
                x = position * SIZE[0] // count + (SIZE[0] // count - portrait.width) // 2
                canvas.paste(portrait, (x, SIZE[1] - portrait.height))
            yield COUNTS[min(count, 3)], canvas


def placed(data: Path, looker: Looker) -> Iterator[tuple[str, str]]:
    """Indoors or outdoors of the labeled scenes."""
    with (data / "images" / "scenes" / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["indoor_outdoor"]:
                picture = Image.open(data / "images" / "scenes" / row["file"])
                yield row["indoor_outdoor"], setting(looker(picture))


def film_frames(data: Path, looker: Looker) -> dict[str, dict[str, Any]]:
    """The frames labeled by eye."""
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with (Path(__file__).parent / "classification_frames.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            one = looker(picture_of(data / "videos" / row["video"], float(row["seconds"])))
            answers = (one.composition or "-", one.people or "-", setting(one))
            for name, answer in zip(("composition", "people", "setting"), answers, strict=True):
                if row[name]:
                    pairs[name].append((row[name], answer))
    return {name: table(iter(found)) for name, found in pairs.items()}


def setting(one: Classified) -> str:
    """Indoor or outdoor, as a word."""
    return "-" if one.indoor is None else "indoor" if one.indoor >= 0.5 else "outdoor"


def place_of(data: Path, name: str) -> Image.Image:
    """A place without people, 1280 x 720."""
    picture = Image.open(data / "images" / "scenes" / f"{name}.jpg").convert("RGB")
    return picture.resize(SIZE, Image.Resampling.BICUBIC)


def picture_of(path: Path, seconds: float | None) -> Image.Image:
    """A photograph, or the frame of a video at this time, upright."""
    if seconds is None:
        return Image.open(path).convert("RGB")
    with open_source(path) as source:
        for frame in source.frames():
            if frame.seconds >= seconds:
                rgb: npt.NDArray[np.uint8] = display_rgb(frame, source.info)
                return Image.fromarray(rgb)
    raise SystemExit(f"{path} ends before {seconds} s")


if __name__ == "__main__":
    main()
