"""Candidates: the few frames of each shot that are worth judging, and what they look like.

One pass over the film, in bounded memory. The film is cut into slots of about half a second;
each holds its best frame so far by sharpness, stillness and exposure. When a slot is over, its
frame is searched for faces: those are the samples by which people are followed through a shot.
When the shot detector reports a shot (a few seconds late), the slots inside it are compared with
their neighbors in the shot and the best are handed on. A shot that stays open for long is thinned
as it grows, and frames that wait for long are kept as small pictures, not as decoded frames.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

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
    SETTLED_SECONDS,
    context_of,
    is_empty,
    read_signals,
)
from fastthumb.analysis.ramps import ramp
from fastthumb.analysis.reframing import contents_within, face_within
from fastthumb.analysis.signals import Measured, scalars
from fastthumb.analysis.stills import PICTURE_SIDE, Still, content_signals, look
from fastthumb.media.display import display_rgb

if TYPE_CHECKING:
    from fastthumb.analysis.shots import Shot
    from fastthumb.media.source import Frame, SourceInfo
    from fastthumb.settings import Settings

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

_SLOT_SECONDS = 0.5
_THIN_SECONDS = 2.0  # slots of an open shot are merged up to this length once they are old
_LATE_SECONDS = 4.0  # a cut is reported at most this long after it happened
# A new slot begins early where the mean luma difference is at least this much above so many times
# the usual one: probably a cut.
_JUMP, _UNUSUAL = 12.0, 2.0
_BESIDE_CUT = 0.7  # what a frame that touches a cut is worth, ...
_DAMAGED = 0.2  # ... and one that the decoder says is damaged
_FRAME_BYTES = 64 << 20  # decoded frames held at most, counted in bytes ...
_FRAMES = 12  # ... and in number
_PICTURES = 256  # small pictures held at most for one open shot, 170 kB each
_SECONDS_EACH = 1.25  # of a shot for each of its candidates, up to _DENSE of them;
_DENSE = 8
_SECONDS_EACH_LONG = 4.0  # longer shots give one for so many seconds
_RESERVE = 24.0  # candidates that any film may have beyond its hourly number, however short


class Looker(Protocol):
    """Who looks for faces and things in decoded frames; see analysis/detectors.py."""

    def faces(self, frame: Frame) -> tuple[Face, ...] | None:
        """Faces in shares of the upright frame, largest first; None where nothing can find any."""

    def contents(self, frame: Frame) -> Contents:
        """What else the frame shows, in shares of the upright frame."""


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
    `refined` says that it was compared with every other frame of its moment.
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


@dataclass(frozen=True, slots=True)
class Held:
    """A candidate before it is judged.

    `picture` is its small upright copy, bars included. `activity` is float32 (18, 32) over the
    decoded frame, how much each place moves around that time in grey levels, camera motion
    taken away; None where too little of the shot is known.
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
    contents: Contents = NOT_LOOKED_AT


class _Slot:
    """The best frame of a stretch of time; a decoded frame at first, a picture later."""

    __slots__ = (
        "contents",
        "count",
        "grid",
        "index",
        "measured",
        "picture",
        "pts",
        "seconds",
        "seen",
        "start",
        "values",
        "worth",
    )

    def __init__(self, measured: Measured, worth: float) -> None:
        self.start = measured.frame.seconds
        self.count = 0
        self.picture: ByteArray | None = None
        self.values: dict[str, float] = {}
        self.contents = NOT_LOOKED_AT
        self.hold(measured, worth)

    def hold(self, measured: Measured, worth: float) -> None:
        frame = measured.frame
        self.measured: Measured | None = measured
        self.seen = False  # whether this frame was searched for faces
        self.worth = worth
        self.index, self.pts, self.seconds = frame.index, frame.pts, frame.seconds
        self.grid: npt.NDArray[np.float32] = measured.signals.grid

    def settle(self, info: SourceInfo, looker: Looker | None) -> None:
        """Take from the decoded frame all that is wanted of it, and let it go."""
        if self.measured is not None:
            if looker is not None:
                self.contents = looker.contents(self.measured.frame)
            self.picture = display_rgb(self.measured.frame, info, max_long_side=PICTURE_SIDE)
            self.values = scalars(self.measured.signals)
            self.grid = self.grid[..., :1].copy()  # a view would keep all signals alive
            self.measured = None


