"""Results of the benches: one JSON file each, with what they ran on."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def save(name: str, data: dict[str, Any]) -> Path:
    """The file results/NAME.json with `data` and, beside it, the machine, versions and commit."""
    report = {
        "bench": name,
        **stamp(),
        "machine": _machine(),
        "versions": _versions(),
        "data": data,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return path


def stamp() -> dict[str, str]:
    """The date and the commit that are measured now."""
    now = datetime.datetime.now(datetime.UTC)
    return {"date": now.isoformat(timespec="seconds"), "commit": _commit()}


def _commit() -> str:
    """Short hash, with "+changes" where the checkout differs from it; "unknown" without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changes = git("status", "--porcelain", "--", ":/", ":!:bench/results")
        return git("rev-parse", "--short", "HEAD") + ("+changes" if changes else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _machine() -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": _cpu_model(),
        "cores": cores,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions() -> dict[str, str]:
    from fastthumb import _core

    found = {"python": platform.python_version()}
    for package in ("numpy", "av"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    build = _core.build_info()
    return found | {"compiler": str(build["compiler"]), "simd": str(build["simd"])}
