"""Refining: around a chosen frame every frame is decoded, and the best of its moment found.

Where only parts of a film were decoded, a chosen frame is the best of few, and nothing tells
how it moves. So the moments of the picks are decoded at full rate: the best frame of each joins
the candidates, the chosen one stays with what its neighbors tell of it, and the choice is made
again, until it has nothing but refined pictures.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fastthumb.analysis.bars import upright_shares
from fastthumb.analysis.candidates import Candidate, Held, activity_of, judge
from fastthumb.analysis.moments import (
    REACH_SECONDS,
    Instants,
    Rated,
    best_of,
    frames_around,
    known_again,
    rate,
    worth_a_look,
)
from fastthumb.analysis.neighbors import COLUMNS, MOMENT_SECONDS, SETTLED_SECONDS, read_signals
from fastthumb.analysis.reframing import contents_within, face_within
from fastthumb.analysis.signals import Measured, SignalTable, measure, scalars
from fastthumb.analysis.stills import PICTURE_SIDE, content_signals
from fastthumb.artwork.fetching import decoders_for
from fastthumb.casting import Analyzed, Choice, choose_pictures
from fastthumb.media.display import display_rgb
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.spans import SpanTable, can_skip
from fastthumb.timing import StageClock

if TYPE_CHECKING:
    from fastthumb.analysis.cast import Cast
    from fastthumb.analysis.detections import Face, FloatArray
    from fastthumb.analysis.shots import Shot
    from fastthumb.analysis.stills import Still
    from fastthumb.looking import FrameLooker
    from fastthumb.media.source import Frame, Source, SourceInfo
    from fastthumb.settings import Settings

MOMENTS = "decode moments"  # the stage
ROUNDS = 5  # a refined picture may be worse than it seemed: then others are chosen
_SAME_PICTURE = 0.92  # cosine of descriptors from which what networks saw of one is true of both


class Refinable(Analyzed, Protocol):
    """A fresh or a stored analysis whose candidates can be replaced."""

    @property
    def info(self) -> SourceInfo: ...
    @property
    def table(self) -> SignalTable: ...
    @property
    def candidates(self) -> list[Candidate]: ...


def refines(settings: Settings) -> bool:
    """Whether the preset decodes the moments of its picks."""
    return settings.preset != "fast"


def is_unrefined(choice: Choice, made: Container[int] = ()) -> bool:
    """Whether a choice has a picture that is not the best of its moment, nor among those `made`."""
    chosen = (pick.scored.candidate for pick in choice.picks)
    return any(not one.refined and one.pts not in made for one in chosen)


def choose_refined(
    source: Source,
    analysis: Refinable,
    settings: Settings,
    cast: Cast | None,
    looker: FrameLooker | None,
    *,
    threads: int | None = None,
    clock: StageClock | None = None,
    avoid: Sequence[Still] = (),
    made: Container[int] = (),
) -> Choice:
    """Choose pictures, each from all frames of its moment; as `choose_pictures`, which see.

    What is refined on the way is put into `analysis.candidates`, so that `choose_pictures`
    gives the same choice from then on. Pictures whose timestamps are in `made` stay as they are.
    """
    choice = choose_pictures(analysis, settings, cast, avoid=avoid)
    for _ in range(ROUNDS):
        chosen = [pick.scored.candidate for pick in choice.picks]
        new = [one for one in chosen if not one.refined and one.pts not in made]
        if not new:
            break
        refined = refine(source, analysis, new, looker, threads=threads, clock=clock)
        analysis.candidates[:] = _joined(analysis.candidates, refined)
        choice = choose_pictures(analysis, settings, cast, avoid=avoid)
    return choice


def refine(
    source: Source,
    analysis: Refinable,
    candidates: Sequence[Candidate],
    looker: FrameLooker | None,
    *,
    threads: int | None = None,
    clock: StageClock | None = None,
) -> list[Candidate]:
    """What takes the place of some candidates: themselves, and the best frames of their moments.

    In order of time, all `refined`. A candidate stays alone if no frame of its moment is clearly
    better, and as it was if the moment cannot be decoded alone. The result does not depend on
    `threads`, the number of decoders at work at the same time (None: one per core).
    """
    packets = source.packets()
    found: dict[int, Candidate] = {one.pts: one for one in candidates}
    if can_skip(packets, float(analysis.info.time_base)):
        table = SpanTable(packets)
        moments = [_moment_of(one, analysis, table) for one in candidates]
        stretches = _stretches([one for one in moments if one])
        frames = sum(max(one.last for one in each) - each[0].first + 1 for each in stretches)
        reader = _MomentReader(source, analysis, table, looker)
        workers = decoders_for(source.info, threads)
        with (
            (clock or StageClock()).stage(MOMENTS, frames=frames),
            ThreadPoolExecutor(workers, thread_name_prefix="fastthumb-decode") as pool,
        ):
            for best in pool.map(reader.read, stretches):
                found |= {one.pts: one for one in best}
    return [replace(found[pts], refined=True) for pts in sorted(found)]


def _joined(candidates: Sequence[Candidate], refined: Sequence[Candidate]) -> list[Candidate]:
    """All candidates, in order of time; of a frame that is in both, the refined one."""
    by_pts = {one.pts: one for one in candidates} | {one.pts: one for one in refined}
    return sorted(by_pts.values(), key=lambda one: one.frame_index)


@dataclass(frozen=True, slots=True)
class _Moment:
    """A candidate, its shot, and the frames around it that may take its place."""

    candidate: Candidate
    shot: Shot
    first: int
    last: int


def _moment_of(candidate: Candidate, analysis: Refinable, table: SpanTable) -> _Moment | None:
    """None for a candidate inside a transition: nothing around it is better."""
    shot = next(shot for shot in analysis.shots if shot.index == candidate.shot)
    within = shot.usable_start_frame, shot.usable_end_frame
    frame = int(np.searchsorted(table.pts, candidate.pts))
    is_there = frame < len(table.pts) and table.pts[frame] == candidate.pts
    if not is_there or not within[0] <= frame <= within[1]:
        return None
    reach = round(REACH_SECONDS / analysis.info.time_base)
    return _Moment(candidate, shot, *frames_around(table.pts, frame, reach, within))


def _stretches(moments: Sequence[_Moment]) -> list[list[_Moment]]:
    """Moments that overlap, which are of one shot, together; in order of time."""
    stretches: list[list[_Moment]] = []
    for moment in sorted(moments, key=lambda one: one.first):
        if stretches and moment.first <= max(one.last for one in stretches[-1]):
            stretches[-1].append(moment)
        else:
            stretches.append([moment])
    return stretches


class _MomentReader:
    """Decodes moments and takes the best frame of each; for several threads at the same time."""

    def __init__(
        self, source: Source, analysis: Refinable, table: SpanTable, looker: FrameLooker | None
    ) -> None:
        self._source, self._info, self._table = source, analysis.info, table
        self._looker, self._looking = looker, Lock()
        self._known = analysis.table.rows
        self._finds_objects = any(task == "objects" for _, task, _ in analysis.models)
        self._tracks = {track.index: track for track in analysis.tracks}

    def read(self, stretch: list[_Moment]) -> list[Candidate]:
        """The candidates of a stretch measured again, and the best frames of their moments.

        Empty where the stretch cannot be decoded alone.
        """
        first, last = stretch[0].first, max(moment.last for moment in stretch)
        # The frame before tells how the first one moves.
        start = max(first - 1, stretch[0].shot.usable_start_frame)
        spans = self._table.spans(start, last, most_groups=len(self._table.keys))
        instants = [self._instants(moment) for moment in stretch]
        rows: list[tuple[float, ...]] = []
        grids: list[FloatArray] = []
        try:
            for measured in measure(self._source.span_frames(spans), self._info):
                frame, signals = measured.frame, measured.signals
                if frame.index < first:
                    continue
                rows.append((frame.index, frame.seconds, *read_signals(signals)))
                grids.append(signals.grid[..., 0].copy())
                for moment, held in zip(stretch, instants, strict=True):
                    if moment.first <= frame.index <= moment.last:
                        held.push(measured)
        except CannotSeek:
            return []
        if not rows:
            return []
        near = self._with_known(np.array(rows, dtype=np.float32), stretch[0].shot)
        activity = activity_of(grids)
        return [
            one
            for moment, held in zip(stretch, instants, strict=True)
            for one in self._best(moment, held.frames, near, activity)
        ]

    def _instants(self, moment: _Moment) -> Instants:
        info = self._info
        tick = float(info.time_base)
        first, last = ((int(self._table.pts[n]) - (info.start_pts or 0)) * tick
                       for n in (moment.first, moment.last))  # fmt: skip
        pixels = info.width * info.height * (2 if info.bit_depth > 8 else 1)
        return Instants(first, last, 3 * pixels // 2, moment.candidate.frame_index)

    def _with_known(self, rows: FloatArray, shot: Shot) -> FloatArray:
        """With the samples of the shot beyond, so far away that their motion does not count.

        They tell how sharp and how rich in contrast the shot is.
        """
        known = self._known
        first, last = rows[0, 1] - MOMENT_SECONDS, rows[-1, 1] + MOMENT_SECONDS
        seconds = known["seconds"]
        low, high = np.searchsorted(seconds, [first - SETTLED_SECONDS, last + SETTLED_SECONDS])
        some = known[low:high]
        inside = (some["index"] >= shot.usable_start_frame) & (
            some["index"] <= shot.usable_end_frame
        )
        inside &= (some["seconds"] < first) | (some["seconds"] > last)
        some = some[inside]
        more = np.stack([some[name].astype(np.float32) for name in COLUMNS], axis=1)
        joined = np.concatenate([rows, more])
        return joined[np.argsort(joined[:, 0], kind="stable")]

    def _best(
        self,
        moment: _Moment,
        frames: dict[int, Measured],
        rows: FloatArray,
        activity: FloatArray | None,
    ) -> list[Candidate]:
        """The candidate of a moment measured again, and the best frame if it is another one."""
        old, shot = moment.candidate, moment.shot
        rated = rate(rows, sorted(frames), (shot.start_frame, shot.end_frame))
        people = None
        if old.faces and any(face.sure for face in old.faces):
            people = {old.frame_index: old.faces}
            for one in worth_a_look(rated, old.frame_index):
                if one.index not in people and self._looker is not None:
                    people[one.index] = self._faces(frames[one.index].frame, old) or ()
        best = best_of(rated, old.frame_index, people)
        seen = people or {}
        return [
            self._candidate(old, frames[one.index], one, seen.get(one.index, old.faces), activity)
            for one in rated
            if one.index == old.frame_index or one is best
        ]

    def _candidate(
        self,
        old: Candidate,
        measured: Measured,
        rated: Rated,
        faces: tuple[Face, ...] | None,
        activity: FloatArray | None,
    ) -> Candidate:
        """A frame of a moment as a candidate; what networks saw of `old` is true of it if alike."""
        frame, info, box = measured.frame, self._info, old.content_box
        picture = display_rgb(frame, info, max_long_side=PICTURE_SIDE)
        signals = content_signals(scalars(measured.signals), picture, box, info) | rated.context
        stillness = signals.pop("stillness")
        place = (old.shot, frame.index, frame.pts, frame.seconds)
        held = Held(*place, signals, stillness, box, picture, activity)
        new = replace(judge(held, info), faces=faces, contents=old.contents)
        alike = float(new.still.descriptor @ old.still.descriptor) >= _SAME_PICTURE
        never_seen = self._finds_objects and old.contents.objects is None
        if self._looker is None or (alike and not never_seen):
            return new
        return self._seen_anew(new, frame, old)

    def _seen_anew(self, new: Candidate, frame: Frame, old: Candidate) -> Candidate:
        """A candidate that networks have not seen, or not like that, with what they see now."""
        assert self._looker is not None
        with self._looking:
            contents = self._looker.contents(frame)
        part = upright_shares(old.content_box, self._info)
        new = replace(new, contents=contents_within(contents, part))
        return replace(new, faces=self._faces(frame, old)) if new.faces is old.faces else new

    def _faces(self, frame: Frame, old: Candidate) -> tuple[Face, ...] | None:
        """The faces of a frame, within its picture, known by those of the old candidate."""
        assert self._looker is not None
        with self._looking:
            faces = self._looker.faces(frame)
        if faces is None:
            return None
        part = upright_shares(old.content_box, self._info)
        inside = [replace(face_within(face, part), embedding=None) for face in faces]
        return known_again(inside, old.faces or (), self._tracks)
