"""Measures of faces against what is known: blur, the mesh's turn, the mesh's eyes."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata, spearmanr

from _detection_pictures import PictureSet
from fastthumb.analysis.face_looks import eye_opening, face_sharpness, is_cut_off, turn_of
from fastthumb.inference.face_readers import MeshReader
from fastthumb.inference.faces import FoundFace
from fastthumb.inference.views import PictureView

BLURS = (0.0, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # Gaussian sigma, px
FALLING_TO = 3.0  # beyond it 8-bit codes say more than the blur
FACE_WIDTHS = (40, 80, 160)  # px
CUTS = (0.0, 0.1, 0.2, 0.3)
TURNED = [
    "hamilton_whitehouse_10s.mp4",
    "tos_battle_70s_vp8.webm",
    "dancers_park_6s.mp4",
    "kids_jumping_bed_7s.mp4",
    "woman_dog_10s_720p.mp4",
    "closeup_redhair_woman_9s.mp4",
]
BLINKING = [
    "talking_blink_woman_18s.mp4",
    "closeup_man_vertical_14s.mp4",
    "closeup_studio_woman_11s.mp4",
    "closeup_redhair_woman_9s.mp4",
    "expressions_man_7s.mp4",
    "smiling_woman_dark_6s.mp4",
]
CLOSED, OPEN = 0.6, 0.8  # of the film's 80th percentile of the mesh's eye aspect ratio


def sharpness(pictures: PictureSet) -> dict[str, Any]:
    """Median and 10th .. 90th percentile of the sharpness of portraits by known blur."""
    finder = pictures.face_finder("yunet_n_dynamic")
    values: dict[tuple[int, float], list[float]] = defaultdict(list)
    falling = total = 0
    for file, _ in pictures.portraits():
        rgb = pictures.rgb(file)
        faces = finder.detect(PictureView.of_rgb(rgb))
        for width in FACE_WIDTHS:
            if not faces or faces[0].box[2] - faces[0].box[0] < max(width, 150):
                continue
            reduced, face = _reduced(rgb, faces[0], width)
            row = []
            for blur in BLURS:
                soft = gaussian_filter(reduced, (blur, blur, 0)) if blur else reduced
                row.append(face_sharpness(PictureView.of_rgb(soft), face))
                values[width, blur].append(row[-1])
            total += 1
            falling += all(a > b for a, b in pairwise(row[: BLURS.index(FALLING_TO) + 1]))
    report = {
        f"face {width} px": {
            f"sigma {blur}": [round(float(q), 3) for q in np.quantile(found, [0.1, 0.5, 0.9])]
            for (at, blur), found in values.items()
            if at == width
        }
        for width in FACE_WIDTHS
    }
    return report | {"portraits": total, "falling_to_sigma_3": falling}


def cuts(pictures: PictureSet) -> dict[str, Any]:
    """Share of faces taken for cut off, by the share of the face that an edge takes away."""
    report: dict[str, Any] = {}
    for name in ("yunet_n_dynamic", "mtcnn"):
        finder = pictures.face_finder(name)
        found: dict[tuple[float, str], list[bool]] = defaultdict(list)
        for file, _ in pictures.portraits()[::2]:
            rgb = pictures.rgb(file)
            faces = finder.detect(PictureView.of_rgb(rgb))
            if not faces or not _well_inside(faces[0], rgb):
                continue
            for lost in CUTS:
                for edge, part in _cut(rgb, faces[0], lost).items():
                    left = finder.detect(PictureView.of_rgb(part))
                    inside = (0.0, 0.0, float(part.shape[1]), float(part.shape[0]))
                    if left:
                        largest = max(left, key=_width)
                        found[lost, edge].append(is_cut_off(largest, inside))
        report[name] = {
            f"{lost:.0%}": {
                edge: round(float(np.mean(values)), 3)
                for (at, edge), values in found.items()
                if at == lost
            }
            for lost in CUTS
        }
    return report


def turns(pictures: PictureSet) -> dict[str, Any]:
    """Turn by landmarks against turn by the mesh, for faces of 40 px and more."""
    mesh = MeshReader(pictures.network("face_mesh468_192"))
    report = {}
    for name in ("yunet_n_dynamic", "mtcnn"):
        finder = pictures.face_finder(name)
        pairs = []
        views = [view for film in TURNED for view in pictures.frames(film, 20)]
        for view in views:
            faces = [face for face in finder.detect(view) if _width(face) >= 40]
            if faces:
                readings = mesh.read(view, faces)
                pairs += [
                    (turn_of(face.landmarks), reading.turn)
                    for face, reading in zip(faces, readings, strict=True)
                    if reading is not None
                ]
        ours, theirs = np.array(pairs).T
        report[name] = {
            "faces": len(pairs),
            "correlation": round(float(np.corrcoef(ours, theirs)[0, 1]), 3),
            "median_difference": round(float(np.median(np.abs(ours - theirs))), 3),
        }
    return report


def eyes(pictures: PictureSet) -> dict[str, Any]:
    """The lesser measure of open eyes against the mesh's, within each film's one face."""
    mesh = MeshReader(pictures.network("face_mesh468_192"))
    report: dict[str, Any] = {}
    for name in ("yunet_n_dynamic", "mtcnn"):
        finder = pictures.face_finder(name)
        for film in BLINKING:
            pairs = []
            for view in pictures.frames(film, 6):
                faces = sorted(finder.detect(view), key=_width)[-1:]
                reading = mesh.read(view, faces)[0] if faces else None
                ours = eye_opening(view, faces[0]) if faces else None
                if reading is not None and ours is not None:
                    pairs.append((ours, reading.eyes))
            ours_, theirs = np.array(pairs).T
            report.setdefault(name, {})[film] = _agreement(ours_, theirs)
    return report


def _agreement(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Rank correlation, and how often an open eye is above a closed one (1 is always)."""
    relative = theirs / np.quantile(theirs, 0.8)
    closed, opened = relative < CLOSED, relative > OPEN
    ranks = rankdata(np.concatenate([ours[opened], ours[closed]]))[: opened.sum()]
    wins = ranks.sum() - opened.sum() * (opened.sum() + 1) / 2
    share = wins / (opened.sum() * closed.sum()) if closed.any() else None
    own = ours / np.quantile(ours, 0.8)
    return {
        "frames": len(ours),
        "closed": int(closed.sum()),
        "rank_correlation": round(float(spearmanr(ours, theirs).statistic), 3),
        "open_above_closed": None if share is None else round(float(share), 4),
        "closed_at_most": round(float(own[closed].max()), 3) if closed.any() else None,
        "open_5_percent": round(float(np.quantile(own[opened], 0.05)), 3),
    }


