r"""title.json: what one title is and what was made of it, as a versioned, checked document.

The models here are the contract with everything outside fastthumb; `json_schema` publishes
them and docs/output.md explains them. Fields only change together with `SCHEMA_VERSION`.

Note [nothing is guessed]. A value that was not measured, because no model for it is there or
because it came out as NaN, is null or left out; it never becomes a 0 that somebody could
average. NaN and infinity are not JSON and are never written.

Note [text of any bytes]. Names and tags may hold bytes that are no UTF-8, and JSON cannot.
In every string such a byte is written as \xHH. In `source.path` a backslash of the name is
also doubled, so that `escape_path` and `unescape_path` are exact inverses for every path.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from numbers import Real
from pathlib import Path, PurePath
from typing import Annotated, Any, Final, Literal, Self

import pydantic_core
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from fastthumb.atomic import write_text
from fastthumb.errors import OutputError
from fastthumb.names import printable

SCHEMA_VERSION: Final = 1
TITLE_FILE = "title.json"
DECIMALS = 6  # of every number: a microsecond, a millionth of a score

_SURROGATE_OR_NUL = re.compile("[\ud800-\udfff\x00]")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u(d[89a-f][0-9a-f]{2})|\\)")


def _escaped_code(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\u{code:04x}" if 0xD800 <= code < 0xDC80 or code > 0xDCFF else f"\\x{code & 0xFF:02x}"


def clean_text(text: str) -> str:
    """Text that every JSON reader and database takes; see Note [text of any bytes]."""
    return _SURROGATE_OR_NUL.sub(_escaped_code, text)


def escape_path(path: str | os.PathLike[str]) -> str:
    """A path as it is stored; `unescape_path` gives back exactly the same path."""
    return clean_text(os.fspath(path).replace("\\", "\\\\"))


def unescape_path(stored: str) -> Path:
    """The path that `escape_path` stored, bytes that are no UTF-8 included."""

    def restored(match: re.Match[str]) -> str:
        byte, surrogate = match.groups()
        if byte:
            return chr(int(byte, 16) + 0xDC00)
        return chr(int(surrogate, 16)) if surrogate else "\\"

    return Path(_ESCAPE.sub(restored, stored))


def _text(value: object) -> object:
    return clean_text(value) if isinstance(value, str) else value


def _stored_path(value: object) -> object:
    return escape_path(value) if isinstance(value, PurePath) else _text(value)


def rational(value: Fraction) -> str:
    """A fraction as it is stored, such as "24000/1001" or "25/1"."""
    return f"{value.numerator}/{value.denominator}"


def _rational(value: object) -> object:
    return rational(value) if isinstance(value, Fraction) else value


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, Real):  # NumPy's scalars are Real
        return value
    return round(float(value), DECIMALS)


def _measured(value: object) -> object:
    value = _number(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _measured_parts(value: object) -> object:
    if isinstance(value, dict):
        return {name: part for name, part in value.items() if _measured(part) is not None}
    return value


def _finite(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # refuses what is not JSON
    return value


# The constraint stands before the validator: so it also reaches the JSON Schema.
Text = Annotated[str, BeforeValidator(_text)]
StoredPath = Annotated[str, BeforeValidator(_stored_path)]
Rational = Annotated[str, Field(pattern=r"^-?[0-9]+/[1-9][0-9]*$"), BeforeValidator(_rational)]
Number = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_number)]
Share = Annotated[float, Field(ge=0.0, le=1.0), BeforeValidator(_number)]
Warmth = Annotated[float, Field(ge=-1.0, le=1.0), BeforeValidator(_number)]
MeasuredShare = Annotated[Share | None, BeforeValidator(_measured)]
Count = Annotated[int, Field(ge=0)]
JsonObject = Annotated[dict[str, JsonValue], AfterValidator(_finite)]
# Files are named from the title's folder and never leave it, whoever wrote the document.
FileName = Annotated[
    str, Field(pattern=r"^[^/\\.][^/\\]*(/[^/\\.][^/\\]*)*$"), BeforeValidator(_text)
]


class _Record(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )


class ColorRecord(_Record):
    """How the code values of the pictures are read."""

    matrix: str
    primaries: str
    transfer: Literal["sdr", "pq", "hlg"]
    full_range: bool


class SourceRecord(_Record):
    """The video that the title was made from."""

    path: StoredPath
    """As it was given; bytes that are no UTF-8 as \\xHH, a backslash of the name doubled."""
    container: Text
    codec: Text
    pixel_format: Text
    width: Annotated[int, Field(ge=1)]
    """Decoded pixels, before sample aspect ratio and rotation."""
    height: Annotated[int, Field(ge=1)]
    display_width: Annotated[int, Field(ge=1)]
    """Upright square pixels."""
    display_height: Annotated[int, Field(ge=1)]
    duration_seconds: Number | None
    """Of the frames that decode; where not all were decoded, as the file states it."""
    frame_rate: Rational | None
    """Average frames per second, exact."""
    frames_analyzed: Count
    time_base: Rational
    """Seconds of one unit of every `*_pts`, exact."""
    start_pts: int | None
    """Timestamp of the first frame."""
    rotation: Annotated[int, Field(ge=0, le=270, multiple_of=90)]
    """Clockwise turn in degrees that shows the picture upright."""
    mirrored: bool = False
    """Flipped left to right after the turn."""
    sample_aspect_ratio: Rational
    bit_depth: Annotated[int, Field(ge=1)]
    interlaced: bool
    has_alpha: bool
    color: ColorRecord
    content_box: tuple[int, int, int, int]
    """x0, y0, x1, y1 in decoded pixels: the picture without black bars; x1, y1 exclusive."""

    @property
    def location(self) -> Path:
        """The path of the file itself, bytes that are no UTF-8 included."""
        return unescape_path(self.path)


class TimingRecord(_Record):
    """Time spent in one stage."""

    seconds: Number
    frames: Count


class ModelRecord(_Record):
    """A network that was used."""

    name: Text
    task: Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ShotRecord(_Record):
    """One shot: a row of shots.csv. Shots tile the film; both ends are inclusive."""

    index: Count
    start_frame: Count
    end_frame: Count
    start_pts: int
    end_pts: int
    start_seconds: Number
    end_seconds: Number
    transition: Literal["start", "cut", "fade", "dissolve", "wipe"]
    """How the shot begins."""
    transition_start_frame: Count | None
    transition_end_frame: Count | None
    scene: Count
    repeat_of: Count | None
    """Index of the earlier shot whose setting this one shows again."""
    content: Literal["picture", "black", "white", "title-card", "credits"]


class FileRecord(_Record):
    """One picture file of a variant."""

    file: FileName
    aspect: Text
    """The ratio that was asked for, such as 2:3; "source" for the film's own shape."""
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    crop_box: tuple[int, int, int, int]
    """x0, y0, x1, y1 in the upright full picture; x1, y1 exclusive."""


