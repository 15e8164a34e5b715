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
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import NullPool

from fastthumb.catalog_tables import (
    CHARACTERS,
    FAILURES,
    METADATA,
    TAGS,
    TITLES,
    VARIANTS,
    VERSION,
    Failure,
    TitleSummary,
    character_of,
    character_row,
    failure_of,
    stamp,
    tag_rows,
    title_row,
    title_summary,
    upgrade_from_1,
    variant_of,
    variant_row,
)
from fastthumb.errors import ExtraMissing, OutputError, SettingsError
from fastthumb.names import printable
from fastthumb.records import CharacterRecord, TitleRecord, Variant, clean_text, escape_path

CATALOG_FILE = "catalog.db"
CATALOG_VERSION = 2
_BUSY_SECONDS = 60.0
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
_INIT_LOCK = 0x66617374  # PostgreSQL advisory lock while the tables are made: "fast"


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
        """Store a title, its variants and its people in place of what was there.

        Its failure is forgotten.
        """
        row = title_row(record)
        variants = [variant_row(variant) for variant in record.variants]
        tags = [tag for variant in record.variants for tag in tag_rows(variant)]
        people = [character_row(record.title_id, one) for one in record.characters]
        with self._write() as connection:
            self._upsert(connection, TITLES, row)
            for table, rows in ((VARIANTS, variants), (TAGS, tags), (CHARACTERS, people)):
                connection.execute(sa.delete(table).where(table.c.title_id == row["title_id"]))
                if rows:
                    connection.execute(sa.insert(table), rows)
            connection.execute(
                sa.delete(FAILURES).where(FAILURES.c.path == _key(record.source.location))
            )

    def titles(self) -> list[TitleSummary]:
        """All titles, by id."""
        with self._read() as connection:
            rows = connection.execute(sa.select(TITLES).order_by(TITLES.c.title_id)).mappings()
            return [title_summary(row) for row in rows]

    def title(self, title_id: str) -> TitleSummary | None:
        """One title; None where the catalog has none of this id."""
        query = sa.select(TITLES).where(TITLES.c.title_id == clean_text(title_id))
        with self._read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else title_summary(row)

    def variants(
        self,
        title_id: str | None = None,
        *,
        scene_type: str | None = None,
        people: str | None = None,
        min_quality: float | None = None,
        tags: Iterable[tuple[str, str]] = (),
    ) -> list[Variant]:
        """The variants of one title or of all, best first within a title, filtered.

        They equal those of title.json. None filters nothing; `tags` are (kind, tag) as in
        artwork/tags.py, such as ("character", "Ada"), and a variant needs all of them.
        """
        query = sa.select(VARIANTS).order_by(VARIANTS.c.title_id, VARIANTS.c.variant)
        if title_id is not None:
            query = query.where(VARIANTS.c.title_id == clean_text(title_id))
        if scene_type is not None:
            query = query.where(VARIANTS.c.scene_type == scene_type)
        if people is not None:
            query = query.where(VARIANTS.c.people == people)
        if min_quality is not None:
            query = query.where(VARIANTS.c.quality_score >= min_quality)
        for kind, tag in tags:
            tagged = sa.select(TAGS.c.tag).where(
                TAGS.c.title_id == VARIANTS.c.title_id,
                TAGS.c.variant == VARIANTS.c.variant,
                TAGS.c.kind == kind,
                TAGS.c.tag == clean_text(tag),
            )
            query = query.where(tagged.exists())
        with self._read() as connection:
            return [variant_of(row) for row in connection.execute(query).mappings()]

    def characters(self, title_id: str) -> list[CharacterRecord]:
        """The people of a title, most screen time first, as in title.json."""
        query = sa.select(CHARACTERS).where(CHARACTERS.c.title_id == clean_text(title_id))
        query = query.order_by(CHARACTERS.c.screen_seconds.desc(), CHARACTERS.c.name)
        with self._read() as connection:
            return [character_of(row) for row in connection.execute(query).mappings()]

    def remove_title(self, title_id: str) -> bool:
        """Remove a title and its variants; returns whether it was there."""
        found = TITLES.c.title_id == clean_text(title_id)
        with self._write() as connection:
            return connection.execute(sa.delete(TITLES).where(found)).rowcount > 0

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
            "failed": stamp(when),
        }
        with self._write() as connection:
            self._upsert(connection, FAILURES, row)

    def failure(
        self, path: str | os.PathLike[str], content_hash: str, settings_key: str
    ) -> Failure | None:
        """The failure of exactly this content under these settings; None where none is known."""
        query = sa.select(FAILURES).where(
            FAILURES.c.path == _key(path),
            FAILURES.c.content_hash == content_hash,
            FAILURES.c.settings_key == settings_key,
        )
        with self._read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else failure_of(row)

    def failures(self) -> list[Failure]:
        """All failures, by path."""
        query = sa.select(FAILURES).order_by(FAILURES.c.path)
        with self._read() as connection:
            return [failure_of(row) for row in connection.execute(query).mappings()]

    def clear_failure(self, path: str | os.PathLike[str]) -> bool:
        """Forget the failure of a file; returns whether there was one."""
        with self._write() as connection:
            deleted = sa.delete(FAILURES).where(FAILURES.c.path == _key(path))
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
            if sa.inspect(connection).has_table(VERSION.name):
                version = connection.execute(sa.select(VERSION)).scalar()
                if version != 1:
                    self._check_version(version)
                    return
        with self._write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_INIT_LOCK)))
            inspector = sa.inspect(connection)
            if inspector.has_table(VERSION.name):  # of version 1, or another process was faster
                version = connection.execute(sa.select(VERSION)).scalar()
                if version == 1:
                    upgrade_from_1(connection)
                else:
                    self._check_version(version)
                return
            foreign = sorted(set(METADATA.tables) & set(inspector.get_table_names()))
            if foreign:
                raise OutputError(
                    f"{self._name}: wanted an empty database or a fastthumb catalog, found other "
                    f"tables named {', '.join(foreign)}; name another database"
                )
            METADATA.create_all(connection)
            connection.execute(sa.insert(VERSION).values(schema_version=CATALOG_VERSION))

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
