"""Many titles: resuming, failing alone, quarantine, interruption, worker processes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fastthumb import batch
from fastthumb.batch import Outcome, run_batch
from fastthumb.discovery import find_videos, plan_jobs
from fastthumb.events import Event
from fastthumb.records import read_title
from fastthumb.settings import Settings
from films import three_shots
from in_processes import killing_worker

SETTINGS = Settings.build(preset="best", variants=4)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_shots(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.fixture
def folder(tmp_path: Path, film: Path) -> Path:
    """A folder with a good film, a broken one and another good one."""
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy(film, videos / "a.mp4")
    (videos / "broken.mp4").write_text("this is no video")
    three_shots(videos / "c.mp4", seed=1)
    return videos


def run(videos: Path, out: Path, **options: object) -> tuple[list[Outcome], list[Event]]:
    events: list[Event] = []
    settings = options.pop("settings", SETTINGS)
    jobs = plan_jobs(find_videos([videos])[0], out)
    options.setdefault("workers", 1)
    outcomes = run_batch(jobs, out, settings, listener=events.append, **options)  # type: ignore[arg-type]
    return outcomes, events


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.job.title_id: outcome.status for outcome in outcomes}


def files_of(out: Path) -> dict[str, int]:
    return {str(f.relative_to(out)): f.stat().st_mtime_ns for f in out.rglob("*") if f.is_file()}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_video_fails_alone_and_is_named(
    folder: Path, tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "out"
    outcomes, events = run(folder, out, workers=workers)
    assert statuses(outcomes) == {"a": "done", "broken": "failed", "c": "done"}
    assert "broken.mp4" in outcomes[1].message
    assert "\n" not in outcomes[1].message
    assert [e.title for e in events if e.event == "failed"] == ["broken"]
    for title in ("a", "c"):
        record = read_title(out / title)
        assert all((out / title / name).stat().st_size > 0 for name in record.file_names())
    assert "broken" in (out / "index.html").read_text()
    assert not list(out.glob(".*.partial"))


def test_the_number_of_workers_changes_nothing(folder: Path, tmp_path: Path) -> None:
    one, _ = run(folder, tmp_path / "one", workers=1)
    two, _ = run(folder, tmp_path / "two", workers=2)
    for a, b in zip(one, two, strict=True):
        if a.record and b.record:
            assert a.record.variants == b.record.variants
            assert a.record.shots == b.record.shots


def test_a_second_run_does_nothing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(folder, out)
    before = files_of(out / "a") | files_of(out / "c")
    outcomes, events = run(folder, out)
    assert statuses(outcomes) == {"a": "unchanged", "broken": "failed", "c": "unchanged"}
    assert not [event for event in events if event.event == "started"]
    assert files_of(out / "a") | files_of(out / "c") == before


def test_force_other_settings_and_a_missing_file_each_make_it_again(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first, _ = run(folder, out)
    assert statuses(run(folder, out, force=True)[0])["a"] == "done"
    other = Settings.build(preset="best", variants=4, image_format="png")
    outcomes, _ = run(folder, out, settings=other)
    assert statuses(outcomes)["a"] == "done"
    assert not list((out / "a").glob("0*.jpg")), "files of the settings before were left behind"
    (out / "a" / outcomes[0].record.variants[0].file).unlink()  # type: ignore[union-attr]
    assert statuses(run(folder, out, settings=other)[0])["a"] == "done"
    assert first[0].record is not None


def test_a_failure_is_not_tried_again_until_the_file_changes(
    folder: Path, tmp_path: Path, film: Path
) -> None:
    out = tmp_path / "out"
    run(folder, out)
    outcomes, events = run(folder, out)
    assert "as before" in outcomes[1].message
    assert "broken" not in [event.title for event in events if event.event == "started"]
    assert "broken" in [e.title for e in run(folder, out, force=True)[1] if e.event == "started"]
    shutil.copy(film, folder / "broken.mp4")
    assert statuses(run(folder, out)[0])["broken"] == "done"
    assert statuses(run(folder, out)[0])["broken"] == "unchanged"


def test_a_dry_run_writes_nothing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcomes, events = run(folder, out, dry_run=True)
    assert {event.event for event in events} == {"planned"}
    assert len(outcomes) == 3
    assert not out.exists()
    run(folder, out)
    plans = {o.job.title_id: o.status for o in run(folder, out, dry_run=True)[0]}
    assert plans["a"] == "unchanged"


def test_an_interrupt_keeps_what_is_done_and_leaves_nothing_half_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    make_title = batch.make_title

    def interrupted(path: Path, title_id: str, *args: object, **options: object) -> object:
        record = make_title(path, title_id, *args, **options)  # type: ignore[arg-type]
        if title_id == "c":
            raise KeyboardInterrupt
        return record

    monkeypatch.setattr(batch, "make_title", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(folder, out)
    monkeypatch.undo()
    assert not (out / "c").exists()
    assert not list(out.glob(".*.partial"))
    assert statuses(run(folder, out)[0]) == {"a": "unchanged", "broken": "failed", "c": "done"}


def test_a_worker_that_dies_takes_only_its_title(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "broken.mp4").rename(folder / "b-kills.mp4")
    monkeypatch.setattr(batch, "_make_in_worker", killing_worker)
    outcomes, _ = run(folder, tmp_path / "out", workers=2)
    assert statuses(outcomes) == {"a": "done", "b-kills": "failed", "c": "done"}
    assert "died" in outcomes[1].message


def test_an_output_that_cannot_be_written_is_an_error_not_a_quarantine(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").write_text("a file where the title's folder has to be")
    outcomes, _ = run(folder, out)
    assert statuses(outcomes) == {"a": "failed", "broken": "failed", "c": "done"}
    assert str(out / "a") in outcomes[0].message
    (out / "a").unlink()
    assert statuses(run(folder, out)[0])["a"] == "done"
