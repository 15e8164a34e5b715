"""The sliding window that shot detection looks through: frames, thinned to ticks.

Note [ticks]. Editing happens at 24 to 30 pictures a second; at 60 a second two neighbors differ
by half as much and every window would need twice the frames. So only frames at least
`TICK_SECONDS` after the last one taken are *ticks*, and the detectors see ticks. Up to about
33 frames a second, every frame is a tick. A cut found between two ticks is then given to the
frame in between that differs most from its predecessor.

Note [picture distance]. A tick's picture is one vector: luma on 9 x 16 cells and chroma on 9 x 8.
The distance of two pictures is the mean absolute difference of luma plus that of chroma (0..about
500). In this L1 distance the way along a dissolve, a wipe or a fade is exactly as long as the
distance of its ends, since every cell goes straight from its old value to its new one; see
shot_blends.py. Twice as many cells each way decide no better, and a camera that shakes by less
than a cell moves less.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# 1/30 s less 4 ms: 29.97 and 30 frames a second stay whole, with millisecond timestamps too.
TICK_SECONDS = 1 / 30 - 0.004
ROWS, COLUMNS = 9, 16  # of a picture's luma; its chroma has half the columns
LUMA_CELLS = ROWS * COLUMNS
PICTURE_SIZE = 2 * LUMA_CELLS
NEIGHBORS = 6  # ticks over which the ordinary motion beside a transition is measured: 1/4 s
NOISE = 0.15  # step of a still shot: coding noise
FLASH_SHARE = 0.3  # distance of a flash's neighbors / step into the flash
_CAPACITY = 512  # rows allocated; a multiple of the window, so that it is seldom moved


class SignalsLike(Protocol):
    """What shot detection reads of `_core.FrameSignals`."""

    @property
    def grid(self) -> FloatArray: ...
    @property
    def difference(self) -> float: ...
    @property
    def compensated_difference(self) -> float: ...
    @property
    def laplacian_variance(self) -> float: ...
    @property
    def camera_x(self) -> float: ...
    @property
    def camera_y(self) -> float: ...


Sample = tuple[SignalsLike, int, int, float]
"""What shot detection knows of a frame: signals, number in the film, pts, seconds."""


def pictures(grids: FloatArray) -> FloatArray:
    """One row per grid: float32 (n, 288), scaled so that the L1 distance is a mean difference.

    `grids` is float32 (n, 18, 32, 3), Y, Cb and Cr 0..255. See Note [picture distance].
    """
    count = len(grids)
    tall = grids[:, 0::2] + grids[:, 1::2]
    cells = tall[:, :, 0::2] + tall[:, :, 1::2]  # (n, 9, 16, 3), sums of 4
    rows = np.empty((count, PICTURE_SIZE), np.float32)
    rows[:, :LUMA_CELLS] = cells[..., 0].reshape(count, -1)
    chroma = cells[..., 1:]
    rows[:, LUMA_CELLS:] = ((chroma[:, :, 0::2] + chroma[:, :, 1::2]) * 0.5).reshape(count, -1)
    rows *= 0.25 / LUMA_CELLS
    return rows


def distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """L1 distance of pictures along the last axis, after broadcasting."""
    gap = a - b
    np.abs(gap, out=gap)
    result: FloatArray = gap.sum(axis=-1)
    return result


def similarity(a: FloatArray, b: FloatArray) -> float:
    """Correlation of the luma of two pictures, -1..1; 0 where one of them is flat."""
    x, y = a[:LUMA_CELLS], b[:LUMA_CELLS]
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt(float(x @ x) * float(y @ y)))
    return float(x @ y) / norm if norm > 1e-6 else 0.0


def unevenness(rows: FloatArray) -> DoubleArray:
    """How far each picture's cells lie from its mean color, on average: 0 for a flat picture."""
    luma, chroma = rows[:, :LUMA_CELLS], rows[:, LUMA_CELLS:].reshape(len(rows), -1, 2)
    spread: DoubleArray = np.abs(luma - luma.mean(axis=1, keepdims=True)).sum(
        axis=1, dtype=np.float64
    )
    spread += np.abs(chroma - chroma.mean(axis=1, keepdims=True)).sum(axis=(1, 2))
    return spread


