"""The stages in order: source -> frames -> signals -> shots -> candidates -> a closer look at the
promising ones -> choice -> the moments of the picks -> pictures.

`analyze` is the one pass over a film; it holds a handful of frames at a time, whatever the
film's length. `make_title` goes on from there to the files of a title.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fastthumb.analysis.bars import Box
from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.dialogue import Dialogue
from fastthumb.analysis.shot_lists import write_shots
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import SignalTable
from fastthumb.analysis.synopsis import Synopsis
from fastthumb.analysis.tracks import Track
from fastthumb.artwork.contact_sheet import CONTACT_SHEET, write_contact_sheet
from fastthumb.artwork.portraits import PortraitWriter
from fastthumb.artwork.rendering import render
from fastthumb.artwork.sprites import SpriteCollector
from fastthumb.beside import read_beside
from fastthumb.casting import choose_pictures
from fastthumb.closer import look_closer
from fastthumb.discovery import Location
from fastthumb.errors import NoArtwork
from fastthumb.gathering import Progress, gather, gather_shots
from fastthumb.looking import cast_for, detectors_for, looker_for
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.source import Source, SourceInfo, open_source
from fastthumb.names import printable
from fastthumb.pieces import Looking
from fastthumb.presets import plan, workers_of
from fastthumb.records import TitleRecord, write_title
from fastthumb.refining import choose_refined, is_unrefined, refines
from fastthumb.settings import Settings
from fastthumb.store import ANALYSIS_FILE, save_analysis
from fastthumb.timing import StageClock
from fastthumb.titles import SHOTS_FILE, title_record


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
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress = lambda _share: None,
) -> TitleRecord:
    """Make all files of one title in `folder` and return its record, which is also title.json.

    The film is decoded and looked at on `device` ("cpu", "cuda:0"). Raises SourceError where the
    video cannot be read, NoArtwork where no frame of it is fit to be shown, OutputError where a
    file cannot be written.
    """
    with open_source(path, device=device, threads=threads) as source:
        sprites = SpriteCollector(source.info, settings, folder) if settings.sprites else None
        analysis = analyze(
            source, settings, device=device, threads=threads, progress=progress, sprites=sprites
        )
        clock = analysis.clock
        with clock.stage("choose", frames=len(analysis.candidates)):
            cast = cast_for(settings, analysis.models)
            choice = choose_pictures(analysis, settings, cast)
        if refines(settings) and is_unrefined(choice):
            looker = looker_for(settings, source.info, clock, device)
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
        known, decoded_on = set(analysis.warnings), source.device
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
        device=decoded_on,
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
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress = lambda _share: None,
    sprites: SpriteCollector | None = None,
) -> Analysis:
    """Measure what the preset decodes, cut it into shots, judge it and look for people and things.

    `sprites` is given a tile for each of its intervals on the way. Networks run on `device`.
    `threads` workers measure (default: one per core); the result does not depend on their number.
    Raises NothingDecodable where no frame decodes; a broken tail only adds a warning.
    """
    info = source.info
    with ThreadPoolExecutor(1) as pool:  # networks are loaded while the packets are read
        opening = pool.submit(detectors_for, settings, device)
        source.packets()
        detectors = opening.result()
    decoding = plan(source, settings, Looking(info, settings, detectors))
    try:
        found = gather(decoding, threads=threads, progress=progress, sprites=sprites)
    except CannotSeek:
        decoding = decoding.straight()
        found = gather(decoding, threads=threads, progress=progress, sprites=sprites)
    clock, candidates = found.clock, found.candidates
    tracks: list[Track] = []
    if detectors is not None:
        candidates, tracks = look_closer(found, info, detectors, workers_of(threads))
    with clock.stage("subtitles"):
        beside = read_beside(info)
    boxes = Counter(candidate.content_box for candidate in candidates)
    return Analysis(
        info=info,
        table=found.table,
        shots=found.shots,
        candidates=candidates,
        tracks=tracks,
        dialogue=beside.dialogue,
        synopsis=beside.synopsis,
        models=detectors.models if detectors else [],
        missing=detectors.missing if detectors else [],
        content_box=boxes.most_common(1)[0][0] if boxes else (0, 0, info.width, info.height),
        duration_seconds=decoding.duration_seconds(found.table),
        warnings=[
            *source.warnings,
            *beside.complaints,
            *(detectors.warnings if detectors else []),
        ],
        clock=clock,
    )


def find_shots(source: Source, settings: Settings, *, threads: int | None = None) -> list[Shot]:
    """Only the shots of a film, with scenes and repeats, at the preset's accuracy."""
    decoding = plan(source, settings)
    try:
        return gather_shots(decoding, threads=threads)
    except CannotSeek:
        return gather_shots(decoding.straight(), threads=threads)
