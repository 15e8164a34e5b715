"""A tensor for a detector out of a 1080p frame: the core's kernel against two other roads.

The frames are larger together than the caches. Every road runs on one core and ends with a
float32 (3, height, width) BGR tensor; before anything is timed, all must show the same picture.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from fastthumb.inference.views import PictureView, Pixels
from fastthumb.media.color import color_of
from fastthumb.media.display import display_rgb
from fastthumb.media.source import Frame, SourceInfo

GOAL_TIMES_FASTER = 3.0  # than swscale and NumPy
WIDTH, HEIGHT = 1920, 1080
MEAN = (103.53, 116.28, 123.675)
SCALE = (1 / 57.375, 1 / 57.12, 1 / 58.395)
MEAN_LEVELS = 2.0  # the roads use different filters
PIXELS = Pixels("bgr", MEAN, SCALE)
Tensor = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TensorCase:
    """A pixel format and the tensor that is made of it."""

    name: str
    pixel_format: str
    width: int
    height: int


CASES = [
    TensorCase("I420 to 640 x 384", "yuv420p", 640, 384),
    TensorCase("NV12 to 640 x 384", "nv12", 640, 384),
    TensorCase("I420 to 416 x 416", "yuv420p", 416, 416),
    TensorCase("I420, 10 bits, to 640 x 384", "yuv420p10le", 640, 384),
]


def measured(pictures: list[npt.NDArray[np.uint8]], rounds: int) -> dict[str, Any]:
    """Milliseconds of every road for every case; `pictures` are I420 frames of 1080p."""
    results: dict[str, Any] = {"goal_times_faster": GOAL_TIMES_FASTER}
    print(f"{'tensor of a 1080p frame':30} {'core':>10} {'swscale':>10} {'OpenCV':>10}")
    for case in CASES:
        frames = [_frame(case, picture) for picture in pictures]
        roads = _roads(case)
        _check(case, roads, frames[0])
        row = _timed(roads, frames, rounds)
        row["times_faster_than_swscale"] = row["swscale_ms"] / row["core_ms"]
        results[case.name] = row
        others = f" {row['opencv_ms']:7.3f} ms" if "opencv_ms" in row else "          -"
        print(f"{case.name:30} {row['core_ms']:7.3f} ms {row['swscale_ms']:7.3f} ms{others}")
    return results


def _frame(case: TensorCase, picture: npt.NDArray[np.uint8]) -> tuple[Frame, SourceInfo]:
    whole = picture.reshape(HEIGHT * 3 // 2, WIDTH)
    image = av.VideoFrame.from_ndarray(whole, format="yuv420p")
    if case.pixel_format != "yuv420p":
        image = image.reformat(format=case.pixel_format)
    image.colorspace, image.color_range = 1, 1
    info = SourceInfo(
        path=Path("memory"),
        container="memory",
        codec="rawvideo",
        pixel_format=case.pixel_format,
        width=WIDTH,
        height=HEIGHT,
        sample_aspect_ratio=Fraction(1),
        rotation_degrees=0,
        time_base=Fraction(1, 25),
        start_pts=0,
        duration_seconds=None,
        average_rate=Fraction(25),
        bit_depth=8,
        interlaced=False,
        color=color_of(image, "rawvideo"),
        has_alpha=False,
    )
    return Frame(0, 0, 0.0, True, image), info


Road = Callable[[Frame, SourceInfo], Tensor]


def _roads(case: TensorCase) -> dict[str, Road]:
    mean, scale = np.array(MEAN, np.float32), np.array(SCALE, np.float32)

    def pasted(bgr: npt.NDArray[np.uint8]) -> Tensor:
        tensor = np.empty((3, case.height, case.width), np.float32)
        tensor[:] = (-mean * scale)[:, None, None]
        part = (bgr.astype(np.float32) - mean) * scale
        tensor[:, : bgr.shape[0], : bgr.shape[1]] = part.transpose(2, 0, 1)
        return tensor

    def core(frame: Frame, info: SourceInfo) -> Tensor:
        view = PictureView.of_frame(frame, info)
        return view.letterboxed(case.width, case.height, PIXELS)[0]

    def swscale(frame: Frame, info: SourceInfo) -> Tensor:
        return pasted(display_rgb(frame, info, max_long_side=case.width)[..., ::-1])

    roads: dict[str, Road] = {"core": core, "swscale": swscale}
    codes = {"yuv420p": "COLOR_YUV2BGR_I420", "nv12": "COLOR_YUV2BGR_NV12"}
    try:
        import cv2
    except ImportError:
        return roads
    if case.pixel_format not in codes:
        return roads
    cv2.setNumThreads(1)
    code = getattr(cv2, codes[case.pixel_format])
    size = (case.width, round(HEIGHT * case.width / WIDTH))

    def opencv(frame: Frame, _: SourceInfo) -> Tensor:
        bgr = cv2.cvtColor(frame.image.to_ndarray(), code)
        return pasted(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA))

    return roads | {"opencv": opencv}


def _check(case: TensorCase, roads: dict[str, Road], frame: tuple[Frame, SourceInfo]) -> None:
    """Stop unless all roads lead to the same picture."""
    scale = np.array(SCALE, np.float32)[:, None, None]
    made = {name: road(*frame) / scale for name, road in roads.items()}
    for name in ("swscale", "opencv"):
        # OpenCV reads every picture as BT.601, so that its colors are off.
        limit = MEAN_LEVELS if name == "swscale" else 10 * MEAN_LEVELS
        if name in made and np.abs(made[name] - made["core"]).mean() > limit:
            raise SystemExit(f"{case.name}: {name} shows another picture than the core")
    if made["core"].std() < 10:
        raise SystemExit(f"{case.name}: a flat picture proves nothing")


def _timed(
    roads: dict[str, Road], frames: list[tuple[Frame, SourceInfo]], rounds: int
) -> dict[str, float]:
    """Milliseconds per frame, medians over rounds in which every road has its turn."""
    seconds: dict[str, list[float]] = {name: [] for name in roads}
    for _ in range(rounds):
        for name, road in roads.items():
            start = time.perf_counter()
            for frame in frames:
                road(*frame)
            seconds[name].append((time.perf_counter() - start) / len(frames))
    medians = {f"{name}_ms": statistics.median(times) * 1e3 for name, times in seconds.items()}
    return medians | {"core_ms_best": min(seconds["core"]) * 1e3}
