"""TensorRT in plain Python: the names and signatures of the real package, ONNX Runtime inside.

It has what fastthumb uses and nothing else; test_tensorrt_bindings.py holds it against the real
package, so that what runs here exists there. An engine is the graph with a header. Work runs on a
FakeCuda, in the order of its streams. Rules of the real one that fastthumb must keep are checked:
profiles, addresses of every tensor and their alignment, the current device, one profile a context.
"""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fake_cuda import ALIGNMENT, FakeCuda

Size = tuple[int, ...]
__version__ = "11.4.0.106"


class State:
    """What a test sets and reads; `cuda` is the device that everything runs on."""

    cuda: FakeCuda
    builds: int = 0
    deserializations: int = 0
    executions: list[tuple[int, ...]]  # shapes of the inputs
    timings_seen: list[bytes]
    refuses: str = ""  # "parse", "build", "deserialize", "context", "profile" or "execute"
    on_build: Callable[[], None]


state = State()


def reset(cuda: FakeCuda) -> None:
    """Begin a test."""
    state.cuda = cuda
    state.builds = state.deserializations = 0
    state.executions, state.timings_seen, state.refuses = [], [], ""
    state.on_build = lambda: None


class DataType(enum.Enum):
    FLOAT = 0
    HALF = 1


class TensorIOMode(enum.Enum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class MemoryPoolType(enum.Enum):
    WORKSPACE = 0


class BuilderFlag(enum.Enum):
    TF32 = 7


class NetworkDefinitionCreationFlag(enum.IntEnum):
    STRONGLY_TYPED = 1  # as in TensorRT 10; 11 ignores it


class ILogger:
    class Severity(enum.Enum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2

    INTERNAL_ERROR, ERROR, WARNING = Severity

    def log(self, severity: Severity, msg: str) -> None:
        raise NotImplementedError


class IHostMemory(bytes):
    @property
    def nbytes(self) -> int:
        return len(self)


class ITimingCache:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def serialize(self) -> IHostMemory:
        return IHostMemory(b"timings:" + self._content)


class ITensor:
    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.shape = name, shape


class INetworkDefinition:
    def __init__(self, strongly_typed: bool) -> None:
        self._strongly_typed, self._model = strongly_typed, b""

    def get_input(self, index: int) -> ITensor:
        value = _session(self._model).get_inputs()[index]
        return ITensor(value.name, _free(value.shape))


class ParserError:
    def desc(self) -> str:
        return "In node 3 with name: conv and operator: Strange: no importer"


class OnnxParser:
    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        assert network._strongly_typed, "half tensors need a strongly typed network"
        self._network, self.num_errors = network, 0

    def parse(self, model: bytes, path: str | None = None) -> bool:
        self.num_errors = int(state.refuses == "parse")
        self._network._model = model
        return not self.num_errors

    def get_error(self, index: int) -> ParserError:
        assert index < self.num_errors
        return ParserError()


class IOptimizationProfile:
    def __init__(self) -> None:
        self._shapes: dict[str, list[tuple[int, ...]]] = {}

    def set_shape(self, input: str, min: Size, opt: Size, max: Size) -> None:  # noqa: A002
        self._shapes[input] = [tuple(min), tuple(opt), tuple(max)]


class IBuilderConfig:
    def __init__(self) -> None:
        self._profiles: list[IOptimizationProfile] = []
        self._flags = {BuilderFlag.TF32}
        self._timings: ITimingCache | None = None

    def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None:
        assert pool is MemoryPoolType.WORKSPACE
        assert pool_size >= 1 << 20

    def clear_flag(self, flag: BuilderFlag) -> None:
        self._flags.discard(flag)

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        for least, usual, most in profile._shapes.values():
            if not all(a <= b <= c for a, b, c in zip(least, usual, most, strict=True)):
                return -1
        if state.refuses == "profile":
            return -1
        self._profiles.append(profile)
        return len(self._profiles) - 1

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache | None:
        state.timings_seen.append(serialized_timing_cache)
        known = serialized_timing_cache.startswith(b"timings:") or not serialized_timing_cache
        return ITimingCache(serialized_timing_cache) if known else None

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        self._timings = cache
        return not ignore_mismatch

    def get_timing_cache(self) -> ITimingCache:
        assert self._timings is not None
        return self._timings


class Builder:
    def __init__(self, logger: ILogger) -> None:
        assert state.cuda.current is not None, "built on whichever device was current"
        self._logger = logger

    def create_network(self, flags: int = 0) -> INetworkDefinition:
        eleven = int(__version__.split(".")[0]) >= 11
        assert not (eleven and flags), "no flags are left to pass"
        return INetworkDefinition(eleven or flags == 1 << 1)

    def create_builder_config(self) -> IBuilderConfig:
        return IBuilderConfig()

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile()

    def build_serialized_network(
        self, network: INetworkDefinition, config: IBuilderConfig
    ) -> IHostMemory | None:
        state.builds += 1
        state.on_build()
        assert config._timings is not None
        assert not config._flags, "float32 would be computed as TF32"
        (profile,) = config._profiles
        if state.refuses == "build":
            self._logger.log(ILogger.Severity.WARNING, "slow")
            self._logger.log(ILogger.Severity.ERROR, "no implementation of Conv_3.")
            return None
        head = {"version": __version__, "profile": profile._shapes}
        return IHostMemory(json.dumps(head).encode() + b"\n" + network._model)


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        assert state.cuda.count, "without a driver the real one ends the process"
        assert state.cuda.current is not None
        self._logger = logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
        state.deserializations += 1
        head, _, model = serialized_engine.partition(b"\n")
        try:
            about = json.loads(head)
        except ValueError:
            about = {}
        if about.get("version") != __version__ or state.refuses == "deserialize":
            self._logger.log(ILogger.Severity.ERROR, "magic tag does not match")
            return None
        assert state.cuda.current is not None
        return ICudaEngine(model, about["profile"], state.cuda.current)


class ICudaEngine:
    def __init__(
        self, model: bytes, profile: dict[str, list[tuple[int, ...]]], device: int
    ) -> None:
        self._session, self._profile, self._device = _session(model), profile, device
        self._inputs = {value.name: value for value in self._session.get_inputs()}
        self._outputs = {value.name: value for value in self._session.get_outputs()}
        self._contexts = 0

    @property
    def num_io_tensors(self) -> int:
        return len(self._inputs) + len(self._outputs)

    def get_tensor_name(self, index: int) -> str:
        return [*self._outputs, *self._inputs][index]  # in no order to rely on

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in self._inputs else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return _free((self._inputs | self._outputs)[name].shape)

    def get_tensor_dtype(self, name: str) -> DataType:
        kind = (self._inputs | self._outputs)[name].type
        return {"tensor(float)": DataType.FLOAT, "tensor(float16)": DataType.HALF}[kind]

    def create_execution_context(self) -> IExecutionContext | None:
        if state.refuses == "context":
            return None
        self._contexts += 1
        return IExecutionContext(self, has_profile=self._contexts == 1)


class IExecutionContext:
    def __init__(self, engine: ICudaEngine, *, has_profile: bool) -> None:
        self._engine, self._has_profile = engine, has_profile
        self._shape: tuple[int, ...] = ()
        self._addresses: dict[str, int] = {}
        self._shapes_of: dict[tuple[int, ...], dict[str, tuple[int, ...]]] = {}

    def set_optimization_profile_async(self, profile_index: int, stream_handle: int) -> bool:
        self._has_profile = profile_index == 0 and stream_handle in state.cuda.streams
        return self._has_profile

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert self._has_profile, "a context without a profile"
        least, _, most = self._engine._profile[name]
        self._shape = shape
        return all(a <= b <= c for a, b, c in zip(least, shape, most, strict=True))

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if self._shape not in self._shapes_of:
            outputs = self._run(np.zeros(self._shape, np.float32))
            self._shapes_of[self._shape] = {k: v.shape for k, v in outputs.items()}
        return self._shapes_of[self._shape][name]

    def set_tensor_address(self, name: str, memory: int) -> bool:
        assert memory % ALIGNMENT == 0, "an address that TensorRT does not take"
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        if state.refuses == "execute":
            return False
        stream, cuda, device = state.cuda.streams[stream_handle], state.cuda, self._engine._device
        assert cuda.current == device == stream.device, "a stream of another device"
        engine, shape, addresses = self._engine, self._shape, dict(self._addresses)
        assert addresses.keys() == engine._inputs.keys() | engine._outputs.keys()
        state.executions.append(shape)

        def work() -> None:
            (name,) = engine._inputs
            data = cuda.memory(addresses[name], math.prod(shape) * 4, device)
            outputs = self._run(data.view(np.float32).reshape(shape))
            for name, values in outputs.items():
                raw = np.ascontiguousarray(values, np.float32).reshape(-1).view(np.uint8)
                cuda.memory(addresses[name], len(raw), device)[:] = raw

        stream.work.append(work)
        return True

    def _run(self, tensors: Any) -> dict[str, Any]:
        engine = self._engine
        (name,) = engine._inputs
        answers = engine._session.run(list(engine._outputs), {name: tensors})
        return dict(zip(engine._outputs, answers, strict=True))


def _session(model: bytes) -> Any:
    from fastthumb.inference.onnx import open_session

    return open_session(model, threads=1, name="of an engine")


def _free(shape: list[Any]) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else -1 for size in shape)
