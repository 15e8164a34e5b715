"""Part 1 of bench/gpu.py: machine, build, tests on the device, kernels, decoder."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _gpu_steps import ROOT, TAIL, Steps, lacking, no_device, no_file, no_package, no_program, said

HERE = ROOT / "bench"
LIBRARIES = ["libcuda.so", "libnvcuvid.so", "libnvidia-encode.so", "libnvinfer.so", "libnvjpeg.so"]
LIBRARY_FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/nvidia"]
PACKAGES = [
    "numpy", "torch", "cupy-cuda13x", "onnx", "onnxruntime", "onnxruntime-gpu", "tensorrt-cu13",
    "PyNvVideoCodec", "av", "pydantic", "pytest",
]  # fmt: skip
# What runs on a device, and the packages that each file imports beside the package's own.
DEVICE_TESTS = {
    "test_device_memory.py": (),
    "test_device_signals.py": ("hypothesis",),
    "test_device_tensors.py": ("hypothesis",),
    "test_nvdec_device.py": ("av", "PyNvVideoCodec"),
    "test_device_networks.py": ("onnx", "onnxruntime"),
}
TWIN_TESTS = ("test_kernels.py", "test_kernels_input.py", "test_letterbox.py")
SMALL_CASES = "one_after_another or the_batch_of_the_meter"


@dataclass(frozen=True)
class Place:
    """Where things are on the machine with the device."""

    build: Path
    carried: Path | None = None

    @property
    def package(self) -> Path:
        """Folder to import fastthumb from."""
        return self.build / "package"

    @property
    def program(self) -> Path:
        """The bench program of the kernels."""
        return self.build / "gpu_signals"

    @property
    def clips(self) -> Path | None:
        """Folder of the clips, their references and the films for rates."""
        return None if self.carried is None else self.carried / "videos"

    def environment(self) -> dict[str, str]:
        """What makes tests and benches find package, test data and device."""
        found = {
            "PYTHONPATH": os.pathsep.join(map(str, (self.package, ROOT / "tests"))),
            "FASTTHUMB_REQUIRE_CUDA": "1",
        }
        if self.carried is not None:
            found["FASTTHUMB_TEST_DATA"] = str(self.carried)
            if (self.carried / "models").is_dir():
                found["FASTTHUMB_MODELS"] = str(self.carried / "models")
        return found


def facts(steps: Steps, place: Place) -> None:
    """Everything of part 1."""
    steps.facts("machine", machine)
    steps.facts("libraries", libraries)
    build(steps, place)
    device_tests(steps, place)
    kernels(steps, place)
    nvdec(steps, place)


# ---- machine and build ------------------------------------------------------------------------


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


def build(steps: Steps, place: Place) -> None:
    """Build core, module and the bench program for the device here, or take a carried wheel."""
    architecture = said("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader")
    digits = architecture.partition("\n")[0].replace(".", "")
    architecture = digits if digits.isdigit() else "90"
    pybind = said(sys.executable, "-m", "pybind11", "--cmakedir")
    tools = lacking(no_program("cmake", "ninja", "nvcc"), no_package("pybind11"))
    steps.run(
        "build: configure",
        [
            "cmake", "-S", str(ROOT), "-B", str(place.build), "-G", "Ninja", "-DFASTTHUMB_CUDA=ON",
            f"-DCMAKE_CUDA_ARCHITECTURES={architecture}-real", f"-Dpybind11_DIR={pybind}",
            f"-DPython_EXECUTABLE={sys.executable}",
        ],
        120,
        tools,
    )  # fmt: skip
    steps.run("build: core", ["cmake", "--build", str(place.build)], 300, tools)
    steps.run(
        "build: gpu_signals",
        [
            "nvcc", "-O3", "-std=c++20", "--expt-relaxed-constexpr", f"-arch=sm_{architecture}",
            f"-I{ROOT / 'cpp/include'}", f"-I{ROOT / 'kernels'}", str(HERE / "gpu_signals.cu"),
            str(place.build / "libfastthumb_core.a"), "-o", str(place.program),
        ],
        120,
        tools,
    )  # fmt: skip
    steps.facts("build: package", lambda: assemble(place))


def assemble(place: Place) -> dict[str, Any]:
    """Put the package together: these sources with the module built here, or a carried one."""
    wheels = [] if place.carried is None else sorted(place.carried.glob("wheels/fastthumb-*.whl"))
    built = list(place.build.glob("_core*.so"))
    if not built and not wheels:
        raise RuntimeError("no module was built, and no wheel of fastthumb was carried")
    shutil.rmtree(place.package, ignore_errors=True)
    shutil.copytree(
        ROOT / "python" / "fastthumb",
        place.package / "fastthumb",
        ignore=shutil.ignore_patterns("*.so", "__pycache__"),
    )
    target = place.package / "fastthumb"
    if built:
        shutil.copy(built[0], target)
        return {"module": built[0].name, "from": "the build here"}
    with zipfile.ZipFile(wheels[-1]) as wheel:
        (name,) = (n for n in wheel.namelist() if Path(n).name.startswith("_core."))
        (target / Path(name).name).write_bytes(wheel.read(name))
    return {"module": Path(name).name, "from": wheels[-1].name}


# ---- tests and kernels ------------------------------------------------------------------------


def device_tests(steps: Steps, place: Place) -> None:
    """The tests that need a device, each file a step."""
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    needed = lacking(no_device(), no_package("pytest"), no_file(place.package))
    for file, packages in DEVICE_TESTS.items():
        missing = lacking(needed, no_package(*packages))
        steps.run(f"tests: {file}", [*pytest, f"tests/{file}"], 240, missing, **place.environment())
    for file in TWIN_TESTS:
        chosen = ["-k", "cuda or device or bit_for_bit or twin", f"tests/{file}"]
        missing = lacking(needed, no_package("hypothesis", "av"))
        steps.run(f"tests: {file}", [*pytest, *chosen], 240, missing, **place.environment())


def kernels(steps: Steps, place: Place) -> None:
    """Parity and times of the kernels, and compute-sanitizer on small cases."""
    program = str(place.program)
    missing = lacking(no_device(), no_file(place.program))
    steps.run("kernels: parity with the plain twin", [program, "check"], 120, missing)
    steps.run("kernels: times", [program, "time", "40"], 120, missing)
    frames = [sys.executable, str(HERE / "_gpu_device_frames.py"), "30"]
    packaged = lacking(no_device(), no_file(place.package))
    steps.run("kernels: device frames", frames, 120, packaged, **place.environment())
    for tool in ("memcheck", "racecheck"):
        sanitizer = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "9"]
        absent = no_program("compute-sanitizer")
        command = [*sanitizer, program, "check-small"]
        steps.run(f"kernels: {tool}", command, 90, lacking(missing, absent))
    files = [f"tests/test_device_{name}.py" for name in ("signals", "tensors")]
    small = [*sanitizer[:2], "memcheck", *sanitizer[3:], "--report-api-errors", "no"]
    small += [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", SMALL_CASES]
    needed = lacking(packaged, absent, no_package("pytest", "hypothesis"))
    name = "kernels: memcheck of the device's entry points"
    steps.run(name, [*small, *files], 120, needed, **place.environment())
    steps.facts("kernels: profile", lambda: profile(program), lacking(missing, no_program("ncu")))


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


# ---- decoder ----------------------------------------------------------------------------------


def nvdec(steps: Steps, place: Place) -> None:
    """What the decoder can do, whether its pixels are FFmpeg's, and how fast it is."""
    clips = place.clips or Path("nothing carried")
    missing = lacking(no_device(), no_package("PyNvVideoCodec"))

    def step(
        name: str, kind: str, argument: str = "", limit_s: float = 40, absent: str | None = None
    ) -> None:
        script = [sys.executable, str(HERE / "_gpu_nvdec.py"), kind, str(clips), argument]
        steps.run(f"nvdec: {name}", script, limit_s, lacking(missing, absent))

    with_libraries_found()
    step("load", "load")
    step("capabilities", "caps")
    absent = no_file(clips / "references.json")
    if absent:
        steps.facts("nvdec: clips", dict, absent)
    else:
        for name in json.loads((clips / "references.json").read_text(encoding="utf-8")):
            step(f"{name}, host", "clip", f"{name}|host")
    for name in ("H.264", "HEVC, 10 bits, HLG, edit list", "VP9, odd size"):
        step(f"{name}, device", "clip", f"{name}|device", 40, lacking(absent, no_package("cupy")))
    film, hevc = (no_file(clips / name) for name in ("film-h264.mp4", "film-hevc.mp4"))
    for n in (1, 2, 4, 7, 8, 14):
        step(f"rate, {n}", "rate", f"film-h264.mp4|{n}|all", 60, film)
    for n in (1, 7):
        step(f"rate of HEVC, {n}", "rate", f"film-hevc.mp4|{n}|all", 60, hevc)
        step(f"rate of keyframes, {n}", "rate", f"film-h264.mp4|{n}|keyframes", 60, film)
    for n in (1, 7, 14):
        step(f"one film in parts, {n}", "split", f"film-h264.mp4|{n}", 60, film)
