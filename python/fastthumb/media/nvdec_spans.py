"""Reading parts of a film with a GPU's decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastthumb.media.seeking import CannotSeek
from fastthumb.media.spans import Span, span_packets

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

    from fastthumb.media.nvdec import NvdecSource
    from fastthumb.media.nvdec_session import NvdecSession
    from fastthumb.media.reading import Reading
    from fastthumb.media.source import Frame

# They hold pictures that are never shown, in packets of their own with timestamps of their own.
_HIDING_CODECS = frozenset({"vp8"})


class NvdecSpanReader:
    """Reads parts of a film with a decoder of a GPU; see `SpanReader`."""

    def __init__(self, source: NvdecSource) -> None:
        self._source = source
        self._reading: Reading | None = None
        self._is_damaged = False

    def close(self) -> None:
        """Close the file, if it was opened."""
        if self._reading is not None:
            self._source.film.stop(self._reading)
            self._reading = None

    def frames(self, spans: Sequence[Span]) -> Iterator[Frame]:
        """See `SpanReader.frames`; the images are DeviceImages."""
        self._source.check_trust()
        yield from self.unchecked(spans)

    def unchecked(self, spans: Sequence[Span]) -> Iterator[Frame]:
        """The same, before the decoder is trusted."""
        reading = self._opened()
        with self._source.session() as session:
            for span in spans:
                yield from self._span(session, reading, span, span_packets(reading, span))

    def whole(self) -> Iterator[Frame]:
        """All frames of the film, from its first packet on; by a reader that has read nothing."""
        self._source.check_trust()
        reading, table = self._opened(), self._source.packets()
        start, last = int(table.pts.min()), int(table.pts.max())
        film = Span(start, start, last, int(table.pts[-1]))
        with self._source.session() as session:
            yield from self._span(session, reading, film, reading.packets())

    def _opened(self) -> Reading:
        if self._reading is None:
            self._reading = self._source.film.start(alone=True, on_damage=self._note_damage)
        return self._reading

    def _span(
        self,
        session: NvdecSession,
        reading: Reading,
        span: Span,
        packets: Iterator[av.Packet[VideoStream]],
    ) -> Iterator[Frame]:
        source = self._source
        hides = source.info.codec in _HIDING_CODECS
        first, end = np.searchsorted(source.film.frame_pts, (span.first_pts, span.last_pts + 1))
        wanted: list[int] = source.film.frame_pts[first:end].tolist()
        found, has_begun = 0, False
        pictures = session.pictures(packets, reading.stream, span, source.keyframe_pts)
        for pts, image in pictures:
            if self._is_damaged:
                raise CannotSeek
            if pts < span.key_pts:
                continue  # leads the keyframe, and leans on what was not decoded
            if not has_begun and pts != span.key_pts:
                raise CannotSeek
            has_begun = True
            if image is None:
                continue
            if hides:
                while found < len(wanted) and wanted[found] < pts:
                    found += 1
            if found >= len(wanted) or wanted[found] != pts:
                raise CannotSeek  # lost, twice, or out of order
            yield source.frame(int(first) + found, image)
            found += 1
        if reading.is_closed:
            return
        if not has_begun or self._is_damaged or (found < len(wanted) and not hides):
            raise CannotSeek

    def _note_damage(self, _pts: int | None) -> None:
        self._is_damaged = True
