"""The colors of a picture: how pixels become CIELAB, which few colors it is made of, how warm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]

COLORS = 5  # swatches of a palette at most

# sRGB to XYZ (IEC 61966-2-1), rows divided by the D65 white point so that white is (1, 1, 1).
_TO_XYZ = np.array(
    [
        [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883],
    ],
    dtype=np.float32,
)
_CODES = np.arange(256) / 255.0
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
_BIN_OFFSET = np.array([0.0, 100.0, 100.0], dtype=np.float32)
_ROUNDS = 5  # of k-means; the shares move by about one percent after that
_SAME_COLOR = 11.0  # CIELAB distance under which two clusters are one color to the eye
_SMALLEST_SHARE = 0.015  # a color of less is noise, or a mixture along an edge
# The direction from cool to warm in the a-b plane: towards orange, 60 degrees.
_WARM_A, _WARM_B = 0.5, 0.8660254
_FULL_WARMTH = 40.0  # mean chroma in that direction of a picture that is as warm as it gets


@dataclass(frozen=True, slots=True)
class Swatch:
    """One color of a picture, as #rrggbb, and the share of the picture that it covers, 0..1."""

    hex: str
    share: float


def srgb_to_lab(rgb: ByteArray) -> FloatArray:
    """CIELAB (D65) of sRGB pixels.

    uint8 (..., 3) in; float32 (..., 3) out, L 0..100, a and b around 0.
    """
    xyz = _LINEAR[rgb] @ _TO_XYZ.T
    f = np.where(xyz > 0.008856452, np.cbrt(xyz), xyz * 7.787037 + 16.0 / 116.0)
    return np.stack(
        [
            116.0 * f[..., 1] - 16.0,
            500.0 * (f[..., 0] - f[..., 1]),
            200.0 * (f[..., 1] - f[..., 2]),
        ],
        axis=-1,
    ).astype(np.float32)


def find_palette(rgb: ByteArray, lab: FloatArray) -> tuple[Swatch, ...]:
    """The at most five colors that a picture is made of, largest share first; shares sum to 1.

    `rgb` is uint8 (n, 3), `lab` the CIELAB of the same pixels: k-means there, from the most
    frequent color and then always from the pixels farthest from all centers, so that equal
    pixels give equal palettes. Each swatch is the mean sRGB color of its pixels.
    """
    centers = _first_centers(lab)
    labels = _nearest(lab, centers)
    for _ in range(_ROUNDS):
        sizes = np.maximum(np.bincount(labels, minlength=len(centers)), 1)
        for axis in range(3):
            sums = np.bincount(labels, weights=lab[:, axis], minlength=len(centers))
            centers[:, axis] = sums / sizes
        moved = _nearest(lab, centers)
        if (moved == labels).all():
            break
        labels = moved
    labels = _merge_alike(lab, labels, len(centers))
    counts = np.bincount(labels)
    keep = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i] > 0]
    keep = [i for i in keep if counts[i] >= _SMALLEST_SHARE * len(lab)] or keep[:1]
    total = sum(int(counts[i]) for i in keep)
    return tuple(Swatch(_hex(rgb[labels == i]), int(counts[i]) / total) for i in keep)


def warmth(lab: FloatArray) -> float:
    """How warm the colors are: -1 all blue and cold, 0 neutral or balanced, 1 all orange."""
    a, b = float(lab[..., 1].mean()), float(lab[..., 2].mean())
    return float(np.clip((_WARM_A * a + _WARM_B * b) / _FULL_WARMTH, -1.0, 1.0))


def colorfulness(rgb: FloatArray) -> float:
    """How colorful a picture looks: 0 grey, about 0.15 muted, 0.45 lively, 1 extreme.

    `rgb` is float32 (n, 3), 0..255. Hasler and Süsstrunk, "Measuring colourfulness in natural
    images" (2003), divided by 109, their "extremely colorful", and cut at 1.
    """
    red_green = rgb[:, 0] - rgb[:, 1]
    yellow_blue = 0.5 * (rgb[:, 0] + rgb[:, 1]) - rgb[:, 2]
    spread = np.hypot(red_green.std(), yellow_blue.std())
    strength = np.hypot(red_green.mean(), yellow_blue.mean())
    return float(min((spread + 0.3 * strength) / 109.0, 1.0))


def _first_centers(lab: FloatArray) -> FloatArray:
    bins = np.clip((lab + _BIN_OFFSET) / 10.0, 0, 31).astype(np.int64)
    codes = (bins[:, 0] * 32 + bins[:, 1]) * 32 + bins[:, 2]
    frequent = np.bincount(codes).argmax()
    centers = [lab[codes == frequent].mean(axis=0)]
    distance = ((lab - centers[0]) ** 2).sum(axis=1)
    while len(centers) < COLORS and distance.max() > _SAME_COLOR**2:
        # The mean of the farthest two percent around the farthest one: one odd pixel is no color.
        rank = len(lab) - 1 - len(lab) // 50
        far = lab[distance >= np.partition(distance, rank)[rank]]
        to_farthest = ((far - lab[distance.argmax()]) ** 2).sum(axis=1)
        centers.append(far[to_farthest <= (2.0 * _SAME_COLOR) ** 2].mean(axis=0))
        distance = np.minimum(distance, ((lab - centers[-1]) ** 2).sum(axis=1))
    return np.stack(centers).astype(np.float32)


def _nearest(lab: FloatArray, centers: FloatArray) -> npt.NDArray[np.int64]:
    scores = lab @ centers.T - 0.5 * (centers**2).sum(axis=1)
    nearest: npt.NDArray[np.int64] = scores.argmax(axis=1)
    return nearest


def _merge_alike(
    lab: FloatArray, labels: npt.NDArray[np.int64], count: int
) -> npt.NDArray[np.int64]:
    """Labels with clusters joined that look like one color, always the closest two first."""
    sizes = np.bincount(labels, minlength=count).astype(np.float64)
    sums = [np.bincount(labels, lab[:, i], count) for i in range(3)]
    means = np.stack(sums, axis=1) / np.maximum(sizes, 1.0)[:, None]
    while True:
        apart = np.linalg.norm(means[:, None] - means[None], axis=2)
        apart[(sizes == 0)[:, None] | (sizes == 0)[None]] = np.inf
        np.fill_diagonal(apart, np.inf)
        first, second = sorted(divmod(int(apart.argmin()), count))
        if apart[first, second] >= _SAME_COLOR:
            return labels
        both = sizes[first] + sizes[second]
        means[first] = (sizes[first] * means[first] + sizes[second] * means[second]) / both
        sizes[first], sizes[second] = both, 0.0
        labels = np.where(labels == second, first, labels)


def _hex(rgb: ByteArray) -> str:
    red, green, blue = np.rint(rgb.mean(axis=0)).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"
