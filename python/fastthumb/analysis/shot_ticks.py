"""The sliding window that shot detection looks through: frames, thinned to ticks.

Note [ticks]. Editing happens at 24 to 30 pictures a second; at 60 a second two neighbors differ
by half as much and every window would need twice the frames. So only frames at least
`TICK_SECONDS` after the last one taken are *ticks*, and the detectors see ticks. Up to about
33 frames a second, every frame is a tick. A cut found between two ticks is then given to the
frame in between that differs most from its predecessor.

Note [picture distance]. A tick's picture is one vector: the 18 x 32 grid of luma, and chroma of
the same grid halved both ways. The distance of two pictures is the mean absolute difference of
luma plus that of chroma (0..about 380). In this L1 distance the way along a dissolve, a wipe or
a fade is exactly as long as the distance of its ends, since every cell goes straight from its
old value to its new one; see shot_blends.py.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# 1/30 s less 4 ms: 29.97 and 30 frames a second stay whole, with millisecond timestamps too.
TICK_SECONDS = 1 / 30 - 0.004
GRID_ROWS, GRID_COLUMNS = 18, 32
LUMA_CELLS = GRID_ROWS * GRID_COLUMNS
PICTURE_SIZE = LUMA_CELLS + LUMA_CELLS // 2
NEIGHBORS = 6  # ticks over which the ordinary motion beside a transition is measured: 1/4 s


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


def pictures(grids: FloatArray) -> FloatArray:
    """One row per grid: float32 (n, 864), scaled so that the L1 distance is a mean difference.

    `grids` is float32 (n, 18, 32, 3), Y, Cb and Cr 0..255. See Note [picture distance].
    """
    count = len(grids)
    rows = np.empty((count, PICTURE_SIZE), np.float32)
    rows[:, :LUMA_CELLS] = grids[..., 0].reshape(count, -1)
    chroma = grids[..., 1:]
    # Sums of 2 x 2 cells, halved: 288 values that weigh as much as one mean chroma difference.
    halved = chroma[:, 0::2] + chroma[:, 1::2]
    rows[:, LUMA_CELLS:] = ((halved[:, :, 0::2] + halved[:, :, 1::2]) * 0.5).reshape(count, -1)
    rows *= 1 / LUMA_CELLS
    return rows


def distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """L1 distance of pictures along the last axis, after broadcasting."""
    result: FloatArray = np.abs(a - b).sum(axis=-1)
    return result


def similarity(a: FloatArray, b: FloatArray) -> float:
    """Correlation of the luma of two pictures, -1..1; 0 where one of them is flat."""
    x, y = a[:LUMA_CELLS], b[:LUMA_CELLS]
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt(float(x @ x) * float(y @ y)))
    return float(x @ y) / norm if norm > 1e-6 else 0.0


def unevenness(rows: FloatArray) -> DoubleArray:
    """How far each picture's cells lie from its mean color: 0 for a flat picture."""
    luma, chroma = rows[:, :LUMA_CELLS], rows[:, LUMA_CELLS:].reshape(len(rows), -1, 2)
    spread = np.abs(luma - luma.mean(axis=1, keepdims=True)).sum(axis=1, dtype=np.float64)
    spread += np.abs(chroma - chroma.mean(axis=1, keepdims=True)).sum(axis=(1, 2))
    return spread


