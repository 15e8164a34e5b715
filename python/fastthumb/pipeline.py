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
            analysis.warnings.extend(choice.notes)
        if not choice.picks:
            raise NoArtwork(
                f"{printable(path)}: none of its {len(analysis.table)} frames is fit to be shown "
                "(all black, flat or empty); there is nothing to make artwork of"
            )
        with clock.stage("render", frames=len(choice.picks)):
            portraits = PortraitWriter(choice.characters, folder)
            rendered = render(source, choice.picks, settings, folder, portraits)
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
        found = _gather(decoding, threads, progress, sprites)
    except CannotSeek:
        found = _gather(decoding.straight(), threads, progress, sprites)
    return found


