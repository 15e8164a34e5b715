"""Gathering: the pieces of a film joined, in order, to its shots and what each offers."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastthumb.analysis.candidates import Candidate, CandidateCollector, judge
from fastthumb.analysis.shot_scenes import group_scenes
from fastthumb.analysis.signals import Sample, SignalTable
from fastthumb.timing import StageClock

if TYPE_CHECKING:
    from fastthumb.analysis.detections import Sighting
    from fastthumb.analysis.shots import Shot
    from fastthumb.artwork.sprites import SpriteCollector
    from fastthumb.pieces import Piece
    from fastthumb.presets import Plan

Progress = Callable[[float], None]


@dataclass(slots=True)
class Gathered:
    """What one pass over a film gives before anybody looks closer.

    `kept` are the pictures of the candidates by frame number, see slots.Slot; `sightings` the
    faces seen in sampled frames, by shot.
    """

    table: SignalTable = field(default_factory=SignalTable)
    shots: list[Shot] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    kept: dict[int, bytes] = field(default_factory=dict)
    sightings: dict[int, list[Sighting]] = field(default_factory=dict)
    clock: StageClock = field(default_factory=StageClock)


def gather(
    decoding: Plan,
    *,
    threads: int | None = None,
    progress: Progress = lambda _share: None,
    sprites: SpriteCollector | None = None,
) -> Gathered:
    """Measure a film piece by piece, cut it into shots and judge what they offer.

    Raises CannotSeek where a part cannot be decoded alone, see `Plan.straight`.
    """
    info, found = decoding.source.info, Gathered()
    collector, detector = CandidateCollector(info, decoding.settings), decoding.detector()
    if sprites is not None:
        sprites.restart()

    def judge_all(closed: list[Shot]) -> None:
        found.shots.extend(closed)
        with found.clock.stage("judge"):
            for shot in closed:
                seen = found.sightings[shot.index] = collector.sightings(shot)
                for held in collector.close(shot, seen):
                    found.candidates.append(judge(held, info))
                    found.kept[held.frame_index] = held.kept

    with closing(decoding.pieces(threads)) as pieces:
        for piece, samples in _without_repeats(pieces):
            found.clock.add(piece.clock)
            collector.add(piece.slots, piece.sightings)
            for signals, index, pts, seconds in samples:
                found.table.append(signals, index, pts, seconds, keyframe=index in piece.keyframes)
                collector.push(signals, index, seconds)
                with found.clock.stage("shots", frames=1):
                    closed = detector.push(signals, index, pts, seconds)
                judge_all(closed)
            if sprites is not None:
                for tile in piece.tiles:
                    sprites.push(tile)
            if samples and info.duration_seconds:
                progress(samples[-1][3] / info.duration_seconds)
    judge_all(detector.finish())
    found.shots = group_scenes(found.shots, detector.looks)
    return found


def gather_shots(decoding: Plan, *, threads: int | None = None) -> list[Shot]:
    """Only the shots of a film, with scenes and repeats; errors as `gather`."""
    detector = decoding.detector()
    shots: list[Shot] = []
    with closing(decoding.pieces(threads)) as pieces:
        for _, samples in _without_repeats(pieces):
            for sample in samples:
                shots += detector.push(*sample)
    return group_scenes(shots + detector.finish(), detector.looks)


def _without_repeats(pieces: Generator[Piece]) -> Generator[tuple[Piece, list[Sample]]]:
    """Pieces with those samples that none before had: that one was compared with its neighbor."""
    last = -1
    for piece in pieces:
        samples = [sample for sample in piece.samples if sample[1] > last]
        if samples:
            last = samples[-1][1]
        yield piece, samples
