"""Each signal of the core again in NumPy, written from its formula.

The chain is cut where the core rounds: what it rounds to 8 bits (working luma, cells) is restated
in float64, and whatever is computed from those bytes is restated from the same bytes, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LUMA_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
RGB_TO_XYZ = np.array(  # BT.709 primaries, D65
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


@dataclass(frozen=True)
class Layout:
    """The arguments of _core.FrameLayout."""

    width: int
    height: int
    chroma_shift_x: int = 1
    chroma_shift_y: int = 1
    bit_depth: int = 8
    msb_shift: int = 0
    chroma: Literal["planar", "interleaved", "none"] = "planar"
    full_range: bool = False
    matrix: str = "bt709"
    fields: int = 1
    luma_curve: Bytes | None = None
    cell_lut: Bytes | None = None

    def arguments(self) -> dict[str, Any]:
        names = [name for name in self.__dataclass_fields__ if name not in ("width", "height")]
        return {name: getattr(self, name) for name in names}

    def with_(self, **changes: Any) -> Layout:
        return replace(self, **changes)

    @property
    def chroma_shape(self) -> tuple[int, int]:
        """Rows and columns of one chroma component of the whole frame."""
        return -(-self.height // 2**self.chroma_shift_y), -(-self.width // 2**self.chroma_shift_x)


@dataclass(frozen=True)
class Geometry:
    """Sizes of the working picture and its cells; boxes are (rows, columns)."""

    luma_box: tuple[int, int]
    working: tuple[int, int]
    cell: tuple[int, int]
    cells: tuple[int, int]
    chroma_box: tuple[int, int]


def geometry(layout: Layout) -> Geometry:
    factor = max(1, min(layout.width, layout.height) // 360)
    rows, box_rows, box_cols = layout.height, factor, factor
    if layout.fields == 2:
        rows = -(-rows // 2)
        box_rows = (factor + 1) // 2
        box_cols = 2 * min(box_rows, rows)
    box = min(box_rows, rows), min(box_cols, layout.width)
    working = rows // box[0], layout.width // box[1]
    cell = min(4, working[0]), min(4, working[1])
    cells = working[0] // cell[0], working[1] // cell[1]
    chroma_rows, chroma_cols = layout.chroma_shape
    if layout.fields == 2:
        chroma_rows = -(-chroma_rows // 2)
    chroma_box = (
        min(-(-cell[0] * box[0] // 2**layout.chroma_shift_y), chroma_rows),
        min(-(-cell[1] * box[1] // 2**layout.chroma_shift_x), chroma_cols),
    )
    return Geometry(box, working, cell, cells, chroma_box)


def code_values(plane: Samples, layout: Layout) -> Ints:
    """Samples as the stream means them: first field, unused bits off, not above the depth."""
    values = plane.astype(np.int64)[:: layout.fields] >> layout.msb_shift
    clipped: Ints = np.minimum(values, 2**layout.bit_depth - 1)
    return clipped


def box_means(values: Ints | Bytes, box: tuple[int, int], shape: tuple[int, int]) -> Floats:
    """Means of boxes (rows, columns) from the top left, `shape` of them."""
    used = values[: box[0] * shape[0], : box[1] * shape[1]].astype(np.float64)
    means: Floats = used.reshape(shape[0], box[0], shape[1], box[1]).mean(axis=(1, 3))
    return means


def working_luma(plane: Samples, layout: Layout) -> Floats:
    """Full-range luma before rounding; with a curve, the code values it is asked for."""
    shape = geometry(layout)
    means = box_means(code_values(plane, layout), shape.luma_box, shape.working)
    if layout.luma_curve is not None:
        return means
    step = 2.0 ** (layout.bit_depth - 8)
    expanded: Floats = np.clip((means - 16 * step) * 255 / (219 * step), 0, 255)
    if layout.full_range:
        expanded = means * 255 / (2**layout.bit_depth - 1)
    return expanded


def cell_luma(luma: Bytes, layout: Layout) -> Bytes:
    """Rounded means, half up, of the working luma."""
    shape = geometry(layout)
    area = shape.cell[0] * shape.cell[1]
    sums = box_means(luma, shape.cell, shape.cells) * area
    return ((np.rint(sums).astype(np.int64) + area // 2) // area).astype(np.uint8)


def cell_chroma(component: Samples, layout: Layout) -> Floats:
    """Full-range chroma around 128 before rounding."""
    shape = geometry(layout)
    means = box_means(code_values(component, layout), shape.chroma_box, shape.cells)
    step = 2.0 ** (layout.bit_depth - 8)
    scale = 255 / (2**layout.bit_depth - 1) if layout.full_range else 255 / (224 * step)
    expanded: Floats = np.clip((means - 128 * step) * scale + 128, 0, 255)
    return expanded


def mapped_cells(cells: Bytes, lut: Bytes) -> Floats:
    """Trilinear look-up of (Y, Cb, Cr) before rounding."""
    steps = lut.shape[0] - 1
    place = cells.astype(np.float64) * steps / 255
    low = np.minimum(place.astype(np.int64), steps - 1)
    part = place - low
    out = np.zeros(cells.shape)
    for corner in np.ndindex(2, 2, 2):
        weight = np.ones(cells.shape[:2])
        for axis in range(3):
            weight *= part[..., axis] if corner[axis] else 1 - part[..., axis]
        at = [low[..., axis] + corner[axis] for axis in range(3)]
        out += weight[..., None] * lut[at[0], at[1], at[2]]
    return out


def lab(cells: Bytes | Floats, matrix: str) -> tuple[Floats, Floats, Floats]:
    """CIELAB L, a, b of full-range cells: the stream's matrix, sRGB transfer, BT.709, D65."""
    y, cb, cr = (cells[..., i].astype(np.float64) for i in range(3))
    red, blue = LUMA_WEIGHTS[matrix]
    r = y + 2 * (1 - red) * (cr - 128)
    b = y + 2 * (1 - blue) * (cb - 128)
    g = (y - red * r - blue * b) / (1 - red - blue)
    v = np.clip(np.stack([r, g, b], axis=-1) / 255, 0, 1)
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    t = linear @ (RGB_TO_XYZ / RGB_TO_XYZ.sum(axis=1, keepdims=True)).T
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return 116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])


