"""Pieces: what measuring a part of a film gives, and the one place that collects it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fastthumb.analysis.signals import Measured, Sample, measure
from fastthumb.analysis.slots import Slot, SlotSampler, jumps, worth_of
from fastthumb.artwork.sprites import Tile, TileSampler
from fastthumb.looking import FrameLooker, seconds_between_looks
from fastthumb.timing import StageClock

if TYPE_CHECKING:
    import numpy.typing as npt

    from fastthumb.analysis.detections import Sighting
    from fastthumb.analysis.detectors import Detectors
    from fastthumb.media.source import Frame, SourceInfo
    from fastthumb.settings import Settings

_LEAST_SHOT = 6  # frames of a stretch between two jumps that is worth a picture


@dataclass(slots=True)
class Piece:
    """What was measured of a part of a film, each list in order of time; plain data, some MB."""

    samples: list[Sample] = field(default_factory=list)
    keyframes: set[int] = field(default_factory=set)  # numbers of the samples that are
    slots: list[Slot] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    clock: StageClock = field(default_factory=StageClock)


@dataclass(frozen=True, slots=True)
class Looking:
    """How frames are looked at on the way: for candidates, for faces and for sprite sheets."""

    info: SourceInfo
    settings: Settings
    detectors: Detectors | None = None


class PieceBuilder:
    """Measures the frames of a part of a film and collects what they give.

    With `looking` None, only what shots are found from: no slots and no tiles.
    """

    def __init__(self, info: SourceInfo, looking: Looking | None) -> None:
        self._info, self._looking = info, looking
        self.clock = StageClock()
        self._samples: dict[int, Sample] = {}
        self._keyframes: set[int] = set()
        self._slots: list[Slot] = []
        self._sampler: SlotSampler | None = None
        self._tiles: TileSampler | None = None
        if self._looking is not None:
            settings, detectors = self._looking.settings, self._looking.detectors
            self._sampler = SlotSampler(self._info, self._looker(settings, detectors))
            self._tiles = TileSampler(self._info, settings) if settings.sprites else None

    def _looker(self, settings: Settings, detectors: Detectors | None) -> FrameLooker | None:
        if detectors is None:
            return None
        every = seconds_between_looks(settings, self._info.duration_seconds)
        return FrameLooker(detectors, self._info, self.clock, every_seconds=every)

    def measured(self, frames: Iterable[Frame], stage: str) -> Generator[Measured]:
        """Measure frames that follow one another, on this piece's clock."""
        yield from self.clock.each("signals", measure(self.clock.each(stage, frames), self._info))

    def show(self, measured: Measured) -> None:
        """Take a frame that may be shown to viewers; frames come in order of time."""
        self.note([measured.sample])
        if measured.frame.keyframe:
            self._keyframes.add(measured.frame.index)
        if self._sampler is not None:
            with self.clock.stage("pictures"):
                self._sampler.push(measured)
                if self._tiles is not None:
                    self._tiles.push(measured.frame)

    def show_alone(self, measured: Measured) -> None:
        """Take a frame, in any order, as the only one of its slot."""
        if self._sampler is not None:
            self._sampler.finish()
        self.show(measured)
        if self._sampler is not None:
            self._sampler.finish()

    def note(self, samples: Iterable[Sample]) -> None:
        """Take samples that are only measured; in place of earlier ones of the same frames."""
        self._samples.update((sample[1], sample) for sample in samples)

    def take(self) -> Piece:
        """What has been collected since the last call and is over."""
        piece = Piece([self._samples[n] for n in sorted(self._samples)], self._keyframes)
        self._samples, self._keyframes = {}, set()
        if self._sampler is not None:
            piece.slots = sorted(self._sampler.take(), key=lambda slot: slot.index)
            seen = self._sampler.take_sightings()
            piece.sightings = sorted(seen, key=lambda sighting: sighting.frame_index)
        if self._tiles is not None:
            piece.tiles = self._tiles.take()
        piece.clock, self.clock.stages = StageClock(dict(self.clock.stages)), {}
        return piece

    def finish(self) -> Piece:
        """The last piece: what has been collected, the open slot too."""
        if self._sampler is not None:
            with self.clock.stage("pictures"):
                self._sampler.finish()
        return self.take()

    def unseen(self, longest_gap: float, seconds: npt.NDArray[np.float64], end: int) -> list[int]:
        """Numbers of frames before `end` to be shown besides, ascending.

        One or more wherever samples lie more than `longest_gap` seconds apart, and the best of
        every stretch between two jumps that holds no keyframe. `seconds` are those of all frames
        of the film, by number.
        """
        if self._looking is None:
            return []
        inside = sorted(n for n in self._samples if n < end)
        numbers = [*inside, min(end, len(seconds) - 1)]
        wanted = {n for a, b in pairwise(numbers) for n in _between(a, b, longest_gap, seconds)}
        for stretch in jumps([self._samples[n] for n in inside]):
            if len(stretch) >= _LEAST_SHOT and not self._keyframes.intersection(
                range(stretch[0][1], stretch[-1][1] + 1)
            ):
                wanted.add(max(stretch, key=lambda sample: worth_of(sample[0]))[1])
        return sorted(wanted)


def _between(first: int, last: int, longest: float, seconds: npt.NDArray[np.float64]) -> list[int]:
    """Frames between two samples, evenly spread, so that none lie farther apart than `longest`."""
    gap = float(seconds[last] - seconds[first])
    if gap <= longest or last - first < 2:
        return []
    parts = min(int(np.ceil(gap / longest)), last - first)
    return [round(n) for n in np.linspace(first, last, parts + 1)[1:-1]]
