"""Choosing again for a finished title: another genre or number, from the stored analysis.

Nothing is analyzed again. Pictures that are chosen once more are kept and get their new rank;
only the frames of new picks are decoded.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fastthumb.artwork.contact_sheet import write_contact_sheet
from fastthumb.artwork.portraits import PortraitWriter
from fastthumb.artwork.rendering import RenderedFile, RenderedVariant, picture_name, render
from fastthumb.artwork.variants import Pick
from fastthumb.casting import choose_pictures
from fastthumb.catalog import CATALOG_FILE, Catalog
from fastthumb.discovery import location
from fastthumb.errors import NoArtwork, SourceError
from fastthumb.looking import cast_for
from fastthumb.media.source import open_source
from fastthumb.names import printable
from fastthumb.overview import write_overview
from fastthumb.publishing import publish
from fastthumb.records import TitleRecord, Variant, read_title, write_title
from fastthumb.settings import Settings
from fastthumb.store import load_analysis
from fastthumb.titles import character_records, portrait_files, variant_record

if TYPE_CHECKING:
    from fastthumb.analysis.stills import Still


def rechoose(folder: Path, **changes: object) -> TitleRecord:
    """Choose the variants of a finished title anew, and tell the catalog and gallery beside it.

    As `choose_again`, which see.
    """
    record = choose_again(folder, (), **changes)
    _tell_catalog(folder, record)
    return record


def choose_again(folder: Path, avoid: Sequence[Still], /, **changes: object) -> TitleRecord:
    """Choose the variants of a finished title anew and return its new record.

    `changes` are settings of the choice (genre, variants, cast, window, pins, bans, ...);
    everything that is not given stays as it was. Nothing is chosen that repeats a picture of
    `avoid`. Raises OutputError where `folder` is no
    finished title, SettingsError for a genre or number that cannot be, and SourceError where
    new pictures are needed and the video is gone.
    """
    record = read_title(folder)
    stored = load_analysis(folder)
    settings = Settings.build(**{**record.settings, **changes})
    cast = cast_for(settings, stored.models)
    choice = choose_pictures(stored, settings, cast, avoid=avoid)
    picks = choice.picks
    if not picks:
        raise NoArtwork(f"{printable(folder)}: no frame of this title is fit to be shown")
    made = {variant.frame_pts: variant for variant in record.variants}
    with tempfile.TemporaryDirectory(dir=folder, prefix=".choosing-") as temporary:
        staging = Path(temporary)
        rendered = [
            _kept(pick, made[pick.scored.candidate.pts], settings, folder, staging)
            for pick in picks
            if pick.scored.candidate.pts in made
        ]
        fresh = [pick for pick in picks if pick.scored.candidate.pts not in made]
        before = portrait_files(record)
        portraits = PortraitWriter(choice.characters, staging, kept=before)
        rendered += _rendered_anew(fresh, record, settings, staging, portraits)
        rendered.sort(key=lambda one: one.pick.rank)
        people = character_records(choice.characters, portraits.finish())
        faces = [portrait.file for person in people for portrait in person.portraits]
        others = set(record.files) - {portrait.file for portrait in before}
        new = record.model_copy(
            update={
                "settings": settings.model_dump(mode="json"),
                "characters": people,
                "variants": [
                    variant_record(record.title_id, stored.info, one, choice.characters)
                    for one in rendered
                ],
                "files": [*(file for file in record.files if file in others), *faces],
            }
        )
        write_contact_sheet(new, staging)
        write_title(staging, new)
        publish(staging, folder, outdated=set(record.file_names()) - set(new.file_names()))
    return new


def _kept(
    pick: Pick, old: Variant, settings: Settings, folder: Path, staging: Path
) -> RenderedVariant:
    """A picture that is there already, under the name of its new rank."""
    files = []
    for file in old.files:
        name = picture_name(pick, file.aspect, settings.image_format)
        shutil.copyfile(folder / file.file, staging / name)
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


def _rendered_anew(
    picks: Sequence[Pick],
    record: TitleRecord,
    settings: Settings,
    staging: Path,
    portraits: PortraitWriter,
) -> list[RenderedVariant]:
    """The pictures that are not there yet; portraits that are not, where the video still is."""
    if not picks and not portraits.wanted_pts:
        return []
    video = location(record.source.path) if "://" in record.source.path else record.source.location
    if isinstance(video, Path) and not video.exists():
        if not picks:
            return []
        raise SourceError(
            f"{printable(video)}: needed for {len(picks)} new pictures and not there any more; "
            "put it back, or choose as before"
        )
    with open_source(video) as source:
        return render(source, picks, settings, staging, portraits)


def _tell_catalog(folder: Path, record: TitleRecord) -> None:
    """Bring the catalog and the gallery beside the title up to date, where there are any."""
    out = folder.resolve().parent
    if (out / CATALOG_FILE).exists():
        with Catalog(out / CATALOG_FILE) as catalog:
            catalog.upsert_title(record)
            write_overview(out, catalog, {})
