"""Networks through ONNX Runtime's CUDA provider: reasons without it, and I/O binding with it.

The runtime is the CPU's own with a CUDA provider pretended: its binding takes addresses of a
device in host memory, and its work waits for the stream, as the real one's does.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from device_samples import Upload, forget_libraries, pictures, sample_model
from fake_cuda import FakeCuda, FakeStream
from fastthumb.errors import DeviceOutOfMemory, DeviceUnavailable, ModelError
from fastthumb.inference import onnx_cuda
from fastthumb.inference.backends import Device
from fastthumb.inference.device_networks import open_device_network
from fastthumb.inference.onnx import open_network

ort = pytest.importorskip("onnxruntime")

CPU_SESSION = ort.InferenceSession
ATOL = 1e-5  # the same graph, the same library inside
PROVIDERS = ["CUDAExecutionProvider", "CPUExecutionProvider"]
MODELS: dict[str, tuple[tuple[int | str, ...], dict[str, Any]]] = {
    "free batch": (("n", 3, 8, 8), {}),
    "one picture": ((1, 3, 8, 8), {}),
    "free sizes": (("n", 3, "h", "w"), {"multiple_of": 4, "width": 32, "height": 32}),
    "interleaved": (("n", 8, 8, 3), {"layout": "nhwc"}),
}


class FakeRuntime:
    """The parts of onnxruntime that the backend uses; `loads` says whether CUDA's libraries do."""

    __version__ = "1.31.1"

    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda, self.loads, self.preloaded = cuda, True, False
        self.sessions: list[FakeSession] = []
        self.fails = ""

    def get_available_providers(self) -> list[str]:
        return PROVIDERS

    def preload_dlls(self) -> None:
        print("Failed to load libcudnn.so.9")  # noqa: T201
        self.preloaded = True

    def InferenceSession(
        self, graph: bytes, options: Any, *, providers: list[Any], enable_fallback: int = 1
    ) -> Any:
        if providers == PROVIDERS[1:]:
            return CPU_SESSION(graph, options, providers=providers)
        assert self.preloaded
        assert not enable_fallback
        session = FakeSession(self, graph, options, dict(providers[:1])[PROVIDERS[0]])
        assert providers[1:] == PROVIDERS[1:]
        self.sessions.append(session)
        return session


class FakeBinding:
    """The signatures of onnxruntime.IOBinding."""

    def __init__(self) -> None:
        self.inputs: dict[str, tuple[tuple[int, ...], int]] = {}
        self.outputs: dict[str, tuple[tuple[int, ...], int]] = {}

    def bind_input(
        self,
        name: str,
        device_type: str,
        device_id: int,
        element_type: Any,
        shape: tuple[int, ...],
        buffer_ptr: int,
    ) -> None:
        assert (device_type, element_type) == ("cuda", np.float32)
        self.inputs[name] = (tuple(shape), buffer_ptr)

    def bind_output(
        self,
        name: str,
        device_type: str = "cpu",
        device_id: int = 0,
        element_type: Any = None,
        shape: Any = None,
        buffer_ptr: Any = None,
    ) -> None:
        assert (device_type, element_type) == ("cuda", np.float32)
        self.outputs[name] = (tuple(shape), buffer_ptr)


class FakeSession:
    """A session of the CPU that reads and writes device memory when its stream is waited for."""

    def __init__(
        self, runtime: FakeRuntime, graph: bytes, options: Any, provider: dict[str, str]
    ) -> None:
        self._runtime, self.provider = runtime, provider
        self._session = CPU_SESSION(graph, options, providers=PROVIDERS[1:])
        self.get_inputs, self.get_outputs = self._session.get_inputs, self._session.get_outputs
        self.bound: list[tuple[int, ...]] = []

    def get_providers(self) -> list[str]:
        return PROVIDERS if self._runtime.loads else PROVIDERS[1:]

    def run(self, names: list[str], feed: dict[str, Any]) -> list[Any]:
        answers: list[Any] = self._session.run(names, feed)
        return answers

    def io_binding(self) -> FakeBinding:
        return FakeBinding()

    def run_with_iobinding(self, binding: FakeBinding) -> None:
        if self._runtime.fails:
            raise RuntimeError(self._runtime.fails)
        cuda = self._runtime.cuda
        stream = cuda.streams[int(self.provider["user_compute_stream"])]
        assert int(self.provider["device_id"]) == stream.device == cuda.current
        ((name, (shape, address)),) = binding.inputs.items()
        self.bound.append(shape)

        def work() -> None:
            data = cuda.memory(address, math.prod(shape) * 4, stream.device)
            feed = {name: data.view(np.float32).reshape(shape)}
            answers = self._session.run(list(binding.outputs), feed)
            for (wanted, place), values in zip(binding.outputs.values(), answers, strict=True):
                assert values.shape == wanted
                raw = np.ascontiguousarray(values, np.float32).reshape(-1).view(np.uint8)
                cuda.memory(place, len(raw), stream.device)[:] = raw

        stream.work.append(work)


@pytest.fixture(autouse=True)
def _as_installed() -> Iterator[None]:
    forget_libraries()
    yield
    forget_libraries()


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    cuda = FakeCuda()
    cuda.install(monkeypatch)
    monkeypatch.setitem(sys.modules, "tensorrt", None)  # as if it were not installed
    return cuda


