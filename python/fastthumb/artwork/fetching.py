"""Fetching: a few frames of a film decoded again, by as many decoders as there are cores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from fastthumb.cores import usable_cores
from fastthumb.media.readahead import read_ahead
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.spans import Span, SpanTable, can_skip

if TYPE_CHECKING:
    from fastthumb.media.source import Frame, Source, SourceInfo

_FEW = 3  # frames up to which reading the packet table takes longer than it saves
_DECODER_FRAMES = 12  # decoded pictures that a decoder and its user hold
_DECODERS_BYTES = 512 << 20  # for those of all decoders
_AHEAD = 2  # frames that wait decoded where there is one decoder


def fetch(
    source: Source,
    pts: Iterable[int],
    take: Callable[[Frame], None],
    *,
    threads: int | None = None,
) -> None:
    """Call `take` with each frame that has one of these timestamps, once.

    It is called in any order and by several threads at the same time, `threads` at most (None:
    as many as there are cores). The frames are bit-identical to those of a straight pass; those
    of interlaced film carry their neighbors. A timestamp that no frame has adds to
    `source.warnings` and is left out. What `take` raises ends it all.
    """
    missing = {int(each) for each in pts}
    stop = Event()

    def take_all(frames: Iterable[Frame]) -> None:
        for frame in frames:
            if stop.is_set():
                return
            if frame.pts in missing:
                missing.discard(frame.pts)
                take(frame)

    def read(spans: list[Span]) -> None:
        try:
            take_all(source.span_frames(spans))
        except CannotSeek:
            return  # what is missing is read below
        except BaseException:
            stop.set()
            raise

    workers = decoders_for(source.info, threads)
    parts = _parts(source, sorted(missing), workers)
    if parts:
        with ThreadPoolExecutor(workers, thread_name_prefix="fastthumb-decode") as pool:
            list(pool.map(read, parts))
    if missing:
        frames = source.frames_at(sorted(missing), neighbors=source.info.interlaced)
        with read_ahead((frame for frame in frames), _AHEAD if workers > 1 else 0) as ahead:
            take_all(ahead)


def decoders_for(info: SourceInfo, threads: int | None) -> int:
    """How many decoders of a film may work at the same time: `threads` (None: one per core) at
    most, fewer for pictures so large that their memory would not suffice.
    """
    frame_bytes = 1.5 * info.width * info.height * (2 if info.bit_depth > 8 else 1)
    most = int(_DECODERS_BYTES / (_DECODER_FRAMES * frame_bytes))
    return max(min(most, threads or usable_cores()), 1)


def _parts(source: Source, wanted: Sequence[int], workers: int) -> list[list[Span]]:
    """Spans that hold the wanted frames, in a part for each worker; none where that cannot pay."""
    if len(wanted) <= _FEW or source.info.interlaced:
        return []
    packets = source.packets()
    if not can_skip(packets, float(source.info.time_base)):
        return []
    table = SpanTable(packets)
    groups: dict[int, list[int]] = {}
    for frame in np.searchsorted(table.pts, wanted).tolist():
        # Those of one group of pictures are decoded together.
        groups.setdefault(int(np.searchsorted(table.keys, frame, side="right")), []).append(frame)
    last = len(table.pts) - 1
    spans = [
        span for frames in groups.values() for span in table.spans(frames[0], min(frames[-1], last))
    ]
    each = -(-len(spans) // workers)
    return [spans[start : start + each] for start in range(0, len(spans), each)]
