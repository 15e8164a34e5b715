"""TensorRT's Python package: there or not, new enough or not, and what it says.

Note [two versions]. The code is written against TensorRT 11, where every network is strongly
typed: a tensor has the type that its graph gives it. 10.12 does the same where it is asked to, and
is otherwise the same as far as it is used here.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from typing import Any

from fastthumb.inference.backends import BackendFact, BackendUnusable
from fastthumb.inference.onnx import brief

OLDEST = (10, 12)
COMMAND = "pip install 'fastthumb[gpu]'"


@functools.cache
def tensorrt() -> Any:
    """The imported package. Raises BackendUnusable where it is missing, broken or too old."""
    if importlib.util.find_spec("tensorrt") is None:
        raise BackendUnusable("TensorRT is not installed", COMMAND)
    try:
        trt: Any = importlib.import_module("tensorrt")
    except Exception as exc:  # a missing library is an ImportError, a broken one anything
        raise BackendUnusable(
            f"TensorRT cannot be loaded ({brief(exc)})", f"install its libraries: {COMMAND}"
        ) from exc
    if version(trt) < OLDEST:
        raise BackendUnusable(
            f"TensorRT {trt.__version__} is too old, wanted 10.12 or newer", f"{COMMAND} -U"
        )
    return trt


def version(trt: Any) -> tuple[int, int]:
    """Major and minor number of the package."""
    major, minor = str(trt.__version__).split(".")[:2]
    return int(major), int(minor)


def network_flags(trt: Any) -> int:
    """Flags for a strongly typed network; see Note [two versions]."""
    if version(trt)[0] >= 11:
        return 0
    return 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


def fact() -> BackendFact:
    """Whether TensorRT is usable as it is installed."""
    try:
        trt = tensorrt()
    except BackendUnusable as exc:
        return BackendFact("tensorrt", False, exc.reason, exc.advice)
    return BackendFact("tensorrt", True, f"TensorRT {trt.__version__}")


@functools.cache
def log() -> Any:
    """The one log that builders and runtimes write to; it keeps quiet and remembers errors.

    TensorRT holds it as long as the process lives.
    """
    trt = tensorrt()

    class Log(trt.ILogger):  # type: ignore[name-defined,misc]
        """The last errors, newest last."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, msg: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors = [*self.errors[-4:], " ".join(msg.split())]

        def last(self) -> str:
            """What went wrong last, once; "no reason given" if nothing was said."""
            said = self.errors[-1] if self.errors else "no reason given"
            self.errors = []
            return said[:200].rstrip(". ")

    return Log()
