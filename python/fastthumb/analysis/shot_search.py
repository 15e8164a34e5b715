"""Which parts of a film to decode so that every edit is found: first the doubts, then a look.

Keyframes and packet sizes tell for every two neighboring keyframes how likely an edit hides
between them (shot_doubts). Where that is not as good as ruled out, frames around the largest
packet are looked at. The look goes on until the same evidence clears what is left between it and
the next keyframe, and MARGIN ticks beyond that, or beyond the edit that it saw: the network that
knows cuts decides as well with so few to either side as with many. Where the evidence does not
clear what lies before the first frame of a look, it begins again with the keyframe; a transition
that its first frame cuts through is read from a little earlier.

A look is a function of the film and its search alone, whoever does it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf

from fastthumb.analysis.shot_doubts import Group, Place, apart, doubt, place_of
from fastthumb.analysis.shot_packets import PacketEvidence
from fastthumb.analysis.shot_ticks import TICK_SECONDS, Sample
from fastthumb.analysis.shots import Shot, ShotDetector

Read = Callable[[int, int], Generator[Sample]]  # measured frames from the first to the last

# Log odds of an edit, by bench/selective.py: lower ones decode more and find no more.
DOUBTFUL = -0.5  # between keyframes, from which on it is looked for
DOUBTFUL_WHERE_LONG = -4.0  # an encoder that spaces keyframes so far puts them on edits
CLEARED = -2.5  # between a look's end and a keyframe, up to which the look may end there
UNLIKELY = 1.0  # between keyframes, up to which a look that finds nothing is believed
# Ticks, see Note [ticks] in shot_ticks.py:
MARGIN = 5  # to either side of an edit, inside a look
MARGIN_OF_GRADUAL = 10  # the same of a transition: its ends are harder to tell
# Before the likely place: its packet may come as late as three frames after a cut, and where a look
# turns out to begin too late, its keyframe is decoded once more.
AHEAD = 12
GROW = 14  # by which a look goes back, or beyond its group: half of a long transition
BEYOND = 20  # that may be looked at after the next keyframe
LONG = 80  # between keyframes
SOONEST = 2  # after what is cleared, from which on a look may end that has seen an edit
STRIDE = 2  # after which a look asks again whether it may end


@dataclass(frozen=True, slots=True)
class Search:
    """A group of pictures in which an edit may hide.

    It begins with `before`; `after` is the next keyframe, None at the film's end, as `group` is.
    Frames from `first` on are looked at, at least as far as `likely`, where a new shot most
    likely begins, but none before `earliest` or beyond `last`. `doubt` are the log odds of an
    edit.
    """

    before: Place
    group: Group | None
    earliest: int
    first: int
    likely: int
    last: int
    doubt: float

    @property
    def after(self) -> Place | None:
        """The keyframe that ends the group of pictures."""
        return None if self.group is None else self.group.after

    @property
    def frames(self) -> int:
        """How many frames the group of pictures has."""
        end = self.last + 1 if self.after is None else self.after.number
        return end - self.before.number


def searches(
    keyframes: Sequence[Sample], evidence: PacketEvidence, *, passes_cheaply: bool = True
) -> list[Search]:
    """The groups of pictures that have to be looked into, in order.

    `keyframes` are neighbors, numbered as in the film. `passes_cheaply` tells whether frames
    decoded on the way to others cost less than those that are looked at; where not, a look
    begins with the keyframe.
    """
    end = len(evidence.pts) - 1
    found: list[Search] = []
    for group in groups_of(keyframes):
        before, after, per_tick = group.before, group.after, group.per_tick
        odds = doubt(evidence, group, before, after)
        if odds > (DOUBTFUL_WHERE_LONG if _is_long(group) else DOUBTFUL):
            first = before.number
            likely = evidence.likely_start(before.number, after.number)
            covered = found and found[-1].after is before
            if not covered or before.number - found[-1].likely > GROW * per_tick:
                # What goes on from the group before is not seen by a look at that.
                earliest = max(0, before.number - GROW * per_tick)
            else:
                earliest = before.number
            if passes_cheaply:
                first = max(first, likely - AHEAD * per_tick)
            last = min(after.number + BEYOND * per_tick, end)
            found.append(Search(before, group, earliest, first, likely, last, odds))
    if keyframes and keyframes[-1][1] < end:
        # Nothing is known of how the film ends.
        last_key = place_of(*keyframes[-1][:2])
        number = last_key.number
        found.append(Search(last_key, None, number, number, number, end, inf))
    return found


def groups_of(keyframes: Sequence[Sample]) -> list[Group]:
    """The groups of pictures that begin and end with these keyframes, which are neighbors."""
    places = [place_of(signals, number) for signals, number, _pts, _seconds in keyframes]
    distances = [apart(one, two) for one, two in pairwise(places)]
    per_tick = _frames_per_tick(keyframes)
    return [
        Group(
            *ends, tuple(distances[n] for n in (k - 1, k + 1) if 0 <= n < len(distances)), per_tick
        )
        for k, ends in enumerate(pairwise(places))
    ]


def look_into(search: Search, evidence: PacketEvidence, read: Read) -> list[Sample]:
    """The frames that show what happens in a group of pictures: a run without gaps."""
    group = search.group
    if group is None:
        return list(read(search.before.number, search.last))
    run = _look_from(search.first, search, group, evidence, read)
    if not run.samples and search.first > search.before.number:
        run = _look_from(search.before.number, search, group, evidence, read)
    samples = run.samples
    if samples and _begins_late(run, search, group, evidence):
        first, before = samples[0][1], search.before.number
        least = before if first > before else search.earliest
        earlier = max(least, first - GROW * group.per_tick)
        if earlier < first:
            # Once more with the first frame, whose signals now compare it with the one before.
            with closing(read(earlier, first)) as head:
                samples = [*head, *samples[1:]]
    return samples


class _Run:
    """The frames of a look so far, without gaps, and the edits in them."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._edits: list[tuple[int, int]] = []
        self._told = 0  # frames that the edits are those of

    def edits(self) -> list[tuple[int, int]]:
        """First and last blended frame of each edit; a cut ends before it begins."""
        if self._told != len(self.samples):
            self._edits, self._told = _edits(self.samples), len(self.samples)
        return self._edits


