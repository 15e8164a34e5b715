"""Contact sheets: every variant on it, the best one largest, whatever the title is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fastthumb.artwork.contact_sheet import CONTACT_SHEET, write_contact_sheet
from fastthumb.artwork.labels import clock, counted, spoken, title_name
from fastthumb.errors import OutputError
from fastthumb.records import TitleRecord
from title_samples import title_values, variant_values

# Colors far from each other and from the sheet's own, one a variant.
COLORS = [
    (230, 25, 75),
    (60, 180, 75),
    (255, 225, 25),
    (0, 130, 200),
    (245, 130, 48),
    (145, 30, 180),
    (70, 240, 240),
    (240, 50, 230),
    (210, 245, 60),
    (0, 128, 128),
    (220, 190, 255),
    (170, 110, 40),
]
COLOR_ATOL = 12  # JPEG at quality 88, full chroma, on flat colors


def title(
    folder: Path,
    count: int,
    size: tuple[int, int] = (640, 360),
    ending: str = "jpg",
    **changes: Any,
) -> TitleRecord:
    """A title whose variants are pictures of one color each, written to `folder`."""
    variants = []
    for number in range(1, count + 1):
        name = f"{number:02d}-other.{ending}"
        Image.new("RGB", size, COLORS[number - 1]).save(folder / name)
        file = {"file": name, "aspect": "source", "width": size[0], "height": size[1]}
        file["crop_box"] = (0, 0, *size)
        variants.append(variant_values("film", number, file=name, files=[file]))
    return TitleRecord.model_validate(title_values(**{"variants": variants} | changes))


def areas(path: Path, count: int) -> list[int]:
    """Pixels of each variant's color on the sheet."""
    with Image.open(path) as sheet:
        assert sheet.format == "JPEG"
        pixels = np.asarray(sheet)[::3, ::3].astype(int)
    return [
        9 * int((np.abs(pixels - color).max(axis=2) <= COLOR_ATOL).sum())
        for color in COLORS[:count]
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8, 12])
@pytest.mark.parametrize(
    "size", [(640, 360), (640, 268), (270, 480), (400, 400)], ids="{0[0]}x{0[1]}".format
)
def test_all_variants_are_shown_in_their_shape_the_best_largest(
    tmp_path: Path, count: int, size: tuple[int, int]
) -> None:
    path = write_contact_sheet(title(tmp_path, count, size), tmp_path)
    assert path == tmp_path / CONTACT_SHEET
    shown = areas(path, count)
    assert min(shown) > 20_000
    others = shown[1:]
    assert not others or max(others) < 1.05 * min(others)
    assert count <= 5 or shown[0] > 3.5 * max(others)


@pytest.mark.parametrize("ending", ["png", "webp", "avif"])
def test_pictures_of_any_format_are_read(tmp_path: Path, ending: str) -> None:
    assert min(areas(write_contact_sheet(title(tmp_path, 4, ending=ending), tmp_path), 4)) > 20_000


@pytest.mark.parametrize(
    "name",
    [
        "Amélie – Le Fabuleux Destin",
        "千と千尋の神隠し",
        "مسافر שלום Привет",
        '🎬 <b>"quoted" & 100 %</b>',
        "W" * 200,
        "one two " * 30,
        "\u202eexe.lartnec\u0007",
    ],
    ids=["accents", "japanese", "many scripts", "emoji", "wide", "long", "control"],
)
def test_titles_in_any_script_give_a_sheet(tmp_path: Path, name: str) -> None:
    values = title_values()["source"] | {"path": Path("/films") / f"{name.replace('/', '')}.mkv"}
    reason = f"{name}: the sharpest picture of its scene, and the one with the most contrast."
    record = title(tmp_path, 4, source=values)
    variants = [variant.model_copy(update={"reason": reason}) for variant in record.variants]
    record = record.model_copy(update={"variants": variants})
    path = write_contact_sheet(record, tmp_path)
    with Image.open(path) as sheet:
        heading = np.asarray(sheet.crop((60, 60, 1740, 150)).convert("L"))
    assert heading.max() > 200, "the title is not written"
    with Image.open(path) as sheet:
        margin = np.asarray(sheet.crop((1740, 0, 1800, sheet.height)).convert("L"))
    assert margin.max() < 60, "text runs off the page"


def test_bytes_that_are_no_text_and_unknown_lengths_do_not_matter(tmp_path: Path) -> None:
    path = Path(b"/films/bad\xff name.mkv".decode("utf-8", "surrogateescape"))
    values = title_values()["source"] | {"path": path, "duration_seconds": None}
    record = title(tmp_path, 1, source=values)
    assert title_name(record) == "bad\\xff name"
    assert write_contact_sheet(record, tmp_path).stat().st_size > 5_000


def test_a_title_without_variants_has_a_heading_only(tmp_path: Path) -> None:
    write_contact_sheet(title(tmp_path, 0), tmp_path)
    with Image.open(tmp_path / CONTACT_SHEET) as sheet:
        assert sheet.height < 500


@pytest.mark.parametrize("size", [(2, 400), (400, 2), (1, 1)], ids="{0[0]}x{0[1]}".format)
def test_extreme_shapes_are_fitted(tmp_path: Path, size: tuple[int, int]) -> None:
    write_contact_sheet(title(tmp_path, 6, size), tmp_path)


def test_a_picture_that_is_gone_or_broken_is_named(tmp_path: Path) -> None:
    record = title(tmp_path, 4)
    (tmp_path / "03-other.jpg").write_bytes(b"no picture")
    with pytest.raises(OutputError, match=r"03-other\.jpg: .*it is no picture.*--force"):
        write_contact_sheet(record, tmp_path)
    (tmp_path / "03-other.jpg").unlink()
    with pytest.raises(OutputError, match=r"03-other\.jpg: .*No such file"):
        write_contact_sheet(record, tmp_path)
    assert not (tmp_path / CONTACT_SHEET).exists()


def test_times_and_labels_read_as_people_write_them() -> None:
    assert clock(0) == "0:00"
    assert clock(59.6) == "1:00"
    assert clock(42.26, tenths=True) == "0:42.3"
    assert clock(3599.96, tenths=True) == "1:00:00.0"
    assert clock(3723) == "1:02:03"
    assert clock(-1) == "0:00"
    assert spoken("hero-close-up") == "Hero close-up"
    assert spoken("depth_of_field") == "Depth of field"
    assert spoken("") == ""
    assert counted(1, "shot") == "1 shot"
    assert counted(1204, "shot") == "1,204 shots"
