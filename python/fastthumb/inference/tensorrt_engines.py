"""TensorRT engines: built of a model's graph, kept on disk, loaded on a device."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from fastthumb.inference.backends import BackendUnusable
from fastthumb.inference.device_graphs import RECIPE, Precision, device_graph
from fastthumb.inference.device_memory import current
from fastthumb.inference.engine_cache import Announce, Built, EngineCache, EngineKey
from fastthumb.inference.tensorrt_library import log, network_flags, tensorrt

if TYPE_CHECKING:
    from fastthumb.inference.backends import Device
    from fastthumb.inference.entries import ModelEntry
    from fastthumb.inference.models import Resolved

WORKSPACE_BYTES = 1 << 30
OTHER_BACKEND = "ONNX Runtime's CUDA provider may run it"
# The shape of a film, for which a network of free sizes is tuned.
USUAL_ASPECT = 16 / 9


class Engine:
    """An engine on one device, which any number of contexts may share."""

    def __init__(self, runtime: Any, engine: Any) -> None:
        self.engine = engine
        self._runtime = runtime  # lives as long as the engine


@dataclass(frozen=True, slots=True)
class Profile:
    """The smallest, the usual and the largest input that an engine takes, (n, 3, h, w)."""

    least: tuple[int, int, int, int]
    usual: tuple[int, int, int, int]
    most: tuple[int, int, int, int]


_loaded: WeakValueDictionary[tuple[int, EngineKey], Engine] = WeakValueDictionary()
_loading = threading.Lock()


def profile_of(entry: ModelEntry, max_batch: int) -> Profile:
    """Batches of 1 to `max_batch`, and the sizes that the entry allows."""
    wanted, step = entry.input, entry.input.multiple_of
    if step is None:
        size = (wanted.height, wanted.width)
        return Profile((1, 3, *size), (max_batch, 3, *size), (max_batch, 3, *size))
    longer = -(-max(wanted.width, wanted.height) // step) * step
    shorter = min(longer, -(-round(longer / USUAL_ASPECT) // step) * step)
    return Profile(
        (1, 3, step, step), (max_batch, 3, shorter, longer), (max_batch, 3, longer, longer)
    )


def load_engine(
    resolved: Resolved,
    device: Device,
    cache: EngineCache,
    announce: Announce,
    *,
    max_batch: int,
    precision: Precision,
) -> Engine:
    """The engine of a model on a device: one that is loaded, or is on disk, or built now.

    Raises BackendUnusable, with TensorRT's reason, where it cannot be built or loaded. The device
    must be one that the driver knows: without a driver TensorRT ends the process.
    """
    trt = tensorrt()
    profile = profile_of(resolved.entry, max_batch)
    entry = resolved.entry
    key = EngineKey(
        entry.name,
        resolved.sha256,
        f"{RECIPE} {entry.input.layout} {' '.join(entry.output.names)}",
        precision,
        (profile.least, profile.usual, profile.most),
        str(trt.__version__),
        device.name,
        device.capability,
    )

    built_now = False

    def build(timings: bytes) -> Built:
        nonlocal built_now
        built_now = True
        return _build(trt, entry.name, device_graph(resolved, precision), profile, timings)

    with _loading, current(device.number):
        engine = _loaded.get((device.number, key))
        if engine is None:
            engine = _deserialized(trt, cache.engine(key, build, announce))
        if engine is None and not built_now:
            engine = _deserialized(trt, cache.engine(key, build, announce, anew=True))
        if engine is None:
            raise BackendUnusable(
                f"model {entry.name}: TensorRT does not load the engine that it built "
                f"({log().last()})",
                OTHER_BACKEND,
            )
        _loaded[device.number, key] = engine
        return engine


def _build(trt: Any, name: str, graph: bytes, profile: Profile, timings: bytes) -> Built:
    """An engine of an ONNX graph for the current device."""

    def unusable(doing: str, reason: str) -> BackendUnusable:
        return BackendUnusable(f"model {name}: TensorRT cannot {doing} ({reason})", OTHER_BACKEND)

    try:
        builder = trt.Builder(log())
    except Exception as exc:
        raise unusable("make a builder", log().last()) from exc
    network = builder.create_network(network_flags(trt))
    parser = trt.OnnxParser(network, log())
    if not parser.parse(graph):
        errors = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        raise unusable("read its graph", errors[0] if errors else log().last())
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    config.clear_flag(trt.BuilderFlag.TF32)  # float32 is what must keep its bits
    picture = network.get_input(0)
    shapes = builder.create_optimization_profile()
    shapes.set_shape(
        picture.name,
        *(_bound(tuple(picture.shape), size) for size in (profile.least, profile.usual)),
        _bound(tuple(picture.shape), profile.most),
    )
    if config.add_optimization_profile(shapes) < 0:
        raise unusable(f"take inputs of {profile.least} to {profile.most}", log().last())
    _use_timings(config, timings)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise unusable("build an engine", log().last())
    return Built(bytes(plan), bytes(config.get_timing_cache().serialize()))


def _bound(declared: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """The wanted size where the graph leaves an axis free (-1), otherwise the graph's."""
    return tuple(want if size < 0 else size for size, want in zip(declared, wanted, strict=True))


def _use_timings(config: Any, timings: bytes) -> None:
    """Begin with what earlier builds measured; measure again where that is not accepted."""
    cache = config.create_timing_cache(timings)
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)


def _deserialized(trt: Any, plan: bytes) -> Engine | None:
    try:
        runtime = trt.Runtime(log())
    except Exception as exc:
        raise BackendUnusable(
            f"TensorRT cannot make a runtime ({log().last()})", "look at the driver: nvidia-smi"
        ) from exc
    engine = runtime.deserialize_cuda_engine(plan)
    return None if engine is None else Engine(runtime, engine)
