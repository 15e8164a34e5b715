"""The cast database as files: a folder with a folder of photographs for each person.

    CAST/
      cast.json                      roles, and what `cast add` has put here; need not be there
      Lin-Manuel Miranda/
        portrait.jpg ...

A folder made by hand works as it is: a folder's name is the person's, unless cast.json gives
another: {"version": 1, "people": {"FOLDER": {"name": "...", "role": "hero"}}}.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fastthumb.analysis.cast_photographs import SUFFIXES
from fastthumb.atomic import make_folder, write_bytes, write_text
from fastthumb.errors import OutputError, SettingsError
from fastthumb.names import printable

CastRole = Literal["hero", "heroine", "supporting"]
ROLES: tuple[CastRole, ...] = ("hero", "heroine", "supporting")
CAST_FILE = "cast.json"
_LONGEST_NAME = 80


class Entry(BaseModel):
    """What cast.json says of the person in one folder; `added` are files that may be removed."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    role: CastRole | None = None
    added: list[str] = Field(default_factory=list)


class CastFile(BaseModel):
    """The contents of cast.json: people by their folders."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    people: dict[str, Entry] = Field(default_factory=dict)


def cast_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """The cast database: `given`, or FASTTHUMB_CAST, or "cast" in the user's data folder."""
    if named := given or os.environ.get("FASTTHUMB_CAST"):
        return Path(named).expanduser()
    from platformdirs import user_data_path

    return user_data_path("fastthumb", appauthor=False) / "cast"


def default_cast() -> str | None:
    """The cast database to use where none is named; None where nobody has made one."""
    folder = cast_folder()
    return str(folder) if folder.is_dir() else None


def checked_name(name: str) -> str:
    """A person's name as it is kept; raises SettingsError if it cannot be a folder's."""
    clean = unicodedata.normalize("NFC", " ".join(name.split()))
    shown = printable(name)
    if not clean:
        raise SettingsError("cast: wanted a person's name, got an empty one; give it in quotes")
    if len(clean) > _LONGEST_NAME or len(os.fsencode(clean)) > 250:
        raise SettingsError(
            f"cast: the name {shown[:40]!r}... has {len(clean)} letters; "
            f"wanted {_LONGEST_NAME} at most"
        )
    odd = [letter for letter in clean if not letter.isprintable() or letter in '/\\:*?"<>|']
    if odd or clean.startswith(".") or clean.endswith("."):
        what = f"the sign {printable(odd[0])!r}" if odd else "a dot at its start or end"
        raise SettingsError(
            f"cast: the name {shown!r} has {what}, which a folder's name cannot have everywhere; "
            "leave it out"
        )
    return clean


def same_name(name: str) -> str:
    """Equal for names that people read as one: case, accents' encoding, _ and - for spaces."""
    folded = unicodedata.normalize("NFKC", name).casefold().replace("_", " ").replace("-", " ")
    return " ".join(folded.split())


def read_cast_file(folder: Path) -> CastFile:
    """The folder's cast.json, empty where there is none; raises SettingsError where it is bad."""
    path = folder / CAST_FILE
    try:
        return CastFile.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return CastFile()
    except OSError as exc:
        raise SettingsError(
            f"{printable(path)}: cannot be read ({exc.strerror}); make it readable"
        ) from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(
            f"{printable(path)}: {where}: {first['msg']}; correct it, or delete the file and "
            "add the roles again"
        ) from exc


def person_folders(folder: Path) -> list[Path]:
    """The folders of the people in order of their names; raises SettingsError without a folder."""
    try:
        inside = sorted(folder.iterdir(), key=lambda path: path.name)
        return [path for path in inside if path.is_dir() and not path.name.startswith(".")]
    except FileNotFoundError:
        raise SettingsError(
            f"cast: {printable(folder)} is not there; add people with "
            "'fastthumb cast add NAME IMAGE...', or name a folder with a folder for each person"
        ) from None
    except OSError as exc:
        raise SettingsError(
            f"cast: {printable(folder)} cannot be read as a folder ({exc.strerror}); "
            "wanted a folder with a folder of photographs for each person"
        ) from exc


