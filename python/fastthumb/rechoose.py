"""Choosing again for a finished title, from the stored analysis: another genre, number or shape.

Nothing is analyzed again. Pictures that are chosen once more are kept and get their new rank;
only the frames of new picks are decoded.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fastthumb import __version__
from fastthumb.analysis.shot_lists import write_shots
from fastthumb.artwork.contact_sheet import CONTACT_SHEET, write_contact_sheet
from fastthumb.artwork.labels import counted, title_name
from fastthumb.artwork.portraits import PortraitWriter
from fastthumb.artwork.rendering import RenderedFile, RenderedVariant, picture_name, render
from fastthumb.artwork.sprites import SpriteCollector, TileSampler, is_sprite, sprite_rows
from fastthumb.artwork.variants import Pick
from fastthumb.beside import Beside, is_complaint, read_beside
from fastthumb.casting import choose_pictures, with_genre_of
from fastthumb.catalog import CATALOG_FILE, Catalog
from fastthumb.discovery import Location, location
from fastthumb.errors import FastthumbError, NoArtwork, SourceError
from fastthumb.looking import cast_for, looker_for
from fastthumb.media.source import Source, open_source
from fastthumb.names import printable
from fastthumb.overview import write_overview
from fastthumb.publishing import publish
from fastthumb.records import TitleRecord, Variant, escape_path, read_title, write_title
from fastthumb.refining import MOMENTS, choose_refined, is_unrefined, refines
from fastthumb.settings import Settings
from fastthumb.store import StoredAnalysis, load_analysis, save_analysis, with_signals
from fastthumb.timing import StageClock
from fastthumb.titles import (
    SHOTS_FILE,
    character_records,
    portrait_files,
    timing_records,
    variant_record,
)

if TYPE_CHECKING:
    from fastthumb.analysis.stills import Still

_DECODE_SPRITES = "decode sprites"
_DECODING = ("render", MOMENTS, _DECODE_SPRITES)
_SHAPES_OF_A_FILE = ("image_format", "image_quality", "max_width")
_OF_SPRITES = ("sprites", "sprite_interval_seconds", "sprite_width")


@dataclass(frozen=True, slots=True)
class Rechosen:
    """A title that was chosen again: its record, how many frames that took, and the time.

    `decoded` counts frames of new pictures, portraits and sprites.
    """

    record: TitleRecord
    decoded: int
    clock: StageClock


def rechoose(folder: Path, **changes: object) -> TitleRecord:
    """Choose the variants of a finished title anew, and tell the catalog and gallery beside it.

    As `choose_again`, which see.
    """
    record = choose_again(folder, (), **changes)
    _tell_catalog(folder, record)
    return record


def choose_again(folder: Path, avoid: Sequence[Still], /, **changes: object) -> TitleRecord:
    """Choose the variants of a finished title anew and return its new record.

    `changes` are settings of the choice and the pictures (genre, variants, cast, window, pins,
    aspects, ...); everything that is not given stays as it was. Nothing is chosen that repeats a
    picture of `avoid`. Raises OutputError where `folder` is no finished title, SettingsError for
    a genre or number that cannot be, and SourceError where new pictures are needed and the video
    is gone.
    """
    record = read_title(folder)
    stored = load_analysis(folder)
    settings = Settings.build(**{**record.settings, **changes})
    with tempfile.TemporaryDirectory(dir=folder, prefix=".choosing-") as temporary:
        staging = Path(temporary)
        return choose_from(stored, record, folder, staging, settings, avoid=avoid).record


def choose_from(
    stored: StoredAnalysis,
    record: TitleRecord,
    folder: Path,
    staging: Path,
    settings: Settings,
    *,
    avoid: Sequence[Still] = (),
    video: Location | None = None,
    content_hash: str | None = None,
) -> Rechosen:
    """Choose a title's variants from its stored analysis, and publish them into its folder.

    `record` is the title as it is; of its files those are kept that would be made again the same.
    `staging` is an empty folder on the same disk. `video` is where the film is (default: where it
    was), `content_hash` its fingerprint with that of the files beside it: where that is another,
    they are read again. Errors as `choose_again`.
    """
    clock = StageClock()
    film = _Film(video or _recorded(record))
    beside, before = None, stored
    if content_hash is not None and content_hash != record.content_hash:
        info = replace(stored.info, path=Path(film.location))
        with clock.stage("subtitles"):
            beside = read_beside(info)
        stored = replace(stored, info=info, dialogue=beside.dialogue, synopsis=beside.synopsis)
    with film:
        cast = cast_for(settings, stored.models)
        with clock.stage("choose", frames=len(stored.candidates)):
            choice = choose_pictures(stored, settings, cast, avoid=avoid)
        here = {variant.frame_pts for variant in record.variants}
        refined = None
        if film.is_there and refines(settings) and is_unrefined(choice, here):
            source = film.source("new pictures")
            refined = with_signals(folder, stored)
            looker = looker_for(settings, source.info, clock)
            choice = choose_refined(
                source, refined, settings, cast, looker, clock=clock, avoid=avoid, made=here
            )
        if not choice.picks:
            raise NoArtwork(f"{printable(folder)}: no frame of this title is fit to be shown")
        made = _kept_variants(record, settings, folder)
        rendered, fresh = [], []
        for pick in choice.picks:
            old = made.get(pick.scored.candidate.pts)
            if old is None:
                fresh.append(pick)
            else:
                rendered.append(_kept(pick, old, settings, folder, staging))
        there = [one for one in portrait_files(record) if (folder / one.file).exists()]
        portraits = PortraitWriter(choice.characters, staging, kept=there)
        wanted = {*portraits.wanted_pts, *(pick.scored.candidate.pts for pick in fresh)}
        if fresh or (wanted and film.is_there):
            with clock.stage("render", frames=len(wanted)):
                source = film.source(counted(len(fresh), "new picture"))
                rendered += render(source, fresh, settings, staging, portraits)
        rendered.sort(key=lambda one: one.pick.rank)
        sprites = _sprites(film, record, settings, folder, staging, stored, clock)
    people = character_records(choice.characters, portraits.finish())
    faces = [portrait.file for person in people for portrait in person.portraits]
    former = {one.file for one in portrait_files(record)}
    others = [name for name in record.files if name not in former and not is_sprite(name)]
    taken_from = record.source
    if video is not None:
        taken_from = taken_from.model_copy(update={"path": escape_path(film.location)})
    new = record.model_copy(
        update={
            "fastthumb_version": __version__,
            "source": taken_from,
            "content_hash": record.content_hash if content_hash is None else content_hash,
            "settings": settings.model_dump(mode="json"),
            "timings": record.timings | timing_records(clock),
            "warnings": _warnings(record, before, beside, choice.notes),
            "characters": people,
            "variants": [
                variant_record(record.title_id, stored.info, one, choice.characters)
                for one in rendered
            ],
            "files": [*others, *sprites, *faces],
        }
    )
    if beside is not None or refined is not None:
        save_analysis(staging, refined or with_signals(folder, stored), settings)
    if SHOTS_FILE in others and not (folder / SHOTS_FILE).exists():
        write_shots(stored.shots, stored.info, staging / SHOTS_FILE, "csv")
    if fresh or _looks_other(new, record) or not (folder / CONTACT_SHEET).exists():
        write_contact_sheet(new, staging, kept=folder)
    write_title(staging, new)
    publish(staging, folder, outdated=set(record.file_names()) - set(new.file_names()))
    decoded = sum(clock.stages[name].frames for name in _DECODING if name in clock.stages)
    return Rechosen(new, decoded, clock)


class _Film:
    """The film of a title, opened when something of it has to be decoded."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._open = contextlib.ExitStack()
        self._source: Source | None = None

    def __enter__(self) -> _Film:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @property
    def is_there(self) -> bool:
        """Whether the file is where it was; a URL is taken to be."""
        return isinstance(self.location, str) or self.location.exists()

    def source(self, wanted: str) -> Source:
        """The opened film; raises SourceError, saying what is wanted of it, where it is gone."""
        if not self.is_there:
            raise SourceError(
                f"{printable(self.location)}: needed for {wanted} and not there any more; "
                "put it back, or choose as before"
            )
        if self._source is None:
            self._source = self._open.enter_context(open_source(self.location))
        return self._source


