"""Many titles: resuming, failing alone, quarantine, interruption, worker processes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fastthumb import batch
from fastthumb.batch import Outcome, run_batch, summary
from fastthumb.discovery import find_videos, plan_jobs
from fastthumb.errors import DeviceUnavailable
from fastthumb.events import Event
from fastthumb.planning import Plan
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


def made_of(title: Path) -> dict[str, object]:
    """All files of a title; of title.json all but how long it took."""
    files: dict[str, object] = {path.name: path.read_bytes() for path in title.iterdir()}
    record = json.loads((title / "title.json").read_text())
    taken = ("timings", "wall_seconds")
    return files | {"title.json": {k: v for k, v in record.items() if k not in taken}}


def test_the_number_of_workers_changes_nothing(folder: Path, tmp_path: Path) -> None:
    one, _ = run(folder, tmp_path / "one", workers=1)
    two, _ = run(folder, tmp_path / "two", workers=2)
    assert statuses(one) == statuses(two)
    for title in ("a", "c"):
        assert made_of(tmp_path / "one" / title) == made_of(tmp_path / "two" / title)


@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_the_number_of_workers_changes_nothing_of_real_films(
    video: Callable[[str], Path], models: Path, tmp_path: Path, preset: str
) -> None:
    films = [video(name) for name in ("hamilton_whitehouse_10s.mp4", "expressions_man_7s.mp4")]
    settings = Settings.build(preset=preset, models_dir=str(models), aspects=("2:3",))
    jobs = {n: plan_jobs(films, tmp_path / str(n)) for n in (1, 2)}
    for workers, planned in jobs.items():
        outcomes = run_batch(planned, tmp_path / str(workers), settings, workers=workers)
        assert [outcome.status for outcome in outcomes] == ["done", "done"]
    for one, two in zip(jobs[1], jobs[2], strict=True):
        assert made_of(one.folder) == made_of(two.folder)


class Lanes:
    """Stands in for worker processes; notes what is made in which order, with how many threads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
        self.made: list[tuple[str, int]] = []
        self.devices: list[str] = []  # of the processes, in the order in which they were started
        monkeypatch.setattr(batch, "_Lane", self.start)
        monkeypatch.setattr(batch, "usable_cores", lambda: cores)
        monkeypatch.setattr(batch, "_make_one", self.make_here)

    def start(self, _context: object, _queue: object, device: str) -> Lanes:
        self.devices.append(device)
        return self

    def make(self, plan: Plan, _settings: Settings, threads: int) -> Outcome:
        self.made.append((plan.job.title_id, threads))
        return Outcome(plan.job, "failed", "not tried")

    def make_here(
        self, plan: Plan, settings: Settings, device: str, threads: int, _: object
    ) -> Outcome:
        self.devices.append(device)
        return self.make(plan, settings, threads)

    def kill(self) -> None:
        """Nothing is there to be killed."""

    def close(self) -> None:
        """Nothing is open."""


def three_files(tmp_path: Path) -> Path:
    videos = tmp_path / "videos"
    videos.mkdir()
    for name, size in (("a", 10), ("b", 3000), ("c", 200)):
        (videos / f"{name}.mp4").write_bytes(b"x" * size)
    return videos


@pytest.mark.parametrize(
    ("cores", "workers", "threads"),
    [(8, 1, 8), (8, 2, 4), (8, 3, 2), (2, 3, 1), (9, None, 3), (8, 100, 2)],
)
def test_the_cores_are_shared_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    workers: int | None,
    threads: int,
) -> None:
    lanes = Lanes(monkeypatch, cores)
    run(three_files(tmp_path), tmp_path / "out", workers=workers)
    assert {used for _, used in lanes.made} == {threads}
    assert len(lanes.made) == 3


@pytest.mark.parametrize(
    ("devices", "workers", "used", "threads"),
    [
        (("cuda:0",), None, ["cuda:0", "cuda:0"], 8),
        (("cuda:0", "cuda:2"), None, ["cuda:0", "cuda:2", "cuda:0"], 10),
        (("cuda:0", "cuda:1"), 2, ["cuda:0", "cuda:1"], 16),
        (("cuda:1",), 1, ["cuda:1"] * 3, 16),
    ],
)
def test_titles_take_turns_with_the_gpus(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    devices: tuple[str, ...],
    workers: int | None,
    used: list[str],
    threads: int,
) -> None:
    lanes = Lanes(monkeypatch, cores=4)
    run(three_files(tmp_path), tmp_path / "out", workers=workers, devices=devices)
    assert lanes.devices == used
    assert {each for _, each in lanes.made} == {threads}, "more than cores: they wait for the GPU"


def test_a_gpu_that_fails_takes_only_its_title_and_not_for_good(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = batch.make_title

    def failing(path: object, title_id: str, *rest: object, **options: object) -> object:
        if title_id == "a":
            raise DeviceUnavailable("GPU 0: an illegal address; start again")
        return make(path, title_id, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "make_title", failing)
    outcomes, _ = run(folder, tmp_path / "out")
    assert statuses(outcomes) == {"a": "failed", "broken": "failed", "c": "done"}
    assert outcomes[0].message == "GPU 0: an illegal address; start again"
    monkeypatch.undo()
    assert statuses(run(folder, tmp_path / "out")[0])["a"] == "done", "the film is not to blame"


def test_the_largest_files_come_first_and_outcomes_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = Lanes(monkeypatch, 2)

    class InOrder(ThreadPoolExecutor):
        def __init__(self, _: int) -> None:
            super().__init__(1)

    monkeypatch.setattr(batch, "ThreadPoolExecutor", InOrder)
    outcomes, _ = run(three_files(tmp_path), tmp_path / "out", workers=2)
    assert [title for title, _ in lanes.made] == ["b", "c", "a"]
    assert [outcome.job.title_id for outcome in outcomes] == ["a", "b", "c"]


def test_a_run_tells_where_its_work_went(folder: Path, tmp_path: Path) -> None:
    outcomes, _ = run(folder, tmp_path / "out", workers=2)
    event = summary(outcomes, 2.0)
    assert (event.done, event.unchanged, event.failed) == (2, 0, 1)
    assert event.stages is not None
    assert event.stages["decode"]["frames"] == event.frames_decoded == 288
    assert event.film_seconds == pytest.approx(12.0, abs=0.1)
    again = summary(run(folder, tmp_path / "out")[0], 1.0)
    assert (again.unchanged, again.stages, again.film_seconds) == (2, {}, 0.0)


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
