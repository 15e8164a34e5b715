"""Characters: who is in the film, how long, with whom, and who leads.

Note [who leads]. The person seen longest leads, if seen for 2 % of the film at least. So does
everybody seen for two fifths of that person's time, up to four in all; but nobody who is in one
scene only, in a film of six scenes with people: an interview is long, too. Whoever is seen for a
tenth of the first one's time, or in three shots, is supporting, all others are background. Roles
that the cast database gives stand above all this.

A face that is seen in one sample only, unless few were taken and it stands for a second and a
half, or never clearly, is nobody's (identities.py): it counts among the people of its picture,
not among the characters.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from fastthumb.analysis.identities import SAME_PERSON, find_identities
from fastthumb.analysis.tracks import Portrait, Track

if TYPE_CHECKING:
    from fastthumb.analysis.cast import Cast, CastMember
    from fastthumb.analysis.detections import FloatArray
    from fastthumb.analysis.shots import Shot

Role = Literal["hero", "heroine", "lead", "supporting", "background"]

LEAD_SHARE_OF_FILM, LEAD_SHARE_OF_FIRST, MOST_LEADS = 0.02, 0.4, 4
SCENES_OF_A_STORY = 6  # with people, from which on one scene is not enough to lead
SUPPORTING_SHARE_OF_FIRST, SUPPORTING_SHOTS = 0.1, 3
CLEAR = 0.5  # clarity of a track whose embedding can found an identity
_LEAST_SAMPLES, _LEAST_SECONDS = 2, 1.5
_PORTRAITS = 12

# How much more than of two clusters (identities.py) the cosine of a character to the photographs of
# a person must be, for single looks and for means of many, and how far the next person must be.
# Single photographs of strangers reach .42, those of one person .49; see bench/identities.py.
_KNOWN_MARGIN, _KNOWN_FEW_MARGIN, _KNOWN_BEFORE_NEXT = 0.01, 0.08, 0.05


@dataclass(frozen=True, slots=True)
class Character:
    """One person of the film.

    `name` is the cast's, or lead-1, person-1 ... by screen time; `known` says whether the cast
    named it, with `likeness`, the cosine to the cast's photographs. `screen_share` is its screen
    time over the film's length, `with_seconds` screen time shared with others, by name.
    `portraits` are its best looks, best first, from as many shots as there are.
    """

    name: str
    role: Role
    known: bool
    likeness: float | None
    screen_seconds: float
    screen_share: float
    shots: tuple[int, ...]
    tracks: tuple[int, ...]
    with_seconds: dict[str, float]
    portraits: tuple[Portrait, ...]


def find_characters(
    tracks: Sequence[Track],
    shots: Sequence[Shot],
    duration_seconds: float,
    same_person: float = SAME_PERSON,
) -> list[Character]:
    """The people of the film, longest on screen first, named lead-1 ... and person-1 ...

    `tracks` are those of the whole film; `duration_seconds` is its length. Without an identity
    network nobody is known again in another shot, and there are no characters. Shots give the
    scenes; see Note [who leads]. `same_person` is the cosine from which mean embeddings of the
    identity network are of one person.
    """
    groups = _groups(tracks, same_person)
    people = [_character("", "background", group, duration_seconds) for group in groups]
    order = sorted(
        range(len(people)), key=lambda k: (-people[k].screen_seconds, groups[k][0].index)
    )
    people = [people[k] for k in order]
    scene_of = {shot.index: shot.scene for shot in shots}
    roles = _roles(people, scene_of)
    named, leads, others = [], 0, 0
    for person, role in zip(people, roles, strict=True):
        leads, others = leads + (role == "lead"), others + (role != "lead")
        name = f"lead-{leads}" if role == "lead" else f"person-{others}"
        named.append(replace(person, name=name, role=role))
    return _with_others(named, tracks)


def name_characters(
    characters: Sequence[Character],
    tracks: Sequence[Track],
    cast: Cast | None,
    same_person: float = SAME_PERSON,
) -> list[Character]:
    """The characters with the names and roles of the cast, longest on screen first.

    Two characters that are one member of the cast become one, unless they were seen together:
    then the more alike has the name. Whoever is like nobody of the cast, or like two of them
    about equally, keeps the name that it has. A named person without a role in the cast keeps
    its own, or is supporting.
    """
    by_index = {track.index: track for track in tracks}
    seen = [by_index[index].embedding for one in characters for index in one.tracks]
    sizes = {len(embedding) for embedding in seen if embedding is not None}
    # Embeddings of another size are another network's: they know nobody here.
    members = [
        member
        for member in (cast.people if cast else [])
        if member.embedding is not None and {len(member.embedding)} == sizes
    ]
    if not members:
        return list(characters)
    length = characters[0].screen_seconds / max(characters[0].screen_share, 1e-9)
    groups = [[by_index[index] for index in one.tracks] for one in characters]
    found = _recognized(groups, members, same_person)
    result = [one for k, one in enumerate(characters) if k not in found]
    for number, member in enumerate(members):
        parts = [k for k in range(len(characters)) if k in found and found[k][0] == number]
        if not parts:
            continue
        first = characters[parts[0]]
        role = member.role or ("supporting" if first.role == "background" else first.role)
        whole = sorted((t for k in parts for t in groups[k]), key=lambda track: track.index)
        merged = _character(member.name, role, whole, length)
        result.append(replace(merged, known=True, likeness=_cosine(whole, member)))
    result.sort(key=lambda one: (-one.screen_seconds, one.tracks))
    return _with_others(result, tracks)


def _groups(tracks: Sequence[Track], same_person: float) -> list[list[Track]]:
    """The tracks of each person that can be known again, in order of first appearance."""
    there = [track for track in tracks if track.embedding is not None]
    if not there:
        return []
    embeddings = np.stack([t.embedding for t in there if t.embedding is not None])
    clear = np.array([track.clarity >= CLEAR for track in there])
    row = {track.index: k for k, track in enumerate(there)}
    apart = [(row[t.index], row[o]) for t in there for o in t.together if o in row]
    labels = find_identities(embeddings.astype(np.float32), clear, apart, same_person)
    groups: dict[int, list[Track]] = defaultdict(list)
    for track, label in zip(there, labels.tolist(), strict=True):
        if label >= 0:
            groups[label].append(track)
    return [group for group in groups.values() if _is_somebody(group)]


def _is_somebody(tracks: Sequence[Track]) -> bool:
    """Whether a face was seen more than once, or in a sample that stands for long enough."""
    seconds = sum(track.screen_seconds for track in tracks)
    return sum(track.samples for track in tracks) >= _LEAST_SAMPLES or seconds >= _LEAST_SECONDS


def _character(name: str, role: Role, tracks: Sequence[Track], duration: float) -> Character:
    """A person from its tracks; whom it is seen with is filled in later."""
    seconds = sum(track.screen_seconds for track in tracks)
    return Character(
        name=name,
        role=role,
        known=False,
        likeness=None,
        screen_seconds=seconds,
        screen_share=min(seconds / duration, 1.0) if duration > 0.0 else 0.0,
        shots=tuple(sorted({track.shot for track in tracks})),
        tracks=tuple(track.index for track in tracks),
        with_seconds={},
        portraits=_best_portraits(tracks),
    )


def _best_portraits(tracks: Iterable[Track]) -> tuple[Portrait, ...]:
    """The best looks of all tracks, best first; the first of every track before any second."""
    ranked = [
        (rank, -portrait.worth, portrait.seconds, portrait)
        for track in tracks
        for rank, portrait in enumerate(track.portraits)
    ]
    ranked.sort(key=lambda entry: entry[:3])
    best = [entry[3] for entry in ranked[:_PORTRAITS]]
    return tuple(sorted(best, key=lambda portrait: (-portrait.worth, portrait.seconds)))


def _roles(people: Sequence[Character], scene_of: dict[int, int]) -> list[Role]:
    """The role of each person, given by screen time, longest first; see Note [who leads]."""
    if not people:
        return []
    first = people[0]
    scenes = [{scene_of.get(shot, -1) for shot in person.shots} for person in people]
    story = len(set().union(*scenes)) >= SCENES_OF_A_STORY and max(map(len, scenes)) > 1
    roles: list[Role] = []
    for person, seen_in in zip(people, scenes, strict=True):
        share = person.screen_seconds / max(first.screen_seconds, 1e-9)
        leads = (
            roles.count("lead") < MOST_LEADS
            and first.screen_share >= LEAD_SHARE_OF_FILM
            and share >= LEAD_SHARE_OF_FIRST
            and (len(seen_in) > 1 or not story)
        )
        if leads:
            roles.append("lead")
        elif share >= SUPPORTING_SHARE_OF_FIRST or len(person.shots) >= SUPPORTING_SHOTS:
            roles.append("supporting")
        else:
            roles.append("background")
    return roles


def _with_others(people: list[Character], tracks: Sequence[Track]) -> list[Character]:
    """The people with `with_seconds` filled in, by names as they are now."""
    owner = {index: k for k, person in enumerate(people) for index in person.tracks}
    shared: list[dict[str, float]] = [{} for _ in people]
    for track in tracks:
        k = owner.get(track.index)
        if k is None:
            continue
        for other, seconds in zip(track.together, track.together_seconds, strict=True):
            if owner.get(other, k) != k:
                name = people[owner[other]].name
                shared[k][name] = shared[k].get(name, 0.0) + seconds
    return [
        replace(person, with_seconds=dict(sorted(seconds.items(), key=lambda e: (-e[1], e[0]))))
        for person, seconds in zip(people, shared, strict=True)
    ]


def recognize(
    embedding: FloatArray,
    looks: int,
    members: Sequence[CastMember],
    same_person: float = SAME_PERSON,
) -> tuple[int, float] | None:
    """Which member of the cast a face is (position, cosine), None where it is none for certain.

    `embedding` is the mean of so many `looks`, unit length; all members have an embedding. One
    look against one photograph needs .09 more than `same_person`, means of many .01.
    """
    photographs = np.stack([m.embedding for m in members if m.embedding is not None])
    likeness = photographs @ embedding
    best = int(np.argmax(likeness))
    top = float(likeness[best])
    likeness[best] = -1.0
    few = _KNOWN_FEW_MARGIN / math.sqrt(max(looks * members[best].usable, 1))
    need = same_person + _KNOWN_MARGIN + few
    if top < need or float(likeness.max()) > top - _KNOWN_BEFORE_NEXT:
        return None
    return best, top


def _recognized(
    groups: Sequence[Sequence[Track]], members: Sequence[CastMember], same_person: float
) -> dict[int, tuple[int, float]]:
    """For each group that the cast knows (by position): which member, and how alike.

    Of two groups that were seen together, the one more like a member is it.
    """
    claims = []
    for k, group in enumerate(groups):
        known = recognize(_mean(group), sum(track.samples for track in group), members, same_person)
        if known is not None:
            claims.append((-known[1], k, known[0]))
    found: dict[int, tuple[int, float]] = {}
    for negative, k, member in sorted(claims):
        rivals = {t.index for j, (m, _) in found.items() if m == member for t in groups[j]}
        if not any(rivals.intersection(track.together) for track in groups[k]):
            found[k] = (member, -negative)
    return found


def _cosine(tracks: Sequence[Track], member: CastMember) -> float | None:
    return None if member.embedding is None else float(_mean(tracks) @ member.embedding)


def _mean(tracks: Sequence[Track]) -> FloatArray:
    """A person's mean embedding by the clarity of its tracks, float32 of unit length."""
    looks = [(t.embedding, t.clarity) for t in tracks if t.embedding is not None]
    mean = np.sum([max(weight, 1e-3) * look for look, weight in looks], axis=0)
    unit: FloatArray = (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)
    return unit
