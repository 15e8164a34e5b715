"""Shots from keyframes and packet sizes alone: nothing between two keyframes is decoded.

Two keyframes that show different pictures do not prove a cut between them: the camera may have
moved for two seconds. But a cut also costs bits. Where it falls between keyframes, the first
picture of the new shot has nothing to be predicted from, and its packet (or, with reordered
frames, one just after it) is many times the size of its neighbors; where the encoder looks for
cuts itself, a keyframe stands right there, ahead of its turn. A cut is reported only if the
picture changed *and* the packets say so; a network of eight hidden units weighs the two, see
shot_weights.py. It is accurate to a group of pictures, mostly to a few frames.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fastthumb.analysis.shot_looks import Look, ShotLook
from fastthumb.analysis.shot_packets import PacketEvidence
from fastthumb.analysis.shot_scenes import group_scenes
from fastthumb.analysis.shot_ticks import SignalsLike, TickWindow
from fastthumb.analysis.shot_weights import KEYFRAME_NETWORK
from fastthumb.analysis.shots import Shot, ShotDetector

if TYPE_CHECKING:
    from fastthumb.media.packets import PacketTable

ALL_INTRA = 0.9  # share of keyframes from which on every frame may as well be looked at


class KeyframeShotDetector:
    """Finds shots among keyframes; `push` each of them in order, then `finish` once.

    `packets` is the film's demux table, `time_base` the unit of its timestamps in seconds. Frame
    numbers of the shots are those of the whole film. `looks` is as in ShotDetector.
    """

    def __init__(self, packets: PacketTable, time_base: Fraction) -> None:
        self._evidence = PacketEvidence(packets)
        self._pts = self._evidence.pts
        self._time_base = float(time_base)
        self._every_frame: ShotDetector | None = None
        if len(self._evidence.keys) >= ALL_INTRA * len(self._pts):
            self._every_frame = ShotDetector()
        self._window = TickWindow()
        self._look = ShotLook()
        self._looks: list[Look] = []
        self._numbers: list[int] = []  # frame numbers of the window's keyframes
        self._origin: tuple[int, float] | None = None  # pts and seconds of the first keyframe
        self._start = 0
        self._cut = False  # whether the open shot begins with a cut
        self._finished = False

    @property
    def looks(self) -> list[Look]:
        """One small description per closed shot."""
        return self._looks if self._every_frame is None else self._every_frame.looks

    def push(self, signals: SignalsLike, index: int, pts: int, seconds: float) -> list[Shot]:
        """Take the next keyframe; the shots that are now certain to have ended.

        `pts` finds its place in the film; `index` is its number among the keyframes.
        """
        if self._every_frame is not None:
            return self._every_frame.push(signals, index, pts, seconds)
        if self._origin is None:
            self._origin = pts, seconds
        place = int(np.searchsorted(self._pts, pts))
        self._numbers.append(min(place, max(len(self._pts) - 1, 0)))
        self._window.push(signals, index, pts, seconds)
        if not self._window.pending:
            self._numbers.pop()  # a keyframe right after another one shows the same picture
            return []
        self._window.update()
        # The span before last has now both of its neighbors.
        return self._decide(self._window.end - 2)

    def finish(self) -> list[Shot]:
        """The shots that were still open; [] when called again."""
        if self._every_frame is not None:
            return self._every_frame.finish()
        if self._finished or self._origin is None:
            return []
        self._finished = True
        shots = self._decide(self._window.end - 1)
        self._look.add(self._window, self._window.end - 1, self._window.end)
        last = max(len(self._pts) - 1, self._numbers[-1])
        return [*shots, self._close(last)]

    def _decide(self, tick: int) -> list[Shot]:
        """Whether a shot begins after keyframe `tick` - 1 and not after keyframe `tick`."""
        if tick < 1 or len(self._pts) == 0:
            return []
        self._look.add(self._window, tick - 1, tick)
        row = tick - self._window.base
        shots = []
        if KEYFRAME_NETWORK.score(self.features(row)) > 0:
            first = self._evidence.likely_start(self._numbers[row - 1], self._numbers[row])
            shots.append(self._close(first - 1))
            self._start, self._cut = first, True
        keep = max(0, tick - 1)
        dropped = min(keep - self._window.base, len(self._window) - 1)
        if dropped > 0:
            self._window.drop(keep)
            del self._numbers[:dropped]
        return shots

    def features(self, row: int) -> tuple[float, ...]:
        """The values of FEATURES for the span that ends with keyframe `row` of the window."""
        window, a, b = self._window, self._numbers[row - 1], self._numbers[row]
        one, two = window.picture[row - 1], window.picture[row]
        distance = float(window.step[row])
        beside = [float(window.step[k]) for k in (row - 1, row + 1) if 0 < k < len(window)]
        if row - 1 == 0 and window.base > 0:
            beside.append(float(window.step[0]))
        flatness = float(window.flatness[row - 1] + window.flatness[row])
        return self._evidence.features(a, b, one, two, flatness, distance, beside)

    def _close(self, end_frame: int) -> Shot:
        """The open shot, up to a frame of the film."""
        start, end = self._start, max(end_frame, self._start)
        assert self._origin is not None
        origin_pts, origin_seconds = self._origin

        def pts(frame: int) -> int:
            return int(self._pts[min(frame, len(self._pts) - 1)]) if len(self._pts) else origin_pts

        def seconds(frame: int) -> float:
            return origin_seconds + (pts(frame) - origin_pts) * self._time_base

        shot = Shot(
            index=len(self._looks),
            start_frame=start,
            end_frame=end,
            start_pts=pts(start),
            end_pts=pts(end),
            start_seconds=seconds(start),
            end_seconds=seconds(end),
            transition="cut" if self._cut else "start",
            transition_start_frame=None,
            transition_end_frame=None,
            scene=0,
            repeat_of=None,
            content=self._look.content(),
            usable_start_frame=start,
            usable_end_frame=end,
        )
        self._looks.append(self._look.look())
        self._look = ShotLook()
        return shot


def find_shots_from_keyframes(
    keyframes: Iterable[tuple[SignalsLike, int, int, float]],
    packets: PacketTable,
    time_base: Fraction,
) -> list[Shot]:
    """All shots of a film of which only the keyframes were decoded; scenes and repeats marked.

    `keyframes` are (signals, index, pts, seconds) in presentation order. [] for none.
    """
    detector = KeyframeShotDetector(packets, time_base)
    shots = [shot for keyframe in keyframes for shot in detector.push(*keyframe)]
    shots += detector.finish()
    return group_scenes(shots, detector.looks)
