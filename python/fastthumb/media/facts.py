"""What is read off a stream and its first picture, and what a whole pass says about it."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from fastthumb.errors import NothingDecodable, SourceError
from fastthumb.media.color import color_of, side_data
from fastthumb.media.layout import bit_depth, has_alpha
from fastthumb.media.source import SourceInfo
from fastthumb.names import printable

if TYPE_CHECKING:
    import av

    from fastthumb.media.reading import Reading
    from fastthumb.media.timeline import Timeline
    from fastthumb.media.trouble import Trouble

_INTERLACED_ORDERS = (2, 3, 4, 5)  # AVFieldOrder: TT, BB, TB, BT
_ENCRYPTED_TAGS = frozenset({"encv", "drmi"})
_SANE_ASPECT = (Fraction(1, 16), Fraction(16))
# A film may end this much before its header says without being called cut off: containers
# round, and where there is sound, the header speaks of the longest stream.
_END_SLACK_SECONDS = 0.5
_END_SLACK_WITH_OTHERS_SECONDS = 2.0


def source_info(name: str, reading: Reading, image: av.VideoFrame) -> SourceInfo:
    """Facts of the stream being read, whose first picture is `image`."""
    stream, context = reading.stream, reading.stream.codec_context
    aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio or Fraction(1)
    if not _SANE_ASPECT[0] <= aspect <= _SANE_ASPECT[1]:
        aspect = Fraction(1)
    degrees, mirrored = orientation(image)
    codec = context.codec.canonical_name
    return SourceInfo(
        path=Path(name),
        container=reading.container.format.name,
        codec=codec,
        pixel_format=image.format.name,
        width=image.width,
        height=image.height,
        sample_aspect_ratio=aspect,
        rotation_degrees=degrees,
        time_base=reading.time_base,
        start_pts=image.pts,
        duration_seconds=_duration_seconds(reading),
        average_rate=stream.average_rate or None,
        bit_depth=bit_depth(image.format),
        interlaced=image.interlaced_frame or int(context.field_order) in _INTERLACED_ORDERS,
        color=color_of(image, codec),
        has_alpha=has_alpha(image.format),
        mirrored=mirrored,
    )


def orientation(image: av.VideoFrame) -> tuple[int, bool]:
    """(clockwise degrees 0 | 90 | 180 | 270, mirrored) that show a picture upright.

    From its display matrix: x' = a x + c y, y' = b x + d y, y down. Other angles are rounded.
    """
    matrix = side_data(image).get("DISPLAYMATRIX", b"")
    if len(matrix) < 36:
        return 0, False
    a, b, _, c, d = struct.unpack_from("<5i", matrix)
    mirrored = a * d - b * c < 0
    degrees = math.degrees(math.atan2(b, -a if mirrored else a))
    return round(degrees / 90) % 4 * 90, mirrored


def _duration_seconds(reading: Reading) -> float | None:
    stream = reading.stream
    if stream.duration is not None and stream.duration > 0:
        return float(stream.duration * reading.time_base)
    duration = reading.container.duration
    return duration / 1_000_000 if duration is not None and duration > 0 else None


def nothing_decodable(name: str, reading: Reading) -> SourceError:
    """Why a video stream gives no picture."""
    shown = printable(name)
    tag = reading.stream.codec_context.codec_tag
    if reading.encrypted_from is not None or tag in _ENCRYPTED_TAGS:
        return SourceError(f"{shown}: the video is encrypted (DRM); decrypt it first")
    codec = reading.stream.codec_context.codec.canonical_name
    return NothingDecodable(
        f"{shown}: there is a {codec} video, but not one of its frames decodes; "
        "copy it again or repair it"
    )


def note_end(
    trouble: Trouble, reading: Reading, info: SourceInfo, count: int, end_pts: int
) -> None:
    """Tell where a film that was read to its end is shorter than its header says.

    `count` pictures were given, and the last is shown until `end_pts`.
    """
    if not count:
        return
    start = info.start_pts or 0
    if reading.encrypted_from is not None:
        seconds = float((reading.encrypted_from - start) * info.time_base)
        trouble.say(
            "encrypted",
            f"the video is encrypted from {seconds:.1f} s on; only the part before is used",
        )
        return
    header_start = reading.stream.start_time
    if header_start is not None and header_start < start:
        late = float((start - header_start) * info.time_base)
        if late > _END_SLACK_SECONDS:
            trouble.say("start", f"the first {late:.1f} s do not decode, they lack a keyframe")
    if "matroska" in info.container:
        start = 0  # its durations count from zero, not from the first frame
    elif header_start is not None:
        start = min(start, header_start)
    end = float((end_pts - start) * info.time_base)
    promised = info.duration_seconds
    others = len(reading.container.streams) > 1 and not reading.stream.duration
    slack = _END_SLACK_WITH_OTHERS_SECONDS if others else _END_SLACK_SECONDS
    if promised is not None and promised - end > slack:
        trouble.say(
            "end",
            f"the film ends at {end:.1f} s although its header promises {promised:.1f} s; "
            "the file is cut off, what is there is used",
        )


def note_timeline(trouble: Trouble, timeline: Timeline) -> None:
    """Tell which timestamps are not the stream's own."""
    if timeline.made_up_missing:
        trouble.say(
            "missing timestamps",
            f"{timeline.made_up_missing} frames have no timestamp; they are spaced by the frame "
            f"rate of {float(timeline.rate):g} per second",
        )
    if timeline.made_up_backward:
        trouble.say(
            "backward timestamps",
            f"the timestamps fail to rise at {timeline.made_up_backward} frames; "
            "these were moved on",
        )


def note_layouts(trouble: Trouble, layouts: set[tuple[int, int, str]]) -> None:
    """Tell that the picture size or format changes in the middle of the film."""
    if len(layouts) > 1:
        named = ", ".join(f"{width}x{height} {kind}" for width, height, kind in sorted(layouts))
        trouble.say("layouts", f"the picture changes its size or format ({named})")
