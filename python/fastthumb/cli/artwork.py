"""Commands that make artwork: process, variants, demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fastthumb.cli import progress

if TYPE_CHECKING:
    from fastthumb.settings import Settings

Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")]
Preset = Annotated[
    str,
    typer.Option(
        help="fast: keyframes only, shots to a GOP. balanced, best: every frame, exact shots."
    ),
]
Count = Annotated[int, typer.Option("--variants", "-n", help="Pictures per title, 4 to 12.")]
Genre = Annotated[str, typer.Option(help="Genre, which sets what kinds of scene come first.")]
Aspect = Annotated[str, typer.Option(help="Crops to add to every variant, such as 16:9,2:3,1:1.")]
Format = Annotated[str, typer.Option("--format", help="jpg, webp, avif or png.")]
Gpu = Annotated[
    str, typer.Option(help="A GPU's number, none, or auto: the best that this machine can do.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line per event.")]


def process(
    paths: Annotated[list[str], typer.Argument(help="Videos, folders of videos, or URLs.")],
    out: Out = Path("artwork"),
    gpu: Gpu = "auto",
    preset: Preset = "balanced",
    variants: Count = 8,
    genre: Genre = "default",
    aspect: Aspect = "",
    image_format: Format = "jpg",
    quality: Annotated[int, typer.Option(help="Quality of the pictures, 1 to 100.")] = 90,
    max_width: Annotated[
        int | None, typer.Option(help="Widest picture in pixels; never enlarged.")
    ] = None,
    sprites: Annotated[
        bool, typer.Option("--sprites", help="Also sprite sheets and WebVTT for players.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Titles at once; default: the cores.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also titles that are done, or failed before.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make thumbnails of every video: OUT/TITLE/, OUT/index.html and OUT/catalog.db."""
    from fastthumb.device import resolve_device
    from fastthumb.settings import Settings

    settings = Settings.build(
        preset=preset,
        variants=variants,
        genre=genre,
        aspects=_aspects(aspect),
        image_format=image_format,
        image_quality=quality,
        max_width=max_width,
        sprites=sprites,
    )
    device, why = resolve_device(gpu)
    with progress.reporter(as_json) as reporter:
        note = f"device: {device} ({why})" if gpu == "auto" else ""
        failed = _run(paths, out, settings, jobs, force, dry_run, reporter, note)
    if failed:
        raise typer.Exit(1)


def _run(
    paths: list[str],
    out: Path,
    settings: Settings,
    jobs: int | None,
    force: bool,
    dry_run: bool,
    reporter: progress.Reporter,
    note: str = "",
) -> int:
    """Process the paths and report; returns the number of titles that failed."""
    from fastthumb.artwork.variants import priorities_of
    from fastthumb.batch import count, run_batch
    from fastthumb.discovery import find_videos, location, plan_jobs
    from fastthumb.events import Event
    from fastthumb.names import printable

    priorities_of(settings.genre)
    videos, skipped = find_videos([location(path) for path in paths])
    if note:
        reporter.note(note)
    for skip in skipped:
        reporter(Event("skipped", path=printable(skip.path), message=skip.reason))
    planned = plan_jobs(videos, out)
    reporter.expect(len(planned))
    outcomes = run_batch(
        planned, out, settings, workers=jobs, force=force, dry_run=dry_run, listener=reporter
    )
    failed = count(outcomes, "failed")
    if not dry_run:
        reporter(
            Event(
                "summary",
                path=printable(out / "index.html"),
                done=count(outcomes, "done"),
                unchanged=count(outcomes, "unchanged"),
                failed=failed,
                skipped=len(skipped),
            )
        )
    return failed


def variants(
    title: Annotated[Path, typer.Argument(help="Folder of a finished title: OUT/TITLE.")],
    genre: Annotated[str | None, typer.Option(help="Another genre.")] = None,
    count: Annotated[
        int | None, typer.Option("--variants", "-n", help="Another number of pictures.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Choose again from the stored analysis; only pictures not yet there are decoded."""
    from fastthumb.rechoose import rechoose

    record = rechoose(title, genre=genre, variants=count)
    progress.show_variants(record, as_json)


def demo(
    out: Annotated[Path, typer.Argument(help="Folder for the film and its artwork.")] = Path(
        "fastthumb-demo"
    ),
    aspect: Aspect = "2:3,1:1",
) -> None:
    """Make a one-minute sample film and process it; needs no network and no video."""
    from fastthumb.demo import make_film
    from fastthumb.settings import Settings

    out.mkdir(parents=True, exist_ok=True)
    with progress.reporter(as_json=False) as reporter:
        reporter.note("making the sample film ...")
        film = make_film(out / "a-short-film.mp4")
        settings = Settings.build(preset="best", aspects=_aspects(aspect), sprites=True)
        if _run([str(film)], out, settings, 1, True, False, reporter):
            raise typer.Exit(1)


def _aspects(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(process)
    app.command()(variants)
    app.command()(demo)
