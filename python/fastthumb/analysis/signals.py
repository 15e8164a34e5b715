"""Signals: what every analyzed frame measures, and the table that keeps it.

The arithmetic is in the C++ core (`_core.SignalMeter`); this stage feeds it decoded frames,
makes a new meter when the picture's layout changes mid-stream, and keeps the scalar results
of a whole film in one compact table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from fastthumb import _core
from fastthumb.media.layout import CoreLayout, core_frame
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
    pixel format change mid-stream the comparison starts anew at the change.
    """
    meter: _core.SignalMeter | None = None
    layout: CoreLayout | None = None
    for frame in frames:
        picture = core_frame(frame, info)
        if meter is None or picture.layout != layout:
            layout = picture.layout
            meter = _core.SignalMeter(_core.FrameLayout(**layout.arguments()))
        yield Measured(frame, meter.measure(picture.planes, picture.pitches))
