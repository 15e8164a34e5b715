"""Reasons: why a picture was chosen, in one sentence that an artwork editor understands.

Every word of it is a threshold on a named score, and the number stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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


def reason_for(
    index: int,
    picks: Sequence[int],
    scored: Sequence[Scored],
    shots: Sequence[Shot],
    settings: Settings,
) -> str:
    """The sentence for one pick; `picks` are the positions of all picks in `scored`."""
    one = scored[index]
    strong = _strong_points(one, scored)
    if one.scene_type == "action":
        strong = [f"action ({one.action_score:.2f})", *strong[: _WORDS - 1]]
    what = ", ".join(strong) or "the best that there is"
    sentence = (
        f"{what[0].upper()}{what[1:]}; quality {one.quality:.2f}, {_rank(one, scored, shots)}"
    )
    sentence += _difference(index, picks, scored)
    if one.quality < settings.quality_floor:
        sentence += f"; below the floor of {settings.quality_floor:.2f}, which nothing here reaches"
    return sentence + "."


def _strong_points(one: Scored, scored: Sequence[Scored]) -> list[str]:
    """Up to three strong points, those first by which it beats most of the film."""
    found = []
    for name, threshold, words in _STRENGTHS:
        value = one.scores[name]
        if value >= threshold:
            beaten = sum(other.scores[name] < value for other in scored) / len(scored)
            found.append((-beaten, f"{words} ({value:.2f})"))
    return [words for _, words in sorted(found, key=lambda point: point[0])[:_WORDS]]


def _rank(one: Scored, scored: Sequence[Scored], shots: Sequence[Shot]) -> str:
    """Where the picture stands among those of its scene, or of the film if that is one scene."""
    scenes = {shot.index: shot.scene for shot in shots}
    scene = scenes.get(one.candidate.shot)
    peers = [other for other in scored if scenes.get(other.candidate.shot) == scene]
    place = "the film"
    if scene is not None and len(peers) < len(scored):
        place = f"scene {scene + 1}"
    if len(peers) == 1:
        return f"the only candidate of {place}"
    above = sum(other.quality > one.quality for other in peers)
    if above == 0:
        return f"best of {len(peers)} candidates in {place}"
    return f"number {above + 1} of {len(peers)} candidates in {place}"


def _difference(index: int, picks: Sequence[int], scored: Sequence[Scored]) -> str:
    others = [other for other in picks if other != index]
    if not others:
        return ""
    mine = scored[index].candidate.still.descriptor
    closest = max(float(mine @ scored[other].candidate.still.descriptor) for other in others)
    return f"; at most {max(closest, 0.0):.0%} like another pick"
