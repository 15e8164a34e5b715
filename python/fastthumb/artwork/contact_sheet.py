"""contact-sheet.jpg: all variants of a title on one page, best first, to be judged at a glance."""

from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from fastthumb.artwork.encoding import encode
from fastthumb.artwork.labels import clock, counted, seen_in, spoken, title_name
from fastthumb.atomic import write_bytes
from fastthumb.errors import OutputError
from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.records import TitleRecord, Variant

CONTACT_SHEET = "contact-sheet.jpg"

_QUALITY = 88
_PAGE_WIDTH = 1800
_MARGIN = 72
_GAP = 36
_LEAST_ROOM = 60  # pixels for who is in a picture; with less nobody is named
_AT_ONCE = 4  # pictures that are read at once; Pillow lets other threads run meanwhile
_REASON_LINES = 3  # at most; a longer one ends in …

# A neutral dark ground: colors of the pictures are judged best on gray.
_GROUND = (20, 20, 20)
_CELL = (30, 30, 30)
_INK = (240, 239, 236)
_MUTED = (160, 158, 153)
_TRACK = (58, 58, 57)
_MARK = (255, 106, 82)

# Fonts that many systems have, for titles in scripts that Pillow's own font lacks.
_OTHER_FONTS = (
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "msyh.ttc",
    "meiryo.ttc",
    "arial.ttf",
)

_PLAIN_SIGNS = str.maketrans({"–": "-", "—": "-", "×": "x", "\u00a0": " "})

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class _Cell:
    """Where a picture goes: its box on the page, and how large its caption is set."""

    left: int
    top: int
    width: int
    height: int
    scale: float


def write_contact_sheet(record: TitleRecord, folder: Path, kept: Path | None = None) -> Path:
    """Write contact-sheet.jpg into the title's folder and return its path.

    Shows the title, its length, shots and size, and each variant's picture with rank, scene
    type, who is in it, time, quality and reason. Pictures that are not in `folder` are read from
    `kept`. Raises OutputError if a variant's picture cannot be read or the sheet cannot be
    written.
    """
    places = [place for place in (folder, kept) if place is not None]
    sheet = _draw(record, places)
    path = folder / CONTACT_SHEET
    write_bytes(path, encode(np.asarray(sheet), "jpg", _QUALITY, chroma="4:4:4"))
    return path


def _draw(record: TitleRecord, places: Sequence[Path]) -> Image.Image:
    variants = sorted(record.variants, key=lambda variant: variant.variant)
    cells, page_bottom = _layout(variants, top=_MARGIN + 150)
    page = Image.new("RGB", (_PAGE_WIDTH, page_bottom + _MARGIN), _GROUND)
    draw = ImageDraw.Draw(page)
    _draw_heading(draw, record)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        files = [_found(variant.file, places) for variant in variants]
        pictures = pool.map(_picture, files, [(cell.width, cell.height) for cell in cells])
    for variant, cell, picture in zip(variants, cells, pictures, strict=True):
        page.paste(Image.new("RGB", (cell.width, cell.height), _CELL), (cell.left, cell.top))
        left = cell.left + (cell.width - picture.width) // 2
        top = cell.top + (cell.height - picture.height) // 2
        page.paste(picture, (left, top))
        _draw_caption(draw, variant, cell)
    return page


def _draw_heading(draw: ImageDraw.ImageDraw, record: TitleRecord) -> None:
    source = record.source
    name, room = title_name(record), _PAGE_WIDTH - 2 * _MARGIN
    size = next((size for size in (60, 52, 44) if _length(name, size) <= room), 38)
    _write(draw, (_MARGIN, _MARGIN + 52), _shortened(name, size, room), _INK, size)
    facts = [
        *([clock(source.duration_seconds)] if source.duration_seconds is not None else []),
        counted(len(record.shots), "shot"),
        counted(len(record.variants), "variant"),
        f"{source.display_width} × {source.display_height}",
    ]
    _write(draw, (_MARGIN, _MARGIN + 106), "   ·   ".join(facts), _MUTED, 26)


