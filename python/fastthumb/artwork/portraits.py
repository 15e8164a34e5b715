"""Portraits: the best looks at each character as small square pictures, for people to know them.

At most three of a lead, two of a supporting and one of a background character, far apart in
time, of at most twelve characters. They are cut from frames that are decoded again on the way
to the variants' own frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from fastthumb.analysis.reframing import clipped
from fastthumb.artwork.encoding import encode
from fastthumb.artwork.subjects import head_box
from fastthumb.atomic import write_bytes

if TYPE_CHECKING:
    from fastthumb.analysis.characters import Character
    from fastthumb.analysis.tracks import Portrait

Box = tuple[int, int, int, int]

SIDE = 192  # pixels; a smaller face is not enlarged
_QUALITY = 85
_CHARACTERS = 12
_PORTRAITS = {"hero": 3, "heroine": 3, "lead": 3, "supporting": 2, "background": 1}
_APART_SECONDS = 5.0  # portraits of one character, where there are enough
_AROUND_HEAD = 1.12  # side of the square over the longer side of the head
_SAME_BOX = 1e-4  # shares of the picture by which boxes of one face may differ when read back


@dataclass(frozen=True, slots=True)
class PortraitFile:
    """A portrait on disk: its name in the title's folder, its moment, and the face's box there.

    `box` is in shares of the upright full picture.
    """

    file: str
    seconds: float
    pts: int
    box: tuple[float, float, float, float]


class PortraitWriter:
    """Cuts portraits out of the frames that it is shown and writes them into a title's folder.

    `kept` are portraits that are there already: they are taken where they are still wanted.
    """

    def __init__(
        self, characters: Sequence[Character], folder: Path, kept: Sequence[PortraitFile] = ()
    ) -> None:
        self._folder = folder
        self._files: dict[str, list[PortraitFile | None]] = {}
        self._wanted: dict[int, list[tuple[str, int, Portrait]]] = {}
        self._names = {one.file for one in kept}
        ordered = sorted(characters, key=lambda one: (-one.screen_seconds, one.name))
        for character in [one for one in ordered if one.portraits][:_CHARACTERS]:
            chosen = _best(character.portraits, _PORTRAITS[character.role])
            self._files[character.name] = [_found(portrait, kept) for portrait in chosen]
            for number, portrait in enumerate(chosen):
                if self._files[character.name][number] is None:
                    place = (character.name, number, portrait)
                    self._wanted.setdefault(portrait.pts, []).append(place)

    @property
    def wanted_pts(self) -> list[int]:
        """Timestamps of the frames that it needs to see, ascending."""
        return sorted(self._wanted)

    def show(self, pts: int, picture: npt.NDArray[np.uint8], content: Box | None = None) -> None:
        """Write the portraits that this frame is wanted for, if any.

        `picture` is the whole frame, upright, RGB; `content` its part without black bars, in
        pixels. Raises OutputError where a file cannot be written.
        """
        for name, number, portrait in self._wanted.pop(pts, ()):
            left, top, right, bottom = portrait_box(portrait.box, picture.shape[:2], content)
            square = Image.fromarray(np.ascontiguousarray(picture[top:bottom, left:right]))
            if square.width > SIDE:
                square = square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            file = self._free_name(name, number)
            data = encode(np.asarray(square), "jpg", _QUALITY, chroma="4:4:4")
            write_bytes(self._folder / file, data)
            self._files[name][number] = PortraitFile(
                file, portrait.seconds, portrait.pts, portrait.box
            )

    def finish(self) -> dict[str, list[PortraitFile]]:
        """The portraits of each character by name, best first; those that were made."""
        return {
            name: [one for one in files if one is not None] for name, files in self._files.items()
        }

    def _free_name(self, character: str, number: int) -> str:
        """face-01-1.jpg: the character's rank by screen time, the portrait's number."""
        rank = list(self._files).index(character) + 1
        name, more = f"face-{rank:02d}-{number + 1}.jpg", 1
        while name in self._names:
            name, more = f"face-{rank:02d}-{number + 1}-{more}.jpg", more + 1
        self._names.add(name)
        return name


def portrait_box(
    face: tuple[float, float, float, float], shape: tuple[int, ...], content: Box | None = None
) -> Box:
    """The square around the head of a face, in pixels (x0, y0, x1, y1; ends exclusive).

    `face` is in shares of a picture of `shape` (height, width); the square lies within `content`
    (default: the whole picture) and is as large as that allows.
    """
    height, width = shape
    low_x, low_y, high_x, high_y = content or (0, 0, width, height)
    left, top, right, bottom = head_box(face)
    longer = max((right - left) * width, (bottom - top) * height)
    side = int(min(max(_AROUND_HEAD * longer, 1.0), high_x - low_x, high_y - low_y))
    x = round((left + right) / 2 * width - side / 2)
    y = round((top + bottom) / 2 * height - side / 2)
    x = min(max(x, low_x), high_x - side)
    y = min(max(y, low_y), high_y - side)
    return x, y, x + side, y + side


def _best(portraits: Sequence[Portrait], count: int) -> list[Portrait]:
    """The best portraits, far apart in time where there are enough."""
    ordered = sorted(portraits, key=lambda one: (-one.worth, one.pts))
    chosen: list[Portrait] = []
    for apart in (_APART_SECONDS, 0.0):
        for one in ordered:
            near = any(abs(one.seconds - other.seconds) < apart for other in chosen)
            if len(chosen) < count and one not in chosen and not near:
                chosen.append(one)
    return chosen


def _found(portrait: Portrait, kept: Sequence[PortraitFile]) -> PortraitFile | None:
    for one in kept:
        apart = max(abs(a - b) for a, b in zip(one.box, clipped(portrait.box), strict=True))
        if one.pts == portrait.pts and apart <= _SAME_BOX:
            return one
    return None
