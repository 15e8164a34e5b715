"""The Python API: what the command line does, as three functions."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from fastthumb.artwork.variants import Pick
from fastthumb.batch import run_batch
from fastthumb.casting import choose_pictures
from fastthumb.device import resolve_devices
from fastthumb.discovery import find_videos, location, plan_jobs
from fastthumb.errors import SomeTitlesFailed
from fastthumb.events import Event, Listener
from fastthumb.looking import cast_for
from fastthumb.media.source import open_source
from fastthumb.pipeline import Analysis
from fastthumb.pipeline import analyze as analyze_source
from fastthumb.records import TitleRecord
from fastthumb.settings import Settings

PathLike = str | os.PathLike[str]


def process(
    paths: PathLike | Iterable[PathLike],
    out: PathLike = "artwork",
    *,
    gpu: str = "none",
    jobs: int | None = 1,
    force: bool = False,
    listener: Listener | None = None,
    **settings: object,
) -> list[TitleRecord]:
    """Make artwork of videos and folders of videos; returns the titles in order.

    `settings` are the fields of `fastthumb.Settings` (preset, variants, genre, aspects,
    image_format, ...). Titles that are done with the same content and settings are returned
    as they are, unless `force`. `gpu` is as for the command line: "0", "0,1", "auto". `jobs` is
    the number of processes (None: one per core; with more than one, call this under
    `if __name__ == "__main__":`, as for every use of multiprocessing). `listener` is called with
    every `fastthumb.events.Event`.

    Raises SomeTitlesFailed after all titles were tried, with the finished ones in `.titles`
    and the messages in `.failures`; SettingsError, Unreadable or, for the GPU, DeviceUnavailable
    before anything is done.
    """
    chosen = Settings.build(**settings)
    devices, _ = resolve_devices(gpu)
    paths = [paths] if isinstance(paths, str | os.PathLike) else paths
    videos, _ = find_videos([location(path) for path in paths])
    outcomes = run_batch(
        plan_jobs(videos, Path(out)),
        Path(out),
        chosen,
        devices=devices,
        workers=jobs,
        force=force,
        listener=listener or _silent,
    )
    titles = [outcome.record for outcome in outcomes if outcome.record is not None]
    failures = {str(o.job.path): o.message for o in outcomes if o.status == "failed"}
    if failures:
        raise SomeTitlesFailed(titles, failures)
    return titles


def analyze(path: PathLike, **settings: object) -> Analysis:
    """Shots, signals and judged candidates of one video, without choosing or writing anything.

    `settings` as for `process`; only `preset`, `candidates_per_hour`, `detect`, `small_faces` and
    `models_dir` matter. Raises SourceError where the video cannot be read.
    """
    chosen = Settings.build(**settings)
    with open_source(location(path)) as source:
        return analyze_source(source, chosen)


def choose(analysis: Analysis, **settings: object) -> list[Pick]:
    """The best picks of an analysis, best first, for a genre and number of variants.

    Decodes nothing. Returns fewer picks than `variants` where the film has fewer distinct
    moments worth showing, none where it has none.
    """
    chosen = Settings.build(**settings)
    return choose_pictures(analysis, chosen, cast_for(chosen, analysis.models)).picks


def _silent(_event: Event) -> None:
    """Listen to nothing."""
