"""What the project does on a CUDA device: facts, parity, rates. One line of JSON per step.

    python bench/gpu.py prepare CLIPS              where FFmpeg is: clips and their references
    python bench/gpu.py run OUT [--clips CLIPS]    where the device is
    python bench/gpu.py keep OUT/gpu.jsonl gpu_kernels gpu_nvdec --commit ... --date ...

The machine with the device needs CMake, ninja, nvcc, pybind11, NumPy and pytest, nothing of the
package's own needs. Every step runs by itself under its own limit, writes its line at once and
stops none of the others; --only takes the beginnings of the names of steps.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TAIL = 4000  # characters of output kept with a step
LIBRARIES = ["libcuda.so", "libnvcuvid.so", "libnvidia-encode.so", "libnvinfer.so", "libnvjpeg.so"]
LIBRARY_FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/nvidia"]
PACKAGES = ["numpy", "torch", "cupy-cuda13x", "onnxruntime", "onnxruntime-gpu", "av", "pytest"]

Command = list[str]


class Steps:
    """Runs the steps and writes their lines."""

    def __init__(self, out: Path, only: list[str]) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.path = out / "gpu.jsonl"
        self.only = only
        self.failed: list[str] = []

    def write(self, step: str, ok: bool, seconds: float, **data: Any) -> None:
        line = {"step": step, "ok": ok, "seconds": round(seconds, 2)} | data
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if not ok:
            self.failed.append(step)
        print(f"{'ok  ' if ok else 'FAIL'} {seconds:7.1f} s  {step}", flush=True)

    def wanted(self, step: str) -> bool:
        return not self.only or any(step.startswith(name) for name in self.only)

    def facts(self, step: str, find: Callable[[], dict[str, Any]]) -> None:
        if not self.wanted(step):
            return
        start = time.perf_counter()
        try:
            self.write(step, True, time.perf_counter() - start, data=find())
        except Exception as exc:
            self.write(step, False, time.perf_counter() - start, error=repr(exc))

    def run(self, step: str, command: Command, limit_s: float, **environment: str) -> bool:
        """Run a command; its lines of JSON become the step's data."""
        if not self.wanted(step):
            return False
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
            error = f"stopped after {limit_s} s"
        ok = process.returncode == 0 and error is None
        found, text = [], []
        for line in output.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                text.append(line)
        details: dict[str, Any] = {"data": found} if found else {}
        if not ok:
            details |= {"error": error or f"exit status {process.returncode}"}
        if not ok or not found:
            details |= {"output": "\n".join(text)[-TAIL:], "errors": errors[-TAIL:]}
        self.write(step, ok, time.perf_counter() - start, **details)
        return ok


# ---- part 1: machine and build ----------------------------------------------------------------