def luma_statistics(luma: Bytes) -> dict[str, Any]:
    histogram = np.bincount(luma.ravel(), minlength=256)
    shares = histogram[histogram > 0] / luma.size
    return {
        "luma_mean": luma.mean(dtype=np.float64),
        "luma_std": luma.std(dtype=np.float64),
        "entropy": float(-(shares * np.log2(shares)).sum()),
        "dark_share": float((luma <= 24).mean()),
        "bright_share": float((luma >= 250).mean()),
        "luma_histogram": histogram,
        "laplacian_variance": laplacian_variance(luma),
    }


def laplacian_variance(luma: Bytes) -> float:
    if min(luma.shape) < 3:
        return 0.0
    v = luma.astype(np.int64)
    around = v[:-2, 1:-1] + v[2:, 1:-1] + v[1:-1, :-2] + v[1:-1, 2:]
    return float((4 * v[1:-1, 1:-1] - around).var())


def bars(luma: Bytes) -> dict[str, int]:
    """Black border: no pixel of a line above 40, its mean not above 24; none in a black picture."""

    def lines(axis: int) -> tuple[int, int]:
        black = (luma.max(axis=axis) <= 40) & (luma.mean(axis=axis) <= 24)
        if black.all():
            return 0, 0
        return int(np.argmin(black)), int(np.argmin(black[::-1]))

    top, bottom = lines(1)
    left, right = lines(0)
    all_rows_black = ((luma.max(axis=1) <= 40) & (luma.mean(axis=1) <= 24)).all()
    if all_rows_black:
        left = right = 0
    return {"bar_top": top, "bar_bottom": bottom, "bar_left": left, "bar_right": right}