class VisualQualityRecord(_Record):
    """The parts of visual quality, each 0..1, more is better."""

    brightness: Share
    contrast: Share
    sharpness: Share
    saturation: Share


class ContentAnalysisRecord(_Record):
    """What the picture shows, each 0..1; null where no model analyzed it."""

    emotional_score: MeasuredShare = None
    action_score: MeasuredShare = None
    dramatic_score: MeasuredShare = None
    character_prominence: MeasuredShare = None


class SwatchRecord(_Record):
    """One color of a palette."""

    hex: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    share: Share


class PaletteRecord(_Record):
    """The main colors of the picture, most frequent first."""

    colors: list[SwatchRecord]
    warmth: Warmth
    """-1 cool .. 1 warm."""


class MetricsRecord(_Record):
    """What viewers did with the variant; null until somebody saw it."""

    ctr: MeasuredShare = None
    completion_rate: MeasuredShare = None
    sample_size: Count = 0


class Variant(_Record):
    """One thumbnail of a title, with everything that is known about it."""

    title_id: Text
    variant: Annotated[int, Field(ge=1)]
    """Rank; 1 is the best."""
    timestamp: Number
    """Seconds from the first frame, for people; `frame_pts` is the exact place."""
    frame_pts: int
    time_base: Rational
    file: FileName
    files: list[FileRecord]
    shot: Count
    scene_type: Text
    characters: list[Text] = []
    composition: Text | None = None
    people: Literal["solo", "duo", "ensemble", "none"] | None = None
    """Null where no model looked for people."""
    quality_score: Share
    visual_quality: VisualQualityRecord
    content_analysis: ContentAnalysisRecord
    objects: list[Text] = []
    palette: PaletteRecord
    focal_point: tuple[Share, Share]
    """x, y of where the eye goes, 0..1 of the variant's picture from the top left."""
    scores: Annotated[dict[str, Number], BeforeValidator(_measured_parts)]
    """Every named part of the score that was measured."""
    reason: Text
    """One sentence: why this moment was chosen."""
    test_metrics: MetricsRecord = MetricsRecord()


