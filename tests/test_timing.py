"""The clock of a run: nested stages do not count each other's time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fastthumb import timing
from fastthumb.timing import StageClock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that moves only when a test moves it."""
    seconds = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: seconds[0])
    return seconds


def test_a_stage_inside_another_is_counted_once(now: list[float]) -> None:
    clock = StageClock()

    def decode() -> Iterator[int]:
        for number in range(3):
            now[0] += 2.0
            yield number

    def measure(frames: Iterator[int]) -> Iterator[int]:
        for number in frames:
            now[0] += 1.0
            yield number

    for _ in clock.each("signals", measure(clock.each("decode", decode()))):
        now[0] += 10.0  # what the consumer does belongs to neither
    assert clock.stages["decode"].seconds == 6.0
    assert clock.stages["signals"].seconds == 3.0
    assert {stage.frames for stage in clock.stages.values()} == {3}


def test_a_block_counts_its_own_time_also_when_it_fails(now: list[float]) -> None:
    clock = StageClock()

    def work() -> None:
        with clock.stage("outer", frames=4):
            now[0] += 1.0
            with clock.stage("inner"):
                now[0] += 2.0
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert (clock.stages["outer"].seconds, clock.stages["inner"].seconds) == (1.0, 2.0)
    assert clock.stages["outer"].frames == 4
