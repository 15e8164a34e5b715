"""Signals: what every analyzed frame measures, and the table that keeps it.

The arithmetic is in the C++ core (`_core.SignalMeter`); this stage feeds it decoded frames,
makes a new meter when the picture's layout changes mid-stream, and keeps the scalar results
of a whole film in one compact table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from fastthumb import _core
from fastthumb.errors import DeviceOutOfMemory
from fastthumb.media.layout import CoreFrame, CoreLayout, core_frame
from fastthumb.media.source import Frame, SourceInfo

# The scalar signals that are kept for every frame, in table order; see _core.FrameSignals.
SCALARS = (
    "luma_mean",
    "luma_std",
    "laplacian_variance",
    "lightness",
    "chroma",
    "a_mean",
    "b_mean",
    "entropy",
    "difference",
    "compensated_difference",
    "motion",
    "motion_spread",
    "camera_x",
    "camera_y",
    "dark_share",
    "bright_share",
    "bar_top",
    "bar_bottom",
    "bar_left",
    "bar_right",
)

ROW = np.dtype(
    [("index", np.int64), ("pts", np.int64), ("seconds", np.float64), ("keyframe", np.bool_)]
    + [(name, np.float32) for name in SCALARS]
)

_scalars = attrgetter(*SCALARS)

# Frames that a GPU measures at once: few at first, since many readers only want to look at some.
_FIRST_BATCH, _LARGEST_BATCH = 8, 32


Sample = tuple[_core.FrameSignals, int, int, float]
"""A measured frame without its picture: signals, number in the film, pts, seconds."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A frame together with what was measured on it."""

    frame: Frame
    signals: _core.FrameSignals

    @property
    def sample(self) -> Sample:
        """What stays when the picture is let go."""
        return self.signals, self.frame.index, self.frame.pts, self.frame.seconds


class SignalTable:
    """One row of scalar signals per analyzed frame; about 100 bytes a row."""

    def __init__(self) -> None:
        self._rows = np.zeros(1024, dtype=ROW)
        self._count = 0

    def append(
        self, signals: _core.FrameSignals, index: int, pts: int, seconds: float, *, keyframe: bool
    ) -> None:
        """Add the row of one frame."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[self._count] = (index, pts, seconds, keyframe, *_scalars(signals))
        self._count += 1

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> npt.NDArray[Any]:
        """The rows so far: structured array (n,) of dtype ROW, presentation order; a view."""
        return self._rows[: self._count]

    @classmethod
    def from_rows(cls, rows: npt.NDArray[Any]) -> SignalTable:
        """A table of stored rows; raises ValueError where the columns are not those of ROW."""
        if rows.dtype != ROW:
            raise ValueError(f"signal rows: wanted columns {ROW.names}, got {rows.dtype.names}")
        table = cls()
        table._rows, table._count = rows, len(rows)
        return table


def scalars(signals: _core.FrameSignals) -> dict[str, float]:
    """The scalar signals of one frame by name."""
    return dict(zip(SCALARS, map(float, _scalars(signals)), strict=True))


def measure(frames: Iterable[Frame], info: SourceInfo) -> Iterator[Measured]:
    """Yield each frame with its signals, in order.

    Difference and motion compare a frame with the one before it in `frames`. Where size or
    pixel format change mid-stream the comparison starts anew at the change. Frames on a GPU are
    measured there, in batches; a film is told where its memory only holds small ones.
    """
    meter: _core.SignalMeter | None = None
    layout: CoreLayout | None = None
    frames = iter(frames)
    for frame in frames:
        picture = core_frame(frame, info)
        if picture.on_device is not None:
            yield from _measured_on_device(chain((frame,), frames), info)
            return
        if meter is None or picture.layout != layout:
            layout = picture.layout
            meter = _core.SignalMeter(_core.FrameLayout(**layout.arguments()))
        yield Measured(frame, meter.measure(picture.planes, picture.pitches))


def _measured_on_device(frames: Iterator[Frame], info: SourceInfo) -> Iterator[Measured]:
    """As `measure`, for frames of one reader that all lie on one GPU; up to 32 are held at once."""
    meter: _core.DeviceSignalMeter | None = None
    layout: CoreLayout | None = None
    size = _FIRST_BATCH
    while batch := list(islice(frames, size)):
        pictures = [core_frame(frame, info) for frame in batch]
        if meter is None or pictures[0].layout != layout:
            layout, meter = pictures[0].layout, _device_meter(pictures[0])
            meter.reset()
        signals = meter.measure([(picture.planes, picture.pitches) for picture in pictures])
        yield from map(Measured, batch, signals)
        del batch, pictures  # before more are read: a GPU's memory holds few
        size = min(2 * size, _LARGEST_BATCH)


def _device_meter(picture: CoreFrame) -> _core.DeviceSignalMeter:
    """The meter for frames like this one, for as large batches as the GPU's memory holds."""
    image = picture.on_device
    assert image is not None

    def made() -> _core.DeviceSignalMeter:
        layout, batch = _core.FrameLayout(**picture.layout.arguments()), _LARGEST_BATCH
        while True:
            try:
                return _core.DeviceSignalMeter(
                    layout, device=image.device, stream=image.stream, batch=batch
                )
            except DeviceOutOfMemory:
                if batch == 1:
                    raise
                batch //= 2
                image.film.say(
                    f"GPU {image.device}: short of memory; frames are measured {batch} at a time"
                )

    return image.shared(picture.layout, made)
