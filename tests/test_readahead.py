"""Decoding ahead: the same items, errors where they belong, and no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from fastthumb.media.readahead import read_ahead


def counting(stop: int, closed: list[str] | None = None) -> Generator[int]:
    try:
        yield from range(stop)
    finally:
        if closed is not None:
            closed.append(threading.current_thread().name)


@pytest.mark.parametrize("depth", [0, 1, 4, 100])
def test_the_items_come_in_order(depth: int) -> None:
    with read_ahead(counting(50), depth) as items:
        assert list(items) == list(range(50))


@pytest.mark.parametrize("depth", [0, 1, 4])
def test_leaving_early_closes_the_source_and_ends_the_thread(depth: int) -> None:
    closed: list[str] = []
    before = threading.active_count()
    with read_ahead(counting(10**9, closed), depth) as items:
        assert next(items) == 0
    assert threading.active_count() == before
    assert closed == ["MainThread" if depth == 0 else "fastthumb-decode"]


@pytest.mark.parametrize("depth", [0, 2])
def test_an_error_comes_where_its_item_would_have_come(depth: int) -> None:
    def failing() -> Generator[int]:
        yield 1
        yield 2
        raise ValueError("broken")

    seen = []
    with pytest.raises(ValueError, match="broken"), read_ahead(failing(), depth) as items:
        seen += [item for item in items]  # noqa: C416 - the items before the error count
    assert seen == []
    with read_ahead(failing(), depth) as items:
        assert next(items) == 1
        assert next(items) == 2
        with pytest.raises(ValueError, match="broken"):
            next(items)


def test_an_error_of_the_reader_passes_through() -> None:
    def read() -> None:
        with read_ahead(counting(10**9), 3) as items:
            raise KeyError(next(items))

    with pytest.raises(KeyError):
        read()


def test_no_more_than_depth_items_wait() -> None:
    made: list[int] = []

    def noting() -> Generator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    with read_ahead(noting(), 3) as items:
        next(items)
        threading.Event().wait(0.3)
        assert len(made) <= 1 + 3 + 1  # given, waiting, and in the thread's hand
