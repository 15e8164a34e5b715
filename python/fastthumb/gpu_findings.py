"""What `fastthumb doctor` says of GPUs: what is there, and the command that adds what is not.

Without a driver nothing of a GPU's is loaded: what is installed is looked up, and that is all.
"""

from __future__ import annotations

import ctypes
import importlib.util
from typing import Any

from fastthumb.findings import Finding

_DRIVER = "libcuda.so.1"
_GIGABYTE = 1 << 30
_REBUILD = (
    "install again where nvcc is on PATH: FASTTHUMB_CUDA=ON pip install --no-binary "
    "fastthumb fastthumb"
)
_EXTRA = "pip install 'fastthumb[gpu]'"


def gpu_findings() -> list[Finding]:
    """Kernels, driver, GPUs, their decoders, and the libraries that run networks on them."""
    from fastthumb import _core

    build = _core.build_info()
    driver = _cuda_version()
    devices = _core.cuda_devices() if driver else []
    return [
        _kernels(build),
        _driver(driver),
        *_gpus(devices, build, driver),
        *_decoders(devices),
        *_networks(bool(driver)),
    ]


def _kernels(build: dict[str, Any]) -> Finding:
    if not build["cuda"]:
        return Finding("CUDA kernels", False, "not in this build", _REBUILD)
    return Finding("CUDA kernels", True, f"built for {build['cuda_architectures']}")


def _cuda_version() -> str:
    """The newest CUDA that the driver runs, such as "13.0"; empty where there is no driver."""
    try:
        driver = ctypes.CDLL(_DRIVER)
        version = ctypes.c_int()
        failed = driver.cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return ""
    return "" if failed else f"{version.value // 1000}.{version.value % 1000 // 10}"


def _driver(version: str) -> Finding:
    if version:
        return Finding("GPU driver", True, f"NVIDIA's, for CUDA up to {version}")
    return Finding(
        "GPU driver",
        False,
        f"none ({_DRIVER})",
        "install NVIDIA's driver; a container needs --gpus all and "
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility,video",
    )


def _gpus(devices: list[dict[str, Any]], build: dict[str, Any], driver: str) -> list[Finding]:
    if devices:
        return [_gpu(number, facts, build) for number, facts in enumerate(devices)]
    if driver and build["cuda"]:
        advice = (
            "look at nvidia-smi and CUDA_VISIBLE_DEVICES; a driver older than the CUDA that "
            "built the kernels cannot run them"
        )
        return [Finding("GPUs", False, "none that can be used", advice)]
    if driver:
        return [Finding("GPUs", False, "not looked for without CUDA kernels", _REBUILD)]
    return []


def _gpu(number: int, facts: dict[str, Any], build: dict[str, Any]) -> Finding:
    capability = facts["compute_capability"]
    name = ".".join(map(str, capability))
    free, total = (facts[key] / _GIGABYTE for key in ("free_bytes", "total_bytes"))
    found = f"{facts['name']}, {free:.1f} of {total:.1f} GiB free, compute capability {name}"
    if _runs_on(build["cuda_architectures"], capability):
        return Finding(f"GPU {number}", True, found)
    architecture = "".join(map(str, capability))
    return Finding(
        f"GPU {number}",
        False,
        f"{found}: the CUDA kernels are not built for it",
        f"CUDAARCHS={architecture} {_REBUILD.partition(': ')[2]}",
    )


def _runs_on(architectures: str, capability: tuple[int, int]) -> bool:
    """Say whether kernels run there: code of the same major version, or PTX of an older one."""
    for architecture in architectures.split():
        number, _, kind = architecture.partition("-")
        digits = number.rstrip("af")
        if not digits.isdecimal():  # such as "native": what that was is not known
            return True
        built = (int(digits[:-1]), int(digits[-1]))
        if kind != "virtual" and built[0] == capability[0] and built <= capability:
            return True
        if kind != "real" and number == digits and built <= capability:
            return True
    return False


def _decoders(devices: list[dict[str, Any]]) -> list[Finding]:
    """What each GPU decodes, as it says itself."""
    if devices:
        return [_decoder(number) for number in range(len(devices))]
    if importlib.util.find_spec("PyNvVideoCodec") is None:
        return [Finding("GPU decoder", False, "PyNvVideoCodec is not installed", _EXTRA)]
    return [Finding("GPU decoder", True, "PyNvVideoCodec is installed; there is no GPU to ask")]


def _decoder(number: int) -> Finding:
    from fastthumb.errors import DeviceUnavailable
    from fastthumb.media.nvdec_library import nvdec_facts

    what = f"GPU {number} decoder"
    try:
        facts = nvdec_facts(number)
    except DeviceUnavailable as exc:
        found, _, advice = str(exc).rpartition("; ")
        return Finding(what, False, found, advice)
    decodes = [name for name, does in facts["decodes"].items() if does]
    others = [name for name, does in facts["decodes"].items() if not does]
    found = f"{facts['engines']} engines (PyNvVideoCodec {facts['package']}): {_listed(decodes)}"
    return Finding(what, True, f"{found}; on the CPU: {_listed(others)}" if others else found)


def _listed(kinds: list[str]) -> str:
    """Codecs with their depths: "HEVC 8 and 10 bits" of "HEVC, 8 bits, 4:2:0" and its like."""
    depths: dict[str, list[str]] = {}
    for kind in kinds:
        codec, bits, _ = kind.split(", ")
        depths.setdefault(codec, []).append(bits.removesuffix(" bits"))
    return ", ".join(f"{codec} {' and '.join(bits)} bits" for codec, bits in depths.items())


def _networks(driver: bool) -> list[Finding]:
    """The libraries that run networks on a GPU, in the order in which they are tried."""
    from fastthumb.inference import onnx_cuda, tensorrt_library

    tensorrt_is_there = importlib.util.find_spec("tensorrt") is not None
    facts = [onnx_cuda.fact()]
    findings = []
    if tensorrt_is_there and not driver:  # a gigabyte that nothing can use
        found = "TensorRT is installed; not loaded without a driver"
        findings.append(Finding("GPU networks: tensorrt", True, found))
    else:
        facts.insert(0, tensorrt_library.fact())
    return findings + [
        Finding(f"GPU networks: {fact.backend}", fact.usable, fact.found, fact.advice)
        for fact in facts
    ]
