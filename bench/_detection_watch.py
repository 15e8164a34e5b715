"""What watching samples and looking at small copies lose against whole looks at whole frames."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from _detection_pictures import PictureSet
from fastthumb.analysis.detections import Face, Rect
from fastthumb.analysis.detectors import Detectors
from fastthumb.analysis.face_watch import FaceWatch
from fastthumb.inference.views import PictureView

FILMS = (
    "ball_juggle_10s_720p.mp4", "badminton_10s.mp4", "carphone_qcif.mp4", "chaplin_10s_bw.mp4",
    "city_cuts_10s.mp4", "closeup_man_vertical_14s.mp4", "closeup_redhair_woman_9s.mp4",
    "dancers_park_6s.mp4", "expressions_man_7s.mp4", "hamilton_whitehouse_10s.mp4",
    "his_girl_friday_6s_bw.mp4", "kids_jumping_bed_7s.mp4", "smiling_woman_dark_6s.mp4",
    "talking_blink_woman_18s.mp4", "tos_battle_70s_vp8.webm", "woman_dog_10s_720p.mp4",
    "woman_plants_9s_720p.mp4",
)  # fmt: skip
EVERY, EVERY_COPY = 24, 72  # frames
HEIGHTS = (0.0, 0.07, 0.15, 0.3, 9.0)  # of faces, shares of the picture's
SAME = 0.4  # overlap from which two boxes are one thing
COPY_SIDE, COPY_QUALITY = 640, 90


def watching(pictures: PictureSet) -> dict[str, Any]:
    """Sure faces of whole looks that a watch sees, too, and how alike it takes them to be.

    Where edits are nobody tells the watch, but it begins anew with every film.
    """
    detectors = Detectors.open(pictures.data / "models", threads=1)
    found: dict[str, list[bool]] = {}
    frames = shown = more = 0
    cosines = []
    for film in FILMS:
        watch = FaceWatch(detectors)
        for view in pictures.frames(film, EVERY):
            whole = [face for face in detectors.faces(view) or () if face.sure]
            watched = [face for face in watch.look(view, goes_on=True) or () if face.sure]
            frames += bool(whole)
            shown += bool(whole and watched)
            more += bool(watched and not whole)
            for face in whole:
                same = _same(face, watched)
                found.setdefault(_height_class(face), []).append(same is not None)
                if same is not None and face.embedding is not None and same.embedding is not None:
                    cosines.append(float(face.embedding @ same.embedding))
    return {
        "frames_with_a_sure_face": frames,
        "of_which_seen_with_one": shown,
        "frames_with_one_by_the_watch_alone": more,
        "faces_by_height": {
            name: {"faces": len(seen), "seen": round(float(np.mean(seen)), 4)}
            for name, seen in sorted(found.items())
        },
        "cosine_5_50_percent": [round(float(q), 3) for q in np.quantile(cosines, [0.05, 0.5])],
    }


def copies(pictures: PictureSet) -> dict[str, Any]:
    """What networks say of a JPEG copy, long side 640, against what they say of the frame."""
    detectors = Detectors.open(pictures.data / "models", threads=1)
    things, faces = [0, 0, 0], [0, 0]
    content, identity, expression, eyes, mouth = [], [], [], [], []
    for film in FILMS:
        for view in pictures.frames(film, EVERY_COPY):
            copy = _copy(view)
            full, small = detectors.contents(view), detectors.contents(copy)
            things[0] += len(full.objects or ())
            things[1] += sum(
                any(
                    a.label == b.label and _overlap(a.box, b.box) >= SAME
                    for b in small.objects or ()
                )
                for a in full.objects or ()
            )
            things[2] += len(small.objects or ())
            if full.embedding is not None and small.embedding is not None:
                content.append(float(full.embedding @ small.embedding))
            seen = [face for face in detectors.faces(copy) or () if face.sure]
            for face in detectors.faces(view) or ():
                if not face.sure:
                    continue
                same = _same(face, seen)
                faces[0] += 1
                faces[1] += same is not None
                if same is None:
                    continue
                if face.embedding is not None and same.embedding is not None:
                    identity.append(float(face.embedding @ same.embedding))
                if face.expression is not None and same.expression is not None:
                    expression.append(
                        int(face.expression.argmax()) == int(same.expression.argmax())
                    )
                if face.eyes is not None and same.eyes is not None:
                    eyes.append(abs(face.eyes - same.eyes))
                if face.mouth is not None and same.mouth is not None:
                    mouth.append(abs(face.mouth - same.mouth))
    return {
        "things": {"frame": things[0], "same_in_copy": things[1], "copy": things[2]},
        "faces": {"frame": faces[0], "same_in_copy": faces[1]},
        "content_cosine_least_and_median": _figures(content, 0.0),
        "identity_cosine_5_50_percent": _figures(identity, 0.05),
        "same_expression": round(float(np.mean(expression)), 4),
        "eye_difference_50_95_percent": _figures(eyes, 0.95),
        "mouth_difference_50_95_percent": _figures(mouth, 0.95),
    }


def _figures(values: list[float], other: float) -> list[float]:
    """The median and another quantile, ascending."""
    return sorted(round(float(q), 4) for q in np.quantile(values, [0.5, other]))


def _copy(view: PictureView) -> PictureView:
    scale = min(1.0, COPY_SIDE / max(view.width, view.height))
    rgb = view.rgb(max(1, round(view.width * scale)), max(1, round(view.height * scale)))
    data = io.BytesIO()
    Image.fromarray(rgb).save(data, "JPEG", quality=COPY_QUALITY)
    return PictureView.of_rgb(np.asarray(Image.open(data)))


def _same(face: Face, others: list[Face]) -> Face | None:
    near = max(others, key=lambda other: _overlap(face.box, other.box), default=None)
    return near if near is not None and _overlap(face.box, near.box) >= SAME else None


def _height_class(face: Face) -> str:
    height = face.box[3] - face.box[1]
    at = max(n for n, low in enumerate(HEIGHTS) if height >= low)
    return f"from {HEIGHTS[at]}"


def _overlap(a: Rect, b: Rect) -> float:
    """Intersection over union."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
