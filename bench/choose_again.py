"""Choosing again from a stored analysis: milliseconds of work inside the process.

    OPENBLAS_NUM_THREADS=1 python bench/choose_again.py [--film FILM]

The film is processed once with the small models. Then what `fastthumb variants` does is done inside
this process, by turns for two genres, and the steps of it are timed. What only new pictures cost
(decoding and rendering them, the contact sheet that shows them) is told apart. Then the same
choice is made from analyses of 5 and of 30 times as many shots, and their size is told. Figures
are medians of CPU milliseconds, which other processes disturb least; one thread of BLAS is what
the command uses. Not counted: starting the program.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import fastthumb
from _contenders import models_folder
from _films import composed
from _longer_film import longer
from _report import save
from fastthumb import rechoose
from fastthumb.casting import choose_pictures
from fastthumb.settings import Settings
from fastthumb.store import ANALYSIS_FILE, load_analysis, save_analysis, with_signals

ROUNDS = 20
GENRES = ("action", "drama")
NEW_PICTURES = ("open_source", "render", "write_contact_sheet")
STEPS = ("read_title", "load_analysis", "choose_pictures", "write_title", "publish")
STEPS += ("_tell_catalog", *NEW_PICTURES)


def main() -> None:
    """Process the film, time choosing again, print and keep the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--film", type=Path)
    film = parser.parse_args().film or composed(
        "bench-1080p.mp4", "--minutes", "4", "--seed", "7", "--size", "1920x1080", "--gop", "48"
    )
    models = models_folder()
    with tempfile.TemporaryDirectory() as out:
        (title,) = fastthumb.process(film, out, models_dir=str(models) if models else None)
        folder = Path(out) / title.title_id
        data: dict[str, Any] = {"film": film.name, "by step": by_step(folder)}
        settings = Settings.model_validate(title.settings)
        stored = with_signals(folder, load_analysis(folder))
        for times in (1, 5, 30):
            analysis = longer(stored, times)
            path = save_analysis(Path(out), analysis, settings)
            data[f"{times} x as long"] = {
                "candidates": len(analysis.candidates),
                "analysis_bytes": path.stat().st_size,
                "load_ms": median(lambda: load_analysis(Path(out))),
                "choose_ms": median(lambda: choose_pictures(analysis, settings)),  # noqa: B023
            }
    print(data)
    print("written", save("choose_again", data))


def choosing_again(folder: Path) -> dict[str, float]:
    """What choosing again takes of a finished title, whose genre it changes to and fro."""
    stored, steps = load_analysis(folder), by_step(folder)
    return {
        "candidates": len(stored.candidates),
        "tracks": len(stored.tracks),
        "analysis_bytes": (folder / ANALYSIS_FILE).stat().st_size,
        "load_ms": steps["load_analysis"],
        "choose_ms": steps["choose_pictures"],
        "all_ms": steps["without new pictures"],
    }


def by_step(folder: Path) -> dict[str, float]:
    """Median CPU milliseconds of each step of choosing again, of the rest, and of all of it."""
    taken: dict[str, list[float]] = defaultdict(list)

    def timed(name: str) -> Callable[..., Any]:
        step = getattr(rechoose, name)

        def run(*arguments: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return step(*arguments, **options)
            finally:
                spent[name] += 1e3 * (time.process_time() - start)

        return run

    with mock.patch.multiple(rechoose, **{name: timed(name) for name in STEPS}):
        for number in range(ROUNDS + len(GENRES)):
            spent: dict[str, float] = dict.fromkeys(STEPS, 0.0)
            start = time.process_time()
            rechoose.rechoose(folder, genre=GENRES[number % len(GENRES)])
            whole = 1e3 * (time.process_time() - start)
            if number < len(GENRES):
                continue  # caches of the process are cold
            for name, milliseconds in spent.items():
                taken[name].append(milliseconds)
            new = sum(spent[name] for name in NEW_PICTURES)
            taken["the rest"].append(whole - sum(spent.values()))
            taken["without new pictures"].append(whole - new)
    return {name: round(statistics.median(each), 2) for name, each in taken.items()}


def median(work: Callable[[], object]) -> float:
    """Median CPU milliseconds of doing something."""
    taken = []
    for _ in range(ROUNDS // 2):
        start = time.process_time()
        work()
        taken.append(1e3 * (time.process_time() - start))
    return round(statistics.median(taken), 2)


if __name__ == "__main__":
    main()
