"""Scores: how good each candidate is as a picture, part by part, and how much happens in it.

Every part is a number from 0 to 1 with a name, and all of them are kept, so that a choice can
explain itself. Quality is the weighted mean of

    visual       brightness, contrast, sharpness and saturation by the published formula
    detail       how sharp the sharpest tenth is, against its own neighbors too: a portrait
                 before a soft background is sharp, a motion-blurred frame is not
    stillness    nothing moves fast enough to blur
    exposure     neither burnt out nor drowned in black
    subject      something stands out: concentrated, of good size, not cut off by the frame
    composition  thirds, symmetry or a centered portrait, and depth of field
    color        how colorful it looks

and then loses by lettering, by emptiness (a picture of one color, or of very little), by motion
blur, by softness all over, by noise and by a fade or flash that it lies in. The weights are
settings. What the networks saw of people comes on top where there are any: see artwork/appeal.py.

Note [motion blur]. Little detail alone is no blur: a face before a soft background, fog, a plain
sky. Fast motion alone is none either: a fast shutter and animation freeze it. Both together are,
and how much detail to expect is told by those pictures of the film in which little moves. What
moves as fast as a whip pan is blur whatever its detail: that is then made of compression.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.classification import Classified, SceneType, action_score
from fastthumb.analysis.ramps import ramp
from fastthumb.analysis.rules import default_rules
from fastthumb.artwork.appeal import Relevance, appeal_of
from fastthumb.artwork.crops import parse_aspect

if TYPE_CHECKING:
    from fastthumb.analysis.shots import Shot
    from fastthumb.analysis.stills import Still
    from fastthumb.settings import QualityWeights, Settings, VisualWeights

_FULL_DETAIL = 36.0  # spread of the Laplacian, in grey levels, of a crisp picture
_STILL = 0.85  # stillness from which motion takes no detail away
# What a picture loses at most by each fault, as a share of its quality.
_LOSSES = {"emptiness": 0.7, "blur": 0.5, "softness": 0.4, "noise": 0.5}
_LETTERED = {"title-card": 0.9, "credits": 0.9}  # text score of such shots at least


@dataclass(frozen=True, slots=True)
class VisualQuality:
    """The four parts of visual quality, each 0..1."""

    brightness: float
    contrast: float
    sharpness: float
    saturation: float

    def total(self, weights: VisualWeights) -> float:
        """Visual quality, 0..1 where the weights sum to 1."""
        return (
            weights.brightness * self.brightness
            + weights.contrast * self.contrast
            + weights.sharpness * self.sharpness
            + weights.saturation * self.saturation
        )


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with its scores, all 0..1; `scores` holds every part by name.

    `classified` is None where only the pixels were looked at.
    """

    candidate: Candidate
    visual: VisualQuality
    quality: float
    scene_type: SceneType
    action_score: float
    scores: dict[str, float]
    classified: Classified | None = None


def score(
    candidates: Sequence[Candidate],
    shots: Sequence[Shot],
    settings: Settings,
    classified: Sequence[Classified] | None = None,
) -> list[Scored]:
    """Score the candidates of one film, in their order; `classified` are theirs, in that order."""
    contents = {shot.index: shot.content for shot in shots}
    still = [one.still.detail for one in candidates if one.stillness >= _STILL]
    expected = float(np.median(still)) if still else 0.0
    scored = [
        _score_one(one, contents.get(one.shot, "picture"), expected, settings) for one in candidates
    ]
    if classified is None:
        return scored
    relevance = Relevance(shots, settings)
    shapes = [float(parse_aspect(aspect)) for aspect in settings.aspects]
    return [
        _with_people(one, kind, relevance, shapes, settings)
        for one, kind in zip(scored, classified, strict=True)
    ]


def visual_quality(signals: dict[str, float]) -> VisualQuality:
    """Visual quality of the signals of one frame, by the published formulas.

    Needs `lightness` and `chroma` (CIELAB), `luma_std` and `laplacian_variance` (0..255 luma at
    about 360 lines).
    """
    return VisualQuality(
        brightness=max(1.0 - abs(signals["lightness"] - 50.0) / 50.0, 0.0),
        contrast=min(signals["luma_std"] / 50.0, 1.0),
        sharpness=min(signals["laplacian_variance"] / 300.0, 1.0),
        saturation=min(signals["chroma"] / 100.0, 1.0),
    )


