"""The stages in order: source -> frames -> signals -> shots -> faces -> candidates -> choice
-> pictures.

`analyze` is the one pass over a film; it holds a handful of frames at a time, whatever the
film's length. `make_title` goes on from there to the files of a title.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fastthumb.analysis.bars import Box
from fastthumb.analysis.candidates import Candidate, CandidateCollector, judge
from fastthumb.analysis.dialogue import Dialogue
from fastthumb.analysis.shot_lists import write_shots
from fastthumb.analysis.shot_scenes import group_scenes
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import SignalTable
from fastthumb.analysis.subtitles import dialogue_of
from fastthumb.analysis.synopsis import Synopsis, read_synopsis
from fastthumb.analysis.tracks import Track
from fastthumb.artwork.contact_sheet import CONTACT_SHEET, write_contact_sheet
from fastthumb.artwork.portraits import PortraitWriter
from fastthumb.artwork.rendering import render
from fastthumb.artwork.sprites import SpriteCollector
from fastthumb.casting import choose_pictures
from fastthumb.closer import look_closer
from fastthumb.discovery import Location
from fastthumb.errors import NoArtwork
from fastthumb.looking import cast_for, detectors_for, looker_for
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.source import Source, SourceInfo, open_source
from fastthumb.names import printable
from fastthumb.pieces import Looking
from fastthumb.presets import Plan, plan, workers_of
from fastthumb.records import TitleRecord, write_title
from fastthumb.refining import choose_refined, is_unrefined, refines
from fastthumb.settings import Settings
from fastthumb.store import ANALYSIS_FILE, save_analysis
from fastthumb.timing import StageClock
from fastthumb.titles import title_record

if TYPE_CHECKING:
    from fastthumb.analysis.detections import Sighting
    from fastthumb.analysis.detectors import Detectors

Progress = Callable[[float], None]
SHOTS_FILE = "shots.csv"


@dataclass(frozen=True)
class Analysis:
    """Everything that one pass over a film finds; nothing of it depends on genre, cast or viewer.

    `tracks` are people followed through shots; `models` the (name, task, SHA-256) of each network
    that looked, `missing` what nothing could look for, in sentences.
    """

    info: SourceInfo
    table: SignalTable
    shots: list[Shot]
    candidates: list[Candidate]
    tracks: list[Track]
    dialogue: Dialogue | None
    synopsis: Synopsis | None
    models: list[tuple[str, str, str]]
    missing: list[str]
    content_box: Box
    duration_seconds: float | None
    warnings: list[str]
    clock: StageClock = field(default_factory=StageClock)


def make_title(
    path: Location,
    title_id: str,
    folder: Path,
    settings: Settings,
    *,
    content_hash: str | None = None,
    threads: int | None = None,
    progress: Progress = lambda _share: None,
) -> TitleRecord:
    """Make all files of one title in `folder` and return its record, which is also title.json.

    Raises SourceError where the video cannot be read, NoArtwork where no frame of it is fit to
    be shown, OutputError where a file cannot be written.
    """
    with open_source(path, threads=threads) as source:
        sprites = SpriteCollector(source.info, settings, folder) if settings.sprites else None
        analysis = analyze(source, settings, threads=threads, progress=progress, sprites=sprites)
        clock = analysis.clock
        with clock.stage("choose", frames=len(analysis.candidates)):
            cast = cast_for(settings, analysis.models)
            choice = choose_pictures(analysis, settings, cast)
        if refines(settings) and is_unrefined(choice):
            looker = looker_for(settings, source.info, clock)
            choice = choose_refined(
                source, analysis, settings, cast, looker, threads=threads, clock=clock
            )
        analysis.warnings.extend(choice.notes)
        if not choice.picks:
            raise NoArtwork(
                f"{printable(path)}: none of its {len(analysis.table)} frames is fit to be shown "
                "(all black, flat or empty); there is nothing to make artwork of"
            )
        with clock.stage("render", frames=len(choice.picks)):
            shown = [pick.scored.candidate.pts for pick in choice.picks]
            portraits = PortraitWriter(choice.characters, folder, at_hand=shown)
            rendered = render(source, choice.picks, settings, folder, portraits, threads=threads)
        known = set(analysis.warnings)
        analysis.warnings.extend(said for said in source.warnings if said not in known)
    files = [CONTACT_SHEET, SHOTS_FILE, ANALYSIS_FILE]
    files += sprites.finish(analysis.duration_seconds) if sprites else []
    record = title_record(
        title_id,
        analysis,
        settings,
        rendered,
        files,
        characters=choice.characters,
        portraits=portraits.finish(),
        models=analysis.models,
        content_hash=content_hash,
    )
    write_shots(analysis.shots, analysis.info, folder / SHOTS_FILE, "csv")
    save_analysis(folder, analysis, settings)
    write_contact_sheet(record, folder)
    write_title(folder, record)
    return record


def analyze(
    source: Source,
    settings: Settings,
    *,
    threads: int | None = None,
    progress: Progress = lambda _share: None,
    sprites: SpriteCollector | None = None,
) -> Analysis:
    """Measure what the preset decodes, cut it into shots, judge it and look for people and things.

    `sprites` is given a tile for each of its intervals on the way. `threads` workers measure
    (default: one per core); the result does not depend on their number. Raises NothingDecodable
    where no frame decodes; a broken tail only adds a warning.
    """
    detectors = detectors_for(settings)
    decoding = plan(source, settings, Looking(source.info, settings, detectors))
    try:
        return _analyzed(decoding, detectors, threads, progress, sprites)
    except CannotSeek:
        return _analyzed(decoding.straight(), detectors, threads, progress, sprites)


def _analyzed(
    decoding: Plan,
    detectors: Detectors | None,
    threads: int | None,
    progress: Progress,
    sprites: SpriteCollector | None,
) -> Analysis:
    """The pass that `decoding` plans, and what follows from it."""
    source, settings = decoding.source, decoding.settings
    info, clock, table = source.info, StageClock(), SignalTable()
    collector, detector = CandidateCollector(info, settings), decoding.detector()
    shots: list[Shot] = []
    candidates: list[Candidate] = []
    kept: dict[int, bytes] = {}
    sightings: dict[int, list[Sighting]] = {}
    if sprites is not None:
        sprites.restart()

    def judge_closed(closed: list[Shot]) -> None:
        shots.extend(closed)
        with clock.stage("judge"):
            for shot in closed:
                seen = sightings[shot.index] = collector.sightings(shot)
                for held in collector.close(shot, seen):
                    candidates.append(judge(held, info))
                    kept[held.frame_index] = held.kept

    last = -1
    with closing(decoding.pieces(threads)) as pieces:
        for piece in pieces:
            clock.add(piece.clock)
            collector.add(piece.slots, piece.sightings)
            for sample in piece.samples:
                signals, index, pts, seconds = sample
                if index <= last:
                    continue  # the piece before has seen it, and compared it
                last = index
                table.append(signals, index, pts, seconds, keyframe=index in piece.keyframes)
                collector.push(signals, index, seconds)
                with clock.stage("shots", frames=1):
                    closed = detector.push(signals, index, pts, seconds)
                judge_closed(closed)
            if sprites is not None:
                for tile in piece.tiles:
                    sprites.push(tile)
            if info.duration_seconds and piece.samples:
                progress(piece.samples[-1][3] / info.duration_seconds)
    judge_closed(detector.finish())
    shots = group_scenes(shots, detector.looks)
    tracks: list[Track] = []
    if detectors is not None:
        found = look_closer(
            candidates, kept, sightings, shots, info, detectors, clock, workers_of(threads)
        )
        candidates, tracks = found.candidates, found.tracks
    with clock.stage("subtitles"):
        dialogue, complaints = dialogue_of(info)
    synopsis, unread = read_synopsis(info.path)
    boxes = Counter(candidate.content_box for candidate in candidates)
    return Analysis(
        info=info,
        table=table,
        shots=shots,
        candidates=candidates,
        tracks=tracks,
        dialogue=dialogue,
        synopsis=synopsis,
        models=detectors.models if detectors else [],
        missing=detectors.missing if detectors else [],
        content_box=boxes.most_common(1)[0][0] if boxes else (0, 0, info.width, info.height),
        duration_seconds=decoding.duration_seconds(table),
        warnings=[
            *source.warnings,
            *complaints,
            *unread,
            *(detectors.warnings if detectors else []),
        ],
        clock=clock,
    )


def find_shots(source: Source, settings: Settings, *, threads: int | None = None) -> list[Shot]:
    """Only the shots of a film, with scenes and repeats, at the preset's accuracy."""
    decoding = plan(source, settings)
    try:
        return _shots(decoding, threads)
    except CannotSeek:
        return _shots(decoding.straight(), threads)


def _shots(decoding: Plan, threads: int | None) -> list[Shot]:
    detector = decoding.detector()
    shots: list[Shot] = []
    last = -1
    with closing(decoding.pieces(threads)) as pieces:
        for piece in pieces:
            for sample in piece.samples:
                if sample[1] > last:
                    last = sample[1]
                    shots += detector.push(*sample)
    return group_scenes(shots + detector.finish(), detector.looks)