def _shots_of(run: Sequence[Sample]) -> list[Shot]:
    """Shots of a run alone; frames count from 0 at its first one."""
    detector, first = ShotDetector(), run[0][1]
    shots = [
        shot
        for signals, number, pts, seconds in run
        for shot in detector.push(signals, number - first, pts, seconds)
    ]
    return shots + detector.finish()


def _look_from(
    first: int, search: Search, group: Group, evidence: PacketEvidence, read: Read
) -> _Run:
    """The run from a frame on; empty where an edit may lie before it in the group."""
    stride = STRIDE * group.per_tick
    before, after = group.before.number, group.after.number
    least = min(search.likely, after) if first > before else first
    cleared: int | None = None  # the first frame after which an edit is ruled out
    run = _Run()
    with closing(read(first, search.last)) as rest:
        for sample in rest:
            number = sample[1]
            if number == first > before and _is_doubtful(sample, group, evidence, early=True):
                return run
            run.samples.append(sample)
            if (number - first) % stride and number != after:
                continue
            if cleared is None and (
                number >= after
                or (number >= least and not _is_doubtful(sample, group, evidence, early=False))
            ):
                cleared = number
            if cleared is not None and _is_over(run, cleared, search, group):
                break
    return run


def _is_long(group: Group) -> bool:
    return group.after.number - group.before.number >= LONG * group.per_tick


def _is_doubtful(sample: Sample, group: Group, evidence: PacketEvidence, *, early: bool) -> bool:
    """Whether an edit may lie before a frame in its group, or after it."""
    place = place_of(sample[0], sample[1])
    ends = (group.before, place) if early else (place, group.after)
    return doubt(evidence, group, *ends) > (DOUBTFUL_WHERE_LONG if _is_long(group) else CLEARED)


def _is_over(run: _Run, cleared: int, search: Search, group: Group) -> bool:
    """Whether what a run shows is over before its end; it may not go on after `cleared`."""
    last = run.samples[-1][1]
    since = (last - cleared) // group.per_tick
    edits = run.edits() if since >= SOONEST else []
    if edits:
        start, end = edits[-1]
        if end < start:
            return (last - start) // group.per_tick >= MARGIN
        return since >= MARGIN and (last - end) // group.per_tick >= MARGIN_OF_GRADUAL
    if since < MARGIN:
        return False
    beyond = last - group.after.number
    return search.doubt <= UNLIKELY or (
        since >= MARGIN_OF_GRADUAL and not 0 <= beyond < GROW * group.per_tick
    )


def _begins_late(run: _Run, search: Search, group: Group, evidence: PacketEvidence) -> bool:
    """Whether what a run shows may have begun before its first frame."""
    samples, edits = run.samples, run.edits()
    first, margin = samples[0][1], MARGIN * group.per_tick
    if edits:
        start, end = edits[0]
        if end < start:
            # A cut right after a keyframe is seen without what lies before.
            return start - first < margin and first > search.before.number
        return start - first < MARGIN_OF_GRADUAL * group.per_tick
    if search.doubt <= UNLIKELY or len(samples) <= margin or first + margin >= group.after.number:
        return False
    return _is_doubtful(samples[margin], group, evidence, early=True)


def _edits(run: Sequence[Sample]) -> list[tuple[int, int]]:
    """First and last blended frame of the edits in a run; a cut ends before it begins."""
    shots = _shots_of(run)
    number = run[0][1]
    edits = []
    for shot in shots:
        if shot.transition_start_frame is not None and shot.transition_end_frame is not None:
            edits.append((number + shot.transition_start_frame, number + shot.transition_end_frame))
        elif shot.start_frame > 0:
            edits.append((number + shot.start_frame, number + shot.start_frame - 1))
    if shots[-1].usable_end_frame < shots[-1].end_frame:
        edits.append((number + shots[-1].usable_end_frame + 1, run[-1][1]))
    return edits


def _frames_per_tick(keyframes: Sequence[Sample]) -> int:
    if len(keyframes) < 2:
        return 1
    first, last = keyframes[0], keyframes[-1]
    frame_seconds = (last[3] - first[3]) / (last[1] - first[1])
    return max(1, ceil(TICK_SECONDS / frame_seconds)) if frame_seconds > 0 else 1
