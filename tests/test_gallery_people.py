"""What the gallery's data says of people: rows, tags, boxes, and heads on the cards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastthumb.artwork.gallery import GalleryTitle
from fastthumb.artwork.tags import KINDS, tags_of
from fastthumb.records import TitleRecord
from test_gallery import file_values, page_of, record
from title_samples import face_values, peopled_values, variant_values


def test_people_tags_and_boxes_say_what_the_record_says(tmp_path: Path) -> None:
    one = TitleRecord.model_validate(peopled_values())
    page = page_of(tmp_path, GalleryTitle(one, "film"))
    (view,) = page.data
    ada, other = view["people"]
    assert (ada["name"], ada["role"], ada["known"], ada["seconds"]) == (
        "Ada King",
        "Lead",
        True,
        60.5,
    )
    assert ada["with"] == [["lead-2", 12.2]]
    assert ada["faces"] == [["face-01-1.jpg", 10.0], ["face-01-2.jpg", 20.0]]
    assert other["name"] == "lead-2"
    for shown, kept in zip(view["variants"], one.variants, strict=True):
        tags = [tuple(view["tags"][at][:2]) for at in shown["tags"]]
        assert tags == tags_of(kept)
    kinds = [kind for kind, _, _ in view["tags"]]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert ["people", "none", "Nobody"] in view["tags"]
    assert ["composition", "close-up", "Close-up"] in view["tags"]
    assert view["variants"][1]["boxes"] == [
        [0.25, 0.2, 0.125, 0.3, "Ada King", "happy 80%, eyes open", 1],
        [0.5, 0.2, 0.125, 0.3, "lead-2", "happy 80%, eyes open", 1],
        [0.5, 0.5, 0.25, 0.4, "Chair", "60% sure", 0],
    ]
    assert view["variants"][2]["boxes"][1][4] == "Face"
    card = next(values for values in page.all("li") if values.get("class") == "card")
    assert {"ada", "king", "car", "romantic"} <= set(card["data-words"].split())


def test_a_person_whose_face_is_there_has_no_second_box(tmp_path: Path) -> None:
    people = [
        {"box": box, "label": "person", "group": "person", "score": 0.9}
        for box in ((0.2, 0.1, 0.5, 0.9), (0.6, 0.1, 0.9, 0.9))
    ]
    doubtful = face_values(None, 0.8, sure=False)
    values = {"faces": [face_values("Ada"), doubtful], "object_boxes": people[:1]}
    variant = variant_values("film", 1, files=file_values(1), **values)
    (view,) = page_of(tmp_path, GalleryTitle(record(variants=[variant]), "film")).data
    assert [box[4] for box in view["variants"][0]["boxes"]] == ["Ada", "Face?"]
    values["object_boxes"], values["faces"] = people, [face_values("Ada")]
    variant = variant_values("film", 1, files=file_values(1), **values)
    (view,) = page_of(tmp_path, GalleryTitle(record(variants=[variant]), "film")).data
    assert [box[4] for box in view["variants"][0]["boxes"]] == ["Ada", "Person"]


def test_a_card_shows_the_eyes_of_a_face_that_is_larger_than_it(tmp_path: Path) -> None:
    tall = [file_values(1)[0] | {"width": 1080, "height": 1920}]
    values = {"faces": [face_values("Ada", box=(0.2, 0.2, 0.8, 0.6))], "focal_point": (0.5, 0.35)}
    variant = variant_values("film", 1, file="01-action.jpg", files=tall, **values)
    page = page_of(tmp_path, GalleryTitle(record(variants=[variant]), "film"))
    position = re.search(r"object-position:50% (\d+)%", page.all("img")[0]["style"])
    assert position is not None
    span = 1080 / 1920 / (16 / 9)
    start = int(position[1]) / 100 * (1 - span)
    assert 0.3 <= (0.35 - start) / span <= 0.55


@pytest.mark.parametrize("place", [0.02, 0.3, 0.6, 0.92])
def test_the_picture_on_a_card_keeps_the_head(tmp_path: Path, place: float) -> None:
    face = (place, 0.2, min(place + 0.06, 1.0), 0.4)
    values = {"faces": [face_values("Ada", box=face)], "focal_point": (0.5, 0.5)}
    wide = [file_values(1)[0] | {"width": 2400, "height": 1000}]
    variant = variant_values("film", 1, file="01-action.jpg", files=wide, **values)
    page = page_of(tmp_path, GalleryTitle(record(variants=[variant]), "film"))
    position = re.search(r"object-position:(\d+)% (\d+)%", page.all("img")[0]["style"])
    assert position is not None
    span = 16 / 9 / 2.4  # of the picture's width that the card shows
    start = int(position[1]) / 100 * (1 - span)
    assert start <= place + 0.01
    assert start + span >= face[2] - 0.01
