"""What each preset decodes, and how it finds shots in that.

`fast` decodes keyframes only, where the timestamps of the packets are fit to place them in the
film; where they are not (raw streams, clocks that jump back), and for the other presets, every
frame is decoded.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from fastthumb.analysis.shot_keyframes import KeyframeShotDetector
from fastthumb.analysis.shot_looks import Look
from fastthumb.analysis.shot_ticks import SignalsLike
from fastthumb.analysis.shots import Shot, ShotDetector
from fastthumb.analysis.signals import SignalTable
from fastthumb.media.packets import PacketTable
from fastthumb.media.source import Frame, Source
from fastthumb.settings import Settings


class Detector(Protocol):
    """What finds shots in a stream of signals; `looks` describes each closed shot."""

    @property
    def looks(self) -> list[Look]: ...
    def push(self, signals: SignalsLike, index: int, pts: int, seconds: float) -> list[Shot]: ...
    def finish(self) -> list[Shot]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What to decode of a film: every frame, or the keyframes of a packet table."""

    source: Source
    keyframes: PacketTable | None

    def frames(self) -> Generator[Frame]:
        """The frames to look at, in presentation order, numbered as in the whole film."""
        if self.keyframes is None:
            yield from self.source.frames()
            return
        pts = np.sort(self.keyframes.pts)
        for frame in self.source.keyframes():
            yield replace(frame, index=int(np.searchsorted(pts, frame.pts)))

    def detector(self) -> Detector:
        """A new shot detector for these frames."""
        if self.keyframes is None:
            return ShotDetector()
        return KeyframeShotDetector(self.keyframes, self.source.info.time_base)

    def duration_seconds(self, table: SignalTable) -> float | None:
        """The film's length: of the frames that decoded, or what the header says of it."""
        seconds = table.rows["seconds"]
        if self.keyframes is not None or len(seconds) < 2:
            return self.source.info.duration_seconds
        return float(seconds[-1] + (seconds[-1] - seconds[-2]))


def plan(source: Source, settings: Settings) -> Plan:
    """What the preset decodes of a film."""
    if settings.preset == "fast":
        packets = source.packets()
        if packets.is_rising:
            return Plan(source, packets)
    return Plan(source, None)
