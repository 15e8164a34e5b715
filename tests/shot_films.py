"""Small films for the tests of shot detection: pictures made with NumPy, measured by the core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from fastthumb import _core

Image = npt.NDArray[np.float32]  # (HEIGHT, WIDTH, 3): Y, Cb, Cr, 0..255
WIDTH, HEIGHT = 256, 144
FPS = 24


def scenery(seed: int, width: int = WIDTH, height: int = HEIGHT, *, dark: float = 1.0) -> Image:
    """A picture of patches of light and color, some large, some small, like no other seed's."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.float32)
    for cells, share in ((4, 0.5), (9, 0.3), (40, 0.2)):
        coarse = rng.normal(0, 1, (cells, cells * 2, 3)).astype(np.float32)
        rows = np.linspace(0, cells - 1, height)
        columns = np.linspace(0, cells * 2 - 1, width)
        image += share * _interpolated(coarse, rows, columns)
    image /= image.std()
    level = np.array([rng.uniform(70, 170), rng.uniform(110, 146), rng.uniform(110, 146)])
    image = image * np.array([45, 12, 12], np.float32) + level.astype(np.float32)
    image[..., 0] *= dark
    return np.clip(image, 5, 250)


def _interpolated(coarse: Image, rows: npt.NDArray, columns: npt.NDArray) -> Image:
    y, x = rows.astype(int), columns.astype(int)
    y1, x1 = np.minimum(y + 1, len(coarse) - 1), np.minimum(x + 1, coarse.shape[1] - 1)
    v, u = (rows - y)[:, None, None], (columns - x)[None, :, None]
    top = coarse[y][:, x] * (1 - u) + coarse[y][:, x1] * u
    bottom = coarse[y1][:, x] * (1 - u) + coarse[y1][:, x1] * u
    return (top * (1 - v) + bottom * v).astype(np.float32)


def still(seed: int, frames: int, *, noise: float = 0.5) -> list[Image]:
    """A shot without motion, only with a little noise."""
    rng, image = np.random.default_rng(seed + 1000), scenery(seed)
    return [image + rng.normal(0, noise, image.shape).astype(np.float32) for _ in range(frames)]


def pan(seed: int, frames: int, *, speed: float = 3.0) -> list[Image]:
    """A camera that moves over a wide picture, px a frame."""
    wide = scenery(seed, WIDTH + int(speed * frames) + 1)
    return [wide[:, int(speed * n) : int(speed * n) + WIDTH] for n in range(frames)]


def shaken(seed: int, frames: int, *, strength: float = 6.0) -> list[Image]:
    """A hand-held camera: the picture jumps by `strength` px or so in every frame."""
    rng, margin = np.random.default_rng(seed), int(4 * strength)
    large = scenery(seed, WIDTH + 2 * margin, HEIGHT + 2 * margin)
    result = []
    for _ in range(frames):
        y, x = np.clip(rng.normal(0, strength, 2), -margin, margin).astype(int) + margin
        result.append(large[y : y + HEIGHT, x : x + WIDTH])
    return result


def flat(level: float, frames: int) -> list[Image]:
    """One gray in all frames."""
    return [np.full((HEIGHT, WIDTH, 3), (level, 128, 128), np.float32) for _ in range(frames)]


def mixed(a: Image, b: Image, share: float) -> Image:
    return a * (1 - share) + b * share


def dissolve(before: Sequence[Image], after: Sequence[Image], length: int) -> list[Image]:
    """Two shots with their ends blended over `length` frames."""
    tail, head = before[-length:], after[:length]
    blended = [mixed(tail[n], head[n], (n + 1) / (length + 1)) for n in range(length)]
    return [*before[:-length], *blended, *after[length:]]


def wipe(before: Sequence[Image], after: Sequence[Image], length: int, shape: Image) -> list[Image]:
    """Two shots with the second coming in where `shape` (0..1 per pixel) is lowest."""
    tail, head = before[-length:], after[:length]
    blended = [
        np.where((shape < (n + 1) / (length + 1))[..., None], b, a)
        for n, (a, b) in enumerate(zip(tail, head, strict=True))
    ]
    return [*before[:-length], *blended, *after[length:]]


def fade(
    before: Sequence[Image], after: Sequence[Image], length: int, *, hold: int = 0, level: float = 0
) -> list[Image]:
    """Two shots with a fade through one gray between, `length` frames out and as many in."""
    gray = flat(level, 1)[0]
    out = [mixed(image, gray, (n + 1) / (length + 1)) for n, image in enumerate(before[-length:])]
    back = [mixed(gray, image, (n + 1) / (length + 1)) for n, image in enumerate(after[:length])]
    return [*before[:-length], *out, *flat(level, hold), *back, *after[length:]]


def signals_of(
    images: Sequence[Image], *, fps: float = FPS, seconds: Sequence[float] | None = None
) -> Iterator[tuple[_core.FrameSignals, int, int, float]]:
    """What find_shots takes: (signals, index, pts, seconds) of every frame; pts in 1/1000 s."""
    layout = _core.FrameLayout(
        WIDTH, HEIGHT, chroma_shift_x=0, chroma_shift_y=0, full_range=True, matrix="bt601"
    )
    meter = _core.SignalMeter(layout)
    for index, image in enumerate(images):
        codes = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        planes = tuple(np.ascontiguousarray(codes[..., k]) for k in range(3))
        when = index / fps if seconds is None else seconds[index]
        yield meter.measure(planes, (WIDTH,) * 3), index, round(when * 1000), when
