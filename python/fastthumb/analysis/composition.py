"""How a picture is framed: thirds, symmetry, and a subject that stands off its background."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# Distances, in shares of the picture's sides, at which the score has fallen to 1/e.
_POINT_REACH = 0.13
_LINE_REACH = 0.06
_LINE_WORTH = 0.7  # on a third line only, not where two of them cross
_STRUCTURE = 4.0  # spread in L of a picture with enough left-right structure to judge symmetry
_SHARP = 6.0  # Laplacian spread in grey levels of a subject that is clearly in focus


def thirds(focal_point: tuple[float, float]) -> float:
    """How well the focal point sits by the rule of thirds, 0..1.

    1 where two third lines cross, at most 0.7 elsewhere on an upright third line.
    """
    x, y = focal_point
    across = min(abs(x - 1 / 3), abs(x - 2 / 3))
    down = min(abs(y - 1 / 3), abs(y - 2 / 3))
    point = np.exp(-(across**2 + down**2) / _POINT_REACH**2)
    line = _LINE_WORTH * np.exp(-(across**2) / _LINE_REACH**2)
    return float(max(point, line))


def symmetry(lightness: FloatArray) -> float:
    """How alike the left half and the mirrored right half are, 0..1.

    `lightness` is (rows, columns), mean L of cells. Rows are compared after their mean is taken
    away, so that a plain sky above a plain ground, which mirrors trivially, counts as nothing.
    """
    centered = lightness - lightness.mean(axis=1, keepdims=True)
    energy = float((centered**2).mean())
    if energy == 0.0:
        return 0.0
    alike = float((centered * centered[:, ::-1]).mean()) / energy
    structure = min(energy / _STRUCTURE**2, 1.0)
    return float(np.clip(alike, 0.0, 1.0) * structure)


def depth_of_field(sharpness: FloatArray, region: Mask) -> float:
    """How much sharper the subject is than what surrounds it, 0..1.

    `sharpness` is (rows, columns), spread of the Laplacian in grey levels per cell; `region`
    marks the subject. 0 where nothing stands out or the subject is no sharper.
    """
    if not region.any() or region.all():
        return 0.0
    inside = sharpness[region]
    subject = float(np.partition(inside, 3 * len(inside) // 4)[3 * len(inside) // 4])
    around = float(np.median(sharpness[~region]))
    if subject <= around:
        return 0.0
    return min(subject / _SHARP, 1.0) * (1.0 - around / subject)