class CandidateCollector:
    """Collects candidates while a film is measured; holds a few frames at a time."""

    def __init__(self, info: SourceInfo, settings: Settings, looker: Looker | None = None) -> None:
        self._info = info
        self._looker = looker
        self._sightings: list[Sighting] = []
        self._bars = BarFinder(info)
        self._rows = array("f")
        self._slots: list[_Slot] = []
        frame_bytes = 1.5 * info.width * info.height * (2 if info.bit_depth > 8 else 1)
        self._frames = int(min(max(_FRAME_BYTES / frame_bytes, 2), _FRAMES))
        self._per_second = settings.candidates_per_hour / 3600.0
        self._previous_seconds = self._usual_jump = 0.0
        self._allowance, self._allowed_until = _RESERVE, 0.0

    def push(self, measured: Measured) -> None:
        """Take note of the next frame; keeps a reference to it while it is the best of its slot."""
        frame = measured.frame
        values = read_signals(measured.signals)
        self._rows.extend((frame.index, frame.seconds, *values))
        sharp, _, spread, dark, bright, jump, change, motion = values[:8]
        if frame.seconds - self._previous_seconds > CONTINUOUS_SECONDS:
            jump = change = motion = 0.0  # samples, not motion
        self._previous_seconds = frame.seconds
        worth = (
            sharp / (sharp + 100.0) * spread / (spread + 20.0) * (1.02 - dark) * (1.02 - bright)
        ) / ((1.0 + 0.08 * motion) * (1.0 + 0.05 * change))
        slots = self._slots
        if not slots or frame.seconds >= slots[-1].start + _SLOT_SECONDS:
            self._open_slot(measured, worth)
        elif jump > _JUMP + _UNUSUAL * self._usual_jump and slots[-1].count >= 3:
            # The first frame behind a cut is often starved of bits: the next ones may replace it.
            self._open_slot(measured, worth * _BESIDE_CUT)
        elif worth > slots[-1].worth:
            worth *= _DAMAGED if frame.damaged else 1.0
            if worth > slots[-1].worth:
                slots[-1].hold(measured, worth)
        slots[-1].count += 1
        self._usual_jump += 0.25 * (jump - self._usual_jump)

    def sightings(self, shot: Shot) -> list[Sighting]:
        """Take the faces seen in the sampled frames of a finished shot, in order of time.

        Empty where nothing can find faces. Shots are asked for in order, before `close`.
        """
        for slot in self._slots:
            if slot.index <= shot.end_frame:
                self._search(slot)
        # Where the last slot runs into the next shot, that shot's face may be found first.
        self._sightings.sort(key=lambda one: one.frame_index)
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
        slots = [slot for slot in self._slots if slot.index <= shot.end_frame]
        self._slots = [slot for slot in self._slots if slot.index > shot.end_frame]
        slots = [slot for slot in slots if slot.index >= shot.start_frame]
        rows = rows[rows[:, 0] >= shot.start_frame]
        first, last = shot.usable_start_frame, shot.usable_end_frame
        inside = [slot for slot in slots if first <= slot.index <= last]
        if inside:
            rows = rows[(rows[:, 0] >= first) & (rows[:, 0] <= last)]
        slots = inside or slots
        chosen = _best_slots(slots, rows, faces, settled=bool(inside), edges=(first, last))
        chosen = chosen[: self._grant(shot, len(chosen))]
        if not chosen:
            return []
        for slot, _ in chosen:
            slot.settle(self._info, self._looker)
        pictures = [slot.picture for slot, _ in chosen if slot.picture is not None]
        box = self._bars.find(rows[:, BARS], rows[:, COLUMN["dark_share"]], pictures)
        held = [
            self._hold(
                shot.index,
                slot,
                picture,
                box,
                context,
                _activity(slots, slot),
                faces.get(slot.index),
            )
            for (slot, context), picture in zip(chosen, pictures, strict=True)
        ]
        return sorted(held, key=lambda one: one.frame_index)

    def _hold(
        self,
        shot: int,
        slot: _Slot,
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
            slot.contents,
        )

    def _search(self, slot: _Slot) -> None:
        """Search the frame of a slot for faces, once."""
        if self._looker is None or slot.seen or slot.measured is None:
            return
        slot.seen = True
        signals = slot.measured.signals
        empty = signals.luma_std < 3.0  # what is flat shows nobody
        faces = () if empty else self._looker.faces(slot.measured.frame)
        if faces is not None:
            self._sightings.append(Sighting(slot.index, slot.pts, slot.seconds, faces))

    def _open_slot(self, measured: Measured, worth: float) -> None:
        if self._slots:
            self._search(self._slots[-1])
        worth *= _DAMAGED if measured.frame.damaged else 1.0
        self._slots.append(_Slot(measured, worth))
        if len(self._slots) > self._frames:
            self._make_room(measured.frame.seconds)

    def _make_room(self, now: float) -> None:
        """Merge old slots, then turn the oldest decoded frames into pictures."""
        slots = self._slots
        old = 0
        while old + 1 < len(slots) and slots[old + 1].start < now - _LATE_SECONDS:
            if slots[old + 1].start + _SLOT_SECONDS - slots[old].start <= _THIN_SECONDS:
                _merge(slots, old)
            else:
                old += 1
        while len(slots) > _PICTURES:
            starts = np.array([slot.start for slot in slots])
            _merge(slots, int((starts[2:] - starts[:-2]).argmin()))
        holding = [slot for slot in slots if slot.measured is not None]
        for slot in holding[: max(len(holding) - self._frames, 0)]:
            slot.settle(self._info, self._looker)

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
    faces, activity = None, None
    if held.faces is not None:
        # Who it is, is known from the whole track: a single look's embedding has served.
        faces = tuple(replace(face_within(face, part), embedding=None) for face in held.faces)
    if held.activity is not None:
        activity = upright_map(held.activity, held.content_box, info)
    return Candidate(
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
        faces=faces,
        contents=contents_within(held.contents, part),
    )