def _recorded(record: TitleRecord) -> Location:
    """Where the film of a title was."""
    path = record.source.path
    return location(path) if "://" in path else record.source.location


def _kept_variants(record: TitleRecord, settings: Settings, folder: Path) -> dict[int, Variant]:
    """The variants, by timestamp, whose picture files serve as they are in every shape."""
    values = settings.model_dump(mode="json")
    if any(record.settings.get(name) != values[name] for name in _SHAPES_OF_A_FILE):
        return {}
    wanted = {"source", *settings.aspects}
    kept = {}
    for variant in record.variants:
        files = [file for file in variant.files if file.aspect in wanted]
        if len(files) == len(wanted) and all((folder / file.file).exists() for file in files):
            kept[variant.frame_pts] = variant
    return kept


def _kept(
    pick: Pick, old: Variant, settings: Settings, folder: Path, staging: Path
) -> RenderedVariant:
    """A picture that is there already, under the name of its new rank."""
    files = []
    there = {file.aspect: file for file in old.files}
    for file in (there[aspect] for aspect in ("source", *settings.aspects)):
        name = picture_name(pick, file.aspect, settings.image_format)
        if name != file.file:
            _link(folder / file.file, staging / name)
        files.append(
            RenderedFile(
                name,
                file.aspect,
                file.width,
                file.height,
                file.crop_box,
                file.crop_score,
                file.crop_parts,
                file.filled,
            )
        )
    return RenderedVariant(pick, tuple(files))


