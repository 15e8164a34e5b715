"""Many titles: what is still to do, over how many processes, and what became of each.

A title is made in a staging folder beside its final one and published file by file at the
end, title.json last, so that an interrupted run leaves the finished titles and nothing
half-written. A title fails alone: errors are kept per title, and a worker process that dies
takes only the title it was working on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Literal

from fastthumb.analysis.subtitles import sidecars
from fastthumb.analysis.synopsis import synopsis_files
from fastthumb.artwork.genres import priorities_of
from fastthumb.atomic import make_folder
from fastthumb.catalog import CATALOG_FILE, Catalog
from fastthumb.discovery import Job
from fastthumb.errors import FastthumbError, OutputError, Unreadable
from fastthumb.events import Event, Listener
from fastthumb.fingerprint import content_hash, with_sidecars
from fastthumb.looking import Model, models_for, shortcomings
from fastthumb.names import printable
from fastthumb.overview import write_overview
from fastthumb.pipeline import make_title
from fastthumb.publishing import publish
from fastthumb.rechoose import choose_again
from fastthumb.records import TitleRecord, read_title
from fastthumb.seasons import keep_apart
from fastthumb.settings import Settings

Status = Literal["done", "unchanged", "failed", "planned"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one title; `record` where it is done or unchanged."""

    job: Job
    status: Status
    message: str = ""
    record: TitleRecord | None = None
    seconds: float = 0.0
    quarantine: bool = False  # failed for a reason that only another file content can mend
    hash: str | None = None


def run_batch(
    jobs: list[Job],
    out: Path,
    settings: Settings,
    *,
    workers: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    listener: Listener = lambda _event: None,
) -> list[Outcome]:
    """Make every title that is not there yet, and return one Outcome per job, in job order.

    `workers` processes work at once (default: one per core, at most one per title); a single
    worker runs in this process and decodes with several threads instead. Raises OutputError
    where `out` cannot be written, KeyboardInterrupt after tidying up where interrupted.
    """
    priorities_of(
        settings.genre, settings.genres_file
    )  # a genre that is not known is said before hours of decoding
    workers = min(workers or os.cpu_count() or 1, max(len(jobs), 1))
    outcomes: dict[Job, Outcome] = {}
    if dry_run:
        models = models_for(settings)
        plans = [_plan(job, settings, models, None, force) for job in jobs]
        for plan in plans:
            listener(Event("planned", plan.job.title_id, printable(plan.job.path), plan.message))
        return plans
    make_folder(out)
    with Catalog(out / CATALOG_FILE) as catalog:
        todo = []
        models = models_for(settings)
        for job in jobs:
            plan = _plan(job, settings, models, catalog, force)
            if plan.status == "planned":
                todo.append((job, plan.hash))
            else:
                outcomes[job] = plan
                _tell(plan, listener, ())
        common = shortcomings(settings) if todo else []
        for message in common:
            listener(Event("warning", message=message))
        try:
            for outcome in _make_all(todo, settings, workers, listener):
                outcomes[outcome.job] = outcome
                _keep(outcome, catalog, settings)
                _tell(outcome, listener, common)
            _keep_seasons_apart(outcomes, catalog, listener)
        finally:
            failed = [one for one in outcomes.values() if one.status == "failed"]
            messages = {printable(one.job.path): one.message for one in failed}
            write_overview(out, catalog, messages)
    return [outcomes[job] for job in jobs]


