"""Slots: the film in stretches of up to two seconds, of each its best frame.

A slot holds the best decoded frame so far by sharpness, stillness and exposure; where the picture
jumps, probably at a cut, the next slot begins. When a slot is over, its frame is shown to whoever
looks for faces and kept as a small picture, and only then is the decoded frame let go. Slots are
what candidates are made of, and the faces seen in them are the samples by which people are
followed through a shot.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from fastthumb.analysis.neighbors import CONTINUOUS_SECONDS
from fastthumb.analysis.signals import Measured, Sample, scalars
from fastthumb.media.display import display_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from fastthumb._core import FrameSignals
    from fastthumb.analysis.detections import Sighting
    from fastthumb.media.source import Frame, SourceInfo

    ByteArray = npt.NDArray[np.uint8]

SLOT_SECONDS, LEAST_SLOT_SECONDS = 2.0, 0.5
_LEAST_SLOTS = 20  # of a film, as far as the shortest slots allow
KEPT_SIDE = 640  # long side of the picture that is kept: what detectors of things want
_KEPT_QUALITY = 92
# A new slot begins early where the mean luma difference is at least this much above so many times
# the usual one: probably a cut.
_JUMP, _UNUSUAL = 12.0, 2.0
_JUMP_APART = 20.0  # the same of frames that lie apart: seconds change a shot, too
_FAR = 0.5  # of a slot; a frame so far behind the one before has a slot of its own
_LATEST = 0.25  # what the latest difference weighs in the usual one
_LEAST_FRAMES = 3  # of a slot that a jump may end
_BESIDE_CUT = 0.7  # what the first frame behind a jump is worth: it is often starved of bits, ...
_DAMAGED = 0.2  # ... and one that the decoder says is damaged
_FLAT = 3.0  # spread of luma of a picture that shows nothing


class FaceLooker(Protocol):
    """Who looks for faces in decoded frames; see looking.FrameLooker."""

    def watch(self, frame: Frame, *, goes_on: bool) -> list[Sighting]:
        """Who was seen since the frame before, in order of time.

        `goes_on`: no edit lies between that frame and this one.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """The best frame of a stretch of time; plain data, some 50 kB.

    `start_seconds` is where the stretch begins, `worth` how good the frame is by its signals
    `values`; `picture` is the upright frame as JPEG, 640 px on its long side, b"" of a flat one.
    """

    start_seconds: float
    index: int
    pts: int
    seconds: float
    worth: float
    values: dict[str, float]
    picture: bytes


class SlotSampler:
    """Cuts measured frames into slots; holds one decoded frame.

    `push` the frames in order of time, then `finish`; `take` what is over in between or after,
    and `take_sightings` what `looker` saw in their frames.
    """

    def __init__(self, info: SourceInfo, looker: FaceLooker | None = None) -> None:
        self._info, self._looker = info, looker
        self._length = slot_seconds(info.duration_seconds)
        self._goes_on = False  # whether the open slot continues the one before
        self._over: list[Slot] = []
        self._sightings: list[Sighting] = []
        self._best: Measured | None = None
        self._worth = self._start = 0.0
        self._count = 0
        self._previous_seconds = self._usual_jump = 0.0

    def push(self, measured: Measured) -> None:
        """Take the next frame; keeps it while it is the best of its slot."""
        signals, seconds = measured.signals, measured.frame.seconds
        gap = seconds - self._previous_seconds
        # Frames that lie apart are samples: what they differ by is no motion, and cuts among
        # them must not pass for what is usual.
        moving = gap <= CONTINUOUS_SECONDS
        self._previous_seconds = seconds
        jump = signals.difference
        jumps = _is_jump(jump, self._usual_jump) if moving else jump > _JUMP_APART
        worth = worth_of(signals, moving=moving) * (_DAMAGED if measured.frame.damaged else 1.0)
        far = gap >= _FAR * self._length or seconds >= self._start + self._length
        if self._best is None or far:
            self._open(measured, worth, goes_on=not jumps)
        elif jumps and (self._count >= _LEAST_FRAMES or not moving):
            self._open(measured, worth * (_BESIDE_CUT if moving else 1.0), goes_on=False)
        elif worth > self._worth:
            self._best, self._worth = measured, worth
        self._count += 1
        self._usual_jump += _LATEST * (jump - self._usual_jump)

    def finish(self) -> None:
        """End the last slot; the next frame begins another one."""
        if self._best is not None:
            self._over.append(self._settled(self._best))
            self._best = None

    def take(self) -> list[Slot]:
        """The slots that are over, in order of time, each given once."""
        over, self._over = self._over, []
        return over

    def take_sightings(self) -> list[Sighting]:
        """What was seen since the last call, in order of time."""
        seen, self._sightings = self._sightings, []
        return seen

    def _open(self, measured: Measured, worth: float, *, goes_on: bool) -> None:
        self.finish()
        self._best, self._worth, self._count, self._goes_on = measured, worth, 0, goes_on
        self._start = measured.frame.seconds

    def _settled(self, measured: Measured) -> Slot:
        """All that is wanted of a decoded frame, so that it can go."""
        frame, signals = measured.frame, measured.signals
        flat = signals.luma_std < _FLAT
        if self._looker is not None and not flat:
            self._sightings += self._looker.watch(frame, goes_on=self._goes_on)
        picture = b""
        if not flat:
            picture = compressed(display_rgb(frame, self._info, max_long_side=KEPT_SIDE))
        return Slot(
            self._start,
            frame.index,
            frame.pts,
            frame.seconds,
            self._worth,
            scalars(signals),
            picture,
        )


