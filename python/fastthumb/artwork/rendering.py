"""The pictures that people see: chosen frames decoded again, cut, sized, encoded, written.

A frame is fetched by its exact timestamp, shown upright in square pixels, freed of its black
bars, cut to every shape that was asked for, and never enlarged.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from fastthumb.analysis.bars import upright_shares
from fastthumb.artwork.crops import Box, Crop, best_crop, parse_aspect
from fastthumb.artwork.encoding import encode, require_encoder
from fastthumb.artwork.fetching import fetch
from fastthumb.artwork.filling import filled, part_to_fill
from fastthumb.artwork.portraits import PortraitWriter
from fastthumb.artwork.subjects import view_of
from fastthumb.atomic import make_folder, write_bytes
from fastthumb.errors import OutputError, SourceError
from fastthumb.media.display import display_rgb
from fastthumb.media.source import Frame, Source, SourceInfo
from fastthumb.names import printable
from fastthumb.settings import ImageFormat, Settings

if TYPE_CHECKING:
    from fastthumb.artwork.variants import Pick

# A picture reduced by this much or more holds one chroma sample per pixel even where the film has
# half as many in each direction, so that subsampling would lose something.
_REDUCED_ENOUGH_FOR_FULL_CHROMA = 1.5
# From this quality up nobody counts bytes, and rounding in chroma is what is left to see.
_FULL_CHROMA_QUALITY = 95


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One picture on disk.

    `file` is its name in the title's folder; `aspect` is "source" for the film's own shape, else
    as asked for ("2:3"); `width` and `height` are those of the file. `crop_box` is the part of
    the upright full picture (square pixels, bars included) that it shows: x0, y0, x1, y1 in
    pixels, ends exclusive. `score` says how good the crop is, 0..1, and `parts` of what that is
    made (see artwork/crops.py); None and empty for the film's own shape. `filled` says that the
    box has another shape, and blurred sides fill the picture (see artwork/filling.py).
    """

    file: str
    aspect: str
    width: int
    height: int
    crop_box: Box
    score: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
    filled: bool = False


@dataclass(frozen=True, slots=True)
class RenderedVariant:
    """A pick and its files; the first one has the film's own shape."""

    pick: Pick
    files: tuple[RenderedFile, ...]


def render(
    source: Source,
    picks: Sequence[Pick],
    settings: Settings,
    folder: Path,
    portraits: PortraitWriter | None = None,
    *,
    threads: int | None = None,
) -> list[RenderedVariant]:
    """Write the pictures of all picks into `folder` (made if need be), in the order of picks.

    Names are RANK-SCENE-TYPE.EXT, and RANK-SCENE-TYPE-2x3.EXT for a crop to 2:3. Each file
    appears whole or not at all. `portraits` is shown the frames that it wants on the way;
    one that cannot be decoded again is only left out. The files do not depend on `threads`, the
    number of frames at work at the same time (None: one per core). Raises SourceError if the
    frame of a pick cannot be decoded again at its timestamp, OutputError if a file cannot be
    written or the format cannot hold it.
    """
    require_encoder(settings.image_format)
    make_folder(folder)
    info = source.info
    wanted: dict[int, list[Pick]] = {}
    for pick in picks:
        wanted.setdefault(pick.scored.candidate.pts, []).append(pick)

    shown = set(portraits.wanted_pts) if portraits else set()
    made: dict[int, RenderedVariant] = {}
    showing = Lock()

    def take(frame: Frame) -> None:
        picture = display_rgb(frame, info)
        if portraits is not None and frame.pts in shown:
            with showing:
                portraits.show(frame.pts, picture, _content(picks, picture, info))
        for pick in wanted.pop(frame.pts, ()):
            made[pick.rank] = _render_pick(picture, pick, info, settings, folder)

    fetch(source, {*wanted, *shown}, take, threads=threads)
    if wanted:
        raise _lost_frames(info, [pick for lost in wanted.values() for pick in lost])
    return [made[pick.rank] for pick in picks]


def picture_name(pick: Pick, aspect: str, image_format: ImageFormat) -> str:
    """File name of a pick's picture in one shape: 01-action.jpg, cropped 01-action-2x3.jpg."""
    suffix = "" if aspect == "source" else "-" + aspect.replace(":", "x")
    return f"{pick.rank:02d}-{_file_part(pick.scored.scene_type)}{suffix}.{image_format}"


