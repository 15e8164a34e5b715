"""What each preset decodes, and how it finds shots in that.

`fast` decodes keyframes only; `balanced` keyframes, and then the parts that may hide an edit;
`best` every frame. All three take the film in chunks, one decoder for each core. A film whose
timestamps are not fit for that (raw streams, clocks that jump back), that is damaged, short or
read over the network is decoded from end to end by one decoder with several threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

import numpy as np

from fastthumb.analysis.shot_keyframes import KeyframeShotDetector
from fastthumb.analysis.shot_looks import Look
from fastthumb.analysis.shot_runs import RunShotDetector
from fastthumb.analysis.shot_ticks import SignalsLike
from fastthumb.analysis.shots import Shot, ShotDetector
from fastthumb.analysis.signals import SignalTable
from fastthumb.chunks import Chunk, ChunkedFilm
from fastthumb.cores import usable_cores
from fastthumb.media.diagnosis import is_url
from fastthumb.media.readahead import read_ahead
from fastthumb.media.source import Frame, Source, gpu_number
from fastthumb.media.spans import can_divide, can_skip
from fastthumb.pieces import Looking, Piece, PieceBuilder
from fastthumb.settings import Settings

Decodes = Literal["every frame", "keyframes", "around edits"]
Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4  # frames that wait decoded while one is looked at, where there are cores to spare
LEAST_CHUNKS = 4  # with fewer, one decoder with several threads keeps the cores busier
PER_ENGINE = 2  # decoders of one GPU engine, so that it decodes while a worker looks
MOST_WORKERS = 16  # on one film; each has a decoder, with a dozen frames in it
_PIECE_FRAMES = 256  # of a film that is decoded from end to end


class Detector(Protocol):
    """What finds shots in a stream of signals; `looks` describes each closed shot."""

    @property
    def looks(self) -> list[Look]: ...
    def push(self, signals: SignalsLike, index: int, pts: int, seconds: float) -> list[Shot]: ...
    def finish(self) -> list[Shot]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What to decode of a film, in chunks or from end to end, and what to take from it."""

    source: Source
    settings: Settings
    looking: Looking | None
    decodes: Decodes
    film: ChunkedFilm | None  # None: from end to end

    def pieces(self, threads: int | None = None) -> Generator[Piece]:
        """The pieces of the film in order of time, made by `threads` workers (default: cores).

        They do not depend on `threads`. Raises CannotSeek where a chunk cannot be decoded alone;
        `straight` then gives a plan that can.
        """
        if self.film is not None:
            return self._pieces_of_chunks(self.film, self._workers(threads))
        return self._pieces_of_pass(AHEAD if threads != 1 else 0)

    def straight(self) -> Plan:
        """The same film from end to end."""
        decodes: Decodes = "keyframes" if self.decodes == "keyframes" else "every frame"
        return replace(self, decodes=decodes, film=None)

    def detector(self) -> Detector:
        """A new shot detector for the samples of these pieces."""
        time_base = self.source.info.time_base
        if self.decodes == "every frame":
            return ShotDetector()
        packets = self.source.packets()
        if self.decodes == "keyframes":
            return KeyframeShotDetector(packets, time_base)
        return RunShotDetector(np.sort(packets.pts), float(time_base))

    def duration_seconds(self, table: SignalTable) -> float | None:
        """The film's length: of the frames that decoded, or what the header says of it."""
        seconds = table.rows["seconds"]
        if self.decodes != "every frame" or len(seconds) < 2:
            return self.source.info.duration_seconds
        return float(seconds[-1] + (seconds[-1] - seconds[-2]))

    def _workers(self, threads: int | None) -> int:
        """How many decoders are worth while: one for each core, some for each engine of a GPU."""
        gpu = gpu_number(self.source.device)
        if gpu is None:
            return workers_of(threads)
        from fastthumb.media.nvdec_library import engine_count

        return min(threads or MOST_WORKERS, PER_ENGINE * engine_count(gpu), MOST_WORKERS)

    def _pieces_of_chunks(self, film: ChunkedFilm, workers: int) -> Generator[Piece]:
        interval = self.settings.interval_seconds
        measure: dict[Decodes, Callable[[Chunk], Piece]] = {
            "every frame": film.every_frame,
            "keyframes": film.keyframes,
            "around edits": lambda chunk: film.around_edits(chunk, interval),
        }
        yield from _in_order(measure[self.decodes], film.chunks(), workers, film.stop)

    def _pieces_of_pass(self, ahead: int) -> Generator[Piece]:
        builder = PieceBuilder(self.source.info, self.looking)
        count = 0
        with read_ahead(self._frames(), ahead) as frames:
            for measured in builder.measured(frames, "decode"):
                builder.show(measured)
                count += 1
                if count % _PIECE_FRAMES == 0:
                    yield builder.take()
        yield builder.finish()

    def _frames(self) -> Generator[Frame]:
        """The frames to look at, in presentation order, numbered as in the whole film."""
        if self.decodes != "keyframes":
            yield from self.source.frames(finish="references")
            return
        pts = np.sort(self.source.packets().pts)
        for frame in self.source.keyframes():
            yield replace(frame, index=int(np.searchsorted(pts, frame.pts)))


def workers_of(threads: int | None) -> int:
    """How many workers measure one film."""
    return min(threads or usable_cores(), MOST_WORKERS)


def plan(source: Source, settings: Settings, looking: Looking | None = None) -> Plan:
    """What the preset decodes of a film; without `looking`, only what shots are found from."""
    decodes: Decodes = "every frame"
    if settings.preset != "fast" and is_url(str(source.info.path)):  # fetched once
        return Plan(source, settings, looking, decodes, film=None)
    packets = source.packets()
    if settings.preset == "fast" and packets.is_rising:
        decodes = "keyframes"
    elif settings.preset == "balanced" and can_skip(packets, float(source.info.time_base)):
        decodes = "around edits"
    film = ChunkedFilm(source, looking) if can_divide(packets) else None
    if film is not None and decodes == "every frame" and len(film.chunks()) < LEAST_CHUNKS:
        film = None
    return Plan(source, settings, looking, decodes, film)


def _in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, stop: threading.Event
) -> Generator[Result]:
    """The results of items in their order, of which `workers` are worked on at the same time.

    Few wait at any time. `stop` is set where nobody wants more.
    """
    if workers == 1:
        yield from map(work, items)
        return
    stop.clear()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="fastthumb-chunk") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            stop.set()
            for future in waiting:
                future.cancel()
