"""Finding frames again by their exact timestamps, each group of pictures decoded once.

Note [landing]. A seek is a hint: containers land early, late, or between keyframes. So
decoding starts at the first keyframe packet behind the landing, and only pictures from that
keyframe on count; those before it in time lean on pictures that were not decoded. The first
that counts must be that very keyframe. Where a landing fails this, the next one is tried
further back, and at last the film is read from its start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from av.video.stream import VideoStream

    from fastthumb.media.reading import Reading

PacketId = tuple[int | None, int | None, int | None, int]

STEPS_BACK_SECONDS = (0, 1, 3, 10, 30, 120)
_STAY_SECONDS = 2  # decode on rather than seek, where nothing tells where keyframes are


class CannotSeek(Exception):
    """No landing before a timestamp can be trusted."""


@dataclass(frozen=True, slots=True)
class Found:
    """A picture found again, and the ones before and after it where they were kept."""

    pts: int
    image: av.VideoFrame
    before: av.VideoFrame | None = None
    after: av.VideoFrame | None = None


def packet_id(packet: av.Packet[VideoStream]) -> PacketId:
    """Tell packets of one stream apart."""
    return packet.pos, packet.dts, packet.pts, packet.size


class Seeker:
    """Walks through a film to ascending timestamps. `find` must be called in that order."""

    def __init__(
        self,
        reading: Reading,
        first_packet: PacketId,
        *,
        keyframe_pts: npt.NDArray[np.int64] | None = None,
        keep_neighbors: bool = False,
    ) -> None:
        self._reading = reading
        self._first_packet = first_packet
        self._keyframe_pts = keyframe_pts
        self._keep_neighbors = keep_neighbors
        self._images: Iterator[av.VideoFrame] | None = None
        self._ahead: av.VideoFrame | None = None  # decoded, but behind the last one wanted
        self._before: av.VideoFrame | None = None
        self._position: int | None = None
        self._longest_walk = 0

    def find(self, pts: int) -> Found | None:
        """Give the picture with this timestamp, or None where the film has none.

        Raises CannotSeek where only reading from the start can tell.
        """
        if self._is_near(pts):
            return self._walk(pts)
        tried: set[int | None] = set()
        for seconds in STEPS_BACK_SECONDS:
            landing = self._land(pts - round(seconds / self._reading.time_base))
            if landing is None:
                break
            start_pts, at_start = landing
            if not at_start:
                if start_pts is None or start_pts > pts or start_pts in tried:
                    tried.add(start_pts)
                    continue
                tried.add(start_pts)
                if not self._keyframe_comes_first(start_pts):
                    continue
            found = self._walk(pts)
            if found is not None and start_pts is not None:
                self._longest_walk = max(self._longest_walk, pts - start_pts)
            return found
        self._images = None
        raise CannotSeek

    def _is_near(self, pts: int) -> bool:
        """Say whether decoding on reaches `pts` no later than a seek would."""
        position = self._position
        if self._images is None or position is None or position >= pts:
            return False
        if self._keyframe_pts is not None and len(self._keyframe_pts):
            before = np.searchsorted(self._keyframe_pts, pts, side="right")
            return bool(before == 0 or self._keyframe_pts[before - 1] <= position)
        stream = self._reading.stream
        if len(stream.index_entries) > 1 and "mpeg" not in self._reading.container.format.name:
            entry = stream.index_entries.search_timestamp(pts)
            if entry >= 0 and stream.index_entries[entry].timestamp > position:
                return False
        stay = max(round(_STAY_SECONDS / self._reading.time_base), self._longest_walk)
        return pts - position <= stay

    def _land(self, pts: int) -> tuple[int | None, bool] | None:
        """Seek; returns the timestamp of the first keyframe packet and whether the film
        begins there. None where the container cannot seek or nothing follows.
        """
        reading = self._reading
        decoder = reading.stream.codec_context
        depth = decoder.reorder_depth
        self._ahead = self._before = self._position = self._images = None
        try:
            reading.seek(pts)
        except (av.FFmpegError, OverflowError):
            return None
        # Flushing makes FFmpeg forget how far pictures are reordered, and drop some.
        decoder.reorder_depth = depth
        packets = reading.packets()
        for packet in packets:
            at_start = packet_id(packet) == self._first_packet
            if at_start or packet.is_keyframe:
                self._images = reading.images(_chained(packet, packets))
                return packet.pts, at_start
        return None

    def _keyframe_comes_first(self, start_pts: int) -> bool:
        """See Note [landing]; leaves the keyframe's picture ahead."""
        image = self._next()
        while image is not None and (image.pts is None or image.pts < start_pts):
            image = self._next()
        self._ahead = image
        return image is not None and image.pts == start_pts and image.key_frame

    def _next(self) -> av.VideoFrame | None:
        if self._ahead is not None:
            image, self._ahead = self._ahead, None
            return image
        assert self._images is not None
        return next(self._images, None)

    def _walk(self, pts: int) -> Found | None:
        while (image := self._next()) is not None:
            if image.pts is None:
                continue
            if image.pts > pts:
                self._ahead = image
                return None
            before = self._before
            self._position = image.pts
            if self._keep_neighbors:
                self._before = image
            if image.pts == pts:
                if self._keep_neighbors:
                    self._ahead = self._next()
                return Found(pts, image, before, self._ahead if self._keep_neighbors else None)
        self._images = None
        if self._reading.is_closed:
            return None
        if self._reading.counts_pictures and self._reading.pending:
            raise CannotSeek  # it may be among the last pictures, see `PyavSource._cut_off`
        return None

    def rest(self) -> Iterator[av.VideoFrame]:
        """Give all pictures behind the last one found."""
        while self._images is not None and (image := self._next()) is not None:
            yield image


def _chained(
    first: av.Packet[VideoStream], rest: Iterator[av.Packet[VideoStream]]
) -> Iterator[av.Packet[VideoStream]]:
    yield first
    yield from rest
