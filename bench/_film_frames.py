"""What the bench itself measures on every frame of a film: how sharp it is and what it looks like.

It shares no code with what is judged by it. Measured once per film on exactly decoded frames,
and kept beside the film.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

LINES = 360  # sharpness is measured at about this height, so that it does not depend on resolution
LOOK = (32, 18)  # width and height of what is kept of a frame to tell it from others


@dataclass(frozen=True)
class FilmFrames:
    """One row per frame, in presentation order.

    `pts` in the stream's time base; `sharpness` the variance of the Laplacian of the luma;
    `looks` uint8 (frames, 18, 32, 3), RGB.
    """

    pts: npt.NDArray[np.int64]
    sharpness: npt.NDArray[np.float32]
    looks: npt.NDArray[np.uint8]

    def number_at(self, pts: int) -> int:
        """The frame with this timestamp."""
        return int(np.searchsorted(self.pts, pts))

    def numbers_like(self, looks: Sequence[npt.NDArray[np.uint8]]) -> list[int]:
        """For each look of a picture, the frame that differs least from it."""
        wanted = np.stack(looks).reshape(len(looks), -1).astype(np.float32) - 128.0
        best = np.zeros(len(looks), np.int64)
        least = np.full(len(looks), np.inf)
        for start in range(0, len(self.looks), 4096):
            block = self.looks[start : start + 4096].reshape(-1, wanted.shape[1])
            rows = block.astype(np.float32) - 128.0
            differences = (rows**2).sum(axis=1)[None, :] - 2.0 * wanted @ rows.T
            at = differences.argmin(axis=1)
            found = differences[np.arange(len(looks)), at]
            best = np.where(found < least, start + at, best)
            least = np.minimum(found, least)
        return [int(number) for number in best]


def frames_of(film: Path) -> FilmFrames:
    """The frames of a film, measured now if they were not before."""
    path = film.with_suffix(".frames.npz")
    if not path.exists() or path.stat().st_mtime < film.stat().st_mtime:
        columns = _measure(film)
        np.savez(path, pts=columns.pts, sharpness=columns.sharpness, looks=columns.looks)
    with np.load(path) as stored:
        return FilmFrames(stored["pts"], stored["sharpness"], stored["looks"])


def look_of(picture: Path) -> npt.NDArray[np.uint8]:
    """What is compared of a picture file, uint8 (18, 32, 3)."""
    with Image.open(picture) as image:
        return np.asarray(image.convert("RGB").resize(LOOK, Image.Resampling.BOX))


def _measure(film: Path) -> FilmFrames:
    pts: list[int] = []
    sharpness: list[float] = []
    looks: list[npt.NDArray[np.uint8]] = []
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            height = LINES if frame.height > LINES else frame.height
            width = round(frame.width * height / frame.height / 2) * 2
            luma = frame.reformat(width, height, "gray", interpolation="AREA").to_ndarray()
            look = frame.reformat(*LOOK, "rgb24", interpolation="AREA").to_ndarray()
            pts.append(frame.pts or 0)
            sharpness.append(_laplacian_variance(luma))
            looks.append(look.astype(np.uint8, copy=False))
    order = np.argsort(np.array(pts, np.int64), kind="stable")
    return FilmFrames(
        np.array(pts, np.int64)[order],
        np.array(sharpness, np.float32)[order],
        np.stack(looks)[order],
    )


def _laplacian_variance(luma: npt.NDArray[Any]) -> float:
    plane = luma.astype(np.int16)
    edges = plane[1:-1, :-2] + plane[1:-1, 2:] + plane[:-2, 1:-1] + plane[2:, 1:-1]
    edges -= 4 * plane[1:-1, 1:-1]
    return float(edges.var(dtype=np.float32))
