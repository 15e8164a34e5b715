"""The signals of a whole film in a few hundred points, small enough to travel in a web page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fastthumb.errors import SettingsError

POINTS = 400

# Laplacian variance that counts as fully sharp, as in visual quality (spec: sharpness).
_FULLY_SHARP = 300.0

Column = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SignalPreview:
    """How a film goes: means over equal stretches of it, all lists of one length, in time order.

    `seconds` is the middle of what was analyzed of each stretch, from the first frame;
    `brightness` is mean L* (0..100), `sharpness` 0..1, `motion` in working pixels a frame;
    `colors` is the mean color as #rrggbb, or empty where it was not measured.
    """

    seconds: list[float]
    brightness: list[float]
    sharpness: list[float]
    motion: list[float]
    colors: list[str] = field(default_factory=list)

    @classmethod
    def of_columns(
        cls,
        *,
        seconds: npt.ArrayLike,
        lightness: npt.ArrayLike,
        laplacian_variance: npt.ArrayLike,
        motion: npt.ArrayLike,
        a_mean: npt.ArrayLike | None = None,
        b_mean: npt.ArrayLike | None = None,
        points: int = POINTS,
    ) -> Self:
        """Preview of at most `points` points from one value per analyzed frame, in time order.

        A stretch without an analyzed frame has no point; a value that is not finite counts as 0.
        Raises SettingsError if the columns differ in length.
        """
        times = _column(seconds)
        sharpness = np.minimum(_column(laplacian_variance) / _FULLY_SHARP, 1.0)
        columns = {"lightness": _column(lightness), "sharpness": sharpness}
        columns |= {"motion": _column(motion)}
        if a_mean is not None and b_mean is not None:
            columns |= {"a": _column(a_mean), "b": _column(b_mean)}
        for name, column in columns.items():
            if column.size != times.size:
                raise SettingsError(
                    f"signal preview: wanted one {name} for each of {times.size} times, "
                    f"got {column.size}"
                )
        if times.size == 0:
            return cls([], [], [], [])
        count = max(min(points, times.size), 1)
        span = max(float(times[-1] - times[0]), 1e-9)
        bins = np.clip(((times - times[0]) / span * count).astype(np.int64), 0, count - 1)
        weights = np.bincount(bins, minlength=count)
        filled = weights > 0

        def mean(column: Column) -> Column:
            sums = np.bincount(bins, weights=column, minlength=count)
            means: Column = sums[filled] / weights[filled]
            return means

        lightness_means = mean(columns["lightness"])
        colors: list[str] = []
        if "a" in columns:
            lab = np.stack([lightness_means, mean(columns["a"]), mean(columns["b"])], axis=1)
            colors = ["#" + bytes(rgb).hex() for rgb in _srgb_of_lab(lab)]
        return cls(
            mean(times).round(3).tolist(),
            lightness_means.round(2).tolist(),
            mean(columns["sharpness"]).round(4).tolist(),
            mean(columns["motion"]).round(3).tolist(),
            colors,
        )

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The preview as arrays of a few kB in all, for an .npz; `from_arrays` reads them."""
        hexes = "".join(color[1:] for color in self.colors)
        return {
            "seconds": np.array(self.seconds, dtype=np.float64),
            "brightness": np.array(self.brightness, dtype=np.float32),
            "sharpness": np.array(self.sharpness, dtype=np.float32),
            "motion": np.array(self.motion, dtype=np.float32),
            "colors": np.frombuffer(bytes.fromhex(hexes), dtype=np.uint8).reshape(-1, 3).copy(),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The preview that `to_arrays` made; raises KeyError where an array is missing."""
        return cls(
            arrays["seconds"].tolist(),
            arrays["brightness"].tolist(),
            arrays["sharpness"].tolist(),
            arrays["motion"].tolist(),
            ["#" + bytes(rgb).hex() for rgb in arrays["colors"]],
        )


def _column(values: npt.ArrayLike) -> Column:
    return np.nan_to_num(np.asarray(values, dtype=np.float64), posinf=0.0, neginf=0.0)


def _srgb_of_lab(lab: Column) -> npt.NDArray[np.uint8]:
    """CIELAB (n, 3), D65, as 8-bit sRGB (n, 3), clipped to the gamut.

    CIE 15:2018 section 8.2.1 (CIELAB and its inverse); IEC 61966-2-1 (sRGB matrix and curve).
    """
    f_y = (lab[:, 0] + 16) / 116
    f = np.stack([f_y + lab[:, 1] / 500, f_y, f_y - lab[:, 2] / 200], axis=1)
    edge = 6 / 29
    xyz = np.where(f > edge, f**3, 3 * edge**2 * (f - 4 / 29)) * [0.95047, 1.0, 1.08883]
    linear = xyz @ np.array(
        [
            [3.2406255, -0.9689307, 0.0557101],
            [-1.5372080, 1.8757561, -0.2040211],
            [-0.4986286, 0.0415175, 1.0569959],
        ]
    )
    linear = np.clip(linear, 0.0, 1.0)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    levels: npt.NDArray[np.uint8] = np.rint(255 * curved).astype(np.uint8)
    return levels