def grid(cells: Bytes) -> Floats:
    """Mean cells in 18 x 32 buckets; where there are fewer cells, the one the bucket begins in."""

    def spans(buckets: int, count: int) -> list[slice]:
        starts = [i * count // buckets for i in range(buckets + 1)]
        return [slice(a, max(a + 1, b)) for a, b in pairwise(starts)]

    rows, cols = spans(18, cells.shape[0]), spans(32, cells.shape[1])
    return np.array([[cells[r, c].mean(axis=(0, 1)) for c in cols] for r in rows])


def chroma_histogram(cells: Bytes) -> Ints:
    return np.stack([np.bincount(cells[..., c].ravel() // 4, minlength=64) for c in (1, 2)])


# ---- motion -----------------------------------------------------------------------------------


def profile_shift(before: Ints, now: Ints) -> int:
    """The shift that brings one profile onto the other, at most 24 or a quarter of its length."""
    before, now = (p - p.sum() // len(p) for p in (before, now))
    reach = min(24, len(now) // 4)
    shifts = sorted(range(-reach, reach + 1), key=lambda s: (abs(s), s))

    def mean_difference(s: int) -> tuple[int, int]:
        count = len(now) - abs(s)
        a = now[max(0, s) : max(0, s) + count]
        b = before[max(0, -s) : max(0, -s) + count]
        return int(np.abs(a - b).sum()), count

    best = shifts[0]
    best_sum, best_count = mean_difference(best)
    for s in shifts[1:]:
        total, count = mean_difference(s)
        if total * best_count < best_sum * count:
            best, best_sum, best_count = s, total, count
    return best


def block_motion(before: Bytes, now: Bytes) -> dict[str, float]:
    """Motion of the cell luma, from the rules in signals.hpp, Note [block motion]."""
    old, new = before.astype(np.int64), now.astype(np.int64)
    rows, cols = new.shape
    block = min(8, rows), min(8, cols)
    blocks = rows // block[0], cols // block[1]
    area = block[0] * block[1]
    padded = np.pad(old, 27, mode="edge")
    guess_x = profile_shift(old.sum(axis=0), new.sum(axis=0))
    guess_y = profile_shift(old.sum(axis=1), new.sum(axis=1))

    def per_block(values: Ints) -> Ints:
        used = values[: block[0] * blocks[0], : block[1] * blocks[1]]
        sums: Ints = used.reshape(blocks[0], block[0], blocks[1], block[1]).sum(axis=(1, 3))
        return sums

    def difference(dx: int, dy: int) -> Ints:
        moved = padded[27 - dy : 27 - dy + rows, 27 - dx : 27 - dx + cols]
        return per_block(np.abs(new - moved))

    windows = [(0, 0, 3, area)]
    if max(abs(guess_x), abs(guess_y)) > 1:
        windows.append((guess_x, guess_y, 2, area // 2))
    sums = {}
    best_cost = difference(0, 0)
    choice = np.zeros((*blocks, 3), dtype=np.int64)  # window, dx, dy
    for w, (center_x, center_y, reach, penalty) in enumerate(windows):
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                sums[w, dx, dy] = difference(center_x + dx, center_y + dy)
                cost = sums[w, dx, dy] + penalty + area * (abs(dx) + abs(dy)) // 16
                better = cost < best_cost
                best_cost = np.where(better, cost, best_cost)
                choice[better] = w, dx, dy

    lengths, differences, textured = [], [], []
    for at in np.ndindex(*blocks):
        w, dx, dy = (int(i) for i in choice[at])
        center_x, center_y, reach, _ = windows[w]
        whole = int(sums[w, dx, dy][at])
        vector = [16 * (center_x + dx), 16 * (center_y + dy)]
        shows = vector != [0, 0]
        for axis, (offset, step) in enumerate([(dx, (1, 0)), (dy, (0, 1))]):
            if abs(offset) == reach:
                continue
            less = int(sums[w, dx - step[0], dy - step[1]][at])
            more = int(sums[w, dx + step[0], dy + step[1]][at])
            edge = max(less, more) - whole
            if edge >= 2 * area:
                shows = True
                vector[axis] += max(-8, min(8, int(8 * (less - more) / edge)))
        y0, x0 = at[0] * block[0], at[1] * block[1]
        here = new[y0 : y0 + block[0], x0 : x0 + block[1]]
        matched = bilinear(padded, 16 * (y0 + 27) - vector[1], 16 * (x0 + 27) - vector[0], block)
        differences.append(min(whole, int(np.abs(here - matched).sum())))
        lengths.append(np.hypot(vector[0], vector[1]) / 4)
        if shows:
            textured.append((vector[0] / 4, vector[1] / 4))
    voters = np.array(textured).reshape(-1, 2)
    camera = np.zeros(2)
    if len(voters):
        camera = np.sort(voters, axis=0)[(len(voters) - 1) // 2]
    spread = np.hypot(*(voters - camera).T).mean() if len(voters) else 0.0
    return {
        "motion": float(np.mean(lengths)),
        "camera_x": float(camera[0]),
        "camera_y": float(camera[1]),
        "motion_spread": float(spread),
        "compensated_difference": sum(differences) / (len(differences) * area),
    }


def bilinear(picture: Ints, y16: int, x16: int, shape: tuple[int, int]) -> Ints:
    """Rounded picture values from (y16, x16), in sixteenths, onward."""
    y, below = divmod(y16, 16)
    x, right = divmod(x16, 16)
    p = picture[y : y + shape[0] + 1, x : x + shape[1] + 1]
    top = p[:-1, :-1] * (16 - right) + p[:-1, 1:] * right
    bottom = p[1:, :-1] * (16 - right) + p[1:, 1:] * right
    return (top * (16 - below) + bottom * below + 128) // 256
