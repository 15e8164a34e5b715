"""Sprite sheets for a player's seek bar: small pictures at a steady pace, and their WebVTT index.

The pictures come from the frames that the analysis decodes anyway: parts of the film are sampled
on their own, and the sheets are laid out where the parts are joined. A sheet is written as soon
as it is full, so that memory does not grow with the film.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from fastthumb.artwork.encoding import encode
from fastthumb.atomic import make_folder, write_bytes, write_text
from fastthumb.media.display import display_rgb
from fastthumb.media.source import SourceInfo
from fastthumb.settings import Settings

if TYPE_CHECKING:
    from fastthumb.media.source import Frame

COLUMNS = 10
ROWS = 10
SPRITE_INDEX = "sprites.vtt"
_QUALITY = 80  # as seen at 160 pixels while scrubbing; a sheet of 100 is then some 300 kB

# How much a frame's shape may differ from the tile's before it is fitted in with bars instead of
# being stretched: the rounding of a small tile to whole pixels stays below.
_SHAPE_TOLERANCE = 0.03

# Share of an interval by which a frame may come early through rounding of its seconds.
_ON_THE_DOT = 1e-6


def sprite_rows(seconds: npt.NDArray[np.float64], interval: float) -> npt.NDArray[np.int64]:
    """Which of the frames at these seconds, in the order of a pass, become sprites: ascending."""
    slots = np.floor(seconds / interval + _ON_THE_DOT)
    latest = np.maximum.accumulate(slots)
    return np.flatnonzero(np.diff(latest, prepend=-np.inf) > 0)


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One small picture, uint8 (rows, columns, 3), and the moment of the film that it shows."""

    seconds: float
    picture: npt.NDArray[np.uint8]


