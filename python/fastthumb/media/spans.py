"""Spans: some frames of a film, decoded without the rest of it.

A span names the frames that are wanted by their first and last timestamp, and the keyframe that
they are decoded from. Every span can be decoded alone, by another thread, process or machine,
and its frames are those of a straight pass, bit for bit.

Note [open groups]. In an open group of pictures the frames just before a keyframe in time come
after it in the file, and lean on it and on the group before. So a frame belongs to the last
keyframe at or before it in time, and a span is decoded until its own packets are all read,
wherever they lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import av
import numpy as np

from fastthumb.media.seeking import STEPS_BACK_SECONDS, CannotSeek

if TYPE_CHECKING:
    import numpy.typing as npt
    from av.video.stream import VideoStream

    from fastthumb.media.packets import PacketTable
    from fastthumb.media.reading import Reading

MOST_SPAN_SECONDS = 10.0  # of a group of pictures; longer ones are decoded straight through
LEAST_KEYFRAMES = 8  # with fewer, a film is over before a second decoder has started
ALL_INTRA = 0.5  # share of keyframes above which leaving frames out saves nothing


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Frames `first_pts`..`last_pts`, inclusive, decoded from the keyframe at `key_pts`.

    `final_pts` is the timestamp of the last of their packets in decoding order.
    """

    key_pts: int
    first_pts: int
    last_pts: int
    final_pts: int


def can_skip(packets: PacketTable, tick_seconds: float) -> bool:
    """Say whether parts of a film can be decoded alone, and whether that saves anything.

    It must divide, and its groups of pictures must be neither mostly single frames nor longer
    than MOST_SPAN_SECONDS.
    """
    if not can_divide(packets):
        return False
    keys = packets.keyframe_pts
    if len(keys) < LEAST_KEYFRAMES or len(keys) > ALL_INTRA * len(packets):
        return False
    longest = np.diff(np.append(keys, packets.pts.max())).max() * tick_seconds
    return bool(longest <= MOST_SPAN_SECONDS)


def can_divide(packets: PacketTable) -> bool:
    """Say whether a film can be decoded in parts, each from one of its keyframes.

    Its timestamps must find every frame, and its first frame must be a keyframe.
    """
    if not packets.is_rising or not packets.keyframe.any():
        return False
    first = packets.pts.min()
    return bool(packets.keyframe_pts[0] == first and packets.pts[0] == first)


class SpanTable:
    """The frames of a film by number, for tables that `can_skip` accepts.

    `pts` has the timestamps by frame number, `keys` the numbers of the keyframes; int64,
    ascending.
    """

    def __init__(self, packets: PacketTable) -> None:
        self._order = np.argsort(packets.pts, kind="stable")
        self._decoded_pts = packets.pts
        self.pts: npt.NDArray[np.int64] = packets.pts[self._order]
        self.keys: npt.NDArray[np.int64] = np.flatnonzero(packets.keyframe[self._order])

    def spans(self, first: int, last: int, *, most_groups: int = 4) -> list[Span]:
        """The spans of frames `first`..`last`: one for up to `most_groups` groups of pictures."""
        spans: list[Span] = []
        while first <= last:
            place = int(np.searchsorted(self.keys, first, side="right")) - 1
            end = last
            if place + most_groups < len(self.keys):
                end = min(last, int(self.keys[place + most_groups]) - 1)
            final = self._decoded_pts[self._order[first : end + 1].max()]
            key = self.pts[self.keys[place]]
            spans.append(Span(int(key), int(self.pts[first]), int(self.pts[end]), int(final)))
            first = end + 1
        return spans


def read_span(reading: Reading, span: Span) -> Iterator[av.VideoFrame]:
    """Decode the pictures of a span, in presentation order.

    `reading` is moved there. Raises CannotSeek, before the first picture, where the keyframe
    is not found or does not decode; see Note [landing] in seeking.py.
    """
    reading.wanted_from_pts = span.first_pts
    begun = False
    for image in reading.images(span_packets(reading, span)):
        if image.pts is None or image.pts < span.key_pts:
            continue  # leads the keyframe, and leans on what was not decoded
        if not begun and (image.pts != span.key_pts or not image.key_frame):
            raise CannotSeek
        begun = True
        if span.first_pts <= image.pts <= span.last_pts:
            yield image
    if not begun and not reading.is_closed:
        raise CannotSeek


def span_packets(reading: Reading, span: Span) -> Iterator[av.Packet[VideoStream]]:
    """The packets from the span's keyframe to its last one, in decoding order."""
    for seconds in STEPS_BACK_SECONDS:
        depth = reading.stream.codec_context.reorder_depth
        try:
            reading.seek(span.key_pts - round(seconds / reading.time_base))
        except (av.FFmpegError, OverflowError) as error:
            raise CannotSeek from error
        # Flushing makes FFmpeg forget how far pictures are reordered, and drop some.
        reading.stream.codec_context.reorder_depth = depth
        packets = reading.packets()
        for packet in packets:
            if packet.pts == span.key_pts and packet.is_keyframe:
                for each in chain((packet,), packets):
                    yield each
                    if each.pts == span.final_pts:
                        return
                return
            if packet.is_keyframe and packet.pts is not None and packet.pts > span.key_pts:
                break  # landed behind it
    raise CannotSeek
