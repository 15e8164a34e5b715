"""Small films of every kind that a GPU decodes, and what is to be equal of their frames.

The fake decoder of nvdec_fakes.py is told their pictures by `write_pictures`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

import media_files
from fastthumb.media.pyav import PyavSource

TAIL = 24  # bytes by which the fake parser knows a packet
LEAST_PACKET = 48  # parameter sets and start codes never reach into the tail of such a one

# Index, timestamp, seconds, keyframe, checksums of luma and of chroma pairs.
Print = tuple[int, int, float, bool, int, int]


@dataclass(frozen=True)
class Kind:
    """A kind of film, as media_files.write makes it."""

    codec: str
    suffix: str = ".mp4"
    size: tuple[int, int] = (96, 64)
    pixel_format: str = "yuv420p"
    b_frames: int = 0
    options: tuple[tuple[str, str], ...] = ()
    frames: int = 40
    every: int = 8


REGULAR = (("x264-params", "scenecut=0:b-adapt=0"),)
OPEN = (("x264-params", "scenecut=0:b-adapt=0:open-gop=1"),)
REGULAR_HEVC = (("x265-params", "log-level=none:scenecut=0:open-gop=0"),)
OPEN_HEVC = (("x265-params", "log-level=none:scenecut=0:open-gop=1"),)
# No smaller than a Hopper decodes: HEVC from 144x144, VP9 from 128x128.
KINDS = {
    "H.264": Kind("libx264", b_frames=3, options=REGULAR),
    "H.264, open groups": Kind("libx264", ".mkv", b_frames=3, options=OPEN),
    "H.264, transport stream": Kind("libx264", ".ts", b_frames=2, options=REGULAR),
    "H.264, cropped": Kind("libx264", size=(102, 70), options=REGULAR),
    "HEVC": Kind("libx265", size=(144, 144), b_frames=3, options=REGULAR_HEVC),
    "HEVC, 10 bits": Kind(
        "libx265", size=(160, 144), pixel_format="yuv420p10le", b_frames=3, options=OPEN_HEVC
    ),
    "VP8": Kind("libvpx", ".webm", options=(("auto-alt-ref", "0"),)),
    "VP9, odd size": Kind(
        "libvpx-vp9", ".webm", size=(161, 145), options=(("lag-in-frames", "0"),)
    ),
}


def noisy(number: int, kind: Kind) -> av.VideoFrame:
    """A test picture that no other is like, and whose packet is not tiny; an edit every 140."""
    chance = np.random.default_rng(number)
    rgb = media_files.picture(number, *kind.size)
    rgb[:, :, number // 140 % 3] //= 3
    rgb[8:40, 8:72] = chance.integers(0, 256, (32, 64, 3), np.uint8)
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=kind.pixel_format)


def write_film(folder: Path, kind: Kind) -> Path:
    """A film of that kind."""
    return media_files.write(
        folder / f"film{kind.suffix}",
        frames=(noisy(number, kind) for number in range(kind.frames)),
        codec=kind.codec,
        pixel_format=kind.pixel_format,
        size=kind.size,
        keyframe_every=kind.every,
        b_frames=kind.b_frames,
        codec_options=dict(kind.options),
    )


def join(parts: list[Path], path: Path) -> Path:
    """Films of one codec in a transport stream, one after the other."""
    with av.open(path, "w") as output:
        stream: Any = None
        offset = 0
        for part in parts:
            with av.open(part) as container:
                source = container.streams.video[0]
                stream = stream or output.add_stream_from_template(source)
                end = offset
                for packet in container.demux(source):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                        packet.stream = stream
                        end = max(end, packet.pts + packet.duration)
                        output.mux(packet)
                offset = end
    return path


def trimmed(film: Path, path: Path, frames: int) -> Path:
    """An MP4 whose edit list begins so many frames later, in the middle of a group of pictures."""
    data = bytearray(film.read_bytes())
    entry = data.index(b"elst") + 12  # behind version, flags and count
    duration, begin = struct.unpack_from(">II", data, entry)
    with av.open(film) as container:
        stream = container.streams.video[0]
        step = round(1 / (stream.time_base * media_files.RATE))
    struct.pack_into(">II", data, entry, duration, begin + frames * step)
    path.write_bytes(data)
    return path


def semiplanar(image: av.VideoFrame) -> tuple[np.ndarray, np.ndarray]:
    """NV12 of planar 4:2:0, or P010 of its deep kind: luma, and pairs of chroma samples."""
    deep = image.format.name.endswith("10le")
    planes = []
    for plane in image.planes:
        stored = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        samples = stored.view("<u2")[:, : plane.width] << 6 if deep else stored[:, : plane.width]
        planes.append(samples)
    return planes[0], np.stack(planes[1:], axis=-1).reshape(planes[1].shape[0], -1)


def packet_hash(data: bytes) -> int:
    """FNV-1a of the last bytes, as the fake parser has it."""
    found = 0xCBF29CE484222325
    for byte in data[-TAIL:]:
        found = (found ^ byte) * 0x100000001B3 % 2**64
    return found


@dataclass(frozen=True)
class Trick:
    """What the fake decoder does wrong, by the number of a packet in decoding order."""

    loses: int | None = None
    fails: tuple[int, int] | None = None  # packet, CUresult
    spoils: int | None = None  # a sample of its picture differs
    changes_size: int | None = None


def write_pictures(film: Path, path: Path, trick: Trick = Trick()) -> Path:
    """The file that the fake decoder knows a film by."""
    with av.open(film) as container:
        packets = [
            (packet_hash(bytes(packet)), packet.pts, packet.is_keyframe, packet.size)
            for packet in container.demux(video=0)
            if packet.size
        ]
    with av.open(film) as container:
        images = {image.pts: image for image in container.decode(video=0)}
    assert len({packet[0] for packet in packets}) == len(packets) == len(images)
    assert min(packet[3] for packet in packets) >= LEAST_PACKET
    first = images[packets[0][1]]
    width, height = first.width, first.height
    coded_width, coded_height = -(-width // 16) * 16, -(-height // 16) * 16
    deep = first.format.name.endswith("10le")
    records, planes = [], []
    for number, (key, pts, is_key, _) in enumerate(packets):
        error = trick.fails[1] if trick.fails and trick.fails[0] == number else 0
        lost = number == trick.loses
        records.append(struct.pack("<QqiI", 0 if lost else key, pts, is_key, error))
        luma, pairs = semiplanar(images[pts])
        stored = np.full((coded_height * 3 // 2, coded_width), 0xEE, luma.dtype)
        stored[: luma.shape[0], : luma.shape[1]] = luma
        stored[coded_height : coded_height + pairs.shape[0], : pairs.shape[1]] = pairs
        if number == trick.spoils:
            stored[5, 7] ^= 64
        planes.append(stored.tobytes())
    changes_at = -1 if trick.changes_size is None else trick.changes_size
    head = (width, height, coded_width, coded_height, 10 if deep else 8, 4, len(packets))
    path.write_bytes(b"".join([struct.pack("<8i", *head, changes_at), *records, *planes]))
    return path


def crc(rows: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(rows))


def print_of(frame: Any) -> Print:
    """All that is to be equal of a frame; a GPU's cut to the picture's own columns."""
    image = frame.image
    if isinstance(image, av.VideoFrame):
        luma, pairs = semiplanar(image)
    else:
        luma, pairs = image.to_host()
        wide = 1 if image.format_name == "nv12" else 2
        luma = luma[:, : image.width * wide]
        assert (frame.pts, frame.keyframe) == (image.pts, image.key_frame)
    return frame.index, frame.pts, frame.seconds, frame.keyframe, crc(luma), crc(pairs)


def on_the_cpu(film: Path) -> Iterator[Print]:
    """The same film read by the CPU."""
    with PyavSource(film) as source:
        yield from map(print_of, source.frames())
