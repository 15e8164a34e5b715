"""Adding people to the cast database: only photographs that show one face are taken in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastthumb.analysis.cast import Cast
from fastthumb.analysis.cast_folder import (
    ROLES,
    checked_name,
    put_photographs,
    same_name,
)
from fastthumb.analysis.cast_photographs import PhotographReader
from fastthumb.errors import SettingsError
from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.analysis.cast_photographs import Opener
    from fastthumb.analysis.detectors import Detectors


@dataclass(frozen=True)
class Added:
    """What came of adding photographs: the new files, how many the person has, and what is wrong.

    `refused` are the sentences on photographs that were not taken, `warnings` those and what the
    person's new photographs gave rise to.
    """

    name: str
    added: list[Path]
    total: int
    refused: list[str]
    warnings: list[str]


def add_person(
    folder: Path,
    name: str,
    images: Sequence[Path],
    role: str | None,
    detectors: Detectors | Opener | None,
) -> Added:
    """Copy the photographs of a person that show one face into the cast database.

    A person that is there already gets them too, and the role if one is given. Raises
    SettingsError for a name or a role that cannot be, and where no photograph is fit; then
    nothing is written.
    """
    name = checked_name(name)
    known_role = next((known for known in ROLES if known == role), None)
    if role is not None and known_role is None:
        raise SettingsError(f"cast: --role: wanted {', '.join(ROLES)}, got {role!r}")
    reader = PhotographReader(folder, detectors)
    refused, contents = [], {}
    for path in images:
        photograph = reader.read(path)
        if photograph.problem is not None:
            refused.append(f"cast: {printable(path)} {photograph.problem}")
            continue
        try:
            contents[path] = path.read_bytes()
        except OSError as exc:
            refused.append(f"cast: {printable(path)} cannot be read ({exc.strerror})")
    reader.save()
    if not contents:
        rest = f" (and {len(refused) - 1} more like it)" if len(refused) > 1 else ""
        raise SettingsError(
            refused[0] + rest if refused else f"cast: no photograph of {name} was given"
        )
    there_before = len(contents)
    new = put_photographs(folder, name, contents, known_role)
    cast = Cast.load(folder, detectors)
    member = next(one for one in cast.people if same_name(one.name) == same_name(name))
    warnings = list(refused)
    if len(new) < there_before:
        warnings.append(
            f"cast: {there_before - len(new)} of the photographs of {member.name} were there "
            "already and were not copied again"
        )
    warnings += [text for text in cast.warnings if member.name in text or "network" in text]
    return Added(member.name, new, len(member.photographs), refused, list(dict.fromkeys(warnings)))