def said(*command: str) -> str:
    """What a command says; its absence is a fact too."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        return f"{type(exc).__name__}: {exc}"
    return (done.stdout + done.stderr).strip()[-TAIL:]


def machine() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    packages = {}
    for package in PACKAGES:
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            packages[package] = "not installed"
    fields = "name,memory.total,driver_version,clocks.sm,clocks.max.sm,clocks.mem,compute_cap"
    cpu = [line for line in said("lscpu").splitlines() if line.startswith(("Model name", "CPU(s)"))]
    return {
        "gpu": said("nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"),
        "cpu": " ".join(" ".join(line.split()) for line in cpu),
        "nvcc": said("nvcc", "--version").splitlines()[-2:],
        "python": sys.version.split()[0],
        "packages": packages,
    }


def libraries() -> dict[str, Any]:
    known = [line.split()[-1] for line in said("ldconfig", "-p").splitlines() if "=>" in line]
    for folder in LIBRARY_FOLDERS:
        known += [str(path) for path in Path(folder).rglob("lib*.so*")]
    return {name: sorted({p for p in known if f"/{name}" in p}) for name in LIBRARIES}


def with_libraries_found() -> None:
    """Put the folder of the driver's decoder library on the loader's path."""
    folders = {str(Path(p).parent) for p in libraries()["libnvcuvid.so"]}
    if folders:
        inherited = os.environ.get("LD_LIBRARY_PATH", "")
        os.environ["LD_LIBRARY_PATH"] = ":".join([*sorted(folders), inherited]).strip(":")


def build(steps: Steps, folder: Path) -> Path:
    """Build core, module and the bench program for the device here; the folder of the package."""
    architecture = said("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader")
    digits = architecture.replace(".", "")
    architecture = digits if digits.isdigit() else "90"
    pybind = said(sys.executable, "-m", "pybind11", "--cmakedir")
    steps.run(
        "build: configure",
        [
            "cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Ninja", "-DFASTTHUMB_CUDA=ON",
            f"-DCMAKE_CUDA_ARCHITECTURES={architecture}-real", f"-Dpybind11_DIR={pybind}",
            f"-DPython_EXECUTABLE={sys.executable}",
        ],
        120,
    )  # fmt: skip
    steps.run("build: core", ["cmake", "--build", str(folder)], 240)
    steps.run(
        "build: gpu_signals",
        [
            "nvcc", "-O3", "-std=c++20", "--expt-relaxed-constexpr", f"-arch=sm_{architecture}",
            f"-I{ROOT / 'cpp/include'}", f"-I{ROOT / 'kernels'}", str(HERE / "gpu_signals.cu"),
            str(folder / "libfastthumb_core.a"), "-o", str(folder / "gpu_signals"),
        ],
        120,
    )  # fmt: skip
    package = folder / "package"

    def assemble() -> dict[str, Any]:
        shutil.rmtree(package, ignore_errors=True)
        shutil.copytree(ROOT / "python" / "fastthumb", package / "fastthumb")
        (module,) = folder.glob("_core*.so")
        shutil.copy(module, package / "fastthumb")
        return {"module": module.name}

    steps.facts("build: package", assemble)
    return package


# ---- the parts --------------------------------------------------------------------------------


def kernels(steps: Steps, folder: Path, package: Path) -> None:
    program = str(folder / "gpu_signals")
    steps.run("kernels: parity with the plain twin", [program, "check"], 120)
    paths = os.pathsep.join([str(package), str(ROOT / "tests")])
    try:
        import av  # noqa: F401
    except ImportError:  # only asked for by tests that need test data, too
        (package / "av.py").touch()
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k"]
    required = {"PYTHONPATH": paths, "FASTTHUMB_REQUIRE_CUDA": "1"}
    chosen = [*pytest, "cuda or device or bit_for_bit or twin"]
    files = ["tests/test_kernels.py", "tests/test_kernels_input.py"]
    steps.run("kernels: device tests", [*chosen, *files], 240, **required)
    steps.run("letterbox: device tests", [*chosen, "tests/test_letterbox.py"], 120, **required)
    steps.run("kernels: times", [program, "time", "40"], 120)
    for tool in ("memcheck", "racecheck"):
        command = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "9", program]
        steps.run(f"kernels: {tool}", [*command, "check-small"], 90)
    steps.facts("kernels: profile", lambda: profile(program))


METRICS = [
    "gpu__time_duration.sum", "dram__bytes_read.sum", "dram__bytes_write.sum",
    "sm__throughput.avg.pct_of_peak_sustained_elapsed",
    "dram__throughput.avg.pct_of_peak_sustained_elapsed",
    "sm__warps_active.avg.pct_of_peak_sustained_active", "launch__registers_per_thread",
    "smsp__inst_executed.sum",
]  # fmt: skip


def profile(program: str) -> dict[str, Any]:
    """What Nsight Compute reads of the kernels of one batch, in their order."""
    options = ["--clock-control", "none", "--cache-control", "none", "--csv", "--launch-skip", "6"]
    selection = ["--launch-count", "3", "--metrics", ",".join(METRICS)]
    command = ["ncu", *options, *selection, program, "once", "64"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith('"')]
    kernels: dict[str, Any] = {}
    for row in csv.DictReader(lines):
        name = row["Kernel Name"].replace("fastthumb::<unnamed>::", "").partition("(")[0]
        kernel = kernels.setdefault(f"{row['ID']} {name}", {})
        kernel[row["Metric Name"]] = f"{row['Metric Value']} {row['Metric Unit']}".strip()
    if not kernels:
        raise RuntimeError((done.stdout + done.stderr)[-TAIL:])
    return kernels


def nvdec(steps: Steps, clips: Path) -> None:
    def step(name: str, kind: str, argument: str = "", limit_s: float = 40) -> bool:
        script = [sys.executable, str(HERE / "_gpu_nvdec.py"), kind, str(clips), argument]
        return steps.run(f"nvdec: {name}", script, limit_s)

    with_libraries_found()
    if not step("load", "load") and steps.wanted("nvdec: load"):
        return
    step("capabilities", "caps")
    references = json.loads((clips / "references.json").read_text(encoding="utf-8"))
    for name in references:
        step(f"{name}, host", "clip", f"{name}|host")
    for name in ("H.264", "HEVC, 10 bits, HLG, edit list", "VP9, odd size"):
        step(f"{name}, device", "clip", f"{name}|device")
    for sessions in (1, 2, 4, 7, 8, 14):
        step(f"rate, {sessions}", "rate", f"film-h264.mp4|{sessions}|all", 60)
    for sessions in (1, 7):
        step(f"rate of HEVC, {sessions}", "rate", f"film-hevc.mp4|{sessions}|all", 60)
        step(f"rate of keyframes, {sessions}", "rate", f"film-h264.mp4|{sessions}|keyframes", 60)
    for sessions in (1, 7, 14):
        step(f"one film in parts, {sessions}", "split", f"film-h264.mp4|{sessions}", 60)


def run(arguments: argparse.Namespace) -> int:
    steps = Steps(arguments.out, arguments.only)
    folder = arguments.build.resolve()
    steps.facts("machine", machine)
    steps.facts("libraries", libraries)
    package = build(steps, folder)
    kernels(steps, folder, package)
    if arguments.clips is not None:
        nvdec(steps, arguments.clips.resolve())
    print(f"{len(steps.failed)} steps failed: {', '.join(steps.failed) or 'none'}")
    print(f"written to {steps.path}")
    return 0


# ---- keeping results --------------------------------------------------------------------------


def kept(line: dict[str, Any]) -> dict[str, Any]:
    """A step without its log: its data, or the last line that it said."""
    short = {key: line[key] for key in ("step", "ok", "seconds", "data", "error") if key in line}
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
    """Sort the lines of a run into the two result files."""
    lines = [json.loads(line) for line in arguments.out.read_text(encoding="utf-8").splitlines()]
    found = {line["step"]: line["data"] for line in lines if "data" in line}
    names = {n: [Path(p).name for p in paths] for n, paths in found["libraries"].items()}
    shared = {
        "date": arguments.date,
        "commit": arguments.commit,
        "machine": found["machine"],
        "libraries": names,
    }
    kinds = {"gpu_kernels": ("build", "kernels", "letterbox"), "gpu_nvdec": ("nvdec",)}
    for name in arguments.results:
        mine = [kept(line) for line in lines if line["step"].split(":")[0] in kinds[name]]
        report = {"bench": name} | shared | {"steps": mine}
        path = HERE / "results" / f"{name}.json"
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        print(f"written to {path}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    preparing = commands.add_parser("prepare")
    preparing.add_argument("clips", type=Path)
    preparing.set_defaults(do=lambda a: __import__("_gpu_clips").prepare(a.clips))
    running = commands.add_parser("run")
    running.add_argument("out", type=Path)
    running.add_argument("--clips", type=Path)
    running.add_argument("--build", type=Path, default=ROOT / "build" / "gpu")
    running.add_argument("--only", nargs="*", default=[])
    running.set_defaults(do=run)
    keeping = commands.add_parser("keep")
    keeping.add_argument("out", type=Path, help="gpu.jsonl of a run")
    keeping.add_argument("results", nargs="+", choices=["gpu_kernels", "gpu_nvdec"])
    keeping.add_argument("--commit", required=True)
    keeping.add_argument("--date", required=True)
    keeping.set_defaults(do=keep)
    arguments = parser.parse_args()
    return arguments.do(arguments) or 0


if __name__ == "__main__":
    sys.exit(main())
