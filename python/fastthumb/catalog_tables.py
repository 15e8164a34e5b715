"""The catalog's tables, and how records become their rows and back.

The tables are described in docs/output.md, for whoever reads them with SQL. Lists and objects
are JSON columns; every score is a column of its own, so that it can be searched and indexed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from fastthumb.artwork.tags import tags_of
from fastthumb.records import (
    CharacterRecord,
    ContentAnalysisRecord,
    MetricsRecord,
    SettingRecord,
    TitleRecord,
    Variant,
    VisualQualityRecord,
    unescape_path,
)

METADATA = sa.MetaData()
VERSION = sa.Table(
    "fastthumb_catalog", METADATA, sa.Column("schema_version", sa.Integer, nullable=False)
)
TITLES = sa.Table(
    "titles",
    METADATA,
    sa.Column("title_id", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("duration_seconds", sa.Double),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("frame_rate", sa.Text),
    sa.Column("codec", sa.Text, nullable=False),
    sa.Column("preset", sa.Text),
    sa.Column("genre", sa.Text),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("frames_analyzed", sa.BigInteger, nullable=False),
    sa.Column("shots", sa.Integer, nullable=False),
    sa.Column("variants", sa.Integer, nullable=False),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("fastthumb_version", sa.Text, nullable=False),
    sa.Column("updated", sa.Text, nullable=False),
)
VARIANTS = sa.Table(
    "variants",
    METADATA,
    sa.Column(
        "title_id",
        sa.Text,
        sa.ForeignKey("titles.title_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("variant", sa.Integer, primary_key=True),
    sa.Column("timestamp", sa.Double, nullable=False),
    sa.Column("frame_pts", sa.BigInteger, nullable=False),
    sa.Column("time_base", sa.Text, nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("files", sa.JSON, nullable=False),
    sa.Column("shot", sa.Integer, nullable=False),
    sa.Column("scene_type", sa.Text, nullable=False, index=True),
    sa.Column("characters", sa.JSON, nullable=False),
    sa.Column("composition", sa.Text, index=True),
    sa.Column("people", sa.Text, index=True),
    sa.Column("quality_score", sa.Double, nullable=False, index=True),
    *(sa.Column(name, sa.Double, nullable=False) for name in VisualQualityRecord.model_fields),
    *(sa.Column(name, sa.Double) for name in ContentAnalysisRecord.model_fields),
    sa.Column("objects", sa.JSON, nullable=False),
    sa.Column("palette", sa.JSON, nullable=False),
    sa.Column("warmth", sa.Double, nullable=False),
    sa.Column("focal_x", sa.Double, nullable=False),
    sa.Column("focal_y", sa.Double, nullable=False),
    sa.Column("scores", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("ctr", sa.Double),
    sa.Column("completion_rate", sa.Double),
    sa.Column("sample_size", sa.BigInteger, nullable=False),
    # Since version 2; what a catalog of version 1 holds knows nothing of them.
    *(sa.Column(name, sa.Double) for name in SettingRecord.model_fields),
    sa.Column("faces", sa.JSON(none_as_null=True)),
    sa.Column("object_boxes", sa.JSON(none_as_null=True)),
    sa.Column("rule_inputs", sa.JSON, nullable=False, server_default="{}"),
)
TAGS = sa.Table(
    "tags",
    METADATA,
    sa.Column("title_id", sa.Text, primary_key=True),
    sa.Column("variant", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.ForeignKeyConstraint(
        ["title_id", "variant"], ["variants.title_id", "variants.variant"], ondelete="CASCADE"
    ),
    sa.Index("tags_by_tag", "kind", "tag"),
)
CHARACTERS = sa.Table(
    "characters",
    METADATA,
    sa.Column(
        "title_id",
        sa.Text,
        sa.ForeignKey("titles.title_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("name", sa.Text, primary_key=True, index=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("known", sa.Boolean, nullable=False),
    sa.Column("likeness", sa.Double),
    sa.Column("screen_seconds", sa.Double, nullable=False),
    sa.Column("screen_share", sa.Double, nullable=False),
    sa.Column("shots", sa.JSON, nullable=False),
    sa.Column("with_seconds", sa.JSON, nullable=False),
    sa.Column("portraits", sa.JSON, nullable=False),
)
FAILURES = sa.Table(
    "failures",
    METADATA,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("settings_key", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("failed", sa.Text, nullable=False),
)
_PARTS: dict[str, type[BaseModel]] = {
    "visual_quality": VisualQualityRecord,
    "content_analysis": ContentAnalysisRecord,
    "setting": SettingRecord,
    "test_metrics": MetricsRecord,
}


@dataclass(frozen=True, slots=True)
class TitleSummary:
    """A title as the catalog lists it."""

    title_id: str
    path: Path
    content_hash: str
    duration_seconds: float | None
    width: int
    height: int
    frame_rate: str | None
    codec: str
    preset: str | None
    genre: str | None
    device: str
    frames_analyzed: int
    shots: int
    variants: int
    warnings: list[str]
    settings: dict[str, Any]
    fastthumb_version: str
    updated: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """A title that could not be made, and why; its text is the message."""

    path: Path
    content_hash: str
    settings_key: str
    message: str
    failed: datetime

    def __str__(self) -> str:
        return self.message


def stamp(when: datetime | None = None) -> str:
    return (when or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")


def title_row(record: TitleRecord) -> dict[str, Any]:
    source = record.source
    preset, genre = record.settings.get("preset"), record.settings.get("genre")
    return {
        "title_id": record.title_id,
        "path": source.path,
        "content_hash": record.content_hash,
        "duration_seconds": source.duration_seconds,
        "width": source.width,
        "height": source.height,
        "frame_rate": source.frame_rate,
        "codec": source.codec,
        "preset": None if preset is None else str(preset),
        "genre": None if genre is None else str(genre),
        "device": record.device,
        "frames_analyzed": source.frames_analyzed,
        "shots": len(record.shots),
        "variants": len(record.variants),
        "warnings": record.warnings,
        "settings": record.settings,
        "fastthumb_version": record.fastthumb_version,
        "updated": stamp(),
    }


def title_summary(row: sa.RowMapping) -> TitleSummary:
    values = dict(row)
    values["path"] = unescape_path(values["path"])
    values["updated"] = datetime.fromisoformat(values["updated"])
    return TitleSummary(**values)


def variant_row(variant: Variant) -> dict[str, Any]:
    row = variant.model_dump(mode="json")
    for part in _PARTS:
        row |= row.pop(part)
    row["focal_x"], row["focal_y"] = row.pop("focal_point")
    row["warmth"] = row["palette"]["warmth"]
    return row


def variant_of(row: sa.RowMapping) -> Variant:
    values = dict(row)
    del values["warmth"]  # a copy, to search by
    values["focal_point"] = (values.pop("focal_x"), values.pop("focal_y"))
    for part, model in _PARTS.items():
        values[part] = {name: values.pop(name) for name in model.model_fields}
    return Variant.model_validate(values, strict=False)


def tag_rows(variant: Variant) -> list[dict[str, Any]]:
    place = {"title_id": variant.title_id, "variant": variant.variant}
    return [place | {"kind": tag.kind, "tag": tag.tag} for tag in tags_of(variant)]


def character_row(title_id: str, character: CharacterRecord) -> dict[str, Any]:
    return {"title_id": title_id} | character.model_dump(mode="json")


def character_of(row: sa.RowMapping) -> CharacterRecord:
    values = {name: row[name] for name in CharacterRecord.model_fields}
    return CharacterRecord.model_validate(values, strict=False)


def upgrade_from_1(connection: sa.Connection) -> None:
    """Give a catalog of version 1 the tables and columns of version 2, empty, and tell it so."""
    there = {column["name"] for column in sa.inspect(connection).get_columns(VARIANTS.name)}
    for column in VARIANTS.columns:
        if column.name not in there:
            kind = column.type.compile(connection.dialect)
            rest = "" if column.nullable else " NOT NULL DEFAULT '{}'"
            added = f'ALTER TABLE variants ADD COLUMN "{column.name}" {kind}{rest}'
            connection.exec_driver_sql(added)
    METADATA.create_all(connection, tables=[TAGS, CHARACTERS])
    rows = connection.execute(sa.select(VARIANTS)).mappings().all()
    tags = [tag for row in rows for tag in tag_rows(variant_of(row))]
    if tags:
        connection.execute(sa.insert(TAGS), tags)
    connection.execute(sa.update(VERSION).values(schema_version=2))


def failure_of(row: sa.RowMapping) -> Failure:
    values = dict(row)
    values["path"] = unescape_path(values["path"])
    values["failed"] = datetime.fromisoformat(values["failed"])
    return Failure(**values)
