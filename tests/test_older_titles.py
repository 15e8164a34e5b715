"""Titles that an older fastthumb made stay in the gallery; the next run makes them anew."""

from __future__ import annotations

import json
from pathlib import Path

from fastthumb import batch
from fastthumb.catalog import CATALOG_FILE, Catalog
from fastthumb.discovery import find_videos, plan_jobs
from fastthumb.fingerprint import content_hash
from fastthumb.overview import write_overview
from fastthumb.records import TITLE_FILE, read_title
from fastthumb.settings import Settings
from test_records import version_1
from title_samples import title_record

# Settings that version 1 did not know.
LATER = {
    "detect", "small_faces", "models_dir", "cast", "rules_file", "genres_file", "inputs_hash",
    "window", "pins", "bans",
}  # fmt: skip


def test_a_title_of_version_1_is_planned_again(tmp_path: Path) -> None:
    video = tmp_path / "film.mp4"
    video.write_bytes(b"not opened, only hashed")
    (job,) = plan_jobs(find_videos([video])[0], tmp_path / "out")
    settings = Settings.build(detect=False)
    stored = settings.model_dump(mode="json")
    for old in (True, False):
        own = {name: value for name, value in stored.items() if not (old and name in LATER)}
        record = title_record("film", content_hash=content_hash(video), settings=own)
        document = version_1(record) if old else json.loads(record.model_dump_json())
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / TITLE_FILE).write_text(json.dumps(document), encoding="utf-8")
        for name in record.file_names():
            (job.folder / name).touch()
        (outcome,) = batch.run_batch([job], tmp_path / "out", settings, dry_run=True)
        assert outcome.status == ("planned" if old else "unchanged")
        assert batch._files_before(job.folder) == set(record.file_names())


def test_titles_of_version_1_stay_in_the_gallery(tmp_path: Path) -> None:
    record = title_record("film")
    (tmp_path / "film").mkdir()
    (tmp_path / "film" / TITLE_FILE).write_text(json.dumps(version_1(record)), encoding="utf-8")
    assert read_title(tmp_path / "film").characters == []
    with Catalog(tmp_path / CATALOG_FILE) as catalog:
        catalog.upsert_title(record)
        page = write_overview(tmp_path, catalog, {}).read_text(encoding="utf-8")
    assert "1 title" in page
