"""What each preset decodes, and how it finds shots in that."""

from __future__ import annotations

from collections.abc import Iterator

from fastthumb.analysis.shots import ShotDetector
from fastthumb.analysis.signals import SignalTable
from fastthumb.media.source import Frame, Source, SourceInfo
from fastthumb.settings import Settings


def frames_of(source: Source, settings: Settings) -> Iterator[Frame]:
    """The frames that a preset looks at, numbered as in the whole film."""
    return source.frames()


def shot_detector(source: Source, settings: Settings) -> ShotDetector:
    """The detector for the frames of `frames_of`."""
    return ShotDetector()


def duration_seconds(table: SignalTable, settings: Settings, info: SourceInfo) -> float | None:
    """The film's length: of the frames that were decoded, or what the header says of it."""
    seconds = table.rows["seconds"]
    if settings.preset == "fast" or len(seconds) < 2:
        return info.duration_seconds
    return float(seconds[-1] + (seconds[-1] - seconds[-2]))