def photographs_in(folder: Path) -> list[Path]:
    """The picture files of a folder in order of their names; none where it cannot be read."""
    with contextlib.suppress(OSError):
        inside = sorted(folder.iterdir(), key=lambda path: path.name)
        return [
            path
            for path in inside
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        ]
    return []


def folder_of(folder: Path, name: str, listed: CastFile) -> Path | None:
    """The folder of the person of that name, however it is spelled; None where there is none."""
    for path in person_folders(folder):
        if same_name(display_name(path.name, listed)) == same_name(name):
            return path
    return None


def display_name(folder_name: str, listed: CastFile) -> str:
    """What the person in a folder is called."""
    entry = listed.people.get(folder_name)
    return printable(entry.name if entry and entry.name else folder_name)


def put_photographs(
    folder: Path, name: str, contents: Mapping[Path, bytes], role: CastRole | None
) -> list[Path]:
    """Copy photographs (file it came from: its bytes) to a person, and set the role if given.

    Returns the new files; a picture that is there already is not copied again. Raises
    SettingsError for a name that cannot be, OutputError if a file cannot be written.
    """
    name = checked_name(name)
    make_folder(folder)
    listed = read_cast_file(folder)
    home = folder_of(folder, name, listed) or folder / name
    make_folder(home)
    entry = listed.people.setdefault(home.name, Entry())
    if role is not None:
        entry.role = role
    there = {_sha256(path.read_bytes()) for path in photographs_in(home)}
    new = []
    for source, data in contents.items():
        if _sha256(data) in there:
            continue
        there.add(_sha256(data))
        target = _free(home, source)
        write_bytes(target, data)
        entry.added.append(target.name)
        new.append(target)
    write_text(folder / CAST_FILE, listed.model_dump_json(indent=1, exclude_none=True) + "\n")
    return new


def remove_person(folder: Path, name: str) -> int:
    """Remove a person and its photographs; returns how many there were.

    Only files that `put_photographs` has put there are removed. Raises SettingsError where nobody
    has the name or where the folder holds other photographs: those are the user's to remove.
    """
    listed = read_cast_file(folder)
    home = folder_of(folder, name, listed)
    if home is None:
        people = [display_name(path.name, listed) for path in person_folders(folder)]
        there = f"there are {', '.join(people)}" if people else "the cast is empty"
        raise SettingsError(f"cast: nobody is named {printable(name)!r}; {there}")
    entry = listed.people.get(home.name, Entry())
    strangers = [path for path in photographs_in(home) if path.name not in entry.added]
    if strangers:
        raise SettingsError(
            f"cast: {printable(home)} holds {len(strangers)} photographs that 'cast add' did not "
            f"put there, such as {printable(strangers[0].name)}; delete the folder yourself"
        )
    files = photographs_in(home)
    try:
        for path in files:
            path.unlink()
        with contextlib.suppress(OSError):  # something else is in there: it stays
            home.rmdir()
    except OSError as exc:
        raise OutputError(
            f"{printable(home)}: cannot be removed ({exc.strerror}); "
            "choose a cast folder that you may write to"
        ) from exc
    listed.people.pop(home.name, None)
    write_text(folder / CAST_FILE, listed.model_dump_json(indent=1, exclude_none=True) + "\n")
    return len(files)


def _free(home: Path, source: Path) -> Path:
    """A name in the folder that is not taken, as near to the file's own as can be."""
    stem = "".join(c if c.isalnum() or c in "-_ ." else "-" for c in source.stem).strip(" .")[:60]
    suffix = source.suffix.lower() if source.suffix.lower() in SUFFIXES else ".jpg"
    stem, number = stem or "photograph", 1
    target = home / f"{stem}{suffix}"
    while target.exists():
        number += 1
        target = home / f"{stem}-{number}{suffix}"
    return target


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
