"""Neighbors: what the frames around a frame, in the same shot, tell about it.

Note [what the neighbors tell]. Some faults do not show in a frame alone. Motion blur is a
sharpness below that of the frames around it. A half-faded frame has less contrast than the
settled part of its shot, and its contrast is changing. A flash is brighter than the frames on
either side. All three are measured against frames of the same shot only.
"""

from __future__ import annotations

from operator import attrgetter

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.ramps import ramp

FloatArray = npt.NDArray[np.float32]

NEAR_SECONDS = 1.0  # around a frame: what its sharpness is compared with
MOMENT_SECONDS = 0.5  # around a frame: the moment that it shows
CONTINUOUS_SECONDS = 0.2  # frames farther apart than this are samples, not motion
SETTLED_SECONDS = 3.0  # around a frame: where the settled contrast of its shot is looked for

SIGNALS = (
    "laplacian_variance",
    "luma_mean",
    "luma_std",
    "dark_share",
    "bright_share",
    "difference",
    "compensated_difference",
    "motion",
    "motion_spread",
    "bar_top",
    "bar_bottom",
    "bar_left",
    "bar_right",
)
COLUMNS = ("index", "seconds", *SIGNALS)
COLUMN = {name: position for position, name in enumerate(COLUMNS)}
BARS = slice(COLUMN["bar_top"], COLUMN["bar_right"] + 1)
MOTION = slice(COLUMN["difference"], COLUMN["motion_spread"] + 1)
read_signals = attrgetter(*SIGNALS)


def is_empty(row: FloatArray) -> bool:
    """Whether a frame is black or of one color: nothing that could be shown."""
    spread, dark = float(row[COLUMN["luma_std"]]), float(row[COLUMN["dark_share"]])
    return spread < 3.0 or (dark > 0.985 and spread < 10.0)


def context_of(rows: FloatArray, at: int) -> dict[str, float]:
    """What the neighbors in the shot tell about a frame; see Note [what the neighbors tell]."""
    now = float(rows[at, COLUMN["seconds"]])

    def around(name: str, reach: float) -> FloatArray:
        return _around(rows, now, reach)[:, COLUMN[name]]

    sharpness = around("laplacian_variance", NEAR_SECONDS)
    relative = float(rows[at, COLUMN["laplacian_variance"]]) / max(float(sharpness.max()), 1e-6)

    contrast = float(rows[at, COLUMN["luma_std"]])
    full = float(np.quantile(around("luma_std", SETTLED_SECONDS), 0.8))
    near = around("luma_std", 0.25)
    changing = abs(float(np.log((near[-1] + 1.0) / (near[0] + 1.0))))
    fading = ramp(1.0 - contrast / max(full, 1e-6), 0.08, 0.4) * ramp(changing, 0.08, 0.35)

    brighter = float(rows[at, COLUMN["luma_mean"]]) - float(
        np.median(around("luma_mean", MOMENT_SECONDS))
    )
    # A fade changes every pixel, which motion cannot explain: that is no action.
    moment = around("luma_std", MOMENT_SECONDS)
    steady = 1.0 - ramp(abs(float(np.log((moment[-1] + 1.0) / (moment[0] + 1.0)))), 0.06, 0.3)
    moving, period = _moving(rows, now)
    return {
        "stillness": _stillness(rows, at, period),
        "relative_sharpness": min(relative, 1.0),
        "settled": (1.0 - fading) * (1.0 - ramp(brighter, 10.0, 35.0)),
        "moment_motion": float(moving[:, COLUMN["motion"]].mean()) / period,
        "moment_spread": float(moving[:, COLUMN["motion_spread"]].mean()) * steady / period,
        "moment_change": steady * float(moving[:, COLUMN["compensated_difference"]].mean()),
    }


def _around(rows: FloatArray, now: float, reach: float) -> FloatArray:
    """The rows of frames up to `reach` seconds away."""
    seconds = rows[:, COLUMN["seconds"]]
    low, high = np.searchsorted(seconds, [now - reach - 1e-3, now + reach + 1e-3])
    return rows[low:high]


def _moving(rows: FloatArray, now: float) -> tuple[FloatArray, float]:
    """Rows that tell how the moment around a time moves, and how far apart their frames are.

    Where only parts of a shot were decoded frame by frame, only those parts tell, the nearest
    ones where none is near.
    """
    gaps = np.diff(rows[:, COLUMN["seconds"]], prepend=rows[:1, COLUMN["seconds"]])
    dense = (gaps > 0) & (gaps <= CONTINUOUS_SECONDS)
    if dense.any() and not dense[1:].all():
        told = rows[dense]
        near = _around(told, now, MOMENT_SECONDS)
        return (near if len(near) else told), max(float(np.median(gaps[dense])), 1e-3)
    period = max(float(np.median(gaps[1:])), 1e-3) if len(rows) > 1 else 1.0
    return _around(rows, now, MOMENT_SECONDS), period


def _stillness(rows: FloatArray, at: int, period: float) -> float:
    """1 where nothing moves; motion of 8 working pixels a frame, about 4 pixels of blur: 0.37.

    Motion into and out of the frame, in what there is of both. At under 24 frames a second the
    shutter is not open for longer. Frames that lie far apart in time (only keyframes were
    decoded) say nothing about blur: 1.
    """
    if period > CONTINUOUS_SECONDS:
        return 1.0
    seconds = rows[:, COLUMN["seconds"]]
    steps = [step for step in (at, at + 1) if 0 < step < len(rows)]
    steps = [step for step in steps if seconds[step] - seconds[step - 1] <= CONTINUOUS_SECONDS]
    if steps:
        moving = rows[steps]
    elif len(rows) > 1:
        moving, _ = _moving(rows, float(seconds[at]))  # as the rest of its shot moves
    else:
        return 1.0
    motion = float(moving[:, COLUMN["motion"]].mean())
    change = float(moving[:, COLUMN["compensated_difference"]].mean())
    shutter = min(1.0, 1.0 / (24.0 * period))
    return float(np.exp(shutter * (-motion / 8.0 - max(change - 2.0, 0.0) / 16.0)))
