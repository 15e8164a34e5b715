"""The clock of a run: nested stages do not count each other's time."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fastthumb import timing
from fastthumb.timing import Stage, StageClock


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


def counted(**stages: tuple[float, int]) -> StageClock:
    clock = StageClock()
    for name, (seconds, frames) in stages.items():
        clock.stages[name.replace("_", " ")] = Stage(seconds, frames)
    return clock


def test_what_workers_counted_adds_up() -> None:
    clock = counted(decode=(1.0, 10), signals=(0.5, 10))
    worker = counted(decode=(2.0, 20), faces=(0.25, 3))
    clock.add(worker)
    assert clock.stages == {
        "decode": Stage(3.0, 30),
        "signals": Stage(0.5, 10),
        "faces": Stage(0.25, 3),
    }
    assert worker.stages["decode"] == Stage(2.0, 20)


def test_adding_takes_nothing_from_the_stage_that_waits(now: list[float]) -> None:
    clock = StageClock()
    with clock.stage("outer"):
        now[0] += 1.0
        clock.add(counted(inner=(50.0, 5)))
        now[0] += 1.0
    assert clock.stages["outer"].seconds == 2.0


def test_many_threads_may_add_to_one_clock_at_once() -> None:
    clock, part = StageClock(), counted(decode=(1.0, 1))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: clock.add(part), range(800)))
    assert clock.stages == {"decode": Stage(800.0, 800)}


def test_a_clock_travels_between_processes() -> None:
    clock = counted(decode=(1.5, 3))
    with clock.stage("choose"):
        back = pickle.loads(pickle.dumps(clock))
    assert back.stages["decode"] == Stage(1.5, 3)
    with back.stage("choose"):
        pass
    assert "choose" in back.stages


def test_frames_decoded_are_those_of_all_stages_that_decode() -> None:
    clock = counted(decode=(1.0, 100), decode_looks=(1.0, 20), decoder=(0.0, 7), faces=(1.0, 9))
    assert clock.frames_decoded == 120


def test_the_wall_runs_from_the_making_of_the_clock(now: list[float]) -> None:
    clock = StageClock()
    now[0] += 3.0
    clock.add(counted(decode=(10.0, 1)))
    assert clock.wall_seconds == 3.0
