"""Networks through TensorRT: the results of the CPU, and what the library must be given for them.

TensorRT is the fake of fake_tensorrt.py, whose names and signatures are the real package's.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fake_tensorrt
from device_samples import Upload, forget_libraries, pictures, sample_model
from fake_cuda import FakeCuda, FakeStream
from fastthumb.errors import DeviceOutOfMemory, DeviceUnavailable, ModelError
from fastthumb.inference.device_networks import open_device_network
from fastthumb.inference.faces import YunetFinder
from fastthumb.inference.models import Registry
from fastthumb.inference.objects import ObjectFinder
from fastthumb.inference.onnx import open_network
from fastthumb.inference.tensorrt_engines import profile_of
from fastthumb.inference.views import PictureView

ATOL = 1e-5  # the same graph, the same library inside: another order of sums at most

FREE = ("n", 3, "h", "w")
MODELS: dict[str, tuple[tuple[int | str, ...], dict[str, Any]]] = {
    "free batch": (("n", 3, 8, 8), {}),
    "one picture": ((1, 3, 8, 8), {}),
    "free sizes": (FREE, {"multiple_of": 4, "width": 32, "height": 32}),
    "interleaved": (("n", 8, 8, 3), {"layout": "nhwc"}),
}


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCuda]:
    """Two devices, and TensorRT as the only library."""
    cuda = FakeCuda()
    cuda.install(monkeypatch)
    fake_tensorrt.reset(cuda)
    monkeypatch.setitem(sys.modules, "tensorrt", fake_tensorrt)
    forget_libraries()
    yield cuda
    forget_libraries()


@pytest.fixture
def model(tmp_path: Path) -> Callable[[str], Any]:
    return lambda kind: sample_model(tmp_path, MODELS[kind][0], **MODELS[kind][1])


def opened(resolved: Any, stream: FakeStream, folder: Path, **options: Any) -> Any:
    return open_device_network(
        resolved, stream.device, stream, cache_dir=folder / "engines", **options
    )


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("count", [0, 1, 3, 9])
def test_results_are_the_cpus(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path, kind: str, count: int
) -> None:
    resolved, stream = model(kind), FakeStream(cuda)
    network = opened(resolved, stream, tmp_path, max_batch=4)
    size = (12, 20) if kind == "free sizes" else (8, 8)
    tensors = pictures(count, *size)
    wanted = open_network(resolved, threads=1).run(tensors)
    assert (network.backend, network.device, network.output_names) == (
        "tensorrt",
        "cuda:0",
        ("vector",),
    )
    upload = Upload(cuda, stream, pictures(count + 1, *size))
    upload.buffer.copy_from_host(tensors, stream)
    for found in (network.run(tensors), network.run_device(upload.address, count, *size)):
        assert found.keys() == wanted.keys() == {"vector"}
        assert found["vector"].dtype == np.float32
        assert found["vector"].shape == wanted["vector"].shape == (count, 4)
        np.testing.assert_allclose(found["vector"], wanted["vector"], atol=ATOL, rtol=ATOL)
    if count > 1:
        assert np.ptp(wanted["vector"], axis=0).min() > 1, "pictures alike prove nothing"


def test_large_batches_are_split_and_come_back_in_one_copy(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path
) -> None:
    stream = FakeStream(cuda)
    network = opened(model("free batch"), stream, tmp_path, max_batch=4)
    network.run(pictures(9))
    assert [shape[0] for shape in fake_tensorrt.state.executions] == [4, 4, 1]
    assert cuda.downloads == cuda.synchronizations == 1
    fake_tensorrt.state.executions.clear()
    single = opened(model("one picture"), stream, tmp_path, max_batch=4)
    single.run(pictures(3))
    assert [shape[0] for shape in fake_tensorrt.state.executions] == [1, 1, 1]
    assert cuda.downloads == 2


@pytest.mark.parametrize("shift", [0, 4, 128])
def test_inputs_may_lie_anywhere(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path, shift: int
) -> None:
    resolved, stream = model("free sizes"), FakeStream(cuda)
    network = opened(resolved, stream, tmp_path, max_batch=2)
    # 12 x 20 pictures are 2,880 bytes: the second batch begins at no multiple of 256 in any case.
    tensors = pictures(5, 12, 20)
    upload = Upload(cuda, stream, tensors, shift)
    found = network.run_device(*upload.arguments)
    wanted = open_network(resolved, threads=1).run(tensors)
    np.testing.assert_allclose(found["vector"], wanted["vector"], atol=ATOL, rtol=ATOL)


def test_results_outlive_the_next_run_and_the_network(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path
) -> None:
    network = opened(model("free batch"), FakeStream(cuda), tmp_path)
    first = network.run(pictures(2))["vector"]
    kept = first.copy()
    network.run(pictures(3))
    del network
    gc.collect()
    np.testing.assert_array_equal(first, kept)
    assert not any(ref() for ref in cuda.buffers), "device memory is not given back"


def test_memory_is_free_again_when_a_run_fails_halfway(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = FakeStream(cuda)
    network = opened(model("free batch"), stream, tmp_path, max_batch=2)
    upload = Upload(cuda, stream, pictures(6))
    execute = fake_tensorrt.IExecutionContext.execute_async_v3
    calls: list[int] = []

    def only_once(self: Any, stream_handle: int) -> bool:
        calls.append(stream_handle)
        return len(calls) == 1 and execute(self, stream_handle)

    monkeypatch.setattr(fake_tensorrt.IExecutionContext, "execute_async_v3", only_once)
    with pytest.raises(ModelError, match="cannot be run on a 2x3x8x8 tensor"):
        network.run_device(*upload.arguments)
    assert len(calls) == 2
    assert not stream.work, "the first batch still reads memory that the caller believes free"


def test_two_streams_share_one_engine(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path
) -> None:
    resolved, streams = model("free batch"), [FakeStream(cuda), FakeStream(cuda)]
    networks = [opened(resolved, stream, tmp_path) for stream in streams]
    assert (fake_tensorrt.state.builds, fake_tensorrt.state.deserializations) == (1, 1)
    wanted = networks[0].run(pictures(2))["vector"]
    np.testing.assert_array_equal(networks[1].run(pictures(2))["vector"], wanted)
    other = opened(resolved, FakeStream(cuda, device=1), tmp_path)
    assert (fake_tensorrt.state.builds, fake_tensorrt.state.deserializations) == (1, 2)
    np.testing.assert_array_equal(other.run(pictures(2))["vector"], wanted)
    assert cuda.current is None


def test_threads_may_share_a_network(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = FakeStream(cuda)
    network = opened(model("free batch"), stream, tmp_path)
    uploads = {n: Upload(cuda, stream, pictures(n)) for n in range(1, 5)}
    wanted = {n: network.run(pictures(n))["vector"] for n in uploads}
    execute = fake_tensorrt.IExecutionContext.execute_async_v3
    inside: list[int] = []

    def alone(self: Any, stream_handle: int) -> bool:
        inside.append(1)
        time.sleep(0.01)  # long enough for another thread to come
        assert len(inside) == 1, "another call is under way on this context"
        inside.pop()
        return execute(self, stream_handle)

    monkeypatch.setattr(fake_tensorrt.IExecutionContext, "execute_async_v3", alone)
    with ThreadPoolExecutor(8) as pool:
        jobs = [(n, pool.submit(network.run, pictures(n))) for n in uploads]
        jobs += [(n, pool.submit(network.run_device, *up.arguments)) for n, up in uploads.items()]
        for n, job in jobs:
            np.testing.assert_array_equal(job.result()["vector"], wanted[n])


def test_an_engine_is_built_once_and_says_so_before(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path
) -> None:
    resolved, said = model("free batch"), []
    fake_tensorrt.state.on_build = lambda: said.append("built")
    opened(resolved, FakeStream(cuda), tmp_path, announce=said.append)
    assert len(said) == 2
    assert said[1] == "built"
    assert "sample" in said[0]
    assert "Fake GPU" in said[0]
    gc.collect()
    network = opened(resolved, FakeStream(cuda), tmp_path, announce=said.append)
    assert len(said) == 2
    assert network.run(pictures(1))["vector"].shape == (1, 4)
    opened(resolved, FakeStream(cuda), tmp_path, max_batch=8)
    opened(resolved, FakeStream(cuda), tmp_path, precision="fp32")
    assert fake_tensorrt.state.builds == 3
    assert fake_tensorrt.state.timings_seen[0] == b""
    assert all(seen.startswith(b"timings:") for seen in fake_tensorrt.state.timings_seen[1:])


@pytest.mark.parametrize("damage", ["cut", "other bytes", "empty", "not TensorRT's"])
def test_an_engine_that_cannot_be_loaded_is_built_again(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path, damage: str
) -> None:
    resolved = model("free batch")
    wanted = opened(resolved, FakeStream(cuda), tmp_path).run(pictures(2))["vector"]
    (file,) = (tmp_path / "engines").glob("*.engine")
    whole = file.read_bytes()
    if damage == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "other bytes":
        file.write_bytes(whole[:-40] + bytes(40))
    elif damage == "empty":
        file.write_bytes(b"")
    else:  # a whole file, whose content TensorRT refuses all the same
        fake_tensorrt.state.on_build = lambda: setattr(fake_tensorrt.state, "refuses", "")
        fake_tensorrt.state.refuses = "deserialize"
    gc.collect()
    network = opened(resolved, FakeStream(cuda), tmp_path)
    np.testing.assert_array_equal(network.run(pictures(2))["vector"], wanted)
    assert fake_tensorrt.state.builds == 2
    assert file.read_bytes() == whole


@pytest.mark.parametrize("version", ["10.12.0.36", "10.13.2", "11.0.0", "12.0.1"])
def test_networks_are_strongly_typed_in_every_version(
    cuda: FakeCuda,
    model: Callable[[str], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
) -> None:
    monkeypatch.setattr(fake_tensorrt, "__version__", version)
    network = opened(model("free batch"), FakeStream(cuda), tmp_path)
    assert network.run(pictures(2))["vector"].shape == (2, 4)


@pytest.mark.parametrize(
    ("refuses", "reason"),
    [
        ("parse", "read its graph .*Strange: no importer"),
        ("profile", "take inputs of"),
        ("build", "build an engine .no implementation of Conv_3"),
        ("deserialize", "does not load the engine that it built .magic tag"),
    ],
)
def test_what_tensorrt_cannot_do_is_a_named_reason(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path, refuses: str, reason: str
) -> None:
    fake_tensorrt.state.refuses = refuses
    with pytest.raises(DeviceUnavailable, match=f"tensorrt: model sample: .*{reason}"):
        opened(model("free batch"), FakeStream(cuda), tmp_path)


def test_no_room_for_a_context_is_said_as_such(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path
) -> None:
    fake_tensorrt.state.refuses = "context"
    with pytest.raises(DeviceOutOfMemory, match="batches of 16 on cuda:0"):
        opened(model("free batch"), FakeStream(cuda), tmp_path)


def test_no_room_for_a_batch_passes_through(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path
) -> None:
    network = opened(model("free batch"), FakeStream(cuda), tmp_path)
    cuda.free_bytes = 1000
    with pytest.raises(DeviceOutOfMemory):
        network.run(pictures(64))
    cuda.free_bytes = 1 << 20
    assert network.run(pictures(64))["vector"].shape == (64, 4)


@pytest.mark.parametrize("size", [(10, 12), (36, 8), (2, 8)])
def test_sizes_that_no_engine_takes_are_errors(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path, size: tuple[int, int]
) -> None:
    network = opened(model("free batch"), FakeStream(cuda), tmp_path)
    with pytest.raises(ModelError, match=f"a 1x3x{size[0]}x{size[1]} tensor"):
        network.run(pictures(1, *size))


def test_an_entry_that_does_not_fit_is_the_cpus_error(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path
) -> None:
    resolved = model("free batch")
    for wrong in ({"width": 9}, {"name": "picture"}, {"multiple_of": 4}):
        entry = resolved.entry.model_copy(
            update={"input": resolved.entry.input.model_copy(update=wrong)}
        )
        changed = type(resolved)(entry, resolved.path, resolved.sha256)
        messages = []
        for open_it in (
            lambda it: open_network(it, threads=1),
            lambda it: opened(it, FakeStream(cuda), tmp_path),
        ):
            with pytest.raises(ModelError) as caught:
                open_it(changed)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
    assert not fake_tensorrt.state.builds, "minutes for an engine that nobody can use"


def test_a_file_that_is_no_model_is_a_model_error(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path
) -> None:
    resolved = model("free batch")
    resolved.path.write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"sample\.onnx: model sample cannot be prepared"):
        opened(resolved, FakeStream(cuda), tmp_path)


def test_profiles_follow_the_entry(model: Callable[[str], Any]) -> None:
    fixed, free = model("free batch").entry, model("free sizes").entry
    profile = profile_of(fixed, 16)
    assert (profile.least, profile.most) == ((1, 3, 8, 8), (16, 3, 8, 8))
    profile = profile_of(free, 16)
    assert profile.least == (1, 3, 4, 4)
    assert profile.usual == (16, 3, 20, 32)
    assert profile.most == (16, 3, 32, 32)


def test_the_engine_file_names_what_it_is_for(
    cuda: FakeCuda, model: Callable[[str], Any], tmp_path: Path
) -> None:
    resolved = model("free batch")
    opened(resolved, FakeStream(cuda), tmp_path)
    (file,) = (tmp_path / "engines").glob("*.engine")
    head = json.loads(file.read_bytes().split(b"\n")[1])
    assert head["model_sha256"] == resolved.sha256
    assert head["tensorrt"] == fake_tensorrt.__version__
    assert (head["capability"], head["precision"]) == ("9.0", "fp16")


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_faces_and_things_are_those_of_the_cpu(
    cuda: FakeCuda, models: Path, data: Path, tmp_path: Path, precision: str
) -> None:
    """Preparing pictures and reading outputs are the same code for every backend."""
    registry = Registry.load(models)
    files = sorted((data / "faces" / "people").glob("*/*.jp*g"))[:2]
    views = [PictureView.of_rgb(np.asarray(Image.open(file).convert("RGB"))) for file in files]
    for name, finder in {"yunet_n_dynamic": YunetFinder, "picodet_s_416": ObjectFinder}.items():
        resolved = registry.resolve(registry.named(name))
        if resolved is None:
            pytest.skip(f"model {name} is not part of this test data")
        network = opened(resolved, FakeStream(cuda), tmp_path, precision=precision)
        for view in views:
            wanted, found = (
                [thing for thing in search(finder(net), view) if thing.score > 0.7]
                for net in (open_network(resolved, threads=1), network)
            )
            assert len(found) == len(wanted) >= 1
            for a, b in zip(wanted, found, strict=True):
                assert abs(a.score - b.score) < (1e-4 if precision == "fp32" else 0.03)
                near = 0.01 if precision == "fp32" else 0.01 * view.width
                np.testing.assert_allclose(b.box, a.box, atol=near)


def search(finder: Any, view: PictureView) -> list[Any]:
    return list(finder.detect(view) if isinstance(finder, YunetFinder) else finder.find(view))
