"""Shots, signals and candidates as the stages hand them on, without a film, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import ROW, SCALARS, SignalTable
from fastthumb.analysis.stills import look
from fastthumb.media.source import Color, SourceInfo

# What the collector adds to the signals of a frame; see analysis/candidates.py.
_CONTEXT = ("relative_sharpness", "settled", "moment_motion", "moment_spread", "moment_change")


def source_info(
    rate: Fraction | None = Fraction(24), time_base: Fraction = Fraction(1, 90_000), **changes: Any
) -> SourceInfo:
    """Facts of a 1080p film."""
    values: dict[str, Any] = {
        "path": Path("/films/the film.mkv"),
        "container": "matroska,webm",
        "codec": "h264",
        "pixel_format": "yuv420p",
        "width": 1920,
        "height": 1080,
        "sample_aspect_ratio": Fraction(1),
        "rotation_degrees": 0,
        "time_base": time_base,
        "start_pts": 0,
        "duration_seconds": None,
        "average_rate": rate,
        "bit_depth": 8,
        "interlaced": False,
        "color": Color("bt709", "bt709", "sdr", False),
        "has_alpha": False,
    }
    return SourceInfo(**values | changes)


def shots_at(
    starts: Sequence[int], frames: int, pts: Sequence[int], time_base: Fraction, **changes: Any
) -> list[Shot]:
    """Shots that begin at these frames of a film with one timestamp a frame.

    Every third begins with a dissolve of up to 12 frames, the last is credits.
    """
    shots = []
    for index, (start, after) in enumerate(zip(starts, [*starts[1:], frames], strict=True)):
        blended = min(12, after - start) if index % 3 == 2 else 0
        values: dict[str, Any] = {
            "index": index,
            "start_frame": start,
            "end_frame": after - 1,
            "start_pts": pts[start],
            "end_pts": pts[after - 1],
            "start_seconds": float((pts[start] - pts[0]) * time_base),
            "end_seconds": float((pts[after - 1] - pts[0]) * time_base),
            "transition": "dissolve" if blended else "cut" if index else "start",
            "transition_start_frame": start if blended else None,
            "transition_end_frame": start + blended - 1 if blended else None,
            "scene": index // 2,
            "repeat_of": index - 2 if index % 4 == 3 else None,
            "content": "credits" if after == frames and index else "picture",
            "usable_start_frame": min(start + blended, after - 1),
            "usable_end_frame": after - 1,
        }
        shots.append(Shot(**values | changes))
    return shots


def signal_table(frames: int, info: SourceInfo, seed: int = 7) -> SignalTable:
    """A table of as many frames with noisy signals, at the rate of `info`."""
    random = np.random.default_rng(seed)
    rows = np.zeros(frames, dtype=ROW)
    rows["index"] = np.arange(frames)
    step = round(1 / ((info.average_rate or 25) * info.time_base))
    rows["pts"] = np.arange(frames) * step + (info.start_pts or 0)
    rows["seconds"] = np.arange(frames) * float(step * info.time_base)
    rows["keyframe"] = np.arange(frames) % 48 == 0
    for name in ROW.names or ():
        if ROW[name] == np.float32 and not name.startswith("bar_"):
            slow = np.cumsum(random.normal(0, 1, frames)) / 10
            rows[name] = np.abs(50 + slow + random.normal(0, 3, frames)) * random.uniform(0.1, 90)
    return SignalTable.from_rows(rows)


def candidates_of(shots: Sequence[Shot], info: SourceInfo, seed: int = 3) -> list[Candidate]:
    """One candidate a shot, each a different picture."""
    random = np.random.default_rng(seed)
    candidates = []
    for shot in shots:
        coarse = random.integers(0, 256, (9, 16, 3), dtype=np.uint8)
        picture = np.kron(coarse, np.ones((20, 20, 1), dtype=np.uint8))
        signals = {name: float(random.random() * 100) for name in SCALARS}
        signals |= {name: float(random.random()) for name in _CONTEXT}
        candidates.append(
            Candidate(
                shot=shot.index,
                frame_index=shot.start_frame,
                pts=shot.start_pts,
                seconds=shot.start_seconds,
                signals=signals,
                stillness=float(random.random()),
                content_box=(0, 140, info.width, info.height - 140),
                still=look(picture),
                box_size=(info.width, info.height - 280),
            )
        )
    return candidates
