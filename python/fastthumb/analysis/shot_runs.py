"""Shots of a film of which only some runs of frames were decoded, and its keyframes.

No edit lies between two runs: that is what they were chosen for (shot_search). So each run is cut
into shots alone, and the shot that ends one run goes on in the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fastthumb.analysis.shot_edits import Kind
from fastthumb.analysis.shot_looks import Look, ShotLook
from fastthumb.analysis.shot_packets import PacketEvidence
from fastthumb.analysis.shot_search import Sample, find_edits
from fastthumb.analysis.shot_ticks import TickWindow
from fastthumb.analysis.shots import Shot


@dataclass(frozen=True, slots=True)
class _Beginning:
    """How one shot of the film begins; frames by number in the film."""

    start: int
    kind: Kind
    blended: tuple[int, int] | None


def join_runs(looks: Iterable[Sequence[Sample]]) -> list[list[Sample]]:
    """Runs of frames without gaps, none next to another, from looks in order.

    Of a frame that two looks saw, the earlier one counts: the signals of a look's first frame
    compare it with nothing.
    """
    runs: list[list[Sample]] = []
    for look in looks:
        for sample in look:
            number = sample[1]
            if runs and number <= runs[-1][-1][1]:
                continue
            if runs and number == runs[-1][-1][1] + 1:
                runs[-1].append(sample)
            else:
                runs.append([sample])
    return runs


def shots_of_runs(
    runs: Sequence[Sequence[Sample]],
    keyframes: Sequence[Sample],
    evidence: PacketEvidence,
    tick_seconds: float,
) -> tuple[list[Shot], list[Look]]:
    """The shots that tile the film, and their looks; scenes are not marked yet.

    `tick_seconds` is the unit of timestamps. [] where there are no keyframes.
    """
    if not keyframes:
        return [], []
    end = len(evidence.pts) - 1
    opening, beginnings, fade_out = _beginnings(runs, end)
    beginnings = [opening, *beginnings]
    ends = [beginning.start - 1 for beginning in beginnings[1:]] + [end]
    _signals, _number, origin_pts, origin_seconds = keyframes[0]

    def when(number: int) -> tuple[int, float]:
        pts = int(evidence.pts[number])
        return pts, origin_seconds + (pts - origin_pts) * tick_seconds

    seen = {sample[1]: sample for sample in keyframes}
    seen.update((sample[1], sample) for run in runs for sample in run)
    order = iter(sorted(seen))
    waiting = next(order, None)
    shots, looks = [], []
    for index, (beginning, last) in enumerate(zip(beginnings, ends, strict=True)):
        start, blended = beginning.start, beginning.blended
        usable_start = start if blended is None else min(blended[1] + 1, last)
        usable_end = last if fade_out is None or last < end else max(usable_start, fade_out - 1)
        window, look = TickWindow(), ShotLook()
        while waiting is not None and waiting <= last:
            if usable_start <= waiting <= usable_end:
                window.push(*seen[waiting])
            waiting = next(order, None)
        window.update()
        if len(window):
            look.add(window, 0, window.end)
        start_pts, start_seconds = when(start)
        end_pts, end_seconds = when(last)
        shots.append(
            Shot(
                index=index,
                start_frame=start,
                end_frame=last,
                start_pts=start_pts,
                end_pts=end_pts,
                start_seconds=start_seconds,
                end_seconds=end_seconds,
                transition=beginning.kind,
                transition_start_frame=None if blended is None else blended[0],
                transition_end_frame=None if blended is None else min(blended[1], last),
                scene=0,
                repeat_of=None,
                content=look.content(),
                usable_start_frame=usable_start,
                usable_end_frame=usable_end,
            )
        )
        looks.append(look.look())
    return shots, looks


def _beginnings(
    runs: Sequence[Sequence[Sample]], end: int
) -> tuple[_Beginning, list[_Beginning], int | None]:
    """How the film begins, how its other shots do, and the first frame of a fade that ends it."""
    opening = _Beginning(0, "start", None)
    found: list[_Beginning] = []
    fade_out = None
    for run in runs:
        first = run[0][1]
        shots, _ = find_edits(run)
        moved = [_moved(shot, first) for shot in shots]
        if first == 0:
            opening = replace(opening, kind=moved[0].kind, blended=moved[0].blended)
        elif (blended := moved[0].blended) is not None:
            # A fade out of black that began before the run.
            found.append(_Beginning(blended[0], "fade", blended))
        found += moved[1:]
        last = shots[-1]
        if last.usable_end_frame < last.end_frame:
            faded = first + last.usable_end_frame + 1
            if run[-1][1] >= end:
                fade_out = faded
            else:  # into black that goes on after the run
                found.append(_Beginning(faded, "fade", (faded, run[-1][1])))
    found.sort(key=lambda beginning: beginning.start)
    return opening, [beginning for beginning in found if beginning.start > 0], fade_out


def _moved(shot: Shot, first: int) -> _Beginning:
    blended = None
    if shot.transition_start_frame is not None and shot.transition_end_frame is not None:
        blended = first + shot.transition_start_frame, first + shot.transition_end_frame
    return _Beginning(first + shot.start_frame, shot.transition, blended)
