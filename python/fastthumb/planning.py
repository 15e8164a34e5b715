"""What is to be done with a title: nothing, choose it again, or analyze its film.

A stored analysis is good while the video's content, the settings that influence the analysis and
the networks are the same. Then a changed setting costs only what it touches: see rechoose.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fastthumb.beside import files_beside
from fastthumb.discovery import Job
from fastthumb.errors import OutputError
from fastthumb.fingerprint import content_hash, with_sidecars
from fastthumb.looking import Model
from fastthumb.records import TITLE_FILE, TitleRecord, read_title
from fastthumb.settings import INPUTS, Settings
from fastthumb.store import made_with

Work = Literal["nothing", "choose", "analyze"]

_PLACES = ("models_dir",)  # which networks are there is told by their hashes
_CONTENTS = "inputs_hash"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with a title and why; `hash` is the video's fingerprint, None of a URL.

    `record` is the title as it is, where that is good for something.
    """

    job: Job
    work: Work
    reason: str
    hash: str | None = None
    record: TitleRecord | None = None


def plan_title(job: Job, settings: Settings, models: Sequence[Model], *, force: bool) -> Plan:
    """What is to be done with a title under these settings and with these networks.

    Reads the video's fingerprint and what the title's folder says. Raises Unreadable where the
    video cannot be read.
    """
    digest = fingerprint(job.path) if isinstance(job.path, Path) else None
    if force or digest is None:
        return Plan(job, "analyze", "asked for" if force else "a URL may have changed", digest)
    try:
        record = read_title(job.folder)
    except OutputError:
        there = (job.folder / TITLE_FILE).exists()
        return Plan(job, "analyze", "its title.json cannot be read" if there else "new", digest)
    work, reason = _compared(record, job.folder, settings, models, digest)
    return Plan(job, work, reason, digest, None if work == "analyze" else record)


def fingerprint(video: Path) -> str:
    """The fingerprint of a video and of the subtitles and the synopsis beside it.

    Raises Unreadable where the video cannot be read.
    """
    return with_sidecars(content_hash(video), files_beside(video))


def _compared(
    record: TitleRecord, folder: Path, settings: Settings, models: Sequence[Model], digest: str
) -> tuple[Work, str]:
    if record.content_hash.partition("+")[0] != digest.partition("+")[0]:
        return "analyze", "the video changed"
    changed = _changed(record, settings)
    if _analysis_key(record) != settings.analysis_key():
        return "analyze", f"{', '.join(changed)} changed"
    wanted = sorted(models)
    if wanted != sorted((one.name, one.task, one.sha256) for one in record.models):
        return "analyze", "the models changed"
    reasons = [f"{', '.join(changed)} changed"] if changed else []
    if record.content_hash != digest:
        reasons.append("subtitles or synopsis changed")
    missing = [name for name in record.file_names() if not (folder / name).exists()]
    if missing:
        reasons.append(f"{missing[0]} is gone")
    if not reasons:
        return "nothing", "content and settings unchanged"
    reason = "; ".join(reasons)
    with contextlib.suppress(OutputError):
        key, used = made_with(folder)
        if key == settings.analysis_key() and sorted(used) == wanted:
            return "choose", reason
    return "analyze", f"{reason}; no stored analysis to choose from"


def _changed(record: TitleRecord, settings: Settings) -> list[str]:
    """The settings that are others than those the title was made with, as words."""
    values = settings.model_dump(mode="json")
    changed = [
        name
        for name, value in values.items()
        if name not in _PLACES and (name not in record.settings or record.settings[name] != value)
    ]
    if _CONTENTS in changed:
        changed.remove(_CONTENTS)
        if not set(INPUTS) & set(changed):
            changed.append("a file of cast, rules or genres")
    return [name.replace("_", " ") for name in changed]


def _analysis_key(record: TitleRecord) -> str | None:
    """The key of the analysis that the title was made from; None where it cannot be told."""
    with contextlib.suppress(ValueError):
        return Settings.model_validate(record.settings).analysis_key()
    return None