def _merge(slots: list[_Slot], at: int) -> None:
    """Replace the slots `at` and `at + 1` by the better one, starting where the first did."""
    first, second = slots[at], slots[at + 1]
    better = second if second.worth > first.worth else first
    better.start = first.start
    slots[at : at + 2] = [better]


def _best_slots(
    slots: list[_Slot],
    rows: FloatArray,
    faces: Mapping[int, tuple[Face, ...]],
    *,
    settled: bool,
    edges: tuple[int, int],
) -> list[tuple[_Slot, dict[str, float]]]:
    """The best slots of a shot that lie apart in time, best first, with what neighbors tell."""
    rated = []
    for slot in slots:
        at = int(np.searchsorted(rows[:, 0], slot.index))
        if at == len(rows) or is_empty(rows[at]):
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
    chosen: list[tuple[_Slot, dict[str, float]]] = []
    for _, slot, context in rated:
        if len(chosen) < wanted and all(abs(slot.seconds - c.seconds) >= apart for c, _ in chosen):
            chosen.append((slot, context))
    return chosen


def _wanted(duration: float) -> int:
    """Candidates of a shot of so many seconds."""
    dense = min(1 + int(duration / _SECONDS_EACH), _DENSE)
    return max(dense, int(duration / _SECONDS_EACH_LONG))


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


def _activity(slots: list[_Slot], slot: _Slot) -> FloatArray | None:
    """The activity in the seconds around a slot."""
    near = [other for other in slots if abs(other.seconds - slot.seconds) <= SETTLED_SECONDS]
    return activity_of([other.grid[..., 0] for other in near])
