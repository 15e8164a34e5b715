"""The catalog: every title and variant in a database, to be searched over a whole library.

SQLite in one file by default, PostgreSQL by URL. title.json stays the full account of a title;
the catalog holds what one asks across titles. Its tables are described in docs/output.md.

Note [many writers]. Several processes, on several machines with PostgreSQL, write to one
catalog. Everything about a title changes in one transaction that first takes the title's row
(or, in SQLite, the write lock: BEGIN IMMEDIATE, with a long busy timeout), so that of two
writers of one title the later wins whole. SQLite runs in WAL mode: readers never wait.
Connections are not pooled: one that crosses a fork would be shared by two processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import NullPool

from fastthumb.discovery import printable
from fastthumb.errors import ExtraMissing, OutputError, SettingsError
from fastthumb.records import (
    ContentAnalysisRecord,
    MetricsRecord,
    TitleRecord,
    Variant,
    VisualQualityRecord,
    clean_text,
    escape_path,
    unescape_path,
)

CATALOG_FILE = "catalog.db"
CATALOG_VERSION = 1
_BUSY_SECONDS = 60.0
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
_INIT_LOCK = 0x66617374  # PostgreSQL advisory lock while the tables are made: "fast"

_metadata = sa.MetaData()
_version = sa.Table(
    "fastthumb_catalog", _metadata, sa.Column("schema_version", sa.Integer, nullable=False)
)
_titles = sa.Table(
    "titles",
    _metadata,
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
_variants = sa.Table(
    "variants",
    _metadata,
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
)
_failures = sa.Table(
    "failures",
    _metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("settings_key", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("failed", sa.Text, nullable=False),
)


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


class Catalog:
    """The database of a library; a context manager, safe for several processes at once.

    `target` is a file, a folder (its catalog.db) or a database URL: sqlite or postgresql. It is
    made where there is none. Raises OutputError where it cannot be opened or is not a catalog,
    SettingsError for another kind of database, ExtraMissing without its driver. Every method
    raises OutputError, naming the database, where that refuses.
    """

    def __init__(self, target: str | os.PathLike[str]) -> None:
        url = _database_url(target)
        self._name = printable(url.database or "") if _is_sqlite(url) else repr(url)
        try:
            self._engine = sa.create_engine(url, poolclass=NullPool, **_engine_options(url))
        except ImportError as exc:
            raise ExtraMissing(
                f"{self._name}: the driver for this database is not installed; "
                "pip install 'fastthumb[postgres]'"
            ) from exc
        except sa.exc.ArgumentError as exc:
            raise SettingsError(
                f"catalog: wanted a database URL, got {self._name} ({exc}); check it"
            ) from exc
        if _is_sqlite(url):
            sa.event.listen(self._engine, "connect", _configure_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        self._prepare()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; closing twice is fine."""
        self._engine.dispose()

    # -- titles ----------------------------------------------------------------------------

    def upsert_title(self, record: TitleRecord) -> None:
        """Store a title and its variants in place of what was there, and forget its failure."""
        row = _title_row(record)
        variants = [_variant_row(variant) for variant in record.variants]
        with self._write() as connection:
            self._upsert(connection, _titles, row)
            connection.execute(sa.delete(_variants).where(_variants.c.title_id == row["title_id"]))
            if variants:
                connection.execute(sa.insert(_variants), variants)
            connection.execute(
                sa.delete(_failures).where(_failures.c.path == _key(record.source.location))
            )

    def titles(self) -> list[TitleSummary]:
        """All titles, by id."""
        with self._read() as connection:
            rows = connection.execute(sa.select(_titles).order_by(_titles.c.title_id)).mappings()
            return [_title_summary(row) for row in rows]

    def title(self, title_id: str) -> TitleSummary | None:
        """One title; None where the catalog has none of this id."""
        query = sa.select(_titles).where(_titles.c.title_id == clean_text(title_id))
        with self._read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _title_summary(row)

    def variants(
        self,
        title_id: str | None = None,
        *,
        scene_type: str | None = None,
        people: str | None = None,
        min_quality: float | None = None,
    ) -> list[Variant]:
        """The variants of one title or of all, best first within a title, filtered.

        They equal those of title.json. None filters nothing.
        """
        query = sa.select(_variants).order_by(_variants.c.title_id, _variants.c.variant)
        if title_id is not None:
            query = query.where(_variants.c.title_id == clean_text(title_id))
        if scene_type is not None:
            query = query.where(_variants.c.scene_type == scene_type)
        if people is not None:
            query = query.where(_variants.c.people == people)
        if min_quality is not None:
            query = query.where(_variants.c.quality_score >= min_quality)
        with self._read() as connection:
            return [_variant(row) for row in connection.execute(query).mappings()]

    def remove_title(self, title_id: str) -> bool:
        """Remove a title and its variants; returns whether it was there."""
        found = _titles.c.title_id == clean_text(title_id)
        with self._write() as connection:
            return connection.execute(sa.delete(_titles).where(found)).rowcount > 0

    # -- failures --------------------------------------------------------------------------

    def mark_failed(
        self,
        path: str | os.PathLike[str],
        content_hash: str,
        settings_key: str,
        message: str,
        *,
        when: datetime | None = None,
    ) -> None:
        """Remember that this content under these settings gives nothing, in place of older."""
        row = {
            "path": _key(path),
            "content_hash": content_hash,
            "settings_key": settings_key,
            "message": clean_text(message),
            "failed": _stamp(when),
        }
        with self._write() as connection:
            self._upsert(connection, _failures, row)

    def failure(
        self, path: str | os.PathLike[str], content_hash: str, settings_key: str
    ) -> Failure | None:
        """The failure of exactly this content under these settings; None where none is known."""
        query = sa.select(_failures).where(
            _failures.c.path == _key(path),
            _failures.c.content_hash == content_hash,
            _failures.c.settings_key == settings_key,
        )
        with self._read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _failure(row)

    def failures(self) -> list[Failure]:
        """All failures, by path."""
        query = sa.select(_failures).order_by(_failures.c.path)
        with self._read() as connection:
            return [_failure(row) for row in connection.execute(query).mappings()]

    def clear_failure(self, path: str | os.PathLike[str]) -> bool:
        """Forget the failure of a file; returns whether there was one."""
        with self._write() as connection:
            deleted = sa.delete(_failures).where(_failures.c.path == _key(path))
            return connection.execute(deleted).rowcount > 0

    # -- the database ----------------------------------------------------------------------

    @contextlib.contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with self._errors("read"), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with (
            self._errors("written"),
            self._engine.connect().execution_options(fastthumb_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextlib.contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except sa.exc.SQLAlchemyError as exc:
            reason = str(exc.orig) if isinstance(exc, sa.exc.DBAPIError) else str(exc)
            reason = clean_text(" ".join(reason.split()))
            raise OutputError(
                f"{self._name}: the catalog cannot be {done} ({reason}); check that it is a "
                "fastthumb catalog, its permissions and free space, or name another"
            ) from exc

    def _upsert(self, connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> None:
        insert: sqlite.Insert | postgresql.Insert
        if self._engine.dialect.name == "sqlite":
            insert = sqlite.insert(table).values(row)
        else:
            insert = postgresql.insert(table).values(row)
        keys = [column.name for column in table.primary_key]
        changed = {name: insert.excluded[name] for name in row if name not in keys}
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed))

    def _prepare(self) -> None:
        """Make the tables, or check that those that are there are ours and not newer."""
        with self._read() as connection:
            if sa.inspect(connection).has_table(_version.name):
                self._check_version(connection.execute(sa.select(_version)).scalar())
                return
        with self._write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_INIT_LOCK)))
            inspector = sa.inspect(connection)
            if inspector.has_table(_version.name):  # another process was faster
                self._check_version(connection.execute(sa.select(_version)).scalar())
                return
            foreign = sorted(set(_metadata.tables) & set(inspector.get_table_names()))
            if foreign:
                raise OutputError(
                    f"{self._name}: wanted an empty database or a fastthumb catalog, found other "
                    f"tables named {', '.join(foreign)}; name another database"
                )
            _metadata.create_all(connection)
            connection.execute(sa.insert(_version).values(schema_version=CATALOG_VERSION))

    def _check_version(self, version: Any) -> None:
        if version == CATALOG_VERSION:
            return
        advice = "use a newer fastthumb, or name another database"
        if version is None:
            version, advice = "none", "it is damaged; name another database"
        raise OutputError(
            f"{self._name}: wanted catalog version {CATALOG_VERSION}, got {version}; {advice}"
        )


