"""Whole pictures out of interlaced ones: no combs on what moves, full detail on what rests."""

from __future__ import annotations

from fractions import Fraction

import av
from av.filter import Graph


def deinterlaced(
    image: av.VideoFrame,
    before: av.VideoFrame | None = None,
    after: av.VideoFrame | None = None,
) -> av.VideoFrame:
    """Progressive picture of the first field's moment, of the same size and format.

    With a neighbor, bwdif (motion adaptive) looks at it; without any, the second field is
    interpolated along edges from the first (estdif), since with nothing to compare, a
    temporal filter would take all motion for stillness. A picture that the filters do not
    take (fewer than 4 lines, odd formats) comes back as it is.
    """
    neighbors = [_alike(image, other) for other in (before, after)]
    if image.height < 4 or image.width < 3:
        return image
    try:
        if neighbors == [None, None]:
            return _filtered([image], "estdif", "mode=frame:deint=all")[0]
        first, last = neighbors[0] or image, neighbors[1] or image
        return _filtered([first, image, last], "bwdif", "mode=send_frame:deint=all")[1]
    except (av.FFmpegError, IndexError):
        return image


def _alike(image: av.VideoFrame, other: av.VideoFrame | None) -> av.VideoFrame | None:
    same = other is not None and (
        (other.width, other.height, other.format.name)
        == (image.width, image.height, image.format.name)
    )
    return other if same else None


def _filtered(images: list[av.VideoFrame], name: str, arguments: str) -> list[av.VideoFrame]:
    graph = Graph()
    graph.threads = 1
    picture = images[0]
    source = graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        time_base=Fraction(1, 1000),
    )
    filter_node = graph.add(name, arguments)
    sink = graph.add("buffersink")
    graph.link_nodes(source, filter_node, sink).configure()
    out: list[av.VideoFrame] = []
    kept = [(each.pts, each.time_base) for each in images]
    try:
        for moment, each in enumerate(images):
            # The filter orders by time; the pictures' own times are put back below.
            each.pts, each.time_base = moment * 40, Fraction(1, 1000)
            graph.vpush(each)
        graph.vpush(None)
        while True:
            out.append(graph.vpull())
    except (av.EOFError, av.BlockingIOError):
        return out
    finally:
        for each, (pts, time_base) in zip(images, kept, strict=True):
            each.pts = pts
            if time_base is not None:
                each.time_base = time_base
