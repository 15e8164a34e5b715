"""Portraits: the best looks at each character as small square pictures, for people to know them.

At most three of a lead, two of a supporting and one of a background character, far apart in
time, of at most twelve characters. They are cut from frames that are at hand anyway, those of the
variants first of all. A few more are decoded again for those who have none yet, the longest on
screen first: to decode one frame takes as long as a tenth of a second of film and more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
_DECODED = 6  # frames at most that are decoded for portraits alone
_AT_HAND = 1.25  # what a look in a frame at hand is worth more than another
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
    `at_hand` are the timestamps of frames that it will be shown at no cost.
    """

    def __init__(
        self,
        characters: Sequence[Character],
        folder: Path,
        kept: Sequence[PortraitFile] = (),
        *,
        at_hand: Collection[int] = (),
    ) -> None:
        self._folder = folder
        self._files: dict[str, list[PortraitFile | None]] = {}
        self._wanted: dict[int, list[tuple[str, int, Portrait]]] = {}
        self._names = {one.file for one in kept}
        ordered = sorted(characters, key=lambda one: (-one.screen_seconds, one.name))
        shown = [one for one in ordered if one.portraits][:_CHARACTERS]
        free = {*at_hand, *(one.pts for one in kept)}
        for character, chosen in zip(shown, _chosen(shown, free), strict=True):
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


def _chosen(characters: Sequence[Character], free: Collection[int]) -> list[list[Portrait]]:
    """The portraits of each character, best first: a first one of everybody, then second ones.

    All from frames that are `free`, but for _DECODED others, shared where they show several.
    """
    at_hand, left = set(free), _DECODED
    chosen: list[list[Portrait]] = [[] for _ in characters]
    for rank in range(max(_PORTRAITS.values())):
        for character, own in zip(characters, chosen, strict=True):
            if len(own) < rank or rank >= _PORTRAITS[character.role]:
                continue
            looks = [one for one in character.portraits if left or one.pts in at_hand]
            best = _next(looks, own, at_hand)
            if best is not None:
                left -= best.pts not in at_hand
                at_hand.add(best.pts)
                own.append(best)
    return chosen


def _next(
    looks: Sequence[Portrait], chosen: Sequence[Portrait], at_hand: Collection[int]
) -> Portrait | None:
    """The best look that is not chosen, far from the chosen ones where there is one."""
    ordered = sorted(
        (one for one in looks if one not in chosen),
        key=lambda one: (-one.worth * (_AT_HAND if one.pts in at_hand else 1.0), one.pts),
    )
    far = (one for one in ordered if all(_apart(one, other) for other in chosen))
    return next(far, ordered[0] if ordered else None)


def _apart(one: Portrait, other: Portrait) -> bool:
    return abs(one.seconds - other.seconds) >= _APART_SECONDS


def _found(portrait: Portrait, kept: Sequence[PortraitFile]) -> PortraitFile | None:
    for one in kept:
        apart = max(abs(a - b) for a, b in zip(one.box, clipped(portrait.box), strict=True))
        if one.pts == portrait.pts and apart <= _SAME_BOX:
            return one
    return None
