"""Text subtitles inside a video file: their lines with times, read from packets.

Nothing is decoded: the packets of text codecs hold the text itself, with a little markup.
Subtitles that are pictures (DVD, Blu-ray, DVB) hold no text and are passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av

from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.media.source import SourceInfo

TEXT_CODECS = frozenset({"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"})

_ASS_FIELDS = 8  # before the text of a packet of ASS: order, layer, style, name, margins, effect
_ASS_TAGS = re.compile(r"\{[^}]*\}")
_MARKUP = re.compile(r"</?[a-zA-Z][^>]*>")
_DRAWING = re.compile(r"\{[^}]*\\p[1-9]")
_MOST_LINES = 100_000
_SHORTEST_SECONDS = 2.0  # how long a line stays whose packet does not say


@dataclass(frozen=True, slots=True)
class TextLine:
    """One subtitle; seconds from the first frame of the video, plain text."""

    start_seconds: float
    end_seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class TextTrack:
    """A track of text subtitles; `language` as the file says, such as "eng", or None."""

    lines: tuple[TextLine, ...]
    language: str | None
    codec: str


def text_track(info: SourceInfo) -> tuple[TextTrack | None, list[str]]:
    """The text subtitles inside a video, and what was wrong with them, a sentence each.

    Of several tracks an English one is taken before the default one, and forced ones (signs
    only) last. None where there are none; a URL is not read a second time for them.
    """
    path = Path(info.path)
    if "://" in str(info.path) or not path.exists():
        return None, []
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            streams = [
                one
                for one in container.streams.subtitles
                if one.codec_context is not None and one.codec_context.name in TEXT_CODECS
            ]
            if not streams:
                return None, []
            stream = min(streams, key=_preference)
            for other in container.streams:
                if other.index != stream.index:
                    other.discard = av.stream.Discard.all
            lines = _lines(container, stream, _start_seconds(info))
            codec = stream.codec_context.name
            return TextTrack(tuple(lines), _language(stream), codec), []
    except (av.FFmpegError, OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        return None, [f"{printable(path)}: its subtitles cannot be read ({reason}); left out"]


def plain_text(text: str) -> str:
    """Subtitle text without markup, on one line; "" for drawings."""
    if _DRAWING.search(text):
        return ""
    text = _MARKUP.sub("", _ASS_TAGS.sub("", text))
    return " ".join(text.replace("\\N", " ").replace("\\n", " ").replace("\\h", " ").split())


def _lines(
    container: av.container.InputContainer,
    stream: av.subtitles.stream.SubtitleStream,
    start_seconds: float,
) -> list[TextLine]:
    codec, base = stream.codec_context.name, stream.time_base
    lines: list[TextLine] = []
    if base is None:
        return lines
    for packet in container.demux(stream):
        if packet.pts is None or not packet.size:
            continue
        text = _text_of(bytes(packet), codec)
        if text and len(lines) < _MOST_LINES:
            start = float(packet.pts * base) - start_seconds
            length = float(packet.duration * base) if packet.duration else _SHORTEST_SECONDS
            lines.append(TextLine(start, start + length, text))
    lines.sort(key=lambda line: (line.start_seconds, line.end_seconds))
    return lines


def _text_of(data: bytes, codec: str) -> str:
    if codec == "mov_text":
        data = data[2 : 2 + int.from_bytes(data[:2], "big")]
    text = data.decode("utf-8", errors="replace").strip("\x00")
    if codec in ("ass", "ssa"):
        text = text.split(",", _ASS_FIELDS)[-1]
    return plain_text(text)


def _preference(stream: av.subtitles.stream.SubtitleStream) -> tuple[bool, bool, bool, int]:
    forced = bool(stream.disposition & av.stream.Disposition.forced)
    default = bool(stream.disposition & av.stream.Disposition.default)
    english = (_language(stream) or "").lower()[:2] == "en"
    return forced, not english, not default, stream.index


def _language(stream: av.subtitles.stream.SubtitleStream) -> str | None:
    language = stream.metadata.get("language") or ""
    return language if language not in ("", "und") else None


def _start_seconds(info: SourceInfo) -> float:
    return float((info.start_pts or 0) * info.time_base)