class TitleRecord(_Record):
    """title.json: one title, its source, its shots and its variants."""

    schema_version: Literal[1] = SCHEMA_VERSION
    fastthumb_version: Text
    title_id: Text
    source: SourceRecord
    content_hash: Text
    """Fingerprint of the source file; "" for a URL."""
    settings: JsonObject
    """Every setting of the run that made the title."""
    models: list[ModelRecord] = []
    device: Text
    timings: dict[str, TimingRecord]
    """Wall time and frames of each stage."""
    warnings: list[Text] = []
    """What was wrong with the file and what could not be analyzed, a sentence each."""
    characters: list[JsonObject] = []
    """Who is in it; empty where no model recognizes faces."""
    shots: list[ShotRecord]
    variants: list[Variant]
    files: list[FileName] = []
    """Every other file of the folder: contact sheet, shot list, sprites, stored analysis."""

    @model_validator(mode="after")
    def _variants_belong_here(self) -> Self:
        numbers = [variant.variant for variant in self.variants]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"wanted each variant number once, got {numbers}")
        strangers = {v.title_id for v in self.variants} - {self.title_id}
        if strangers:
            raise ValueError(f"wanted variants of {self.title_id!r}, got {sorted(strangers)}")
        return self

    def file_names(self) -> list[str]:
        """Every file that the title consists of, relative to its folder, title.json last."""
        pictures = [file.file for variant in self.variants for file in variant.files]
        names = [*(variant.file for variant in self.variants), *pictures, *self.files, TITLE_FILE]
        return list(dict.fromkeys(names))


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of title.json."""
    schema = TitleRecord.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def write_title(folder: Path, record: TitleRecord) -> Path:
    """Write `record` as title.json into `folder` and return its path.

    The file appears whole or not at all. Raises OutputError where it cannot be written.
    """
    document = record.model_dump(mode="json")
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    path = folder / TITLE_FILE
    write_text(path, f"{text}\n")
    return path


def read_title(folder: Path) -> TitleRecord:
    """Read the title.json of a title's folder.

    Raises OutputError, saying what is wrong with which field, where there is none, where it is
    damaged, and where a newer fastthumb wrote it.
    """
    path = folder / TITLE_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError as exc:
        raise OutputError(
            f"{printable(folder)}: wanted the folder of a title, there is no {TITLE_FILE}; "
            "name OUT/TITLE, or run `fastthumb process` first"
        ) from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise OutputError(
            f"{printable(path)}: cannot be read ({reason}); check its permissions"
        ) from exc
    again = "run `fastthumb process --force` on its video to make it again"
    try:
        _check_version(pydantic_core.from_json(data), path)
        return TitleRecord.model_validate_json(data)
    except ValidationError as exc:
        first = next(_complaints(exc))
        raise OutputError(f"{printable(path)}: {first}; {again}") from exc
    except ValueError as exc:
        raise OutputError(f"{printable(path)}: is no JSON ({exc}); {again}") from exc


def _check_version(document: object, path: Path) -> None:
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise OutputError(
            f"{printable(path)}: has schema version {version}, this fastthumb reads up to "
            f"{SCHEMA_VERSION}; use a newer fastthumb"
        )


def _complaints(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False):
        where = _dotted(one["loc"]) or "the document"
        got = f"{one['input']!r}"
        yield f"{where}: {one['msg']}, got {got if len(got) <= 60 else got[:57] + '...'}"


def _dotted(location: Iterable[int | str]) -> str:
    return ".".join(str(part) for part in location)
