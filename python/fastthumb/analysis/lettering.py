"""How much of a picture is lettering: title cards, credits, pages, captions.

Drawn letters differ from photographed and rendered matter in three ways that survive a small
copy of the picture. Their edges are steep or absent, with little in between. They come in rows
of cells that hold rising and falling edges in equal number. And on a card they stand on one
color that fills most of the frame. Each way alone is met in nature (foliage, fences, skies);
together they hardly are. Rows of cells are looked for at two sizes: pages have small letters,
titles laid over a picture have large ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.ramps import ramp

IntArray = npt.NDArray[np.int16]

CELL = 8  # pixels; about the height of a line of text in a picture of 320 pixels

_STEEP = 32  # grey levels between neighbors: the edge of a letter
_LEVEL = 6  # below this, neighbors are of one color
_STEEP_LARGE, _LEVEL_LARGE = 24, 4  # the same in the half-sized picture, whose edges are softer
_RUN, _RUN_LARGE = 2, 3  # cells in a row at least
_SAME_LEVEL = 3  # grey levels on either side that still count as one background
# A card's steep share of its edges lies above .50, a photograph's below .35.
_CARD_EDGES = (0.36, 0.50)
_CARD_BACKGROUND = (0.50, 0.70)
_PAGE = (0.03, 0.12)  # share of the picture in small letters: a few lines, a page
_CAPTION = (0.015, 0.045)  # share of the picture in large letters
_CAPTION_WORTH = 0.5  # letters over a picture spoil it less than letters instead of one
_BYTES_TO_TOP, _TOP = np.uint64(0x0101010101010101), np.uint64(56)


@dataclass(frozen=True, slots=True)
class Lettering:
    """What was found: `text_likeness` 0..1, and the shares that it comes from.

    `one_color` is the share of the picture in its most frequent luma level, give or take 3;
    `small` and `large` the shares in cells that look like letters of that size; `steep` the
    steep share of all edges.
    """

    text_likeness: float
    one_color: float
    small: float
    large: float
    steep: float


def find_lettering(luma: IntArray, across: IntArray, down: IntArray) -> Lettering:
    """Judge how much of a picture is lettering.

    `luma` is (rows, columns), 0..255; `across` and `down` are its `steps`.
    """
    edge = np.maximum(np.abs(across), np.abs(down))
    steep_share = float((edge > _STEEP).mean())
    soft_share = 1.0 - steep_share - float((edge < _LEVEL).mean())
    # The small constant keeps a picture of almost no edges from being judged by three of them.
    steepness = steep_share / (steep_share + soft_share + 0.002)

    counts = np.bincount(luma.ravel(), minlength=256)
    near = np.convolve(counts, np.ones(2 * _SAME_LEVEL + 1), mode="same")
    one_color = float(near.max()) / luma.size

    small = _lettered_share(across, down, _STEEP, _LEVEL, _RUN)
    large = _lettered_share(*steps(_halved(luma)), _STEEP_LARGE, _LEVEL_LARGE, _RUN_LARGE)
    card = ramp(steepness, *_CARD_EDGES) * ramp(one_color, *_CARD_BACKGROUND)
    page = ramp(small, *_PAGE)
    caption = _CAPTION_WORTH * ramp(large, *_CAPTION)
    return Lettering(max(card, page, caption), one_color, small, large, steepness)


def steps(luma: IntArray) -> tuple[IntArray, IntArray]:
    """Differences of every pixel to the one on its left and above; 0 in the first of each."""
    across, down = np.zeros_like(luma), np.zeros_like(luma)
    np.subtract(luma[:, 1:], luma[:, :-1], out=across[:, 1:])
    np.subtract(luma[1:], luma[:-1], out=down[1:])
    return across, down


def _halved(luma: IntArray) -> IntArray:
    """Means of 2 x 2 pixels; an odd last row or column is left out."""
    even = luma[: luma.shape[0] // 2 * 2, : luma.shape[1] // 2 * 2]
    sums = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return sums >> 2


def _lettered_share(across: IntArray, down: IntArray, steep: int, level: int, run: int) -> float:
    """Share of the cells that hold strokes, in rows of at least `run` of them."""
    rows, columns = across.shape[0] // CELL, across.shape[1] // CELL
    if rows == 0 or columns < run:
        return 0.0
    edge = np.maximum(np.abs(across), np.abs(down))
    steeps = _count(edge > steep, rows, columns)
    levels = _count(edge < level, rows, columns)
    softs = CELL * CELL - steeps - levels
    signs = [across > steep, across < -steep, down > steep, down < -steep]
    right, left, below, above = (_count(sign, rows, columns) for sign in signs)
    strokes = (np.minimum(right, left) >= 3) & (np.minimum(below, above) >= 2)
    strokes &= (steeps >= 8) & (levels >= 10) & (steeps > 0.8 * softs)
    starts = strokes[:, : columns - run + 1].copy()
    for shift in range(1, run):
        starts &= strokes[:, shift : columns - run + 1 + shift]
    in_run = np.zeros_like(strokes)
    for shift in range(run):
        in_run[:, shift : columns - run + 1 + shift] |= starts
    return float(in_run.mean())


def _count(mask: npt.NDArray[np.bool_], rows: int, columns: int) -> npt.NDArray[np.int64]:
    """True pixels of every cell, (rows, columns).

    Eight bools are one 64-bit word, and a product with 0x0101... adds its bytes up in the top one.
    """
    words = mask[: rows * CELL, : columns * CELL].view(np.uint64)
    counts = ((words * _BYTES_TO_TOP) >> _TOP).astype(np.int64)
    cells: npt.NDArray[np.int64] = counts.reshape(rows, CELL, columns).sum(axis=1)
    return cells
