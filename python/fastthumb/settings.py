"""Every setting of a run, its default and its bounds, in one place.

`Settings` is what the command line and the Python API fill in, what title.json records, and
what decides (through `analysis_key` and `key`) whether a stored result is still good.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fastthumb.errors import SettingsError

Preset = Literal["fast", "balanced", "best"]
ImageFormat = Literal["jpg", "webp", "avif", "png"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]

MOST_VARIANTS = 12
_ANALYSIS = ("preset", "interval_seconds", "candidates_per_hour", "detect", "small_faces")
INPUTS = ("cast", "rules_file", "genres_file")  # settings that name files of the user's
_ASPECT = re.compile(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})")


class VisualWeights(BaseModel):
    """Weights of the four parts of visual quality; their sum scales the score."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    brightness: Share = 0.25
    contrast: Share = 0.25
    sharpness: Share = 0.30
    saturation: Share = 0.20


class QualityWeights(BaseModel):
    """Weights of the parts of the quality of a picture; only their proportions count.

    `text` is no part: it is how much of the quality a picture of nothing but letters loses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    visual: Share = 0.24
    detail: Share = 0.22
    stillness: Share = 0.06
    exposure: Share = 0.08
    subject: Share = 0.18
    composition: Share = 0.12
    color: Share = 0.10
    text: Share = 0.85

    @model_validator(mode="after")
    def _some_part_counts(self) -> QualityWeights:
        if not any(getattr(self, name) for name in type(self).model_fields if name != "text"):
            raise ValueError("wanted one weight above 0 at least")
        return self


class Settings(BaseModel):
    """Settings of one run; immutable, complete, recorded in title.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # what is decoded
    preset: Preset = "balanced"
    interval_seconds: Annotated[float, Field(ge=0.1, le=60.0)] = 2.0
    """How far apart the frames may be, about, that `balanced` looks at where no edit is likely."""

    # what is judged: at most so many pictures an hour of film, and a few more at its start
    candidates_per_hour: Annotated[int, Field(ge=50, le=10_000)] = 900

    # who and what is looked for, with the networks that are there
    detect: bool = True
    small_faces: bool = False
    """Find faces from 1/50 of the picture's height on, else from about 1/30; five times slower."""
    models_dir: str | None = None
    cast: str | None = None
    """Cast database: a folder with a folder of photographs for each person."""
    rules_file: str | None = None
    """TOML that overrides rules of the classification."""
    genres_file: str | None = None
    """TOML that adds or overrides genres."""
    inputs_hash: str = ""
    """Hash of the contents of cast, rules and genres files: they may change under their names."""

    # what is chosen
    variants: Annotated[int, Field(ge=4, le=MOST_VARIANTS)] = 8
    genre: str = "default"
    visual_weights: VisualWeights = VisualWeights()
    quality_weights: QualityWeights = QualityWeights()
    quality_floor: Share = 0.35
    min_gap_seconds: Annotated[float, Field(ge=0.0)] = 2.0
    diversity: Share = 0.5
    window: tuple[Share, Share] = (0.0, 1.0)
    """Part of the film that pictures may come from, as shares of its length."""
    pins: tuple[Annotated[float, Field(ge=0.0)], ...] = ()
    """Seconds at which a picture must be chosen, whatever it scores."""
    bans: tuple[Annotated[float, Field(ge=0.0)], ...] = ()
    """Seconds around which no picture may be chosen."""

    # what is written
    aspects: tuple[str, ...] = ()
    image_format: ImageFormat = "jpg"
    image_quality: Annotated[int, Field(ge=1, le=100)] = 90
    max_width: Annotated[int, Field(ge=16)] | None = None
    sprites: bool = False
    sprite_interval_seconds: Annotated[float, Field(gt=0.0)] = 10.0
    sprite_width: Annotated[int, Field(ge=16, le=1024)] = 160

    @field_validator("aspects")
    @classmethod
    def _aspects_are_ratios(cls, aspects: tuple[str, ...]) -> tuple[str, ...]:
        for aspect in aspects:
            if not _ASPECT.fullmatch(aspect):
                raise ValueError(f"wanted width:height such as 16:9, got {aspect!r}")
        return tuple(dict.fromkeys(aspects))

    @field_validator("window")
    @classmethod
    def _window_is_open(cls, window: tuple[float, float]) -> tuple[float, float]:
        if window[0] >= window[1]:
            raise ValueError("wanted a start before the end, such as 0 to 0.6")
        return window

    @classmethod
    def build(cls, **values: object) -> Settings:
        """Settings from keyword values; raises SettingsError naming the first bad one."""
        values["inputs_hash"] = _inputs_hash(values)
        try:
            return cls.model_validate(values)
        except ValidationError as exc:
            first = exc.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "settings"
            wanted = first["msg"].removeprefix("Value error, ")
            raise SettingsError(f"setting {name}: {wanted}, got {first['input']!r}") from exc

    def key(self) -> str:
        """Hash of every setting: equal keys give equal results for equal files."""
        return _digest(self.model_dump_json())

    def analysis_key(self) -> str:
        """Hash of the settings that influence the analysis, not the choice or the pictures.

        Those that have no effect beside the others do not count. Which networks look is not told
        by settings, but by their hashes.
        """
        values = self.model_dump(mode="json", include=set(_ANALYSIS))
        if self.preset != "balanced":
            values.pop("interval_seconds", None)
        if not self.detect:
            values.pop("small_faces")
        return _digest(json.dumps(values, sort_keys=True))


def _inputs_hash(values: Mapping[str, object]) -> str:
    """Hash of the files that `values` name: names and sizes of photographs, contents of the rest.

    "" where no file is named; what cannot be read is left to those who need it.
    """
    digest = hashlib.sha256()
    named = [Path(str(values[name])) for name in INPUTS if values.get(name)]
    for path in named:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            with contextlib.suppress(OSError):
                if file.is_file():
                    photograph = file.suffix not in (".json", ".toml")
                    content = str(file.stat().st_size) if photograph else file.read_bytes().hex()
                    name = file.relative_to(path.parent)
                    digest.update(f"{name}\0{content}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16] if named else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
