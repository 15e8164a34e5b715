"""title.json: what is written is valid, exact and whole; what is read is checked."""

from __future__ import annotations

import copy
import json
import math
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fastthumb.errors import OutputError
from fastthumb.records import (
    TITLE_FILE,
    TitleRecord,
    Variant,
    clean_text,
    escape_path,
    json_schema,
    read_title,
    unescape_path,
    write_title,
)
from title_samples import peopled_values, title_record, title_values, variant_values

DOCS = Path(__file__).parents[1] / "docs"


def stored(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / TITLE_FILE).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def replace(document: dict[str, Any], dotted: str, value: object) -> dict[str, Any]:
    """A deep copy with one value replaced; "variants.0.file" and the like."""
    document = copy.deepcopy(document)
    *parents, last = dotted.split(".")
    place: Any = document
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[int(last) if isinstance(place, list) else last] = value
    return document


# -- round trip ----------------------------------------------------------------------------


def test_what_is_written_is_read_back_equal(tmp_path: Path) -> None:
    record = title_record()
    assert write_title(tmp_path, record) == tmp_path / "title.json"
    assert read_title(tmp_path) == record
    assert [file.name for file in tmp_path.iterdir()] == ["title.json"]


def test_the_names_of_the_contract(tmp_path: Path) -> None:
    write_title(tmp_path, title_record())
    document = stored(tmp_path)
    wanted = {
        "schema_version", "title_id", "source", "content_hash", "settings", "models", "device",
        "timings", "warnings", "characters", "shots", "variants",
    }  # fmt: skip
    assert wanted <= set(document)
    assert document["schema_version"] == 3
    variant = document["variants"][0]
    wanted = {
        "title_id", "variant", "timestamp", "frame_pts", "time_base", "file", "scene_type",
        "characters", "composition", "people", "quality_score", "visual_quality",
        "content_analysis", "objects", "palette", "focal_point", "scores", "reason",
        "test_metrics",
    }  # fmt: skip
    assert wanted <= set(variant)
    assert variant["content_analysis"] == {
        "emotional_score": None,
        "action_score": 0.0625,
        "dramatic_score": None,
        "character_prominence": None,
    }
    assert variant["test_metrics"] == {"ctr": None, "completion_rate": None, "sample_size": 0}


def test_people_things_and_settings_are_kept(tmp_path: Path) -> None:
    record = TitleRecord.model_validate(peopled_values())
    write_title(tmp_path, record)
    assert read_title(tmp_path) == record
    document = stored(tmp_path)
    jsonschema.Draft202012Validator(json_schema()).validate(document)
    ada = document["characters"][0]
    assert (ada["name"], ada["known"], ada["screen_seconds"]) == ("Ada King", True, 60.5)
    assert ada["with_seconds"] == {"lead-2": 12.25}
    assert [face["character"] for face in document["variants"][1]["faces"]] == [
        "Ada King",
        "lead-2",
    ]
    assert document["variants"][3]["faces"] == []  # looked, and found nobody
    assert document["variants"][3]["setting"] == {"indoor": 0.0, "night": None}
    assert stored_names(record) >= {"face-01-1.jpg", "face-02-2.jpg"}
    nobody_looked = title_record().variants[0]
    assert nobody_looked.faces is None
    assert nobody_looked.object_boxes is None


def stored_names(record: TitleRecord) -> set[str]:
    return set(record.file_names())


def test_boxes_end_at_the_edges_of_the_picture() -> None:
    values = peopled_values()["variants"][0]
    values["faces"][0]["box"] = (-0.125, np.float32(0.25), 1.5, 1)
    assert Variant.model_validate(values).faces[0].box == (0.0, 0.25, 1.0, 1.0)  # type: ignore[index]
    values["faces"][0]["box"] = (math.nan, 0.2, 0.4, 0.6)
    with pytest.raises(ValidationError, match="box"):
        Variant.model_validate(values)


def test_numbers_have_at_most_six_decimals(tmp_path: Path) -> None:
    write_title(tmp_path, title_record())
    assert stored(tmp_path)["variants"][0]["scores"]["thirds"] == 0.333333


def test_numpy_scalars_and_fractions_are_taken() -> None:
    values = variant_values("film", 1, quality_score=np.float32(0.7), time_base=Fraction(1, 90_000))
    variant = Variant.model_validate(values)
    assert (variant.quality_score, variant.time_base) == (0.7, "1/90000")
    assert type(variant.quality_score) is float


