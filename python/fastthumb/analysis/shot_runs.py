"""Shots of a film of which only some runs of frames were decoded, and frames in between.

No edit lies between two runs: that is what they were chosen for (shot_search). So each run of
frames without a gap is cut into shots alone, and the shot that ends one run goes on in the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastthumb.analysis.shot_edits import Kind
from fastthumb.analysis.shot_looks import Look, ShotLook
from fastthumb.analysis.shot_ticks import Sample, SignalsLike, TickWindow
from fastthumb.analysis.shots import Shot, ShotDetector

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_LATE_SECONDS = 8.0  # a shot of a run is reported sooner than this after its last frame
_MANY = 256  # samples of an open shot that may wait before they are looked at together


@dataclass(frozen=True, slots=True)
class _Beginning:
    """How one shot of the film begins; frames by number in the film."""

    start: int
    kind: Kind
    blended: tuple[int, int] | None


class RunShotDetector:
    """Finds shots in samples of a film; `push` them in order, then `finish` once.

    `frame_pts` are the timestamps of all frames of the film, int64, ascending; `tick_seconds`
    is their unit. Samples are numbered as the frames of the film: wherever the numbers leave
    none out, every edit is found on its frame. Of a number that comes twice, the first sample
    counts. Shots come out in order and tile the film; `looks` is as in ShotDetector.
    """

    def __init__(self, frame_pts: npt.NDArray[np.int64], tick_seconds: float) -> None:
        self.looks: list[Look] = []
        self._pts, self._tick_seconds = frame_pts, tick_seconds
        self._run = _Run()
        self._open = _Beginning(0, "start", None)
        self._fade_out: int | None = None  # first frame of the fade that ends the film
        self._waiting: list[Sample] = []  # samples that no look has seen
        self._look = ShotLook()
        self._origin: tuple[int, float] | None = None  # pts and seconds of the first sample

    def push(self, signals: SignalsLike, index: int, pts: int, seconds: float) -> list[Shot]:
        """Take the next sample; the shots that are now certain to have ended, mostly none."""
        if self._origin is None:
            self._origin = pts, seconds
        if index <= self._run.last:
            return []
        shots: list[Shot] = []
        sample = signals, index, pts, seconds
        if self._run.count and index != self._run.last + 1:
            shots = self._end_run()
            if len(self._waiting) >= _MANY:
                self._fold(index)
        shots += self._begin_all(self._run.push(sample))
        self._waiting.append(sample)
        if len(self._waiting) >= 2 * _MANY and self._waiting[_MANY][3] < seconds - _LATE_SECONDS:
            self._fold(self._waiting[_MANY][1])
        return shots

    def finish(self) -> list[Shot]:
        """The shots that were still open; [] when called again or where nothing was pushed."""
        if self._origin is None:
            return []
        shots = self._end_run()
        shots.append(self._close(len(self._pts) - 1))
        self._origin = None
        return shots

    def _end_run(self) -> list[Shot]:
        """Shots that the end of the run lets be seen."""
        run, self._run = self._run, _Run(self._run.last)
        shots = self._begin_all(run.finish())
        faded = run.fades_from
        if faded is not None:
            if run.last >= len(self._pts) - 1:
                self._fade_out = faded
            else:  # into black that goes on after the run
                shots += self._begin(_Beginning(faded, "fade", (faded, run.last)))
        return shots

    def _begin_all(self, beginnings: list[_Beginning]) -> list[Shot]:
        return [shot for beginning in beginnings for shot in self._begin(beginning)]

    def _begin(self, beginning: _Beginning) -> list[Shot]:
        """Close the open shot where another one begins."""
        if beginning.start <= self._open.start:
            if beginning.start == self._open.start == 0:
                self._open = beginning
            return []
        closed = self._close(beginning.start - 1)
        self._open = beginning
        return [closed]

    def _usable(self, last: int) -> tuple[int, int]:
        """First and last frame outside transitions of the open shot, if it ends with `last`."""
        begin = self._open
        first = begin.start if begin.blended is None else min(begin.blended[1] + 1, last)
        return first, last if self._fade_out is None else max(first, self._fade_out - 1)

    def _fold(self, end: int) -> None:
        """Show the open shot's samples before frame `end` to its look."""
        window = TickWindow()
        first, last = self._usable(end - 1)
        for sample in self._waiting:
            if first <= sample[1] <= last:
                window.push(*sample)
        self._waiting = [sample for sample in self._waiting if sample[1] >= end]
        window.update()
        if len(window):
            self._look.add(window, 0, window.end)

    def _close(self, last: int) -> Shot:
        """The open shot, which ends with frame `last`."""
        self._fold(last + 1)
        begin, (usable_start, usable_end) = self._open, self._usable(last)
        start_pts, start_seconds = self._when(begin.start)
        end_pts, end_seconds = self._when(last)
        shot = Shot(
            index=len(self.looks),
            start_frame=begin.start,
            end_frame=last,
            start_pts=start_pts,
            end_pts=end_pts,
            start_seconds=start_seconds,
            end_seconds=end_seconds,
            transition=begin.kind,
            transition_start_frame=None if begin.blended is None else begin.blended[0],
            transition_end_frame=None if begin.blended is None else min(begin.blended[1], last),
            scene=0,
            repeat_of=None,
            content=self._look.content(),
            usable_start_frame=usable_start,
            usable_end_frame=usable_end,
        )
        self.looks.append(self._look.look())
        self._look = ShotLook()
        return shot

    def _when(self, number: int) -> tuple[int, float]:
        assert self._origin is not None
        origin_pts, origin_seconds = self._origin
        pts = int(self._pts[number])
        return pts, origin_seconds + (pts - origin_pts) * self._tick_seconds


