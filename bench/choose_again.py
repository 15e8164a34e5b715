"""Choosing again from a stored analysis: milliseconds of work inside the process.

    python bench/choose_again.py [--film FILM]

The film is processed once with the small models. Then its analysis is loaded, its people are
found, and its pictures are classified, scored and chosen, 20 times; the medians are kept. Not
counted: starting the program, and rendering pictures that are not there yet.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import fastthumb
from _contenders import models_folder
from _films import composed
from _report import save
from fastthumb.casting import choose_pictures
from fastthumb.looking import cast_for
from fastthumb.records import TitleRecord
from fastthumb.settings import Settings
from fastthumb.store import load_analysis

ROUNDS = 20


def choosing_again(title: TitleRecord, folder: Path) -> dict[str, Any]:
    """Medians over 20 choices, by two genres in turn, from the stored analysis of a title."""
    loads, choices = [], []
    for number in range(ROUNDS):
        settings = Settings.build(**title.settings | {"genre": ("action", "drama")[number % 2]})
        start = time.perf_counter()
        stored = load_analysis(folder)
        loaded = time.perf_counter()
        choose_pictures(stored, settings, cast_for(settings, stored.models))
        loads.append(1e3 * (loaded - start))
        choices.append(1e3 * (time.perf_counter() - loaded))
    return {
        "candidates": len(stored.candidates),
        "tracks": len(stored.tracks),
        "analysis_bytes": (folder / "analysis.npz").stat().st_size,
        "load_ms": round(statistics.median(loads), 2),
        "choose_ms": round(statistics.median(choices), 2),
    }


def main() -> None:
    """Process the film, time the choice, print and keep the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--film", type=Path)
    film = parser.parse_args().film or composed(
        "bench-1080p.mp4", "--minutes", "4", "--seed", "7", "--size", "1920x1080", "--gop", "48"
    )
    models = models_folder()
    with tempfile.TemporaryDirectory() as out:
        (title,) = fastthumb.process(film, out, models_dir=str(models) if models else None)
        data = {"film": film.name, **choosing_again(title, Path(out) / title.title_id)}
    print(data)
    print("written", save("choose_again", data))


if __name__ == "__main__":
    main()
