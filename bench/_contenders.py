"""Commands that are compared: each run is a process of its own, timed from outside."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Runs:
    """What the runs of one command cost, in the order of the runs.

    `peak_mb` is that of the largest process, not the sum of several.
    """

    wall_seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)


@dataclass
class Contender:
    """A command that looks at `film` and writes into `out`, and what its runs cost.

    `out` is emptied before each run, so that nothing of an earlier one is found there. A run on
    `cores` uses no other core.
    """

    name: str
    command: list[str]
    film: Path | None = None
    out: Path | None = None
    warm: Runs = field(default_factory=Runs)
    cold: Runs = field(default_factory=Runs)

    def run(self, *, cold: bool = False, cores: set[int] | None = None) -> float:
        """Run once and return the wall seconds; a command that fails ends the bench.

        A cold run has to read the film from the disk; the programs themselves stay cached.
        """
        if self.out is not None:
            shutil.rmtree(self.out, ignore_errors=True)
            self.out.mkdir(parents=True)
        if cold and self.film is not None:
            _forget(self.film)
        start = time.perf_counter()
        process = subprocess.Popen(
            self.command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=self.out,
            preexec_fn=None if cores is None else lambda: os.sched_setaffinity(0, cores),
        )
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{self.name} failed: {' '.join(self.command)}\n{errors.decode()[-2000:]}")
        runs = self.cold if cold else self.warm
        runs.wall_seconds.append(time.perf_counter() - start)
        runs.cpu_seconds.append(usage.ru_utime + usage.ru_stime)
        runs.peak_mb.append(usage.ru_maxrss / 1024)
        return runs.wall_seconds[-1]


@functools.cache
def models_folder() -> Path | None:
    """The small models of the test data; None, with a line saying so, where they are absent."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("FASTTHUMB_TEST_DATA", default)) / "models"
    if folder.is_dir():
        return folder
    print(f"no models in {folder}: faces by the built-in detector, nothing else is looked for")
    return None


def fastthumb_command(films: list[Path], out: Path, *options: str) -> list[str]:
    """`fastthumb process` of the checkout that this Python imports, with the small models."""
    command = [sys.executable, "-m", "fastthumb", "process", *map(str, films), "-o", str(out)]
    models = models_folder()
    return [*command, "--force", *(["--models", str(models)] if models else []), *options]


def _forget(film: Path) -> None:
    """Drop the film from the page cache."""
    with film.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
