"""The catalog: what is stored is found, replaced whole, and safe among several processes."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from fastthumb.catalog import CATALOG_FILE, Catalog
from fastthumb.catalog_tables import CHARACTERS, METADATA, TAGS, VARIANTS, VERSION, variant_row
from fastthumb.errors import ExtraMissing, OutputError, SettingsError
from fastthumb.records import SettingRecord, TitleRecord
from in_processes import write_titles
from title_samples import peopled_values, title_record, title_values, variant_values

HASH, KEY = "sha256-sampled:00", "settings-1"

# A scratch PostgreSQL database; every test of the fixture runs there too, and drops its tables.
OTHER_DATABASE = os.environ.get("FASTTHUMB_TEST_DATABASE")


@pytest.fixture(params=["sqlite", "postgresql"] if OTHER_DATABASE else ["sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file or URL of an empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "library.db")
    assert OTHER_DATABASE
    engine = sa.create_engine(OTHER_DATABASE.replace("postgresql://", "postgresql+psycopg://"))
    tables = sa.MetaData()
    with engine.begin() as connection:
        tables.reflect(connection)
        tables.drop_all(connection)
    engine.dispose()
    return OTHER_DATABASE


# -- titles and variants -------------------------------------------------------------------


def test_a_title_is_found_again(database: str) -> None:
    record = title_record("film")
    with Catalog(database) as catalog:
        catalog.upsert_title(record)
    with Catalog(database) as catalog:
        summary = catalog.title("film")
        assert catalog.titles() == [summary]
    assert summary is not None
    assert summary.path == Path("/films/film.mkv")
    assert (summary.variants, summary.shots, summary.frame_rate) == (4, 1, "24000/1001")
    assert (summary.preset, summary.genre) == ("balanced", "default")
    assert summary.settings == record.settings
    assert summary.warnings == record.warnings
    assert abs((datetime.now(UTC) - summary.updated).total_seconds()) < 60


def test_variants_equal_those_of_title_json(database: str) -> None:
    films = [title_record("b-film", 12), title_record("a-film", 4)]
    with Catalog(database) as catalog:
        for film in films:
            catalog.upsert_title(film)
        assert catalog.variants("b-film") == films[0].variants
        assert catalog.variants() == films[1].variants + films[0].variants
        assert catalog.variants("no-film") == []


def test_variants_are_searched_by_their_tags(database: str) -> None:
    record = title_record("film", 12)
    with Catalog(database) as catalog:
        catalog.upsert_title(record)
        found = catalog.variants(scene_type="action", min_quality=0.5)
        assert [v.variant for v in found] == [1, 3, 5, 7]
        assert [v.variant for v in catalog.variants(people="solo")] == [1]


def test_every_tag_is_a_column(tmp_path: Path) -> None:
    with Catalog(tmp_path) as catalog:
        catalog.upsert_title(title_record("film", 2))
    connection = sqlite3.connect(tmp_path / CATALOG_FILE)
    rows = connection.execute(
        "SELECT v.file FROM variants v JOIN titles t USING (title_id), json_each(v.objects) "
        "WHERE json_each.value = 'dog' AND sharpness > 0.5 AND warmth < 0 AND t.width = 1920 "
        "AND json_extract(scores, '$.visual') > 0.5"
    ).fetchall()
    connection.close()
    assert rows == [("02-action.jpg",)]


def test_processing_again_replaces_everything(database: str) -> None:
    again = title_record("film", 4, device="cuda:0", variants=[variant_values("film", 7)])
    with Catalog(database) as catalog:
        catalog.upsert_title(title_record("film", 12))
        catalog.upsert_title(title_record("other", 4))
        catalog.upsert_title(again)
        assert catalog.variants("film") == again.variants
        assert [(t.title_id, t.device, t.variants) for t in catalog.titles()] == [
            ("film", "cuda:0", 1),
            ("other", "cpu", 4),
        ]


def test_a_title_without_variants(database: str) -> None:
    with Catalog(database) as catalog:
        catalog.upsert_title(title_record("film", 0))
        assert catalog.variants("film") == []
        assert catalog.titles()[0].variants == 0


def test_removing_a_title_removes_its_variants(database: str) -> None:
    with Catalog(database) as catalog:
        catalog.upsert_title(title_record("film"))
        assert catalog.remove_title("film")
        assert not catalog.remove_title("film")
        assert catalog.titles() == []
        assert catalog.variants() == []


def test_names_of_any_bytes(database: str) -> None:
    path = Path(os.fsdecode(b"/films/\xe9t\xe9\\.mkv"))
    source = {**title_values()["source"], "path": path}
    record = title_record("été", source=source, warnings=["\udce9\x00"])
    with Catalog(database) as catalog:
        catalog.upsert_title(record)
        catalog.mark_failed(path, HASH, KEY, "\udce9: \x00 bytes")
        assert catalog.title("été") == catalog.titles()[0]
        assert catalog.titles()[0].path == path
        assert catalog.titles()[0].warnings == [r"\xe9\x00"]
        assert catalog.failures()[0].path == path
        assert str(catalog.failures()[0]) == r"\xe9: \x00 bytes"


# -- people and tags -----------------------------------------------------------------------


def test_people_and_what_pictures_show_are_searched(database: str) -> None:
    film = TitleRecord.model_validate(peopled_values("film"))
    other = TitleRecord.model_validate(peopled_values("other"))
    with Catalog(database) as catalog:
        catalog.upsert_title(film)
        catalog.upsert_title(other)
        assert catalog.variants("film") == film.variants
        assert catalog.characters("film") == film.characters
        assert catalog.characters("no-film") == []

        def found(*tags: tuple[str, str]) -> list[int]:
            return [one.variant for one in catalog.variants("film", tags=tags)]

        assert found(("character", "Ada King")) == [1, 2]
        assert found(("character", "Ada King"), ("character", "lead-2")) == [2]
        assert found(("setting", "indoor")) == [1, 2]
        assert found(("setting", "night"), ("object", "car")) == [3]
        assert found(("people", "none"), ("setting", "outdoor")) == [4]
        assert found(("character", "nobody")) == []
        assert len(catalog.variants(tags=[("composition", "close-up")])) == 2

        catalog.upsert_title(title_record("film", 1))
        assert catalog.characters("film") == []
        assert found(("character", "Ada King")) == []
        assert catalog.remove_title("other")
        assert catalog.variants(tags=[("character", "lead-2")]) == []


def test_tags_are_rows_for_any_sql_tool(tmp_path: Path) -> None:
    with Catalog(tmp_path) as catalog:
        catalog.upsert_title(TitleRecord.model_validate(peopled_values()))
    connection = sqlite3.connect(tmp_path / CATALOG_FILE)
    rows = connection.execute(
        "SELECT v.file, c.screen_seconds FROM variants v JOIN tags t USING (title_id, variant) "
        "JOIN characters c ON c.title_id = t.title_id AND c.name = t.tag "
        "WHERE t.kind = 'character' AND c.role = 'lead' AND v.indoor > 0.85"
    ).fetchall()
    connection.close()
    assert rows == [("01-action.jpg", 60.5)]


def test_a_catalog_of_version_1_is_brought_up_to_date(database: str) -> None:
    """Made as version 1 made it: without the tables and columns that came later."""
    Catalog(database).close()
    with Catalog(database) as catalog, catalog._write() as connection:
        for table in (TAGS, CHARACTERS):
            table.drop(connection)
        later = [*SettingRecord.model_fields, "faces", "object_boxes", "rule_inputs"]
        for name in later:
            connection.exec_driver_sql(f"ALTER TABLE variants DROP COLUMN {name}")
        old = title_record("film", 3)
        row = {"title_id": "film", "path": "/films/film.mkv", "content_hash": "", "width": 1}
        row |= {"height": 1, "codec": "h264", "device": "cpu", "frames_analyzed": 1, "shots": 1}
        row |= {"variants": 3, "warnings": [], "settings": {}, "fastthumb_version": "0.1.0"}
        row["updated"] = "2026-01-01T00:00:00+00:00"
        connection.execute(sa.insert(METADATA.tables["titles"]), [row])
        for variant in old.variants:
            values = variant_row(variant)
            values = {name: value for name, value in values.items() if name not in later}
            columns = [VARIANTS.c[name] for name in values]
            connection.execute(sa.insert(sa.table("variants", *map(_plain, columns))), [values])
        connection.execute(sa.update(VERSION).values(schema_version=1))
    with Catalog(database) as catalog:
        assert [title.title_id for title in catalog.titles()] == ["film"]
        assert catalog.variants("film") == old.variants
        assert [one.variant for one in catalog.variants(tags=[("object", "dog")])] == [2]
        catalog.upsert_title(TitleRecord.model_validate(peopled_values("film")))
        assert len(catalog.characters("film")) == 2
    with Catalog(database) as catalog:
        assert len(catalog.characters("film")) == 2


def _plain(column: sa.Column[object]) -> sa.ColumnClause[object]:
    return sa.column(column.name, column.type)


# -- failures ------------------------------------------------------------------------------


def test_a_failure_holds_for_one_content_and_one_set_of_settings(database: str) -> None:
    when = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    with Catalog(database) as catalog:
        catalog.mark_failed("/films/bad.mkv", HASH, KEY, "no frame decodes", when=when)
        failure = catalog.failure(Path("/films/bad.mkv"), HASH, KEY)
        assert failure is not None
        assert f"{failure}" == "no frame decodes"
        assert failure.failed == when
        assert catalog.failures() == [failure]
        assert catalog.failure("/films/bad.mkv", "sha256-sampled:11", KEY) is None
        assert catalog.failure("/films/bad.mkv", HASH, "settings-2") is None
        assert catalog.failure("/films/good.mkv", HASH, KEY) is None


def test_a_newer_failure_replaces_the_older(database: str) -> None:
    with Catalog(database) as catalog:
        catalog.mark_failed("/films/bad.mkv", HASH, KEY, "first")
        catalog.mark_failed("/films/bad.mkv", HASH, "settings-2", "second")
        assert [str(failure) for failure in catalog.failures()] == ["second"]
        assert catalog.clear_failure("/films/bad.mkv")
        assert not catalog.clear_failure("/films/bad.mkv")
        assert catalog.failures() == []


def test_success_forgets_the_failure(database: str) -> None:
    with Catalog(database) as catalog:
        catalog.mark_failed("/films/film.mkv", HASH, KEY, "broken")
        catalog.mark_failed("/films/other.mkv", HASH, KEY, "broken")
        catalog.upsert_title(title_record("film"))
        assert [failure.path.name for failure in catalog.failures()] == ["other.mkv"]


def test_a_failure_is_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog(tmp_path) as catalog:
        monkeypatch.chdir(tmp_path)
        catalog.mark_failed("bad.mkv", HASH, KEY, "broken")
        catalog.mark_failed("https://host/a/b.mkv", HASH, KEY, "broken")
        assert catalog.failure(tmp_path / "bad.mkv", HASH, KEY)
        assert catalog.failure(Path("https://host/a/b.mkv"), HASH, KEY)


# -- several processes ---------------------------------------------------------------------


def test_several_processes_make_and_fill_one_catalog(database: str) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_titles, args=(database, k, 6)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    with Catalog(database) as catalog:
        assert len(catalog.titles()) == 4 * 6 + 1
        assert len(catalog.failures()) == 4
        shared = catalog.title("shared")
        assert shared is not None
        assert len(catalog.variants("shared")) == shared.variants  # one writer's rows, whole


def test_reading_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    with Catalog(tmp_path) as catalog:
        catalog.upsert_title(title_record("film"))
        writer = sqlite3.connect(tmp_path / CATALOG_FILE, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM titles")
        assert [title.title_id for title in catalog.titles()] == ["film"]
        writer.close()


# -- what is not a catalog -----------------------------------------------------------------


def test_a_folder_means_its_catalog(tmp_path: Path) -> None:
    Catalog(tmp_path).close()
    with sqlite3.connect(tmp_path / CATALOG_FILE) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_sqlite_url(tmp_path: Path) -> None:
    with Catalog(f"sqlite:///{tmp_path}/x.db") as catalog:
        assert catalog.titles() == []
    assert (tmp_path / "x.db").exists()


@pytest.mark.parametrize("version", [3, None])
def test_another_version_is_refused(tmp_path: Path, version: int | None) -> None:
    Catalog(tmp_path).close()
    with sqlite3.connect(tmp_path / CATALOG_FILE) as connection:
        if version is None:
            connection.execute("DELETE FROM fastthumb_catalog")
        else:
            connection.execute("UPDATE fastthumb_catalog SET schema_version = ?", [version])
    connection.close()
    wanted = "newer fastthumb" if version else "damaged"
    with pytest.raises(OutputError, match=rf"catalog\.db: wanted catalog version 2.*{wanted}"):
        Catalog(tmp_path)


def test_the_tables_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / CATALOG_FILE) as connection:
        connection.execute("CREATE TABLE titles (name TEXT)")
    connection.close()
    with pytest.raises(OutputError, match="other tables named titles"):
        Catalog(tmp_path)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / CATALOG_FILE).write_bytes(b"not a database, but a long enough text " * 50)
    with pytest.raises(OutputError, match=r"catalog\.db: .*not a database"):
        Catalog(tmp_path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"missing/x\.db: the catalog cannot be read"):
        Catalog(tmp_path / "missing" / "x.db")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:secret@h/d",
        "sqlite://",
        "nonsense://x",
        "postgresql://u:secret@h:x/d",
        "postgresql+nonsense://u:secret@h/d",
    ],
)
def test_databases_that_are_not_supported(url: str) -> None:
    with pytest.raises(SettingsError, match="catalog: wanted") as caught:
        Catalog(url)
    assert "secret" not in str(caught.value)


def test_a_missing_driver_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ExtraMissing, match=r"fastthumb\[postgres\]") as caught:
        Catalog("postgresql://u:secret@host/d")
    assert "secret" not in str(caught.value)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(OutputError, match="catalog cannot be read") as caught:
        Catalog("postgresql://u:secret@127.0.0.1:1/d")
    assert "secret" not in str(caught.value)
