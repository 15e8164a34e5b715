"""One pass over one stream: packets and pictures until the end, whatever state they are in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av

from fastthumb.cores import usable_cores
from fastthumb.errors import SourceError
from fastthumb.media.diagnosis import is_url, no_video, open_failure, refuse_still
from fastthumb.names import printable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from fastthumb.media.source import Finish

_SMALL_PIXELS = 1920 * 1088
_THREADS_PER_CORE, _MOST_THREADS = 4, 16
_NETWORK_SECONDS = (30.0, 60.0)  # to open, to read
_MAX_READ_FAILURES = 50  # in a row, without a packet in between
_SPARE_BYTES = 64 << 20
_PACKET_BYTES = 64  # bookkeeping bytes an endless run of empty packets is charged
_PENDING = 64  # packets whose picture may still come
# These codecs hold pictures that are never shown, in packets of their own.
_HIDING_CODECS = frozenset({"vp8", "vp9", "av1"})
# In these, a picture that says it is no reference is never one, whatever the layers above it.
LEAVING_OUT_CODECS = frozenset({"h264"})


def open_container(name: str) -> InputContainer:
    """Open a file or URL for reading; errors are translated to those of fastthumb."""
    # The prefix keeps FFmpeg from reading a protocol out of a file's name ("concat:...").
    target = name if is_url(name) else f"file:{Path(name).absolute()}"
    timeout = _NETWORK_SECONDS if is_url(name) else None
    try:
        container = av.open(target, metadata_errors="ignore", timeout=timeout)
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        raise open_failure(name, error) from error
    try:
        refuse_still(name, container)
    except SourceError:
        container.close()
        raise
    return container


def choose_stream(name: str, container: InputContainer) -> tuple[VideoStream, str | None]:
    """Pick the film among the video streams: default first, then the largest, then the first.

    A stream with less than half the frames of another is not it: phones put a few large stills
    beside their film. Returns the stream and, where there were several, a sentence about it.
    """
    passed_over = (
        av.stream.Disposition.attached_pic
        | av.stream.Disposition.timed_thumbnails
        | av.stream.Disposition.dependent
    )
    films = [each for each in container.streams.video if not each.disposition & passed_over]
    if not films:
        raise no_video(name, container)
    readable = [each for each in films if each.codec_context is not None]
    if not readable:
        raise SourceError(
            f"{printable(name)}: no decoder for its video codec is built in; "
            "convert it to H.264 first"
        )

    most_frames = max(each.frames for each in readable)

    def rank(stream: VideoStream) -> tuple[bool, bool, int, int]:
        is_long = stream.frames == 0 or 2 * stream.frames >= most_frames
        size = stream.codec_context.width * stream.codec_context.height
        is_default = bool(stream.disposition & av.stream.Disposition.default)
        return is_long, is_default, size, -stream.index

    best = max(readable, key=rank)
    if len(films) == 1:
        return best, None
    context = best.codec_context
    return best, (
        f"the file has {len(films)} video streams; stream {best.index} "
        f"({context.width}x{context.height}) is used"
    )


class Reading:
    """A container, a decoder, and a position. Not for two threads at once.

    `on_damage` is told the timestamp (or None) of everything that is lost.
    """

    def __init__(
        self,
        name: str,
        stream_index: int | None,
        on_damage: Callable[[int | None], None],
        *,
        threads: int | None = 1,
        keyframes_only: bool = False,
        finish: Finish = "exact",
    ) -> None:
        self._on_damage = on_damage
        self._keyframes_only = keyframes_only
        self._finish = finish
        self.is_closed = False
        self.container = open_container(name)
        self.choice: str | None = None
        try:
            if stream_index is None:
                self.stream, self.choice = choose_stream(name, self.container)
            else:
                self.stream = next(
                    each for each in self.container.streams.video if each.index == stream_index
                )
            self.time_base = self.stream.time_base or Fraction(1, av.time_base)
            self._decoder = self._set_up(threads)
            size = 0 if is_url(name) else Path(name).stat().st_size
        except BaseException:
            self.container.close()
            raise
        self._budget = 4 * size + _SPARE_BYTES if size else None
        codec = self.stream.codec_context.codec.canonical_name
        self.counts_pictures = not keyframes_only and codec not in _HIDING_CODECS
        self.pending: dict[int, None] = {}
        self.last_shown_pts: int | None = None
        self.encrypted_from: int | None = None
        # Pictures before it are decoded only where others may refer to them.
        self.wanted_from_pts: int | None = None
        self._leaves_out = codec in LEAVING_OUT_CODECS and not keyframes_only

    def close(self) -> None:
        """Close the file; whoever still iterates over it comes to the end."""
        self.is_closed = True
        self.container.close()

    def seek(self, pts: int) -> None:
        """Go to the container's entry point at or before `pts`; raises av.FFmpegError."""
        self.container.seek(pts, stream=self.stream)
        self._decoder.flush_buffers()
        self.pending.clear()
        self.last_shown_pts = None

    def _set_up(self, threads: int | None) -> av.VideoCodecContext:
        decoder = self.stream.codec_context
        if self.stream.metadata.get("alpha_mode") == "1":
            # FFmpeg's own VP8/VP9 decoders do not read the alpha plane; libvpx does.
            library = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(decoder.codec.canonical_name)
            if library is not None and library in av.codecs_available:
                decoder = cast("av.VideoCodecContext", av.CodecContext.create(library, "r"))
        for other in self.container.streams:
            if other is not self.stream:
                other.discard = av.stream.Discard.all
        if self._keyframes_only:
            # Not `discard` on the stream: the MP4 demuxer then gives wrong timestamps.
            decoder.skip_frame = "NONKEY"
        if self._finish == "none":
            decoder.options = {"skip_loop_filter": "all"}
        elif self._finish == "references" and decoder.codec.canonical_name in LEAVING_OUT_CODECS:
            decoder.options = {"skip_loop_filter": "noref"}
        if threads is not None:
            decoder.thread_count = threads
        elif decoder.width * decoder.height <= _SMALL_PIXELS:
            # Frames wait for the rows of others that they refer to, so that a thread per core
            # leaves cores idle. Each costs a few decoded frames, too much of an 8K film.
            decoder.thread_count = min(_THREADS_PER_CORE * usable_cores(), _MOST_THREADS)
        if threads == 1:
            decoder.thread_type = "NONE"
        else:
            # Frame threads would only hold keyframes back: each is decoded alone.
            decoder.thread_type = "SLICE" if self._keyframes_only else "AUTO"
        return decoder

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """Give the stream's packets in decoding order; unreadable parts are passed over."""
        budget, failures = self._budget, 0
        while True:
            try:
                packets = self.container.demux(self.stream)
                # PyAV must not be asked for more of a closed container: it would crash.
                while not self.is_closed and (packet := next(packets, None)) is not None:
                    if not packet.size:
                        continue
                    failures = 0
                    if budget is not None:
                        budget -= packet.size + _PACKET_BYTES
                        if budget < 0:  # an index that leads in circles
                            self._on_damage(packet.pts)
                            return
                    yield packet
                return
            except IndexError:
                # PyAV trips at the end where streams have turned up that the header lacks.
                return
            except (av.FFmpegError, ValueError):
                failures += 1
                self._on_damage(self.last_shown_pts)
                if failures >= _MAX_READ_FAILURES:
                    return

    def images(
        self, packets: Iterator[av.Packet[VideoStream]] | None = None
    ) -> Iterator[av.VideoFrame]:
        """Decode to the end; damaged packets are told and passed over."""
        for packet in self.packets() if packets is None else packets:
            if self._keyframes_only and not packet.is_keyframe:
                continue
            if packet.has_sidedata("encryption_info"):
                self.encrypted_from = packet.pts
                break
            yield from self._decoded(packet)
            if self._keyframes_only:
                # Each on its own: HEVC decoders otherwise mix up the order of lone keyframes.
                yield from self._decoded(None)
                self._decoder.flush_buffers()
        if not self.is_closed:
            yield from self._decoded(None)

    def _may_leave_out(self, packet: av.Packet[VideoStream]) -> bool:
        """Tell the decoder, and say, whether a picture that nobody refers to is not wanted."""
        if not self._leaves_out or self.wanted_from_pts is None:
            return False
        early = packet.pts is not None and packet.pts < self.wanted_from_pts
        self._decoder.skip_frame = "NONREF" if early else "DEFAULT"
        return early

    def _decoded(self, packet: av.Packet[VideoStream] | None) -> Iterator[av.VideoFrame]:
        pts = self.last_shown_pts if packet is None else packet.pts
        left_out = packet is not None and self._may_leave_out(packet)
        if packet is not None and pts is not None and not packet.is_discard and not left_out:
            self.pending[pts] = None
        try:
            pictures = self._decoder.decode(packet)
        except av.BlockingIOError:
            # The decoder is stuck on an earlier error; it must start over.
            self._decoder.flush_buffers()
            self._on_damage(pts)
            return
        except (av.FFmpegError, ValueError, MemoryError):
            self._on_damage(pts)
            return
        for picture in pictures:
            if packet is not None and self._decoder is not self.stream.codec_context:
                cast("Any", picture).key_frame = packet.is_keyframe  # libvpx does not say
            if picture.pts is not None:
                self.pending.pop(picture.pts, None)
                self.last_shown_pts = picture.pts
            if picture.is_corrupt:
                self._on_damage(picture.pts)
            if picture.interlaced_frame:  # a field may have a packet of its own
                self.counts_pictures = False
            yield picture
        while len(self.pending) > _PENDING:
            lost = next(iter(self.pending))
            del self.pending[lost]
            if self.counts_pictures:
                self._on_damage(lost)
