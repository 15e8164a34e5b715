"""Prominence: how much a person is what the picture is about.

    prominence = .4 screen_area + .3 position + .2 focus + .1 scene_importance

    screen_area       how much of the screen the person fills: the root of the face's area over
                      that of a full close-up, or of the person box over most of the picture,
                      whichever is more (the root grows with the size as an eye sees it)
    position          1 in the middle two fifths of the width and the upper part of the height,
                      falling to 0 with the distance from there
    focus             sharpness of the face itself
    scene_importance  the person's time on screen in this scene, over that of whoever is seen
                      longest in it

Every part is 0..1. A part that nothing measured is left out and the others take its weight.
The weights and the numbers behind the parts are rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastthumb.analysis.people import Person, area_of

if TYPE_CHECKING:
    from fastthumb.analysis.rules import ProminenceRules


@dataclass(slots=True)
class Prominence:
    """Prominence of one person and its parts; None where nothing measured a part."""

    total: float
    screen_area: float
    position: float
    focus: float | None
    scene_importance: float | None


def prominence(
    person: Person, scene_importance: float | None, rules: ProminenceRules
) -> Prominence:
    """How prominent a person is in the picture, by the formula of the module."""
    face, box = person.face, person.box
    area = 0.0
    if box is not None:
        area = math.sqrt(min(area_of(box) / rules.full_person, 1.0))
    focus = None
    if face is not None:
        area = max(area, math.sqrt(min(area_of(face.box) / rules.full_face, 1.0)))
        focus = min(max(face.sharpness, 0.0), 1.0)
        left, top, right, bottom = face.box
        x, y = 0.5 * (left + right), 0.5 * (top + bottom)
    elif box is not None:
        x, y = 0.5 * (box[0] + box[2]), box[1] + 0.15 * (box[3] - box[1])
    else:
        raise ValueError("a person has a face or a box")
    across = max(rules.middle[0] - x, x - rules.middle[1], 0.0)
    down = max(rules.upper[0] - y, y - rules.upper[1], 0.0)
    position = max(1.0 - math.hypot(across, down) / rules.reach, 0.0)
    total = rules.screen_area * area + rules.position * position
    weight = rules.screen_area + rules.position
    if focus is not None:
        total += rules.focus * focus
        weight += rules.focus
    if scene_importance is not None:
        total += rules.scene_importance * scene_importance
        weight += rules.scene_importance
    total = min(total / weight, 1.0) if weight > 0.0 else 0.0
    return Prominence(total, area, position, focus, scene_importance)
