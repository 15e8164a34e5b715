"""Detectors on labeled pictures: recall of faces, average precision of objects, time.

    python bench/detection.py [--models DIR] [--only goldens,recall,...]

Goldens: the largest differences to reference outputs. Recall: the people of
`faces/identities.csv` and `faces/expressions`, each picture's faces counted up to the number of
people that its label names. Without people: what the face detectors find in films of animals and
in animation. Watching: sure faces of a whole look that the cheap one sees, too. Copies: what
networks say of a copy of 640 pixels, as candidates are kept, against the frame. Objects: average
precision as COCO defines it, against the figures published with the models. Looks: sharpness of
faces against known blur, faces cut off by an edge on purpose, turn by landmarks against turn by
mesh, the lesser measure of open eyes against the mesh. Times: CPU of one thread, the least of
several rounds, for every part of what is done to a picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _detection_goldens import goldens
from _detection_looks import cuts, eyes, sharpness, turns
from _detection_objects import average_precisions
from _detection_pictures import PictureSet
from _detection_recall import people, without_people
from _detection_times import times
from _detection_watch import copies, watching
from _films import test_data
from _report import save

PARTS: dict[str, Callable[[PictureSet], dict[str, Any]]] = {
    "goldens": goldens,
    "recall": people,
    "without_people": without_people,
    "watching": watching,
    "copies": copies,
    "objects": average_precisions,
    "sharpness": sharpness,
    "cut_off": cuts,
    "turn": turns,
    "eyes": eyes,
    "times": times,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, help="folder of the ONNX files")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, by name")
    arguments = parser.parse_args()
    data = test_data()
    pictures = PictureSet(data, arguments.models or data / "models")
    chosen = arguments.only.split(",")
    report: dict[str, Any] = {"models": pictures.models()}
    for name in chosen:
        report[name] = PARTS[name](pictures)
        print(name, report[name], flush=True)
    if chosen == list(PARTS):
        print(save("detection", report))


if __name__ == "__main__":
    main()
