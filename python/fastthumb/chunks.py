"""Chunks: a film in parts of whole groups of pictures, each measured alone.

What a chunk gives is a pure function of the file, the chunk and the settings, and it is small: it
may run in another thread, process or machine, and the joined result does not depend on how many
do. A chunk that measures every frame also measures the first one of the next chunk, which is
thereby compared with the frame before it; whoever joins chunks takes the earlier of two samples
of a frame.

Where anything of a chunk does not decode as its packets promise, CannotSeek is raised, and the
film has to be decoded from end to end.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from fastthumb.analysis.shot_packets import PacketEvidence
from fastthumb.analysis.shot_search import look_into, searches
from fastthumb.analysis.signals import Measured, Sample
from fastthumb.media.reading import LEAVING_OUT_CODECS
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.spans import SpanTable
from fastthumb.pieces import Looking, Piece, PieceBuilder

if TYPE_CHECKING:
    from fastthumb.media.source import Finish, Source, SpanReader

_MOST_CHUNKS = 24  # of a film, but for its last ones, as long as a chunk then has between ...
_LEAST_SECONDS, _MOST_SECONDS = 16.0, 40.0  # ... so many seconds
_LAST_ONES = 8  # chunks that what is left of a film makes at least, down to the least seconds
_GAP = 1.25  # intervals up to which samples may be apart: groups of 2 s are often of 2.002 s
_LARGE = 720  # lines of a film that is measured at half its size or less
# Share of a chunk in doubtful groups of pictures from which on all of it is decoded: that decodes
# nothing twice.
MOSTLY_DOUBTFUL = 0.85


@dataclass(frozen=True, slots=True)
class Chunk:
    """The groups of pictures of a film that begin with its keyframes `first`..`end` - 1."""

    first: int
    end: int


class ChunkedFilm:
    """A film that can be decoded in parts: its chunks, and what each gives.

    For films that `spans.can_divide`. Several threads may ask for chunks at the same time.
    """

    def __init__(self, source: Source, looking: Looking | None) -> None:
        self.stop = threading.Event()  # set where nobody wants the chunks that are worked on
        self._source, self._looking = source, looking
        packets = source.packets()
        self._spans, self._evidence = SpanTable(packets), PacketEvidence(packets)
        self._passes_cheaply = source.info.codec in LEAVING_OUT_CODECS
        # The loop filter is a quarter of a keyframe's work, and its block edges are small against
        # the pixels that are measured.
        large = min(source.info.width, source.info.height) >= _LARGE
        self._keyframe_finish: Finish = "none" if large else "exact"
        start = self._spans.pts[0]
        self._seconds = (self._spans.pts - start) * float(source.info.time_base)

    def chunks(self) -> list[Chunk]:
        """The chunks that tile the film, in order."""
        length = float(self._seconds[-1])
        longest = min(max(length / _MOST_CHUNKS, _LEAST_SECONDS), _MOST_SECONDS)
        divisions, left = [0.0], length
        # The last ones are shorter, so that all workers end at about the same time.
        while left >= 2 * _LEAST_SECONDS:
            divisions.append(divisions[-1] + min(longest, max(left / _LAST_ONES, _LEAST_SECONDS)))
            left = length - divisions[-1]
        starts = self._seconds[self._spans.keys]
        firsts = np.unique(np.searchsorted(starts, divisions))
        ends = [*firsts[1:].tolist(), len(starts)]
        return [Chunk(a, b) for a, b in zip(firsts.tolist(), ends, strict=True)]

    def every_frame(self, chunk: Chunk) -> Piece:
        """All frames of a chunk measured, one after the other."""
        with self._source.open_spans(finish="references") as reader:
            work = _Work(self, reader)
            work.show_all(chunk)
            return work.builder.finish()

    def keyframes(self, chunk: Chunk) -> Piece:
        """The keyframes of a chunk alone."""
        with self._source.open_spans(finish=self._keyframe_finish) as reader:
            work = _Work(self, reader)
            for measured in work.read_each(self._keys(chunk.first, chunk.end), "decode keyframes"):
                work.builder.show(measured)
            return work.builder.finish()

    def around_edits(self, chunk: Chunk, interval_seconds: float) -> Piece:
        """The keyframes of a chunk, and all that has to be decoded to find every edit on its frame.

        Besides, frames in between where samples would lie well over `interval_seconds` apart,
        or where something is seen so shortly that no keyframe shows it.
        """
        with ExitStack() as readers:
            reader = readers.enter_context(self._source.open_spans(finish=self._keyframe_finish))
            rough = reader
            if self._keyframe_finish != "none":
                # Edits are seen in means of many pixels, which block edges do not change.
                rough = readers.enter_context(self._source.open_spans(finish="none"))
            work = _Work(self, reader)
            first, end = self._numbers(chunk)
            # What lies beside the chunk tells how unusual its own changes are.
            keyframes = []
            for measured in work.read_each(
                self._keys(max(chunk.first - 1, 0), chunk.end + 2), "decode keyframes"
            ):
                keyframes.append(measured.sample)
                if first <= measured.frame.index < end:
                    work.builder.show(measured)
            last_key = int(self._spans.keys[-1])
            doubtful = [
                search
                for search in searches(
                    keyframes, self._evidence, passes_cheaply=self._passes_cheaply
                )
                if first <= search.before.number < end
                and (search.after is not None or search.before.number == last_key)
            ]
            if sum(search.frames for search in doubtful) >= MOSTLY_DOUBTFUL * (end - first):
                return self.every_frame(chunk)

            def read(low: int, high: int) -> Generator[Sample]:
                for measured in work.read(low, high, "decode looks", rough):
                    yield measured.sample

            seen = -1
            for search in doubtful:
                look = cast("list[Sample]", look_into(search, self._evidence, read))
                # The first sample of a look is compared with nothing: an earlier look knows more.
                work.builder.note(sample for sample in look if sample[1] > seen)
                seen = max(seen, look[-1][1]) if look else seen
            besides = work.builder.unseen(_GAP * interval_seconds, self._seconds, end)
            for measured in work.read_each(besides, "decode looks"):
                work.builder.show_alone(measured)
            return work.builder.finish()

    def _numbers(self, chunk: Chunk) -> tuple[int, int]:
        """The number of a chunk's first frame, and the one after its last."""
        keys = self._spans.keys
        end = int(keys[chunk.end]) if chunk.end < len(keys) else len(self._spans.pts)
        return int(keys[chunk.first]), end

    def _keys(self, first: int, end: int) -> list[int]:
        keys: list[int] = self._spans.keys[first:end].tolist()
        return keys


