"""Two titles on a device whose memory is taken, then one more: what fails, and what is said.

python bench/_gpu_little_memory.py FILM LEFT_MB OUT      prints one JSON object

A title may fail there, with a reason; the run must end by itself, and the next one be as ever.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from fastthumb import _core

MEGABYTE = 1 << 20
DEVICE = 0


def process(folder: Path, out: Path) -> dict[str, Any]:
    """Run the command line over the folder: exit code, and the events that end titles."""
    command = [sys.executable, "-m", "fastthumb", "process", str(folder), "-o", str(out)]
    command += ["--gpu", str(DEVICE), "--json", "--force"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    ends = [event for event in events if event.get("event") in ("done", "failed")]
    said = [line for line in run.stderr.splitlines() if line.strip()]
    if "Traceback" in run.stderr or run.returncode not in (0, 1):
        sys.exit(f"wanted titles that fail with a sentence, got {run.returncode}: {said[-20:]}")
    return {"exit": run.returncode, "ends": ends, "said": said[-5:]}


def main() -> None:
    film, left, out = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    shutil.rmtree(out, ignore_errors=True)
    folder = out / "films"
    folder.mkdir(parents=True)
    for name in ("first", "second"):
        shutil.copy(film, folder / f"{name}{film.suffix}")
    free = _core.cuda_devices()[DEVICE]["free_bytes"]
    taken = _core.DeviceBuffer(DEVICE, free - left * MEGABYTE)
    found = {"left_mb": left, "taken_mb": taken.bytes // MEGABYTE}
    found["with_little"] = process(folder, out / "little")
    del taken
    found["with_all"] = process(folder, out / "all")
    print(json.dumps(found), flush=True)
    if found["with_all"]["exit"]:
        sys.exit("wanted a run with all of the memory to succeed afterwards")


if __name__ == "__main__":
    main()
