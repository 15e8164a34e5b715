"""Fit and warp of the core again in NumPy: float64, dense weight matrices, from the formulas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from references import LUMA_WEIGHTS, Layout, code_values

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Wanted:
    """The arguments of _core.TensorFormat."""

    width: int
    height: int
    bgr: bool = False
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fill: float = 0.0

    def arguments(self) -> dict[str, Any]:
        names = [name for name in self.__dataclass_fields__ if name not in ("width", "height")]
        return {name: getattr(self, name) for name in names}

    def tensor(self, rgb: Floats) -> Floats:
        """Planar tensor of codes (height, width, 3)."""
        ordered = rgb[..., ::-1] if self.bgr else rgb
        return np.asarray(((ordered - self.mean) * self.scale).transpose(2, 0, 1))


def weights(samples: int, start: float, step: float, count: int, kind: str) -> Floats:
    """What each sample (columns) counts in each output (rows)."""
    low = start + step * np.arange(count)[:, None]
    center = low + step / 2
    sample = np.arange(samples)[None, :]
    if kind == "cubic":
        x = np.abs(sample + 0.5 - center) / max(1.0, step)
        near = 1.5 * x**3 - 2.5 * x**2 + 1
        far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        counted = np.where(x < 1, near, np.where(x < 2, far, 0.0))
    elif step >= 1:
        counted = np.clip(low + step - sample, 0, 1) - np.clip(low - sample, 0, 1)
    else:
        counted = np.clip(1 - np.abs(sample + 0.5 - center), 0, None)
    total = counted.sum(axis=1, keepdims=True)
    nearest = np.clip(np.floor(center), 0, samples - 1) == sample
    alone = np.abs(total) < 1e-9
    return np.where(alone, nearest, counted / np.where(alone, 1.0, total))


def resampled(
    values: Floats,
    x: tuple[float, float, int],
    y: tuple[float, float, int],
    kind: str,
) -> Floats:
    """Grid of a component; x and y are start, step and count in its own samples."""
    down = weights(values.shape[0], *y, kind)
    across = weights(values.shape[1], *x, kind)
    return np.asarray(down @ values @ across.T)


def grid(
    layout: Layout | None,
    parts: list[Any],
    x: tuple[float, float, int],
    y: tuple[float, float, int],
    kind: str,
) -> Floats:
    """Resampled components (rows, columns, 3) of a frame, or of RGB; x and y in frame px."""
    if layout is None:
        rgb = parts[0].astype(np.float64)
        return np.stack([resampled(rgb[..., c], x, y, kind) for c in range(3)], axis=-1)
    if layout.fields == 2:
        y = (y[0] / 2 + 0.25, y[1] / 2, y[2])
    planes = [resampled(code_values(parts[0], layout).astype(np.float64), x, y, kind)]
    for part in parts[1:]:
        chroma_x = (x[0] / 2**layout.chroma_shift_x, x[1] / 2**layout.chroma_shift_x, x[2])
        chroma_y = (y[0] / 2**layout.chroma_shift_y, y[1] / 2**layout.chroma_shift_y, y[2])
        values = code_values(part, layout).astype(np.float64)
        planes.append(resampled(values, chroma_x, chroma_y, kind))
    while len(planes) < 3:
        planes.append(np.full_like(planes[0], 128.0 * 2 ** (layout.bit_depth - 8)))
    return np.stack(planes, axis=-1)


def display_codes(layout: Layout | None, components: Floats) -> Floats:
    """R'G'B' codes, clamped to 0..255, of components (..., 3) in code values."""
    if layout is None:
        return np.clip(components, 0, 255)
    unit, top = 2.0 ** (layout.bit_depth - 8), 2.0**layout.bit_depth - 1
    luma_span, chroma_span = (top, top) if layout.full_range else (219 * unit, 224 * unit)
    y = components[..., 0]
    if layout.luma_curve is not None:
        y = np.interp(y, np.arange(len(layout.luma_curve)), layout.luma_curve)
    else:
        y = (y - (0 if layout.full_range else 16 * unit)) * 255 / luma_span
    chroma = (components[..., 1:] - 128 * unit) * 255 / chroma_span
    ycc = np.concatenate([y[..., None], chroma], axis=-1)
    if layout.cell_lut is not None:
        middle = np.array([0.0, 128.0, 128.0])
        ycc = _mapped(ycc + middle, layout.cell_lut) - middle
    red, blue = LUMA_WEIGHTS[layout.matrix]
    y, cb, cr = np.moveaxis(ycc, -1, 0)
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.asarray(np.clip(np.stack([r, g, b], axis=-1), 0, 255))


