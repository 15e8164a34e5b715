"""Engines on disk: built once per model, device and TensorRT, and never half of one.

An engine is good for one build of TensorRT on one kind of device. Each lies in a file of its own,
named after all that it depends on; the file repeats that and the hash of its content, so that a
damaged one, or one that was put there by hand, is built again. (The hash finds accidents. An
engine is code: the folder must be the user's own, as the cache is.)

Note [one builder]. Building measures kernels on the device, so two builders at once slow each
other down and measure wrongly. A lock on the folder lets one build at a time, of all processes and
threads that share it; who waited finds what the other has built.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fastthumb.atomic import make_folder, write_bytes
from fastthumb.errors import OutputError

Announce = Callable[[str], None]
_MAGIC = b"fastthumb-engine 1\n"


@dataclass(frozen=True, slots=True)
class EngineKey:
    """All that an engine depends on; `profile` are the smallest, usual and largest input."""

    model: str
    model_sha256: str
    graph: str
    precision: str
    profile: tuple[tuple[int, ...], ...]
    tensorrt: str
    device_name: str
    capability: str

    @property
    def file(self) -> str:
        """Name of the engine's file."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"{self.model}-{digest[:32]}.engine"

    @property
    def timing_file(self) -> str:
        """Name of the file of kernel timings, which all engines of one kind of device share."""
        about = json.dumps([self.tensorrt, self.device_name, self.capability])
        return f"timings-{hashlib.sha256(about.encode()).hexdigest()[:32]}.cache"


@dataclass(frozen=True, slots=True)
class Built:
    """What a builder gives back: the engine, and the kernel timings for the next one."""

    engine: bytes
    timings: bytes


class EngineCache:
    """The engines in one folder, which is made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def engine(
        self,
        key: EngineKey,
        build: Callable[[bytes], Built],
        announce: Announce,
        *,
        anew: bool = False,
    ) -> bytes:
        """The engine for a key, built by `build(timings)` where it is not there yet.

        `announce` is told before a build begins, and where there is to wait for another process.
        With `anew` the one that is there is not taken: it proved unusable. A folder that cannot
        be written costs the next run another build, and is announced. Errors of `build` pass
        through.
        """
        damaged = self._read(self.folder / key.file, key) if anew else None
        if not anew and (engine := self._read(self.folder / key.file, key)) is not None:
            return engine
        with self._alone(announce):
            engine = self._read(self.folder / key.file, key)
            if engine is not None and engine != damaged:
                return engine
            announce(
                f"building the TensorRT engine of {key.model} for {key.device_name}: "
                "once for this device, takes up to a few minutes"
            )
            timings = self._read(self.folder / key.timing_file, None) or b""
            built = build(timings)
            try:
                self._write(self.folder / key.file, key, built.engine)
                self._write(self.folder / key.timing_file, None, built.timings)
            except OutputError as exc:
                announce(f"the engine is not kept for the next run: {exc}")
            return built.engine

    def _read(self, path: Path, key: EngineKey | None) -> bytes | None:
        """The content of a file; None if there is none, or not this one, or not whole."""
        try:
            data = path.read_bytes()
        except OSError:
            return None
        head, _, payload = data.removeprefix(_MAGIC).partition(b"\n")
        whole = data.startswith(_MAGIC) and head == _head(key, payload)
        return payload if whole else None

    def _write(self, path: Path, key: EngineKey | None, payload: bytes) -> None:
        make_folder(path.parent)
        write_bytes(path, _MAGIC + _head(key, payload) + b"\n" + payload)

    @contextlib.contextmanager
    def _alone(self, announce: Announce) -> Iterator[None]:
        """See Note [one builder]; where the folder cannot be written, there is nothing to share."""
        import fcntl

        with contextlib.ExitStack() as stack:
            try:
                make_folder(self.folder)
                lock = stack.enter_context((self.folder / "lock").open("wb"))
            except (OSError, OutputError):
                yield
                return
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                announce("a TensorRT engine is being built elsewhere: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError:  # a file system without locks: two may build, each writes whole files
                pass
            for left in self.folder.glob(".fastthumb-*.tmp"):  # of builders that were killed
                left.unlink(missing_ok=True)
            yield


def _head(key: EngineKey | None, payload: bytes) -> bytes:
    """The line before the content: what it is of, and its hash."""
    about: dict[str, Any] = {} if key is None else asdict(key)
    about["sha256"] = hashlib.sha256(payload).hexdigest()
    return json.dumps(about, sort_keys=True).encode()
