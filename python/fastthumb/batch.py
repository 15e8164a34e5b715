"""Many titles: over how many processes they are made, and what became of each.

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
from dataclasses import dataclass, field, replace
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Literal

from fastthumb.artwork.genres import priorities_of
from fastthumb.artwork.labels import counted
from fastthumb.atomic import make_folder
from fastthumb.catalog import CATALOG_FILE, Catalog
from fastthumb.cores import usable_cores
from fastthumb.discovery import Job
from fastthumb.errors import DeviceUnavailable, FastthumbError, OutputError, Unreadable
from fastthumb.events import Event, Listener
from fastthumb.looking import Model, models_for, shortcomings
from fastthumb.names import printable
from fastthumb.overview import write_overview
from fastthumb.pipeline import make_title
from fastthumb.planning import Plan, plan_title
from fastthumb.presets import MOST_WORKERS
from fastthumb.publishing import publish
from fastthumb.rechoose import choose_again, choose_from
from fastthumb.records import TitleRecord, read_title
from fastthumb.seasons import keep_apart
from fastthumb.settings import Settings
from fastthumb.store import load_analysis
from fastthumb.timing import Stage, StageClock

_PER_GPU = 2  # titles at once: one is chosen and rendered while another is decoded

Status = Literal["done", "unchanged", "failed", "planned"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one title; `record` where it is done or unchanged.

    `clock` is what was worked on it in this run, `analyzed` whether that was its whole film.
    """

    job: Job
    status: Status
    message: str = ""
    record: TitleRecord | None = None
    seconds: float = 0.0
    quarantine: bool = False  # failed for a reason that only another file content can mend
    hash: str | None = None
    clock: StageClock = field(default_factory=StageClock)
    analyzed: bool = False


def run_batch(
    jobs: list[Job],
    out: Path,
    settings: Settings,
    *,
    devices: Sequence[str] = ("cpu",),
    workers: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    listener: Listener = lambda _event: None,
) -> list[Outcome]:
    """Make every title that is not there yet, and return one Outcome per job, in job order.

    Titles are made from their stored analysis where that is still good. `workers` processes work
    at once (default: one per core, or two per GPU, at most one per title), share the cores and
    take turns with the `devices` ("cpu", or "cuda:0", ...); a single worker runs in this process
    and uses all cores. Results do not depend on their number. Raises
    OutputError where `out` cannot be written, KeyboardInterrupt after tidying up where
    interrupted.
    """
    priorities_of(
        settings.genre, settings.genres_file
    )  # a genre that is not known is said before hours of decoding
    outcomes: dict[Job, Outcome] = {}
    models = models_for(settings)
    if dry_run:
        plans = [_settled(job, settings, models, None, force) for job in jobs]
        for plan in plans:
            outcome = plan if isinstance(plan, Outcome) else _planned(plan)
            outcomes[outcome.job] = outcome
            path = printable(outcome.job.path)
            listener(Event("planned", outcome.job.title_id, path, outcome.message))
        return [outcomes[job] for job in jobs]
    make_folder(out)
    with Catalog(out / CATALOG_FILE) as catalog:
        todo = []
        for job in jobs:
            plan = _settled(job, settings, models, catalog, force)
            if isinstance(plan, Plan):
                todo.append(plan)
            else:
                outcomes[job] = plan
                _tell(plan, listener, ())
        common = shortcomings(settings) if todo else []
        for message in common:
            listener(Event("warning", message=message))
        try:
            for outcome in _make_all(todo, settings, devices, workers, listener):
                outcomes[outcome.job] = outcome
                _keep(outcome, catalog, settings)
                _tell(outcome, listener, common)
            _keep_seasons_apart(outcomes, catalog, listener)
        finally:
            failed = [one for one in outcomes.values() if one.status == "failed"]
            messages = {printable(one.job.path): one.message for one in failed}
            records = [one.record for one in outcomes.values() if one.record is not None]
            write_overview(out, catalog, messages, records)
    return [outcomes[job] for job in jobs]