def _mapped(values: Floats, lut: npt.NDArray[np.uint8]) -> Floats:
    """Linear interpolation in a cube, axis after axis."""
    n = lut.shape[0]
    position = np.clip(values, 0, 255) * (n - 1) / 255
    low = np.minimum(np.floor(position).astype(int), n - 2)
    part = position - low
    out = np.zeros(values.shape)
    for corner in np.ndindex(2, 2, 2):
        share = np.prod(np.where(np.array(corner) == 1, part, 1 - part), axis=-1)
        index = low + corner
        out += share[..., None] * lut[index[..., 0], index[..., 1], index[..., 2]]
    return out


def fit(
    layout: Layout | None,
    parts: list[Any],
    region: tuple[float, float, float, float],
    size: tuple[int, int],
    wanted: Wanted,
    *,
    quarter_turns: int = 0,
    mirrored: bool = False,
    kind: Literal["area", "cubic"] = "area",
) -> Floats:
    """Tensor of a region, as _core.fit_planes and fit_rgb give it."""
    width, height = _frame_size(layout, parts)
    cols, rows = size[::-1] if quarter_turns % 2 else size
    x = (region[0], (region[2] - region[0]) / cols, cols)
    y = (region[1], (region[3] - region[1]) / rows, rows)
    rgb = display_codes(layout, grid(layout, parts, x, y, kind))
    center_x = x[0] + x[1] * (np.arange(cols) + 0.5)
    center_y = y[0] + y[1] * (np.arange(rows) + 0.5)
    outside_x = (center_x < 0) | (center_x >= width)
    outside_y = (center_y < 0) | (center_y >= height)
    rgb[:, outside_x] = wanted.fill
    rgb[outside_y] = wanted.fill
    shown = np.rot90(rgb, -quarter_turns)
    if mirrored:
        shown = shown[:, ::-1]
    tensor = np.full((wanted.height, wanted.width, 3), wanted.fill)
    tensor[: size[1], : size[0]] = shown
    return wanted.tensor(tensor)


def warp(layout: Layout | None, parts: list[Any], matrix: Floats, wanted: Wanted) -> Floats:
    """Tensor that looks at a picture through a matrix, as _core.warp_planes and warp_rgb do."""
    width, height = _frame_size(layout, parts)
    step_x = max(1.0, np.hypot(matrix[0, 0], matrix[0, 1]) / 2)
    step_y = max(1.0, np.hypot(matrix[1, 0], matrix[1, 1]) / 2)
    cols, rows = int(np.ceil(width / step_x)), int(np.ceil(height / step_y))
    cells = grid(layout, parts, (0, step_x, cols), (0, step_y, rows), "area")
    v, u = np.mgrid[: wanted.height, : wanted.width] + 0.5
    x = (matrix[0, 0] * u + matrix[0, 1] * v + matrix[0, 2]) / step_x
    y = (matrix[1, 0] * u + matrix[1, 1] * v + matrix[1, 2]) / step_y
    share = np.ones_like(x)
    for edge in (x + 0.5, width / step_x - x + 0.5, y + 0.5, height / step_y - y + 0.5):
        share *= np.clip(edge, 0, 1)
    at_x, at_y = np.clip(x - 0.5, 0, cols - 1), np.clip(y - 0.5, 0, rows - 1)
    left, top = np.floor(at_x).astype(int), np.floor(at_y).astype(int)
    right, bottom = np.minimum(left + 1, cols - 1), np.minimum(top + 1, rows - 1)
    part_x, part_y = (at_x - left)[..., None], (at_y - top)[..., None]
    upper = cells[top, left] * (1 - part_x) + cells[top, right] * part_x
    lower = cells[bottom, left] * (1 - part_x) + cells[bottom, right] * part_x
    rgb = display_codes(layout, upper * (1 - part_y) + lower * part_y)
    return wanted.tensor(wanted.fill + share[..., None] * (rgb - wanted.fill))


def _frame_size(layout: Layout | None, parts: list[Any]) -> tuple[int, int]:
    if layout is None:
        return parts[0].shape[1], parts[0].shape[0]
    return layout.width, layout.height