def _plan(
    job: Job,
    settings: Settings,
    models: Sequence[Model],
    catalog: Catalog | None,
    force: bool,
) -> Outcome:
    """What is to be done with a job: planned, unchanged, or failed as before."""
    try:
        digest = _digest(job.path) if isinstance(job.path, Path) else None
    except Unreadable as exc:
        return Outcome(job, "failed", str(exc))
    planned = Outcome(job, "planned", "would be processed", hash=digest)
    if force or digest is None:
        return planned
    with contextlib.suppress(OutputError):
        record = read_title(job.folder)
        same = record.content_hash == digest and record.settings == settings.model_dump(mode="json")
        used = [(model.name, model.task, model.sha256) for model in record.models]
        same = same and sorted(used) == sorted(models)
        if same and all((job.folder / name).exists() for name in record.file_names()):
            return Outcome(job, "unchanged", "content and settings unchanged", record, hash=digest)
    failure = catalog.failure(job.path, digest, settings.key()) if catalog else None
    if failure:
        message = f"{failure.message} (as before; the file has not changed, --force tries again)"
        return Outcome(job, "failed", message, hash=digest)
    return planned


def _digest(video: Path) -> str:
    """The fingerprint of a video and of the subtitles and the synopsis beside it."""
    beside = [*sidecars(video), *synopsis_files(video)]
    return with_sidecars(content_hash(video), beside)


def _make_all(
    todo: list[tuple[Job, str | None]], settings: Settings, workers: int, listener: Listener
) -> Iterator[Outcome]:
    if workers == 1 or len(todo) <= 1:
        for job, digest in todo:
            yield _make_one(job, digest, settings, None, listener)
        return
    context = multiprocessing.get_context("spawn")
    queue: SimpleQueue[Event | None] = context.SimpleQueue()
    relay = threading.Thread(target=_relay, args=(queue, listener), daemon=True)
    relay.start()
    lanes = [_Lane(context, queue) for _ in range(min(workers, len(todo)))]
    idle = list(lanes)

    def make(job: Job, digest: str | None) -> Outcome:
        lane = idle.pop()
        try:
            return lane.make(job, digest, settings)
        finally:
            idle.append(lane)

    with ThreadPoolExecutor(len(lanes)) as threads:
        futures = [threads.submit(make, job, digest) for job, digest in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            for lane in lanes:
                lane.kill()
            for job, _ in todo:
                shutil.rmtree(_staging(job), ignore_errors=True)
            raise
        finally:
            for lane in lanes:
                lane.close()
            queue.put(None)
            relay.join()


class _Lane:
    """One worker process, replaced when it dies, so that a crash costs one title."""

    def __init__(
        self, context: multiprocessing.context.SpawnContext, queue: SimpleQueue[Event | None]
    ) -> None:
        self._context, self._queue = context, queue
        self._pool = self._new_pool()
        self._killed = False

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=self._context, initializer=_start_worker, initargs=(self._queue,)
        )

    def make(self, job: Job, digest: str | None, settings: Settings) -> Outcome:
        try:
            return self._pool.submit(_make_in_worker, job, digest, settings).result()
        except BrokenProcessPool:
            if not self._killed:
                self._pool.shutdown()
                self._pool = self._new_pool()
            shutil.rmtree(_staging(job), ignore_errors=True)
            message = (
                f"{printable(job.path)}: the process that worked on it died (out of memory, or a "
                "crash in a decoder); try --preset fast, or fewer --jobs"
            )
            return Outcome(job, "failed", message, quarantine=True, hash=digest)

    def kill(self) -> None:
        self._killed = True
        for process in list((self._pool._processes or {}).values()):
            process.terminate()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


_worker_queue: SimpleQueue[Event | None] | None = None


def _start_worker(queue: SimpleQueue[Event | None]) -> None:
    global _worker_queue
    _worker_queue = queue
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us


def _make_in_worker(job: Job, digest: str | None, settings: Settings) -> Outcome:
    assert _worker_queue is not None
    return _make_one(job, digest, settings, 1, _worker_queue.put)


def _relay(queue: SimpleQueue[Event | None], listener: Listener) -> None:
    while (event := queue.get()) is not None:
        listener(event)


