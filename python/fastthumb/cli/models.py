"""Commands about models: list, pull, verify."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fastthumb.inference.entries import ModelEntry
    from fastthumb.inference.models import Registry
    from fastthumb.inference.survey import Row

models = typer.Typer(
    help="The networks that find faces, people and things: which are known, here, missing.",
    no_args_is_help=True,
)

Folder = Annotated[
    str | None,
    typer.Option(
        "--models",
        metavar="DIR",
        help="Folder of your ONNX files and models.toml.",
        show_default="FASTTHUMB_MODELS",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@models.command("list")
def list_models(models_dir: Folder = None, as_json: AsJson = False) -> None:
    """List the known models by task: which is taken, which are here, which can be pulled."""
    from fastthumb.inference.models import Registry
    from fastthumb.inference.survey import UNREAD, survey

    registry = Registry.load(models_dir)
    rows = survey(registry)
    if as_json:
        typer.echo(json.dumps([row.as_json() for row in rows], indent=2))
        return
    task = ""
    width = max(len(row.entry.name) for row in rows)
    for row in rows:
        if row.entry.task != task:
            task = row.entry.task
            typer.echo(f"{task} (kept and checked; nothing reads it)" if task in UNREAD else task)
        mark = "*" if row.taken else "!" if row.state == "damaged" else " "
        typer.echo(f"  {mark} {row.entry.name:{width}}  {row.described()}")
    typer.echo("* is what its task takes")
    _tell_of(registry, rows)
    for sentence in registry.missing():
        typer.echo(sentence)


@models.command()
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Models to pull; default: what tasks still lack."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every model that has an address, needed or not.")
    ] = False,
    models_dir: Folder = None,
) -> None:
    """Download models into the user's cache, or into the folder of --models."""
    from pathlib import Path

    from fastthumb.errors import ModelError, OutputError
    from fastthumb.inference import downloads
    from fastthumb.inference.cache import models_cache
    from fastthumb.inference.models import Registry

    registry = Registry.load(models_dir)
    wanted = _wanted(registry, names or [], everything)
    folder = Path(models_dir).expanduser() if models_dir else models_cache()
    if not wanted:
        typer.echo("nothing to pull: every task that has a model to pull has one")
    failed = 0
    for entry in wanted:
        try:
            found = registry.resolve(entry)
        except ModelError:
            found = None  # damaged: pulled again
        if found is not None:
            typer.echo(f"{entry.name}: is here, {found.path}")
            continue
        try:
            with _Progress(entry) as progress:
                path = downloads.pull(entry, folder, progress=progress)
        except (ModelError, OutputError) as exc:
            failed += 1
            typer.echo(f"fastthumb: {exc}", err=True)
            continue
        typer.echo(f"{entry.name}: pulled {path.stat().st_size:,} bytes to {path}")
    if failed:
        raise typer.Exit(1)


@models.command()
def verify(models_dir: Folder = None, as_json: AsJson = False) -> None:
    """Check every model that is here: its hash, and that it loads and is what its entry says."""
    from fastthumb.inference.models import Registry
    from fastthumb.inference.survey import survey

    registry = Registry.load(models_dir)
    rows = [row for row in survey(registry, load=True) if row.state != "not here"]
    if as_json:
        typer.echo(json.dumps([row.as_json() for row in rows], indent=2))
    else:
        for row in rows:
            good = row.state != "damaged"
            typer.echo(f"{'ok ' if good else '-- '} {row.entry.name}  {row.described()}")
        _tell_of(registry, rows)
    if registry.problems or any(row.state == "damaged" for row in rows):
        raise typer.Exit(1)


def _tell_of(registry: Registry, rows: list[Row]) -> None:
    """Print the damaged files that a whole one in another folder stands in for."""
    told = {row.problem for row in rows}
    for problem in registry.problems:
        if problem not in told:
            typer.echo(f"--  {problem}")


def _wanted(registry: Registry, names: list[str], everything: bool) -> list[ModelEntry]:
    """The models to pull: those named, all with an address, or one for each task without any."""
    if names:
        return [registry.named(name) for name in names]
    if everything:
        return [entry for entry in registry.entries.values() if entry.urls]
    wanted = []
    for task, order in registry.order.items():
        found = registry.find(task)
        if found is None or found.entry.built_in:
            wanted += [registry.entries[n] for n in order if registry.entries[n].urls][:1]
    return wanted


class _Progress:
    """A bar on a terminal, silence elsewhere: called with bytes done and in all."""

    def __init__(self, entry: ModelEntry) -> None:
        self._entry = entry
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Callable[[int, int | None], None] | None:
        if not sys.stderr.isatty():
            return None
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), Remaining())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(self._entry.name, total=self._entry.size_bytes)
        return self._show

    def _show(self, done: int, total: int | None) -> None:
        self._bar.update(self._task, completed=done, total=total)

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(models, name="models")
