"""Commands that are compared: each run is a process of its own, timed from outside."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_WATCH_SECONDS = 0.02


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
        with _peak_of(process.pid) as peak:
            errors = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{self.name} failed: {' '.join(self.command)}\n{errors.decode()[-2000:]}")
        runs = self.cold if cold else self.warm
        runs.wall_seconds.append(time.perf_counter() - start)
        runs.cpu_seconds.append(usage.ru_utime + usage.ru_stime)
        runs.peak_mb.append(max(peak))
        return runs.wall_seconds[-1]


@contextmanager
def _peak_of(pid: int) -> Iterator[list[float]]:
    """Collects the peak MB so far of a process and of its children, every few milliseconds.

    The kernel's own account of a child, `ru_maxrss`, begins with the size of this process.
    """
    peaks, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(_WATCH_SECONDS):
            peaks.append(max(map(_peak_mb, _family(pid)), default=0.0))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for children in Path("/proc").glob(f"{pid}/task/*/children"):
        with contextlib.suppress(OSError):
            found += [one for child in children.read_text().split() for one in _family(int(child))]
    return found


def _peak_mb(pid: int) -> float:
    """Largest resident size of a process so far; 0 where it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


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
