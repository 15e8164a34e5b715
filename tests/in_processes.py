"""Functions that tests run in other processes, which import them by this module's name."""

from __future__ import annotations

import os

from fastthumb import batch
from fastthumb.catalog import Catalog
from fastthumb.planning import Plan
from fastthumb.settings import Settings
from title_samples import title_record

_make_in_worker = batch._make_in_worker


def killing_worker(plan: Plan, settings: Settings, device: str, threads: int) -> batch.Outcome:
    """Stands in for a decoder that crashes on one file."""
    if plan.job.title_id == "b-kills":
        os._exit(11)
    return _make_in_worker(plan, settings, device, threads)


def write_titles(database: str, worker: int, count: int) -> None:
    """Fill a catalog as one of several writers, one title of which all of them write."""
    for number in range(count):
        with Catalog(database) as catalog:
            catalog.upsert_title(title_record(f"film-{worker}-{number}"))
            catalog.upsert_title(title_record("shared", count=worker + 1))
            catalog.mark_failed(f"/films/{worker}.mkv", "sha256-sampled:00", "settings-1", "broken")
