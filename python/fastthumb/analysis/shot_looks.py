"""What a shot shows as a whole: its kind of content, and a small picture of it to compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.shot_fades import BLACK, gloom
from fastthumb.analysis.shot_ticks import (
    COLUMNS,
    LUMA_CELLS,
    ROWS,
    DoubleArray,
    FloatArray,
    TickWindow,
)

Content = Literal["picture", "black", "white", "title-card", "credits"]

MOSTLY = 0.9  # of a shot's ticks that have to be black (or white)
# Lettering: a background of one color, still, with something small on it.
NEAR_LEVELS = 8.0  # luma of a cell that still belongs to the background
CARD_BACKGROUND = 0.6  # of the cells
CARD_EDGE = 0.95  # of the cells along the edge of the picture: lettering keeps away from it
CARD_STEP = 0.6  # mean step of a still card; a fading or sliding caption adds a little
CARD_DETAIL = 20.0  # Laplacian variance: letters have edges, a clear sky has none
CREDITS_BACKGROUND = 0.5  # of the cells, per tick: a column of names fills up to half
CREDITS_LEVEL = 48.0  # credits roll over black or nearly black
CREDITS_TICKS = 48  # 2 s at 24 ticks a second
CREDITS_STEADY = 0.7  # of the ticks that roll the same way; between two names nothing moves
CREDITS_SPEED = 0.4  # least vertical speed, working px a frame; names roll at 0.8 to 2


@dataclass(frozen=True, slots=True)
class Look:
    """Three small pictures of a shot, to find it again: its beginning, its mean and its end.

    `pictures` is uint8 (3, 9, 16, 3): mean Y, Cb, Cr of the usable ticks. 1.3 kB a shot.
    """

    pictures: npt.NDArray[np.uint8]


class ShotLook:
    """Collects the ticks of one shot as they slide by; constant size."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: DoubleArray | None = None
        self._first: FloatArray | None = None
        self._last: FloatArray | None = None
        self._black = self._white = 0
        self._steps = self._detail = self._level = 0.0
        self._speeds: list[float] = []  # the latest vertical speeds of the camera ...
        self._backgrounds: list[float] = []  # ... and shares of the commonest luma, now and then

    def add(self, window: TickWindow, low: int, high: int) -> None:
        """Add the ticks [low, high), by number."""
        rows = slice(max(low - window.base, 0), high - window.base)
        pictures = window.picture[rows]
        if not len(pictures):
            return
        if self._sum is None:
            self._sum, self._first = np.zeros(pictures.shape[1]), pictures[0].copy()
        self._sum += pictures.sum(axis=0, dtype=np.float64)
        self._last = pictures[-1].copy()
        # The step into a shot's first tick belongs to the edit.
        self._steps += float(window.step[rows][0 if self.count else 1 :].sum())
        self.count += len(pictures)
        black, white = gloom(window.flatness[rows], window.level[rows])
        self._black += int((black <= BLACK).sum())
        self._white += int((white <= BLACK).sum())
        self._detail += float(window.detail[rows].sum())
        self._level += float(window.level[rows].sum())
        luma = self._last[:LUMA_CELLS] * LUMA_CELLS
        common = np.partition(luma, LUMA_CELLS // 2)[
            LUMA_CELLS // 2
        ]  # np.median takes five times as long
        self._backgrounds.append(
            np.count_nonzero(np.abs(luma - common) <= NEAR_LEVELS) / LUMA_CELLS
        )
        camera = window.camera[rows]
        self._speeds += np.where(np.abs(camera[:, 0]) < CREDITS_SPEED, camera[:, 1], 0.0).tolist()
        del self._speeds[: -4 * CREDITS_TICKS], self._backgrounds[: -4 * CREDITS_TICKS]

    def look(self) -> Look:
        """The shot's three small pictures; black ones for a shot without usable ticks."""
        if self._sum is None or self._first is None or self._last is None:
            return Look(np.zeros((3, ROWS, COLUMNS, 3), np.uint8))
        mean = (self._sum / self.count).astype(np.float32)
        return Look(np.stack([_small(rows) for rows in (self._first, mean, self._last)]))

    def content(self) -> Content:
        """What kind of picture the shot is, as far as its signals tell."""
        if self._sum is None or not self.count:
            return "picture"
        if self._black >= MOSTLY * self.count:
            return "black"
        if self._white >= MOSTLY * self.count:
            return "white"
        if self._rolls():
            return "credits"
        luma = (self._sum[:LUMA_CELLS] * LUMA_CELLS / self.count).reshape(ROWS, COLUMNS)
        near = np.abs(luma - np.median(luma)) <= NEAR_LEVELS
        edge = np.concatenate([near[0], near[-1], near[1:-1, 0], near[1:-1, -1]])
        still = self._steps / max(1, self.count - 1) <= CARD_STEP
        lettered = self._detail / self.count >= CARD_DETAIL and not near.all()
        if still and lettered and near.mean() >= CARD_BACKGROUND and edge.mean() >= CARD_EDGE:
            return "title-card"
        return "picture"

    def _rolls(self) -> bool:
        """Whether lettering moves up or down over a dark flat background."""
        if len(self._speeds) < CREDITS_TICKS or self._level / self.count > CREDITS_LEVEL:
            return False
        if np.mean(self._backgrounds) < CREDITS_BACKGROUND:
            return False
        speeds = np.array(self._speeds)
        moving = speeds[np.abs(speeds) >= CREDITS_SPEED]
        if len(moving) < CREDITS_STEADY * len(speeds):
            return False
        up = int((moving < 0).sum())
        return max(up, len(moving) - up) >= CREDITS_STEADY * len(speeds)


def _small(picture: FloatArray) -> npt.NDArray[np.uint8]:
    """uint8 (9, 16, 3) of a picture row of TickWindow."""
    small = np.empty((ROWS, COLUMNS, 3), np.float32)
    small[..., 0] = picture[:LUMA_CELLS].reshape(ROWS, COLUMNS) * LUMA_CELLS
    chroma = picture[LUMA_CELLS:].reshape(ROWS, COLUMNS // 2, 2) * (LUMA_CELLS / 2)
    small[..., 1:] = chroma.repeat(2, axis=1)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)
