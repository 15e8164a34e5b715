"""title.json: what one title is and what was made of it, as a versioned, checked document.

The models here are the contract with everything outside fastthumb; `json_schema` publishes
them and docs/output.md explains them. Fields only change together with `SCHEMA_VERSION`.
What the kinds of values promise is told in fields.py.

Note [older documents]. A title of version 1 knew no people, things or settings (indoor, night);
read today, it says so: its characters are empty and what was not looked for is null. One of
version 2 does not say how long it took and how much was decoded for it. Their settings lack what
has been added since, so that the next run makes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import pydantic_core
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from fastthumb.atomic import write_text
from fastthumb.errors import OutputError
from fastthumb.fields import (
    Count,
    FileName,
    JsonObject,
    MeasuredShare,
    Number,
    Rational,
    Share,
    StoredPath,
    Text,
    UnitBox,
    Warmth,
    measured_parts,
)
from fastthumb.fields import clean_text as clean_text
from fastthumb.fields import escape_path as escape_path
from fastthumb.fields import rational as rational
from fastthumb.fields import unescape_path as unescape_path
from fastthumb.names import printable

SCHEMA_VERSION: Final = 3
TITLE_FILE = "title.json"
_OLDER = (1, 2)  # versions of which every field still means the same


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
    """What one stage took."""

    seconds: Number
    """Of work, added up over all workers: it may be more than has passed on the wall."""
    frames: Count
    """Frames that it saw."""


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
    filled: bool = False
    """The box has not this shape: blurred sides fill the picture, so that a face stays whole."""
    crop_score: MeasuredShare = None
    """How good the best cut to this shape is; null for the film's own shape."""
    crop_parts: Annotated[dict[str, Number], BeforeValidator(measured_parts)] = {}
    """Every named part of `crop_score`."""


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


class SettingRecord(_Record):
    """Where and when the picture plays, as probabilities; null where no model looked."""

    indoor: MeasuredShare = None
    night: MeasuredShare = None


class FaceRecord(_Record):
    """A face in the picture of a variant; what no network measured is null."""

    box: UnitBox
    """left, top, right, bottom in shares of the variant's picture."""
    character: Text | None = None
    """Name of the character whose face it is; null where it is nobody's that is known."""
    score: Share
    """How sure the detector is."""
    sharpness: Share
    turn: Share
    """0 frontal .. 1 profile."""
    roll: Number
    """Degrees that the head leans to the right."""
    cut_off: bool
    """The edge of the frame cuts it."""
    sure: bool = True
    """Counts as a person; false where it may as well be an animal, a doll or no face at all."""
    eyes_open: MeasuredShare = None
    """Against the same person's open eyes."""
    expression: Text | None = None
    """The likeliest expression."""
    expression_score: MeasuredShare = None


class ObjectRecord(_Record):
    """A thing in the picture of a variant."""

    box: UnitBox
    """left, top, right, bottom in shares of the variant's picture."""
    label: Text
    group: Text
    """What kind of thing: person, vehicle, weapon, prop, animal, furniture, food, sport, other."""
    score: Share


class PortraitRecord(_Record):
    """A good look at a character, as a small square picture."""

    file: FileName
    timestamp: Number
    frame_pts: int
    box: UnitBox
    """The face in shares of the upright full picture."""


class CharacterRecord(_Record):
    """One person of the title."""

    name: Text
    """The cast's, or lead-1, person-1 ... by screen time."""
    role: Literal["hero", "heroine", "lead", "supporting", "background"]
    known: bool
    """Whether the cast database named it."""
    likeness: Annotated[float, Field(ge=-1.0, le=1.0)] | None = None
    """Cosine to the photographs of the cast; null where the name is not from there."""
    screen_seconds: Number
    screen_share: Share
    """Screen time over the film's length."""
    shots: list[Count]
    with_seconds: dict[Text, Number] = {}
    """Screen time together with others, by name, most first."""
    portraits: list[PortraitRecord] = []
    """Best first."""


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
    faces: list[FaceRecord] | None = None
    """Largest first; null where no model looked."""
    objects: list[Text] = []
    object_boxes: list[ObjectRecord] | None = None
    """Surest first; null where no model looked."""
    setting: SettingRecord = SettingRecord()
    palette: PaletteRecord
    focal_point: tuple[Share, Share]
    """x, y of where the eye goes, 0..1 of the variant's picture from the top left."""
    scores: Annotated[dict[str, Number], BeforeValidator(measured_parts)]
    """Every named part of the score that was measured."""
    rule_inputs: Annotated[dict[str, Number], BeforeValidator(measured_parts)] = {}
    """Every number that a rule of the classification read."""
    reason: Text
    """One sentence: why this moment was chosen."""
    test_metrics: MetricsRecord = MetricsRecord()


class TitleRecord(_Record):
    """title.json: one title, its source, its shots and its variants."""

    schema_version: Literal[3] = SCHEMA_VERSION
    fastthumb_version: Text
    title_id: Text
    source: SourceRecord
    content_hash: Text
    """Fingerprint of the source file and of the files read with it; "" for a URL."""
    settings: JsonObject
    """Every setting of the run that made the title."""
    models: list[ModelRecord] = []
    device: Text
    timings: dict[str, TimingRecord]
    """Seconds of work and frames of each stage; choosing again replaces those of its own."""
    wall_seconds: Number | None = None
    """What passed on the wall while the film was analyzed and its pictures made."""
    frames_decoded: Count | None = None
    """Frames that were decoded for the analysis; those decoded twice count twice."""
    warnings: list[Text] = []
    """What was wrong with the file and what could not be analyzed, a sentence each."""
    missing_models: list[Text] = []
    """What was not looked for because no model for it is here, and how to get one."""
    characters: list[CharacterRecord] = []
    """Who is in it, most screen time first; empty where no model recognizes faces."""
    shots: list[ShotRecord]
    variants: list[Variant]
    files: list[FileName] = []
    """Every other file of the folder: contact sheet, shot list, portraits, stored analysis."""

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
        portraits = [portrait.file for one in self.characters for portrait in one.portraits]
        own = [*(variant.file for variant in self.variants), *pictures]
        return list(dict.fromkeys([*own, *portraits, *self.files, TITLE_FILE]))


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
    """Read the title.json of a title's folder; see Note [older documents].

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
        document = pydantic_core.from_json(data)
        if _version(document, path) in _OLDER:
            data = json.dumps(document | {"schema_version": SCHEMA_VERSION}).encode()
        return TitleRecord.model_validate_json(data)
    except ValidationError as exc:
        first = next(_complaints(exc))
        raise OutputError(f"{printable(path)}: {first}; {again}") from exc
    except ValueError as exc:
        raise OutputError(f"{printable(path)}: is no JSON ({exc}); {again}") from exc


def _version(document: object, path: Path) -> object:
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise OutputError(
            f"{printable(path)}: has schema version {version}, this fastthumb reads up to "
            f"{SCHEMA_VERSION}; use a newer fastthumb"
        )
    return version


def _complaints(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False):
        where = _dotted(one["loc"]) or "the document"
        got = f"{one['input']!r}"
        yield f"{where}: {one['msg']}, got {got if len(got) <= 60 else got[:57] + '...'}"


def _dotted(location: Iterable[int | str]) -> str:
    return ".".join(str(part) for part in location)
