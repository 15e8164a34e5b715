"""Steps of bench/gpu.py: each under its own limit, its line of JSON written at once."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TAIL = 4000  # characters of output kept with a step

Command = list[str]


class Steps:
    """Runs the steps of one part and writes their lines; none stops another.

    A line has `step`, `part`, `ok` and `seconds`, and `data` (what the step printed as JSON), or
    `not_run` (what was missing; `ok` is then None), or `error` with `output` and `errors`. After
    `minutes` the steps that are left are not run.
    """

    def __init__(
        self, out: Path, only: Sequence[str] = (), part: int = 0, minutes: float = math.inf
    ) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.path = out / "gpu.jsonl"
        self.only = only
        self.part = part
        self.failed: list[str] = []
        self.not_run: list[str] = []
        self._end = time.monotonic() + 60 * minutes

    def write(self, step: str, ok: bool | None, seconds: float, **data: Any) -> None:
        line = {"step": step, "part": self.part, "ok": ok, "seconds": round(seconds, 2)} | data
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if ok is None:
            self.not_run.append(step)
        elif not ok:
            self.failed.append(step)
        says = {True: "ok  ", False: "FAIL", None: "----"}[ok]
        print(f"{says} {seconds:7.1f} s  {step}  {data.get('not_run', '')}".rstrip(), flush=True)

    def wanted(self, step: str) -> bool:
        return not self.only or any(step.startswith(name) for name in self.only)

    def facts(
        self, step: str, find: Callable[[], dict[str, Any]], missing: str | None = None
    ) -> None:
        """Note what a function of this process finds."""
        if self._passed_over(step, missing):
            return
        start = time.perf_counter()
        try:
            self.write(step, True, time.perf_counter() - start, data=find())
        except Exception as exc:
            self.write(step, False, time.perf_counter() - start, error=repr(exc))

    def run(
        self,
        step: str,
        command: Command,
        limit_s: float,
        missing: str | None = None,
        **environment: str,
    ) -> bool:
        """Run a command; its lines of JSON become the step's data.

        A command that finds out itself what is missing prints {"not_run": reason} alone.
        """
        if self._passed_over(step, missing):
            return False
        limit_s = min(limit_s, self._end - time.monotonic())
        start = time.perf_counter()
        try:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
                env=os.environ | environment, start_new_session=True,
            )  # fmt: skip
        except OSError as exc:
            self.write(step, False, 0, error=repr(exc))
            return False
        error = None
        try:
            output, errors = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
            error = f"stopped after {limit_s:.0f} s"
        ok = process.returncode == 0 and error is None
        seconds = time.perf_counter() - start
        found, text = _parted(output)
        if ok and len(found) == 1 and set(found[0]) == {"not_run"}:
            self.write(step, None, seconds, not_run=found[0]["not_run"])
            return False
        details: dict[str, Any] = {"data": found} if found else {}
        if not ok:
            details |= {"error": error or f"exit status {process.returncode}"}
        if not ok or not found:
            details |= {"output": "\n".join(text)[-TAIL:], "errors": errors[-TAIL:]}
        self.write(step, ok, seconds, **details)
        return ok

    def lines(self) -> list[dict[str, Any]]:
        """The lines that were written so far, those of earlier parts too."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def _passed_over(self, step: str, missing: str | None) -> bool:
        if not self.wanted(step):
            return True
        if missing is None and time.monotonic() >= self._end:
            missing = "the time of this part was over"
        if missing is not None:
            self.write(step, None, 0, not_run=missing)
        return missing is not None


def _parted(output: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The objects and the other lines of an output."""
    found, text = [], []
    for line in output.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            found.append(value)
        else:
            text.append(line)
    return found, text


# ---- what a step needs: each says what is missing, or None ------------------------------------


def lacking(*reasons: str | None) -> str | None:
    """The first thing that is missing."""
    return next((reason for reason in reasons if reason), None)


def no_program(*names: str) -> str | None:
    return next((f"{name} is not on the PATH" for name in names if not shutil.which(name)), None)


def no_package(*names: str) -> str | None:
    missing = (name for name in names if importlib.util.find_spec(name) is None)
    return next((f"the Python package {name} is not installed" for name in missing), None)


def no_file(*paths: Path | None) -> str | None:
    for path in paths:
        if path is None:
            return "nothing was carried here"
        if not path.exists():
            return f"{path.name} is not here"
    return None


def no_device() -> str | None:
    return None if said("nvidia-smi", "-L").startswith("GPU ") else "there is no NVIDIA GPU"


def said(*command: str) -> str:
    """What a command says; its absence is a fact too."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        return f"{type(exc).__name__}: {exc}"
    return (done.stdout + done.stderr).strip()[-TAIL:]
