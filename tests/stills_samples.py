"""Pictures with known properties, and candidates made of them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from fastthumb.analysis.candidates import Candidate, Held, judge
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import Measured, measure, scalars
from fastthumb.media.source import Color, Frame, SourceInfo
from film_samples import source_info

Picture = npt.NDArray[np.uint8]
STEADY = {
    "relative_sharpness": 1.0,
    "settled": 1.0,
    "moment_motion": 0.0,
    "moment_spread": 0.0,
    "moment_change": 0.0,
}


def landscape(seed: int = 0, width: int = 640, height: int = 360) -> Picture:
    """A picture as cameras make them: sky, ground, a colored subject; detail at all scales."""
    rng = np.random.default_rng(seed)
    y, x = _grid(height, width)
    horizon = 0.45 + 0.2 * rng.random() + 0.03 * np.sin(2 * np.pi * (x * 2 + rng.random()))
    sky = np.array([90, 140, 200]) + rng.normal(scale=25, size=3)
    ground = np.array([90, 110, 50]) + rng.normal(scale=25, size=3)
    picture = np.where((y < horizon)[..., None], sky + 60 * y[..., None], ground)
    texture = sum(
        np.asarray(
            Image.fromarray(rng.normal(size=(size, size)).astype(np.float32)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        )
        * strength
        for size, strength in ((12, 12.0), (40, 10.0), (150, 14.0))
    )
    picture = picture + (texture * np.where(y < horizon, 0.15, 1.0))[..., None]
    cx, cy, radius = 0.3 + 0.4 * rng.random(), horizon.mean(), 0.09 + 0.06 * rng.random()
    subject = (x - cx) ** 2 + ((y - cy) * height / width) ** 2 < radius**2
    color = np.array([200, 60, 40]) if seed % 2 == 0 else np.array([230, 200, 60])
    pattern = 25 * np.sin(x * 90 + 6 * y) + 1.5 * texture
    picture[subject] = (color + pattern[..., None])[subject]
    return np.clip(picture, 0, 255).astype(np.uint8)


def _grid(height: int, width: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    return y / height, x / width


def blurred(picture: Picture, radius: float) -> Picture:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def card(
    lines: Iterable[str],
    size: int = 40,
    ink: tuple[int, int, int] = (255, 255, 255),
    paper: Picture | tuple[int, int, int] = (0, 0, 0),
) -> Picture:
    """Centered lines of text on a color or on a picture, 640 x 360."""
    if isinstance(paper, tuple):
        image = Image.new("RGB", (640, 360), paper)
    else:
        image = Image.fromarray(paper)
    draw, lines = ImageDraw.Draw(image), list(lines)
    font = ImageFont.load_default(size)
    for number, line in enumerate(lines):
        y = 180 + (number - (len(lines) - 1) / 2) * size * 1.3
        draw.text((320, y), line, ink, font, anchor="mm")
    return np.asarray(image)


def frames_of(pictures: Iterable[Picture], rate: int = 24, start: int = 0) -> list[Frame]:
    """Decoded frames of RGB pictures, 4:2:0, BT.709, limited range."""
    frames = []
    for number, picture in enumerate(pictures, start):
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        image = image.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        image.colorspace = 1
        frames.append(Frame(number, number, number / rate, number == 0, image))
    return frames


def info_of(picture: Picture, **changes: Any) -> SourceInfo:
    height, width = picture.shape[:2]
    values = {
        "width": width,
        "height": height,
        "time_base": Fraction(1, 24),
        "color": Color("bt709", "bt709", "sdr", False),
    }
    return source_info(**values | changes)


def measured(pictures: list[Picture], rate: int = 24) -> list[Measured]:
    return list(measure(frames_of(pictures, rate), info_of(pictures[0])))


def candidate_of(
    picture: Picture,
    *,
    shot: int = 0,
    seconds: float = 0.0,
    stillness: float = 1.0,
    **context: float,
) -> Candidate:
    """The candidate of one picture, measured by the core, as if it stood still in its shot."""
    [one] = measured([picture])
    info = info_of(picture)
    height, width = picture.shape[:2]
    small = Image.fromarray(picture)
    small.thumbnail((320, 320), Image.Resampling.BOX)
    held = Held(
        shot,
        round(seconds * 24),
        round(seconds * 24),
        seconds,
        scalars(one.signals) | STEADY | context,
        stillness,
        (0, 0, width, height),
        np.asarray(small),
        None,
    )
    return judge(held, info)


def shot_of(index: int, first: int, last: int, rate: int = 24, **changes: Any) -> Shot:
    """A shot of these frames, ends inclusive, that begins with a cut."""
    values: dict[str, Any] = {
        "index": index,
        "start_frame": first,
        "end_frame": last,
        "start_pts": first,
        "end_pts": last,
        "start_seconds": first / rate,
        "end_seconds": last / rate,
        "transition": "cut" if index else "start",
        "transition_start_frame": None,
        "transition_end_frame": None,
        "scene": index,
        "repeat_of": None,
        "content": "picture",
        "usable_start_frame": first,
        "usable_end_frame": last,
    }
    return Shot(**values | changes)