def _settled(
    job: Job,
    settings: Settings,
    models: Sequence[Model],
    catalog: Catalog | None,
    force: bool,
) -> Plan | Outcome:
    """What is to be done with a job, or what has become of it where that is nothing."""
    try:
        plan = plan_title(job, settings, models, force=force)
    except Unreadable as exc:
        return Outcome(job, "failed", str(exc))
    if plan.work == "nothing":
        return Outcome(job, "unchanged", plan.reason, plan.record, hash=plan.hash)
    if catalog is None or force or plan.hash is None:
        return plan
    failure = catalog.failure(job.path, plan.hash, settings.key())
    if failure is None:
        return plan
    message = f"{failure.message} (as before; the file has not changed, --force tries again)"
    return Outcome(job, "failed", message, hash=plan.hash)


def _planned(plan: Plan) -> Outcome:
    """What a dry run says of a title that has something to be done."""
    done = "chosen again" if plan.work == "choose" else "analyzed"
    return Outcome(plan.job, "planned", f"would be {done}: {plan.reason}", hash=plan.hash)


def _make_all(
    todo: list[Plan],
    settings: Settings,
    devices: Sequence[str],
    workers: int | None,
    listener: Listener,
) -> Iterator[Outcome]:
    """Carry out all plans; outcomes come as they are finished."""
    on_gpus = "cpu" not in devices
    workers = min(workers or (_PER_GPU * len(devices) if on_gpus else usable_cores()), len(todo))
    # A thread that decodes on a GPU mostly waits for it: there may be more of them than cores.
    shared = MOST_WORKERS * len(devices) if on_gpus else usable_cores()
    threads = max(shared // max(workers, 1), 1)
    if workers <= 1:
        for plan in todo:
            yield _make_one(plan, settings, devices[0], threads, listener)
        return
    context = multiprocessing.get_context("spawn")
    queue: SimpleQueue[Event | None] = context.SimpleQueue()
    relay = threading.Thread(target=_relay, args=(queue, listener), daemon=True)
    relay.start()
    lanes = [_Lane(context, queue, devices[n % len(devices)]) for n in range(workers)]
    idle = list(lanes)

    def make(plan: Plan) -> Outcome:
        lane = idle.pop()
        try:
            return lane.make(plan, settings, threads)
        finally:
            idle.append(lane)

    with ThreadPoolExecutor(len(lanes)) as pool:
        futures = [pool.submit(make, plan) for plan in sorted(todo, key=_weight, reverse=True)]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            for lane in lanes:
                lane.kill()
            for plan in todo:
                shutil.rmtree(_staging(plan.job), ignore_errors=True)
            raise
        finally:
            for lane in lanes:
                lane.close()
            queue.put(None)
            relay.join()


def _weight(plan: Plan) -> int:
    """How much work a plan is: the longest begin first, so that no core is idle at the end."""
    if plan.work == "choose" or not isinstance(plan.job.path, Path):
        return 0
    with contextlib.suppress(OSError):
        return plan.job.path.stat().st_size
    return 0


class _Lane:
    """One worker process, replaced when it dies, so that a crash costs one title."""

    def __init__(
        self,
        context: multiprocessing.context.SpawnContext,
        queue: SimpleQueue[Event | None],
        device: str,
    ) -> None:
        self._context, self._queue, self._device = context, queue, device
        self._pool = self._new_pool()
        self._killed = False

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=self._context, initializer=_start_worker, initargs=(self._queue,)
        )

    def make(self, plan: Plan, settings: Settings, threads: int) -> Outcome:
        job = plan.job
        try:
            return self._pool.submit(
                _make_in_worker, plan, settings, self._device, threads
            ).result()
        except BrokenProcessPool:
            if not self._killed:
                self._pool.shutdown()
                self._pool = self._new_pool()
            shutil.rmtree(_staging(job), ignore_errors=True)
            message = (
                f"{printable(job.path)}: the process that worked on it died (out of memory, or a "
                "crash in a decoder); try --preset fast, or fewer --jobs"
            )
            return Outcome(job, "failed", message, quarantine=True, hash=plan.hash)

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


def _make_in_worker(plan: Plan, settings: Settings, device: str, threads: int) -> Outcome:
    assert _worker_queue is not None
    return _make_one(plan, settings, device, threads, _worker_queue.put)


