"""Small films with known edits, of random pictures that look real enough to be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]


def textured(seed: int, width: int = 320, height: int = 180) -> Picture:
    """A picture with colored areas and texture at several scales, uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for cells, strength in ((3, 90.0), (9, 60.0), (30, 40.0), (90, 25.0)):
        coarse = rng.normal(size=(cells, cells, 3))
        rows = np.minimum(np.arange(height) * cells // height, cells - 1)
        columns = np.minimum(np.arange(width) * cells // width, cells - 1)
        picture += strength * coarse[rows][:, columns]
    return np.clip(picture + 120 + 40 * rng.normal(size=3), 0, 255).astype(np.uint8)


def moving_shot(seed: int, frames: int, width: int = 320, height: int = 180) -> list[Picture]:
    """Frames of a slow pan over one textured picture."""
    wide = textured(seed, width + frames, height)
    return [np.ascontiguousarray(wide[:, k // 2 : k // 2 + width]) for k in range(frames)]


def write_film(path: Path, frames: Sequence[Picture], fps: int = 24, gop: int = 24) -> Path:
    """Encode frames as H.264 in MP4."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.gop_size = "yuv420p", gop
        stream.options = {"preset": "ultrafast", "crf": "18"}
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def three_shots(path: Path, seed: int = 0) -> Path:
    """A film of three shots of two seconds each, cut at frames 48 and 96."""
    shots = [moving_shot(seed * 10 + k, 48) for k in range(3)]
    return write_film(path, [frame for shot in shots for frame in shot])
