"""Shots: the film as intervals, each with the way it begins.

Signals come in one frame at a time and shots go out about three seconds later; memory does not
grow with the film. Fades (shot_fades), dissolves and wipes (shot_blends) and hard cuts
(shot_cuts) are looked for side by side in one sliding window (shot_ticks); shot_edits decides
between them where they overlap, and this module lays the shots end to end.

Every frame belongs to exactly one shot. A shot that begins gradually begins with the first
blended frame; its usable frames begin after the last one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from fastthumb.analysis import shot_blends, shot_cuts, shot_fades
from fastthumb.analysis.shot_edits import (
    HOLD,
    Edit,
    EditLine,
    Found,
    Kind,
    conflict,
    without_conflicts,
)
from fastthumb.analysis.shot_looks import Content, Look, ShotLook
from fastthumb.analysis.shot_scenes import group_scenes
from fastthumb.analysis.shot_ticks import NEIGHBORS, SignalsLike, TickWindow
from fastthumb.analysis.shot_weights import BLEND_NETWORK, CUT_NETWORK

Transition = Kind

BLOCK = 16  # ticks handled together: NumPy's cost per call, against 2/3 s more of lateness
# A boundary is final once nothing still to be found could overlap it: a blend whose middle is
# judged next may begin that much earlier.
_SETTLED = shot_blends.LOOKAHEAD + shot_blends.REACH + shot_blends.WIDEN
_MEMORY = shot_fades.REACH + NEIGHBORS + shot_fades.SETTLE  # ticks kept before what is open
# Most of a wipe lies far off the straight blend of its ends (about .42 of their distance); in a
# dissolve of moving shots that reaches .25.
WIPE_BEND = 0.3


@dataclass(frozen=True, slots=True)
class Shot:
    """A run of frames from one camera set-up. Frames count from 0 in presentation order.

    `transition` says how the shot begins; of a gradual one, the first and last blended frame
    are given. `usable_*_frame` is the inclusive run of frames outside transitions; where a
    transition fills the shot, it is the shot's last frame alone.
    """

    index: int
    start_frame: int
    end_frame: int  # inclusive
    start_pts: int
    end_pts: int
    start_seconds: float
    end_seconds: float  # of the last frame
    transition: Transition
    transition_start_frame: int | None
    transition_end_frame: int | None
    scene: int
    repeat_of: int | None  # index of the earlier shot of the same set-up
    content: Content
    usable_start_frame: int
    usable_end_frame: int


class ShotDetector:
    """Finds shots in a stream of signals; see the module.

    `push` every frame in presentation order, then `finish` once. Shots come out in order and
    tile the film. `looks` grows by one small description per shot; shot_scenes.group_scenes
    reads it.
    """

    def __init__(self) -> None:
        self.looks: list[Look] = []
        self._window = TickWindow()
        self._scan = shot_blends.BlendScan()
        self._judged = dict.fromkeys(("cuts", "outs", "ins", "blends"), 0)
        self._pending: list[Found] = []
        self._edits: EditLine | None = None
        self._look = ShotLook()
        self._folded = 0  # the first tick that the open shot's look has not seen
        self._start = (0, 0, 0.0)  # index, pts and seconds of the open shot's first frame
        self._blended: tuple[int, int] | None = None  # its first and last blended frame
        self._fade_out: int | None = None  # first frame of the fade that ends the film
        self._finished = False

    def push(self, signals: SignalsLike, index: int, pts: int, seconds: float) -> list[Shot]:
        """Take the next frame; the shots that are now certain to have ended, mostly none.

        `index` is the frame's number, `pts` its timestamp and `seconds` its time since the
        first frame. A shot is closed at most 82 ticks after its last frame: 3.4 s at 24 frames
        a second.
        """
        if not self._window.end and not self._window.pending:
            self._start = (index, pts, seconds)
        self._window.push(signals, index, pts, seconds)
        return self._advance(closing=False) if self._window.pending >= BLOCK else []

    def finish(self) -> list[Shot]:
        """The shots that were still open at the end of the film; [] when called again."""
        if self._finished:
            return []
        self._finished = True
        shots = self._advance(closing=True)
        if self._edits is not None:
            shots.append(self._close(self._window.frame_end - 1, self._edits.current))
        return shots

    def _advance(self, *, closing: bool) -> list[Shot]:
        window = self._window
        window.update()
        if not len(window):
            return []
        if self._edits is None:
            self._edits = EditLine(begins_black=shot_fades.is_flat(window, 0))
        self._scan.extend(window, closing=closing)
        self._pending += self._judge(closing=closing)
        settled = window.end if closing else max(0, window.end - _SETTLED)
        shots: list[Shot] = []
        kept = without_conflicts(self._pending)
        for found in kept:
            if found.first >= settled:
                break
            if closing and found.to_black and window.end - found.last <= HOLD:
                self._fade_out = window.frame_of(found.first - 1) + 1
                break  # the film fades out: that ends its last shot and begins no other
            shots += self._begin(found)
        # What lost against something that is settled now is lost for good.
        final = [found for found in kept if found.first < settled]
        self._pending = [
            found
            for found in self._pending
            if found.first >= settled and not any(conflict(found, other) for other in final)
        ]
        self._fold(settled, self._edits.current)
        oldest = max(0, min(settled, *self._judged.values()) - _MEMORY)
        window.drop(oldest)
        self._scan.drop(oldest)
        return shots

    def _judge(self, *, closing: bool) -> list[Found]:
        """What is found at the ticks whose surroundings have become known."""
        window = self._window

        def span(name: str, lookahead: int) -> tuple[int, int]:
            low = self._judged[name]
            high = window.end if closing else max(low, window.end - lookahead)
            self._judged[name] = high
            return low, high

        found = []
        for cut in shot_cuts.candidates(window, *span("cuts", shot_cuts.LOOKAHEAD + 1)):
            score = CUT_NETWORK.score(cut.features)
            if score > 0:
                found.append(self._found("cut", cut.tick, cut.tick, score))
        for ramp in shot_fades.fade_outs(window, *span("outs", shot_fades.SETTLE + 1)):
            found.append(Found("fade", ramp.first, ramp.last, inf, to_black=True))
        for ramp in shot_fades.fade_ins(window, *span("ins", shot_fades.REACH + NEIGHBORS + 1)):
            found.append(Found("fade", ramp.first, ramp.last, inf, from_black=True))
        for blend in self._scan.candidates(window, *span("blends", shot_blends.LOOKAHEAD + 1)):
            score = BLEND_NETWORK.score(blend.features)
            if score > 0:
                bend = blend.features[shot_blends.FEATURES.index("bend")]
                kind: Kind = "wipe" if bend > WIPE_BEND else "dissolve"
                found.append(self._found(kind, blend.before + 1, blend.after - 1, score))
        return found

    def _found(self, kind: Kind, first: int, last: int, score: float) -> Found:
        """With what lies on either side: a blend with black is a fade."""
        before = shot_fades.is_flat(self._window, first - 1)
        after = shot_fades.is_flat(self._window, first if kind == "cut" else last + 1)
        if kind != "cut" and before != after:
            kind = "fade"
        return Found(kind, first, last, score, to_black=after, from_black=before)

    def _begin(self, found: Found) -> list[Shot]:
        """Close the open shot where `found` begins another one, and open that."""
        assert self._edits is not None
        window, old = self._window, self._edits.current
        old_last = old.last
        edit = self._edits.take(found)
        if edit is None:
            if old.last != old_last:  # the open shot's transition goes on
                self._blended = (self._start[0], window.frame_of(old.last + 1) - 1)
                self._look = ShotLook()  # what it saw so far was black
            return []
        self._fold(edit.first, old)
        if edit.kind == "cut":
            start = window.steepest_frame(edit.first)
        else:
            start = window.frame_of(edit.first - 1) + 1
        closed = self._close(start - 1, old)
        frame = window.frames[start - window.frame_base]
        self._start = frame[:3]
        blended = edit.last >= edit.first
        self._blended = (start, window.frame_of(edit.last + 1) - 1) if blended else None
        return [closed]

    def _fold(self, end: int, edit: Edit) -> None:
        """Show the usable ticks of the shot that began with `edit`, before `end`, to its look."""
        low = max(self._folded, edit.last + 1)
        if end > low:
            self._look.add(self._window, low, end)
        self._folded = max(self._folded, end)

    def _close(self, end_frame: int, edit: Edit) -> Shot:
        """The open shot, which ends with a frame still in the window."""
        end = self._window.frames[end_frame - self._window.frame_base]
        start, blended = self._start, self._blended
        usable_start = start[0] if blended is None else min(blended[1] + 1, end[0])
        fade_out = end[0] + 1 if self._fade_out is None else self._fade_out
        shot = Shot(
            index=len(self.looks),
            start_frame=start[0],
            end_frame=end[0],
            start_pts=start[1],
            end_pts=end[1],
            start_seconds=start[2],
            end_seconds=end[2],
            transition=edit.kind,
            transition_start_frame=None if blended is None else blended[0],
            transition_end_frame=None if blended is None else min(blended[1], end[0]),
            scene=0,
            repeat_of=None,
            content=self._look.content(),
            usable_start_frame=usable_start,
            usable_end_frame=max(usable_start, fade_out - 1),
        )
        self.looks.append(self._look.look())
        self._look = ShotLook()
        return shot


def find_shots(frames: Iterable[tuple[SignalsLike, int, int, float]]) -> list[Shot]:
    """All shots of a film whose (signals, index, pts, seconds) come in presentation order.

    Scenes and repeats are marked, see shot_scenes.group_scenes. [] for no frames.
    """
    detector = ShotDetector()
    shots = [shot for frame in frames for shot in detector.push(*frame)]
    shots += detector.finish()
    return group_scenes(shots, detector.looks)