def _draw_caption(draw: ImageDraw.ImageDraw, variant: Variant, cell: _Cell) -> None:
    """Quality as a line under the picture; then rank, scene type, who, time, quality; then why."""
    left, right = cell.left, cell.left + cell.width
    top = cell.top + cell.height + 6
    draw.rectangle((left, top, right - 1, top + 3), _TRACK)
    quality_px = round(cell.width * variant.quality_score)
    if quality_px:
        draw.rectangle((left, top, left + quality_px - 1, top + 3), _MARK)

    size = round(24 * cell.scale)
    baseline = top + round(14 + 24 * cell.scale)
    figures = f"{clock(variant.timestamp, tenths=True)}   {variant.quality_score:.2f}"
    _write(draw, (right, baseline), figures, _MUTED, size, right=True)
    rank = f"{variant.variant}"
    _write(draw, (left, baseline), rank, _MARK, size)
    indent = round(_length(rank, size) + 14 * cell.scale)
    room = cell.width - indent - round(_length(figures, size)) - 20
    kind = _shortened(spoken(variant.scene_type), size, room)
    _write(draw, (left + indent, baseline), kind, _INK, size)
    used = round(_length(kind, size) + 10 * cell.scale)
    if (who := seen_in(variant)) and room - used >= _LEAST_ROOM * cell.scale:
        _write(
            draw, (left + indent + used, baseline), _shortened(who, size, room - used), _MUTED, size
        )

    size = _reason_size(cell.scale)
    for line in _wrapped(variant.reason, size, cell.width):
        baseline += round(size * 1.4)
        _write(draw, (left, baseline), line, _MUTED, size)


def _reason_size(scale: float) -> int:
    return round(19 * scale)


def _layout(variants: Sequence[Variant], top: int) -> tuple[list[_Cell], int]:
    """A cell per variant and the page's lowest edge: the best one large, the others in a grid."""
    shape = _shape(variants)
    columns = 3 if shape >= 1.2 else 4 if shape >= 0.8 else 5
    large = len(variants) > columns
    room = _PAGE_WIDTH - 2 * _MARGIN
    width = (room - (columns - 1) * _GAP) // columns
    if not large and shape >= 1.2 and variants:
        columns = len(variants)
        width = (room - (columns - 1) * _GAP) // columns
    height = max(1, round(width / shape))
    size = _reason_size(1.0)
    reason_lines = max((len(_wrapped(v.reason, size, width)) for v in variants), default=0)
    row_height = height + 56 + round(reason_lines * size * 1.4) + _GAP

    spots = [(column, row) for row in range(len(variants) + 2) for column in range(columns)]
    if large:
        spots = [(0, 0), *(spot for spot in spots if spot[0] > 1 or spot[1] > 1)]
    cells = []
    for number, (column, row) in enumerate(spots[: len(variants)]):
        left, cell_top = _MARGIN + column * (width + _GAP), top + row * row_height
        if large and number == 0:
            wide = 2 * width + _GAP
            cells.append(_Cell(left, cell_top, wide, max(1, round(wide / shape)), 1.5))
        else:
            cells.append(_Cell(left, cell_top, width, height, 1.0))
    rows = max((row for _, row in spots[: len(variants)]), default=-1) + 1
    if large:
        rows = max(rows, 2)
    return cells, top + rows * row_height - _GAP


def _shape(variants: Sequence[Variant]) -> float:
    """Width over height that all cells get: that of the best variant, within 1:3 and 4:1."""
    if not variants or not variants[0].files:
        return 16 / 9
    return min(max(variants[0].files[0].width / variants[0].files[0].height, 1 / 3), 4.0)


def _found(name: str, places: Sequence[Path]) -> Path:
    """The file of this name in the first place that has it; in the first where none has."""
    paths = [place / name for place in places]
    return next((path for path in paths if path.exists()), paths[0])


