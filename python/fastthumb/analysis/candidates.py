"""Candidates: the few frames of each shot that are worth judging, and what they look like.

Samples (measured frames without their pictures) and slots (analysis/slots.py) come in order of
time and wait in bounded memory. When the shot detector reports a shot, the slots inside it are
compared with their neighbors in the shot and the best are handed on. A shot that stays open for
long is thinned as it grows.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.bars import BarFinder, Box, cut_bars, upright_map, upright_shares
from fastthumb.analysis.detections import NOT_LOOKED_AT, Contents, Face, Sighting
from fastthumb.analysis.face_worth import face_worth
from fastthumb.analysis.neighbors import (
    BARS,
    COLUMN,
    COLUMNS,
    CONTINUOUS_SECONDS,
    MOTION,
    SETTLED_SECONDS,
    context_of,
    is_empty,
    read_signals,
)
from fastthumb.analysis.ramps import ramp
from fastthumb.analysis.reframing import contents_within, face_within
from fastthumb.analysis.slots import Slot, expanded
from fastthumb.analysis.stills import PICTURE_SIDE, Still, content_signals, look

if TYPE_CHECKING:
    from fastthumb._core import FrameSignals
    from fastthumb.analysis.shots import Shot
    from fastthumb.media.source import SourceInfo
    from fastthumb.settings import Settings

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

_BESIDE_CUT = 0.7  # what a frame that touches a cut is worth
_MOST_SLOTS = 256  # held at most for one open shot, some 50 kB each
_GRID_SECONDS = 0.5  # how far apart the frames are whose places are compared, see _activity
_MOST_GRIDS = 1024  # held at most for one open shot, 2 kB each
_SECONDS_EACH = 1.25  # of a shot for each of its candidates, up to _DENSE of them;
_DENSE = 8
_SECONDS_EACH_LONG = 4.0  # longer shots give one for so many seconds
_RESERVE = 24.0  # candidates that any film may have beyond its hourly number, however short


@dataclass(frozen=True, slots=True)
class Candidate:
    """A frame worth judging, and everything that is known about it.

    `signals` holds the scalar signals of the frame, corrected for black bars, and what its
    neighbors tell: `relative_sharpness` (0..1, its sharpness over the best within a second of
    it), `settled` (0..1, below 1 in a fade or a flash, 0 in a transition), and the means
    over the second around it `moment_motion`, `moment_spread` (working pixels per second, whole
    and against the camera) and `moment_change` (grey levels that motion does not explain).
    `stillness` is 1 where nothing moves, and falls with motion as blur would grow. `content_box`
    is (x0, y0, x1, y1) in decoded pixels, ends exclusive: the picture without black bars, and
    `box_size` its (width, height) upright in square pixels. `faces` is None where nobody looked
    for any; their positions, and those in `contents`, are shares of the picture without bars.
    `refined` says that it was compared with every other frame of its moment, `looked_at` that no
    network that could say something of its frame was kept from it.
    """

    shot: int
    frame_index: int
    pts: int
    seconds: float
    signals: dict[str, float]
    stillness: float
    content_box: Box
    still: Still
    box_size: tuple[int, int]
    faces: tuple[Face, ...] | None = None
    contents: Contents = NOT_LOOKED_AT
    refined: bool = False
    looked_at: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """A candidate before it is judged.

    `picture` is its small upright copy, bars included, and `kept` the larger one as JPEG.
    `activity` is float32 (18, 32) over the decoded frame, how much each place moves around that
    time in grey levels, camera motion taken away; None where too little of the shot is known.
    """

    shot: int
    frame_index: int
    pts: int
    seconds: float
    signals: dict[str, float]
    stillness: float
    content_box: Box
    picture: ByteArray
    activity: FloatArray | None
    faces: tuple[Face, ...] | None = None
    kept: bytes = b""


class CandidateCollector:
    """Collects candidates from the samples and slots of a film, shot by shot."""

    def __init__(self, info: SourceInfo, settings: Settings) -> None:
        self._info = info
        self._bars = BarFinder(info)
        self._rows = array("f")
        self._previous_seconds = 0.0
        self._slots: list[Slot] = []
        self._sightings: list[Sighting] = []
        self._grids: list[tuple[float, int, FloatArray]] = []  # seconds, index, luma
        self._per_second = settings.candidates_per_hour / 3600.0
        self._allowance, self._allowed_until = _RESERVE, 0.0

    def push(self, signals: FrameSignals, index: int, seconds: float) -> None:
        """Take note of the next sample."""
        row = [index, seconds, *read_signals(signals)]
        if seconds - self._previous_seconds > CONTINUOUS_SECONDS:
            row[MOTION] = [0.0] * (MOTION.stop - MOTION.start)  # samples, not motion
        self._previous_seconds = seconds
        self._rows.extend(row)
        if not self._grids or seconds >= self._grids[-1][0] + _GRID_SECONDS:
            self._grids.append((seconds, index, signals.grid[..., 0].copy()))
            if len(self._grids) > _MOST_GRIDS:
                del self._grids[0 : len(self._grids) : 2]

    def add(self, slots: Iterable[Slot], sightings: Iterable[Sighting] = ()) -> None:
        """Take the next slots, and what was seen in their frames, in order of time."""
        self._slots.extend(slots)
        self._sightings.extend(sightings)
        while len(self._slots) > _MOST_SLOTS:
            starts = np.array([slot.start_seconds for slot in self._slots])
            _merge(self._slots, int((starts[2:] - starts[:-2]).argmin()))

    def sightings(self, shot: Shot) -> list[Sighting]:
        """Take the faces seen in the sampled frames of a finished shot, in order of time.

        Empty where nothing can find faces. Shots are asked for in order, before `close`.
        """
        seen = [one for one in self._sightings if one.frame_index <= shot.end_frame]
        self._sightings = self._sightings[len(seen) :]
        return [one for one in seen if one.frame_index >= shot.start_frame]

    def close(self, shot: Shot, sightings: Sequence[Sighting] = ()) -> list[Held]:
        """Candidates of a finished shot, in order of time; forgets all frames up to its end.

        Shots are closed in order. `sightings` are those of the shot, with everything that
        following the faces told: the frame in which people look best is preferred. Black and
        flat frames are left out; a shot of nothing else gives none. Frames of a transition are
        left out unless the shot has no others: then one is given with `settled` 0.
        """
        faces = {one.frame_index: one.faces for one in sightings}
        rows = self._take_rows(shot.end_frame)
        grids = [grid for grid in self._grids if grid[1] <= shot.end_frame]
        self._grids = self._grids[len(grids) :]
        slots = [slot for slot in self._slots if slot.index <= shot.end_frame]
        self._slots = self._slots[len(slots) :]
        slots = [slot for slot in slots if slot.index >= shot.start_frame]
        rows = rows[rows[:, 0] >= shot.start_frame]
        first, last = shot.usable_start_frame, shot.usable_end_frame
        inside = [slot for slot in slots if first <= slot.index <= last]
        if inside:
            rows = rows[(rows[:, 0] >= first) & (rows[:, 0] <= last)]
            grids = [grid for grid in grids if first <= grid[1] <= last]
        slots = inside or slots
        chosen = _best_slots(slots, rows, faces, settled=bool(inside), edges=(first, last))
        chosen = chosen[: self._grant(shot, len(chosen))]
        if not chosen:
            return []
        pictures = [expanded(slot.picture, PICTURE_SIDE) for slot, _ in chosen]
        box = self._bars.find(rows[:, BARS], rows[:, COLUMN["dark_share"]], pictures)
        held = [
            self._hold(
                shot.index,
                slot,
                picture,
                box,
                context,
                _activity_around(grids, slot.seconds),
                faces.get(slot.index),
            )
            for (slot, context), picture in zip(chosen, pictures, strict=True)
        ]
        return sorted(held, key=lambda one: one.frame_index)

    def _hold(
        self,
        shot: int,
        slot: Slot,
        picture: ByteArray,
        box: Box,
        context: dict[str, float],
        activity: FloatArray | None,
        faces: tuple[Face, ...] | None,
    ) -> Held:
        signals = content_signals(slot.values, picture, box, self._info) | context
        stillness = signals.pop("stillness")
        return Held(
            shot,
            slot.index,
            slot.pts,
            slot.seconds,
            signals,
            stillness,
            box,
            picture,
            activity,
            faces,
            slot.picture,
        )

    def _take_rows(self, last_index: int) -> FloatArray:
        """Remove and return the rows of all frames up to `last_index`."""
        width = len(COLUMNS)
        table = np.array(self._rows, dtype=np.float32).reshape(-1, width)
        count = int(np.searchsorted(table[:, 0], last_index, side="right"))
        del self._rows[: count * width]
        return table[:count]

    def _grant(self, shot: Shot, wanted: int) -> int:
        """How many of the wanted candidates the film's allowance covers; one at least."""
        self._allowance += (shot.end_seconds - self._allowed_until) * self._per_second
        self._allowed_until = shot.end_seconds
        granted = min(wanted, max(int(self._allowance), 1))
        self._allowance -= granted
        return granted


