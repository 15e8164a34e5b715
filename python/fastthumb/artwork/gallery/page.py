"""Builds index.html: a card per title as plain HTML, and what a title's own view shows as data.

Note [small page]. The view of one title (variants, shots, signals) is drawn by the page's script
from a compact JSON block when it is opened, so that thousands of titles cost the browser one card
each. Shots travel as base-36 durations, signals as one byte a point.

Note [escaping]. Jinja2 escapes whatever it places into HTML; the script builds its elements with
textContent and attributes, never from strings of HTML; JSON blocks have < > & written as their
codes; paths become percent-encoded URLs; and the page's Content-Security-Policy lets no other
script run than its own, known by hash.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from fastthumb.artwork.gallery.people import boxes_of, people_of, tags_of_title
from fastthumb.artwork.gallery.preview import POINTS, SignalPreview
from fastthumb.artwork.labels import clock, counted, spoken, title_name
from fastthumb.artwork.subjects import head_box
from fastthumb.atomic import write_bytes
from fastthumb.names import printable

if TYPE_CHECKING:
    from jinja2 import Template

    from fastthumb.records import FileRecord, ShotRecord, TitleRecord, Variant

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SCRIPTS = ("helpers.js", "index.js", "timeline.js", "people.js", "filters.js", "title.js")
_LINKED_FILES = ("contact-sheet.jpg", "title.json", "shots.csv", "sprites.vtt")
# Pictures on a card: the best one large and three small ones, or, where pictures are tall, as many
# side by side as fill about 16:9.
_TALL, _SQUARE = 0.8, 1.2
_CARD = 16 / 9
_HEADS = 3  # that a card's picture tries to keep


@dataclass(frozen=True, slots=True)
class GalleryTitle:
    """A finished title: its record, its folder relative to the gallery's, its signals."""

    record: TitleRecord
    folder: str
    signals: SignalPreview | None = None


@dataclass(frozen=True, slots=True)
class FailedTitle:
    """A video of which nothing could be made, and why."""

    path: str
    reason: str


def write_gallery(
    out_dir: Path, titles: Sequence[GalleryTitle], failed: Sequence[FailedTitle] = ()
) -> Path:
    """Write OUT/index.html and return its path; the titles' pictures are linked, not read.

    Titles appear in the given order until the reader sorts them. Raises OutputError if the page
    cannot be written.
    """
    path = out_dir / "index.html"
    write_bytes(path, _page(titles, failed).encode("utf-8", "replace"))
    return path


def _page(titles: Sequence[GalleryTitle], failed: Sequence[FailedTitle]) -> str:
    # Imported here: commands that write no gallery should not wait for a template engine.
    from markupsafe import Markup

    template, style, script = _sources()
    variants = sum(len(title.record.variants) for title in titles)
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return template.render(
        cards=[_card(title) for title in titles],
        blocks=[Markup(_json_block(_view(title))) for title in titles],  # noqa: S704 - escaped
        failed=[(printable(one.path), one.reason) for one in failed],
        heading=counted(len(titles), "title"),
        summary=counted(variants, "variant"),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=script_hash,
    )


@functools.cache
def _sources() -> tuple[Template, str, str]:
    """The page's template, its style and its script; compiling the first takes milliseconds."""
    from jinja2 import Environment, StrictUndefined

    files = resources.files(__package__)
    style, page, *scripts = (
        _without_indents(files.joinpath(name).read_text(encoding="utf-8"))
        for name in ("page.css", "page.html", *_SCRIPTS)
    )
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(page), _without_spaces(style), "\n".join(scripts)


def _card(title: GalleryTitle) -> dict[str, Any]:
    """What the index shows of a title."""
    record = title.record
    variants = sorted(record.variants, key=lambda variant: variant.variant)
    shape = _shape(variants[0]) if variants else 16 / 9
    large = 3 if shape < _TALL else 2 if shape < _SQUARE else 1
    first = variants[:large]
    row = variants[1:4] if large == 1 and len(variants) >= 4 else []  # a row of three, or none
    name = title_name(record)
    kinds = dict.fromkeys(spoken(variant.scene_type) for variant in variants)
    people = dict.fromkeys(person.name for person in record.characters)
    things = dict.fromkeys(spoken(label) for variant in variants for label in variant.objects)
    duration = record.source.duration_seconds
    return {
        "anchor": quote(record.title_id.encode("utf-8", "replace"), safe=""),
        "name": name,
        "words": " ".join([name, record.title_id, *kinds, *people, *things]).casefold(),
        "pictures": [_cover(one, title.folder, _CARD / len(first)) for one in first],
        "more": [_cover(variant, title.folder, _CARD) for variant in row],
        "quality": f"{variants[0].quality_score:.2f}" if variants else "",
        "duration": duration or 0,
        "clock": clock(duration) if duration is not None else "",
        "shots": len(record.shots),
        "shots_text": counted(len(record.shots), "shot"),
        "variants_text": counted(len(variants), "variant"),
        "warnings_text": counted(len(record.warnings), "warning") if record.warnings else "",
    }