def _relay(queue: SimpleQueue[Event | None], listener: Listener) -> None:
    while (event := queue.get()) is not None:
        listener(event)


def _make_one(
    plan: Plan, settings: Settings, device: str, threads: int, listener: Listener
) -> Outcome:
    """Carry out one plan and publish the title; errors become a failed Outcome."""
    start = time.perf_counter()
    job = plan.job
    staging = _staging(job)
    listener(Event("started", job.title_id, printable(job.path)))
    try:
        shutil.rmtree(staging, ignore_errors=True)
        make_folder(staging)
        made = _chosen(plan, settings, staging) if plan.work == "choose" else None
        if made is None:
            made = _analyzed(plan, settings, staging, device, threads, listener)
    except FastthumbError as exc:
        lasting = not isinstance(exc, OutputError | Unreadable | DeviceUnavailable)
        return Outcome(job, "failed", str(exc), quarantine=lasting, hash=plan.hash)
    except MemoryError:
        message = f"{printable(job.path)}: out of memory; use fewer --jobs"
        return Outcome(job, "failed", message, hash=plan.hash)
    except OSError as exc:
        message = f"{printable(job.path)}: {exc.strerror or exc}; check the disk and permissions"
        return Outcome(job, "failed", message, hash=plan.hash)
    except Exception as exc:
        if debugging():
            raise
        message = (
            f"{printable(job.path)}: an error that fastthumb did not expect "
            f"({type(exc).__name__}: {exc}); run again with --debug and report it"
        )
        return Outcome(job, "failed", message, quarantine=True, hash=plan.hash)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return replace(made, seconds=time.perf_counter() - start)


def _analyzed(
    plan: Plan, settings: Settings, staging: Path, device: str, threads: int, listener: Listener
) -> Outcome:
    """Make a title from its film."""
    job, told = plan.job, 0.0

    def progress(fraction: float) -> None:
        nonlocal told
        now = time.perf_counter()
        if now - told >= 0.1:
            told = now
            listener(Event("progress", job.title_id, fraction=round(min(fraction, 1.0), 4)))

    record = make_title(
        job.path,
        job.title_id,
        staging,
        settings,
        content_hash=plan.hash,
        device=device,
        threads=threads,
        progress=progress,
    )
    publish(staging, job.folder, outdated=_files_before(job.folder))
    clock = StageClock()
    for name, timing in record.timings.items():
        clock.stages[name] = Stage(timing.seconds, timing.frames)
    return Outcome(job, "done", "", record, hash=plan.hash, clock=clock, analyzed=True)


def _chosen(plan: Plan, settings: Settings, staging: Path) -> Outcome | None:
    """Make a title from its stored analysis; None where that turns out to be damaged."""
    job, record = plan.job, plan.record
    assert record is not None
    try:
        stored = load_analysis(job.folder)
    except OutputError:
        return None
    made = choose_from(
        stored,
        record,
        job.folder,
        staging,
        settings,
        video=job.path,
        content_hash=plan.hash,
    )
    read = f"{counted(made.decoded, 'frame')} of the film read again"
    message = f"chosen again: {plan.reason}; {read if made.decoded else 'nothing decoded'}"
    return Outcome(job, "done", message, made.record, hash=plan.hash, clock=made.clock)


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
                outcome.message or None,
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


def summary(outcomes: Sequence[Outcome], seconds: float) -> Event:
    """What became of a run that took so many seconds on the wall, and where its work went."""
    clock = StageClock()
    for outcome in outcomes:
        clock.add(outcome.clock)
    analyzed = [one.record.source for one in outcomes if one.analyzed and one.record is not None]
    return Event(
        "summary",
        seconds=round(seconds, 3),
        film_seconds=round(sum(source.duration_seconds or 0.0 for source in analyzed), 3),
        frames_decoded=clock.frames_decoded,
        stages={
            name: {"seconds": round(stage.seconds, 3), "frames": stage.frames}
            for name, stage in clock.stages.items()
        },
        done=count(outcomes, "done"),
        unchanged=count(outcomes, "unchanged"),
        failed=count(outcomes, "failed"),
    )
