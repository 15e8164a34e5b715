"""OUT/index.html: the gallery of everything that an output folder holds."""

from __future__ import annotations

import contextlib
from pathlib import Path

from fastthumb.artwork.gallery import FailedTitle, GalleryTitle, SignalPreview, write_gallery
from fastthumb.catalog import Catalog
from fastthumb.errors import OutputError
from fastthumb.names import printable
from fastthumb.records import read_title
from fastthumb.store import load_preview


def write_overview(out: Path, catalog: Catalog, failures: dict[str, str]) -> Path:
    """Write the gallery of all titles in the catalog and return its path.

    `failures` are this run's, path to message; the ones that the catalog remembers are added.
    A title whose folder is gone or damaged is left out: it will be made again by the next run.
    One whose analysis an older fastthumb stored is shown without its curves.
    """
    titles = []
    for summary in catalog.titles():
        folder = out / summary.title_id
        with contextlib.suppress(OutputError):
            record = read_title(folder)
            titles.append(GalleryTitle(record, summary.title_id, _preview(folder)))
    remembered = {printable(failure.path): failure.message for failure in catalog.failures()}
    failed = [FailedTitle(path, why) for path, why in sorted((remembered | failures).items())]
    return write_gallery(out, titles, failed)


def _preview(folder: Path) -> SignalPreview | None:
    with contextlib.suppress(OutputError):
        return load_preview(folder)
    return None
