"""Decoding ahead: frames are fetched by a thread of their own while others are looked at.

FFmpeg's frame threads only get work while somebody asks for the next frame. Whoever measures
frames between two requests keeps them waiting; a thread that does nothing but ask does not.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

Item = TypeVar("Item")

_POLL_SECONDS = 0.1  # how soon the thread notices that nobody wants more


@contextmanager
def read_ahead(items: Generator[Item], depth: int) -> Iterator[Iterator[Item]]:
    """Give an iterator over `items`, of which up to `depth` are fetched in advance.

    `items` is advanced, and closed at the end, by the thread alone; the thread is gone when
    the block is left, however that happens. An exception of `items` is raised where the item
    would have come. With `depth` 0 there is no thread.
    """
    if depth < 1:
        try:
            yield items
        finally:
            items.close()
        return
    ready: queue.Queue[tuple[Item] | BaseException | None] = queue.Queue(depth)
    stop = threading.Event()

    def put(result: tuple[Item] | BaseException | None) -> None:
        while not stop.is_set():
            with suppress(queue.Full):
                ready.put(result, timeout=_POLL_SECONDS)
                return

    def fetch() -> None:
        try:
            for item in items:
                put((item,))
                if stop.is_set():
                    break
            put(None)
        except BaseException as exc:
            put(exc)
        finally:
            items.close()

    def fetched() -> Iterator[Item]:
        while (result := ready.get()) is not None:
            if isinstance(result, BaseException):
                raise result
            yield result[0]

    thread = threading.Thread(target=fetch, name="fastthumb-decode", daemon=True)
    thread.start()
    try:
        yield fetched()
    finally:
        stop.set()
        thread.join()
