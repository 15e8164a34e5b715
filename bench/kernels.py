"""The kernels on one core: signals against a copy of the same bytes, tensors against other roads.

    python bench/kernels.py [--rounds 15] [--frames 16]

For the signals, each round measures every frame of a small film, then copies every frame to
another place; the films are larger than the caches, as frames out of a decoder are, and a second
figure repeats one frame. The result is compared with the plain implementation before anything is
timed. Rates count the bytes read, for the copy too. For the tensors see _tensors.py.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import _tensors
from _report import save
from fastthumb import _core

GOAL_SHARE = 0.5  # of the copy's rate


@dataclass(frozen=True)
class Case:
    """A kind of frame."""

    name: str
    width: int
    height: int
    bit_depth: int = 8

    @property
    def sample_bytes(self) -> int:
        return 1 if self.bit_depth == 8 else 2

    @property
    def frame_bytes(self) -> int:
        return self.width * self.height * 3 // 2 * self.sample_bytes

    def meter(self, implementation: str) -> _core.SignalMeter:
        layout = _core.FrameLayout(
            self.width, self.height, chroma_shift_x=1, chroma_shift_y=1, bit_depth=self.bit_depth
        )
        return _core.SignalMeter(layout, implementation=implementation)


CASES = [
    Case("720p 8 bits", 1280, 720),
    Case("1080p 8 bits", 1920, 1080),
    Case("1080p 10 bits", 1920, 1080, bit_depth=10),
    Case("2160p 8 bits", 3840, 2160),
]


def film(case: Case, frames: int) -> list[npt.NDArray[Any]]:
    """Frames of a moving, grainy picture; each one flat array of all its samples."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: case.height, : case.width].astype(np.float32)
    top = 2**case.bit_depth - 1
    grain = rng.random((case.height, case.width), dtype=np.float32) * 0.08
    pictures = []
    for frame in range(frames):
        waves = np.sin((x - 9 * frame) / 41) + np.cos((y + 4 * frame) / 37) + np.sin((x + y) / 11)
        luma = (waves + 3) / 6.6 + np.roll(grain, 31 * frame, axis=1)
        chroma = 0.4 + 0.2 * luma[: case.height // 2, : case.width // 2]
        planes = [luma, chroma, chroma[::-1]]
        samples = np.concatenate([(plane * top).ravel() for plane in planes])
        pictures.append(samples.astype(np.uint8 if case.sample_bytes == 1 else np.uint16))
    return pictures


def planes_of(case: Case, picture: npt.NDArray[Any]) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    luma = case.width * case.height
    parts = (picture[:luma], picture[luma : luma * 5 // 4], picture[luma * 5 // 4 :])
    pitch = case.width * case.sample_bytes
    return parts, (pitch, pitch // 2, pitch // 2)


def check(case: Case, pictures: list[npt.NDArray[Any]]) -> None:
    """Stop unless the fast implementation gives what the plain one does."""
    truth, fast = case.meter("scalar"), case.meter("auto")
    for picture in pictures[:2]:
        wanted, got = (meter.measure(*planes_of(case, picture)) for meter in (truth, fast))
        for name in (n for n in dir(wanted) if not n.startswith("_")):
            if not np.array_equal(getattr(got, name), getattr(wanted, name)):
                raise SystemExit(f"{case.name}: {name} differs from the plain implementation")
    if not got.difference > 0 or not got.motion > 0:
        raise SystemExit(f"{case.name}: a still film proves nothing")


def timed(case: Case, pictures: list[npt.NDArray[Any]], rounds: int) -> dict[str, float]:
    """Milliseconds per frame, medians over the rounds, and the ratio of the two rates."""
    meter = case.meter("auto")
    frames = [planes_of(case, picture) for picture in pictures]
    copies = [np.zeros_like(picture) for picture in pictures]
    measure_ms, copy_ms = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        for planes, pitches in frames:
            meter.measure(planes, pitches)
        middle = time.perf_counter()
        for target, picture in zip(copies, pictures, strict=True):
            np.copyto(target, picture)
        end = time.perf_counter()
        measure_ms.append((middle - start) / len(frames) * 1e3)
        copy_ms.append((end - middle) / len(frames) * 1e3)
    ratios = [copy / measure for copy, measure in zip(copy_ms, measure_ms, strict=True)]
    measured = statistics.median(measure_ms)
    copied = statistics.median(copy_ms)
    return {
        "measure_ms": measured,
        "measure_ms_best": min(measure_ms),
        "copy_ms": copied,
        "copy_ms_best": min(copy_ms),
        "measure_gb_per_s": case.frame_bytes / measured / 1e6,
        "copy_gb_per_s": case.frame_bytes / copied / 1e6,
        "share_of_copy": statistics.median(ratios),
    }


def overhead_us() -> float:
    """Microseconds of a call on a frame with next to nothing in it."""
    case = Case("tiny", 4, 4)
    meter = case.meter("auto")
    planes, pitches = planes_of(case, film(case, 1)[0])
    start = time.perf_counter()
    for _ in range(10_000):
        meter.measure(planes, pitches)
    return (time.perf_counter() - start) * 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--frames", type=int, default=16)
    arguments = parser.parse_args()
    results: dict[str, Any] = {"rounds": arguments.rounds, "frames": arguments.frames, "cases": {}}
    print(f"{'frames':15} {'measure':>10} {'copy':>10} {'measure':>10} {'copy':>10} {'share':>7}")
    for case in CASES:
        pictures = film(case, arguments.frames)
        check(case, pictures)
        for name, some in ((case.name, pictures), (f"{case.name}, cached", pictures[:1])):
            row = timed(case, some, arguments.rounds * (1 if some is pictures else 8))
            results["cases"][name] = row | {"bytes": case.frame_bytes}
            print(
                f"{name:22} {row['measure_ms']:7.3f} ms {row['copy_ms']:7.3f} ms"
                f" {row['measure_gb_per_s']:5.1f} GB/s {row['copy_gb_per_s']:5.1f} GB/s"
                f" {row['share_of_copy']:6.0%}"
            )
    results["call_overhead_us"] = overhead_us()
    results["goal_share_of_copy"] = GOAL_SHARE
    print(f"a call on a 4 x 4 frame: {results['call_overhead_us']:.1f} us; goal {GOAL_SHARE:.0%}")
    results["tensors"] = _tensors.measured(film(CASES[1], arguments.frames), arguments.rounds)
    print(f"written to {save('kernels', results)}")


if __name__ == "__main__":
    main()
