"""The cast: people whose photographs are known, and what they look like to the identity network."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from fastthumb.analysis.cast_folder import (
    CastRole,
    cast_folder,
    display_name,
    person_folders,
    photographs_in,
    read_cast_file,
    same_name,
)
from fastthumb.analysis.cast_photographs import Photograph, PhotographReader
from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.analysis.cast_photographs import Opener
    from fastthumb.analysis.detections import FloatArray
    from fastthumb.analysis.detectors import Detectors

# Cosines of mean embeddings: from where two people are taken for each other by single looks, and
# below which photographs of one person are most likely of two (bench/identities.py).
TOO_ALIKE, STRANGE = 0.45, 0.25
_SHARED = "is also another person's photograph"


@dataclass(frozen=True, slots=True)
class CastMember:
    """One person of the cast.

    `embedding` is the mean of its photographs, float32 of unit length, None where none shows a
    face that the identity network could read. `photographs` are all of them, bad ones included.
    """

    name: str
    role: CastRole | None
    embedding: FloatArray | None
    photographs: tuple[Photograph, ...]

    @property
    def usable(self) -> int:
        """How many photographs its embedding is the mean of."""
        return sum(photograph.embedding is not None for photograph in self.photographs)


@dataclass(frozen=True)
class Cast:
    """The people of a cast database in order of their names, and what is wrong with it.

    `warnings` are sentences; `identity` is the SHA-256 of the identity network that the
    embeddings are from: those of another one cannot be compared with them.
    """

    people: list[CastMember]
    warnings: list[str] = field(default_factory=list)
    identity: str | None = None

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None,
        detectors: Detectors | Opener | None,
        *,
        identity: str | None = None,
    ) -> Self:
        """Read a cast database; see cast_folder.py for its form and for None as its path.

        `detectors` read what is new; it may be a function that opens them, called only then, or
        None: what is not in the cache stays unknown. `identity` is the SHA-256 of the network
        whose embeddings are wanted, by default that of `detectors`. Raises SettingsError for a
        folder or a cast.json that cannot be read.
        """
        folder = cast_folder(path)
        folders = person_folders(folder)
        listed = read_cast_file(folder)
        reader = PhotographReader(folder, detectors, identity)
        warnings = _misplaced(folder, [one.name for one in folders], list(listed.people))
        homes: dict[str, list[Path]] = defaultdict(list)
        for home in folders:
            homes[same_name(display_name(home.name, listed))].append(home)
        read = {home: [reader.read(photo) for photo in photographs_in(home)] for home in folders}
        reader.save()
        read = _without_shared(read, warnings)
        people = []
        for same in homes.values():
            name = display_name(same[0].name, listed)
            if len(same) > 1:
                names = " and ".join(printable(home.name) for home in same)
                warnings.append(f"cast: the folders {names} have one name and are taken as one")
            roles = [listed.people[h.name].role for h in same if h.name in listed.people]
            photos = [photo for home in same for photo in read[home]]
            role = next((role for role in roles if role), None)
            people.append(_member(name, role, photos, reader.identity, warnings))
        _warn_of_likeness(people, warnings)
        if reader.identity is None and people:
            warnings.append(
                "cast: without an identity network nobody can be recognized; "
                "'fastthumb models pull' gets one"
            )
        return cls(people, warnings, reader.identity)


def _misplaced(folder: Path, there: Sequence[str], listed: Sequence[str]) -> list[str]:
    """What lies in the wrong place, or is missing."""
    warnings = []
    loose = photographs_in(folder)
    if loose:
        warnings.append(
            f"cast: {printable(loose[0])} lies beside the folders of the people and belongs to "
            "nobody; move it into a folder with the person's name"
        )
    if not there:
        warnings.append(f"cast: {printable(folder)} has no folder of any person yet")
    warnings += [
        f"cast: cast.json names {printable(name)}, which has no folder; "
        "add a photograph or take the name out"
        for name in listed
        if name not in there
    ]
    return warnings


def _without_shared(
    read: dict[Path, list[Photograph]], warnings: list[str]
) -> dict[Path, list[Photograph]]:
    """The photographs of each folder; one that lies in two says nothing of either person."""
    homes: dict[str, list[Path]] = defaultdict(list)
    for photographs in read.values():
        for photo in photographs:
            homes[photo.sha256].append(photo.path)
    shared = {
        sha256
        for sha256, paths in homes.items()
        if sha256 and len({path.parent for path in paths}) > 1
    }
    for sha256 in sorted(shared, key=lambda one: homes[one]):
        names = " and ".join(printable(path) for path in homes[sha256])
        warnings.append(f"cast: {names} are one picture of two people and are left out")
    return {
        home: [
            replace(photo, embedding=None, problem=_SHARED) if photo.sha256 in shared else photo
            for photo in photographs
        ]
        for home, photographs in read.items()
    }


def _member(
    name: str,
    role: CastRole | None,
    photographs: list[Photograph],
    identity: str | None,
    warnings: list[str],
) -> CastMember:
    """A person from its photographs; adds what is wrong with them to the warnings."""
    warnings += [
        f"cast: {printable(photo.path)} {photo.problem}"
        for photo in photographs
        if photo.problem and photo.problem != _SHARED
    ]
    good = {photo.sha256: photo for photo in photographs if photo.embedding is not None}
    if identity is not None and not good:
        what = "no photograph that can be used" if photographs else "no photograph"
        warnings.append(
            f"cast: {name} has {what} and cannot be recognized; 'fastthumb cast add' takes one"
        )
    odd = _odd_one(name, list(good.values()), warnings)
    if odd is not None and len(good) > 2:
        del good[odd.sha256]
        strange = replace(odd, embedding=None, problem="does not look like the others")
        photographs = [strange if one.sha256 == odd.sha256 else one for one in photographs]
    looks = [photo.embedding for photo in good.values() if photo.embedding is not None]
    return CastMember(name, role, _mean(looks), tuple(photographs))


def _odd_one(name: str, good: list[Photograph], warnings: list[str]) -> Photograph | None:
    """The photograph that does not look like a person's others, if there is one."""
    looks = [photo.embedding for photo in good if photo.embedding is not None]
    if len(looks) < 2:
        return None
    cosines = np.stack(looks) @ np.stack(looks).T
    rest = (cosines.sum(axis=1) - 1.0) / (len(looks) - 1)
    odd = int(np.argmin(rest))
    if rest[odd] >= STRANGE:
        return None
    like = "the other photographs" if len(looks) > 2 else printable(good[1 - odd].path)
    warnings.append(
        f"cast: {printable(good[odd].path)} does not look like {like} of {name} "
        f"(cosine {rest[odd]:.2f}); see whether it shows somebody else"
    )
    return good[odd]


def _mean(looks: Sequence[FloatArray]) -> FloatArray | None:
    if not looks:
        return None
    total = np.sum(looks, axis=0)
    length = float(np.linalg.norm(total))
    return (total / length).astype(np.float32) if length > 0.0 else None


def _warn_of_likeness(people: Sequence[CastMember], warnings: list[str]) -> None:
    """Say which two are so alike that they may be taken for each other."""
    there = [(one.name, one.embedding) for one in people if one.embedding is not None]
    if not there:
        return
    embeddings = np.stack([embedding for _, embedding in there])
    cosines = np.triu(embeddings @ embeddings.T, 1)
    for first, second in np.argwhere(cosines >= TOO_ALIKE).tolist():
        warnings.append(
            f"cast: {there[first][0]} and {there[second][0]} look alike to the identity network "
            f"(cosine {cosines[first, second]:.2f}) and may be taken for each other; add "
            "photographs of both, or see whether they are one person"
        )