class TickWindow:
    """The latest ticks and frames, as columns; rows before `base` have been dropped.

    Ticks and frames count from 0 over the whole film ("number"); a row is number - base. All
    columns have `len(window)` rows, one a tick:

    picture      float32 (n, 864), see Note [picture distance]
    step         distance to the tick before, 0 for the first
    path         sum of all steps up to here, so path[j] - path[i] is the way from i to j
    unmatched    largest compensated difference of the frames since the tick before, 0..255
    detail       Laplacian variance
    camera       median block motion (x, y) since the frame before, working px; (n, 2)
    flatness     unevenness of the picture, 0 = one color
    level        mean luma, 0..255
    calm_before  mean of the NEIGHBORS steps up to here without the largest, that may be a cut
    calm_after   the same of the steps after here; known NEIGHBORS ticks later
    frame        number of the tick's frame
    """

    def __init__(self) -> None:
        self.base = 0
        self.frame_base = 0
        self._pending_grids: list[FloatArray] = []
        self._pending: list[tuple[float, float, float, float, int]] = []
        self._unmatched = 0.0
        self._last_seconds = -np.inf
        self.picture: FloatArray = np.zeros((0, PICTURE_SIZE), np.float32)
        self.camera: DoubleArray = np.zeros((0, 2))
        self.step = self.path = self.unmatched = self.detail = np.zeros(0)
        self.flatness = self.level = self.calm_before = self.calm_after = np.zeros(0)
        self.frame: IntArray = np.zeros(0, np.int64)
        self.frames: list[tuple[int, int, float, float]] = []  # index, pts, seconds, difference
        self._path_end = 0.0

    def __len__(self) -> int:
        return len(self.step)

    @property
    def end(self) -> int:
        """Number after the newest tick."""
        return self.base + len(self)

    @property
    def frame_end(self) -> int:
        """Number after the newest frame."""
        return self.frame_base + len(self.frames)

    @property
    def pending(self) -> int:
        """Ticks pushed since the last `update`."""
        return len(self._pending)

    def push(self, signals: SignalsLike, index: int, pts: int, seconds: float) -> None:
        """Add a frame; it becomes visible to the columns with the next `update`."""
        unmatched = signals.compensated_difference
        self._unmatched = max(self._unmatched, unmatched)
        # A clock that stands still or jumps back says nothing: every such frame counts.
        if not 0 < seconds - self._last_seconds < TICK_SECONDS:
            self._last_seconds = seconds
            self._pending_grids.append(signals.grid)
            self._pending.append(
                (
                    self._unmatched,
                    signals.laplacian_variance,
                    signals.camera_x,
                    signals.camera_y,
                    self.frame_end,
                )
            )
            self._unmatched = 0.0
        self.frames.append((index, pts, seconds, signals.difference))

    def update(self) -> None:
        """Append what was pushed since the last call to all columns."""
        if not self._pending:
            return
        fresh = pictures(np.stack(self._pending_grids))
        columns = np.array(self._pending, np.float64)
        self._pending_grids.clear()
        self._pending.clear()
        step = np.zeros(len(fresh))
        if len(self):
            step[0] = distances(fresh[0], self.picture[-1])
        step[1:] = distances(fresh[1:], fresh[:-1])
        path = self._path_end + np.cumsum(step)
        self._path_end = float(path[-1])
        self.picture = np.concatenate([self.picture, fresh])
        self.step = np.concatenate([self.step, step])
        self.path = np.concatenate([self.path, path])
        self.unmatched = np.concatenate([self.unmatched, columns[:, 0]])
        self.detail = np.concatenate([self.detail, columns[:, 1]])
        self.camera = np.concatenate([self.camera, columns[:, 2:4]])
        self.flatness = np.concatenate([self.flatness, unevenness(fresh)])
        level = fresh[:, :LUMA_CELLS].sum(axis=1, dtype=np.float64)
        self.level = np.concatenate([self.level, level])
        self.frame = np.concatenate([self.frame, columns[:, 4].astype(np.int64)])
        self._measure_calm()

    def drop(self, number: int) -> None:
        """Forget all ticks before `number`, and the frames up to the last of them."""
        rows = number - self.base
        if rows <= 0:
            return
        for name in ("picture", "step", "path", "unmatched", "detail", "camera", "flatness",
                     "level", "calm_before", "calm_after", "frame"):  # fmt: skip
            setattr(self, name, getattr(self, name)[rows:])
        self.base = number
        # The frames between two ticks belong to the later one; see `steepest_frame`.
        first = int(self.frame[0]) if len(self) else self.frame_end
        del self.frames[: first - self.frame_base]
        self.frame_base = first

    def frame_of(self, number: int) -> int:
        """Frame number of a tick; one past the newest frame for the tick after the newest."""
        row = number - self.base
        return int(self.frame[row]) if row < len(self) else self.frame_end

    def steepest_frame(self, number: int) -> int:
        """The frame, after the tick before and up to this one, that changes the most."""
        last = self.frame_of(number)
        first = self.frame_of(number - 1) + 1 if number > self.base else last
        return max(range(first, last + 1), key=lambda n: (self.frames[n - self.frame_base][3], n))

    def _measure_calm(self) -> None:
        """`calm_before` and `calm_after`, with fewer ticks at either end of the film."""
        steps = self.step
        if self.base == 0 and len(steps):
            steps = steps.copy()
            steps[0] = np.nan  # the first tick has no step
        padded = np.concatenate([np.full(NEIGHBORS - 1, np.nan), steps, np.full(NEIGHBORS, np.nan)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, NEIGHBORS)
        known = ~np.isnan(windows)
        filled = np.where(known, windows, 0.0)
        count = known.sum(axis=1)
        spare = np.where(count > 1, filled.max(axis=1), 0.0)
        calm = (filled.sum(axis=1) - spare) / np.maximum(count - (count > 1), 1)
        self.calm_before = calm[: len(steps)]
        self.calm_after = calm[NEIGHBORS : NEIGHBORS + len(steps)]


def columns_of(window: TickWindow) -> dict[str, Any]:
    """All columns by name, for tests and for the fitting of weights."""
    return {name: value for name, value in vars(window).items() if isinstance(value, np.ndarray)}