class _Work:
    """Reads frames of a film, each measured, for one chunk."""

    def __init__(self, film: ChunkedFilm, reader: SpanReader) -> None:
        self._film, self._reader, self._spans = film, reader, film._spans
        self.builder = PieceBuilder(film._source.info, film._looking)

    def show_all(self, chunk: Chunk) -> None:
        """Show all frames of a chunk, and measure the first one of the next."""
        first, end = self._film._numbers(chunk)
        last = min(end, len(self._spans.pts) - 1)
        for measured in self.read(first, last, "decode"):
            if measured.frame.index < end:
                self.builder.show(measured)
            else:
                self.builder.note([measured.sample])

    def read(
        self, first: int, last: int, stage: str, reader: SpanReader | None = None
    ) -> Generator[Measured]:
        """Give the frames `first`..`last`, each compared with the one before."""
        spans = self._spans.spans(first, last, most_groups=len(self._spans.keys))
        expected = first
        for measured in self.builder.measured((reader or self._reader).frames(spans), stage):
            if measured.frame.index != expected or self._film.stop.is_set():
                raise CannotSeek
            expected += 1
            yield measured
        if expected <= last:
            raise CannotSeek

    def read_each(self, numbers: Sequence[int], stage: str) -> Generator[Measured]:
        """Give single frames by number, each compared with the one given before."""
        spans = [span for n in numbers for span in self._spans.spans(n, n)]
        yield from self.builder.measured(self._reader.frames(spans), stage)
