"""Where the time of a run goes: seconds and frames per stage.

A clock belongs to one thread at a time. Several workers each have their own, and what they
counted is added up afterwards: seconds are then seconds of work, and may be more than passed on
the wall. Stages that decode the film are named "decode", or "decode" and what is decoded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")

DECODE = "decode"
_COUNTING = threading.Lock()  # of all clocks: one of its own could not travel between processes


@dataclass
class Stage:
    """Seconds of work in one stage, those of stages inside it excepted, and its frames."""

    seconds: float = 0.0
    frames: int = 0


@dataclass
class StageClock:
    """Adds up the time of work per stage; stages may be lazy iterators inside one another.

    It can be pickled, and what others counted can be added from any thread at any time.
    """

    stages: dict[str, Stage] = field(default_factory=dict)
    started: float = field(default_factory=lambda: time.perf_counter())
    _counted: float = 0.0  # seconds given to any stage so far

    @contextmanager
    def stage(self, name: str, frames: int = 0) -> Iterator[None]:
        """Count the time of a block, and `frames` frames, towards a stage."""
        self._count(name, 0.0, 0)  # stages are listed in the order in which they begin
        start, counted = time.perf_counter(), self._counted
        try:
            yield
        finally:
            own = time.perf_counter() - start - (self._counted - counted)
            self._counted += own
            self._count(name, own, frames)

    def each(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass the items on, counting them and the time that it takes to produce them."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            self._count(name, 0.0, 1)
            yield item

    def add(self, other: StageClock) -> None:
        """Add what another clock counted, such as that of a worker; its own stays as it is."""
        for name, stage in list(other.stages.items()):
            self._count(name, stage.seconds, stage.frames)

    @property
    def frames_decoded(self) -> int:
        """Frames that the stages of decoding gave, those that were decoded twice counted twice."""
        decoding = [name for name in self.stages if name.split(" ")[0] == DECODE]
        return sum(self.stages[name].frames for name in decoding)

    @property
    def wall_seconds(self) -> float:
        """What has passed on the wall since the clock was made, in the process that made it."""
        return time.perf_counter() - self.started

    def _count(self, name: str, seconds: float, frames: int) -> None:
        with _COUNTING:
            stage = self.stages.setdefault(name, Stage())
            stage.seconds += seconds
            stage.frames += frames
