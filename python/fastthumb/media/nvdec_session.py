"""A decoder on a GPU: packets of a film go in, pictures on the device come out.

The demuxer is ours, so that seeking, edit lists, open groups and timestamps are the same as
on the CPU; only PyNvVideoCodec's decoder is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import av

from fastthumb import _core
from fastthumb.errors import DeviceUnavailable
from fastthumb.media.device_image import DeviceImage, SurfaceLayout, SurfacePool
from fastthumb.media.nvdec_bitstreams import looks_damaged, sequence_headers
from fastthumb.media.nvdec_library import codec_of, library, refuse_fatal
from fastthumb.media.seeking import CannotSeek

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    from fastthumb.media.source import SourceInfo
    from fastthumb.media.spans import Span

# The decoder takes H.264 and HEVC with start codes. Parameter sets come before every keyframe: in
# MP4 they lie in the header alone, and before those that do not begin anew they are not repeated.
_FILTERS = {
    "h264": "h264_mp4toannexb,dump_extra=freq=keyframe",
    "hevc": "hevc_mp4toannexb,dump_extra=freq=keyframe",
}
_DISCONTINUITY = 4  # CUVID_PKT_DISCONTINUITY
_FORMATS = {"nv12": "NV12", "p010le": "P016", "p012le": "P016"}


class NvdecSession:
    """One decoder, for films of one kind and size; for one thread at a time.

    Making it costs 55 ms of the whole device, so it is kept from one part of a film to the next.
    """

    def __init__(self, info: SourceInfo, device: int) -> None:
        self._decoder: Any = None  # the first attribute: it goes before the stream it works on
        self._codec, self._device = info.codec, device
        self.layout = SurfaceLayout(info.width, info.height, info.bit_depth)
        self.headers: frozenset[bytes] | None = None  # of the first keyframe
        self._is_empty = True
        stream = _core.CudaStream(device)
        self._pool = SurfacePool(self.layout, stream)
        try:
            self._decoder = library().CreateDecoder(
                gpuid=device,
                codec=codec_of(info.codec),
                cudastream=stream.handle,
                usedevicememory=True,
            )
        except Exception as error:
            refuse_fatal(error, device)
            raise DeviceUnavailable(f"GPU {device}: no decoder can be made ({error})") from error

    def close(self) -> None:
        """Free the decoder; pictures that somebody holds live on."""
        with suppress(DeviceUnavailable):
            self._pool.stream.synchronize()  # the last pictures are still copied out of it
        self._decoder = None

    def pictures(
        self,
        packets: Iterable[av.Packet[VideoStream]],
        stream: VideoStream,
        span: Span,
        keyframes: frozenset[int],
    ) -> Iterator[tuple[int, DeviceImage | None]]:
        """Decode a span's packets, of that stream.

        Gives (pts, picture) in presentation order, None for a picture that is not the span's.
        `keyframes` are the timestamps of those. Raises CannotSeek where anything is damaged or
        changes its size.
        """
        if not self._is_empty:  # somebody has not read the last ones to their end
            self._decode(None)
        self._is_empty = False
        self._jump()
        description = _FILTERS.get(self._codec, "null")
        filtered = _filtered(
            packets, span.final_pts, av.BitStreamFilterContext(description, stream)
        )
        for packet in filtered:
            if packet is not None:
                self._check(packet)
            # All that came out is copied before more goes in, which overwrites it.
            images = []
            for frame in self._decode(packet):
                pts = int(frame.getPTS())
                self._check_size(frame)
                image = None
                if span.first_pts <= pts <= span.last_pts:
                    address = int(frame.GetPtrToPlane(0))
                    image = self._pool.copy(address, pts=pts, key_frame=pts in keyframes)
                images.append((pts, image))
            yield from images
        self._is_empty = True

    def _jump(self) -> None:
        """Say that what follows does not go on from before: what its own demuxer's seek does."""
        data = library().PacketData()
        data.decode_flag = _DISCONTINUITY
        self._put(data)

    def _decode(self, packet: av.Packet[VideoStream] | None) -> list[Any]:
        """What comes out when a packet goes in; None is the end, after which all is out."""
        data = library().PacketData()
        if packet is not None:
            data.bsl, data.bsl_data = packet.size, packet.buffer_ptr
            data.pts, data.key = packet.pts, packet.is_keyframe
        return self._put(data)

    def _put(self, data: Any) -> list[Any]:
        try:
            return list(self._decoder.Decode(data))
        except Exception as error:
            refuse_fatal(error, self._device)
            raise CannotSeek from error

    def _check(self, packet: av.Packet[VideoStream]) -> None:
        if packet.is_corrupt or packet.pts is None or packet.has_sidedata("encryption_info"):
            raise CannotSeek
        data = bytes(packet)
        if looks_damaged(self._codec, data):
            raise CannotSeek
        if not packet.is_keyframe:
            return
        headers = sequence_headers(self._codec, data)
        if self.headers is None:
            self.headers = headers
        elif not headers <= self.headers:
            raise CannotSeek

    def _check_size(self, frame: Any) -> None:
        """See that the surface is what is copied: the frame says it, the demuxer often errs."""
        rows, columns = frame.shape
        layout = self.layout
        # Odd heights are said to have half a row less than there is.
        heights = (layout.height * 3 // 2, layout.height + layout.chroma_rows)
        if (
            columns != (layout.width + 1) // 2 * 2
            or rows not in heights
            or frame.format != getattr(library().Pixel_Format, _FORMATS[layout.format])
        ):
            raise CannotSeek


def _filtered(
    packets: Iterable[av.Packet[VideoStream]], final_pts: int, wanted: av.BitStreamFilterContext
) -> Iterator[av.Packet[VideoStream] | None]:
    """Packets as the decoder takes them, up to the final one, and None at the end."""
    try:
        for packet in packets:
            is_final = packet.pts == final_pts  # a packet that went through a filter is empty
            yield from wanted.filter(packet)
            if is_final:
                break
        yield from wanted.filter(None)
    except (av.FFmpegError, ValueError) as error:
        raise CannotSeek from error
    yield None
