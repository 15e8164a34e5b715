"""Average precision of the object detectors, beside the figures published with the models."""

from __future__ import annotations

from typing import Any

from _average_precision import Scored, average_precision
from _detection_pictures import PictureSet
from fastthumb.inference.objects import ObjectFinder

# (threshold, overlap) of the published measurement, and its mAP by set of pictures.
PUBLISHED = {
    "picodet_s_416": (0.025, 0.6, {"coco": 0.381, "voc": 0.599}),
    "yolox_nano_416": (0.01, 0.65, {"coco": 0.337, "voc": 0.532}),
}


def average_precisions(pictures: PictureSet) -> dict[str, Any]:
    """mAP, AP50, AR100 per detector and set, and how far mAP is from the published one."""
    report: dict[str, Any] = {}
    for name, (threshold, iou, published) in PUBLISHED.items():
        finder = ObjectFinder(pictures.network(name))
        for folder, wanted in published.items():
            truths = pictures.truths(f"images/{folder}")
            classes = {truth.label for one in truths.values() for truth in one}
            found = {
                file: [
                    Scored(thing.label, thing.box, thing.score)
                    for thing in finder.find(
                        pictures.view(f"images/{folder}/{file}"),
                        threshold=threshold,
                        iou=iou,
                        every_class=True,
                    )
                    if thing.label in classes
                ]
                for file in truths
            }
            measured = average_precision(found, truths)
            report[f"{name} {folder}"] = {k: round(v, 4) for k, v in measured.items()} | {
                "published_map": wanted,
                "difference": round(measured["map"] - wanted, 4),
            }
    return report
