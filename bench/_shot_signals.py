"""What the shot detector reads of a film, measured once and kept: deciding again is quick."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from _films import cache_folder
from fastthumb.analysis.signals import measure
from fastthumb.media.packets import PacketTable
from fastthumb.media.source import open_source

SCALARS = (
    "difference",
    "compensated_difference",
    "laplacian_variance",
    "camera_x",
    "camera_y",
)


@dataclass(slots=True)
class Replayed:
    """Stands for a FrameSignals: the attributes that shot detection reads."""

    grid: npt.NDArray[np.float32]
    difference: float
    compensated_difference: float
    laplacian_variance: float
    camera_x: float
    camera_y: float


class Recorder:
    """Collects the signals of a film, frame by frame."""

    def __init__(self) -> None:
        self._grids: list[npt.NDArray[np.float32]] = []
        self._scalars: list[list[float]] = []
        self._times: list[tuple[int, float, bool]] = []

    def add(self, signals: Any, pts: int, seconds: float, keyframe: bool) -> None:
        self._grids.append(signals.grid.copy())
        self._scalars.append([getattr(signals, name) for name in SCALARS])
        self._times.append((pts, seconds, keyframe))

    def save(self, path: Path, **more: npt.NDArray[Any]) -> None:
        pts, seconds, keyframe = (np.array(column) for column in zip(*self._times, strict=True))
        scalars = np.array(self._scalars)
        np.savez(
            path, grid=np.stack(self._grids), scalars=scalars, pts=pts, seconds=seconds,
            keyframe=keyframe, **more,
        )  # fmt: skip


def signals_of(film: Path) -> dict[str, npt.NDArray[Any]]:
    """The recorded columns of a film, decoded and measured now if that was not done before.

    `grid`, `scalars`, `pts`, `seconds`, `keyframe` have a row per frame in presentation order;
    `packet_*` are the columns of the demux table.
    """
    path = cache_folder() / f"{film.stem}.signals.npz"
    if not path.exists() or path.stat().st_mtime < film.stat().st_mtime:
        recorder = Recorder()
        with open_source(film) as source:
            table = source.packets()
            for measured in measure(source.frames(), source.info):
                frame = measured.frame
                recorder.add(measured.signals, frame.pts, frame.seconds, frame.keyframe)
            time_base = source.info.time_base
        packets = {
            "packet_pts": table.pts,
            "packet_dts": table.dts,
            "packet_size_bytes": table.size_bytes,
            "packet_keyframe": table.keyframe,
            "time_base": np.array([time_base.numerator, time_base.denominator]),
        }
        recorder.save(path, **packets)
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def replay(columns: dict[str, npt.NDArray[Any]]) -> Iterator[tuple[Replayed, int, int, float]]:
    """(signals, index, pts, seconds) of every frame, as find_shots wants them."""
    scalars = columns["scalars"].tolist()
    times = zip(columns["pts"].tolist(), columns["seconds"].tolist(), strict=True)
    for index, (grid, values, (pts, seconds)) in enumerate(
        zip(columns["grid"], scalars, times, strict=True)
    ):
        yield Replayed(grid, *values), index, pts, seconds


def keyframes_of(
    columns: dict[str, npt.NDArray[Any]],
) -> tuple[list[tuple[Replayed, int, int, float]], PacketTable, Fraction]:
    """The arguments of find_shots_from_keyframes."""
    frames = [frame for frame in replay(columns) if columns["keyframe"][frame[1]]]
    keyframes = [(signals, n, *times) for n, (signals, _index, *times) in enumerate(frames)]
    names = ("pts", "dts", "size_bytes", "keyframe")
    packets = PacketTable(*(columns[f"packet_{name}"] for name in names))
    return keyframes, packets, Fraction(*columns["time_base"].tolist())