def _link(file: Path, name: Path) -> None:
    """Give a file another name; a copy where the disk has no links."""
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)


def _sprites(
    film: _Film,
    record: TitleRecord,
    settings: Settings,
    folder: Path,
    staging: Path,
    stored: StoredAnalysis,
    clock: StageClock,
) -> list[str]:
    """The names of the title's sprite files; those that are not there yet are made.

    They show the frames that they would show in an analysis: no others are decoded, but those on
    the way to them.
    """
    if not settings.sprites:
        return []
    values = settings.model_dump(mode="json")
    names = [name for name in record.files if is_sprite(name)]
    same = all(record.settings.get(name) == values[name] for name in _OF_SPRITES)
    if same and all((folder / name).exists() for name in names):
        return names
    rows = with_signals(folder, stored).table.rows
    rows = rows[sprite_rows(rows["seconds"], settings.sprite_interval_seconds)]
    source = film.source("the sprites")
    collector = SpriteCollector(source.info, settings, staging)
    sampler = TileSampler(source.info, settings)
    for frame in clock.each(_DECODE_SPRITES, source.frames_at(rows["pts"].tolist())):
        sampler.push(frame)
        for tile in sampler.take():
            collector.push(tile)
    return collector.finish(record.source.duration_seconds)


def _warnings(
    record: TitleRecord, before: StoredAnalysis, beside: Beside | None, notes: Sequence[str]
) -> list[str]:
    """The title's warnings with those of the new choice, and of files that were read again."""
    outdated = _notes_before(record, before)
    kept = [warning for warning in record.warnings if warning not in outdated]
    if beside is not None:
        video = Path(_recorded(record))
        kept = [warning for warning in kept if not is_complaint(warning, video)]
        kept += beside.complaints
    return list(dict.fromkeys([*kept, *notes]))


def _notes_before(record: TitleRecord, before: StoredAnalysis) -> list[str]:
    """What the choice so far noted; nothing where its genres file is gone."""
    with contextlib.suppress(FastthumbError, ValueError):
        return with_genre_of(before.synopsis, Settings.model_validate(record.settings))[1]
    return []


def _looks_other(new: TitleRecord, old: TitleRecord) -> bool:
    """Whether anything has changed that the contact sheet shows of a film that is the same."""
    return new.variants != old.variants or title_name(new) != title_name(old)


def _tell_catalog(folder: Path, record: TitleRecord) -> None:
    """Bring the catalog and the gallery beside the title up to date, where there are any."""
    out = folder.resolve().parent
    if (out / CATALOG_FILE).exists():
        with Catalog(out / CATALOG_FILE) as catalog:
            catalog.upsert_title(record)
            write_overview(out, catalog, {}, [record])