def upright_box(box: Box, info: SourceInfo, size: tuple[int, int]) -> Box:
    """`box` of decoded pixels as a box of the upright picture of `size` (width, height).

    Stretching to square pixels rounds inward, so that no line of a black bar comes back; the
    result always holds at least one pixel.
    """
    x0, y0, x1, y1 = upright_shares(box, info)
    left, right = _inward(x0, x1, size[0])
    top, bottom = _inward(y0, y1, size[1])
    return left, top, right, bottom


def _content(picks: Sequence[Pick], picture: npt.NDArray[np.uint8], info: SourceInfo) -> Box | None:
    """The part of an upright picture without the black bars that most picks have."""
    boxes = Counter(pick.scored.candidate.content_box for pick in picks).most_common(1)
    return upright_box(boxes[0][0], info, picture.shape[1::-1]) if boxes else None


def _render_pick(
    picture: npt.NDArray[np.uint8], pick: Pick, info: SourceInfo, settings: Settings, folder: Path
) -> RenderedVariant:
    candidate = pick.scored.candidate
    height, width = picture.shape[:2]
    left, top, right, bottom = upright_box(candidate.content_box, info, (width, height))
    size = right - left, bottom - top
    cuts: list[tuple[str, Box, Crop | None]] = [("source", (0, 0, *size), None)]
    view = view_of(candidate)
    for aspect in settings.aspects:
        crop = best_crop(size, parse_aspect(aspect), view)
        cuts.append((aspect, crop.box, crop))
    files = []
    for aspect, cut_box, made in cuts:
        name = picture_name(pick, aspect, settings.image_format)
        part = part_to_fill(size, parse_aspect(aspect), view, cut_box) if made else None
        x0, y0, x1, y1 = part or cut_box
        box = left + x0, top + y0, left + x1, top + y1
        cut = picture[box[1] : box[3], box[0] : box[2]]
        if part:
            cut = filled(cut, parse_aspect(aspect))
        cut = _sized(cut, settings.max_width)
        chroma = _chroma(info, settings.image_quality, (box[2] - box[0]) / cut.shape[1])
        try:
            data = encode(cut, settings.image_format, settings.image_quality, chroma=chroma)
        except OutputError as exc:
            raise OutputError(f"{printable(folder / name)}: {exc}") from exc
        write_bytes(folder / name, data)
        file = RenderedFile(name, aspect, cut.shape[1], cut.shape[0], box, filled=bool(part))
        files.append(replace(file, score=made.score, parts=made.parts) if made else file)
    return RenderedVariant(pick, tuple(files))


def _sized(picture: npt.NDArray[np.uint8], max_width: int | None) -> npt.NDArray[np.uint8]:
    """The picture, reduced to `max_width` where it is wider; contiguous."""
    height, width = picture.shape[:2]
    if max_width is None or width <= max_width:
        return np.ascontiguousarray(picture)
    size = (max_width, max(1, round(height * max_width / width)))
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))


def _chroma(info: SourceInfo, quality: int, reduction: float) -> str:
    """Chroma sampling that keeps what the film has, and no more."""
    layout = re.search(r"4(44|22|20|40|11|10)", info.pixel_format)
    halved = info.pixel_format.startswith(("nv12", "nv21", "p01")) or (
        layout is not None and layout.group(1) in ("20", "10")
    )
    if quality >= _FULL_CHROMA_QUALITY or reduction >= _REDUCED_ENOUGH_FOR_FULL_CHROMA:
        return "4:4:4"
    if halved:
        return "4:2:0"
    if layout is not None and layout.group(1) in ("22", "11"):
        return "4:2:2"
    return "4:4:4"


def _inward(low: float, high: float, length: int) -> tuple[int, int]:
    """Whole pixels that lie inside the shares low..high of a side; at least one.

    Shares are quotients of small integers; a millionth of a pixel is their rounding.
    """
    first = min(max(math.ceil(low * length - 1e-6), 0), length - 1)
    return first, min(max(math.floor(high * length + 1e-6), first + 1), length)


def _file_part(label: str) -> str:
    """A label as part of a file name: lower-case ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "other"


def _lost_frames(info: SourceInfo, picks: Sequence[Pick]) -> SourceError:
    times = ", ".join(
        f"{pick.scored.candidate.seconds:.3f} s (pts {pick.scored.candidate.pts})" for pick in picks
    )
    return SourceError(
        f"{printable(info.path)}: the chosen frames at {times} could not be decoded again; "
        "the file changed during the run or is damaged there: check it, then run again"
    )
