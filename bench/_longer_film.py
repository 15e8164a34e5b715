"""A stored analysis of a longer film, made of one of a shorter: the same shots, never alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import SignalTable
from fastthumb.analysis.tracks import Track
from fastthumb.store import WholeAnalysis

_NOISE = 0.02  # on the descriptor of each picture, so that none repeats another


def longer(analysis: WholeAnalysis, times: int) -> WholeAnalysis:
    """The analysis of a film in which everything happens so many times, one after the other."""
    random = np.random.default_rng(7)
    rows = analysis.table.rows
    frames, pts = len(rows), int(2 * rows["pts"][-1] - rows["pts"][-2] - rows["pts"][0])
    seconds = float(2 * rows["seconds"][-1] - rows["seconds"][-2])
    shots: list[Shot] = []
    candidates: list[Candidate] = []
    tracks: list[Track] = []
    tables = []
    for turn in range(times):
        later = (turn * len(analysis.shots), turn * len(analysis.tracks))
        moved = (turn * frames, turn * pts, turn * seconds)
        shots += [_shot(one, later[0], *moved) for one in analysis.shots]
        candidates += [_candidate(one, *later, *moved, random) for one in analysis.candidates]
        tracks += [_track(one, *later, *moved) for one in analysis.tracks]
        table = rows.copy()
        for name, step in zip(("index", "pts", "seconds"), moved, strict=True):
            table[name] += step
        tables.append(table)
    table = SignalTable.from_rows(np.concatenate(tables))
    return replace(analysis, shots=shots, candidates=candidates, tracks=tracks, table=table)


def _shot(one: Shot, shots: int, frames: int, pts: int, seconds: float) -> Shot:
    return replace(
        one,
        index=one.index + shots,
        scene=one.scene + shots,
        repeat_of=None,
        start_frame=one.start_frame + frames,
        end_frame=one.end_frame + frames,
        usable_start_frame=one.usable_start_frame + frames,
        usable_end_frame=one.usable_end_frame + frames,
        start_pts=one.start_pts + pts,
        end_pts=one.end_pts + pts,
        start_seconds=one.start_seconds + seconds,
        end_seconds=one.end_seconds + seconds,
    )


def _candidate(
    one: Candidate,
    shots: int,
    tracks: int,
    frames: int,
    pts: int,
    seconds: float,
    random: np.random.Generator,
) -> Candidate:
    looks = one.still.descriptor + random.normal(0.0, _NOISE, one.still.descriptor.shape)
    looks = (looks / np.linalg.norm(looks)).astype(np.float16).astype(np.float32)
    layout = one.still.layout.astype(int) + random.integers(-9, 10, one.still.layout.shape)
    still = replace(one.still, descriptor=looks, layout=layout.clip(0, 255).astype(np.uint8))
    faces = one.faces
    if faces is not None:
        faces = tuple(replace(f, track=f.track + tracks if f.track >= 0 else -1) for f in faces)
    return replace(
        one,
        shot=one.shot + shots,
        frame_index=one.frame_index + frames,
        pts=one.pts + pts,
        seconds=one.seconds + seconds,
        still=still,
        faces=faces,
    )


def _track(one: Track, shots: int, tracks: int, frames: int, pts: int, seconds: float) -> Track:
    portraits = [
        replace(
            portrait,
            frame_index=portrait.frame_index + frames,
            pts=portrait.pts + pts,
            seconds=portrait.seconds + seconds,
        )
        for portrait in one.portraits
    ]
    return replace(
        one,
        index=one.index + tracks,
        shot=one.shot + shots,
        first_seconds=one.first_seconds + seconds,
        last_seconds=one.last_seconds + seconds,
        together=tuple(other + tracks for other in one.together),
        portraits=tuple(portraits),
    )
