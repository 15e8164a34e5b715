"""Timestamps that can be trusted: strictly rising, exact where the stream has them."""

from __future__ import annotations

from fractions import Fraction

DEFAULT_RATE = Fraction(25)


class Timeline:
    """Turns the decoder's timestamps into the film's, frame by frame in presentation order.

    A stream's own timestamp is kept as it is. One is made up only where there is none (from
    the frame rate), where it repeats (one tick after the frame before), or where the clock
    jumps back (the rest of the film is moved on, keeping its own distances).
    """

    def __init__(self, time_base: Fraction, rate: Fraction | None) -> None:
        self.rate = rate or DEFAULT_RATE
        self._step = 1 / (self.rate * time_base)
        self._last: int | None = None
        self._offset = 0
        self._run_start = Fraction(0)
        self._run_length = 0
        self.made_up_missing = 0
        self.made_up_backward = 0

    @property
    def made_up(self) -> bool:
        """Say whether any timestamp so far is not the stream's own."""
        return bool(self.made_up_missing or self.made_up_backward)

    def place(self, raw_pts: int | None) -> tuple[int, bool]:
        """Give the next frame's timestamp, and whether it was made up."""
        if raw_pts is None:
            self.made_up_missing += 1
            if not self._run_length:
                self._run_start = -self._step if self._last is None else Fraction(self._last)
            self._run_length += 1
            self._last = round(self._run_start + self._run_length * self._step)
            return self._last, True
        self._run_length = 0
        pts = raw_pts + self._offset
        if self._last is None or pts > self._last:
            self._last = pts
            return pts, self._offset != 0
        self.made_up_backward += 1
        if self._last - pts <= self._step:
            pts = self._last + 1
        else:
            pts = self._last + max(1, round(self._step))
            self._offset = pts - raw_pts
        self._last = pts
        return pts, True