def _reduced(
    rgb: npt.NDArray[np.uint8], face: FoundFace, width: int
) -> tuple[npt.NDArray[np.uint8], FoundFace]:
    """The picture with the face `width` px wide, and the face in it."""
    scale = width / _width(face)
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    small = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))
    x0, y0, x1, y1 = (edge * scale for edge in face.box)
    return small, FoundFace((x0, y0, x1, y1), face.landmarks * scale, face.score)


def _cut(
    rgb: npt.NDArray[np.uint8], face: FoundFace, lost: float
) -> dict[str, npt.NDArray[np.uint8]]:
    """The picture cut through the face at each side, `lost` of its box beyond the edge."""
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = face.box
    x, y = lost * (x1 - x0), lost * (y1 - y0)
    boxes = {
        "left": (x0 + x, 0.0, width, height),
        "right": (0.0, 0.0, x1 - x, height),
        "top": (0.0, y0 + y, width, height),
        "bottom": (0.0, 0.0, width, y1 - y),
    }
    parts = {}
    for edge, box in boxes.items():
        left, top, right, bottom = (max(0, round(at)) for at in box)
        parts[edge] = np.ascontiguousarray(rgb[top:bottom, left:right])
    return parts


def _well_inside(face: FoundFace, rgb: npt.NDArray[np.uint8]) -> bool:
    """Whether a tenth of the face is left to every edge of the picture."""
    x0, y0, x1, y1 = face.box
    x, y = 0.1 * (x1 - x0), 0.1 * (y1 - y0)
    return x0 > x and y0 > y and x1 + x < rgb.shape[1] and y1 + y < rgb.shape[0]


def _width(face: FoundFace) -> float:
    return face.box[2] - face.box[0]
