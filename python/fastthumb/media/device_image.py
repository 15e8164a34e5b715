"""Pictures whose pixels lie on a GPU, and the memory that they are kept in.

A decoder overwrites its surfaces. So each picture is copied, on the device, into a buffer of its
own, which goes back to a pool when the last one who holds the picture lets go of it.

Note [one stream]. A pool's pictures are written on one stream, and nobody waits for that. Who
reads them works on that same stream (`DeviceImage.stream`), or synchronizes it first, and a
buffer is written again on that stream too: so no picture is read before it is there, or
overwritten before it was read. Who reads on another stream must be done before letting go.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from fastthumb import _core
from fastthumb.errors import DeviceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import av
    import numpy as np
    import numpy.typing as npt

T = TypeVar("T")
SurfaceFormat = Literal["nv12", "p010le", "p012le"]

_PITCH_BYTES = 256  # rows begin at multiples of it, as in what the driver allocates itself
# Pictures of one pool that may be held at once: a batch, and what slots keep. Large ones fewer.
_MOST_PICTURES, _LEAST_PICTURES, _MOST_BYTES = 128, 48, 1 << 30


@dataclass(frozen=True, slots=True)
class SurfaceLayout:
    """Where the samples of a picture lie: luma, then pairs of chroma samples, 4:2:0.

    Deep samples have two bytes, little-endian, the `bit_depth` bits on top and zeros below:
    exactly FFmpeg's formats of these names.
    """

    width: int
    height: int
    bit_depth: int = 8

    @property
    def format(self) -> SurfaceFormat:
        """FFmpeg's name of the pixel format."""
        formats: dict[int, SurfaceFormat] = {8: "nv12", 10: "p010le", 12: "p012le"}
        return formats[self.bit_depth]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of either plane; odd widths have one more column."""
        return (self.width + 1) // 2 * 2 * (1 if self.bit_depth == 8 else 2)

    @property
    def pitch(self) -> int:
        """Bytes from one row to the next in a picture's own buffer."""
        return -(-self.row_bytes // _PITCH_BYTES) * _PITCH_BYTES

    @property
    def chroma_rows(self) -> int:
        """Rows of the chroma plane."""
        return (self.height + 1) // 2

    @property
    def bytes(self) -> int:
        """Bytes of a picture's own buffer."""
        return self.pitch * (self.height + self.chroma_rows)


class Film(Protocol):
    """What pictures on a GPU want of the film that they are from."""

    def likeness(self) -> av.VideoFrame:
        """A planar picture that the CPU decoded, to be written on by the thread that asks."""

    def say(self, warning: str) -> None:
        """Add a sentence to the film's warnings, once."""


class DeviceImage:
    """A decoded picture on a GPU, which owns its pixels.

    `planes` are the device addresses of luma and chroma, `pitches` their bytes per row. The pixels
    may be read on `stream` at once; see Note [one stream]. The source that gives it sets `film`.
    """

    film: Film
    is_corrupt = False
    interlaced_frame = False

    def __init__(
        self,
        pool: SurfacePool,
        buffer: _core.DeviceBuffer,
        layout: SurfaceLayout,
        pts: int,
        key_frame: bool,
    ) -> None:
        self._pool, self._buffer, self._layout = pool, buffer, layout
        self._host: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]] | None = None
        self.pts, self.key_frame = pts, key_frame

    def __del__(self) -> None:
        self._pool.take_back(self._buffer)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self._layout.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self._layout.height

    @property
    def format_name(self) -> SurfaceFormat:
        """FFmpeg's name of the pixel format."""
        return self._layout.format

    @property
    def device(self) -> int:
        """Number of the GPU."""
        return self.stream.device

    @property
    def stream(self) -> _core.CudaStream:
        """The stream on which the pixels are there."""
        return self._pool.stream

    @property
    def planes(self) -> tuple[int, int]:
        """Device addresses of luma and chroma."""
        start = self._buffer.address
        return start, start + self._layout.pitch * self._layout.height

    @property
    def pitches(self) -> tuple[int, int]:
        """Bytes per row of luma and chroma."""
        return self._layout.pitch, self._layout.pitch

    def shared(self, key: Hashable, made: Callable[[], T]) -> T:
        """What works on pictures of this stream and is dear to make: made once, then found by key.

        For the thread that reads them.
        """
        return self._pool.shared(key, made)

    def scratch(self, size: int) -> _core.DeviceBuffer:
        """Memory of at least so many bytes, for use on `stream`; `give_back` it."""
        return self._pool.scratch(size)

    def give_back(self, buffer: _core.DeviceBuffer) -> None:
        """Keep memory from `scratch` for whoever wants some next."""
        self._pool.give_back(buffer)

    def to_host(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Both planes as bytes, uint8 (rows, row bytes) without padding between the rows.

        They are fetched once; that waits for the picture's stream alone.
        """
        if self._host is None:
            layout, start = self._layout, self._layout.pitch * self._layout.height
            self._host = (
                self._rows(0, layout.height),
                self._rows(start, layout.chroma_rows),
            )
        return self._host

    def _rows(self, offset: int, rows: int) -> npt.NDArray[np.uint8]:
        pitch, row_bytes = self._layout.pitch, self._layout.row_bytes
        return self._buffer.to_host(self.stream, offset, pitch, row_bytes, rows)


class SurfacePool:
    """The memory of pictures of one size; one thread copies into it, any may let go of pictures.

    It holds as many buffers as pictures were ever held at once.
    """

    def __init__(self, layout: SurfaceLayout, stream: _core.CudaStream) -> None:
        self.layout, self.stream = layout, stream
        self._most = min(max(_MOST_BYTES // layout.bytes, _LEAST_PICTURES), _MOST_PICTURES)
        # Pictures may die anywhere, also while this thread is in here: no lock, but a deque.
        self._free: deque[_core.DeviceBuffer] = deque()
        self._scratch: defaultdict[int, deque[_core.DeviceBuffer]] = defaultdict(deque)
        self._shared: dict[Hashable, Any] = {}
        self._made = 0

    def copy(self, address: int, *, pts: int, key_frame: bool) -> DeviceImage:
        """Copy a decoder's surface, whose rows follow one another without padding.

        Raises DeviceUnavailable where too many pictures are held or the device has no memory.
        """
        layout, buffer = self.layout, self._buffer()
        image = DeviceImage(self, buffer, layout, pts, key_frame)
        buffer.copy_from_device(
            address,
            layout.row_bytes,
            layout.row_bytes,
            layout.height + layout.chroma_rows,
            self.stream,
            to_pitch=layout.pitch,
        )
        return image

    def take_back(self, buffer: _core.DeviceBuffer) -> None:
        """Keep a buffer for the next picture."""
        self._free.append(buffer)

    def shared(self, key: Hashable, made: Callable[[], T]) -> T:
        """See `DeviceImage.shared`."""
        if key not in self._shared:
            self._shared[key] = made()
        found: T = self._shared[key]
        return found

    def scratch(self, size: int) -> _core.DeviceBuffer:
        """See `DeviceImage.scratch`: to allocate and to free would stop the whole device."""
        size = 1 << max(size - 1, 0).bit_length()  # few sizes, so that they are used again
        try:
            return self._scratch[size].pop()
        except IndexError:
            return _core.DeviceBuffer(self.stream.device, size)

    def give_back(self, buffer: _core.DeviceBuffer) -> None:
        """See `DeviceImage.give_back`."""
        self._scratch[buffer.bytes].append(buffer)

    def _buffer(self) -> _core.DeviceBuffer:
        try:
            return self._free.pop()
        except IndexError:
            pass
        if self._made >= self._most:
            raise DeviceUnavailable(
                f"GPU {self.stream.device}: {self._made} decoded pictures of {self.layout.width}x"
                f"{self.layout.height} are held at once, and that is the most; let go of some"
            )
        buffer = _core.DeviceBuffer(self.stream.device, self.layout.bytes)
        self._made += 1
        return buffer
