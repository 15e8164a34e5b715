"""How finished files reach a title's folder: moved there one by one, title.json last.

Until title.json is replaced, the old one describes the old files; a run that is interrupted in
between is noticed by the next one and made again.
"""

from __future__ import annotations

from pathlib import Path

from fastthumb.atomic import make_folder
from fastthumb.errors import OutputError
from fastthumb.names import printable
from fastthumb.records import TITLE_FILE


def publish(staging: Path, folder: Path, outdated: set[str]) -> None:
    """Move every file of `staging` into `folder` (made if need be).

    Then remove the files named in `outdated` that were not replaced. Raises OutputError where
    the file system refuses.
    """
    make_folder(folder)
    names = sorted(path.name for path in staging.iterdir())
    names.sort(key=lambda name: name == TITLE_FILE)
    try:
        for name in names:
            (staging / name).replace(folder / name)
        for name in outdated - set(names):
            (folder / name).unlink(missing_ok=True)
    except OSError as exc:
        raise OutputError(
            f"{printable(folder)}: the finished title cannot be moved there ({exc.strerror}); "
            "check the disk and permissions"
        ) from exc
