"""Reframing: positions in the whole picture as positions in the part without black bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastthumb.analysis.detections import Contents, Face, FloatArray, FoundObject, Rect
from fastthumb.analysis.face_looks import CUT_SHARE


def face_within(face: Face, part: Rect) -> Face:
    """A face as it lies in a part of its picture, both in shares; it may reach out of the part.

    What the part does not hold whole is cut off.
    """
    marks = face.landmarks
    xs = [_moved(marks[i], part[0], part[2]) for i in range(0, 10, 2)]
    ys = [_moved(marks[i], part[1], part[3]) for i in range(1, 10, 2)]
    box = rect_within(face.box, part)
    x0, y0, x1, y1 = box
    inside = max(min(x1, 1.0) - max(x0, 0.0), 0.0) * max(min(y1, 1.0) - max(y0, 0.0), 0.0)
    cut_off = face.cut_off or inside < (1.0 - CUT_SHARE) * (x1 - x0) * (y1 - y0)
    return replace(
        face,
        box=box,
        cut_off=cut_off,
        landmarks=(xs[0], ys[0], xs[1], ys[1], xs[2], ys[2], xs[3], ys[3], xs[4], ys[4]),
    )


def contents_within(contents: Contents, part: Rect) -> Contents:
    """What a part of a picture holds: objects, lettering and bodies moved into its shares.

    Numbers are rounded to what a choice needs, so that a film's worth of them is small.
    """

    def moved(found: FoundObject) -> FoundObject:
        return replace(found, box=clipped(rect_within(found.box, part)))

    def pose_within(pose: FloatArray) -> FloatArray:
        joints = pose.reshape(-1, 3).copy()
        joints[:, 0] = (joints[:, 0] - part[0]) / (part[2] - part[0])
        joints[:, 1] = (joints[:, 1] - part[1]) / (part[3] - part[1])
        return joints.reshape(pose.shape).astype(np.float16).astype(np.float32)

    objects, lettering, poses = contents.objects, contents.lettering, contents.poses
    embedding = contents.embedding
    return replace(
        contents,
        embedding=None if embedding is None else _coarse(embedding),
        objects=None if objects is None else tuple(moved(one) for one in objects),
        lettering=None
        if lettering is None
        else tuple(clipped(rect_within(box, part)) for box in lettering),
        poses=None if poses is None else tuple(pose_within(pose) for pose in poses),
    )


def _coarse(embedding: FloatArray) -> FloatArray:
    """An embedding in steps of 1/1024: cosines change by less than 0.01."""
    coarse: FloatArray = (np.rint(embedding * 1024.0) / 1024.0).astype(np.float32)
    return coarse


def rect_within(rect: Rect, part: Rect) -> Rect:
    """A rectangle in shares of a part of the picture that it was found in."""
    return (
        _moved(rect[0], part[0], part[2]),
        _moved(rect[1], part[1], part[3]),
        _moved(rect[2], part[0], part[2]),
        _moved(rect[3], part[1], part[3]),
    )


def _moved(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low)


def clipped(rect: Rect) -> Rect:
    """A rectangle without what lies beyond the picture, in shares."""
    x0, y0, x1, y1 = (min(max(value, 0.0), 1.0) for value in rect)
    return x0, y0, x1, y1
