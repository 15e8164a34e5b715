"""The choice: which 4 to 12 candidates become the variants of a title.

What the user pinned comes first, then a close-up of every lead, then the genre priorities: each
gets its share of the variants, filled by the best and most relevant pictures that suit its scene
types. What the film does not offer, and the rest, goes to quality and difference.

Note [quality and difference]. The set S of picks grows greedily by

    F(S) = (1 - d) * sum_{j in S} quality_j / k  +  d * sum_i w_i max_{j in S} similarity_ij
           + b * sum_p sqrt(|{j in S: j shows p}|)

with d the `diversity` setting and k the number wanted. The second sum is facility location:
every candidate i of the film, weighted by its quality, asks for a pick that is like it in
looks, content, people, composition, scene and time. It was taken before a determinantal point
process because it covers the film (a DPP only spreads the picks, and is happy with odd ones),
because F is monotone and submodular, so that the greedy set reaches (1 - 1/e) of the best one
(Nemhauser, Wolsey and Fisher, 1978), and because its terms can be put into words. The third
sum, over solo, duo and ensemble, is the balance of people: each pick of one kind gives less
than the one before. Two pictures of one moment, or that look alike, exclude each other whatever
F says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastthumb.artwork.film import Film
from fastthumb.artwork.genres import CLOSE_UPS, Priority, priorities_of, slots_of
from fastthumb.artwork.reasons import reasons_for
from fastthumb.errors import NoArtwork

if TYPE_CHECKING:
    from fastthumb.analysis.shots import Shot
    from fastthumb.analysis.stills import Still
    from fastthumb.artwork.scoring import Scored
    from fastthumb.settings import Settings

QUALITY_AND_DIFFERENCE = "quality and difference"
PINNED = "pinned"
LEAD = "close-up of a lead"

_LEADS_SHARE = 0.4  # of the variants at most for close-ups that make sure of every lead


@dataclass(frozen=True, slots=True)
class Pick:
    """A chosen candidate.

    `rank` counts from 1, best first; `slot` is the genre priority that it fills, or
    "quality and difference", "pinned" or "close-up of a lead"; `reason` is one sentence for the
    artwork team.
    """

    rank: int
    scored: Scored
    slot: str
    reason: str


def choose(
    scored: Sequence[Scored],
    shots: Sequence[Shot],
    settings: Settings,
    *,
    avoid: Sequence[Still] = (),
) -> list[Pick]:
    """Choose the variants of a film, pinned ones first, then best first.

    Nothing that repeats one of the pictures in `avoid`, those of other episodes, is chosen
    unless it is pinned or there is nothing else.
    At most `settings.variants` picks; fewer where the film has fewer distinct moments above
    the quality floor, one at least where there is any candidate, none where there is none.
    The same candidates and settings always give the same picks. Raises SettingsError where
    the genre is not known, NoArtwork where window and bans leave nothing.
    """
    priorities = priorities_of(settings.genre, settings.genres_file)
    if not scored:
        return []
    film = Film(scored, shots, settings, avoid)
    chosen: dict[int, str] = dict.fromkeys(film.take_pins(settings.variants), PINNED)
    pinned = len(chosen)
    if not film.has_some and not chosen:
        raise NoArtwork(
            "nothing that may be chosen is left by the window and the bans; widen the window or "
            "ban less"
        )
    open_slots = slots_of(priorities, settings.variants - pinned)
    chosen |= _leads(film, open_slots, settings.variants - pinned)
    unfilled: list[str] = []
    for priority, count in open_slots:
        taken = sum(slot == priority.name for slot in chosen.values())
        for _ in range(count - taken):
            if len(chosen) >= settings.variants:
                break
            best = film.best_of(priority.scene_types)
            if best is None:
                unfilled.append(priority.name)
            else:
                chosen[best] = priority.name
    while len(chosen) < settings.variants and (addition := film.best_addition()) is not None:
        place = f", in place of {unfilled.pop(0)}" if unfilled else ""
        chosen[addition] = QUALITY_AND_DIFFERENCE + place
    first = [i for i, slot in chosen.items() if slot == PINNED]
    rest = [i for i in chosen if i not in set(first)]
    rest.sort(key=lambda i: (-scored[i].quality, scored[i].candidate.frame_index))
    ranked = first + rest
    reasons = reasons_for(ranked, scored, shots, settings, pinned=len(first))
    return [
        Pick(rank, scored[i], chosen[i], reason)
        for rank, (i, reason) in enumerate(zip(ranked, reasons, strict=True), start=1)
    ]


def _leads(film: Film, slots: Sequence[tuple[Priority, int]], variants: int) -> dict[int, str]:
    """A close-up of each lead where the film has one, on slots for close-ups while there are."""
    close_ups = [
        priority.name
        for priority, count in slots
        for _ in range(count)
        if set(priority.scene_types) & set(CLOSE_UPS)
    ]
    most = max(len(close_ups), int(_LEADS_SHARE * variants))
    chosen: dict[int, str] = {}
    for name in film.leads():
        if len(chosen) >= most:
            break
        best = film.close_up_of(name)
        if best is not None:
            chosen[best] = close_ups.pop(0) if close_ups else LEAD
    return chosen
