"""Surroundings: indoors or outdoors, day or night, and whether the place is the picture.

Indoors is a logistic sum of what the picture holds: things that stand indoors or outdoors, a
bright and smooth top (the sky), green that is no wall, warm lamps. The weights are rules. A
learned model, where one is there, replaces the sum: `Contents.labels` holds its answer as
"setting=indoor". Without either nothing is said.

Night is darkness by light alone; a dark room is as dark as a night, and so it is called.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.people import area_of
from fastthumb.analysis.rules import rises

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastthumb.analysis.candidates import Candidate
    from fastthumb.analysis.detections import Contents, FoundObject
    from fastthumb.analysis.rules import Rules, SettingRules

FloatArray = npt.NDArray[np.float32]

_TOP_ROWS = 3  # of the nine of a layout: where the sky is looked for


@dataclass(slots=True)
class ColorCues:
    """What the colors of many pictures tell of their place, each float32 (pictures,), 0..1."""

    sky: FloatArray
    green: FloatArray
    warm_light: FloatArray


def color_cues(candidates: Sequence[Candidate]) -> ColorCues:
    """Sky, greenery and lamp light of each picture, from its layout of CIELAB cells."""
    layouts = np.stack([one.still.layout for one in candidates]).astype(np.float32)
    light = layouts[..., 0] * np.float32(100.0 / 255.0)
    a, b = layouts[..., 1] - 128.0, layouts[..., 2] - 128.0
    top = light[:, :_TOP_ROWS]
    rest = light[:, _TOP_ROWS:].mean(axis=(1, 2))
    # Cells of sky: blue, or brighter than a wall, no darker than what is below, and smooth.
    smooth = np.abs(np.diff(top, axis=2, append=top[:, :, -1:])) < 6.0
    blue = (b[:, :_TOP_ROWS] < -7.0) & (a[:, :_TOP_ROWS] < 10.0) & (top > 40.0)
    white = (np.abs(b[:, :_TOP_ROWS]) < 7.0) & (top > 86.0)
    sky = (smooth & (blue | white) & (top > rest[:, None, None])).mean(axis=(1, 2))
    greenery = ((a < -6.0) & (b > 6.0) & (light > 8.0)).mean(axis=(1, 2))
    warm = ((b > 14.0) & (a > 2.0) & (light > 30.0)).mean(axis=(1, 2))
    return ColorCues(
        np.clip((sky - 0.15) / 0.5, 0.0, 1.0).astype(np.float32),
        np.clip((greenery - 0.08) / 0.35, 0.0, 1.0).astype(np.float32),
        np.clip((warm - 0.1) / 0.5, 0.0, 1.0).astype(np.float32),
    )


def indoor_share(
    contents: Contents,
    cues: tuple[float, float, float],
    face_height: float,
    rules: SettingRules,
) -> float | None:
    """How surely a picture is taken indoors, 0..1.

    None where no network looked at things, and where nothing in the picture tells.
    """
    learned = contents.labels.get("setting=indoor") if contents.labels else None
    if learned is None and contents.labels and "setting=outdoor" in contents.labels:
        learned = 1.0 - contents.labels["setting=outdoor"]
    if contents.objects is None:
        return learned
    things = [one for one in contents.objects if one.score >= rules.object_score]
    indoors = _surest(things, rules.indoor_things)
    outdoors = _surest(things, rules.outdoor_things)
    sky, green, warm = cues
    odds = rules.bias + rules.indoor_thing * indoors + rules.outdoor_thing * outdoors
    odds += rules.sky * sky + rules.green * green + rules.warm_light * warm
    if face_height >= rules.large_face:
        odds *= 0.5
    if learned is None and abs(odds) < rules.unknown:
        return None
    ruled = 1.0 / (1.0 + math.exp(-odds))
    if learned is None:
        return ruled
    return rules.learned * learned + (1.0 - rules.learned) * ruled


def _surest(things: Sequence[FoundObject], labels: Sequence[str]) -> float:
    """Score of the surest thing with one of these labels, half that of the second added."""
    first = second = 0.0
    for one in things:
        if one.label in labels and one.score > second:
            first, second = max(first, one.score), min(first, one.score)
    return first + 0.5 * second


def night_share(candidate: Candidate, rules: SettingRules) -> float:
    """How dark the picture is, as night is, 0..1."""
    lightness = rises(candidate.signals["lightness"], rules.night)
    dark = rises(candidate.signals["dark_share"], rules.night_dark)
    return 0.5 * lightness + 0.5 * max(dark, lightness * lightness)


def landscape_fit(
    contents: Contents, nearest: float, indoor: float | None, text: float, rules: Rules
) -> float:
    """How well a picture shows a place and nothing else, 0..1.

    `nearest` is the scale of the nearest person, 0 where there is none. Where no network
    looked at things, a place cannot be told from a thing: 0.
    """
    if contents.objects is None:
        return 0.0
    outdoors = 0.5 if indoor is None else 1.0 - indoor
    limits = rules.landscape
    largest = max(
        (area_of(one.box) for one in contents.objects if one.label != "person"), default=0.0
    )
    fit = rises(nearest, limits.person_scale) * rises(largest, limits.thing)
    return fit * rises(outdoors, limits.outdoors) * rises(text, limits.text)
