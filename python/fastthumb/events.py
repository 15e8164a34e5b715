"""What a run tells while it runs: one event type, printed as a line or as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "skipped",      # a file that a directory search passed over
    "planned",      # what a dry run would do with a title
    "started",      # work on a title began
    "progress",     # a title's share done so far
    "warning",      # something about a title that the user should know
    "done",         # a title is finished; a message says that it was only chosen again, and why
    "unchanged",    # a title that was finished before, with the same content and settings
    "failed",       # a title that could not be finished, and why
    "summary",      # the end of the run: how many titles, and where the work went
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; fields that do not apply are None and are left out of JSON."""

    event: Kind
    title: str | None = None
    path: str | None = None
    message: str | None = None
    fraction: float | None = None
    seconds: float | None = None
    frames: int | None = None
    shots: int | None = None
    variants: int | None = None
    done: int | None = None
    unchanged: int | None = None
    failed: int | None = None
    skipped: int | None = None
    film_seconds: float | None = None
    """Length of the films that were analyzed."""
    frames_decoded: int | None = None
    stages: dict[str, dict[str, float]] | None = None
    """For each stage its `seconds` of work, added up over workers, and the `frames` it saw."""

    def as_json(self) -> dict[str, Any]:
        """The event as a dict without the fields that are None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


Listener = Callable[[Event], None]