def judge(held: Held, info: SourceInfo) -> Candidate:
    """Look at a held picture: the candidate with everything that its pixels tell."""
    picture = np.ascontiguousarray(cut_bars(held.picture, held.content_box, info))
    part = upright_shares(held.content_box, info)
    width, height = info.display_size
    activity = None
    if held.activity is not None:
        activity = upright_map(held.activity, held.content_box, info)
    candidate = Candidate(
        held.shot,
        held.frame_index,
        held.pts,
        held.seconds,
        held.signals,
        held.stillness,
        held.content_box,
        look(picture, activity),
        box_size=(
            max(round((part[2] - part[0]) * width), 1),
            max(round((part[3] - part[1]) * height), 1),
        ),
    )
    return with_faces(candidate, held.faces, info)


def with_faces(candidate: Candidate, faces: Sequence[Face] | None, info: SourceInfo) -> Candidate:
    """The candidate with the faces of its frame, in shares of the upright frame."""
    if faces is None:
        return replace(candidate, faces=None)
    part = upright_shares(candidate.content_box, info)
    # Who it is, is known from the whole track: a single look's embedding has served.
    within = tuple(replace(face_within(face, part), embedding=None) for face in faces)
    return replace(candidate, faces=within)


def with_contents(candidate: Candidate, contents: Contents, info: SourceInfo) -> Candidate:
    """The candidate with what a look at its whole frame told, in shares of the upright frame."""
    part = upright_shares(candidate.content_box, info)
    return replace(candidate, contents=contents_within(contents, part))


