"""Picks without the stages before them, for tests of what is made of a pick."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.detections import Face
from fastthumb.analysis.stills import look
from fastthumb.media.source import Frame, Source, open_source


@dataclass(frozen=True)
class ScoredSample:
    """What rendering reads of a scored candidate."""

    candidate: Candidate
    scene_type: str = "other"


@dataclass(frozen=True)
class PickSample:
    """What rendering reads of a pick."""

    rank: int
    scored: ScoredSample


def candidate_at(
    frame: Frame,
    content_box: tuple[int, int, int, int],
    focal_point: tuple[float, float] = (0.5, 0.5),
    faces: tuple[Face, ...] | None = None,
) -> Candidate:
    """A candidate of one frame whose every saliency lies in the cell of the focal point."""
    still = look(np.full((18, 32, 3), 128, np.uint8))
    saliency = np.zeros((18, 32), np.uint8)
    saliency[min(int(focal_point[1] * 18), 17), min(int(focal_point[0] * 32), 31)] = 255
    values = {name: getattr(still, name) for name in still.__slots__}
    still = type(still)(**values | {"focal_point": focal_point, "saliency": saliency})
    return Candidate(
        shot=0,
        frame_index=frame.index,
        pts=frame.pts,
        seconds=frame.seconds,
        signals={},
        stillness=1.0,
        content_box=content_box,
        still=still,
        box_size=(content_box[2] - content_box[0], content_box[3] - content_box[1]),
        faces=faces,
    )


def face_at(box: tuple[float, float, float, float], **changes: object) -> Face:
    """A clear, frontal face that fills a box; eyes, nose and mouth where faces have them."""
    left, top, right, bottom = box
    xs = [left + share * (right - left) for share in (0.3, 0.7, 0.5, 0.35, 0.65)]
    ys = [top + share * (bottom - top) for share in (0.4, 0.4, 0.6, 0.8, 0.8)]
    marks = tuple(value for pair in zip(xs, ys, strict=True) for value in pair)
    values = {"box": box, "landmarks": marks, "score": 0.9, "sharpness": 0.8, "turn": 0.0}
    return Face(**values | {"roll": 0.0, "cut_off": False} | changes)  # type: ignore[arg-type]


def picks_of(
    path: Path,
    numbers: list[int],
    content_box: tuple[int, int, int, int] | None = None,
    scene_type: str = "other",
    focal_point: tuple[float, float] = (0.5, 0.5),
    faces: tuple[Face, ...] | None = None,
) -> tuple[Source, list[PickSample]]:
    """An open source and a pick of each of these frames, ranked in this order."""
    source = open_source(path, threads=1)
    frames = {frame.index: frame for frame in source.frames() if frame.index in numbers}
    box = content_box or (0, 0, source.info.width, source.info.height)
    candidates = [candidate_at(frames[number], box, focal_point, faces) for number in numbers]
    picks = [
        PickSample(rank, ScoredSample(candidate, scene_type))
        for rank, candidate in enumerate(candidates, 1)
    ]
    return source, picks
