"""Engines on disk: what they are found by, damaged ones, and many who want one at once."""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
from pathlib import Path
from typing import Any

import pytest

from engine_samples import ENGINE, KEY, Builder, build_and_die, build_slowly, silent
from fastthumb.inference.engine_cache import Built, EngineCache, EngineKey

OTHERS: dict[str, Any] = {
    "model": "other",
    "model_sha256": "00fe",
    "graph": "2 nchw vector",
    "precision": "fp32",
    "profile": ((1, 3, 8, 8), (8, 3, 8, 8), (8, 3, 8, 8)),
    "tensorrt": "11.4.1",
    "device_name": "Another GPU",
    "capability": "8.9",
}


def test_an_engine_is_built_once(tmp_path: Path) -> None:
    cache, builder, said = EngineCache(tmp_path / "a" / "b"), Builder(), list[str]()
    assert cache.engine(KEY, builder, said.append) == ENGINE
    assert EngineCache(tmp_path / "a" / "b").engine(KEY, builder, said.append) == ENGINE
    assert builder.timings == [b""]
    assert len(said) == 1
    assert "building the TensorRT engine of sample for Fake GPU" in said[0]


@pytest.mark.parametrize("field", OTHERS)
def test_whatever_an_engine_depends_on_makes_another(tmp_path: Path, field: str) -> None:
    assert {f.name for f in dataclasses.fields(EngineKey)} == OTHERS.keys()
    cache, builder = EngineCache(tmp_path), Builder()
    cache.engine(KEY, builder, silent)
    other = dataclasses.replace(KEY, **{field: OTHERS[field]})
    cache.engine(other, builder, silent)
    cache.engine(KEY, builder, silent)
    assert len(builder.timings) == 2


def test_timings_are_of_one_kind_of_device_and_library(tmp_path: Path) -> None:
    cache, builder = EngineCache(tmp_path), Builder()
    for change in ({}, {"model": "b"}, {"capability": "8.9"}, {"tensorrt": "12.0"}, {"graph": "g"}):
        cache.engine(dataclasses.replace(KEY, **change), builder, silent)
    assert builder.timings == [b"", b"timings\n1", b"", b"", b"timings\n2"]


@pytest.mark.parametrize("length", [0, 1, 30, 90, -1])
def test_half_a_file_is_built_again(tmp_path: Path, length: int) -> None:
    cache, builder = EngineCache(tmp_path), Builder()
    cache.engine(KEY, builder, silent)
    for file in tmp_path.glob("*.*"):
        file.write_bytes(file.read_bytes()[:length])
    assert cache.engine(KEY, builder, silent) == ENGINE
    assert builder.timings == [b"", b""]
    assert cache.engine(KEY, builder, silent) == ENGINE
    assert len(builder.timings) == 2


def test_one_changed_byte_is_found(tmp_path: Path) -> None:
    cache, builder = EngineCache(tmp_path), Builder()
    cache.engine(KEY, builder, silent)
    file = tmp_path / KEY.file
    whole = bytearray(file.read_bytes())
    whole[-100] ^= 1
    file.write_bytes(whole)
    assert cache.engine(KEY, builder, silent) == ENGINE
    assert len(builder.timings) == 2


def test_another_engine_under_this_name_is_not_taken(tmp_path: Path) -> None:
    cache, other = EngineCache(tmp_path), dataclasses.replace(KEY, tensorrt="10.12")
    cache.engine(other, Builder(b"foreign"), silent)
    (tmp_path / other.file).rename(tmp_path / KEY.file)
    assert cache.engine(KEY, Builder(), silent) == ENGINE


def test_an_engine_that_proved_unusable_is_replaced(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path)
    cache.engine(KEY, Builder(b"unusable"), silent)
    assert cache.engine(KEY, Builder(), silent, anew=True) == ENGINE
    assert cache.engine(KEY, Builder(b"never built"), silent) == ENGINE


def test_a_failed_build_leaves_nothing_and_passes_its_error_on(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path)

    def fails(_: bytes) -> Built:
        raise RuntimeError("no kernel")

    with pytest.raises(RuntimeError, match="no kernel"):
        cache.engine(KEY, fails, silent)
    assert [file.name for file in tmp_path.iterdir()] == ["lock"]
    assert cache.engine(KEY, Builder(), silent) == ENGINE


def test_a_folder_that_cannot_be_written_costs_a_build_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache, builder, said = EngineCache(tmp_path / "file" / "engines"), Builder(), list[str]()
    for _ in range(2):
        assert cache.engine(KEY, builder, said.append) == ENGINE
    assert len(builder.timings) == 2
    assert "the engine is not kept for the next run" in said[-1]


# --- several processes


def started(target: Any, *arguments: Any) -> Any:
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    return process


def test_two_processes_build_one_engine(tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [started(build_slowly, tmp_path / "engines", log) for _ in range(3)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert log.read_text().split() == ["begin", "end"]


def test_a_builder_that_is_killed_leaves_nothing_that_counts(tmp_path: Path) -> None:
    process = started(build_and_die, tmp_path)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert list(tmp_path.glob(".fastthumb-*.tmp")), "it was to die in the middle of writing"
    builder = Builder()
    assert EngineCache(tmp_path).engine(KEY, builder, silent) == ENGINE
    assert len(builder.timings) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(
        [KEY.file, KEY.timing_file, "lock"]
    )


def test_who_waits_is_told(tmp_path: Path) -> None:
    import fcntl

    said = list[str]()
    with (tmp_path / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def announce(sentence: str) -> None:
            said.append(sentence)
            fcntl.flock(lock, fcntl.LOCK_UN)

        assert EngineCache(tmp_path).engine(KEY, Builder(), announce) == ENGINE
    assert "waiting" in said[0]
    assert "building" in said[1]
