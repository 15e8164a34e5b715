"""The gallery's script, in a browser: what it draws, filters, and does at a key."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from fastthumb.artwork.gallery import GalleryTitle, write_gallery
from fastthumb.records import TitleRecord
from test_gallery import EVIL, Page, preview, record
from title_samples import peopled_values, title_values

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
FLAGS += " --disable-background-networking --disable-component-update --virtual-time-budget=3000"

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium to run the page's script in")


def drawn(path: Path, anchor: str, script: str = "") -> Page:
    """The page after its script ran, and `script` behind it."""
    if script:  # the page lets no other script run than its own
        text = path.read_text(encoding="utf-8").replace("Content-Security-Policy", "x-off")
        path.write_text(text.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    assert BROWSER is not None
    profile = f"--user-data-dir={path.parent / 'profile'}"
    done = subprocess.run(
        [BROWSER, *FLAGS.split(), profile, "--dump-dom", path.as_uri() + anchor],
        capture_output=True,
        timeout=120,
    )
    page = Page(done.stdout.decode("utf-8", "replace"))
    if not page.elements:
        pytest.skip(f"the browser does not run here: {done.stderr[-300:]!r}")
    return page


def gallery(folder: Path) -> Path:
    """A gallery of two titles with people; the first has its pictures."""
    values = peopled_values()
    (folder / "film").mkdir()
    for name in TitleRecord.model_validate(values).file_names():
        if name.endswith(".jpg"):
            Image.new("RGB", (48, 20), (200, 80, 40)).save(folder / "film" / name)
    titles = [TitleRecord.model_validate(one) for one in (values, title_values("other"))]
    return write_gallery(folder, [GalleryTitle(one, one.title_id) for one in titles])


def shown(page: Page) -> list[int]:
    figures = [values for values in page.all("figure") if "hidden" not in values]
    return [int(values["id"].removeprefix("variant-")) for values in figures]


def pressed(page: Page) -> int:
    return sum(values.get("aria-pressed") == "true" for values in page.all("button"))


def test_a_browser_draws_a_title_from_its_data(tmp_path: Path) -> None:
    folder = tmp_path / "a film #1 100%"
    folder.mkdir()
    one = record(EVIL, count=8, shots=20, warnings=["The tail is broken."])
    for variant in one.variants:
        for file in variant.files:
            Image.new("RGB", (48, 20), (200, 80, 40)).save(folder / file.file)
    titles = [GalleryTitle(one, folder.name, preview(end=80.0))]
    titles.append(GalleryTitle(record("other"), "gone"))
    path = write_gallery(tmp_path, titles)
    page = Page(path.read_text(encoding="utf-8"))
    anchor = next(values["href"] for values in page.all("a") if values["href"].startswith("#/"))
    page = drawn(path, anchor)
    figures = [values["id"] for values in page.all("figure")]
    assert figures == [f"variant-{rank}" for rank in range(1, 9)]
    slider = next(values for values in page.all("div") if values.get("role") == "slider")
    assert slider["aria-valuemax"] == "20"
    assert len(page.all("polyline")) == 3
    assert len(page.all("button")) >= 8 + 8
    assert "The tail is broken." in page.text
    assert "20 shots" in page.text


def test_people_have_a_row_each_with_faces_and_screen_time(tmp_path: Path) -> None:
    page = drawn(gallery(tmp_path), "#/film")
    rows = [values for values in page.all("li") if values.get("class") == "person"]
    assert len(rows) == 2
    faces = [values for values in page.all("img") if "face-" in values.get("src", "")]
    assert [values["alt"] for values in faces[:2]] == ["Ada King at 0:10.0", "Ada King at 0:20.0"]
    assert "2 people" in page.text
    assert "1:01" in page.text  # 60.5 seconds
    assert "with lead-2 0:12" in page.text
    pictures = [values["alt"] for values in page.all("img") if values["alt"].startswith("Variant")]
    assert "with Ada King and lead-2" in pictures[1]
    assert shown(page) == [1, 2, 3, 4]
    assert pressed(page) == 0


@pytest.mark.parametrize(
    ("query", "wanted", "chosen"),
    [
        ("character=Ada+King", [1, 2], 2),  # in the row of the person, too
        ("character=Ada+King&character=lead-2", [2], 4),
        ("scene=action&scene=romantic", [2, 3], 2),  # one picture has one scene type
        ("people=solo&setting=night", [3], 2),
        ("setting=night&character=Ada+King", [], 3),
        ("object=unicorn&nonsense=1", [1, 2, 3, 4], 0),
    ],
)
def test_filters_stand_in_the_address_and_combine(
    tmp_path: Path, query: str, wanted: list[int], chosen: int
) -> None:
    page = drawn(gallery(tmp_path), f"#/film?{query}")
    assert shown(page) == wanted
    assert pressed(page) == chosen
    assert (f"{len(wanted)} of 4 variants" in page.text) == (chosen > 0)


def test_boxes_are_drawn_on_demand(tmp_path: Path) -> None:
    path = gallery(tmp_path)
    boxes = [v for v in drawn(path, "#/film").all("span") if "box" in v.get("class", "").split()]
    assert len(boxes) == 1 + 3 + 4
    key = "dispatchEvent(new KeyboardEvent('keydown', {key: 'b', bubbles: true}))"
    page = drawn(path, "#/film", f"{key}; document.title = location.hash;")
    assert pressed(page) == 1
    assert (
        next(values for values in page.all("main") if values["id"] == "title")["class"] == "boxed"
    )
    assert "boxes=1" in page.text
    assert (
        "boxed" in drawn(gallery_in(tmp_path / "again"), "#/film?boxes=1").all("main")[1]["class"]
    )


def gallery_in(folder: Path) -> Path:
    folder.mkdir()
    return gallery(folder)


def test_clicking_a_person_leaves_only_their_pictures_and_is_kept(tmp_path: Path) -> None:
    click = "document.querySelector('.person .chip').click(); document.title = location.hash;"
    page = drawn(gallery(tmp_path), "#/film", click)
    assert shown(page) == [1, 2]
    assert "#/film?character=Ada+King" in page.text
    blocked = [values for values in page.all("button") if "disabled" in values]
    assert blocked, "what leaves no picture cannot be chosen"
