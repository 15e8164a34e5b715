"""How a run is shown: a progress bar with ETA on a terminal, lines elsewhere, JSON on request."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from fastthumb.events import Event

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from fastthumb.records import TitleRecord


_LEAST_SHARE = 0.005  # of the work of a run that a stage has to have to be worth a line


class Reporter:
    """Shows events; the base class prints one plain line per event that a reader cares about."""

    def expect(self, titles: int) -> None:
        """Be told how many titles the run has."""

    def note(self, text: str) -> None:
        """Show a line that is no event."""
        typer.echo(text, err=True)

    def __call__(self, event: Event) -> None:
        """Show an event."""
        line = _line(event)
        if line:
            self.note(line)


class JsonReporter(Reporter):
    """One JSON object per line on standard output."""

    def note(self, text: str) -> None:
        """Say nothing: standard output belongs to the events."""

    def __call__(self, event: Event) -> None:
        """Print the event."""
        sys.stdout.write(json.dumps(event.as_json()) + "\n")
        sys.stdout.flush()


class TerminalReporter(Reporter):
    """A bar for the run, one for each title at work, and the plain lines above them."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._all: TaskID | None = None
        self._titles: dict[str, TaskID] = {}

    def expect(self, titles: int) -> None:
        """Open the bar of the whole run."""
        self._all = self._bars.add_task("all titles", total=titles)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def __call__(self, event: Event) -> None:
        """Move the bars, and print what is worth a line."""
        if event.event == "started" and event.title:
            self._titles[event.title] = self._bars.add_task(event.title, total=1.0)
        elif event.event == "progress" and event.title in self._titles:
            self._bars.update(self._titles[event.title], completed=event.fraction or 0.0)
        elif event.event in ("done", "failed", "unchanged"):
            if event.title in self._titles:
                self._bars.remove_task(self._titles.pop(event.title))
            if self._all is not None:
                self._bars.advance(self._all)
        super().__call__(event)


def _line(event: Event) -> str | None:
    match event.event:
        case "skipped":
            return f"skipped {event.path}: {event.message}"
        case "planned":
            return f"{event.title}: {event.message} ({event.path})"
        case "warning":
            return f"{event.title}: {event.message}" if event.title else event.message
        case "done" if event.message:
            return f"{event.title}: {event.message} ({event.seconds:.1f} s)"
        case "done":
            return (
                f"{event.title}: {event.variants} variants from {event.shots} shots, "
                f"{event.frames} frames in {event.seconds:.1f} s"
            )
        case "unchanged":
            return f"{event.title}: {event.message}"
        case "failed":
            return f"FAILED {event.message}"
        case "summary":
            parts = [f"{event.done} done", f"{event.unchanged} unchanged", f"{event.failed} failed"]
            last = f"{', '.join(parts)}; gallery: {event.path}"
            return "\n".join([*_stages(event), last])
    return None


def _stages(event: Event) -> list[str]:
    """A table of where the work of a run went, and how fast that was; empty where none was done."""
    stages = event.stages or {}
    total = sum(stage["seconds"] for stage in stages.values())
    if not total:
        return []
    width = max(map(len, stages))
    lines = [f"{'':{width}}    frames  seconds  share"]
    for name, stage in stages.items():
        seconds = stage["seconds"]
        if seconds >= _LEAST_SHARE * total:
            share = 100 * seconds / total
            lines.append(f"{name:{width}}  {stage['frames']:8,}  {seconds:7.1f}  {share:4.0f} %")
    passed = event.seconds or 0.0
    end = f"{total:.1f} s of work in {passed:.1f} s"
    if event.frames_decoded:
        end += f", {event.frames_decoded:,} frames decoded"
    if event.film_seconds and passed:
        end += f", {event.film_seconds / passed:.1f} x real time"
    return [*lines, end]


@contextmanager
def reporter(as_json: bool) -> Iterator[Reporter]:
    """The reporter for this terminal, pipe or wish."""
    if as_json:
        yield JsonReporter()
    elif not sys.stderr.isatty():
        yield Reporter()
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), Remaining())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            yield TerminalReporter(bars)


def show_variants(record: TitleRecord, as_json: bool) -> None:
    """Print a title's variants, best first."""
    if as_json:
        typer.echo(json.dumps([v.model_dump(mode="json") for v in record.variants]))
        return
    for variant in record.variants:
        typer.echo(
            f"{variant.variant:2}  {variant.file:28}  {variant.quality_score:.2f}  {variant.reason}"
        )
