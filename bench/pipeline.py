"""Wall time of the whole job against decode-only ffmpeg and against peers, in alternation.

    python bench/pipeline.py [--film FILM] [--rounds 5] [--skip-peers]

Every command runs once per round, in turn, as a process of its own, so that a drift of the
machine's speed falls on all of them; the ratios are medians over the rounds. Peers are left
out, with a line saying so, where they are not installed. The default film is four minutes of
1080p H.264 with a GOP of 2 s, composed from real clips.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from _films import composed
from _report import save

DECODE_ONLY = "ffmpeg decode only"


@dataclass
class Contender:
    """A command, and what its runs cost."""

    name: str
    command: list[str]
    wall_seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Run once; a command that fails ends the bench."""
        start = time.perf_counter()
        process = subprocess.Popen(
            self.command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{self.name} failed: {' '.join(self.command)}\n{errors.decode()[-2000:]}")
        self.wall_seconds.append(time.perf_counter() - start)
        self.cpu_seconds.append(usage.ru_utime + usage.ru_stime)
        self.peak_mb.append(usage.ru_maxrss / 1024)


def models_folder() -> Path | None:
    """The small models of the test data; None, with a line saying so, where they are absent."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("FASTTHUMB_TEST_DATA", default)) / "models"
    if folder.is_dir():
        return folder
    print(f"no models in {folder}: faces by the built-in detector, nothing else is looked for")
    return None


def contenders(film: Path, scratch: Path, peers: bool) -> list[Contender]:
    """The commands to compare, decode-only first."""
    python = Path(sys.executable).parent
    fastthumb, scenedetect = str(python / "fastthumb"), str(python / "scenedetect")
    quiet = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(film)]
    found = [Contender(DECODE_ONLY, [*quiet, "-f", "null", "-"])]
    models = models_folder()
    looking = ["--models", str(models)] if models else []
    for preset, options in (("best", looking), ("best", ["--no-detect"]), ("fast", looking)):
        out = str(scratch / preset)
        command = [fastthumb, "process", str(film), "-o", out, "--preset", preset, "--force"]
        name = f"fastthumb --preset {preset}{' --no-detect' if options != looking else ''}"
        found.append(Contender(name, [*command, *options]))
    if not peers:
        return found
    thumbs = ["-vf", "thumbnail=300", "-fps_mode", "vfr", str(scratch / "thumb-%03d.jpg")]
    found.append(Contender("ffmpeg thumbnail filter", [*quiet, *thumbs]))
    if Path(scenedetect).exists():
        detect = [scenedetect, "-q", "-i", str(film), "-o", str(scratch), "detect-adaptive"]
        found.append(Contender("PySceneDetect detect-adaptive", [*detect, "list-scenes"]))
        found.append(
            Contender("PySceneDetect detect-adaptive save-images", [*detect, "save-images"])
        )
    else:
        print("PySceneDetect is not installed here: left out")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--film", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip-peers", action="store_true")
    parser.add_argument("--name", default="pipeline", help="name of the result file")
    args = parser.parse_args()
    if shutil.which("ffmpeg") is None:
        sys.exit("the reference is the ffmpeg program, which is not on PATH; install it")
    film = args.film or composed(
        "bench-1080p.mp4", "--minutes", "4", "--seed", "7", "--size", "1920x1080", "--gop", "48"
    )
    with tempfile.TemporaryDirectory() as scratch:
        entries = contenders(film, Path(scratch), not args.skip_peers)
        for number in range(args.rounds):
            for entry in entries:
                entry.run()
                print(
                    f"round {number + 1}: {entry.name}: {entry.wall_seconds[-1]:.2f} s", flush=True
                )
    reference = entries[0]
    rows = []
    for entry in entries:
        ratios = [a / b for a, b in zip(entry.wall_seconds, reference.wall_seconds, strict=True)]
        cpu = [a / b for a, b in zip(entry.cpu_seconds, reference.cpu_seconds, strict=True)]
        rows.append(
            {
                "name": entry.name,
                "wall_seconds": [round(s, 3) for s in entry.wall_seconds],
                "wall_ratio_median": round(statistics.median(ratios), 3),
                "wall_ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
                "cpu_ratio_median": round(statistics.median(cpu), 3),
                "peak_mb": round(max(entry.peak_mb), 1),
            }
        )
    print(f"\n{'':42} wall s   x decode   x decode (cpu)   peak MB")
    for row, entry in zip(rows, entries, strict=True):
        print(
            f"{row['name']:42} {statistics.median(entry.wall_seconds):6.2f} "
            f"{row['wall_ratio_median']:10} {row['cpu_ratio_median']:16} {row['peak_mb']:9}"
        )
    save(args.name, {"film": film.name, "film_bytes": film.stat().st_size, "rows": rows})


if __name__ == "__main__":
    main()