def _score_one(
    candidate: Candidate, content: str, expected_detail: float, settings: Settings
) -> Scored:
    signals, still = candidate.signals, candidate.still
    visual = visual_quality(signals)
    action = action_score(signals, default_rules().action)
    parts = {
        "visual": min(visual.total(settings.visual_weights), 1.0),
        "detail": _detail(still.detail, signals["relative_sharpness"]),
        "stillness": candidate.stillness,
        "exposure": _exposure(signals["lightness"], still.light, still.dark),
        "subject": _subject(still),
        "composition": _composition(still),
        "color": _color(still.colorfulness),
    }
    losses = {
        "text": max(still.text_likeness, _LETTERED.get(content, 0.0)),
        "emptiness": _emptiness(still),
        "blur": _blur(still.detail, expected_detail, candidate.stillness),
        "softness": 1.0 - ramp(still.detail, 1.5, 8.0),
        "noise": 1.0 - math.exp(-max(still.noise - 2.5, 0.0) / 6.0),
        "settled": signals["settled"],
    }
    quality = _quality(parts, losses, settings.quality_weights)
    more = {
        "thirds": still.thirds,
        "symmetry": still.symmetry,
        "depth_of_field": still.depth_of_field,
        "action": action,
    }
    scene: SceneType = "action" if action >= default_rules().scenes.action else "other"
    return Scored(candidate, visual, quality, scene, action, parts | losses | more)


def _quality(parts: dict[str, float], losses: dict[str, float], weights: QualityWeights) -> float:
    share: dict[str, float] = weights.__dict__
    total = sum(share[name] for name in parts)
    mean = sum(share[name] * value for name, value in parts.items()) / total
    mean *= 1.0 - weights.text * losses["text"]
    for name, loss in _LOSSES.items():
        mean *= 1.0 - loss * losses[name]
    return mean * (0.15 + 0.85 * losses["settled"])


def _detail(spread: float, relative: float) -> float:
    """Sharpness of what is in focus; the root lifts soft film stock and small rasters."""
    return min(math.sqrt(spread / _FULL_DETAIL), 1.0) * (0.4 + 0.6 * relative)


def _blur(detail: float, expected: float, stillness: float) -> float:
    """How surely a picture is blurred by motion; see Note [motion blur]."""
    lacking = 1.0 - ramp(detail, 0.35 * expected, 0.75 * expected) if expected > 0.0 else 0.0
    likely = lacking * (1.0 - ramp(stillness, 0.35, 0.75))
    return max(likely, 0.8 * (1.0 - ramp(stillness, 0.02, 0.18)))


def _exposure(lightness: float, light: float, dark: float) -> float:
    burnt = ramp(light, 0.06, 0.45)
    drowned = ramp(dark, 0.35, 0.90)
    level = ramp(lightness, 3.0, 22.0) * (1.0 - 0.7 * ramp(lightness, 72.0, 95.0))
    return (1.0 - burnt) * (1.0 - 0.8 * drowned) * level


def _subject(still: Still) -> float:
    size = ramp(still.subject_share, 0.01, 0.08) * (1.0 - 0.5 * ramp(still.subject_share, 0.4, 0.8))
    left, top, right, _ = still.subject_box
    cut_off = (left <= 0.0) + (top <= 0.0) + (right >= 1.0)
    # What stands out but holds no detail is a hand before the lens, or a blur.
    in_focus = 0.4 + 0.6 * ramp(still.subject_focus, 0.1, 0.3)
    return ramp(still.concentration, 0.02, 0.40) * size * in_focus * (1.0, 0.8, 0.6, 0.5)[cut_off]


def _composition(still: Still) -> float:
    x, y = still.focal_point
    centered = (1.0 - ramp(abs(x - 0.5), 0.04, 0.14)) * ramp(still.subject_share, 0.06, 0.20)
    centered *= 1.0 - ramp(y, 0.55, 0.75)
    placed = max(still.thirds, 0.9 * still.symmetry, 0.85 * centered)
    return 0.6 * placed + 0.4 * still.depth_of_field


def _color(colorfulness: float) -> float:
    return math.pow(min(colorfulness / 0.5, 1.0), 0.7)


def _emptiness(still: Still) -> float:
    """How little there is to see: 1 for a picture of one color."""
    return max(1.0 - ramp(still.entropy, 1.5, 5.0), ramp(still.one_color, 0.65, 0.97))


def _with_people(
    one: Scored,
    classified: Classified,
    relevance: Relevance,
    shapes: Sequence[float],
    settings: Settings,
) -> Scored:
    """The score of a picture with what was seen of its people, its text and its kind."""
    quality, scores = one.quality, one.scores  # made for this picture: added to in place
    if classified.text > scores["text"]:
        kept = 1.0 - settings.quality_weights.text * scores["text"]
        quality *= (1.0 - settings.quality_weights.text * classified.text) / max(kept, 1e-6)
        scores["text"] = classified.text
    if classified.people is not None:
        appeal = appeal_of(one.candidate, classified, shapes)
        quality = appeal.applied(quality)
        scores |= appeal.scores
        scores["relevance"] = relevance.of(
            classified, one.candidate.shot, one.visual.total(settings.visual_weights)
        )
    return Scored(
        one.candidate,
        one.visual,
        min(quality, 1.0),
        classified.scene_type,
        classified.action,
        scores,
        classified,
    )
