"""One film through the command line on a device; bench/gpu.py runs each such step by itself.

    python bench/_gpu_titles.py make FILM OUT DEVICE [OPTIONS OF fastthumb process]
    python bench/_gpu_titles.py left FILM OUT DEVICE [OPTIONS OF fastthumb process]
    python bench/_gpu_titles.py try FILM OUT DEVICE [OPTIONS OF fastthumb process]
    python bench/_gpu_titles.py compare CPU_TITLE GPU_TITLE
    python bench/_gpu_titles.py refused FILM OUT GPU

Each prints one JSON object. `make` fails where title.json names another device, `left` unless it
names the CPU and a warning says why, `try` only where there is no title.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

SAMPLE_SECONDS = 0.5
PARTS = 10  # of a run, for each of which the peak of the memory is kept
NEAR_SECONDS = 0.5  # two choices no further apart show the same moment


# ---- making a title ---------------------------------------------------------------------------


def make(kind: str, film: Path, out: Path, device: str, options: list[str]) -> dict[str, Any]:
    """Run `fastthumb process` for "cpu" or "cuda:N", and say what it took."""
    gpu = "none" if device == "cpu" else device.removeprefix("cuda:")
    command = [sys.executable, "-m", "fastthumb", "process", str(film), "-o", str(out)]
    command += ["--gpu", gpu, "--force", "--json", *options]
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run, Memory(run.pid, None if gpu == "none" else gpu) as memory:  # fmt: skip
        output, errors = run.communicate()
    seconds = time.perf_counter() - start
    found: dict[str, Any] = {
        "film": film.name,
        "device": device,
        "options": options,
        "exit": run.returncode,
        "run_seconds": round(seconds, 2),
    }
    titles = sorted(out.glob("*/title.json"))
    if run.returncode or len(titles) != 1:
        sys.exit(f"wanted one title and exit 0, got {len(titles)} and {found}\n{output}\n{errors}")
    title = json.loads(titles[0].read_text(encoding="utf-8"))
    problem = trouble(kind, device, title)
    if problem:
        sys.exit(problem)
    return found | taken(title) | {"memory": memory.report(), "title": str(titles[0])}


def trouble(kind: str, device: str, title: dict[str, Any]) -> str | None:
    """What is wrong with the device that a title was made on."""
    used = title["device"]
    if kind == "make" and used != device:
        return f"wanted a title made on {device}, its title.json says {used}: {title['warnings']}"
    if kind == "left" and not (used == "cpu" and "on the CPU" in " ".join(title["warnings"])):
        return f"wanted the CPU and a warning that says why, got {used} and {title['warnings']}"
    return None


def taken(title: dict[str, Any]) -> dict[str, Any]:
    """What a title says of the work that it was."""
    stages = {
        name: {"seconds": round(stage["seconds"], 3), "frames": stage["frames"]}
        for name, stage in title["timings"].items()
    }
    return {
        "decoded_on": title["device"],
        "wall_seconds": title["wall_seconds"],
        "frames_decoded": title["frames_decoded"],
        "frames_per_second": round(title["frames_decoded"] / title["wall_seconds"], 1),
        "stages": stages,
        "warnings": title["warnings"],
        "models": [model["name"] for model in title["models"]],
        "variants": len(title["variants"]),
    }


class Memory:
    """Samples a process with its children, and the memory of a GPU, while it is entered."""

    def __init__(self, process: int, gpu: str | None) -> None:
        self._process, self._gpu = process, gpu
        self.samples: list[tuple[float, float | None]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.samples.append((host_mb(self._process), device_mb(self._gpu)))

    def report(self) -> dict[str, Any]:
        """Peaks of each part of the run in MB, of the host and of the device."""
        device = [there for _, there in self.samples if there is not None]
        return {
            "samples": len(self.samples),
            "host_mb": peaks([here for here, _ in self.samples]),
            "device_mb": peaks(device),
        }


def peaks(samples: list[float]) -> list[float]:
    """The largest of each of PARTS equal parts of the samples."""
    edges = [len(samples) * part // PARTS for part in range(PARTS + 1)]
    parts = [samples[a:b] for a, b in pairwise(edges)]
    return [round(max(part), 1) for part in parts if part]


def host_mb(process: int) -> float:
    """Memory of a process and its children in MB; what they share counts once for each."""
    kilobytes, waiting = 0, [process]
    while waiting:
        folder = Path("/proc", str(waiting.pop()))
        try:
            status = (folder / "status").read_text(encoding="utf-8")
            for children in folder.glob("task/*/children"):
                waiting += map(int, children.read_text(encoding="utf-8").split())
        except (OSError, ProcessLookupError):
            continue
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


def device_mb(gpu: str | None) -> float | None:
    """Memory that is in use on a GPU in MB; None where that cannot be known."""
    if gpu is None:
        return None
    command = ["nvidia-smi", "-i", gpu, "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    try:
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


# ---- comparing two titles ---------------------------------------------------------------------


def compare(cpu: dict[str, Any], gpu: dict[str, Any]) -> dict[str, Any]:
    """How far two titles of one film show the same: overlap of the choices, scores, shots."""
    ours = {variant["frame_pts"]: variant for variant in cpu["variants"]}
    theirs = {variant["frame_pts"]: variant for variant in gpu["variants"]}
    both = ours.keys() & theirs.keys()
    scores = [abs(ours[pts]["quality_score"] - theirs[pts]["quality_score"]) for pts in both]
    near = [variant for variant in gpu["variants"] if _is_near(variant, cpu["variants"])]
    cuts = [{shot["start_pts"] for shot in title["shots"]} for title in (cpu, gpu)]
    return {
        "variants": [len(ours), len(theirs)],
        "same_frame": len(both),
        "overlap": round(len(both) / max(len(ours), len(theirs), 1), 4),
        "same_moment": len(near),
        "same_order": [v["frame_pts"] for v in cpu["variants"]]
        == [v["frame_pts"] for v in gpu["variants"]],
        "score_difference_max": max(scores, default=None),
        "shots": [len(cuts[0]), len(cuts[1])],
        "same_shots": len(cuts[0] & cuts[1]),
        "wall_seconds": [cpu["wall_seconds"], gpu["wall_seconds"]],
    }


def _is_near(variant: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    return any(abs(_seconds(variant) - _seconds(other)) <= NEAR_SECONDS for other in others)


def _seconds(variant: dict[str, Any]) -> float:
    return float(variant["frame_pts"] * Fraction(variant["time_base"]))


# ---- what has to be refused -------------------------------------------------------------------


def refused(film: Path, out: Path, gpu: str) -> dict[str, Any]:
    """A GPU that is not there: one sentence, exit code 2, and nothing written."""
    command = [sys.executable, "-m", "fastthumb", "process", str(film), "-o", str(out)]
    run = subprocess.run([*command, "--gpu", gpu], capture_output=True, text=True, check=False)
    said = run.stderr.strip()
    found = {"gpu": gpu, "exit": run.returncode, "said": said, "written": out.exists()}
    if run.returncode != 2 or "Traceback" in said or out.exists():
        sys.exit(f"wanted exit 2, one sentence and nothing written, got {found}")
    return found


def _title(path: str) -> dict[str, Any]:
    return json.loads(Path(path).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def main() -> None:
    kind, first, second, *rest = sys.argv[1:]
    if kind in ("make", "left", "try"):
        found = make(kind, Path(first), Path(second), rest[0], rest[1:])
    elif kind == "compare":
        found = compare(_title(first), _title(second))
    else:
        found = refused(Path(first), Path(second), rest[0])
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
