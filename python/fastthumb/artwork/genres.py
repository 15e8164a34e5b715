"""Genres: which kinds of picture sell a film, and what share of its variants each kind gets.

The table is genres.toml. A user's file of the same form adds genres and replaces those whose
name it repeats.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastthumb.analysis.classification import SCENES
from fastthumb.errors import SettingsError
from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.settings import Settings

SCENE_TYPES = SCENES
"""Every scene type that a priority may name."""

CLOSE_UPS = ("hero-close-up", "heroine-close-up", "lead-close-up")
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Priority:
    """One line of a genre: a kind of picture and the share of the variants that it gets."""

    name: str
    share: float
    scene_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Genre:
    """A genre: its priorities, and what else its name may be in other people's files."""

    name: str
    priorities: tuple[Priority, ...]
    aliases: tuple[str, ...] = ()


@cache
def genres() -> dict[str, tuple[Priority, ...]]:
    """The priorities of every genre of the package, by name."""
    return {name: genre.priorities for name, genre in _package().items()}


def load_genres(file: str | Path | None = None) -> dict[str, Genre]:
    """The genres of the package and those of a user's file, by name.

    Raises SettingsError where the file cannot be read or holds no genres.
    """
    if file is None:
        return dict(_package())
    path = Path(file)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise SettingsError(f"genres file {printable(path)}: cannot be read ({reason})") from exc
    return {**_package(), **_parsed(tables, printable(path))}


def priorities_of(genre: str, genres_file: str | Path | None = None) -> tuple[Priority, ...]:
    """The priorities of one genre; raises SettingsError naming the genres that there are."""
    known = load_genres(genres_file)
    try:
        return known[genre].priorities
    except KeyError:
        names = ", ".join(sorted(known))
        raise SettingsError(f"genre {genre!r} is not known; use one of {names}") from None


def genre_named(names: Sequence[str], genres_file: str | Path | None = None) -> str | None:
    """The genre that the first understood one of other people's genre names means.

    None where none is understood. Upper case and punctuation do not count.
    """
    meanings: dict[str, str] = {}
    for genre in load_genres(genres_file).values():
        if genre.name != DEFAULT:
            meanings |= {_plain(name): genre.name for name in (*genre.aliases, genre.name)}
    for name in names:
        for part in (name, *re.split(r"[/,;|&+]| and ", name)):
            if (meaning := meanings.get(_plain(part))) is not None:
                return meaning
    return None


def genre_of(settings: Settings, named: Sequence[str], source: str) -> tuple[str, str | None]:
    """The genre to choose by, and a sentence where a file beside the video said it.

    What the user asked for stands; where that is nothing, the first genre that is understood
    among `named`, those that the file `source` names, is taken.
    """
    if settings.genre == DEFAULT and named:
        meant = genre_named(named, settings.genres_file)
        if meant is not None:
            return meant, f"genre {meant} taken from {printable(source)} ({', '.join(named)})"
    return settings.genre, None


def slots_of(priorities: Sequence[Priority], variants: int) -> list[tuple[Priority, int]]:
    """How many of the variants each priority gets: whole numbers by largest remainder."""
    exact = [priority.share * variants for priority in priorities]
    counts = [int(share) for share in exact]
    spare = round(sum(exact)) - sum(counts)
    by_remainder = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in by_remainder[:spare]:
        counts[i] += 1
    return list(zip(priorities, counts, strict=True))


@cache
def _package() -> dict[str, Genre]:
    text = files("fastthumb.artwork").joinpath("genres.toml").read_text(encoding="utf-8")
    return _parsed(tomllib.loads(text), "genres.toml")


def _parsed(tables: Mapping[str, Any], file: str) -> dict[str, Genre]:
    found = {}
    for name, table in tables.items():
        where = f"genres file {file}: [{name}]"
        lines = table.get("priorities") if isinstance(table, dict) else None
        if not isinstance(lines, list) or not lines or set(table) - {"priorities", "aliases"}:
            raise SettingsError(f'{where}: wanted "priorities", a list of at least one')
        priorities = tuple(_priority(line, where) for line in lines)
        if sum(priority.share for priority in priorities) > 1.0 + 1e-6:
            raise SettingsError(f"{where}: wanted shares that add up to 1 at most")
        aliases = table.get("aliases", [])
        if not isinstance(aliases, list) or not all(isinstance(one, str) for one in aliases):
            raise SettingsError(f"{where}: wanted aliases as a list of names, got {aliases!r}")
        found[name] = Genre(name, priorities, tuple(aliases))
    return found


def _priority(line: object, where: str) -> Priority:
    if not isinstance(line, dict) or set(line) != {"name", "share", "scene_types"}:
        raise SettingsError(f"{where}: wanted name, share and scene_types, got {line!r}")
    name, share, types = line["name"], line["share"], line["scene_types"]
    if not isinstance(share, int | float) or not 0.0 <= share <= 1.0:
        raise SettingsError(f"{where}: {name}: wanted a share of 0 to 1, got {share!r}")
    if not isinstance(types, list) or not types or not set(types) <= set(SCENE_TYPES):
        known = ", ".join(SCENE_TYPES)
        raise SettingsError(f"{where}: {name}: wanted scene_types of {known}, got {types!r}")
    return Priority(str(name), float(share), tuple(types))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()
