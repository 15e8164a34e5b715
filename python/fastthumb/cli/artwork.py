"""Commands that make artwork: process, variants, demo."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastthumb.cli import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    str, typer.Option(help="Numbers of GPUs, such as 0 or 0,1; none; or auto: the first one.")
]
Cast = Annotated[
    str | None, typer.Option(help="Folder of the cast; default: that of `fastthumb cast`.")
]
Window = Annotated[
    str, typer.Option(help="Part of the film that pictures may come from, such as 0-60%.")
]
Pins = Annotated[
    list[float] | None, typer.Option("--pin", help="Second that must be shown; repeatable.")
]
Bans = Annotated[
    list[float] | None, typer.Option("--ban", help="Second that must not be shown; repeatable.")
]
Genres = Annotated[str | None, typer.Option(help="TOML file that adds or overrides genres.")]
Rules = Annotated[
    str | None, typer.Option(help="TOML file that overrides rules of the classification.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line per event.")]


def process(
    paths: Annotated[list[str], typer.Argument(help="Videos, folders of videos, or URLs.")],
    out: Out = Path("artwork"),
    gpu: Gpu = "auto",
    preset: Preset = "balanced",
    interval: Annotated[
        float, typer.Option(help="balanced: most seconds, about, between two frames seen.")
    ] = 2.0,
    variants: Count = 8,
    genre: Genre = "default",
    cast: Cast = None,
    models: Annotated[str | None, typer.Option(help="Folder of model files.")] = None,
    detect: Annotated[
        bool, typer.Option("--detect/--no-detect", help="Look for faces and things.")
    ] = True,
    small_faces: Annotated[
        bool, typer.Option("--small-faces", help="Also faces of 1/50 of the height; slower.")
    ] = False,
    window: Window = "0-100%",
    pin: Pins = None,
    ban: Bans = None,
    genres: Genres = None,
    rules: Rules = None,
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
    from fastthumb.analysis.cast_folder import default_cast
    from fastthumb.device import resolve_devices
    from fastthumb.settings import Settings

    settings = Settings.build(
        preset=preset,
        interval_seconds=interval,
        variants=variants,
        genre=genre,
        cast=cast or default_cast(),
        models_dir=models,
        detect=detect,
        small_faces=small_faces,
        window=_window(window),
        pins=tuple(pin or ()),
        bans=tuple(ban or ()),
        genres_file=genres,
        rules_file=rules,
        aspects=_aspects(aspect),
        image_format=image_format,
        image_quality=quality,
        max_width=max_width,
        sprites=sprites,
    )
    devices, why = resolve_devices(gpu)
    with progress.reporter(as_json) as reporter:
        note = f"device: {devices[0]} ({why})" if gpu == "auto" else ""
        failed = _run(paths, out, settings, jobs, force, dry_run, reporter, devices, note)
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
    devices: Sequence[str] = ("cpu",),
    note: str = "",
) -> int:
    """Process the paths and report; returns the number of titles that failed."""
    from fastthumb.artwork.genres import priorities_of
    from fastthumb.batch import count, run_batch, summary
    from fastthumb.discovery import find_videos, location, plan_jobs
    from fastthumb.events import Event
    from fastthumb.names import printable

    priorities_of(settings.genre, settings.genres_file)
    videos, skipped = find_videos([location(path) for path in paths])
    if note:
        reporter.note(note)
    for skip in skipped:
        reporter(Event("skipped", path=printable(skip.path), message=skip.reason))
    planned = plan_jobs(videos, out)
    reporter.expect(len(planned))
    start = time.perf_counter()
    outcomes = run_batch(
        planned,
        out,
        settings,
        devices=devices,
        workers=jobs,
        force=force,
        dry_run=dry_run,
        listener=reporter,
    )
    if not dry_run:
        ended = summary(outcomes, time.perf_counter() - start)
        reporter(replace(ended, path=printable(out / "index.html"), skipped=len(skipped)))
    return count(outcomes, "failed")


def variants(
    title: Annotated[Path, typer.Argument(help="Folder of a finished title: OUT/TITLE.")],
    genre: Annotated[str | None, typer.Option(help="Another genre.")] = None,
    count: Annotated[
        int | None, typer.Option("--variants", "-n", help="Another number of pictures.")
    ] = None,
    cast: Cast = None,
    window: Annotated[str | None, typer.Option(help="Another part, such as 0-60%.")] = None,
    pin: Pins = None,
    ban: Bans = None,
    genres: Genres = None,
    rules: Rules = None,
    as_json: Json = False,
) -> None:
    """Choose again from the stored analysis; only pictures not yet there are decoded."""
    from fastthumb.rechoose import rechoose

    wanted: dict[str, Any] = {
        "genre": genre,
        "variants": count,
        "cast": cast,
        "window": None if window is None else _window(window),
        "pins": None if pin is None else tuple(pin),
        "bans": None if ban is None else tuple(ban),
        "genres_file": genres,
        "rules_file": rules,
    }
    record = rechoose(title, **{name: value for name, value in wanted.items() if value is not None})
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


def _window(text: str) -> tuple[float, float]:
    """The shares of "0-60%"; raises SettingsError for anything else."""
    from fastthumb.errors import SettingsError

    found = re.fullmatch(r"\s*([0-9.]+)\s*%?\s*-\s*([0-9.]+)\s*%?\s*", text)
    with contextlib.suppress(ValueError):
        if found:
            return float(found[1]) / 100.0, float(found[2]) / 100.0
    raise SettingsError(f"--window: wanted two percentages such as 0-60%, got {text!r}")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(process)
    app.command()(variants)
    app.command()(demo)
