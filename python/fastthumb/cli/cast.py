"""Commands about the cast database: cast add, cast list, cast remove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastthumb.analysis.cast import Cast, CastMember
    from fastthumb.analysis.detectors import Detectors

CastFolder = Annotated[
    str | None,
    typer.Option(
        "--cast", help="Folder of the cast; default: FASTTHUMB_CAST or the user's data folder."
    ),
]
Models = Annotated[
    str | None, typer.Option("--models", help="Folder of models, looked in before all others.")
]

cast = typer.Typer(
    no_args_is_help=True,
    help="Cast database: photographs of people, who are then named in films.",
)


@cast.command()
def add(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    images: Annotated[list[Path], typer.Argument(help="Photographs that show this person alone.")],
    role: Annotated[
        str | None, typer.Option(help="hero, heroine or supporting; default: by screen time.")
    ] = None,
    folder: CastFolder = None,
    models: Models = None,
) -> None:
    """Add a person, or more photographs of one; copies the files."""
    from fastthumb.analysis.cast_changes import add_person
    from fastthumb.analysis.cast_folder import cast_folder

    where = cast_folder(folder)
    done = add_person(where, name, images, role, _detectors(models))
    for warning in done.warnings:
        typer.echo(warning, err=True)
    typer.echo(f"{done.name}: {_count(len(done.added))} added, {done.total} in {where}")
    if done.refused:
        raise typer.Exit(1)


@cast.command(name="list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    folder: CastFolder = None,
    models: Models = None,
) -> None:
    """List the people with their photographs, roles and problems."""
    from fastthumb.analysis.cast import Cast
    from fastthumb.analysis.cast_folder import cast_folder

    found = Cast.load(cast_folder(folder), _detectors(models))
    if as_json:
        typer.echo(json.dumps(_as_json(found, cast_folder(folder)), indent=2))
        return
    width = max((len(person.name) for person in found.people), default=0)
    for person in found.people:
        typer.echo(f"{person.name:{width}}  {person.role or '-':10}  {_photographs(person, found)}")
    for warning in found.warnings:
        typer.echo(warning, err=True)


@cast.command()
def remove(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    folder: CastFolder = None,
) -> None:
    """Remove a person and the photographs that `cast add` has copied."""
    from fastthumb.analysis.cast_folder import cast_folder, remove_person

    where = cast_folder(folder)
    count = remove_person(where, name)
    typer.echo(f"{name}: removed with {_count(count)} from {where}")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(cast, name="cast")


def _detectors(models: str | None) -> Callable[[], Detectors]:
    """A function that opens the detectors when a photograph is new."""
    from fastthumb.analysis.detectors import Detectors

    return lambda: Detectors.open(models, threads=1)


def _photographs(person: CastMember, found: Cast) -> str:
    text = _count(len(person.photographs))
    if found.identity is not None and person.usable < len(person.photographs):
        text += f", {person.usable} usable"
    return text


def _count(photographs: int) -> str:
    return f"{photographs} photograph{'' if photographs == 1 else 's'}"


def _as_json(found: Cast, where: Path) -> dict[str, object]:
    return {
        "folder": str(where),
        "people": [
            {
                "name": person.name,
                "role": person.role,
                "photographs": [
                    {
                        "file": str(photograph.path),
                        "usable": photograph.embedding is not None,
                        "problem": photograph.problem,
                    }
                    for photograph in person.photographs
                ],
            }
            for person in found.people
        ],
        "warnings": found.warnings,
    }
