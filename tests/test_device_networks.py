"""Which library runs a network on a device, what is said where none can, and real devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fake_tensorrt
from device_samples import forget_libraries, pictures, sample_model
from fake_cuda import FakeCuda, FakeStream
from fastthumb import _core
from fastthumb.doctor import examine
from fastthumb.errors import DeviceUnavailable, ModelError
from fastthumb.inference import onnx_cuda
from fastthumb.inference.backends import BackendUnusable
from fastthumb.inference.device_networks import inference_facts, open_device_network
from fastthumb.inference.models import Registry, Resolved
from fastthumb.inference.onnx import open_network

ort = pytest.importorskip("onnxruntime")
needs_cpu_runtime = pytest.mark.skipif(
    onnx_cuda.PROVIDER in ort.get_available_providers(), reason="ONNX Runtime has CUDA here"
)

DEVICE_RTOL = 5e-3  # float32 of other kernels, and FP16 in the middle of no tiny network
FP16_MEAN = 0.01  # of an output's largest value; what each network may be off is tested elsewhere


@pytest.fixture
def model(tmp_path: Path) -> Resolved:
    return sample_model(tmp_path, ("n", 3, 8, 8))


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    cuda = FakeCuda(devices=1)
    cuda.install(monkeypatch)
    fake_tensorrt.reset(cuda)
    return cuda


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], None]]:
    """Installs a TensorRT, or with None none."""
    forget_libraries()
    yield lambda package: monkeypatch.setitem(sys.modules, "tensorrt", package)
    forget_libraries()


def test_without_a_device_no_library_is_touched(
    cuda: FakeCuda, install: Callable[[Any], None], model: Resolved
) -> None:
    install(fake_tensorrt)  # whose runtime would end the process
    cuda.count = 0
    stream = FakeStream(FakeCuda())
    with pytest.raises(DeviceUnavailable, match=r"GPU 0: networks need .* found none"):
        open_device_network(model, 0, stream)
    cuda.count = 1
    with pytest.raises(DeviceUnavailable, match=r"GPU 3: .* found 0 \(Fake GPU\)"):
        open_device_network(model, 3, stream)
    assert not fake_tensorrt.state.deserializations


@needs_cpu_runtime
def test_where_none_can_every_reason_is_named(
    cuda: FakeCuda, install: Callable[[Any], None], model: Resolved
) -> None:
    install(None)
    with pytest.raises(DeviceUnavailable) as caught:
        open_device_network(model, 0, FakeStream(cuda))
    message = str(caught.value)
    assert "tensorrt: TensorRT is not installed; pip install 'fastthumb[gpu]'" in message
    assert "onnxruntime-cuda: ONNX Runtime" in message
    assert "is the package for the CPU" in message


def test_the_second_library_runs_what_the_first_cannot(
    cuda: FakeCuda,
    install: Callable[[Any], None],
    model: Resolved,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(fake_tensorrt)
    fake_tensorrt.state.refuses = "parse"
    taken = object.__new__(onnx_cuda.OnnxCudaNetwork)
    monkeypatch.setattr(onnx_cuda, "open_onnx_cuda_network", lambda *_, **__: taken)
    network = open_device_network(model, 0, FakeStream(cuda), cache_dir=tmp_path / "engines")
    assert network is taken
    assert network.backend == "onnxruntime-cuda"
    (reason,) = network.passed_over
    assert reason.startswith("tensorrt: model sample: TensorRT cannot read its graph")


def test_engines_lie_in_the_cache(
    cuda: FakeCuda,
    install: Callable[[Any], None],
    model: Resolved,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(fake_tensorrt)
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path / "cache"))
    assert open_device_network(model, 0, FakeStream(cuda)).passed_over == ()
    assert list((tmp_path / "cache" / "engines").glob("sample-*.engine"))


def test_the_built_in_detector_is_no_network_of_a_device(cuda: FakeCuda) -> None:
    built_in = Registry.load().named("mtcnn")
    with pytest.raises(ModelError, match=r"model mtcnn: .* runs on the CPU only"):
        open_device_network(Resolved(built_in, Path(), ""), 0, FakeStream(cuda))


@pytest.mark.parametrize(
    ("version", "usable", "says"),
    [
        ("11.4.0.106", True, "TensorRT 11.4.0.106"),
        ("10.12.0", True, "TensorRT 10.12.0"),
        ("10.3.0", False, "too old, wanted 10.12 or newer"),
        ("8.6.1", False, "too old, wanted 10.12 or newer"),
    ],
)
def test_facts_name_versions(
    install: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    usable: bool,
    says: str,
) -> None:
    install(fake_tensorrt)
    monkeypatch.setattr(fake_tensorrt, "__version__", version)
    fact = inference_facts()[0]
    assert (fact.backend, fact.usable) == ("tensorrt", usable)
    assert says in fact.found
    assert bool(fact.advice) != usable


@needs_cpu_runtime
def test_the_doctor_says_what_is_missing_and_how_to_get_it(install: Callable[[Any], None]) -> None:
    install(None)
    findings = {finding.what: finding for finding in examine()}
    for backend, command in {
        "tensorrt": "pip install 'fastthumb[gpu]'",
        "onnxruntime-cuda": "pip install 'onnxruntime-gpu",
    }.items():
        finding = findings[f"GPU networks: {backend}"]
        assert not finding.ok
        assert command in finding.advice


def test_a_run_on_the_cpu_loads_nothing_of_it() -> None:
    program = (
        "import sys, json, fastthumb.inference.onnx, fastthumb.analysis.detectors\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    loaded = set(json.loads(done.stdout))
    assert "fastthumb.inference.onnx" in loaded
    assert not {"tensorrt", "onnx", "fastthumb.inference.device_networks"} & loaded


# --- with a device


@pytest.fixture
def device_stream() -> Any:
    """A stream on device 0, or a skip where there is none and none is required."""
    if not _core.cuda_devices():
        if os.environ.get("FASTTHUMB_REQUIRE_CUDA"):
            pytest.fail("FASTTHUMB_REQUIRE_CUDA is set, but there is no CUDA device")
        pytest.skip("no CUDA device")
    return _core.CudaStream(0)


def through(backend: str, model: Resolved, stream: Any, folder: Path, **options: Any) -> Any:
    """The network through one library, or a skip where that is not installed."""
    from fastthumb.inference.device_networks import device_numbered

    fact = next(fact for fact in inference_facts() if fact.backend == backend)
    if not fact.usable:
        pytest.skip(f"{fact.found}; {fact.advice}")
    if backend == "tensorrt":
        return open_device_network(model, 0, stream, cache_dir=folder / "engines", **options)
    try:
        return onnx_cuda.open_onnx_cuda_network(
            model, device_numbered(0), stream, **{"max_batch": 16, "precision": "fp16"} | options
        )
    except BackendUnusable as exc:
        pytest.skip(str(exc))


BACKENDS = ["tensorrt", "onnxruntime-cuda"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["free", "one", "sizes"])
def test_a_device_gives_the_cpus_results_cuda(
    device_stream: Any, tmp_path: Path, backend: str, kind: str
) -> None:
    shape, wanted, size = {
        "free": (("n", 3, 8, 8), {}, (8, 8)),
        "one": ((1, 3, 8, 8), {}, (8, 8)),
        "sizes": (("n", 3, "h", "w"), {"multiple_of": 4, "width": 32, "height": 32}, (12, 20)),
    }[kind]
    model = sample_model(tmp_path, shape, **wanted)
    network = through(backend, model, device_stream, tmp_path, max_batch=4)
    assert network.backend == backend
    tensors = pictures(9, *size)
    expected = open_network(model, threads=1).run(tensors)["vector"]
    scale = float(np.abs(expected).max())
    memory = _core.DeviceBuffer(0, tensors.nbytes + 4)
    for shift in (0, 4):
        memory.copy_from_host(tensors.data, device_stream, shift)
        found = network.run_device(memory.address + shift, 9, *size)["vector"]
        np.testing.assert_allclose(found, expected, atol=DEVICE_RTOL * scale)
    np.testing.assert_allclose(network.run(tensors)["vector"], expected, atol=DEVICE_RTOL * scale)
    assert network.run(tensors[:0])["vector"].shape == (0, 4)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize(
    "name",
    [
        "yunet_n_dynamic",
        "mobilefacenet_112",
        "face_expression_112",
        "face_mesh468_192",
        "picodet_s_416",
        "yolox_nano_416",
        "mobilenet_v2_imagenet_224",
        "movenet_lightning_192",
    ],
)
def test_real_networks_agree_with_the_cpu_cuda(
    device_stream: Any, models: Path, tmp_path: Path, name: str, precision: str, backend: str
) -> None:
    registry = Registry.load(models)
    model = registry.resolve(registry.named(name))
    if model is None:
        pytest.skip(f"model {name} is not part of this test data")
    network = through(backend, model, device_stream, tmp_path, max_batch=2, precision=precision)
    wanted = model.entry.input
    codes = pictures(3, wanted.height // 32, wanted.width // 32).repeat(32, 2).repeat(32, 3)
    codes = np.pad(
        codes,
        [(0, 0), (0, 0), (0, wanted.height % 32), (0, wanted.width % 32)],
    )
    mean, scale = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (wanted.mean, wanted.scale))
    tensors = ((codes - mean) * scale).astype(np.float32)
    expected = open_network(model, threads=1).run(tensors)
    for output, found in network.run(tensors).items():
        difference = np.abs(found - expected[output]) / np.abs(expected[output]).max()
        if precision == "fp32":
            assert difference.max() < DEVICE_RTOL
        assert difference.mean() < FP16_MEAN