class TickWindow:
    """The latest ticks and frames, as columns; what lies before `base` has been dropped.

    Ticks and frames count from 0 over the whole film ("number"); a row is number - base. All
    columns have `len(window)` rows, one a tick, and are views that the next `update` outdates:

    picture      float32 (n, 288), see Note [picture distance]
    step         distance to the tick before, 0 for the first
    path         sum of all steps up to here, so path[j] - path[i] is the way from i to j
    unmatched    largest compensated difference of the frames since the tick before, 0..255
    detail       Laplacian variance
    camera       median block motion (x, y) since the frame before, working px; (n, 2)
    flatness     unevenness of the picture, 0 = one color
    level        mean luma, 0..255
    calm_before  mean of the NEIGHBORS steps up to here without the largest, that may be a cut
    calm_after   the same of the steps after here; final NEIGHBORS ticks later
    frame        number of the tick's frame
    """

    def __init__(self) -> None:
        self.base = 0
        self.frame_base = 0
        self.frames: list[tuple[int, int, float, float]] = []  # index, pts, seconds, difference
        self._grids: list[FloatArray] = []  # of the ticks pushed since the last update
        self._scalars: list[tuple[float, float, float, float, float]] = []
        self._unmatched = 0.0
        self._last_seconds = -np.inf
        self._offset = self._count = 0  # the window's rows of the arrays below
        self._pictures = np.zeros((_CAPACITY, PICTURE_SIZE), np.float32)
        self._columns = np.zeros((11, _CAPACITY))
        self._path_end = 0.0
        self._view()

    def _view(self) -> None:
        """Point the columns at the window's rows."""
        rows = slice(self._offset, self._offset + self._count)
        self.picture: FloatArray = self._pictures[rows]
        columns = self._columns[:, rows]
        self.step, self.path, self.unmatched, self.detail = columns[:4]
        self.camera: DoubleArray = columns[4:6].T
        self.flatness, self.level, self.calm_before, self.calm_after = columns[6:10]
        self._frame = columns[10]

    def __len__(self) -> int:
        return self._count

    @property
    def end(self) -> int:
        """Number after the newest tick."""
        return self.base + self._count

    @property
    def frame_end(self) -> int:
        """Number after the newest frame."""
        return self.frame_base + len(self.frames)

    @property
    def pending(self) -> int:
        """Ticks pushed since the last `update`."""
        return len(self._scalars)

    def push(self, signals: SignalsLike, index: int, pts: int, seconds: float) -> None:
        """Add a frame; it becomes visible to the columns with the next `update`."""
        unmatched = signals.compensated_difference
        if unmatched > self._unmatched:
            self._unmatched = unmatched
        # A clock that stands still or jumps back says nothing: every such frame counts.
        if not 0 < seconds - self._last_seconds < TICK_SECONDS:
            self._last_seconds = seconds
            self._grids.append(signals.grid)
            detail, frame = signals.laplacian_variance, self.frame_end
            camera = signals.camera_x, signals.camera_y
            self._scalars.append((self._unmatched, detail, *camera, frame))
            self._unmatched = 0.0
        self.frames.append((index, pts, seconds, signals.difference))

    def update(self) -> None:
        """Append what was pushed since the last call to all columns."""
        fresh = len(self._scalars)
        if not fresh:
            return
        self._make_room(fresh)
        low, high = self._offset + self._count, self._offset + self._count + fresh
        rows = pictures(np.stack(self._grids))
        self._pictures[low:high] = rows
        step = np.zeros(fresh)
        if self.end:
            step[0] = distances(rows[0], self._pictures[low - 1])
        step[1:] = distances(rows[1:], rows[:-1])
        path = step.cumsum() + self._path_end
        self._path_end = float(path[-1])
        scalars = np.array(self._scalars).T
        block = self._columns[:, low:high]
        block[0], block[1], block[2:6], block[10] = step, path, scalars[:4], scalars[4]
        block[6] = unevenness(rows)
        block[7] = rows[:, :LUMA_CELLS].sum(axis=1)
        self._grids.clear()
        self._scalars.clear()
        self._count += fresh
        self._view()
        self._measure_calm(fresh)

    def drop(self, number: int) -> None:
        """Forget all ticks before `number`, and their frames."""
        rows = min(number - self.base, self._count - 1)
        if rows <= 0:
            return
        self.base += rows
        self._offset += rows
        self._count -= rows
        self._view()
        # The frames between two ticks belong to the later one; see `steepest_frame`.
        first = int(self._frame[0])
        del self.frames[: first - self.frame_base]
        self.frame_base = first

    def frame_of(self, number: int) -> int:
        """Frame number of a tick; -1 before the film, one past the newest frame after the end."""
        row = number - self.base
        if number < 0:
            return -1
        return int(self._frame[row]) if row < self._count else self.frame_end

    def steepest_frame(self, number: int) -> int:
        """The frame, after the tick before and up to this one, that changes the most."""
        last = self.frame_of(number)
        first = self.frame_of(number - 1) + 1 if number > self.base else last
        return max(range(first, last + 1), key=lambda n: (self.frames[n - self.frame_base][3], n))

    def _make_room(self, fresh: int) -> None:
        """Move the window to the front of its arrays where `fresh` rows do not fit behind it."""
        if self._offset + self._count + fresh <= len(self._pictures):
            return
        size = max(_CAPACITY, 2 * (self._count + fresh))
        rows = slice(self._offset, self._offset + self._count)
        kept, self._pictures = self._pictures[rows], np.zeros((size, PICTURE_SIZE), np.float32)
        self._pictures[: self._count] = kept
        columns, self._columns = self._columns[:, rows], np.zeros((11, size))
        self._columns[:, : self._count] = columns
        self._offset = 0
        self._view()

    def _measure_calm(self, fresh: int) -> None:
        """`calm_*` of the fresh rows, and `calm_after` of those that now see farther ahead.

        Where the film's beginning or end leaves less than half of them, the other side stands
        in. The two large steps into and out of a flash count as the small one across it.
        """
        first = max(0, self._count - fresh - NEIGHBORS)
        low = max(first - NEIGHBORS + 1, 1)
        steps = self._without_flashes(max(low - 1, 1))[low - max(low - 1, 1) :]
        missing = np.full(NEIGHBORS, np.nan)
        padded = np.concatenate([missing[: NEIGHBORS - 1 - (first - low)], steps, missing])
        windows = np.lib.stride_tricks.sliding_window_view(padded, NEIGHBORS)
        known = ~np.isnan(windows)
        count = known.sum(axis=1)
        filled = np.where(known, windows, 0.0)
        total = filled.sum(axis=1) - np.where(count > 1, filled.max(axis=1), 0.0)
        calm = total / np.maximum(count - (count > 1), 1)
        enough = count >= NEIGHBORS // 2
        rows = self._count - first
        before, after = slice(0, rows), slice(NEIGHBORS, NEIGHBORS + rows)
        self.calm_before[first:] = np.where(enough[before], calm[before], calm[after])
        self.calm_after[first:] = np.where(enough[after], calm[after], calm[before])

    def _without_flashes(self, low: int) -> DoubleArray:
        """The steps from row `low` on, with those into and out of a flash made small."""
        steps: DoubleArray = self.step[low:].copy()
        if len(steps) > 1:
            rows = np.arange(low, self._count - 1)
            across = distances(self.picture[rows - 1], self.picture[rows + 1])
            for flash in np.flatnonzero(across < FLASH_SHARE * np.minimum(steps[:-1], steps[1:])):
                steps[flash : flash + 2] = across[flash] / 2
        return steps
