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
    """Wall seconds spent in one stage, those of stages inside it excepted, and its frames."""

    seconds: float = 0.0
    frames: int = 0


@dataclass
class StageClock:
    """Adds up wall time per stage; stages may be lazy iterators inside one another."""

    stages: dict[str, Stage] = field(default_factory=dict)
    _counted: float = 0.0  # seconds given to any stage so far

    @contextmanager
    def stage(self, name: str, frames: int = 0) -> Iterator[None]:
        """Count the time of a block, and `frames` frames, towards a stage."""
        stage = self.stages.setdefault(name, Stage())
        start, counted = time.perf_counter(), self._counted
        try:
            yield
        finally:
            own = time.perf_counter() - start - (self._counted - counted)
            stage.seconds += own
            self._counted += own
            stage.frames += frames

    def each(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass the items on, counting them and the time that it takes to produce them."""
        iterator = iter(items)
        stage = self.stages.setdefault(name, Stage())
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            stage.frames += 1
            yield item
