"""What lies beside a film and is read with it: subtitles and a synopsis.

They tell of the film without decoding it, so that a stored analysis takes them anew where they
changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastthumb.analysis.subtitles import dialogue_of, sidecars
from fastthumb.analysis.synopsis import read_synopsis, synopsis_files
from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.analysis.dialogue import Dialogue
    from fastthumb.analysis.synopsis import Synopsis
    from fastthumb.media.source import SourceInfo


@dataclass(frozen=True, slots=True)
class Beside:
    """What is said in a film and of it, None where nothing is; and what could not be read."""

    dialogue: Dialogue | None
    synopsis: Synopsis | None
    complaints: list[str]


def files_beside(video: Path) -> list[Path]:
    """The files that are read with a video: its subtitles, and where its synopsis may be."""
    return [*sidecars(video), *synopsis_files(video)]


def read_beside(info: SourceInfo) -> Beside:
    """Read subtitles (also those inside the film, where none lie beside it) and synopsis."""
    dialogue, unread = dialogue_of(info)
    synopsis, damaged = read_synopsis(info.path)
    return Beside(dialogue, synopsis, [*unread, *damaged])


def is_complaint(warning: str, video: Path) -> bool:
    """Whether a warning is a complaint of `read_beside`: those begin with the file's name."""
    if warning.startswith(f"{printable(video)}: "):
        return warning.startswith(f"{printable(video)}: its subtitles ")
    names = [f"{printable(video.with_suffix(''))}."]
    names += [f"{printable(file)}: " for file in synopsis_files(video)]
    return warning.startswith(tuple(names))