def _database_url(target: str | os.PathLike[str]) -> sa.URL:
    text = os.fspath(target)
    if "://" not in text:
        path = Path(text)
        path = path / CATALOG_FILE if path.is_dir() else path
        return sa.URL.create("sqlite", database=os.fspath(path.absolute()))
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as exc:
        raise SettingsError(
            "catalog: wanted a file or a URL such as postgresql://user@host/name, got a URL that "
            "cannot be parsed; check it"
        ) from exc
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingsError(
            f"catalog: wanted sqlite or postgresql, got {url.get_backend_name()}; "
            "use one of these, or the file title.json of each title"
        )
    if _is_sqlite(url) and url.database in (None, "", ":memory:"):
        raise SettingsError("catalog: wanted a file, got a database in memory; name a file")
    # The driver that the extra installs, whatever SQLAlchemy's own default is.
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _is_sqlite(url: sa.URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _engine_options(url: sa.URL) -> dict[str, Any]:
    options: dict[str, Any] = {"json_serializer": _json}
    if _is_sqlite(url):
        options["connect_args"] = {"timeout": _BUSY_SECONDS}
    return options


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    # Turning WAL on takes the file for itself and does not always wait for other processes.
    # Where the file or its disk does not allow it, the database works without.
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except connection.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                return
            time.sleep(0.02)


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("fastthumb_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _key(path: str | os.PathLike[str]) -> str:
    """A file's path as a key: absolute, so that it is the same from every working folder.

    A URL stays, with one slash behind the scheme, as it looks after it was a Path.
    """
    text = os.fspath(path)
    if _SCHEME.match(text):
        return escape_path(_SCHEME.sub(r"\1:/", text, count=1))
    return escape_path(os.path.abspath(text))  # noqa: PTH100


def _stamp(when: datetime | None = None) -> str:
    return (when or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")


def _title_row(record: TitleRecord) -> dict[str, Any]:
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
        "updated": _stamp(),
    }


def _title_summary(row: sa.RowMapping) -> TitleSummary:
    values = dict(row)
    values["path"] = unescape_path(values["path"])
    values["updated"] = datetime.fromisoformat(values["updated"])
    return TitleSummary(**values)


def _variant_row(variant: Variant) -> dict[str, Any]:
    row = variant.model_dump(mode="json")
    for part in ("visual_quality", "content_analysis", "test_metrics"):
        row |= row.pop(part)
    row["focal_x"], row["focal_y"] = row.pop("focal_point")
    row["warmth"] = row["palette"]["warmth"]
    return row


def _variant(row: sa.RowMapping) -> Variant:
    values = dict(row)
    del values["warmth"]  # a copy, to search by
    values["focal_point"] = (values.pop("focal_x"), values.pop("focal_y"))
    for part, model in (
        ("visual_quality", VisualQualityRecord),
        ("content_analysis", ContentAnalysisRecord),
        ("test_metrics", MetricsRecord),
    ):
        values[part] = {name: values.pop(name) for name in model.model_fields}
    return Variant.model_validate(values, strict=False)


def _failure(row: sa.RowMapping) -> Failure:
    values = dict(row)
    values["path"] = unescape_path(values["path"])
    values["failed"] = datetime.fromisoformat(values["failed"])
    return Failure(**values)
