"""What one picture looks like: everything about a candidate that needs its pixels.

All of it is measured on a small upright copy with square pixels and without black bars (long
side 320), so that it costs a few milliseconds and does not depend on the film's resolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from fastthumb.analysis.bars import Box, cut_bars, upright_shares, whole, working_scale
from fastthumb.analysis.composition import depth_of_field, symmetry, thirds
from fastthumb.analysis.lettering import find_lettering, steps
from fastthumb.analysis.palette import (
    Swatch,
    colorfulness,
    find_palette,
    srgb_to_lab,
    warmth,
)
from fastthumb.analysis.saliency import COLUMNS, ROWS, find_saliency

if TYPE_CHECKING:
    from fastthumb.media.source import SourceInfo

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

PICTURE_SIDE = 320  # pixels along the long side of the copy that is judged

# BT.709 luma in 1/256; the sum is 256, so that white stays 255.
_LUMA = (54, 183, 19)
_LIGHT_CODE, _DARK_CODE = 250, 6  # luma beyond which detail is lost
# Mean absolute mask response to spread of noise. The flattest tenth of even noise reads 0.82 of it.
_MASK_GAIN = math.sqrt(math.pi / 2.0) / 6.0 / 0.82
# Squared Laplacian that noise of variance 1 adds: 4 * 1 + 16, and more in the sharpest tenth.
_LAPLACIAN_GAIN = 25.0
_DARK_SIGNAL = 24  # dark_share counts luma up to it, as the core does
# What the parts of the descriptor weigh in the similarity of two pictures; they sum to 1.
_LAYOUT_WEIGHT, _COLOR_WEIGHT, _SHAPE_WEIGHT = 0.40, 0.30, 0.30
_LAYOUT_ROWS, _LAYOUT_COLUMNS = 9, 16
_SHAPE_ROWS, _SHAPE_COLUMNS, _DIRECTIONS = 4, 6, 8
_LAYOUT_CONSTANT = 60.0  # against 180 of a picture with an ordinary spread of light
DESCRIPTOR_SIZE = (
    _LAYOUT_ROWS * _LAYOUT_COLUMNS * 3 + 1 + 8 + 64 + _SHAPE_ROWS * _SHAPE_COLUMNS * _DIRECTIONS
)


@dataclass(frozen=True, slots=True)
class Still:
    """What one picture looks like; positions are shares 0..1 of it, upright, bars removed.

    `saliency` is uint8 (18, 32), 255 where the eye goes first; `subject_box` is (x0, y0, x1, y1)
    around the most salient region, `subject_share` its area, `concentration` its share of all
    saliency, and `subject_focus` its median sharpness over that of the sharpest tenth of the
    picture. `detail` is the spread of the Laplacian in grey levels, noise taken off, in the
    sharpest tenth of the picture or in the subject, whichever is sharper: that of what is in
    focus. `noise` is its spread in grey levels where the picture is flattest. `entropy` is in
    bits, of luma; `light` and `dark` are the shares that are burnt out and drowned; `one_color`
    is the share in one luma level, give or take 3.
    `layout` is uint8 (9, 16, 3), the picture as CIELAB cells (a and b offset by 128).
    `descriptor` is float32 of unit length: the dot product of two is their visual similarity.
    """

    focal_point: tuple[float, float]
    saliency: ByteArray
    subject_share: float
    subject_box: tuple[float, float, float, float]
    concentration: float
    subject_focus: float
    thirds: float
    symmetry: float
    depth_of_field: float
    text_likeness: float
    one_color: float
    detail: float
    noise: float
    entropy: float
    light: float
    dark: float
    colorfulness: float
    palette: tuple[Swatch, ...]
    warmth: float
    layout: ByteArray
    descriptor: FloatArray


def look(picture: ByteArray, activity: FloatArray | None = None) -> Still:
    """Everything that is measured on one picture: uint8 (rows, columns, 3), display RGB.

    `activity`, float32 (18, 32) in grey levels, says where the film moves at that time: what
    moves before a still background is a subject.
    """
    luma = _luma(picture)
    across, down = steps(luma)
    lettering = find_lettering(luma, across, down)

    small = _boxed(picture, COLUMNS, ROWS)
    lab = srgb_to_lab(small)
    detail = _cells(np.abs(across) + np.abs(down), COLUMNS, ROWS)
    saliency = find_saliency(lab, detail, activity)
    sharpness = np.sqrt(_cells(_laplacian_squared(luma), COLUMNS, ROWS))

    subject = float(np.median(sharpness[saliency.region])) if saliency.region.any() else 0.0
    in_focus = max(_sharpest(sharpness), subject)
    noise = _noise(luma)

    sample = _sampled(picture)
    counts = np.bincount(luma.ravel(), minlength=256)
    return Still(
        focal_point=saliency.focal_point,
        saliency=saliency.map,
        subject_share=saliency.subject_share,
        subject_box=_box_of(saliency.region),
        concentration=saliency.concentration,
        subject_focus=min(subject / max(_sharpest(sharpness), 1e-6), 1.0),
        thirds=thirds(saliency.focal_point) if saliency.region.any() else 0.0,
        symmetry=symmetry(lab[..., 0]),
        depth_of_field=depth_of_field(sharpness, saliency.region),
        text_likeness=lettering.text_likeness,
        one_color=lettering.one_color,
        detail=math.sqrt(max(in_focus**2 - _LAPLACIAN_GAIN * noise**2, 0.0)),
        noise=noise,
        entropy=_entropy(counts),
        light=float(counts[_LIGHT_CODE:].sum()) / luma.size,
        dark=float(counts[: _DARK_CODE + 1].sum()) / luma.size,
        colorfulness=colorfulness(sample.astype(np.float32)),
        palette=find_palette(sample, srgb_to_lab(sample)),
        warmth=warmth(lab),
        layout=_layout(lab),
        descriptor=_descriptor(lab, across, down),
    )


def content_signals(
    signals: dict[str, float], picture: ByteArray, box: Box, info: SourceInfo
) -> dict[str, float]:
    """Scalar signals of a frame as they would be without its black bars.

    `picture` is the upright copy with the bars. Light and color are measured anew on what the
    box leaves of it. Motion and differences, which are 0 in the bars, are raised to the smaller
    area; so is the variance of the Laplacian, freed of the steps from bar to picture.
    """
    if box == whole(info):
        return dict(signals)
    inside = (box[2] - box[0]) * (box[3] - box[1]) / (info.width * info.height)
    cut = cut_bars(picture, box, info)
    corrected = dict(signals) | _light_and_color(cut)
    for name in ("difference", "compensated_difference", "motion"):
        corrected[name] = signals[name] / inside
    steps = _bar_steps(_luma(picture), upright_shares(box, info))
    scale = working_scale(info)
    lines = (info.width / scale[0], info.height / scale[1])
    if info.rotation_degrees in (90, 270):
        lines = (lines[1], lines[0])
    spurious = steps[0] / lines[0] + steps[1] / lines[1]
    sharpness = max(signals["laplacian_variance"] - spurious, 0.0) / inside
    corrected["laplacian_variance"] = sharpness
    for name in ("bar_top", "bar_bottom", "bar_left", "bar_right"):
        corrected[name] = 0.0
    return corrected


def _light_and_color(picture: ByteArray) -> dict[str, float]:
    """The signals of light and color, by their names, measured on a small picture."""
    luma = _luma(picture)
    lab = srgb_to_lab(_sampled(picture))
    return {
        "luma_mean": float(luma.mean()),
        "luma_std": float(luma.std()),
        "lightness": float(lab[:, 0].mean()),
        "chroma": float(np.hypot(lab[:, 1], lab[:, 2]).mean()),
        "a_mean": float(lab[:, 1].mean()),
        "b_mean": float(lab[:, 2].mean()),
        "entropy": _entropy(np.bincount(luma.ravel(), minlength=256)),
        "dark_share": float((luma <= _DARK_SIGNAL).mean()),
        "bright_share": float((luma >= _LIGHT_CODE).mean()),
    }


def _entropy(counts: npt.NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def _bar_steps(
    luma: npt.NDArray[np.int16], shares: tuple[float, float, float, float]
) -> tuple[float, float]:
    """Squared Laplacian that bars add per column and per row of the picture that they border.

    A step of height h is seen by the line before it and by the line behind it: 2 h squared.
    """
    rows, columns = luma.shape
    levels = luma.astype(np.float32) ** 2
    left, right = round(shares[0] * columns), round(shares[2] * columns) - 1
    top, bottom = round(shares[1] * rows), round(shares[3] * rows) - 1
    steps_across = [(left, left > 0), (right, right < columns - 1)]
    steps_down = [(top, top > 0), (bottom, bottom < rows - 1)]
    across = sum(float(levels[:, at].mean()) for at, cut in steps_across if cut)
    down = sum(float(levels[at].mean()) for at, cut in steps_down if cut)
    return 2.0 * across, 2.0 * down


def _luma(picture: ByteArray) -> npt.NDArray[np.int16]:
    red, green, blue = (picture[..., i].astype(np.uint16) for i in range(3))
    return ((red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2] + 128) >> 8).astype(np.int16)


def _boxed(picture: ByteArray, columns: int, rows: int) -> ByteArray:
    """The picture as columns x rows box means, uint8 (rows, columns, 3)."""
    return np.asarray(Image.fromarray(picture).resize((columns, rows), Image.Resampling.BOX))


def _cells(values: npt.NDArray[np.generic], columns: int, rows: int) -> FloatArray:
    """Box means of one plane, float32 (rows, columns)."""
    plane = Image.fromarray(values.astype(np.float32))
    return np.asarray(plane.resize((columns, rows), Image.Resampling.BOX))


def _laplacian_squared(luma: npt.NDArray[np.int16]) -> npt.NDArray[np.int32]:
    """Squared 4-neighbor Laplacian, zero along the edges and in pictures under 3 x 3."""
    squared = np.zeros(luma.shape, dtype=np.int32)
    if min(luma.shape) >= 3:
        around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
        inner = (around - 4 * luma[1:-1, 1:-1]).astype(np.int32)
        np.multiply(inner, inner, out=squared[1:-1, 1:-1])
    return squared


def _noise(luma: npt.NDArray[np.int16]) -> float:
    """Spread of noise in grey levels, from the flattest tenth of the cells.

    The mask is blind to planes and straight edges: Immerkaer, "Fast noise variance estimation"
    (1996). A picture without one flat place, all grass, tells up to 4 without any noise.
    """
    if min(luma.shape) < 3:
        return 0.0
    across = luma[:, 2:] - 2 * luma[:, 1:-1] + luma[:, :-2]
    both = np.abs(across[2:] - 2 * across[1:-1] + across[:-2])
    cells = _cells(both, COLUMNS, ROWS).ravel()
    return float(np.partition(cells, len(cells) // 10)[len(cells) // 10]) * _MASK_GAIN


def _sharpest(sharpness: FloatArray) -> float:
    """What the sharpest tenth of the cells reaches at least."""
    values = sharpness.ravel()
    rank = len(values) * 9 // 10
    return float(np.partition(values, rank)[rank])


def _sampled(picture: ByteArray) -> ByteArray:
    """Some eight hundred pixels on a regular grid, uint8 (n, 3): unmixed, unlike box means."""
    rows, columns = picture.shape[:2]
    step = max(1, round((rows * columns / 800) ** 0.5))
    return np.ascontiguousarray(picture[step // 2 :: step, step // 2 :: step].reshape(-1, 3))


def _box_of(region: npt.NDArray[np.bool_]) -> tuple[float, float, float, float]:
    if not region.any():
        return (0.0, 0.0, 1.0, 1.0)
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return (
        float(columns[0] / COLUMNS),
        float(rows[0] / ROWS),
        float((columns[-1] + 1) / COLUMNS),
        float((rows[-1] + 1) / ROWS),
    )


def _layout(lab: FloatArray) -> ByteArray:
    """CIELAB cells (9, 16, 3) as bytes: L in 0..255, a and b offset by 128."""
    cells = lab.reshape(_LAYOUT_ROWS, 2, _LAYOUT_COLUMNS, 2, 3).mean(axis=(1, 3))
    codes = cells * np.array([2.55, 1.0, 1.0]) + np.array([0.0, 128.0, 128.0])
    layout: ByteArray = np.clip(np.rint(codes), 0, 255).astype(np.uint8)
    return layout


def _descriptor(
    lab: FloatArray, across: npt.NDArray[np.int16], down: npt.NDArray[np.int16]
) -> FloatArray:
    """Where light and color lie, which colors there are, and which way the edges run.

    Three parts, each of unit length times the root of its weight, so that the dot product of
    two descriptors is the weighted mean of three cosines.
    """
    cells = lab.reshape(_LAYOUT_ROWS, 2, _LAYOUT_COLUMNS, 2, 3).mean(axis=(1, 3))
    # Light relative to the picture's own: otherwise all dark pictures would look alike. The
    # constant keeps pictures without any layout alike, instead of comparing their noise.
    layout = cells - np.array([cells[..., 0].mean(), 0.0, 0.0], dtype=np.float32)
    layout = np.append(layout.ravel(), np.float32(_LAYOUT_CONSTANT))

    flat = lab.reshape(-1, 3)
    lightness = np.bincount(np.clip(flat[:, 0] / 12.5, 0, 7).astype(np.intp), minlength=8)
    a, b = (np.clip((flat[:, i] + 64.0) / 16.0, 0, 7).astype(np.intp) for i in (1, 2))
    hues = np.bincount(a * 8 + b, minlength=64)
    colors = np.sqrt(np.concatenate([lightness, hues]).astype(np.float32))

    parts = (
        (layout, _LAYOUT_WEIGHT),
        (colors, _COLOR_WEIGHT),
        (_edge_directions(across, down), _SHAPE_WEIGHT),
    )
    joined = np.concatenate([_unit(part) * np.float32(weight**0.5) for part, weight in parts])
    # Half precision is all that a similarity needs, and the store keeps it at half the size.
    return _unit(joined).astype(np.float16).astype(np.float32)


def _edge_directions(across: npt.NDArray[np.int16], down: npt.NDArray[np.int16]) -> FloatArray:
    """Edge strength by direction in 4 x 6 fields, square-rooted: float32 (192,).

    Directions are unsigned, in 8 sectors of 22.5 degrees, found without an arctangent.
    """
    x, y = across[1::3, 1::3].astype(np.float32), down[1::3, 1::3].astype(np.float32)
    strength = np.hypot(x, y)
    strength[strength < 8.0] = 0.0
    flip = (y < 0) | ((y == 0) & (x < 0))
    x, y = np.where(flip, -x, x), np.abs(y)
    sector = np.zeros(x.shape, dtype=np.intp)
    for step in range(1, _DIRECTIONS):
        angle = np.pi * step / _DIRECTIONS
        sector += (np.cos(angle) * y - np.sin(angle) * x) > 0
    rows = np.arange(x.shape[0]) * _SHAPE_ROWS // x.shape[0]
    columns = np.arange(x.shape[1]) * _SHAPE_COLUMNS // x.shape[1]
    field = rows[:, None] * _SHAPE_COLUMNS + columns[None]
    sums = np.bincount(
        (field * _DIRECTIONS + sector).ravel(),
        weights=strength.ravel(),
        minlength=_SHAPE_ROWS * _SHAPE_COLUMNS * _DIRECTIONS,
    )
    return np.sqrt(sums).astype(np.float32)


def _unit(values: npt.NDArray[np.floating]) -> FloatArray:
    length = float(np.linalg.norm(values))
    return (values / length if length > 0 else values).astype(np.float32)