def slot_seconds(duration_seconds: float | None) -> float:
    """How long a slot is in a film of that length: SLOT_SECONDS, and less in short films."""
    if duration_seconds is None:
        return SLOT_SECONDS
    return min(max(duration_seconds / _LEAST_SLOTS, LEAST_SLOT_SECONDS), SLOT_SECONDS)


def worth_of(signals: FrameSignals, *, moving: bool = True) -> float:
    """How good a frame is among those of its slot, 0..1, by what it measures alone.

    Not `moving`: it was not compared with the frame before it, and its motion is not known.
    """
    sharp, spread = signals.laplacian_variance, signals.luma_std
    worth = sharp / (sharp + 100.0) * spread / (spread + 20.0)
    worth *= (1.02 - signals.dark_share) * (1.02 - signals.bright_share)
    if moving:
        worth /= 1.0 + 0.08 * signals.motion
        worth /= 1.0 + 0.05 * signals.compensated_difference
    return worth


def jumps(samples: Sequence[Sample]) -> list[list[Sample]]:
    """The stretches between every two jumps of runs of frames; samples in order of time.

    A stretch is without gaps. What begins or ends where nothing is known is left out.
    """
    stretches: list[list[Sample]] = []
    open_stretch: list[Sample] | None = None  # since the last jump
    usual, previous = 0.0, None
    for sample in samples:
        signals, index = sample[0], sample[1]
        if previous is not None and index != previous + 1:
            open_stretch, usual = None, 0.0
        elif previous is not None:
            if _is_jump(signals.difference, usual):
                if open_stretch:
                    stretches.append(open_stretch)
                open_stretch = []
            usual += _LATEST * (signals.difference - usual)
        if open_stretch is not None:
            open_stretch.append(sample)
        previous = index
    return stretches


def _is_jump(difference: float, usual: float) -> bool:
    return difference > _JUMP + _UNUSUAL * usual


def compressed(picture: ByteArray) -> bytes:
    """A display picture, uint8 (rows, columns, 3), as JPEG with all of its color."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=_KEPT_QUALITY, subsampling=0)
    return file.getvalue()


def expanded(picture: bytes, max_long_side: int | None = None) -> ByteArray:
    """A kept picture, uint8 (rows, columns, 3), scaled down to `max_long_side` (never up)."""
    image = Image.open(io.BytesIO(picture))
    if max_long_side is not None and max(image.size) > max_long_side:
        scale = max_long_side / max(image.size)
        size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
        image.draft("RGB", size)
        if image.size != size:
            return np.asarray(image.resize(size, Image.Resampling.BOX))
    return np.asarray(image)
