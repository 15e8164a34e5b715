"""OUT/index.html: the gallery of everything that an output folder holds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from fastthumb.artwork.gallery import FailedTitle, GalleryTitle, SignalPreview, write_gallery
from fastthumb.catalog import Catalog
from fastthumb.errors import OutputError
from fastthumb.names import printable
from fastthumb.records import TitleRecord, read_title
from fastthumb.store import load_preview


def write_overview(
    out: Path,
    catalog: Catalog,
    failures: Mapping[str, str],
    records: Iterable[TitleRecord] = (),
) -> Path:
    """Write the gallery of all titles in the catalog and return its path.

    `failures` are this run's, path to message; the ones that the catalog remembers are added.
    `records` are those of titles that are known already; the others are read.
    A title whose folder is gone or damaged is left out: it will be made again by the next run.
    One whose analysis an older fastthumb stored is shown without its curves.
    """
    known = {record.title_id: record for record in records}
    titles = []
    for summary in catalog.titles():
        folder = out / summary.title_id
        with contextlib.suppress(OutputError):
            record = known.get(summary.title_id) or read_title(folder)
            titles.append(GalleryTitle(record, summary.title_id, _preview(folder)))
    remembered = {printable(failure.path): failure.message for failure in catalog.failures()}
    failed = [FailedTitle(path, why) for path, why in sorted((remembered | dict(failures)).items())]
    return write_gallery(out, titles, failed)


def _preview(folder: Path) -> SignalPreview | None:
    with contextlib.suppress(OutputError):
        return load_preview(folder)
    return None