@pytest.fixture
def runtime(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    runtime = FakeRuntime(cuda)
    for name in ("get_available_providers", "preload_dlls", "InferenceSession"):
        monkeypatch.setattr(ort, name, getattr(runtime, name), raising=False)
    return runtime


@pytest.fixture
def model(tmp_path: Path) -> Callable[[str], Any]:
    return lambda kind: sample_model(tmp_path, MODELS[kind][0], **MODELS[kind][1])


def opened(resolved: Any, stream: FakeStream, **options: Any) -> Any:
    return open_device_network(resolved, stream.device, stream, **options)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("count", [0, 1, 3, 9])
def test_results_are_the_cpus(
    cuda: FakeCuda,
    model: Callable[[str], Any],
    runtime: FakeRuntime,
    kind: str,
    count: int,
) -> None:
    resolved, stream = model(kind), FakeStream(cuda, device=1)
    size = (12, 20) if kind == "free sizes" else (8, 8)
    tensors = pictures(count, *size)
    wanted = open_network(resolved, threads=1).run(tensors)
    network = opened(resolved, stream, max_batch=4)
    assert (network.backend, network.device) == ("onnxruntime-cuda", "cuda:1")
    assert network.output_names == ("vector",)
    upload = Upload(cuda, stream, pictures(count + 1, *size), shift=4)
    if count:
        upload.buffer.copy_from_host(tensors, stream, 4)
    for found in (network.run(tensors), network.run_device(upload.address, count, *size)):
        assert found.keys() == wanted.keys() == {"vector"}
        assert found["vector"].shape == wanted["vector"].shape == (count, 4)
        np.testing.assert_allclose(found["vector"], wanted["vector"], atol=ATOL, rtol=ATOL)
    batches = {0: [], 1: [1], 3: [3], 9: [4, 4, 1]}[count]
    if kind == "one picture":
        batches = [1] * count
    (session,) = runtime.sessions
    assert [shape[0] for shape in session.bound] == batches * 2
    assert session.provider["use_tf32"] == "0"


def test_the_results_of_all_batches_come_back_in_one_copy(
    cuda: FakeCuda, runtime: FakeRuntime, model: Callable[[str], Any]
) -> None:
    network = opened(model("free batch"), FakeStream(cuda), max_batch=2)
    network.run(pictures(7))
    assert cuda.downloads == 1


def test_a_provider_that_does_not_load_is_a_named_reason(
    cuda: FakeCuda, runtime: FakeRuntime, model: Callable[[str], Any]
) -> None:
    runtime.loads = False
    with pytest.raises(DeviceUnavailable, match=r"onnxruntime-cuda: .* cannot load its CUDA prov"):
        opened(model("free batch"), FakeStream(cuda))


def test_what_the_runtime_finds_missing_is_not_printed(
    cuda: FakeCuda,
    runtime: FakeRuntime,
    model: Callable[[str], Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    opened(model("free batch"), FakeStream(cuda))
    assert runtime.preloaded
    assert capsys.readouterr() == ("", "")


def test_too_little_memory_is_told_from_other_failures(
    cuda: FakeCuda, runtime: FakeRuntime, model: Callable[[str], Any]
) -> None:
    network = opened(model("free batch"), FakeStream(cuda))
    runtime.fails = "[ONNXRuntimeError] : 6 : bfc_arena.cc:359 Failed to allocate memory for 900 MB"
    with pytest.raises(DeviceOutOfMemory, match="no room for a batch of 3"):
        network.run(pictures(3))
    runtime.fails = "CUDNN_STATUS_EXECUTION_FAILED"
    with pytest.raises(ModelError, match=r"3x3x8x8 tensor .CUDNN_STATUS_EXECUTION_FAILED"):
        network.run(pictures(3))
    runtime.fails = ""
    assert network.run(pictures(3))["vector"].shape == (3, 4)


def test_a_size_that_the_graph_does_not_take_is_an_error(
    cuda: FakeCuda, runtime: FakeRuntime, model: Callable[[str], Any]
) -> None:
    network = opened(model("free batch"), FakeStream(cuda))
    with pytest.raises(ModelError, match="1x3x10x8 tensor"):
        network.run(pictures(1, 10, 8))


def test_the_package_for_the_cpu_is_a_named_reason() -> None:
    if PROVIDERS[0] in ort.get_available_providers():
        pytest.skip("this ONNX Runtime has the CUDA provider")
    fact = onnx_cuda.fact()
    assert not fact.usable
    assert "is the package for the CPU" in fact.found
    assert "pip install 'onnxruntime-gpu" in fact.advice


def test_binding_has_the_real_signatures() -> None:
    import inspect

    for name in ("bind_input", "bind_output"):
        real = list(inspect.signature(getattr(ort.IOBinding, name)).parameters)
        assert list(inspect.signature(getattr(FakeBinding, name)).parameters) == real
    real = inspect.signature(ort.InferenceSession.run_with_iobinding)
    assert next(iter(real.parameters.values())).name == "self"
    assert len([p for p in real.parameters.values() if p.default is p.empty]) == 2
    options = onnx_cuda._provider_options(Device(1, "GPU", "9.0"), SimpleNamespace(handle=77))
    assert options["user_compute_stream"] == "77"
