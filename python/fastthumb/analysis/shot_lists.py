"""Shot lists: a film's shots as CSV, JSON, an EDL or an OpenTimelineIO timeline.

Note [frames, ticks and timecode]. Where every shot begins where its frame number says that it
should, the film has a constant rate, and an OpenTimelineIO time is (frame number, rate). Where
not, it has a variable rate, and a time is (ticks of the stream's time base since the first
frame, ticks per second): exact as well. An EDL knows only frames of a timecode rate, so there
a shot begins at its time in seconds, rounded to the nearest frame of that rate; with a constant
rate that timecode can count, this is the frame number again. Source and record time both count
from 00:00:00:00, drop-frame at 29.97 and 59.94.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO, get_args

from fastthumb.analysis.shots import Shot
from fastthumb.atomic import write_text
from fastthumb.errors import OutputError, SettingsError
from fastthumb.media.source import SourceInfo

if TYPE_CHECKING:
    import opentimelineio as otio

ShotListFormat = Literal["csv", "json", "edl", "otio"]

COLUMNS = (
    "index",
    "start_frame",
    "end_frame",
    "start_pts",
    "end_pts",
    "start_seconds",
    "end_seconds",
    "transition",
    "transition_start_frame",
    "transition_end_frame",
    "scene",
    "repeat_of",
    "content",
)

# What SMPTE timecode can count, as OpenTimelineIO writes it.
_TIMECODE_RATES = (
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48000, 1001),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)
_SAME_RATE = Fraction(1, 5000)  # 24 and 23.976 lie 1/1000 apart; containers round to about 1e-5
_FALLBACK_RATE = Fraction(25)  # of a file that states no rate and has one frame
_DAY_SECONDS = 24 * 60 * 60
_NOT_A_FILE = ("AX", "BL", "BLACK", "BARS")  # reel names that mean something else in an EDL


def shot_row(shot: Shot) -> dict[str, Any]:
    """One shot under the names of COLUMNS, in that order; seconds to the microsecond."""
    values = asdict(shot)
    row = {name: values[name] for name in COLUMNS}
    row["start_seconds"] = round(float(shot.start_seconds), 6)
    row["end_seconds"] = round(float(shot.end_seconds), 6)
    return row


def shot_list(shots: Sequence[Shot], info: SourceInfo, shot_format: str) -> str:
    """The whole text of a shot list: "csv", "json", "edl" or "otio".

    csv: a header and one row a shot, columns COLUMNS, empty where there is no value. json: a
    list of objects with the same names. Raises SettingsError for another format, OutputError
    where the format cannot hold the film (an EDL ends at 24 hours).
    """
    if shot_format == "csv":
        return _csv(shots)
    if shot_format == "json":
        return json.dumps([shot_row(shot) for shot in shots], indent=1) + "\n"
    if shot_format == "edl":
        return _edl(shots, info)
    if shot_format == "otio":
        return str(_otio(shots, info).to_json_string(indent=1)) + "\n"
    wanted = ", ".join(get_args(ShotListFormat))
    raise SettingsError(f"shot list format: wanted one of {wanted}, got {shot_format!r}")


def write_shots(
    shots: Sequence[Shot], info: SourceInfo, target: Path | TextIO, shot_format: str
) -> None:
    """Write a shot list to a path (whole or not at all) or to a text stream; see `shot_list`."""
    text = shot_list(shots, info, shot_format)
    if isinstance(target, Path):
        write_text(target, text)
    else:
        target.write(text)


def _csv(shots: Sequence[Shot]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(shot_row(shot) for shot in shots)
    return buffer.getvalue()


def nominal_rate(shots: Sequence[Shot], info: SourceInfo) -> Fraction:
    """Frames per second that the film means: the stated rate, rounding of containers undone.

    A file that states none has the rate of its own frames.
    """
    stated = info.average_rate
    if not stated or stated <= 0:
        frames = shots[-1].start_frame - shots[0].start_frame if shots else 0
        seconds = (shots[-1].start_pts - shots[0].start_pts) * info.time_base if shots else 0
        stated = Fraction(frames) / seconds if frames and seconds > 0 else _FALLBACK_RATE
    for meant in (Fraction(round(stated)), Fraction(round(stated * 1001 / 1000) * 1000, 1001)):
        if meant and abs(stated / meant - 1) < _SAME_RATE:
            return meant
    return stated


def timecode_rate(rate: Fraction) -> Fraction:
    """The rate that timecode can count and that fits `rate` best.

    The rate itself, or else its least multiple or greatest whole part among the SMPTE rates
    (12 -> 24, 120 -> 60), or else the nearest.
    """
    if rate in _TIMECODE_RATES:
        return rate
    multiples = [smpte for smpte in _TIMECODE_RATES if (smpte / rate).denominator == 1]
    if multiples:
        return multiples[0]
    parts = [smpte for smpte in _TIMECODE_RATES if (rate / smpte).denominator == 1]
    return parts[-1] if parts else min(_TIMECODE_RATES, key=lambda smpte: abs(smpte - rate))


def _edges(shots: Sequence[Shot], info: SourceInfo) -> tuple[list[int], Fraction]:
    """Where each shot begins and the last one ends, and the unit: n + 1 ints, units a second.

    See Note [frames, ticks and timecode].
    """
    rate = nominal_rate(shots, info)
    first = shots[0]

    def drift(frame: int, pts: int) -> Fraction:
        return abs((pts - first.start_pts) * info.time_base - (frame - first.start_frame) / rate)

    points = [(shot.start_frame, shot.start_pts) for shot in shots]
    points += [(shot.end_frame, shot.end_pts) for shot in shots]
    tolerance = min(info.time_base, 1 / (3 * rate))  # a tick: containers round to ticks
    if all(drift(frame, pts) <= tolerance for frame, pts in points):
        edges = [shot.start_frame - first.start_frame for shot in shots]
        return [*edges, shots[-1].end_frame + 1 - first.start_frame], rate
    ticks = 1 / info.time_base
    edges = [shot.start_pts - first.start_pts for shot in shots]
    end = shots[-1].end_pts - first.start_pts + max(1, round(ticks / rate))
    return [*edges, end], ticks


def _timecode_edges(shots: Sequence[Shot], info: SourceInfo, rate: Fraction) -> list[int]:
    """The same edges in frames of a timecode rate; no shot is shorter than a frame."""
    edges, unit = _edges(shots, info)
    frames: list[int] = []
    for edge in edges:
        frame = round(edge * rate / unit)
        frames.append(max(frame, frames[-1] + 1) if frames else frame)
    return frames


def _otio(shots: Sequence[Shot], info: SourceInfo) -> otio.schema.Timeline:
    if not shots:
        return _timeline([], [], Fraction(_FALLBACK_RATE), info, [])
    edges, unit = _edges(shots, info)
    names = [f"shot {shot.index:04d}" for shot in shots]
    return _timeline(shots, edges, unit, info, names)


def _edl(shots: Sequence[Shot], info: SourceInfo) -> str:
    import opentimelineio as otio

    rate = timecode_rate(nominal_rate(shots, info))
    drop = rate in (Fraction(30000, 1001), Fraction(60000, 1001))
    mode = "FCM: DROP FRAME" if drop else "FCM: NON-DROP FRAME"
    if not shots:
        return f"TITLE: {_file_name(info)}\n{mode}\n"
    edges = _timecode_edges(shots, info, rate)
    if edges[-1] / rate > _DAY_SECONDS:
        raise OutputError(
            f"{_file_name(info)}: an EDL cannot count past 24 hours and the film has "
            f"{float(edges[-1] / rate / 3600):.1f}; use the format otio, csv or json"
        )
    timeline = _timeline(shots, edges, rate, info, [_file_name(info)] * len(shots))
    reel = _reel(info)
    for clip, shot in zip(timeline.tracks[0], shots, strict=True):
        comments = [] if shot.content == "picture" else [f"CONTENT: {shot.content.upper()}"]
        clip.metadata["cmx_3600"] = {"reel": reel, "comments": comments}
    text = str(otio.adapters.write_to_string(timeline, "cmx_3600", rate=float(rate)))
    title, rest = text.split("\n", 1)
    return f"{title}\n{mode}\n{rest}"


def _timeline(
    shots: Sequence[Shot],
    edges: Sequence[int],
    unit: Fraction,
    info: SourceInfo,
    names: Sequence[str],
) -> otio.schema.Timeline:
    """One video track with a clip a shot, end to end; `edges` in units of 1/`unit` seconds."""
    import opentimelineio as otio
    from opentimelineio.opentime import RationalTime, TimeRange

    rate = float(unit)

    def span(start: int, end: int) -> TimeRange:
        return TimeRange(RationalTime(start, rate), RationalTime(end - start, rate))

    url = _media_url(info)
    track = otio.schema.Track("shots", kind=otio.schema.TrackKind.Video)
    for shot, start, end, name in zip(shots, edges, edges[1:], names, strict=False):
        whole = span(edges[0], edges[-1])
        clip = otio.schema.Clip(
            name=name,
            media_reference=otio.schema.ExternalReference(url, available_range=whole),
            source_range=span(start, end),
            metadata={"fastthumb": shot_row(shot)},
        )
        if shot.transition_start_frame is not None and shot.transition_end_frame is not None:
            frames = shot.transition_end_frame - shot.transition_start_frame + 1
            blended = round((end - start) * frames / (shot.end_frame - shot.start_frame + 1))
            clip.markers.append(
                otio.schema.Marker(
                    name=f"{shot.transition}, {frames} frames",
                    marked_range=span(start, start + min(blended, end - start)),
                    color=otio.schema.MarkerColor.GREEN,
                )
            )
        track.append(clip)
    timeline = otio.schema.Timeline(_file_name(info), global_start_time=RationalTime(0, rate))
    timeline.tracks.append(track)
    return timeline


def _media_url(info: SourceInfo) -> str:
    """Where the film lies, as a URL; a Path has lost one slash of a URL that it was made from."""
    path = str(info.path)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/+", path)
    if scheme:
        return f"{scheme[1]}://{path[scheme.end() :]}"
    return info.path.absolute().as_uri()


def _file_name(info: SourceInfo) -> str:
    """The file's name as one printable line."""
    name = info.path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "_", name)


def _reel(info: SourceInfo) -> str:
    """A reel name as CMX3600 has them: up to eight letters and digits."""
    reel = re.sub(r"[^A-Z0-9]", "", info.path.stem.upper())[:8]
    return reel if reel and reel not in _NOT_A_FILE else "AX"
