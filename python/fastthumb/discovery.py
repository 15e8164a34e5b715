"""Which videos a run is about, and the name and folder of each title."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from fastthumb.errors import Unreadable
from fastthumb.names import printable

VIDEO_SUFFIXES = frozenset(
    (
        ".264 .265 .3g2 .3gp .asf .avc .avi .av1 .dv .f4v .flv .h264 .h265 .hevc .ivf .m1v .m2ts "
        ".m2v .m4v .mj2 .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .nut .obu .ogm .ogv .qt .rm "
        ".rmvb .ts .vob .vp8 .vp9 .webm .wmv .y4m"
    ).split()
)
# Files that belong to the video of their name, and those that belong to all of a folder.
_SIDECAR_SUFFIXES = frozenset(".ass .json .nfo .srt .ssa .sub .txt .vtt".split())
Location = Path | str  # a file, or the URL of one: a Path would lose a slash of "https://"
_OF_THE_FOLDER = ("movie.nfo", "tvshow.nfo")
_RESERVED = re.compile(r"(index\.html|catalog\.db.*|\.+)", re.IGNORECASE)
_LONGEST_ID_BYTES = 120  # leaves room for "-12345678" and file names under every file system's 255


@dataclass(frozen=True, slots=True)
class Job:
    """One video to turn into a title."""

    path: Location
    title_id: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that a directory search passed over, and why."""

    path: Path
    reason: str


def location(text: str | os.PathLike[str]) -> Location:
    """A path, or the text itself where it is a URL."""
    return text if isinstance(text, str) and "://" in text else Path(text)


def find_videos(paths: Iterable[Location]) -> tuple[list[Location], list[Skipped]]:
    """Return the videos among `paths`, sorted within each directory, and what was passed over.

    A file or URL that is named is taken whatever it is called; a directory is searched recursively
    for files with a video's suffix; sidecars of a video are not worth a word. Hidden files and
    folders are not looked at, links to folders are not followed. Raises Unreadable where a named
    path does not exist or a directory cannot be listed.
    """
    videos: dict[Location, None] = {}
    skipped: list[Skipped] = []
    for path in paths:
        if isinstance(path, str):
            videos[path] = None
        elif path.is_dir():
            files = _files_below(path)
            stems = {file.with_suffix("") for file in files if _is_video(file)}
            for found in files:
                if _is_video(found):
                    videos[found] = None
                elif not _is_sidecar(found, stems):
                    skipped.append(Skipped(found, "not a video by its name"))
        elif os.path.lexists(path):
            videos[path] = None
        else:
            raise Unreadable(f"{printable(path)}: no such file or directory; check the path")
    return list(videos), skipped


def _is_video(file: Path) -> bool:
    return file.suffix.lower() in VIDEO_SUFFIXES


def _is_sidecar(file: Path, stems: set[Path]) -> bool:
    """Whether a file goes with a video: film.srt, film.en.forced.srt, film.nfo, movie.nfo."""
    if file.suffix.lower() not in _SIDECAR_SUFFIXES:
        return False
    if file.name.lower() in _OF_THE_FOLDER:
        return True
    name = file.with_suffix("").name
    parts = name.split(".")
    return any(file.with_name(".".join(parts[:n])) in stems for n in range(1, len(parts) + 1))


def _files_below(folder: Path) -> list[Path]:
    def refuse(exc: OSError) -> None:
        raise Unreadable(
            f"{printable(exc.filename)}: the folder cannot be listed ({exc.strerror}); "
            "check its permissions"
        ) from exc

    found = []
    for root, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(root, name) for name in sorted(files) if not name.startswith(".")]
    return found


def plan_jobs(videos: Sequence[Location], out: Path) -> list[Job]:
    """Give every video a title id that is unique in this run, and its folder under `out`.

    The id is the file's name without its suffix, made safe; two files of one name get a hash
    of their path behind it, the same in every run.
    """
    plain = [title_slug(video) for video in videos]
    taken = Counter(slug.casefold() for slug in plain)
    jobs = []
    for video, slug in zip(videos, plain, strict=True):
        unique = slug if taken[slug.casefold()] == 1 else f"{slug}-{_path_hash(video)}"
        jobs.append(Job(video, unique, out / unique))
    return jobs


def title_slug(video: Location) -> str:
    """A folder name for a video: its stem with everything but letters, digits, . _ - as -."""
    stem = video.stem if isinstance(video, Path) else PurePosixPath(urlsplit(video).path).stem
    slug = re.sub(r"[^\w.\-]+", "-", stem).strip("-.")
    slug = slug.encode("utf-8", "ignore")[:_LONGEST_ID_BYTES].decode("utf-8", "ignore")
    if not slug or _RESERVED.fullmatch(slug):
        slug = f"title-{slug}".rstrip("-.")
    return slug


def _path_hash(path: Location) -> str:
    name = path.absolute() if isinstance(path, Path) else path
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
