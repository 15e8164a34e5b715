"""Fitness: which candidates may be shown at all, whatever they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastthumb.artwork.scoring import Scored
    from fastthumb.settings import Settings

_UNSETTLED = 0.5  # a picture below it lies in a fade or a flash and is the last resort
_NEXT_BEST = 0.8  # where nothing reaches the floor, pictures of this share of the best will do
_FAR_BELOW = 0.75  # a pick has at least this share of the best quality of its kind in the film, ...
_LEAD_BELOW = 0.55  # ... a close-up of a lead this share: there should be one of every lead
# From these scores a picture is shown only if the film has nothing else.
_BLURRED, _TEXT, _EYES_CLOSED, _FACE_CUT, _HEAD_CUT = 0.5, 0.35, 0.55, 0.75, 0.8


def fit_to_show(scored: Sequence[Scored], settings: Settings) -> list[int]:
    """Indexes of the candidates that may be chosen at all; never empty where `scored` is not.

    Those above the quality floor, and not far below the best of them, that are no lettering and
    no blur, lie in no fade and have no main face or head cut off and no closed eyes. Where there
    are none, all of that will do but fades; where nothing reaches the floor, the best that there
    is, outside fades if possible. Pictures with and without people are not compared: people
    make a picture better, and a film has places, too.
    """
    if not scored:
        return []
    settled = [i for i, one in enumerate(scored) if one.scores["settled"] >= _UNSETTLED]
    clean = [i for i in settled if _clean(scored[i].scores)]
    for able in (clean, settled):
        fit = [i for i in able if scored[i].quality >= settings.quality_floor]
        if fit:
            return _near_the_best(scored, fit, _FAR_BELOW)
    return _near_the_best(scored, settled or range(len(scored)), _NEXT_BEST)


def is_close_up(one: Scored) -> bool:
    """Whether a picture is a close-up of one person, or of two."""
    kind = one.classified
    return kind is not None and kind.composition == "close-up" and kind.people in ("solo", "duo")


def _clean(scores: dict[str, float]) -> bool:
    return (
        scores["text"] < _TEXT
        and scores["blur"] < _BLURRED
        and scores.get("eyes_closed", 0.0) < _EYES_CLOSED
        and scores.get("face_cut", 0.0) < _FACE_CUT
        and scores.get("head_cut", 0.0) < _HEAD_CUT
    )


def _near_the_best(scored: Sequence[Scored], indexes: Sequence[int], share: float) -> list[int]:
    best: dict[bool, float] = {}
    for i in indexes:
        peopled = _peopled(scored[i])
        best[peopled] = max(scored[i].quality, best.get(peopled, 0.0))
    return [
        i
        for i in indexes
        if scored[i].quality
        >= best[_peopled(scored[i])]
        * (min(_LEAD_BELOW, share) if _shows_a_lead(scored[i]) else share)
    ]


def _peopled(one: Scored) -> bool:
    return one.classified is not None and one.classified.people not in (None, "none")


def _shows_a_lead(one: Scored) -> bool:
    return is_close_up(one) and one.classified is not None and one.classified.lead is not None
