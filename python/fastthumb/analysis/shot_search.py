"""Which parts of a film to decode so that every edit is found: first the doubts, then a look.

Keyframes and packet sizes tell for every two neighboring keyframes how likely an edit hides
between them (shot_packets). Where that is not as good as ruled out, frames around the largest
packet are looked at; to either side the look goes on until the same evidence clears what is left
between it and the keyframe. A look that finds nothing though an edit was likely, or a transition
that may go on beyond its end, takes the whole group of pictures.

A look is a function of the film and its search alone, whoever does it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from fastthumb.analysis.shot_packets import PacketEvidence
from fastthumb.analysis.shot_ticks import (
    FloatArray,
    SignalsLike,
    distances,
    pictures,
    unevenness,
)
from fastthumb.analysis.shot_weights import KEYFRAME_NETWORK
from fastthumb.analysis.shots import Shot, ShotDetector

Sample = tuple[SignalsLike, int, int, float]  # signals, number in the film, pts, seconds
Read = Callable[[int, int], Generator[Sample]]  # measured frames from the first to the last

# Log odds of an edit, by bench/selective.py: lower ones decode more and find no more.
DOUBTFUL = -3.5  # between keyframes, from which on it is looked for
CLEARED = -4.0  # between a look's end and a keyframe, up to which the look may end there
UNLIKELY = -1.0  # between keyframes, up to which a look that finds nothing is believed
CONTEXT = 12  # frames to either side of the likely place: what telling a cut from motion takes
BEYOND = 8  # frames looked at after the keyframe, where the look gets there: it may be the cut
STRIDE = 8  # frames by which a look goes on
EDGE = 6  # frames; a transition as near to the end of a look may go on


@dataclass(frozen=True, slots=True)
class Place:
    """A frame and its picture, as shot_ticks compares them."""

    number: int
    picture: FloatArray
    flatness: float


@dataclass(frozen=True, slots=True)
class Search:
    """A group of pictures in which an edit may hide.

    It begins with `before`; `after` is the next keyframe, None at the film's end. A new shot
    most likely begins with frame `likely`. `last` is the last frame that may be looked at, and
    `beside` how far the keyframes before and after are apart; `doubt` are the log odds of an edit.
    """

    before: Place
    after: Place | None
    likely: int
    last: int
    beside: tuple[float, ...]
    doubt: float

    @property
    def frames(self) -> int:
        """How many frames the group of pictures has."""
        end = self.last + 1 if self.after is None else self.after.number
        return end - self.before.number


def place_of(sample: Sample) -> Place:
    """The picture of a measured frame."""
    rows = pictures(sample[0].grid[None])
    return Place(sample[1], rows[0], float(unevenness(rows)[0]))


def searches(keyframes: Sequence[Sample], evidence: PacketEvidence) -> list[Search]:
    """The groups of pictures that have to be looked into, in order.

    `keyframes` are all that decode, numbered as in the film.
    """
    places = [place_of(sample) for sample in keyframes]
    apart = [_apart(one, two) for one, two in pairwise(places)]
    end = len(evidence.pts) - 1
    found = []
    for k, (before, after) in enumerate(pairwise(places)):
        beside = tuple(apart[n] for n in (k - 1, k + 1) if 0 <= n < len(apart))
        doubt = _doubt(evidence, before, after, beside)
        if doubt > DOUBTFUL:
            likely = evidence.likely_start(before.number, after.number)
            last = min(after.number + BEYOND, end)
            found.append(Search(before, after, likely, last, beside, doubt))
    if places and places[-1].number < end:
        # Nothing is known of how the film ends.
        found.append(Search(places[-1], None, places[-1].number, end, (), inf))
    return found


def look_into(search: Search, evidence: PacketEvidence, read: Read) -> list[Sample]:
    """The frames that show what happens in a group of pictures: a run without gaps."""
    before, after = search.before, search.after
    if after is None:
        return list(read(before.number, search.last))
    first = max(before.number, search.likely - CONTEXT)
    run: list[Sample] = []
    with closing(read(first, search.last)) as rest:
        for sample in rest:
            run.append(sample)
            past = sample[1] - search.likely - CONTEXT
            if past >= 0 and past % STRIDE == 0 and sample[1] < after.number:
                doubt = _doubt(evidence, place_of(sample), after, search.beside)
                if doubt <= CLEARED:
                    break
        begins_early, ends_late = _goes_beyond(run, search.doubt)
        if ends_late:
            run.extend(rest)
    if run and first > before.number:
        doubt = _doubt(evidence, before, place_of(run[0]), search.beside)
        if begins_early or doubt > CLEARED:
            # Once more with the first frame, whose signals now compare it with the one before.
            with closing(read(before.number, first)) as head:
                run = [*head, *run[1:]]
    return run


def find_edits(run: Sequence[Sample]) -> tuple[list[Shot], ShotDetector]:
    """Shots of a run alone; frames count from 0 at its first one."""
    detector, first = ShotDetector(), run[0][1]
    shots = [
        shot
        for signals, number, pts, seconds in run
        for shot in detector.push(signals, number - first, pts, seconds)
    ]
    return shots + detector.finish(), detector


def _goes_beyond(run: Sequence[Sample], doubt: float) -> tuple[bool, bool]:
    """Whether an edit may lie, or go on, before a run's first frame, and after its last.

    `doubt` are the log odds of an edit before the run was seen.
    """
    if not run:
        return True, True
    shots, _ = find_edits(run)
    spans = [
        (shot.transition_start_frame, shot.transition_end_frame)
        for shot in shots
        if shot.transition_start_frame is not None and shot.transition_end_frame is not None
    ]
    fades_out = shots[-1].usable_end_frame < shots[-1].end_frame
    if len(shots) == 1 and not spans and not fades_out:
        return doubt > UNLIKELY, doubt > UNLIKELY
    early = any(first < EDGE for first, _last in spans)
    late = any(len(run) - 1 - last < EDGE for _first, last in spans)
    return early, late or fades_out


def _apart(one: Place, two: Place) -> float:
    return float(distances(one.picture, two.picture))


def _doubt(evidence: PacketEvidence, one: Place, two: Place, beside: tuple[float, ...]) -> float:
    """Log odds that an edit lies after the first place and not after the second."""
    features = evidence.features(
        one.number,
        two.number,
        one.picture,
        two.picture,
        one.flatness + two.flatness,
        _apart(one, two),
        list(beside),
    )
    return KEYFRAME_NETWORK.score(features)
