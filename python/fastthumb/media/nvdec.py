"""Decoding on a GPU with NVDEC: a film's pictures stay on the device.

A film is read as on the CPU, by spans of its groups of pictures; only the decoder is another one.
Each reader has a demuxer and a decoder of its own, so that a film in chunks is decoded by as many
of the GPU's engines as there are workers. What the CPU is better at is left to it: single frames,
damaged films, and films whose timestamps do not find their frames.

Note [trust]. A device decoder says nothing of errors that it conceals, of pictures that it
deinterlaces, scales or crops. So before a film is read, two of its keyframes are decoded by both
decoders and must be equal to the last bit; and every span must give exactly the timestamps that
its packets have. Where that fails, CannotSeek is raised, and from then on all passes over this
film are the CPU's, with a warning that says why.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from fastthumb.errors import SourceError
from fastthumb.media.nvdec_library import decoder_refusal
from fastthumb.media.nvdec_session import NvdecSession
from fastthumb.media.nvdec_spans import NvdecSpanReader
from fastthumb.media.nvdec_trial import are_equal
from fastthumb.media.pyav import PyavSource
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.source import Frame
from fastthumb.media.spans import SpanTable

if TYPE_CHECKING:
    import av

    from fastthumb.media.device_image import DeviceImage
    from fastthumb.media.packets import PacketTable
    from fastthumb.media.source import Finish, Source
    from fastthumb.media.spans import Span

_LOST = "pictures of it are lost, damaged or of another size there"


def open_on_device(
    path: str | os.PathLike[str], *, device: int, threads: int | None = None
) -> Source:
    """Open a film to be decoded on a GPU; one that it does not decode is read by the CPU.

    The latter has a warning that says why. `threads` are for what the CPU decodes. Raises
    DeviceUnavailable where nothing decodes on that GPU, and what PyavSource raises.
    """
    film = PyavSource(path, threads=threads)
    try:
        refusal = decoder_refusal(film.info, device)
    except BaseException:
        film.close()
        raise
    if refusal is None:
        return NvdecSource(film, device=device)
    film.warnings.append(f"the film is decoded on the CPU: {refusal}")
    return film


class NvdecSource:
    """A film read by a GPU's decoders; see `Source`, and Note [trust].

    For films of which `decoder_refusal` says nothing. Frames of `frames_at` are the CPU's.
    """

    def __init__(self, film: PyavSource, *, device: int) -> None:
        self.film, self.gpu = film, device
        self.info, self.warnings = film.info, film.warnings
        self._lock, self._trial = threading.Lock(), threading.Lock()
        self._idle: list[NvdecSession] = []
        self._is_closed = False
        self._of_thread = threading.local()
        self._trusts: bool | None = None  # None: not tried yet
        self._keyframe_pts: frozenset[int] | None = None

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
        """Close the file and free the decoders; a decoder in use is freed when its pass ends."""
        self.film.close()
        self._is_closed = True
        self._close_idle()

    def frames(self, *, finish: Finish = "exact") -> Iterator[Frame]:
        """See `Source.frames`. Raises CannotSeek as a span does; the next pass is the CPU's."""
        if not self.decodes_here():
            yield from self.film.frames(finish=finish)
            return
        with self.open_spans() as reader:
            for index, frame in enumerate(reader.whole()):
                yield replace(frame, index=index)

    def keyframes(self) -> Iterator[Frame]:
        """See `Source.keyframes`. Raises CannotSeek as a span does; the next pass is the CPU's."""
        if not self.decodes_here():
            yield from self.film.keyframes()
            return
        table = SpanTable(self.packets())
        spans = [span for n in table.keys.tolist() for span in table.spans(n, n)]
        for index, frame in enumerate(self.span_frames(spans)):
            yield replace(frame, index=index)

    def frames_at(self, pts: Sequence[int], *, neighbors: bool = False) -> Iterator[Frame]:
        """See `Source.frames_at`."""
        return self.film.frames_at(pts, neighbors=neighbors)

    @contextmanager
    def open_spans(self, *, finish: Finish = "exact") -> Iterator[NvdecSpanReader]:
        """See `Source.open_spans`. All pictures are finished: the engine does that in passing."""
        del finish
        reader = NvdecSpanReader(self)
        try:
            yield reader
        finally:
            reader.close()

    def span_frames(self, spans: Sequence[Span]) -> Iterator[Frame]:
        """See `Source.span_frames`."""
        with self.open_spans() as reader:
            yield from reader.frames(spans)

    def packets(self) -> PacketTable:
        """See `Source.packets`."""
        return self.film.packets()

    @property
    def device(self) -> str:
        """See `Source.device`."""
        return "cpu" if self._trusts is False else f"cuda:{self.gpu}"

    # ---- for readers ----

    @property
    def keyframe_pts(self) -> frozenset[int]:
        """Timestamps of the packets that are marked as keyframes."""
        if self._keyframe_pts is None:
            self._keyframe_pts = frozenset(self.packets().keyframe_pts.tolist())
        return self._keyframe_pts

    def frame(self, index: int, image: DeviceImage) -> Frame:
        """A frame of the film whose picture is on the device."""
        seconds = float((image.pts - (self.info.start_pts or 0)) * self.info.time_base)
        image.film = self
        return Frame(index, image.pts, seconds, image.key_frame, image)

    def likeness(self) -> av.VideoFrame:
        """See `device_image.Film`: the first keyframe, once for each thread."""
        image: av.VideoFrame | None = getattr(self._of_thread, "likeness", None)
        if image is None:
            table = SpanTable(self.packets())
            (frame,) = self.film.span_frames(table.spans(0, 0))
            image = cast("av.VideoFrame", frame.image)
            image.make_writable()
            self._of_thread.likeness = image
        return image

    def say(self, warning: str) -> None:
        """See `device_image.Film`."""
        with self._lock:
            if warning not in self.warnings:
                self.warnings.append(warning)

    @contextmanager
    def session(self) -> Iterator[NvdecSession]:
        """A decoder: one that has done its work before, or a new one.

        As many are kept as were ever used at once, until the source is closed.
        """
        with self._lock:
            if self._is_closed:
                raise SourceError(f"{self.info.path}: the source is closed; open it again")
            session = self._idle.pop() if self._idle else None
        if session is None:
            session = NvdecSession(self.info, self.gpu)
        try:
            yield session
        except CannotSeek:
            session.close()
            self.distrust(_LOST)
            raise
        except GeneratorExit:
            self._keep(session)
            raise
        except BaseException:
            session.close()
            raise
        self._keep(session)

    def _keep(self, session: NvdecSession) -> None:
        with self._lock:
            if not self._is_closed and self._trusts is not False:
                self._idle.append(session)
                return
        session.close()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    # ---- Note [trust] ----

    def decodes_here(self) -> bool:
        """Say whether whole passes are the device's."""
        if self._trusts is False:
            return False
        packets = self.packets()
        if not packets.is_rising or not packets.keyframe.any():
            self.distrust("its timestamps and keyframes do not find its frames")
            return False
        try:
            self.check_trust()
        except CannotSeek:
            return False
        return True

    def distrust(self, why: str) -> None:
        """Leave all passes from now on to the CPU."""
        with self._lock:
            if self._trusts is not False:
                self._trusts = False
                self.warnings.append(
                    f"the film is decoded on the CPU, not on GPU {self.gpu}: {why}"
                )
        self._close_idle()

    def check_trust(self) -> None:
        """Raise CannotSeek unless the device's pictures are those of the CPU."""
        if self._trusts is None:
            with self._trial:
                if self._trusts is None:
                    self._try_out()
        if not self._trusts:
            raise CannotSeek

    def _try_out(self) -> None:
        """Compare the first keyframe and the one in the middle."""
        table = SpanTable(self.packets())
        numbers = sorted({int(table.keys[0]), int(table.keys[len(table.keys) // 2])})
        spans = [span for n in numbers for span in table.spans(n, n)]
        reader = NvdecSpanReader(self)
        try:
            ours = [cast("Any", frame.image) for frame in reader.unchecked(spans)]
            theirs = [cast("Any", frame.image) for frame in self.film.span_frames(spans)]
        except CannotSeek:
            self.distrust(_LOST)
            return
        finally:
            reader.close()
        if len(ours) == len(theirs) and all(map(are_equal, ours, theirs)):
            self._trusts = True
        else:
            self.distrust("its decoder gives other pixels of it than FFmpeg")