class _Run:
    """Frames without a gap, and the shots that begin among them; `last` is the latest frame."""

    def __init__(self, last: int = -1) -> None:
        self.last = last
        self.count = 0
        self.fades_from: int | None = None  # first frame of a fade that goes on at the end
        self._first: Sample | None = None
        self._detector: ShotDetector | None = None  # from the second frame on
        self._is_first_shot = True

    def push(self, sample: Sample) -> list[_Beginning]:
        self.count += 1
        self.last = sample[1]
        if self._first is None:
            self._first = sample
            return []
        if self._detector is None:
            self._detector = ShotDetector()
            self._give(self._first)
        return self._beginnings(self._give(sample))

    def finish(self) -> list[_Beginning]:
        if self._detector is None or self._first is None:
            return []
        shots = self._detector.finish()
        if shots and shots[-1].usable_end_frame < shots[-1].end_frame:
            self.fades_from = self._first[1] + shots[-1].usable_end_frame + 1
        return self._beginnings(shots)

    def _give(self, sample: Sample) -> list[Shot]:
        assert self._detector is not None
        assert self._first is not None
        signals, index, pts, seconds = sample
        return self._detector.push(signals, index - self._first[1], pts, seconds)

    def _beginnings(self, shots: list[Shot]) -> list[_Beginning]:
        """How the shots begin; the first one of a run only goes on, unless it fades in."""
        assert self._first is not None
        first, found = self._first[1], []
        for shot in shots:
            begins = _moved(shot, first)
            if self._is_first_shot and begins.blended is not None and first:
                begins = replace(begins, start=begins.blended[0], kind="fade")
            if not self._is_first_shot or first == 0 or begins.blended is not None:
                found.append(begins)
            self._is_first_shot = False
        return found


def _moved(shot: Shot, first: int) -> _Beginning:
    """How a shot begins whose frames count from the run's `first`."""
    blended = None
    if shot.transition_start_frame is not None and shot.transition_end_frame is not None:
        blended = first + shot.transition_start_frame, first + shot.transition_end_frame
    return _Beginning(first + shot.start_frame, shot.transition, blended)