def _merge(slots: list[Slot], at: int) -> None:
    """Replace the slots `at` and `at + 1` by the better one, starting where the first did."""
    first, second = slots[at], slots[at + 1]
    better = second if second.worth > first.worth else first
    slots[at : at + 2] = [replace(better, start_seconds=first.start_seconds)]


def _best_slots(
    slots: list[Slot],
    rows: FloatArray,
    faces: Mapping[int, tuple[Face, ...]],
    *,
    settled: bool,
    edges: tuple[int, int],
) -> list[tuple[Slot, dict[str, float]]]:
    """The best slots of a shot that lie apart in time, best first, with what neighbors tell."""
    rated = []
    for slot in slots:
        at = int(np.searchsorted(rows[:, 0], slot.index))
        if at == len(rows) or is_empty(rows[at]) or not slot.picture:
            continue
        context = context_of(rows, at)
        if not settled:
            context["settled"] = 0.0
        worth = slot.worth * (0.3 + 0.7 * context["relative_sharpness"])
        worth *= 0.1 + context["settled"]
        worth *= face_worth(faces.get(slot.index, ()))
        # In telecined or field-blended film both may hold parts of two shots.
        worth *= _BESIDE_CUT if slot.index in edges else 1.0
        rated.append((worth, slot, context))
    rated.sort(key=lambda one: -one[0])
    if not settled:
        return [(slot, context) for _, slot, context in rated[:1]]
    duration = float(rows[-1, 1] - rows[0, 1]) if len(rows) else 0.0
    wanted = _wanted(duration)
    apart = 0.5 * duration / wanted
    chosen: list[tuple[Slot, dict[str, float]]] = []
    for _, slot, context in rated:
        if len(chosen) < wanted and all(abs(slot.seconds - c.seconds) >= apart for c, _ in chosen):
            chosen.append((slot, context))
    return chosen


def _wanted(duration: float) -> int:
    """Candidates of a shot of so many seconds."""
    dense = min(1 + int(duration / _SECONDS_EACH), _DENSE)
    return max(dense, int(duration / _SECONDS_EACH_LONG))


def _activity_around(
    grids: Sequence[tuple[float, int, FloatArray]], seconds: float
) -> FloatArray | None:
    """The activity of the seconds around a time, of grids (seconds, index, luma)."""
    return activity_of([luma for when, _, luma in grids if abs(when - seconds) <= SETTLED_SECONDS])


def activity_of(grids: Sequence[FloatArray]) -> FloatArray | None:
    """How much each place of the frame changes over a few frames, float32 (18, 32) grey levels.

    `grids` are the lumas of the cells, (18, 32), of frames around one time. What changes
    everywhere is the camera or the light, and taken off. None for less than three frames.
    """
    if len(grids) < 3:
        return None
    changes = np.stack(grids).std(axis=0)
    everywhere = float(np.median(changes))
    local = np.maximum(changes - 1.5 * everywhere - 1.0, 0.0) * (1.0 - ramp(everywhere, 2.0, 6.0))
    activity: FloatArray = local.astype(np.float32)
    return activity