def test_nan_becomes_absent_where_it_means_not_measured() -> None:
    values = variant_values(
        "film",
        1,
        content_analysis={"action_score": math.nan, "dramatic_score": np.float32("inf")},
        scores={"visual": 0.5, "motion": math.nan},
    )
    variant = Variant.model_validate(values)
    assert variant.content_analysis.action_score is None
    assert variant.content_analysis.dramatic_score is None
    assert variant.scores == {"visual": 0.5}


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1.01, "0.5", True], ids=repr)
def test_a_required_score_is_a_number_from_0_to_1(bad: object) -> None:
    with pytest.raises(ValidationError, match="quality_score"):
        Variant.model_validate(variant_values("film", 1, quality_score=bad))


def test_a_nan_among_the_settings_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="settings"):
        title_record(settings={"quality_floor": math.nan})


def test_variants_belong_to_the_title_and_differ() -> None:
    with pytest.raises(ValidationError, match="wanted variants of 'film'"):
        title_record(variants=[variant_values("other", 1)])
    with pytest.raises(ValidationError, match="each variant number once"):
        title_record(variants=[variant_values("film", 1), variant_values("film", 1)])


def test_file_names_lists_every_file_once_and_title_json_last() -> None:
    assert title_record(variants=[variant_values("film", 1)]).file_names() == [
        "01-action.jpg",
        "01-action-2x3.jpg",
        "contact-sheet.jpg",
        "shots.csv",
        "analysis.npz",
        "title.json",
    ]


@pytest.mark.parametrize("name", ["../x.jpg", "/etc/x", "a/../../x", "", ".", "a//b", "a\\b"])
def test_a_file_never_leaves_the_folder(name: str) -> None:
    with pytest.raises(ValidationError, match="file"):
        Variant.model_validate(variant_values("film", 1, file=name))


def test_the_metadata_of_a_long_film_stay_small(tmp_path: Path) -> None:
    shot = title_values()["shots"][0]
    record = title_record(count=12, shots=[{**shot, "index": k} for k in range(3_000)])
    path = write_title(tmp_path, record)
    assert path.stat().st_size < 3_000_000  # spec: all metadata of a film under 10 MB


# -- text of any bytes ---------------------------------------------------------------------


@given(st.binary(min_size=1, max_size=40).filter(lambda data: b"\x00" not in data))
def test_every_path_survives(data: bytes) -> None:
    path = Path(os.fsdecode(data))
    text = escape_path(path)
    text.encode("utf-8")
    assert unescape_path(json.loads(json.dumps(text))) == path


def test_usual_paths_are_stored_as_they_are() -> None:
    assert escape_path("/films/Amélie (2001).mkv") == "/films/Amélie (2001).mkv"
    assert escape_path(os.fsdecode(b"/films/d\xe9j\xe0.mkv")) == r"/films/d\xe9j\xe0.mkv"
    assert escape_path("a\\xe9") == r"a\\xe9"


def test_text_that_json_and_databases_refuse_is_escaped() -> None:
    assert clean_text("caf\udce9 \ud834 a\x00b") == r"caf\xe9 \ud834 a\x00b"


def test_a_title_with_a_name_of_any_bytes(tmp_path: Path) -> None:
    path = Path(os.fsdecode(b"/films/\xff\\x.mkv"))
    source = {**title_values()["source"], "path": path, "container": "bad\udcff"}
    record = title_record(source=source, warnings=["\udcfe\x00"])
    assert record.source.location == path
    write_title(tmp_path, record)
    again = read_title(tmp_path)
    assert again == record
    assert again.source.location == path
    assert again.warnings == [r"\xfe\x00"]


# -- the schema ----------------------------------------------------------------------------


