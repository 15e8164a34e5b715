"""Makers of small video files, good and bad, with nothing but PyAV.

Each picture tells its own number: `picture(n)` differs from every other one, so a test can
say which frame it got. Sizes are small and codecs lossless or cheap: the files take
milliseconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.stream import Disposition

WIDTH, HEIGHT, RATE = 96, 64, 25


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """RGB test picture: gradients, and a bright block whose place depends on the number."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack(
        [60 + 90 * x / max(1, width - 1), 50 + 80 * y / max(1, height - 1), 90 + 0 * x], axis=-1
    )
    side = max(1, min(width, height) // 4)
    left = (number * 7) % max(1, width - side)
    top = (number * 5) % max(1, height - side)
    rgb[top : top + side, left : left + side] = (230, 220, 60)
    rgb[..., 2] += number % 16 * 6
    return rgb.astype(np.uint8)


def frame(
    number: int, pixel_format: str, width: int = WIDTH, height: int = HEIGHT
) -> av.VideoFrame:
    """`picture(number)` in a pixel format."""
    return av.VideoFrame.from_ndarray(picture(number, width, height), format="rgb24").reformat(
        format=pixel_format
    )


def write(
    path: Path,
    *,
    frames: int | Iterable[av.VideoFrame] = 12,
    codec: str = "mpeg4",
    pixel_format: str = "yuv420p",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    rate: int = RATE,
    time_base: Fraction | None = None,
    pts: Sequence[int] | None = None,
    keyframe_every: int = 5,
    b_frames: int = 0,
    codec_options: dict[str, str] | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    rotation: int | None = None,
    mirrored: bool = False,
    aspect: Fraction | None = None,
    color: dict[str, int] | None = None,
    metadata: dict[str, str] | None = None,
    metadata_encoding: str = "utf-8",
) -> Path:
    """Write one video stream; `pts` are in units of `time_base` (default 1 / rate)."""
    options = {"options": container_options} if container_options else {}
    if codec == "ffv1" and min(size) < 4 and codec_options is None:
        codec_options = {"level": "1"}  # version 3 cannot slice so small a picture
    with av.open(
        path, "w", format=container, metadata_encoding=metadata_encoding, **options
    ) as output:
        output.metadata.update(metadata or {})
        stream: Any = output.add_stream(codec, rate=rate, options=codec_options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        context = stream.codec_context
        context.gop_size, context.max_b_frames = keyframe_every, b_frames
        context.time_base = time_base or Fraction(1, rate)
        for name, value in (color or {}).items():
            setattr(context, name, value)
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if rotation is not None or mirrored:
            # PyAV counts counter-clockwise.
            stream.set_display_rotation(-(rotation or 0), hflip=mirrored)
        images = (
            (frame(number, pixel_format, *size) for number in range(frames))
            if isinstance(frames, int)
            else frames
        )
        for number, image in enumerate(images):
            image.pts = number if pts is None else pts[number]
            image.time_base = context.time_base
            output.mux(stream.encode(image))
        output.mux(stream.encode(None))
    return path


def write_streams(path: Path, sizes: Sequence[tuple[int, int]], default: int | None = None) -> Path:
    """Write several video streams of these sizes; stream `default` is marked as the default."""
    with av.open(path, "w") as output:
        streams: list[Any] = []
        for width, height in sizes:
            stream: Any = output.add_stream("mpeg4", rate=RATE)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            streams.append(stream)
        if default is not None:
            for index, stream in enumerate(streams):
                stream.disposition = Disposition.default if index == default else Disposition(0)
        for number in range(8):
            for stream, (width, height) in zip(streams, sizes, strict=True):
                image = frame(number, "yuv420p", width, height)
                image.pts = number
                output.mux(stream.encode(image))
        for stream in streams:
            output.mux(stream.encode(None))
    return path


def write_sound(path: Path, *, cover: bool = False) -> Path:
    """Write half a second of sound, with or without cover art."""
    with av.open(path, "w") as output:
        sound: Any = output.add_stream("aac", rate=44100, layout="mono")
        art: Any = None
        if cover:
            art = output.add_stream("mjpeg", rate=1)
            art.width, art.height, art.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
            art.disposition = Disposition.attached_pic
        samples = np.zeros((1, 22050), np.float32)
        block = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        block.sample_rate, block.pts = 44100, 0
        for packet in sound.encode(block) + sound.encode(None):
            output.mux(packet)
        if art is not None:
            image = frame(0, "yuvj420p")
            image.pts = 0
            output.mux(art.encode(image) + art.encode(None))
    return path


def write_interlaced(path: Path, count: int = 8, size: tuple[int, int] = (96, 64)) -> Path:
    """Write MPEG-2 with top field first, the two fields of each frame half a step apart."""
    graph = Graph()
    source = graph.add_buffer(
        width=size[0],
        height=size[1],
        format=av.VideoFormat("yuv420p"),
        time_base=Fraction(1, RATE),
    )
    mark, sink = graph.add("setfield", "mode=tff"), graph.add("buffersink")
    graph.link_nodes(source, mark, sink).configure()

    def woven() -> Iterable[av.VideoFrame]:
        for number in range(count):
            rows = moving_bar(2 * number, *size)
            rows[1::2] = moving_bar(2 * number + 1, *size)[1::2]
            image = av.VideoFrame.from_ndarray(rows, format="gray").reformat(format="yuv420p")
            image.pts = number
            graph.vpush(image)
            yield graph.vpull()

    options = {"flags": "+ildct+ilme", "b": "4M"}
    return write(path, frames=woven(), codec="mpeg2video", size=size, codec_options=options)


def moving_bar(step: int, width: int, height: int) -> np.ndarray:
    """Gray picture with a bright upright bar that moves 6 columns a step; uint8."""
    rows = np.full((height, width), 60, np.uint8)
    left = 8 + step * 6 % max(1, width - 30)
    rows[:, left : left + 14] = 200
    return rows


def annex_b(path: Path, sizes: Sequence[tuple[int, int]] = ((WIDTH, HEIGHT),)) -> Path:
    """Write a raw H.264 stream without timestamps, of one stretch of 8 frames per size."""
    data = b""
    for part, size in enumerate(sizes):
        piece = path.with_name(f"{path.stem}-{part}.h264")
        write(piece, frames=8, codec="libx264", size=size, container="h264")
        data += piece.read_bytes()
        piece.unlink()
    path.write_bytes(data)
    return path


def encrypted(path: Path) -> Path:
    """Write an MP4 with Common Encryption (ISO/IEC 23001-7)."""
    return write(
        path,
        codec="libx264",
        container_options={
            "encryption_scheme": "cenc-aes-ctr",
            "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
            "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
        },
    )


def cut(source: Path, path: Path, share: float) -> Path:
    """Keep only the first `share` of a file's bytes."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def flipped(source: Path, path: Path, *, bits: int, skip: int = 2000, seed: int = 1) -> Path:
    """Flip random bits behind the first `skip` bytes."""
    data = bytearray(source.read_bytes())
    chance = random.Random(seed)  # the same damage every time
    for _ in range(bits):
        data[chance.randrange(skip, len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))
    return path


def zeroed(source: Path, path: Path, first: float, last: float) -> Path:
    """Overwrite the bytes between two shares of a file with zeros."""
    data = bytearray(source.read_bytes())
    begin, end = int(len(data) * first), int(len(data) * last)
    data[begin:end] = bytes(end - begin)
    path.write_bytes(bytes(data))
    return path
