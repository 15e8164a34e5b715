"""Difference: how alike pictures are, and which few of them stand for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from fastthumb.artwork.scoring import Scored

FloatArray = npt.NDArray[np.float32]

_UNRELATED = 0.45  # cosine of pictures that have nothing in common
_LOOKS, _SCENE, _TIME = 0.6, 0.2, 0.2
_CONTENT_UNRELATED = 0.30  # the same of the embeddings of a network
_SEEN = 0.4  # of the likeness is what networks saw, where they looked: its parts are
_CONTENT, _PEOPLE, _COMPOSITION = 0.4, 0.4, 0.2
_BALANCE = 0.05  # what the first picture of solo, of duo and of ensemble adds
_BALANCED = ("solo", "duo", "ensemble")
_PAN_ROWS, _PAN_COLUMNS = 3, 4  # cells of the layout by which a pan may have moved it


class FacilityLocation:
    """Grows a set of picks by quality and by how well the set represents all pictures.

    The value of a set S of columns is

        F(S) = (1 - diversity) * sum_{j in S} quality_j / count
               + diversity * sum_i weight_i * max_{j in S} similarity_ij
               + 0.05 * sum_kind sqrt(|{j in S: kind_j = kind}|)

    `similarity` is (pictures, columns), 0..1; `weights` (pictures,), summing to 1; `quality`
    (columns,), 0..1; `count` the number of picks wanted; `kinds` says of each column whether it
    is solo, duo or ensemble (anything else, and columns without a kind, are not balanced). F is
    monotone and submodular: a root of a count grows by less each time.
    """

    def __init__(
        self,
        similarity: FloatArray,
        weights: FloatArray,
        quality: FloatArray,
        *,
        count: int,
        diversity: float,
        kinds: Sequence[str | None] = (),
    ) -> None:
        self._similarity = similarity
        self._weights = weights * np.float32(diversity)
        self._worth = quality * np.float32((1.0 - diversity) / count)
        self._covered = np.zeros(len(similarity), dtype=np.float32)
        order = {kind: position for position, kind in enumerate(_BALANCED)}
        self._kind = np.array([order.get(kind or "", -1) for kind in kinds], dtype=np.int64)
        self._counts = np.zeros(len(_BALANCED))

    def gains(self) -> FloatArray:
        """What adding each column would add to F, (columns,)."""
        more = np.maximum(self._similarity - self._covered[:, None], 0.0)
        gains: FloatArray = self._worth + self._weights @ more
        if len(self._kind):
            each = _BALANCE * (np.sqrt(self._counts + 1.0) - np.sqrt(self._counts))
            gains += np.where(self._kind >= 0, each[self._kind], 0.0).astype(np.float32)
        return gains

    def add(self, column: int) -> None:
        """Take a column into the set."""
        np.maximum(self._covered, self._similarity[:, column], out=self._covered)
        if len(self._kind) and self._kind[column] >= 0:
            self._counts[self._kind[column]] += 1.0


def likeness(scored: Sequence[Scored], columns: int) -> FloatArray | None:
    """How alike pictures are in what networks saw, (pictures, columns) 0..1.

    By the content (embeddings), by the characters that they show, and by composition. None
    where no network looked. What is missing of one picture is alike to nothing.
    """
    kinds = [one.classified for one in scored]
    if not any(kind is not None and kind.people is not None for kind in kinds):
        return None
    total = np.zeros((len(scored), min(columns, len(scored))), dtype=np.float32)
    weight = 0.0
    embeddings = [one.candidate.contents.embedding for one in scored]
    if all(embedding is not None for embedding in embeddings):
        vectors = np.stack([embedding for embedding in embeddings if embedding is not None])
        cosines = vectors @ vectors[:columns].T
        unrelated = np.float32(_CONTENT_UNRELATED)
        total += np.float32(_CONTENT) * np.clip((cosines - unrelated) / (1.0 - unrelated), 0.0, 1.0)
        weight += _CONTENT
    sides = [_shows(kind.characters, kind.people) if kind is not None else () for kind in kinds]
    total += np.float32(_PEOPLE) * _overlaps(sides, columns)
    compositions = [(kind.composition or "") if kind is not None else "" for kind in kinds]
    framed = np.array(compositions)
    same = (framed[:, None] == framed[None, :columns]) & (framed != "")[:, None]
    total += np.float32(_COMPOSITION) * same
    return total / np.float32(weight + _PEOPLE + _COMPOSITION)


def similarity(
    looks: FloatArray,
    scenes: npt.NDArray[np.bool_],
    near: FloatArray,
    seen: FloatArray | None = None,
) -> FloatArray:
    """How well one picture stands for another, 0..1: mostly by looks, then by scene and time.

    `looks` are cosines of descriptors; `scenes` says whether both are of one scene; `near` is 1
    at one time and falls to 0; `seen` is their `likeness`, which takes two fifths of the looks.
    """
    alike = np.clip((looks - _UNRELATED) / (1.0 - _UNRELATED), 0.0, 1.0)
    if seen is not None:
        alike = (1.0 - _SEEN) * alike + _SEEN * seen
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


def _shows(characters: Sequence[str], people: str | None) -> tuple[str, ...]:
    """What stands for the people of a picture: names, else how many there are."""
    return tuple(characters) or ((f"({people})",) if people else ())


def _overlaps(shown: Sequence[tuple[str, ...]], columns: int) -> FloatArray:
    """Cosine between the sets of people that pictures show."""
    order = {name: at for at, name in enumerate(sorted({n for names in shown for n in names}))}
    sets = np.zeros((len(shown), max(len(order), 1)), dtype=np.float32)
    for row, names in enumerate(shown):
        for name in names:
            sets[row, order[name]] = 1.0 / np.sqrt(len(names))
    overlaps: FloatArray = sets @ sets[:columns].T
    return overlaps


def _overlap(length: int, shift: int) -> tuple[slice, slice]:
    """Where a line and the same line moved by `shift` show the same."""
    first, last = max(shift, 0), length + min(shift, 0)
    return slice(first, last), slice(first - shift, last - shift)
