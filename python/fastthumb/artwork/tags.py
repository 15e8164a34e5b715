"""Tags: what a picture shows in words of a fixed kind, to be searched and filtered by.

The same in the catalog and in the gallery: scene type, composition, people, character, object
(other than a person: that is told by people), setting and color.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fastthumb.records import Variant

KINDS = ("scene", "composition", "people", "character", "object", "setting", "color")

# Probabilities from which a picture is said to be indoors or at night; as far below a half, the
# opposite is said, and in between nothing.
_SURE = 0.6
_COLORED = 0.15  # warmth beyond which a picture is warm, or cool


class Tag(NamedTuple):
    """One word of one kind, such as ("setting", "indoor")."""

    kind: str
    tag: str


def tags_of(variant: Variant) -> list[Tag]:
    """The tags of a variant, each once, in the order of `KINDS`; what is not known has none."""
    found = [Tag("scene", variant.scene_type)]
    if variant.composition:
        found.append(Tag("composition", variant.composition))
    if variant.people:
        found.append(Tag("people", variant.people))
    found += [Tag("character", name) for name in variant.characters]
    found += [Tag("object", label) for label in variant.objects if label != "person"]
    for share, yes, no in (
        (variant.setting.indoor, "indoor", "outdoor"),
        (variant.setting.night, "night", "day"),
    ):
        if share is not None and abs(share - 0.5) >= _SURE - 0.5 - 1e-9:
            found.append(Tag("setting", yes if share > 0.5 else no))
    if abs(variant.palette.warmth) > _COLORED:
        found.append(Tag("color", "warm" if variant.palette.warmth > 0 else "cool"))
    return list(dict.fromkeys(found))
