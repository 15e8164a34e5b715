"""Two films at once against one after the other, and what a worker of each preset holds."""

from __future__ import annotations

import os
import statistics
from pathlib import Path
from typing import Any

from _contenders import Contender, fastthumb_command

PRESETS = ("fast", "balanced", "best")


def two_films(films: list[Path], scratch: Path, rounds: int) -> dict[str, Any] | None:
    """Wall seconds of two films in three ways, in alternation; None with less than two cores.

    `one worker, one core`: --jobs 1, held to one core. `two workers, one core each`: --jobs 2,
    held to two cores. `one worker, two cores`: --jobs 1 with the two cores, one film after the
    other. The preset is the default.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        return None
    ways = {
        "one worker, one core": ("1", set(allowed[:1])),
        "two workers, one core each": ("2", set(allowed[:2])),
        "one worker, two cores": ("1", set(allowed[:2])),
    }
    out = scratch / "two-films"
    runs = {
        name: Contender(name, fastthumb_command(films, out, "--jobs", jobs), out=out)
        for name, (jobs, _cores) in ways.items()
    }
    for number in range(rounds):
        for name, (_jobs, cores) in ways.items():
            seconds = runs[name].run(cores=cores)
            print(f"two films, round {number + 1}: {name}: {seconds:.2f} s", flush=True)
    walls = {name: run.warm.wall_seconds for name, run in runs.items()}

    def ratio(name: str, other: str) -> float:
        pairs = zip(walls[name], walls[other], strict=True)
        return round(statistics.median(a / b for a, b in pairs), 3)

    at_once = "two workers, one core each"
    return {
        "films": [film.name for film in films],
        "wall_seconds": {name: [round(s, 2) for s in wall] for name, wall in walls.items()},
        "peak_mb": {name: round(max(run.warm.peak_mb), 1) for name, run in runs.items()},
        "two_workers_over_one_worker_on_one_core": ratio(at_once, "one worker, one core"),
        "two_workers_over_one_worker_on_both": ratio(at_once, "one worker, two cores"),
    }


def memory_per_worker(film: Path, scratch: Path) -> dict[str, float]:
    """Peak MB of a single worker on one core, by preset."""
    out, core = scratch / "memory", {min(os.sched_getaffinity(0))}
    found = {}
    for preset in PRESETS:
        command = fastthumb_command([film], out, "--jobs", "1", "--preset", preset)
        run = Contender(preset, command, out=out)
        run.run(cores=core)
        found[preset] = round(run.warm.peak_mb[0], 1)
        print(f"one worker, {film.name}: {preset}: {found[preset]} MB", flush=True)
    return found
