"""Commands about this installation: doctor, schema."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what this machine can do, and why not more."""
    from fastthumb.doctor import examine

    findings = examine()
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in findings], indent=2))
        return
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        typer.echo(f"{'ok ' if finding.ok else '-- '} {finding.what:{width}}  {finding.found}")
        if finding.advice:
            typer.echo(f"    {'':{width}}  {finding.advice}")


def schema() -> None:
    """Print the JSON Schema of title.json."""
    from fastthumb.records import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(doctor)
    app.command()(schema)
