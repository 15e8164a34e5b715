"""Frames for the tests of the core: planes of every layout, filled in different ways."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from references import Layout

Planes = list[npt.NDArray[Any]]
Kind = Literal["random", "flat", "gradient", "extremes", "checkerboard", "bars", "moving"]


def pattern(kind: Kind, shape: tuple[int, int], frame: int, rng: np.random.Generator) -> Any:
    """Values 0..1 of `shape`; `frame` is the number of the picture in its little film."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    if kind == "random":
        return rng.random(shape)
    if kind == "flat":
        return np.full(shape, 0.1 + 0.35 * frame)
    if kind == "gradient":
        return (x + y + 9 * frame) % (sum(shape) + 1) / (sum(shape) + 1)
    if kind == "extremes":
        return (rng.random(shape) < 0.5).astype(np.float64)
    if kind == "checkerboard":
        return (x + y + frame) % 2
    if kind == "bars":
        inside = (y >= shape[0] // 5) & (y < shape[0] - shape[0] // 6)
        inside &= (x >= shape[1] // 4) & (x < shape[1] - shape[1] // 7)
        return np.where(inside, 0.3 + 0.5 * rng.random(shape), 0.065)
    waves = np.sin((x - 11 * frame) / 29) + np.cos((y + 5 * frame) / 23) + np.sin((x + y) / 7)
    return (waves + 3) / 6


def planes(
    layout: Layout,
    kind: Kind,
    frame: int = 0,
    *,
    seed: int = 0,
    pad: int = 0,
    over: int = 0,
) -> tuple[tuple[npt.NDArray[Any], ...], tuple[int, ...], Planes]:
    """Buffers and pitches for the core, and the planes in them (Y, Cb, Cr) for the references.

    pad: extra samples at the end of each row but the last; over: what is added to every sample
    of more than 8 bits, to go beyond the depth.
    """
    rng = np.random.default_rng([seed, frame])
    top = 2**layout.bit_depth - 1
    dtype = np.uint8 if layout.bit_depth == 8 else np.uint16

    def component(shape: tuple[int, int]) -> Any:
        values = (
            np.rint(pattern(kind, shape, frame, rng) * top).astype(np.int64) << layout.msb_shift
        )
        return np.minimum(values + (over if layout.bit_depth > 8 else 0), 65535).astype(dtype)

    parts: Planes = [component((layout.height, layout.width))]
    if layout.chroma != "none":
        parts += [component(layout.chroma_shape) for _ in range(2)]
    stored = parts
    if layout.chroma == "interleaved":
        stored = [parts[0], np.stack(parts[1:], axis=-1).reshape(parts[1].shape[0], -1)]
    buffers, pitches = [], []
    for plane in stored:
        padded = np.full((plane.shape[0], plane.shape[1] + pad), 77, dtype)
        padded[:, : plane.shape[1]] = plane
        flat = padded.ravel()
        buffers.append(np.ascontiguousarray(flat[: flat.size - pad]))  # the last row ends early
        pitches.append(padded.strides[0])
    return tuple(buffers), tuple(pitches), parts
