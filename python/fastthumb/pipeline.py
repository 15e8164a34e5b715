"""The stages in order: source -> frames -> signals -> shots -> faces -> candidates -> choice
-> pictures.

`analyze` is the one pass over a film; it holds a handful of frames at a time, whatever the
film's length. `make_title` goes on from there to the files of a title.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fastthumb.analysis.bars import Box
from fastthumb.analysis.candidates import Candidate, CandidateCollector, judge
from fastthumb.analysis.dialogue import Dialogue
from fastthumb.analysis.shot_lists import write_shots
from fastthumb.analysis.shot_scenes import group_scenes
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import SignalTable, measure
from fastthumb.analysis.subtitles import dialogue_of
from fastthumb.analysis.synopsis import Synopsis, read_synopsis
from fastthumb.analysis.tracks import Track, follow
from fastthumb.artwork.contact_sheet import CONTACT_SHEET, write_contact_sheet
from fastthumb.artwork.portraits import PortraitWriter
from fastthumb.artwork.rendering import render
from fastthumb.artwork.sprites import SpriteCollector
from fastthumb.casting import choose_pictures
from fastthumb.discovery import Location
from fastthumb.errors import NoArtwork
from fastthumb.looking import FrameLooker, cast_for, detectors_for
from fastthumb.media.readahead import read_ahead
from fastthumb.media.source import Source, SourceInfo, open_source
from fastthumb.names import printable
from fastthumb.presets import plan
from fastthumb.records import TitleRecord, write_title
from fastthumb.refining import choose_refined
from fastthumb.settings import Settings
from fastthumb.store import ANALYSIS_FILE, save_analysis
from fastthumb.timing import StageClock
from fastthumb.titles import title_record

Progress = Callable[[float], None]
SHOTS_FILE = "shots.csv"
AHEAD = 4  # frames that wait decoded while one is looked at, where there are cores to spare


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
        if settings.preset == "balanced" and choice.picks:
            detectors = detectors_for(settings)
            looker = FrameLooker(detectors, source.info, clock) if detectors else None
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
            portraits = PortraitWriter(choice.characters, folder)
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
    """Measure, cut into shots, look for people and judge in one pass over the preset's frames.

    `sprites` is shown every measured frame on the way; with `threads=1` nothing runs beside
    this thread. Raises NothingDecodable where no frame decodes; a broken tail only adds a
    warning.
    """
    info, clock, table = source.info, StageClock(), SignalTable()
    detectors = detectors_for(settings)
    looker = FrameLooker(detectors, info, clock) if detectors else None
    collector = CandidateCollector(info, settings, looker)
    decoding = plan(source, settings)
    detector = decoding.detector()
    shots: list[Shot] = []
    tracks: list[Track] = []
    candidates: list[Candidate] = []

    def judge_closed(closed: list[Shot]) -> None:
        shots.extend(closed)
        with clock.stage("judge"):
            for shot in closed:
                seen = collector.sightings(shot)
                end = shot.end_seconds + _frame_seconds(shot)
                new, seen = follow(shot.index, shot.start_seconds, end, seen, len(tracks))
                tracks.extend(new)
                candidates.extend(judge(held, info) for held in collector.close(shot, seen))

    with read_ahead(decoding.frames(), AHEAD if threads != 1 else 0) as decoded:
        frames = clock.each("decode", decoded)
        for measured in clock.each("signals", measure(frames, info)):
            frame = measured.frame
            table.append(measured)
            collector.push(measured)
            if sprites is not None:
                sprites.push(measured)
            with clock.stage("shots", frames=1):
                closed = detector.push(measured.signals, frame.index, frame.pts, frame.seconds)
            judge_closed(closed)
            progress(frame.seconds / info.duration_seconds if info.duration_seconds else 0.0)
    judge_closed(detector.finish())
    with clock.stage("subtitles"):
        dialogue, complaints = dialogue_of(info)
    synopsis, unread = read_synopsis(info.path)
    boxes = Counter(candidate.content_box for candidate in candidates)
    return Analysis(
        info=info,
        table=table,
        shots=group_scenes(shots, detector.looks),
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


def _frame_seconds(shot: Shot) -> float:
    """How long the last frame of a shot is seen, by the distance of the others."""
    return (shot.end_seconds - shot.start_seconds) / max(shot.end_frame - shot.start_frame, 1)


def find_shots(source: Source, settings: Settings) -> list[Shot]:
    """Only the shots of a film, with scenes and repeats, at the preset's accuracy."""
    decoding = plan(source, settings)
    detector = decoding.detector()
    shots: list[Shot] = []
    with read_ahead(decoding.frames(), AHEAD) as frames:
        for measured in measure(frames, source.info):
            frame = measured.frame
            shots += detector.push(measured.signals, frame.index, frame.pts, frame.seconds)
    return group_scenes(shots + detector.finish(), detector.looks)
