"""Where the time of a run goes: seconds and frames per stage."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")


@dataclass
class Stage:
    """Wall seconds spent in one stage and the frames that it saw."""

    seconds: float = 0.0
    frames: int = 0


@dataclass
class StageClock:
    """Adds up wall time per stage; stages may be lazy iterators inside one another."""

    stages: dict[str, Stage] = field(default_factory=dict)

    def each(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass the items on, counting them and the time that it takes to produce them."""
        stage = self.stages.setdefault(name, Stage())
        iterator = iter(items)
        while True:
            start = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                stage.seconds += time.perf_counter() - start
                return
            stage.seconds += time.perf_counter() - start
            stage.frames += 1
            yield item

    @contextmanager
    def stage(self, name: str, frames: int = 0) -> Iterator[None]:
        """Count the time of a block, and `frames` frames, towards a stage."""
        stage = self.stages.setdefault(name, Stage())
        start = time.perf_counter()
        try:
            yield
        finally:
            stage.seconds += time.perf_counter() - start
            stage.frames += frames
