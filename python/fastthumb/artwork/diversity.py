"""Difference: how alike pictures are, and which few of them stand for all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_UNRELATED = 0.45  # cosine of pictures that have nothing in common
_LOOKS, _SCENE, _TIME = 0.6, 0.2, 0.2
_PAN_ROWS, _PAN_COLUMNS = 3, 4  # cells of the layout by which a pan may have moved it


class FacilityLocation:
    """Grows a set of picks by quality and by how well the set represents all pictures.

    The value of a set S of columns is

        F(S) = (1 - diversity) * sum_{j in S} quality_j / count
               + diversity * sum_i weight_i * max_{j in S} similarity_ij

    `similarity` is (pictures, columns), 0..1; `weights` (pictures,), summing to 1; `quality`
    (columns,), 0..1; `count` the number of picks wanted. F is monotone and submodular.
    """

    def __init__(
        self,
        similarity: FloatArray,
        weights: FloatArray,
        quality: FloatArray,
        *,
        count: int,
        diversity: float,
    ) -> None:
        self._similarity = similarity
        self._weights = weights * np.float32(diversity)
        self._worth = quality * np.float32((1.0 - diversity) / count)
        self._covered = np.zeros(len(similarity), dtype=np.float32)

    def gains(self) -> FloatArray:
        """What adding each column would add to F, (columns,)."""
        more = np.maximum(self._similarity - self._covered[:, None], 0.0)
        gains: FloatArray = self._worth + self._weights @ more
        return gains

    def add(self, column: int) -> None:
        """Take a column into the set."""
        np.maximum(self._covered, self._similarity[:, column], out=self._covered)


def similarity(looks: FloatArray, scenes: npt.NDArray[np.bool_], near: FloatArray) -> FloatArray:
    """How well one picture stands for another, 0..1: mostly by looks, then by scene and time.

    `looks` are cosines of descriptors; `scenes` says whether both are of one scene; `near` is 1
    at one time and falls to 0.
    """
    alike = np.clip((looks - _UNRELATED) / (1.0 - _UNRELATED), 0.0, 1.0)
    mixed: FloatArray = (_LOOKS * alike + _SCENE * scenes + _TIME * near).astype(np.float32)
    return mixed


def layout_difference(
    layout: npt.NDArray[np.int16], others: npt.NDArray[np.int16]
) -> npt.NDArray[np.float64]:
    """How much the layouts of other pictures differ from one, the best small pan taken off.

    `layout` is (rows, columns, 3), `others` (n, rows, columns, 3), both signed; returns (n,)
    mean absolute differences over what both pictures show.
    """
    rows, columns = layout.shape[:2]
    least = np.full(len(others), np.inf)
    for down in range(-_PAN_ROWS, _PAN_ROWS + 1):
        here_rows, there_rows = _overlap(rows, down)
        for across in range(-_PAN_COLUMNS, _PAN_COLUMNS + 1):
            here_columns, there_columns = _overlap(columns, across)
            here = layout[here_rows, here_columns]
            there = others[:, there_rows, there_columns]
            least = np.minimum(least, np.abs(there - here).mean(axis=(1, 2, 3)))
    return least


def _overlap(length: int, shift: int) -> tuple[slice, slice]:
    """Where a line and the same line moved by `shift` show the same."""
    first, last = max(shift, 0), length + min(shift, 0)
    return slice(first, last), slice(first - shift, last - shift)
