"""The batched device entry points of the core as Python calls them: equal to the CPU's, then timed.

python bench/_gpu_device_frames.py [ROUNDS]      prints one JSON object a line

Frames are 1080p NV12 at a pitch of 2048 bytes, as a decoder leaves them. Times are of the whole
call on the host's clock, until the results are there: what a worker waits for.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fastthumb import _core

WIDTH, HEIGHT, PITCH, FRAMES = 1920, 1080, 2048, 64
CHECKED = 8  # frames that are compared with the CPU's
LAYOUT = _core.FrameLayout(WIDTH, HEIGHT, chroma_shift_x=1, chroma_shift_y=1, chroma="interleaved")
DETECTOR = _core.TensorFormat(640, 640, fill=114.0)
FACE = _core.TensorFormat(112, 112)
WHOLE = (0.0, 0.0, float(WIDTH), float(HEIGHT))


class Film:
    """Moving, grainy frames on both sides."""

    def __init__(self, stream: _core.CudaStream) -> None:
        rng = np.random.default_rng(0)
        y, x = np.mgrid[: HEIGHT * 3 // 2, :PITCH].astype(np.float32)
        grain = rng.normal(0, 4, y.shape).astype(np.float32)
        self.host: list[tuple[tuple[Any, ...], tuple[int, ...]]] = []
        self.device: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self.buffers = []
        for i in range(FRAMES):
            waves = 120 + 60 * np.sin((x - 9 * i) / 41) + 40 * np.cos((y + 4 * i) / 37)
            rows = np.clip(waves + np.roll(grain, 31 * i, axis=1), 0, 255).astype(np.uint8)
            buffer = _core.DeviceBuffer(0, rows.nbytes)
            buffer.copy_from_host(rows, stream)
            self.buffers.append(buffer)
            self.host.append(((rows[:HEIGHT], rows[HEIGHT:]), (PITCH, PITCH)))
            places = (buffer.address, buffer.address + HEIGHT * PITCH)
            self.device.append((places, (PITCH, PITCH)))


def milliseconds(work: Callable[[], object], rounds: int) -> list[float]:
    """Each round's time, after two that are not counted."""
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    return times[2:]


def report(case: str, frames: int, times: list[float], equal: bool) -> None:
    """A line; ends the bench where the results are not the CPU's."""
    middle = statistics.median(times)
    line = {"case": case, "frames": frames, "equal": equal, "rounds": len(times)}
    line |= {"ms": round(middle, 4), "us_per_frame": round(1e3 * middle / frames, 3)}
    print(json.dumps(line), flush=True)
    if not equal:
        sys.exit(f"{case}: the device gives something else than the CPU")


def signals(film: Film, stream: _core.CudaStream, rounds: int) -> None:
    plain = _core.SignalMeter(LAYOUT)
    truth = [plain.measure(*frame) for frame in film.host[:CHECKED]]
    names = [name for name in dir(_core.FrameSignals) if not name.startswith("_")]
    for batch in (16, 32, 64):
        meter = _core.DeviceSignalMeter(LAYOUT, device=0, stream=stream, batch=batch)
        found = meter.measure(film.device[:CHECKED])
        equal = all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for a, b in zip(found, truth, strict=True)
            for name in names
        )
        times = milliseconds(lambda m=meter: m.measure(film.device), rounds)  # type: ignore[misc]
        report(f"signals, batch {batch}", FRAMES, times, equal=equal)


def tensors(film: Film, stream: _core.CudaStream, rounds: int) -> None:
    size = (640, 360)
    matrix = np.array([[2.5, -0.4, 700.0], [0.4, 2.5, 300.0]])
    for count in (1, 16, 32):
        frames = film.device[:count]
        out = _core.DeviceBuffer(0, count * 3 * 640 * 640 * 4)

        def fit(n: int = count, frames: Any = frames, out: Any = out) -> None:
            _core.fit_device(
                LAYOUT, frames, [WHOLE] * n, [size] * n, DETECTOR, out=out.address, stream=stream
            )
            stream.synchronize()

        def warp(n: int = count, frames: Any = frames, out: Any = out) -> None:
            _core.warp_device(
                LAYOUT, frames, np.stack([matrix] * n), FACE, out=out.address, stream=stream
            )
            stream.synchronize()

        times = milliseconds(fit, rounds)
        truth = _core.fit_planes(LAYOUT, *film.host[0], WHOLE, size, DETECTOR)
        found = out.to_host(stream, 0, truth.nbytes, truth.nbytes, 1)
        report(f"fit to 640 x 640, {count}", count, times, equal=found.tobytes() == truth.tobytes())
        times = milliseconds(warp, rounds)
        truth = _core.warp_planes(LAYOUT, *film.host[0], matrix, FACE)
        found = out.to_host(stream, 0, truth.nbytes, truth.nbytes, 1)
        report(
            f"warp to 112 x 112, {count}", count, times, equal=found.tobytes() == truth.tobytes()
        )


def pictures(film: Film, stream: _core.CudaStream, rounds: int) -> None:
    for size in [(WIDTH, HEIGHT), (640, 360)]:
        wanted = _core.TensorFormat(*size)
        codes = _core.fit_planes(LAYOUT, *film.host[0], WHOLE, size, wanted, filter="cubic")

        def shown(size: tuple[int, int] = size) -> Any:
            return _core.fit_rgb_device(
                LAYOUT, *film.device[0], WHOLE, size, filter="cubic", stream=stream
            )

        equal = np.array_equal(shown(), np.rint(codes).astype(np.uint8).transpose(1, 2, 0))
        report(f"RGB of {size[0]} x {size[1]}", 1, milliseconds(shown, rounds), equal=equal)


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    stream = _core.CudaStream(0)
    film = Film(stream)
    signals(film, stream, rounds)
    tensors(film, stream, rounds)
    pictures(film, stream, rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
