"""title.json out of what the stages found: people, things, tags."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.classification import Classified
from fastthumb.artwork.portraits import PortraitFile
from fastthumb.artwork.rendering import RenderedFile, RenderedVariant
from fastthumb.artwork.scoring import score
from fastthumb.artwork.tags import Tag, tags_of
from fastthumb.artwork.variants import Pick
from fastthumb.records import TitleRecord, Variant
from fastthumb.settings import Settings
from fastthumb.titles import character_records, portrait_files, variant_record
from film_samples import source_info
from people_samples import character_of, face_of, thing_of, track_of, with_people
from stills_samples import candidate_of, landscape
from title_samples import peopled_values, variant_values

ADA = character_of("Ada", "hero", [track_of(3, 0, 20.0)], known=True, likeness=1.0000001)
BEN = character_of("lead-2", "lead", [track_of(5, 0, 9.0)], with_seconds={"Ada": 4.0, "Cy": 5.0})
CLASSIFIED = Classified(
    scene_type="hero-close-up",
    composition="close-up",
    people="duo",
    characters=("Ada", "lead-2"),
    objects=("car",),
    emotional=0.5,
    action=0.25,
    dramatic=None,
    prominence=0.75,
    indoor=0.1,
    night=None,
    text=0.0,
    inputs={"face_height": 0.4, "unknown": float("nan")},
)


@pytest.fixture(scope="module")
def plain() -> Candidate:
    return candidate_of(landscape())


def variant_of(candidate: Candidate, known: Classified | None, **file: Any) -> Variant:
    (scored,) = score([candidate], [], Settings())
    pick = Pick(1, replace(scored, classified=known), "slot", "Because.")
    files = (RenderedFile("a.jpg", "source", 640, 360, (0, 0, 640, 360)),)
    files += (RenderedFile("b.jpg", "1:1", 360, 360, (0, 0, 360, 360), **file),)
    return variant_record("film", source_info(), RenderedVariant(pick, files), [ADA, BEN])


def test_what_nobody_looked_for_is_null(plain: Candidate) -> None:
    variant = variant_of(plain, None)
    assert variant.faces is variant.object_boxes is variant.people is variant.composition is None
    assert variant.setting.indoor is None
    assert variant.content_analysis.action_score is not None
    assert variant.content_analysis.emotional_score is None
    assert variant.focal_point == pytest.approx(plain.still.focal_point, abs=1e-6)
    assert tags_of(variant)[0] == Tag("scene", variant.scene_type)


def test_what_was_found_is_recorded(plain: Candidate) -> None:
    small = face_of(0.2, x=0.25, track=5, expression="happy", likely=0.7)
    large = face_of(0.4, x=0.7, track=3, eyes_open=0.3)
    stranger = face_of(0.1, x=0.05, y=0.02, track=8, cut_off=np.True_)
    things = [thing_of("car", (0.1, 0.5, 0.4, 0.9), 0.6), thing_of("person", (0.5, 0, 1, 1), 0.9)]
    candidate = with_people(plain, small, large, stranger, objects=things)
    variant = variant_of(candidate, CLASSIFIED, score=0.8, parts={"faces": 1.0})
    assert variant.faces is not None
    assert [face.character for face in variant.faces] == ["Ada", "lead-2", None]
    assert [face.expression for face in variant.faces] == [None, "happy", None]
    assert variant.faces[1].expression_score == pytest.approx(0.7)
    assert [face.eyes_open for face in variant.faces] == [0.3, 1.0, 1.0]
    assert variant.faces[2].cut_off is True
    assert variant.faces[2].box[1] == 0.0
    assert [one.label for one in variant.object_boxes or ()] == ["person", "car"]
    assert (variant.scene_type, variant.composition) == ("hero-close-up", "close-up")
    assert variant.characters == ["Ada", "lead-2"]
    assert variant.content_analysis.character_prominence == 0.75
    assert variant.content_analysis.dramatic_score is None
    assert variant.rule_inputs == {"face_height": 0.4}
    assert (variant.setting.indoor, variant.setting.night) == (0.1, None)
    assert (variant.files[1].crop_score, variant.files[1].crop_parts) == (0.8, {"faces": 1.0})
    assert variant.files[0].crop_score is None
    assert variant.focal_point[0] == pytest.approx(0.7, abs=0.01)
    kinds = [tag for tag in tags_of(variant) if tag.kind != "color"]
    assert kinds == [
        ("scene", "hero-close-up"),
        ("composition", "close-up"),
        ("people", "duo"),
        ("character", "Ada"),
        ("character", "lead-2"),
        ("object", "car"),
        ("setting", "outdoor"),
    ]


def test_people_are_in_the_order_of_their_screen_time() -> None:
    portraits = {"Ada": [PortraitFile("face-01-1.jpg", 1.5, 36, (0.1, -0.1, 0.3, 0.4))]}
    ada, ben = character_records([BEN, ADA], portraits)
    assert (ada.name, ada.role, ada.known, ada.likeness) == ("Ada", "hero", True, 1.0)
    assert ada.portraits[0].box == (0.1, 0.0, 0.3, 0.4)
    assert list(ben.with_seconds) == ["Cy", "Ada"]
    assert ben.likeness is None
    assert ben.portraits == []


def test_the_portraits_of_a_title_can_be_kept() -> None:
    record = TitleRecord.model_validate(peopled_values())
    kept = portrait_files(record)
    assert [one.file for one in kept] == [f"face-0{n}-{m}.jpg" for n in (1, 2) for m in (1, 2)]
    assert kept[0] == PortraitFile("face-01-1.jpg", 10.0, 240_000, (0.4, 0.2, 0.5, 0.45))


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"setting": {"indoor": 0.6, "night": 0.59}}, {"indoor"}),
        ({"setting": {"indoor": 0.4, "night": 0.0}}, {"outdoor", "day"}),
        ({"setting": {"indoor": 0.5, "night": 1.0}}, {"night"}),
        ({"setting": {"indoor": None, "night": None}}, set()),
    ],
)
def test_settings_are_tags_where_they_are_sure(changes: dict[str, Any], wanted: set[str]) -> None:
    variant = Variant.model_validate(variant_values("film", 1, **changes))
    assert {tag.tag for tag in tags_of(variant) if tag.kind == "setting"} == wanted


@pytest.mark.parametrize(("warmth", "wanted"), [(0.2, ["warm"]), (-0.2, ["cool"]), (0.1, [])])
def test_warm_and_cool(warmth: float, wanted: list[str]) -> None:
    palette = {"colors": [], "warmth": warmth}
    variant = Variant.model_validate(variant_values("film", 1, palette=palette))
    assert [tag.tag for tag in tags_of(variant) if tag.kind == "color"] == wanted
