"""Engines for the tests of their cache, and builders that other processes import from here."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from fastthumb.inference.engine_cache import Built, EngineCache, EngineKey

KEY = EngineKey(
    model="sample",
    model_sha256="00ff",
    graph="1 nchw vector",
    precision="fp16",
    profile=((1, 3, 8, 8), (4, 3, 8, 8), (4, 3, 8, 8)),
    tensorrt="11.4.0",
    device_name="Fake GPU",
    capability="9.0",
)
ENGINE = bytes(range(256)) * 40 + b"\n\n"


class Builder:
    """Gives one engine and counts how often."""

    def __init__(self, engine: bytes = ENGINE) -> None:
        self.engine, self.timings = engine, list[bytes]()

    def __call__(self, timings: bytes) -> Built:
        self.timings.append(timings)
        return Built(self.engine, b"timings\n%d" % len(self.timings))


def silent(_: str) -> None:
    pass


def build_slowly(folder: Path, log: Path) -> None:
    def build(_: bytes) -> Built:
        with log.open("a") as file:
            file.write("begin\n")
            file.flush()
            time.sleep(0.3)
            file.write("end\n")
        return Built(ENGINE, b"timings")

    assert EngineCache(folder).engine(KEY, build, silent) == ENGINE


def build_and_die(folder: Path) -> None:
    """Die, as by kill -9, when the engine's file is written but not yet in its place."""
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target.suffix == ".engine":
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = killed  # type: ignore[method-assign,assignment]
    EngineCache(folder).engine(KEY, Builder(), silent)