def _make_one(
    job: Job, digest: str | None, settings: Settings, threads: int | None, listener: Listener
) -> Outcome:
    """Make one title and publish it; errors become a failed Outcome."""
    start, told = time.perf_counter(), 0.0

    def progress(fraction: float) -> None:
        nonlocal told
        now = time.perf_counter()
        if now - told >= 0.1:
            told = now
            listener(Event("progress", job.title_id, fraction=round(min(fraction, 1.0), 4)))

    staging = _staging(job)
    listener(Event("started", job.title_id, printable(job.path)))
    try:
        shutil.rmtree(staging, ignore_errors=True)
        make_folder(staging)
        record = make_title(
            job.path,
            job.title_id,
            staging,
            settings,
            content_hash=digest,
            threads=threads,
            progress=progress,
        )
        publish(staging, job.folder, outdated=_files_before(job.folder))
    except FastthumbError as exc:
        lasting = not isinstance(exc, OutputError | Unreadable)
        return Outcome(job, "failed", str(exc), quarantine=lasting, hash=digest)
    except MemoryError:
        message = f"{printable(job.path)}: out of memory; use fewer --jobs"
        return Outcome(job, "failed", message, hash=digest)
    except OSError as exc:
        message = f"{printable(job.path)}: {exc.strerror or exc}; check the disk and permissions"
        return Outcome(job, "failed", message, hash=digest)
    except Exception as exc:
        if debugging():
            raise
        message = (
            f"{printable(job.path)}: an error that fastthumb did not expect "
            f"({type(exc).__name__}: {exc}); run again with --debug and report it"
        )
        return Outcome(job, "failed", message, quarantine=True, hash=digest)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    seconds = time.perf_counter() - start
    return Outcome(job, "done", "", record, seconds, hash=digest)


def debugging() -> bool:
    """Whether unexpected errors are to be shown with their traceback (`--debug`)."""
    return os.environ.get("FASTTHUMB_DEBUG", "") not in ("", "0")


def _staging(job: Job) -> Path:
    return job.folder.with_name(f".{job.folder.name}.partial")


def _files_before(folder: Path) -> set[str]:
    """Names of the files that an earlier run made of this title."""
    with contextlib.suppress(OutputError):
        return set(read_title(folder).file_names())
    return set()


def _keep(outcome: Outcome, catalog: Catalog, settings: Settings) -> None:
    job = outcome.job
    if outcome.record is not None:
        catalog.upsert_title(outcome.record)
    elif outcome.quarantine and outcome.hash is not None:
        catalog.mark_failed(job.path, outcome.hash, settings.key(), outcome.message)


def _keep_seasons_apart(outcomes: dict[Job, Outcome], catalog: Catalog, listener: Listener) -> None:
    """Let later episodes of a season choose again where they repeat an earlier one's picture."""
    finished = [one for one in outcomes.values() if one.record is not None]
    changed, problems = keep_apart(
        [(one.job.path, one.job.folder) for one in finished],
        choose_again,
    )
    for one in finished:
        if one.job.folder in changed:
            outcomes[one.job] = replace(one, record=changed[one.job.folder])
            catalog.upsert_title(changed[one.job.folder])
    for problem in problems:
        listener(Event("warning", message=problem))


def _tell(outcome: Outcome, listener: Listener, said: Sequence[str]) -> None:
    """Report an outcome; warnings that were `said` for the whole run are not repeated."""
    record = outcome.record
    if outcome.status == "done" and record is not None:
        for warning in record.warnings:
            if warning not in said:
                listener(Event("warning", record.title_id, message=warning))
        listener(
            Event(
                "done",
                record.title_id,
                printable(outcome.job.path),
                seconds=round(outcome.seconds, 3),
                frames=record.source.frames_analyzed,
                shots=len(record.shots),
                variants=len(record.variants),
            )
        )
    elif outcome.status in ("unchanged", "failed"):
        path = printable(outcome.job.path)
        listener(
            Event("failed", outcome.job.title_id, path, outcome.message)
            if outcome.status == "failed"
            else Event("unchanged", outcome.job.title_id, path, outcome.message)
        )


def count(outcomes: Iterable[Outcome], status: Status) -> int:
    """How many of the outcomes have this status."""
    return sum(outcome.status == status for outcome in outcomes)
