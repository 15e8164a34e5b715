"""Commands about shots: shots."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def shots(
    video: Annotated[str, typer.Argument(help="A video file or URL.")],
    shot_format: Annotated[
        str, typer.Option("--format", "-f", help="csv, json, edl or otio.")
    ] = "csv",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; default: standard output.")
    ] = None,
    preset: Annotated[
        str, typer.Option(help="fast: keyframes only, shots to a GOP. best: exact.")
    ] = "best",
) -> None:
    """List a video's shots with their transitions, scenes and repeats."""
    from fastthumb.analysis.shot_lists import shot_list
    from fastthumb.atomic import write_text
    from fastthumb.discovery import location
    from fastthumb.media.source import open_source
    from fastthumb.pipeline import find_shots
    from fastthumb.settings import Settings

    with open_source(location(video)) as source:
        found = find_shots(source, Settings.build(preset=preset))
        text = shot_list(found, source.info, shot_format)
    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(shots)
