"""Average precision of object detectors as COCO defines it, in float64 NumPy.

Lin et al. 2014 and the rules of the COCO detection challenge: per class and overlap threshold,
detections in order of score take the unmatched true box that they overlap most; the precision
is made monotone and read at 101 recalls; crowds take any number of detections and count for
nothing. AP is the mean over classes with true boxes and overlaps .50 to .95 in steps of .05.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

Box = tuple[float, float, float, float]

OVERLAPS = np.linspace(0.50, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST_PER_PICTURE = 100


@dataclass(frozen=True)
class Scored:
    """A detection: class name, (x0, y0, x1, y1) and score."""

    label: str
    box: Box
    score: float


@dataclass(frozen=True)
class Truth:
    """A labeled thing: class name, (x0, y0, x1, y1), and whether it is a crowd."""

    label: str
    box: Box
    crowd: bool = False


def average_precision(
    found: Mapping[str, Sequence[Scored]], truths: Mapping[str, Sequence[Truth]]
) -> dict[str, float]:
    """mAP, AP50 and AR100 over all pictures of `truths`; both are keyed by picture."""
    labels = sorted({t.label for ts in truths.values() for t in ts if not t.crowd})
    precisions, recalls = [], []
    for label in labels:
        curve, recall = _of_class(label, found, truths)
        precisions.append(curve)
        recalls.append(recall)
    ap, ar = np.array(precisions), np.array(recalls)
    return {
        "map": float(ap.mean()),
        "ap50": float(ap[:, 0].mean()),
        "ar100": float(ar.mean()),
        "classes": len(labels),
    }


def _of_class(
    label: str, found: Mapping[str, Sequence[Scored]], truths: Mapping[str, Sequence[Truth]]
) -> tuple[Array, Array]:
    """(AP, highest recall) at each overlap threshold."""
    scores: list[float] = []
    right: dict[int, list[int]] = defaultdict(list)  # per threshold: 1 hit, 0 miss, -1 in a crowd
    count = 0
    for picture, all_true in truths.items():
        # True boxes that count come first: a detection prefers them to a crowd.
        true = sorted((t for t in all_true if t.label == label), key=lambda t: t.crowd)
        crowd = np.array([t.crowd for t in true], bool)
        count += int((~crowd).sum())
        best = sorted(found.get(picture, ()), key=lambda s: -s.score)
        mine = [s for s in best if s.label == label][:MOST_PER_PICTURE]
        scores += [s.score for s in mine]
        overlaps = _overlaps([s.box for s in mine], [t.box for t in true], crowd)
        for index, threshold in enumerate(OVERLAPS):
            right[index] += _matches(overlaps, crowd, threshold)
    order = np.argsort(-np.array(scores, np.float64), kind="stable")
    ap, recall = np.zeros(len(OVERLAPS)), np.zeros(len(OVERLAPS))
    for index in range(len(OVERLAPS)):
        hits = np.array(right[index], np.int64)[order]
        hits = hits[hits >= 0]
        if not len(hits):
            continue
        good = np.cumsum(hits)
        precision = np.maximum.accumulate((good / np.arange(1, len(hits) + 1))[::-1])[::-1]
        reached = good / count
        at = np.searchsorted(reached, RECALLS, side="left")
        ap[index] = np.where(at < len(hits), precision[np.minimum(at, len(hits) - 1)], 0).mean()
        recall[index] = reached[-1]
    return ap, recall


def _matches(overlaps: Array, crowd: npt.NDArray[np.bool_], threshold: float) -> list[int]:
    taken = np.zeros(len(crowd), bool)
    result = []
    for row in overlaps:
        free = np.where(~taken & ~crowd, row, -1.0)
        if len(free) and free.max() >= threshold:
            taken[int(free.argmax())] = True
            result.append(1)
        elif len(row) and np.where(crowd, row, -1.0).max() >= threshold:
            result.append(-1)
        else:
            result.append(0)
    return result


def _overlaps(found: Sequence[Box], true: Sequence[Box], crowd: npt.NDArray[np.bool_]) -> Array:
    """Intersection over union, (found, true); over the detection's own area for a crowd."""
    a = np.array(found, np.float64).reshape(-1, 1, 4)
    b = np.array(true, np.float64).reshape(1, -1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.clip(sides, 0, None), axis=-1)
    area_a, area_b = (np.prod(c[..., 2:] - c[..., :2], axis=-1) for c in (a, b))
    whole = np.where(crowd[None, :], area_a, area_a + area_b - shared)
    return np.asarray(shared / np.maximum(whole, 1e-12))
