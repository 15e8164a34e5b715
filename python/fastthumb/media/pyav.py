"""Decoding on the CPU with PyAV."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import av
import numpy as np

from fastthumb.errors import NothingDecodable, SourceError
from fastthumb.media.color import unsupported_matrix
from fastthumb.media.diagnosis import check_file, is_url
from fastthumb.media.facts import (
    note_end,
    note_layouts,
    note_timeline,
    nothing_decodable,
    source_info,
)
from fastthumb.media.packets import PacketTable, packet_table
from fastthumb.media.reading import Reading
from fastthumb.media.seeking import CannotSeek, Found, PacketId, Seeker, packet_id
from fastthumb.media.source import Frame, SourceInfo
from fastthumb.media.spans import read_span
from fastthumb.media.timeline import Timeline
from fastthumb.media.trouble import Trouble
from fastthumb.names import printable

if TYPE_CHECKING:
    import numpy.typing as npt
    from av.video.stream import VideoStream

    from fastthumb.media.source import Finish
    from fastthumb.media.spans import Span


class PyavSpanReader:
    """Reads parts of a film with one decoder; see `SpanReader`."""

    def __init__(self, source: PyavSource, *, finish: Finish) -> None:
        self._source, self._finish = source, finish
        self._reading: Reading | None = None
        self._pts = source.frame_pts
        self._is_damaged = False

    def close(self) -> None:
        """Close the file, if it was opened."""
        if self._reading is not None:
            self._source.stop(self._reading)
            self._reading = None

    def frames(self, spans: Sequence[Span]) -> Iterator[Frame]:
        """See `SpanReader.frames`."""
        if self._reading is None:
            self._reading = self._source.start(
                alone=True, finish=self._finish, on_damage=self._note_damage
            )
        for span in spans:
            for image in read_span(self._reading, span):
                if self._is_damaged:
                    raise CannotSeek
                assert image.pts is not None
                index = int(np.searchsorted(self._pts, image.pts))
                yield self._source._frame(index, image.pts, image, made_up=False)
        if self._is_damaged:
            raise CannotSeek

    def _note_damage(self, _pts: int | None) -> None:
        self._is_damaged = True


class PyavSource:
    """A film read by FFmpeg's software decoders; see `Source`.

    Each pass opens the file anew and closes it at its end, so passes may overlap, and no
    decoder outlives its use.
    """

    device = "cpu"

    def __init__(self, path: str | os.PathLike[str], *, threads: int | None = None) -> None:
        self._name = os.fsdecode(path)
        self._threads = threads
        self._open_readings: set[Reading] = set()
        self._idle_readers: dict[Finish, list[PyavSpanReader]] = {}
        self._table: PacketTable | None = None
        self._frame_pts: npt.NDArray[np.int64] | None = None
        self._timeline_made_up = False
        self._closed = False
        self.warnings: list[str] = []
        self._trouble = Trouble(self.warnings)
        if not is_url(self._name):
            check_file(Path(self._name))
        self.info = self._inspect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, also under passes that are still being read: they end there."""
        self._closed = True
        self._idle_readers.clear()
        for reading in list(self._open_readings):
            reading.close()
        self._open_readings.clear()

    def frames(self, *, finish: Finish = "exact") -> Iterator[Frame]:
        """See `Source.frames`."""
        count = 0
        images = self._placed_images(finish=finish)
        for index, (pts, made_up, image) in enumerate(images):
            yield self._frame(index, pts, image, made_up=made_up)
            count = index + 1
        if not count and not self._closed:
            raise NothingDecodable(
                f"{printable(self._name)}: not one frame decodes any more; the file changed while "
                "it was read, start again"
            )

    def keyframes(self) -> Iterator[Frame]:
        """See `Source.keyframes`. A film that marks none gives its first frame, with a warning."""
        index, last = 0, None
        if not self._timeline_made_up:
            reading = self.start(keyframes_only=True)
            try:
                for image in reading.images():
                    if image.pts is None or (last is not None and image.pts <= last):
                        self._timeline_made_up = True
                        break
                    yield self._frame(index, image.pts, image, made_up=False)
                    index, last = index + 1, image.pts
            finally:
                self.stop(reading)
        if self._timeline_made_up:
            # Only a whole pass knows the timestamps that are made up.
            for frame in self.frames():
                if frame.keyframe and (last is None or frame.pts > last):
                    yield replace(frame, index=index)
                    index += 1
        if not index and not self._closed:
            self._trouble.say("keyframes", "no frame is marked as a keyframe; the first is used")
            yield from islice(self.frames(), 1)

    def frames_at(self, pts: Sequence[int], *, neighbors: bool = False) -> Iterator[Frame]:
        """See `Source.frames_at`."""
        wanted = sorted({int(each) for each in pts})
        missing = set(wanted)
        keep = neighbors and self.info.interlaced
        for index, found in enumerate(self._found(wanted, keep)):
            missing.discard(found.pts)
            yield self._frame(
                index,
                found.pts,
                found.image,
                made_up=self._timeline_made_up,
                neighbors=(found.before, found.after),
            )
        if missing and not self._closed:
            self._trouble.say(
                "missing",
                f"{len(missing)} timestamps belong to no frame that decodes, the first is "
                f"{min(missing)}",
            )

    @contextmanager
    def open_spans(self, *, finish: Finish = "exact") -> Iterator[PyavSpanReader]:
        """See `Source.open_spans`. A reader that is done with waits for the next to want one.

        To open one costs as much as a few keyframes.
        """
        idle = self._idle_readers.setdefault(finish, [])
        try:
            reader = idle.pop()
        except IndexError:
            reader = PyavSpanReader(self, finish=finish)
        try:
            yield reader
        except BaseException:
            reader.close()
            raise
        idle.append(reader)

    def span_frames(self, spans: Sequence[Span]) -> Iterator[Frame]:
        """See `Source.span_frames`."""
        with self.open_spans() as reader:
            yield from reader.frames(spans)

    @property
    def frame_pts(self) -> npt.NDArray[np.int64]:
        """Timestamps of all packets that are shown, ascending; int64."""
        if self._frame_pts is None:
            self._frame_pts = np.sort(self.packets().pts)
        return self._frame_pts

    def packets(self) -> PacketTable:
        """See `Source.packets`. The table is made once."""
        if self._table is None:
            reading = self.start()
            try:
                self._table = packet_table(reading.packets())
            finally:
                self.stop(reading)
        return self._table

    def start(
        self,
        *,
        keyframes_only: bool = False,
        alone: bool = False,
        finish: Finish = "exact",
        on_damage: Callable[[int | None], None] | None = None,
    ) -> Reading:
        """A new reading of the film; with `alone` its decoder has one thread. End it by `stop`."""
        if self._closed:
            raise SourceError(f"{printable(self._name)}: the source is closed; open it again")
        reading = Reading(
            self._name,
            self._stream_index,
            on_damage or self._damaged,
            threads=1 if alone else self._threads,
            keyframes_only=keyframes_only,
            finish=finish,
        )
        self._open_readings.add(reading)
        return reading

    def stop(self, reading: Reading) -> None:
        """Close a reading."""
        reading.close()
        self._open_readings.discard(reading)

    def _timeline(self) -> Timeline:
        return Timeline(self.info.time_base, self.info.average_rate)

    def _frame(
        self,
        index: int,
        pts: int,
        image: av.VideoFrame,
        *,
        made_up: bool,
        neighbors: tuple[av.VideoFrame | None, av.VideoFrame | None] = (None, None),
    ) -> Frame:
        seconds = float((pts - (self.info.start_pts or 0)) * self.info.time_base)
        return Frame(
            index,
            pts,
            seconds,
            image.key_frame,
            image,
            synthesized_pts=made_up,
            damaged=image.is_corrupt,
            neighbors=neighbors,
        )

    def _placed_images(
        self, *, finish: Finish = "exact"
    ) -> Iterator[tuple[int, bool, av.VideoFrame]]:
        """Give every picture with its timestamp; tell what is odd about the film as a whole."""
        timeline = self._timeline()
        layouts: set[tuple[int, int, str]] = set()
        reading = self.start(finish=finish)
        count, end_pts = 0, 0
        try:
            for image in reading.images():
                pts, made_up = timeline.place(image.pts)
                yield pts, made_up, image
                count, end_pts = count + 1, pts + image.duration
                layouts.add((image.width, image.height, image.format.name))
            for image in self._cut_off(reading):
                pts, made_up = timeline.place(image.pts)
                yield pts, made_up, image
                count, end_pts = count + 1, pts + image.duration
            if not self._closed:
                note_end(self._trouble, reading, self.info, count, end_pts)
        finally:
            self._timeline_made_up |= timeline.made_up
            note_timeline(self._trouble, timeline)
            note_layouts(self._trouble, layouts)
            self.stop(reading)

    def _cut_off(self, reading: Reading) -> Iterator[av.VideoFrame]:
        """Give the last pictures, which frame threads lose where the very end is damaged.

        At the end of the data PyAV stops at the decoder's first error, with pictures still
        inside. One thread reports the error earlier, and then gives them.
        """
        if not (reading.counts_pictures and reading.pending) or self._threads == 1:
            return
        if self._closed:
            return
        last = reading.last_shown_pts
        if last is None:
            return
        tail = self.start(alone=True)
        try:
            seeker = Seeker(tail, self._first_packet)
            if seeker.find(last) is None:
                return
            for image in seeker.rest():
                if image.pts is not None and image.pts > last:
                    reading.pending.pop(image.pts, None)
                    yield image
        except CannotSeek:
            return
        finally:
            self.stop(tail)

    def _found(self, wanted: list[int], keep_neighbors: bool) -> Iterator[Found]:
        if not self._timeline_made_up:
            reading = self.start()
            try:
                seeker = Seeker(
                    reading,
                    self._first_packet,
                    keyframe_pts=None if self._table is None else self._table.keyframe_pts,
                    keep_neighbors=keep_neighbors,
                )
                while wanted and not self._closed:
                    found = seeker.find(wanted[0])
                    if found is None and not self.packets().is_rising:
                        break
                    wanted = wanted[1:]
                    if found is not None:
                        yield found
            except CannotSeek:
                pass
            finally:
                self.stop(reading)
        if wanted and not self._closed:
            yield from self._found_from_start(wanted, keep_neighbors)

    def _found_from_start(self, wanted: list[int], keep_neighbors: bool) -> Iterator[Found]:
        before: av.VideoFrame | None = None
        held: Found | None = None
        rest = set(wanted)
        for pts, _, image in self._placed_images():
            if held is not None:
                yield replace(held, after=image)
                held = None
            if pts in rest:
                rest.discard(pts)
                found = Found(pts, image, before)
                if keep_neighbors:
                    held = found
                else:
                    yield found
            if not rest and held is None:
                return
            before = image if keep_neighbors else None
        if held is not None:
            yield held

    def _damaged(self, pts: int | None) -> None:
        if pts is None:
            self._trouble.damaged(None)
        else:
            start = self.info.start_pts or 0
            self._trouble.damaged(float((pts - start) * self.info.time_base))

    def _inspect(self) -> SourceInfo:
        """Decode the first picture and read off what the header leaves open."""
        reading = Reading(self._name, None, lambda _: None, threads=1)
        try:
            self._stream_index = reading.stream.index
            first: list[PacketId] = []
            image = next(reading.images(_watched(reading.packets(), first)), None)
            if image is None:
                raise nothing_decodable(self._name, reading)
            self._first_packet = first[0]
            if reading.choice is not None:
                self._trouble.say("choice", reading.choice)
            matrix = unsupported_matrix(image)
            if matrix is not None:
                self._trouble.say("matrix", f"colors are wrong: {matrix} is not supported")
            return source_info(self._name, reading, image)
        finally:
            reading.close()


def _watched(
    packets: Iterator[av.Packet[VideoStream]], first: list[PacketId]
) -> Iterator[av.Packet[VideoStream]]:
    for packet in packets:
        if not first:
            first.append(packet_id(packet))
        yield packet
