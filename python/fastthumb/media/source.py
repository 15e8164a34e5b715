"""What a video file is: its facts, its frames with exact timestamps, and how to open it.

A decoder is a `Source`. `open_source` picks the decoder; nothing outside `media/` knows
which one it got. Times are integers in the stream's own time base from the packet to the
report; seconds are only for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from fastthumb.errors import SettingsError

if TYPE_CHECKING:
    import os
    from contextlib import AbstractContextManager

    import av

    from fastthumb.media.device_image import DeviceImage
    from fastthumb.media.packets import PacketTable
    from fastthumb.media.spans import Span

Finish = Literal["exact", "references", "none"]
"""Which pictures get the loop filter that evens out block edges: all, those that others refer to
(H.264, an eighth less work; else all), none (a quarter less work, and errors add up until the next
keyframe)."""
Matrix = Literal["bt601", "bt709", "bt2020"]
Transfer = Literal["sdr", "pq", "hlg"]


@dataclass(frozen=True, slots=True)
class Color:
    """How the code values of a picture are to be read.

    Where the stream does not say: BT.709 from 720 lines or 1280 columns up, else BT.601;
    limited range. `peak_nits` is the luminance a PQ film was mastered for.
    """

    matrix: Matrix
    primaries: Matrix
    transfer: Transfer
    full_range: bool
    peak_nits: float = 1000.0


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """The facts of one video stream, checked against its first decoded frame.

    `width` and `height` are decoded pixels, before sample aspect ratio and rotation.
    To show a picture upright: stretch it by the sample aspect ratio, turn it clockwise by
    `rotation_degrees`, then flip it left to right where `mirrored`.
    """

    path: Path
    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    sample_aspect_ratio: Fraction
    rotation_degrees: int
    time_base: Fraction
    start_pts: int | None
    duration_seconds: float | None
    average_rate: Fraction | None
    bit_depth: int
    interlaced: bool
    color: Color
    has_alpha: bool
    mirrored: bool = False

    @property
    def display_size(self) -> tuple[int, int]:
        """(width, height) in square pixels, upright; each at least 1.

        The width is stretched by the sample aspect ratio, so that no line is thrown away.
        """
        width = max(1, round(self.width * self.sample_aspect_ratio))
        if self.rotation_degrees in (90, 270):
            return self.height, width
        return width, self.height


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture and its exact place in time.

    `pts` is in units of the stream's time base; `seconds` counts from the first frame.
    `index` counts the frames of this pass, in presentation order, from 0. The planes of
    `image`, in the host's memory or a GPU's, are valid as long as `image` lives.
    `damaged` pictures were decoded from broken data and may show blocks or smears.
    `neighbors` are the pictures before and after it, where a pass was asked to keep them.
    """

    index: int
    pts: int
    seconds: float
    keyframe: bool
    image: av.VideoFrame | DeviceImage
    synthesized_pts: bool = False
    damaged: bool = False
    neighbors: tuple[av.VideoFrame | None, av.VideoFrame | None] = (None, None)


class SpanReader(Protocol):
    """Reads parts of a film, in any order; for one thread at a time."""

    def frames(self, spans: Sequence[Span]) -> Iterator[Frame]:
        """Give the frames of these spans, one span after the other, numbered as in the film.

        They are bit-identical to those of `Source.frames()` of the same finish, unless that is
        "none". Raises CannotSeek where a span
        cannot be decoded alone, or where anything of it is damaged.
        """
        ...


class Source(Protocol):
    """A video that can be read more than once; a context manager."""

    info: SourceInfo
    warnings: list[str]

    @property
    def device(self) -> str:
        """Where passes over the film are decoded: "cpu" or "cuda:0"."""
        ...

    def frames(self, *, finish: Finish = "exact") -> Iterator[Frame]:
        """Give every frame that decodes, in presentation order.

        Raises NothingDecodable only where not one frame decodes; damage adds to `warnings`.
        """
        ...

    def keyframes(self) -> Iterator[Frame]:
        """Give the keyframes only; the decoder never sees the others."""
        ...

    def frames_at(self, pts: Sequence[int], *, neighbors: bool = False) -> Iterator[Frame]:
        """Give exactly the frames with these timestamps, ascending, each once.

        They are bit-identical to those of `frames()`. With `neighbors`, each frame of an
        interlaced stream also carries the pictures before and after it. A timestamp that no
        frame has adds to `warnings` and is left out.
        """
        ...

    def open_spans(self, *, finish: Finish = "exact") -> AbstractContextManager[SpanReader]:
        """Give a reader of parts of the film, with a decoder of its own of one thread.

        Several threads may each have one.
        """
        ...

    def span_frames(self, spans: Sequence[Span]) -> Iterator[Frame]:
        """Give the frames of these spans by a reader that is closed at the end."""
        ...

    def packets(self) -> PacketTable:
        """Give timestamps, sizes and keyframe flags of all packets, without decoding."""
        ...

    def close(self) -> None:
        """Release the file and the decoders; closing twice is fine."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def open_source(
    path: str | os.PathLike[str], *, device: str = "cpu", threads: int | None = None
) -> Source:
    """Open a video file or a URL, to be decoded on the CPU or on a GPU ("cpu", "cuda:0").

    A film that the GPU does not decode is read by the CPU, with a warning that says why.
    `threads=None` decodes with as many threads as there are cores, `threads=1` with one.
    Raises Unreadable, NotAVideo, NothingDecodable or SourceError, each naming the file,
    DeviceUnavailable where nothing decodes on that GPU, SettingsError for an unknown device.
    """
    number = gpu_number(device)
    if number is not None:
        from fastthumb.media.nvdec import open_on_device

        return open_on_device(path, device=number, threads=threads)
    from fastthumb.media.pyav import PyavSource

    return PyavSource(path, threads=threads)


def gpu_number(device: str) -> int | None:
    """The number of the GPU in "cuda:0", None for "cpu"; SettingsError for anything else."""
    if device == "cpu":
        return None
    kind, _, number = device.partition(":")
    if kind != "cuda" or not number.isdecimal():
        raise SettingsError(f"device: wanted cpu or cuda:NUMBER, got {device!r}; use 'cpu'")
    return int(number)
