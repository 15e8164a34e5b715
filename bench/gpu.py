"""What the project does on a CUDA device, in three parts. One line of JSON per step.

    python bench/gpu.py prepare TRIPS             where PyAV, ffmpeg and a network are
    bench/gpu.sh OUT TRIPS --part 1               where the device is: facts, 8 minutes
    bench/gpu.sh OUT TRIPS --part 2               against the CPU, end to end, 9 minutes
    bench/gpu.sh OUT TRIPS --part 3               speed, memory, errors, 8 minutes
    python bench/gpu.py keep OUT/gpu.jsonl gpu_kernels gpu_nvdec --commit ... --date ...

The machine with the device needs no network, but CMake, ninja, nvcc and Python with NumPy, pytest
and the CUDA libraries of ONNX Runtime (those that come with PyTorch do). All else is carried there:
`prepare` makes TRIPS/carried-000 and so on, each at most 60 MiB: clips with the checksums that
FFmpeg makes of their frames, films, small models, and the wheels of all requirements. `--python` is
the version there. `--wheel` adds a wheel of fastthumb with CUDA kernels, made by that Python with
FASTTHUMB_CUDA=ON pip wheel --no-deps, which is used where nothing can be built. Copy the parts into
one folder there, and the repository; bench/gpu.sh unpacks them, installs the wheels into a virtual
environment that sees the machine's packages, and calls `run` in it.

Every step runs by itself under its own limit, writes its line to OUT/gpu.jsonl at once and stops
none of the others; what is missing is a line, too (`not_run`). --only takes the beginnings of the
names of steps, --minutes how long the part may take.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _gpu_facts import Place, facts
from _gpu_runs import end_to_end, speed
from _gpu_steps import ROOT, Steps

PARTS: dict[int, Callable[[Steps, Place], None]] = {1: facts, 2: end_to_end, 3: speed}
MINUTES = {1: 8.0, 2: 9.0, 3: 8.0}
# The result files, and the beginnings of the names of the steps that each keeps.
RESULTS = {
    "gpu_kernels": ("build", "tests", "kernels"),
    "gpu_nvdec": ("nvdec",),
    "gpu_films": ("doctor", "networks", "film"),
    "gpu_speed": ("speed", "errors"),
}


def run(arguments: argparse.Namespace) -> int:
    """Run parts; the exit status is 0 however their steps end."""
    carried = None if arguments.carried is None else arguments.carried.resolve()
    place = Place(arguments.build.resolve(), carried)
    for part in arguments.part or sorted(PARTS):
        minutes = MINUTES[part] if arguments.minutes is None else arguments.minutes
        steps = Steps(arguments.out.resolve(), arguments.only, part, minutes)
        PARTS[part](steps, place)
        print(f"part {part}: {len(steps.failed)} steps failed: {', '.join(steps.failed) or 'none'}")
        print(f"part {part}: {len(steps.not_run)} steps were not run; written to {steps.path}")
    return 0


def kept(line: dict[str, Any]) -> dict[str, Any]:
    """A step without its log: its data, or the last line that it said."""
    keys = ("step", "ok", "seconds", "data", "error", "not_run")
    short = {key: line[key] for key in keys if key in line}
    said_last = [
        text.strip()
        for key in ("output", "errors")
        for text in line.get(key, "").splitlines()
        if " passed" in text or " failed" in text or text.startswith("Error Type")
    ]
    if said_last:
        short["says"] = said_last[-1]
    checks = [row for row in line.get("data", []) if isinstance(row, dict) and "check" in row]
    if checks:
        wrong = [row for row in checks if row["differs"] or not row["runs_equal"]]
        short["data"] = {"cases": len(checks), "different": wrong}
    return short


def keep(arguments: argparse.Namespace) -> int:
    """Sort the lines of a run into result files; of a step that ran twice the last line counts."""
    text = arguments.out.read_text(encoding="utf-8")
    lines = {line["step"]: line for line in map(json.loads, text.splitlines())}
    found = {name: line["data"] for name, line in lines.items() if "data" in line}
    names = {n: [Path(p).name for p in paths] for n, paths in found["libraries"].items()}
    shared = {
        "date": arguments.date,
        "commit": arguments.commit,
        "machine": found["machine"],
        "libraries": names,
    }
    for name in arguments.results:
        mine = [kept(line) for line in lines.values() if _kind(line["step"]) in RESULTS[name]]
        report = {"bench": name} | shared | {"steps": mine}
        path = arguments.to / f"{name}.json"
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        print(f"written to {path}")
    return 0


def _kind(step: str) -> str:
    return step.partition(":")[0]


def prepare(arguments: argparse.Namespace) -> int:
    """Make what is carried to the machine with the device."""
    from _gpu_carry import prepare as carry

    carry(arguments.trips, arguments.python, arguments.wheel)
    return 0


def repeat(arguments: argparse.Namespace) -> int:
    """Make a longer film of a film's packets."""
    from _films import copy_packets

    arguments.target.parent.mkdir(parents=True, exist_ok=True)
    copy_packets(arguments.target, [arguments.film] * arguments.times)
    print(json.dumps({"film": arguments.target.name, "bytes": arguments.target.stat().st_size}))
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = top.add_subparsers(required=True)
    preparing = commands.add_parser("prepare", help="make what is carried there")
    preparing.add_argument("trips", type=Path)
    preparing.add_argument("--python", default="3.12", help="version of Python there")
    preparing.add_argument("--wheel", type=Path, help="a wheel of fastthumb for it")
    preparing.set_defaults(do=prepare)
    running = commands.add_parser("run", help="run parts")
    running.add_argument("out", type=Path)
    running.add_argument("--part", type=int, choices=sorted(PARTS), action="append")
    running.add_argument("--carried", type=Path, help="folder of what was carried, unpacked")
    running.add_argument("--build", type=Path, default=ROOT / "build" / "gpu")
    running.add_argument("--only", nargs="*", default=[])
    running.add_argument("--minutes", type=float)
    running.set_defaults(do=run)
    repeating = commands.add_parser("repeat", help="make a longer film")
    repeating.add_argument("film", type=Path)
    repeating.add_argument("times", type=int)
    repeating.add_argument("target", type=Path)
    repeating.set_defaults(do=repeat)
    keeping = commands.add_parser("keep", help="keep the lines of a run as results")
    keeping.add_argument("out", type=Path, help="gpu.jsonl of a run")
    keeping.add_argument("results", nargs="+", choices=sorted(RESULTS))
    keeping.add_argument("--commit", required=True)
    keeping.add_argument("--date", required=True)
    keeping.add_argument("--to", type=Path, default=ROOT / "bench" / "results")
    keeping.set_defaults(do=keep)
    return top


def main() -> int:
    arguments = parser().parse_args()
    return int(arguments.do(arguments))


if __name__ == "__main__":
    sys.exit(main())
