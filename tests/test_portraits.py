"""Portraits: whose, how many, cut how, and kept where they are there already."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fastthumb.analysis.characters import Character
from fastthumb.analysis.tracks import Portrait
from fastthumb.artwork.portraits import SIDE, PortraitFile, PortraitWriter, portrait_box
from fastthumb.artwork.rendering import render
from fastthumb.artwork.subjects import head_box
from fastthumb.settings import Settings
from films import three_shots
from people_samples import character_of, track_of
from picture_samples import picks_of
from stills_samples import landscape

PICTURE = landscape(3, 960, 540)
FACE = (0.40, 0.30, 0.50, 0.55)


def look(pts: int, worth: float = 0.9, box: tuple[float, float, float, float] = FACE) -> Portrait:
    return Portrait(pts, pts, float(pts), box, worth)


def person(name: str, role: str = "lead", seconds: float = 10.0, *looks: Portrait) -> Character:
    track = track_of(0, 0, seconds)
    return character_of(name, role, [track], portraits=looks)


def made(writer: PortraitWriter) -> dict[str, list[str]]:
    for pts in writer.wanted_pts:
        writer.show(pts, PICTURE)
    return {name: [one.file for one in files] for name, files in writer.finish().items()}


def test_leads_get_three_and_others_fewer(tmp_path: Path) -> None:
    looks = [look(10 * n) for n in range(6)]
    people = [
        person("person-9", "background", 1.0, *looks),
        person("Ada", "hero", 30.0, *looks),
        person("person-3", "supporting", 9.0, *looks),
        person("lead-2", "lead", 20.0, look(7)),
        person("person-8", "background", 2.0),
    ]
    files = made(PortraitWriter(people, tmp_path))
    assert files == {
        "Ada": ["face-01-1.jpg", "face-01-2.jpg", "face-01-3.jpg"],
        "lead-2": ["face-02-1.jpg"],
        "person-3": ["face-03-1.jpg", "face-03-2.jpg"],
        "person-9": ["face-04-1.jpg"],
    }
    names = sorted(name for own in files.values() for name in own)
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert image.size == (SIDE, SIDE)
        assert path.stat().st_size < 15_000


def test_at_most_twelve_characters(tmp_path: Path) -> None:
    people = [person(f"person-{n}", "background", 50.0 - n, look(n)) for n in range(20)]
    files = made(PortraitWriter(people, tmp_path, at_hand=range(20)))
    assert list(files) == [f"person-{n}" for n in range(12)]


def test_the_best_looks_that_lie_apart_are_taken(tmp_path: Path) -> None:
    looks = [look(0, 0.5), look(1, 0.9), look(2, 0.8), look(3, 0.7), look(20, 0.3), look(40, 0.2)]
    writer = PortraitWriter([person("Ada", "lead", 9.0, *looks)], tmp_path)
    assert writer.wanted_pts == [1, 20, 40]
    close = PortraitWriter([person("Ada", "lead", 9.0, look(1), look(2, 0.5))], tmp_path)
    assert close.wanted_pts == [1, 2]  # near one another is better than one only


def test_few_frames_are_decoded_for_portraits_alone(tmp_path: Path) -> None:
    people = [
        person(f"lead-{n}", "lead", 50.0 - n, *(look(100 * n + 10 * k) for k in range(5)))
        for n in range(8)
    ]
    writer = PortraitWriter(people, tmp_path)
    assert writer.wanted_pts == [0, 100, 200, 300, 400, 500], "one of each, the longest seen first"
    files = made(writer)
    assert [len(own) for own in files.values()] == [1] * 6 + [0, 0]


def test_frames_that_are_at_hand_are_taken_first(tmp_path: Path) -> None:
    looks = [look(0, 0.9), look(10, 0.8), look(20, 0.7), look(30, 0.6)]
    writer = PortraitWriter([person("Ada", "lead", 9.0, *looks)], tmp_path, at_hand=[10, 30])
    assert writer.wanted_pts == [0, 10, 30], "nearly as good"
    others = [person(f"p-{n}", "background", 8.0 - n, look(50 + n)) for n in range(6)]
    bounded = PortraitWriter(
        [*others, person("Ada", "lead", 1.0, *looks)], tmp_path, at_hand=[10, 30]
    )
    assert set(bounded.wanted_pts) - {50, 51, 52, 53, 54, 55} == {10, 30}


@pytest.mark.parametrize(
    "face",
    [
        FACE,
        (0.0, 0.0, 0.1, 0.2),
        (0.93, 0.7, 1.0, 1.0),
        (0.1, -0.1, 0.9, 1.2),
        (0.5, 0.5, 0.501, 0.502),
    ],
    ids=["middle", "corner", "other-corner", "huge", "tiny"],
)
def test_a_portrait_is_a_square_around_the_head_within_the_picture(
    face: tuple[float, float, float, float],
) -> None:
    for content in (None, (0, 70, 960, 470)):
        x0, y0, x1, y1 = portrait_box(face, (540, 960), content)
        low_x, low_y, high_x, high_y = content or (0, 0, 960, 540)
        assert x1 - x0 == y1 - y0 >= 1
        assert low_x <= x0 < x1 <= high_x
        assert low_y <= y0 < y1 <= high_y
    head = [value * side for value, side in zip(head_box(FACE), (960, 540) * 2, strict=True)]
    x0, y0, x1, y1 = portrait_box(FACE, (540, 960))
    assert x0 <= head[0] < head[2] <= x1
    assert y0 <= head[1] < head[3] <= y1


def test_a_small_face_is_not_enlarged(tmp_path: Path) -> None:
    writer = PortraitWriter(
        [person("Ada", "lead", 9.0, look(1, box=(0.5, 0.5, 0.52, 0.55)))], tmp_path
    )
    made(writer)
    with Image.open(tmp_path / "face-01-1.jpg") as image:
        assert image.width == image.height < SIDE


def test_portraits_that_are_there_are_kept(tmp_path: Path) -> None:
    box = tuple(round(value, 6) for value in FACE)
    kept = PortraitFile("face-02-1.jpg", 10.0, 10, box)  # type: ignore[arg-type]
    people = [
        person("lead-1", "lead", 30.0, look(10), look(20)),
        person("lead-2", "lead", 20.0, look(10, box=(0.7, 0.3, 0.8, 0.5)), look(30)),
    ]
    writer = PortraitWriter(people, tmp_path, kept=[kept])
    assert writer.wanted_pts == [10, 20, 30]
    files = made(writer)
    assert files["lead-1"] == ["face-02-1.jpg", "face-01-2.jpg"]
    assert files["lead-2"] == ["face-02-1-1.jpg", "face-02-2.jpg"]
    assert not (tmp_path / "face-02-1.jpg").exists(), "what is kept is not written again"


def test_frames_that_are_not_shown_leave_no_gap(tmp_path: Path) -> None:
    writer = PortraitWriter([person("Ada", "lead", 9.0, look(1), look(20))], tmp_path)
    writer.show(20, PICTURE)
    writer.show(99, PICTURE)
    assert [one.pts for one in writer.finish()["Ada"]] == [20]


def test_portraits_are_cut_while_the_variants_are_rendered(tmp_path: Path) -> None:
    path = three_shots(tmp_path / "film.mp4")
    source, picks = picks_of(path, [30])
    with source:
        frames = {frame.index: frame for frame in source.frames() if frame.index in (5, 30, 80)}
    source, _ = picks_of(path, [30])
    looks = [Portrait(i, frames[i].pts, frames[i].seconds, FACE, 0.9) for i in (5, 30, 80)]
    looks.append(Portrait(7, 1, 0.0, FACE, 0.8))  # no frame has this timestamp
    writer = PortraitWriter([person("Ada", "lead", 9.0, *looks)], tmp_path / "out")
    with source:
        plain = render(source, picks, Settings(), tmp_path / "plain")  # type: ignore[arg-type]
    source, picks = picks_of(path, [30])
    with source:
        rendered = render(source, picks, Settings(), tmp_path / "out", writer)  # type: ignore[arg-type]
    assert [one.files for one in rendered] == [one.files for one in plain]
    names = [one.file for one in writer.finish()["Ada"]]
    assert sorted(file.name for file in (tmp_path / "out").glob("face-*")) == sorted(names)
    assert 1 <= len(names) <= 3