def _cover(variant: Variant, folder: str, shape: float) -> dict[str, str]:
    """A picture that the browser cuts to `shape` (width over height), heads whole."""
    x, y = _position(variant, shape)
    colors = variant.palette.colors
    return {
        "url": _url(folder, variant.file),
        "position": f"{100 * x:.0f}% {100 * y:.0f}%",
        "color": colors[0].hex if colors else "transparent",
        "time": clock(variant.timestamp),
    }


def _position(variant: Variant, shape: float) -> tuple[float, float]:
    """CSS object-position, in shares, that keeps the focal point and the largest heads in view."""
    own = _shape(variant)
    axis, span = (0, shape / own) if own > shape else (1, own / shape)
    start = variant.focal_point[axis] - (0.42 if axis else 0.5) * span
    heads = [head_box(face.box) for face in variant.faces or () if face.sure]
    for head in reversed(heads[:_HEADS]):  # the largest last: it counts most
        if head[axis + 2] - head[axis] <= span:
            start = min(max(start, head[axis + 2] - span), head[axis])
    place = min(max(start, 0.0), 1.0 - span) / max(1.0 - span, 1e-9)
    return (place, 0.5) if axis == 0 else (0.5, place)


def _view(title: GalleryTitle) -> dict[str, Any]:
    """What the page's script draws a title's own view from; see Note [small page]."""
    record, folder = title.record, title.folder
    end = _end_seconds(record)
    names = list(dict.fromkeys(name for variant in record.variants for name in variant.scores))
    tags, tagged = tags_of_title(record)
    return {
        "id": record.title_id,
        "name": title_name(record),
        "path": record.source.path,
        "facts": _facts(record),
        "folder": _url(folder, "") + "/",
        "links": _links(record),
        "warnings": record.warnings,
        "end": round(end, 3),
        "shots": _shots(record.shots),
        "people": people_of(record, _quoted),
        "tags": tags,
        "scoreNames": [spoken(name) for name in names],
        "variants": [
            _variant(variant, names) | {"tags": tagged[variant.variant]}
            for variant in sorted(record.variants, key=lambda variant: variant.variant)
        ],
        "signals": _signals(title.signals, end),
    }


def _variant(variant: Variant, score_names: Sequence[str]) -> dict[str, Any]:
    visual, content = variant.visual_quality, variant.content_analysis
    bars = [
        visual.brightness,
        visual.contrast,
        visual.sharpness,
        visual.saturation,
        content.action_score,
        content.emotional_score,
        content.dramatic_score,
        content.character_prominence,
    ]
    width, height = _size(variant)
    return {
        "rank": variant.variant,
        "time": round(variant.timestamp, 2),
        "shot": variant.shot,
        "kind": spoken(variant.scene_type),
        "boxes": boxes_of(variant),
        "file": _quoted(variant.file),
        "size": [width, height],
        "quality": _short(variant.quality_score),
        "bars": [None if value is None else _short(value) for value in bars],
        "why": variant.reason,
        "palette": [[color.hex, _short(color.share)] for color in variant.palette.colors],
        "warmth": _short(variant.palette.warmth),
        "focal": [_short(variant.focal_point[0]), _short(variant.focal_point[1])],
        "crops": [_crop(file, variant) for file in variant.files if file.aspect != "source"],
        "scores": [
            _short(variant.scores[name]) if name in variant.scores else None for name in score_names
        ],
    }


def _crop(file: FileRecord, variant: Variant) -> list[Any]:
    """Aspect, file, size in pixels, and left, top, width, height in shares of the variant.

    The last is empty where the variant itself is not among the files.
    """
    whole = next((one.crop_box for one in variant.files if one.aspect == "source"), None)
    outline: list[float] = []
    if whole is not None:
        width, height = whole[2] - whole[0], whole[3] - whole[1]
        x0, y0, x1, y1 = file.crop_box
        left, top = (x0 - whole[0]) / width, (y0 - whole[1]) / height
        outline = [_short(value) for value in (left, top, (x1 - x0) / width, (y1 - y0) / height)]
    return [file.aspect, _quoted(file.file), [file.width, file.height], outline]


def _shots(shots: Sequence[ShotRecord]) -> dict[str, Any]:
    """Shots as hundredths of a second in base 36, and only what is not a plain cut of a picture."""
    starts = [round(100 * shot.start_seconds) for shot in shots]
    steps = [after - before for before, after in zip([0, *starts], starts, strict=False)]
    transitions, contents, repeats, scenes = [], [], [], []
    scene = None
    for number, shot in enumerate(shots):
        if shot.transition in ("fade", "dissolve", "wipe"):
            frames = shot.end_frame - shot.start_frame + 1
            first, last = shot.transition_start_frame, shot.transition_end_frame
            length = last - first + 1 if first is not None and last is not None else 0
            seconds = (shot.end_seconds - shot.start_seconds) * length / max(frames, 1)
            transitions.append([number, shot.transition, round(seconds, 2)])
        if shot.content != "picture":
            contents.append([number, shot.content])
        if shot.repeat_of is not None:
            repeats.append([number, shot.repeat_of])
        if shot.scene != scene:
            scene = shot.scene
            scenes.append([number, scene])
    return {
        "steps": ",".join(_base36(step) for step in steps),
        "transitions": transitions,
        "contents": contents,
        "repeats": repeats,
        "scenes": scenes,
    }