def test_a_written_title_satisfies_the_published_schema(tmp_path: Path) -> None:
    published = json.loads((DOCS / "title.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(published)
    write_title(tmp_path, title_record())
    validator = jsonschema.Draft202012Validator(published)
    validator.validate(stored(tmp_path))
    assert not validator.is_valid(replace(stored(tmp_path), "schema_version", 4))
    assert not validator.is_valid(replace(stored(tmp_path), "variants.0.quality_score", 1.5))


def test_the_published_schema_is_current() -> None:
    published = json.loads((DOCS / "title.schema.json").read_text(encoding="utf-8"))
    assert published == json_schema(), (
        "docs/title.schema.json is out of date: write json.dumps(json_schema(), indent=2) to it"
    )


def test_every_field_is_explained_in_the_documentation() -> None:
    text = (DOCS / "output.md").read_text(encoding="utf-8")
    schema = json_schema()
    names = set(schema["properties"])
    for model in schema["$defs"].values():
        names |= set(model.get("properties", {}))
    assert not sorted(name for name in names if f"`{name}`" not in text)


# -- damaged and foreign documents ---------------------------------------------------------


def test_a_folder_without_a_title(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"there is no title\.json.*fastthumb process"):
        read_title(tmp_path)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[1, 2]", "the document: "),
        (b"{}", "fastthumb_version: Field required"),
    ],
    ids=["empty", "cut", "not-utf-8", "deep", "a-list", "no-fields"],
)
def test_damaged_documents(tmp_path: Path, data: bytes, wanted: str) -> None:
    (tmp_path / TITLE_FILE).write_bytes(data)
    with pytest.raises(OutputError, match=rf"title\.json: .*{wanted}.*--force"):
        read_title(tmp_path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("source.width", "1920"),
        ("variants.0.quality_score", 2.0),
        ("variants.1.file", "../../etc/passwd"),
        ("shots.0.transition", "jump"),
        ("source.time_base", "1/0"),
        ("source.path", None),
        ("variants.0.palette.colors.0.hex", "red"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path: Path, place: str, value: object) -> None:
    write_title(tmp_path, title_record())
    document = replace(stored(tmp_path), place, value)
    (tmp_path / TITLE_FILE).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(OutputError, match=place.replace(".", r"\.")) as caught:
        read_title(tmp_path)
    assert len(str(caught.value)) < 400


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    write_title(tmp_path, title_record())
    document = stored(tmp_path) | {"mood": "blue"}
    (tmp_path / TITLE_FILE).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(OutputError, match="mood: Extra inputs are not permitted"):
        read_title(tmp_path)


def version_1(record: TitleRecord) -> dict[str, Any]:
    """The document that version 1 wrote of a title: without what came later."""
    document = json.loads(record.model_dump_json()) | {"schema_version": 1}
    for variant in document["variants"]:
        for name in ("faces", "object_boxes", "setting", "rule_inputs"):
            del variant[name]
        for file in variant["files"]:
            del file["crop_score"], file["crop_parts"]
    return document


def test_a_document_of_version_1_is_read_as_one_that_nobody_was_looked_for_in(
    tmp_path: Path,
) -> None:
    old = title_record()
    (tmp_path / TITLE_FILE).write_text(json.dumps(version_1(old)), encoding="utf-8")
    assert read_title(tmp_path) == old
    assert read_title(tmp_path).variants[0].faces is None
    assert read_title(tmp_path).schema_version == 3
    damaged = version_1(old) | {"variants": 3}
    (tmp_path / TITLE_FILE).write_text(json.dumps(damaged), encoding="utf-8")
    with pytest.raises(OutputError, match=r"variants: .*--force"):
        read_title(tmp_path)


def test_a_document_of_version_2_is_read_without_what_nobody_counted(tmp_path: Path) -> None:
    old = title_record()
    document = json.loads(old.model_dump_json()) | {"schema_version": 2}
    del document["wall_seconds"], document["frames_decoded"]
    (tmp_path / TITLE_FILE).write_text(json.dumps(document), encoding="utf-8")
    read = read_title(tmp_path)
    assert read == old
    assert (read.wall_seconds, read.frames_decoded) == (None, None)


def test_a_newer_version_is_refused_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / TITLE_FILE).write_text('{"schema_version": 4, "new": 1}', encoding="utf-8")
    with pytest.raises(OutputError, match=r"schema version 4.*use a newer fastthumb"):
        read_title(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_title(tmp_path / "missing", title_record())
    (tmp_path / TITLE_FILE).mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_title(tmp_path, title_record())
    assert [file.name for file in tmp_path.iterdir()] == [TITLE_FILE]
    with pytest.raises(OutputError, match="cannot be read"):
        read_title(tmp_path)


def test_records_do_not_change() -> None:
    record = title_record()
    with pytest.raises(ValidationError, match="frozen"):
        record.title_id = "x"  # type: ignore[misc]
    assert TitleRecord.model_validate(record) is record
