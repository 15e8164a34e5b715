"""What the doctor says of GPUs, in each state that a machine can be in."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from device_samples import forget_libraries
from fastthumb import _core, gpu_findings
from fastthumb.errors import DeviceUnavailable
from fastthumb.findings import Finding
from fastthumb.media import nvdec_library

ARCHITECTURES = "75-real 80-real 86-real 89-real 90-real 100-real 120"
H100 = {
    "name": "NVIDIA H100",
    "compute_capability": (9, 0),
    "total_bytes": 80 << 30,
    "free_bytes": 79 << 30,
}
FACTS = {
    "package": "2.2.4",
    "engines": 7,
    "decodes": {
        "H.264, 8 bits, 4:2:0": True,
        "H.264, 10 bits, 4:2:0": False,
        "HEVC, 8 bits, 4:2:0": True,
        "HEVC, 10 bits, 4:2:0": True,
        "AV1, 8 bits, 4:2:0": False,
    },
}


class Machine:
    """Pretends what of a GPU's is there; nothing, until it is said."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.driver: int | None = None
        self.kernels = ""
        self.packages = dict.fromkeys(("PyNvVideoCodec", "tensorrt"))
        self.devices: list[dict[str, Any]] = []
        self.decoder: dict[str, Any] | DeviceUnavailable = FACTS

    def examine(self) -> dict[str, Finding]:
        """The findings by what they are about."""
        build = _core.build_info() | {
            "cuda": bool(self.kernels),
            "cuda_architectures": self.kernels,
        }
        self._patch.setattr(_core, "build_info", lambda: build)
        self._patch.setattr(_core, "cuda_devices", lambda: self.devices if self.kernels else [])
        self._patch.setattr(ctypes, "CDLL", self._load)
        self._patch.setattr(nvdec_library, "nvdec_facts", self._decoder)
        for name, package in self.packages.items():
            self._patch.setitem(sys.modules, name, package)
        return {finding.what: finding for finding in gpu_findings.gpu_findings()}

    def install(self, name: str) -> None:
        """A package that is there and must not be looked into."""
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        self.packages[name] = module

    def _load(self, name: str) -> Any:
        assert name == "libcuda.so.1"
        version = self.driver
        if version is None:
            raise OSError(f"{name}: cannot open shared object file")

        class Driver:
            @staticmethod
            def cuDriverGetVersion(place: Any) -> int:
                place._obj.value = version
                return 0

        return Driver()

    def _decoder(self, number: int) -> dict[str, Any]:
        assert number < len(self.devices)
        if isinstance(self.decoder, Exception):
            raise self.decoder
        return self.decoder


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    forget_libraries()
    yield Machine(monkeypatch)
    forget_libraries()


def test_a_machine_with_nothing_is_told_what_adds_each_thing(machine: Machine) -> None:
    found = machine.examine()
    assert not any(finding.ok for finding in found.values())
    assert "GPUs" not in found
    assert "FASTTHUMB_CUDA=ON pip install" in found["CUDA kernels"].advice
    assert "NVIDIA's driver" in found["GPU driver"].advice
    assert found["GPU decoder"].advice == "pip install 'fastthumb[gpu]'"
    assert found["GPU networks: tensorrt"].advice == "pip install 'fastthumb[gpu]'"


def test_without_a_driver_packages_are_named_and_not_loaded(machine: Machine) -> None:
    machine.install("PyNvVideoCodec")
    machine.install("tensorrt")  # has no version: who asks for it fails
    found = machine.examine()
    assert found["GPU decoder"] == Finding(
        "GPU decoder", True, "PyNvVideoCodec is installed; there is no GPU to ask"
    )
    assert found["GPU networks: tensorrt"].found.endswith("not loaded without a driver")


def test_a_driver_without_kernels_gets_the_command_that_builds_them(machine: Machine) -> None:
    machine.driver, machine.devices = 13000, [H100]
    found = machine.examine()
    assert found["GPU driver"] == Finding("GPU driver", True, "NVIDIA's, for CUDA up to 13.0")
    assert not found["GPUs"].ok
    assert found["GPUs"].advice == found["CUDA kernels"].advice


def test_a_driver_without_gpus_says_where_to_look(machine: Machine) -> None:
    machine.driver, machine.kernels = 12090, ARCHITECTURES
    found = machine.examine()
    assert found["CUDA kernels"] == Finding("CUDA kernels", True, f"built for {ARCHITECTURES}")
    assert found["GPU driver"].found.endswith("12.9")
    assert (found["GPUs"].ok, found["GPUs"].found) == (False, "none that can be used")
    assert "CUDA_VISIBLE_DEVICES" in found["GPUs"].advice


def test_every_gpu_is_named_with_memory_and_what_it_decodes(machine: Machine) -> None:
    machine.driver, machine.kernels, machine.devices = 13000, ARCHITECTURES, [H100, H100]
    found = machine.examine()
    for number in range(2):
        assert found[f"GPU {number}"] == Finding(
            f"GPU {number}",
            True,
            "NVIDIA H100, 79.0 of 80.0 GiB free, compute capability 9.0",
        )
        assert found[f"GPU {number} decoder"] == Finding(
            f"GPU {number} decoder",
            True,
            "7 engines (PyNvVideoCodec 2.2.4): H.264 8 bits, HEVC 8 and 10 bits; "
            "on the CPU: H.264 10 bits, AV1 8 bits",
        )


def test_a_gpu_that_the_kernels_are_not_for_gets_the_command(machine: Machine) -> None:
    machine.driver, machine.kernels, machine.devices = 13000, "90-real", [H100]
    machine.devices = [H100 | {"compute_capability": (12, 0)}]
    found = machine.examine()["GPU 0"]
    assert not found.ok
    assert "not built for it" in found.found
    assert found.advice.startswith("CUDAARCHS=120 FASTTHUMB_CUDA=ON pip install")


@pytest.mark.parametrize(
    ("architectures", "capability", "runs"),
    [
        (ARCHITECTURES, (7, 5), True),
        (ARCHITECTURES, (8, 7), True),
        (ARCHITECTURES, (7, 0), False),
        (ARCHITECTURES, (13, 0), True),
        ("90-real", (9, 0), True),
        ("90-real", (10, 0), False),
        ("90-virtual", (10, 0), True),
        ("90a-real", (9, 0), True),
        ("native", (9, 0), True),
    ],
)
def test_kernels_run_on_their_major_version_and_ptx_on_newer_ones(
    architectures: str, capability: tuple[int, int], runs: bool
) -> None:
    assert gpu_findings._runs_on(architectures, capability) is runs


def test_a_decoder_that_cannot_be_asked_says_why(machine: Machine) -> None:
    machine.driver, machine.kernels, machine.devices = 13000, ARCHITECTURES, [H100]
    machine.decoder = DeviceUnavailable("PyNvVideoCodec does not load (no lib); install the driver")
    assert machine.examine()["GPU 0 decoder"] == Finding(
        "GPU 0 decoder", False, "PyNvVideoCodec does not load (no lib)", "install the driver"
    )


def test_nothing_of_a_gpu_is_loaded_where_there_is_no_driver() -> None:
    program = (
        "import sys\n"
        "from fastthumb.doctor import examine\n"
        "there = 'driver' in str([f for f in examine() if f.what == 'GPU driver' and f.ok])\n"
        "print(there, {'tensorrt', 'PyNvVideoCodec'} & set(sys.modules) or 'none')"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if run.stdout.startswith("True"):
        pytest.skip("this machine has a driver")
    assert run.stdout.split() == ["False", "none"]