def _signals(preview: SignalPreview | None, end: float) -> dict[str, Any] | None:
    """The signals at equal steps from 0 to the film's end, a byte each, base64.

    Colors have three bytes, at every other step.
    """
    if preview is None or not preview.seconds or end <= 0:
        return None
    times = np.array(preview.seconds)
    steps = np.linspace(0.0, end, min(POINTS, 2 * times.size))
    top_motion = max(preview.motion, default=0.0)

    def packed(values: Iterable[float], top: float) -> str:
        column = np.interp(steps, times, np.array(list(values), dtype=np.float64))
        scaled = np.rint(np.clip(column / max(top, 1e-9), 0.0, 1.0) * 255)
        return _base64(scaled.astype(np.uint8))

    colors = ""
    if preview.colors:
        nearest = np.searchsorted((times[1:] + times[:-1]) / 2, steps[::2])
        rgb = np.frombuffer(bytes.fromhex("".join(c[1:] for c in preview.colors)), dtype=np.uint8)
        colors = _base64(rgb.reshape(-1, 3)[nearest])
    return {
        "brightness": packed(preview.brightness, 100.0),
        "sharpness": packed(preview.sharpness, 1.0),
        "motion": packed(preview.motion, top_motion),
        "topMotion": round(top_motion, 2),
        "colors": colors,
    }


def _facts(record: TitleRecord) -> list[str]:
    source = record.source
    rate = float(Fraction(source.frame_rate)) if source.frame_rate else 0.0
    scenes = len({shot.scene for shot in record.shots})
    shots = counted(len(record.shots), "shot")
    facts = [
        clock(source.duration_seconds) if source.duration_seconds is not None else "",
        f"{shots} in {counted(scenes, 'scene')}" if scenes else shots,
        f"{source.display_width} × {source.display_height}",
        f"{round(rate, 3):g} frames/s" if rate else "",
        f"{source.codec} in {source.container.split(',')[0]}",
        "HDR" if source.color.transfer != "sdr" else "",
        "interlaced" if source.interlaced else "",
        f"{counted(source.frames_analyzed, 'frame')} analyzed",
    ]
    return [fact for fact in facts if fact]


def _links(record: TitleRecord) -> list[str]:
    there = {*record.file_names(), "contact-sheet.jpg"}
    return [name for name in _LINKED_FILES if name in there]


def _end_seconds(record: TitleRecord) -> float:
    """Where the timeline ends: with the last frame, which is shown for one frame's time."""
    rate = float(Fraction(record.source.frame_rate)) if record.source.frame_rate else 0.0
    frame_seconds = 1 / rate if rate > 0 else 0.04
    starts = [shot.end_seconds for shot in record.shots[-1:]]
    starts += [variant.timestamp for variant in record.variants]
    return max(record.source.duration_seconds or 0.0, max(starts, default=0.0) + frame_seconds)


def _size(variant: Variant) -> tuple[int, int]:
    own = next((file for file in variant.files if file.file == variant.file), None)
    return (own.width, own.height) if own else (16, 9)


def _shape(variant: Variant) -> float:
    width, height = _size(variant)
    return width / height


def _url(folder: str, name: str) -> str:
    """Relative URL of a file below the gallery, whatever bytes its path holds."""
    return "/".join(filter(None, [".", _quoted(folder.replace(os.sep, "/")), _quoted(name)]))


def _quoted(path: str) -> str:
    parts = (part for part in path.split("/") if part not in ("", "."))
    return "/".join(quote(os.fsencode(part), safe="") for part in parts)


def _short(value: float) -> float:
    return round(value, 3)


def _base36(number: int) -> str:
    if number < 0:
        return "-" + _base36(-number)
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if number == 0:
            return text


def _base64(values: npt.NDArray[np.uint8]) -> str:
    return base64.b64encode(values.tobytes()).decode()


def _without_indents(text: str) -> str:
    """The lines of a source without their indents and without empty ones: a tenth of its bytes."""
    return "\n".join(filter(None, (line.strip() for line in text.splitlines())))


def _without_spaces(css: str) -> str:
    """CSS without the spaces around its punctuation."""
    return re.sub(r"\s*([{};,]|:(?= ))\s*", r"\1", css)


def _json_block(value: object) -> str:
    """JSON that cannot end or change the script element that holds it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
