"""Reasons: why a picture was chosen, in one sentence that an artwork editor understands.

It begins with what the picture shows, where networks looked (artwork/wording.py), then names its
strong points. Every word of those is a threshold on a named score, and the number stands beside
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.artwork.wording import what_it_shows

if TYPE_CHECKING:
    from fastthumb.analysis.shots import Shot
    from fastthumb.artwork.scoring import Scored
    from fastthumb.settings import Settings

_WORDS = 3  # strong points that a reason names
# Score, from which value it is a strong point, and how that is said.
_STRENGTHS = (
    ("detail", 0.80, "crisp"),
    ("stillness", 0.93, "free of motion blur"),
    ("exposure", 0.95, "well exposed"),
    ("subject", 0.65, "a clear subject"),
    ("thirds", 0.70, "subject on a third"),
    ("symmetry", 0.60, "symmetric"),
    ("depth_of_field", 0.70, "subject sharp before a soft background"),
    ("color", 0.75, "strong color"),
    ("visual", 0.62, "good light and contrast"),
)


def reasons_for(
    picks: Sequence[int],
    scored: Sequence[Scored],
    shots: Sequence[Shot],
    settings: Settings,
    *,
    pinned: int = 0,
) -> list[str]:
    """The sentence for every pick; `picks` are positions in `scored`, all picks of the film.

    The first `pinned` of them were asked for by hand.
    """
    levels = {name: np.sort([one.scores[name] for one in scored]) for name, _, _ in _STRENGTHS}
    scenes = {shot.index: shot.scene for shot in shots}
    of_scene: dict[int | None, list[float]] = {}
    for one in scored:
        of_scene.setdefault(scenes.get(one.candidate.shot), []).append(one.quality)
    reasons = []
    for position, pick in enumerate(picks):
        one = scored[pick]
        strong = _strong_points(one, levels)
        if one.scene_type == "action":
            strong = [f"action ({one.action_score:.2f})", *strong[: _WORDS - 1]]
        shows = what_it_shows(one.classified) if one.classified is not None else ""
        what = ", ".join(strong) or ("" if shows else "the best that there is")
        what = "; ".join(part for part in (shows, what) if part)
        if position < pinned:
            what = f"pinned by hand: {what}"
        scene = scenes.get(one.candidate.shot)
        place = "the film" if scene is None or len(of_scene) == 1 else f"scene {scene + 1}"
        reason = f"{what[0].upper()}{what[1:]}; quality {one.quality:.2f}, "
        reason += _rank(one.quality, of_scene[scene], place)
        reason += _difference(pick, picks, scored)
        if one.quality < settings.quality_floor:
            reason += (
                f"; below the floor of {settings.quality_floor:.2f}, which nothing here reaches"
            )
        reasons.append(reason + ".")
    return reasons


def _strong_points(one: Scored, levels: Mapping[str, npt.NDArray[np.float64]]) -> list[str]:
    """Up to three strong points, those first by which it beats most of the film."""
    found = []
    for name, threshold, words in _STRENGTHS:
        value = one.scores[name]
        if value >= threshold:
            beaten = int(np.searchsorted(levels[name], value))
            found.append((-beaten, f"{words} ({value:.2f})"))
    return [words for _, words in sorted(found, key=lambda point: point[0])[:_WORDS]]


def _rank(quality: float, peers: Sequence[float], place: str) -> str:
    """Where a picture stands among those of its scene, itself one of them."""
    if len(peers) == 1:
        return f"the only candidate of {place}"
    above = sum(other > quality for other in peers)
    if above == 0:
        return f"best of {len(peers)} candidates in {place}"
    return f"number {above + 1} of {len(peers)} candidates in {place}"


def _difference(pick: int, picks: Sequence[int], scored: Sequence[Scored]) -> str:
    others = [other for other in picks if other != pick]
    if not others:
        return ""
    mine = scored[pick].candidate.still.descriptor
    closest = max(float(mine @ scored[other].candidate.still.descriptor) for other in others)
    return f"; at most {max(closest, 0.0):.0%} like another pick"