class TileSampler:
    """Makes the tile of the first frame of each interval; frames come in order of time."""

    def __init__(self, info: SourceInfo, settings: Settings) -> None:
        self._info, self._interval = info, settings.sprite_interval_seconds
        self._width, self._height = _tile_size(info, settings)
        self._slot: int | None = None
        self._made: list[Tile] = []

    def push(self, frame: Frame) -> None:
        """Take the next frame; all but the first of an interval cost nothing."""
        slot = _interval_of(frame.seconds, self._interval)
        if self._slot is not None and slot <= self._slot:
            return
        self._slot = slot
        picture = display_rgb(frame, self._info, max_long_side=max(self._width, self._height))
        self._made.append(Tile(frame.seconds, self._fitted(picture)))

    def take(self) -> list[Tile]:
        """The tiles made since the last call, in order of time."""
        made, self._made = self._made, []
        return made

    def _fitted(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The picture at exactly the tile's size, with bars where its shape is another one."""
        height, width = picture.shape[:2]
        if (width, height) == (self._width, self._height):
            return picture
        scale = min(self._width / width, self._height / height)
        fitted = (round(width * scale), round(height * scale))
        shape = self._height / self._width
        if abs(height / width - shape) <= _SHAPE_TOLERANCE * shape or min(fitted) < 1:
            fitted = (self._width, self._height)
        image = Image.fromarray(np.ascontiguousarray(picture))
        small = np.asarray(image.resize(fitted, Image.Resampling.BILINEAR, reducing_gap=2.0))
        tile = np.zeros((self._height, self._width, 3), dtype=np.uint8)
        left, top = (self._width - fitted[0]) // 2, (self._height - fitted[1]) // 2
        tile[top : top + fitted[1], left : left + fitted[0]] = small
        return tile


class SpriteCollector:
    """Collects one tile per interval of the film into sheets of 10 by 10.

    Feed it the tiles with `push`, in time order, then call `finish` once. Tiles
    are `sprite_width` pixels wide (never wider than the film) in the film's display shape. Holds
    one sheet in memory.
    """

    def __init__(self, info: SourceInfo, settings: Settings, folder: Path) -> None:
        self._interval = settings.sprite_interval_seconds
        self._folder = folder
        self._width, self._height = _tile_size(info, settings)
        self.restart()

    def restart(self) -> None:
        """Forget all tiles; sheets that are written already are written over."""
        self._sheet: npt.NDArray[np.uint8] | None = None
        self._slots: list[int] = []  # the interval that each tile so far opens
        self._files: list[str] = []
        self._last_seconds = 0.0

    def push(self, tile: Tile) -> None:
        """Take the tile if it is the first of its interval.

        A tile from before the last one taken is passed over. Raises OutputError if a full sheet
        cannot be written.
        """
        slot = _interval_of(tile.seconds, self._interval)
        self._last_seconds = max(self._last_seconds, tile.seconds)
        if self._slots and slot <= self._slots[-1]:
            return
        if self._sheet is None:
            shape = (ROWS * self._height, COLUMNS * self._width, 3)
            self._sheet = np.zeros(shape, dtype=np.uint8)
        column, row = self._place(len(self._slots))
        self._sheet[row : row + self._height, column : column + self._width] = tile.picture
        self._slots.append(slot)
        if len(self._slots) % (COLUMNS * ROWS) == 0:
            self._write_sheet()

    def finish(self, duration_seconds: float | None = None) -> list[str]:
        """Write what is left and the index; returns the names of all files, sprites.vtt last.

        Every moment from the first tile to the end has a tile, also where frames were further
        apart than the interval. The end is `duration_seconds`, or one interval after the last
        tile if the film's length is unknown. Without a single frame nothing is written and the
        list is empty. Raises OutputError if a file cannot be written.
        """
        if not self._slots:
            return []
        if self._sheet is not None:
            self._write_sheet()
        starts = [0.0, *(slot * self._interval for slot in self._slots[1:])]
        if duration_seconds is None:
            duration_seconds = starts[-1] + self._interval
        end = max(duration_seconds, self._last_seconds, starts[-1] + 0.001)
        lines = ["WEBVTT", ""]
        for number, (start, stop) in enumerate(zip(starts, [*starts[1:], end], strict=True)):
            x, y = self._place(number)
            sheet = self._files[number // (COLUMNS * ROWS)]
            lines += [
                f"{_timestamp(start)} --> {_timestamp(stop)}",
                f"{sheet}#xywh={x},{y},{self._width},{self._height}",
                "",
            ]
        write_text(self._folder / SPRITE_INDEX, "\n".join(lines))
        return [*self._files, SPRITE_INDEX]

    def _place(self, number: int) -> tuple[int, int]:
        """Left and top pixel of a tile in its sheet."""
        row, column = divmod(number % (COLUMNS * ROWS), COLUMNS)
        return column * self._width, row * self._height

    def _write_sheet(self) -> None:
        assert self._sheet is not None
        tiles = (len(self._slots) - 1) % (COLUMNS * ROWS) + 1
        rows = math.ceil(tiles / COLUMNS) * self._height
        columns = min(tiles, COLUMNS) * self._width
        name = f"sprites-{len(self._files) + 1:03d}.jpg"
        make_folder(self._folder)
        data = encode(np.ascontiguousarray(self._sheet[:rows, :columns]), "jpg", _QUALITY)
        write_bytes(self._folder / name, data)
        self._files.append(name)
        self._sheet = None


def _tile_size(info: SourceInfo, settings: Settings) -> tuple[int, int]:
    """(width, height) of a tile."""
    width, height = info.display_size
    tile = min(settings.sprite_width, width)
    return tile, max(1, round(height * tile / width))


def _interval_of(seconds: float, interval: float) -> int:
    """Number of the interval that a moment lies in."""
    return math.floor(seconds / interval + _ON_THE_DOT)


def is_sprite(name: str) -> bool:
    """Whether a file of a title's folder is one of its sprites, by its name."""
    return name == SPRITE_INDEX or (name.startswith("sprites-") and name.endswith(".jpg"))


def _timestamp(seconds: float) -> str:
    """Seconds as WebVTT writes them: 01:02:03.450."""
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds / 1000:06.3f}"