def _picture(path: Path, room: tuple[int, int]) -> Image.Image:
    """The picture in its own shape, as large as `room` (width, height) allows."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", room)  # lets the JPEG decoder leave out what is not needed
            scale = min(room[0] / image.width, room[1] / image.height)
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            rgb = image.convert("RGB")
            return rgb.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    except (OSError, UnidentifiedImageError) as exc:
        reason = getattr(exc, "strerror", None) or "it is no picture"
        raise OutputError(
            f"{printable(path)}: the variant's picture cannot be read ({reason}); "
            "run again with --force to make it anew"
        ) from exc


@functools.lru_cache(maxsize=256)  # asked for when the page is laid out, and when it is drawn
def _wrapped(text: str, size: int, room: float, *, lines: int = _REASON_LINES) -> tuple[str, ...]:
    """The text in at most `lines` lines that fit into `room` pixels; the rest ends in …"""
    done: list[str] = []
    words = text.split()
    while words and len(done) < lines:
        if len(done) == lines - 1:
            done.append(_shortened(" ".join(words), size, room))
            break
        line = words.pop(0)
        while words and _length(f"{line} {words[0]}", size) <= room:
            line = f"{line} {words.pop(0)}"
        done.append(_shortened(line, size, room))
    return tuple(done)


def _shortened(text: str, size: int, room: float) -> str:
    """The text, or as much of it as fits into `room` pixels with … behind it."""
    if _length(text, size) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = math.ceil((low + high) / 2)
        if _length(text[:middle].rstrip() + "…", size) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def _length(text: str, size: int) -> float:
    return sum(font.getlength(run) for run, font in _runs(text, size))


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    color: tuple[int, int, int],
    size: int,
    *,
    right: bool = False,
) -> None:
    """Write one line; `place` is its left end (or its right end) on the baseline."""
    left, baseline = place
    if right:
        left -= _length(text, size)
    for run, font in _runs(text, size):
        draw.text((left, baseline), run, color, font, anchor="ls")
        left += font.getlength(run)


def _runs(text: str, size: int) -> list[tuple[str, _Font]]:
    """The text in pieces, each with a font that has all its letters.

    Pillow's own font has little more than ASCII, other scripts take a font of the system: one
    for the whole text if there is one, else each letter the first that has it. Letters that no
    font has lose their accents, or become "?".
    """
    plain = text.translate(_PLAIN_SIGNS)
    if _covers(0, frozenset(plain)):
        return [(plain, _sized_font(0, size))]
    numbers = [n for n in range(1, len(_OTHER_FONTS) + 1) if _loaded(n, size) is not None]
    for number in numbers:
        if _covers(number, frozenset(text)):
            return [(text, _sized_font(number, size))]
    runs: list[tuple[str, int]] = []
    for letter in plain:
        covering = [n for n in (0, *numbers) if _covers(n, frozenset(letter))]
        bare = [c for c in unicodedata.normalize("NFKD", letter) if not _accent(c)]
        piece = (
            letter if covering else "".join(c if _covers(0, frozenset(c)) else "?" for c in bare)
        )
        number = covering[0] if covering else 0
        if runs and (runs[-1][1] == number or letter.isspace()):
            runs[-1] = (runs[-1][0] + piece, runs[-1][1])
        else:
            runs.append((piece, number))
    return [(run, _sized_font(number, size)) for run, number in runs]


def _accent(character: str) -> bool:
    return unicodedata.combining(character) > 0


def _covers(number: int, letters: frozenset[str]) -> bool:
    """Whether a font has all these letters."""
    return all(letter.isspace() or _has(number, letter) for letter in letters)


@functools.lru_cache(maxsize=4096)
def _has(number: int, letter: str) -> bool:
    """Whether a font has a letter, told by the box that stands for a missing one."""
    font = _sized_font(number, 20)
    return bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))


def _sized_font(number: int, size: int) -> _Font:
    """Pillow's own font (0), or one of the system's that `_loaded` has found."""
    font = _loaded(number, size)
    assert font is not None
    return font


@functools.cache
def _loaded(number: int, size: int) -> _Font | None:
    if number == 0:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(_OTHER_FONTS[number - 1], size)
    except OSError:
        return None
