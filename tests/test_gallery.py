"""The gallery: what it shows is what the records say, nothing leaves the disk, nothing escapes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from skimage.color import lab2rgb

from fastthumb.artwork.gallery import FailedTitle, GalleryTitle, SignalPreview, write_gallery
from fastthumb.errors import OutputError, SettingsError
from fastthumb.names import printable
from fastthumb.records import TitleRecord
from title_samples import (
    character_values,
    face_values,
    title_values,
    variant_values,
)

EVIL = "</script><script>alert(1)</script> \"q\" 'a' & <b> 100 % #1?\u2028"
ROUNDED = 0.00051  # shares travel with three decimals
BYTE = 1 / 255  # signals travel as one byte a point


class Page(HTMLParser):
    """Elements of a page with their attributes, and the text of each kind of script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.data: list[Any] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside: dict[str, str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.elements.append((tag, values))
        self._inside = values if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.text += data
        elif self._inside.get("type") == "application/json":
            self.data.append(json.loads(data))
        else:
            self.scripts.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [values for name, values in self.elements if name == tag]


def shot_values(count: int, seconds: float = 4.0) -> list[dict[str, Any]]:
    kinds = ["cut", "dissolve", "cut", "fade", "wipe"]
    shots = []
    for index in range(count):
        gradual = index > 0 and kinds[index % 5] != "cut"
        shots.append(
            {
                "index": index,
                "start_frame": 96 * index,
                "end_frame": 96 * index + 95,
                "start_pts": 96_096 * index,
                "end_pts": 96_096 * index + 95_095,
                "start_seconds": seconds * index,
                "end_seconds": seconds * (index + 1) - 0.04,
                "transition": kinds[index % 5] if index else "start",
                "transition_start_frame": 96 * index if gradual else None,
                "transition_end_frame": 96 * index + 23 if gradual else None,
                "scene": index // 3,
                "repeat_of": index - 2 if index % 7 == 6 else None,
                "content": "credits" if index == count - 1 else "picture",
            }
        )
    return shots


def file_values(number: int) -> list[dict[str, Any]]:
    stem, box = f"{number:02d}-action", (0, 140, 1920, 940)
    crop = {"aspect": "2:3", "width": 533, "height": 800, "crop_box": (480, 140, 1013, 940)}
    return [
        {"file": f"{stem}.jpg", "aspect": "source", "width": 1920, "height": 800, "crop_box": box},
        {"file": f"{stem}-2x3.jpg"} | crop,
    ]


def record(title_id: str = "film", count: int = 4, shots: int = 10, **changes: Any) -> TitleRecord:
    values = title_values(title_id, count) | {"shots": shot_values(shots)}
    values["source"] = values["source"] | {"duration_seconds": 4.0 * shots}
    values["variants"] = [
        variant_values(
            title_id,
            number,
            timestamp=4.0 * shots * (number - 0.5) / count,
            file=f"{number:02d}-action.jpg",
            files=file_values(number),
        )
        for number in range(1, count + 1)
    ]
    return TitleRecord.model_validate(values | changes)


def preview(points: int = 400, end: float = 40.0) -> SignalPreview:
    steps = np.linspace(0, end, points)
    return SignalPreview(
        steps.tolist(),
        (50 + 30 * np.sin(steps)).tolist(),
        (0.5 + 0.4 * np.cos(steps)).tolist(),
        (2 + 2 * np.sin(steps / 3)).tolist(),
        [f"#{number % 256:02x}80ff" for number in range(points)],
    )


def page_of(folder: Path, *titles: GalleryTitle, failed: tuple[FailedTitle, ...] = ()) -> Page:
    path = write_gallery(folder, titles, failed)
    assert path == folder / "index.html"
    return Page(path.read_text(encoding="utf-8"))


def test_the_index_has_a_card_for_every_title_in_the_given_order(tmp_path: Path) -> None:
    titles = [GalleryTitle(record(name), name) for name in ("zebra", "apple", "mango")]
    page = page_of(tmp_path, *titles)
    cards = [values for values in page.all("li") if values.get("class") == "card"]
    assert [card["data-name"] for card in cards] == ["zebra", "apple", "mango"]
    assert cards[0]["data-quality"] == "0.94"
    assert cards[0]["data-shots"] == "10"
    assert "3 titles" in page.text
    assert "12 variants" in page.text
    assert [block["id"] for block in page.data] == ["zebra", "apple", "mango"]
    images = page.all("img")
    assert len(images) == 3 * 4
    assert all(image["loading"] == "lazy" for image in images)


def test_a_titles_data_says_what_its_record_says(tmp_path: Path) -> None:
    one = record(shots=20)
    (view,) = page_of(tmp_path, GalleryTitle(one, "film", preview(end=80.0))).data
    assert [variant["rank"] for variant in view["variants"]] == [1, 2, 3, 4]
    for shown, kept in zip(view["variants"], one.variants, strict=True):
        assert shown["why"] == kept.reason
        assert shown["time"] == pytest.approx(kept.timestamp, abs=0.005)
        assert shown["quality"] == pytest.approx(kept.quality_score, abs=ROUNDED)
        assert shown["focal"] == pytest.approx(kept.focal_point, abs=ROUNDED)
        assert shown["bars"][:3] == pytest.approx(
            [
                kept.visual_quality.brightness,
                kept.visual_quality.contrast,
                kept.visual_quality.sharpness,
            ],
            abs=ROUNDED,
        )
        assert shown["bars"][5:] == [None, None, None]  # nobody looked for people
        assert dict(zip(view["scoreNames"], shown["scores"], strict=True)) == pytest.approx(
            {"Visual": kept.scores["visual"], "Thirds": kept.scores["thirds"]}, abs=ROUNDED
        )
    named = [[view["tags"][at][2] for at in variant["tags"]] for variant in view["variants"]]
    assert named == [
        ["Action", "Solo", "Cool"],
        ["Other", "Dog", "Cool"],
        ["Action", "Cool"],
        ["Other", "Cool"],
    ]
    assert view["people"] == []
    assert [variant["boxes"] for variant in view["variants"]] == [[], [], [], []]
    assert view["warnings"] == one.warnings
    assert view["facts"][:2] == ["1:20", "20 shots in 7 scenes"]

    steps = [int(step, 36) / 100 for step in view["shots"]["steps"].split(",")]
    assert np.cumsum(steps) == pytest.approx([shot.start_seconds for shot in one.shots])
    gradual = {number: (kind, seconds) for number, kind, seconds in view["shots"]["transitions"]}
    assert gradual[1] == ("dissolve", 0.99)  # 24 of its 96 frames in 3.96 seconds
    assert gradual[3][0] == "fade"
    assert gradual[4][0] == "wipe"
    assert sorted(gradual) == [n for n in range(1, 20) if n % 5 in (1, 3, 4)]
    assert view["shots"]["repeats"] == [[6, 4], [13, 11]]
    assert view["shots"]["contents"] == [[19, "credits"]]
    assert view["shots"]["scenes"] == [[3 * scene, scene] for scene in range(7)]


def test_signals_travel_as_bytes_at_equal_steps(tmp_path: Path) -> None:
    shown = preview(end=40.0)
    (view,) = page_of(tmp_path, GalleryTitle(record(), "film", shown)).data
    signals, end = view["signals"], view["end"]
    steps = np.linspace(0, end, 400)
    for name, top in (("brightness", 100), ("sharpness", 1), ("motion", signals["topMotion"])):
        values = np.frombuffer(base64.b64decode(signals[name]), np.uint8) / 255 * top
        wanted = np.interp(steps, shown.seconds, getattr(shown, name))
        assert wanted.std() > 0.1 * top, "a flat signal proves nothing"
        assert np.abs(values - wanted).max() <= top * BYTE + 0.005
    colors = np.frombuffer(base64.b64decode(signals["colors"]), np.uint8).reshape(-1, 3)
    assert colors.shape == (200, 3)
    assert "#" + bytes(colors[0]).hex() == shown.colors[0]


def test_crops_are_placed_on_the_picture(tmp_path: Path) -> None:
    files = [
        {"file": "a.jpg", "aspect": "source", "width": 1920, "height": 800},
        {"file": "b.jpg", "aspect": "2:3", "width": 533, "height": 800},
        {"file": "c.jpg", "aspect": "1:1", "width": 800, "height": 800},
    ]
    boxes = [(0, 140, 1920, 940), (480, 140, 1013, 940), (1120, 140, 1920, 940)]
    files = [file | {"crop_box": box} for file, box in zip(files, boxes, strict=True)]
    variant = variant_values("film", 1, file="a.jpg", files=files)
    (view,) = page_of(tmp_path, GalleryTitle(record(variants=[variant]), "film")).data
    assert view["variants"][0]["size"] == [1920, 800]
    assert view["variants"][0]["crops"] == [
        ["2:3", "b.jpg", [533, 800], [0.25, 0.0, 0.278, 1.0]],
        ["1:1", "c.jpg", [800, 800], [0.583, 0.0, 0.417, 1.0]],
    ]


def test_nothing_on_the_page_comes_from_elsewhere(tmp_path: Path) -> None:
    page = page_of(tmp_path, GalleryTitle(record(), "film", preview()))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    addresses = set(re.findall(r"[a-z]+://[^\s\"'<>]*", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not an address
    links = [values.get("href", "") + values.get("src", "") for _, values in page.elements]
    assert all(not link or link.startswith(("./", "#", "data:,")) for link in links)
    assert "url(" not in text
    assert "@import" not in text


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    levels = np.frombuffer(bytes.fromhex(color[1:]), np.uint8) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_text_stands_out_from_its_ground_in_light_and_dark(tmp_path: Path) -> None:
    text = write_gallery(tmp_path, []).read_text(encoding="utf-8")
    themes = re.findall(r":root\{(.*?)\}", text, re.DOTALL)
    assert len(themes) == 2
    for theme in themes:
        colors = dict(re.findall(r"--([\w-]+):(#\w{6})", theme))
        for ink, ground in (
            ("ink", "ground"),
            ("muted", "ground"),
            ("mark", "ground"),
            ("on-mark", "mark"),
        ):
            bright, dim = sorted((luminance(colors[ink]), luminance(colors[ground])), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, f"{ink} on {ground}"


def test_only_the_pages_own_script_may_run(tmp_path: Path) -> None:
    page = page_of(tmp_path, GalleryTitle(record(EVIL.strip()), "film"))
    assert len(page.scripts) == 1
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    policy = next(v["content"] for v in page.all("meta") if v.get("http-equiv"))
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_hostile_names_are_text_everywhere(tmp_path: Path) -> None:
    source = title_values()["source"] | {"path": Path("/films") / f"{EVIL.replace('/', '|')}.mkv"}
    evil = {"reason": EVIL, "scene_type": EVIL, "objects": [EVIL], "files": file_values(1)}
    evil |= {"characters": [EVIL], "faces": [face_values(EVIL, expression=EVIL)]}
    variant = variant_values(EVIL, 1, **evil)
    people = [character_values(EVIL, with_seconds={EVIL: 1.0})]
    one = record(EVIL, source=source, variants=[variant], warnings=[EVIL], characters=people)
    page = page_of(
        tmp_path, GalleryTitle(one, "film"), failed=(FailedTitle(EVIL, f"{EVIL}: is broken"),)
    )
    (view,) = page.data
    assert view["id"] == EVIL
    assert view["warnings"] == [EVIL]
    assert view["variants"][0]["why"] == EVIL
    assert len(page.all("script")) == 2
    assert not page.all("b")
    card = next(values for values in page.all("li") if values.get("class") == "card")
    assert card["data-name"] == printable(EVIL.replace("/", "|"))
    assert page.text.count("alert(1)") == 3  # the name once, the failure's path and reason
    anchor = next(values["href"] for values in page.all("a") if values["href"].startswith("#/"))
    assert re.fullmatch(r"#/[A-Za-z0-9_.~%-]+", anchor)


@pytest.mark.parametrize(
    "folder",
    ["plain", "with space", "100% #1?", "a:b&c", "q\"u'o<t>e", "é日本", "bad\udcff", "..dots"],
)
def test_urls_lead_to_the_files_on_disk(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    try:
        place.mkdir()
    except (OSError, UnicodeEncodeError) as exc:
        pytest.skip(f"this file system takes no such name: {exc}")
    one = record()
    for variant in one.variants:
        for file in variant.files:
            (place / file.file).write_bytes(b"picture")
    page = page_of(tmp_path, GalleryTitle(one, folder))
    (view,) = page.data
    urls = [image["src"] for image in page.all("img")]
    urls += [view["folder"] + variant["file"] for variant in view["variants"]]
    urls += [view["folder"] + crop[1] for variant in view["variants"] for crop in variant["crops"]]
    assert len(urls) == 4 + 4 + 4
    for url in urls:
        assert re.fullmatch(r"\./[A-Za-z0-9_.~%/-]+", url)
        assert (tmp_path / os.fsdecode(unquote_to_bytes(url))).exists()


def test_failed_titles_are_listed_with_their_reasons(tmp_path: Path) -> None:
    failed = (FailedTitle("/films/a.mp4", "a.mp4: is empty"), FailedTitle("/b\udcff.mp4", "no"))
    page = page_of(tmp_path, GalleryTitle(record(), "film"), failed=failed)
    assert "2 not processed" in page.text
    for text in ("/films/a.mp4", "a.mp4: is empty", "/b\\xff.mp4"):
        assert text in page.text


def test_titles_with_nothing_to_show_do_not_break_the_page(tmp_path: Path) -> None:
    assert "0 titles" in page_of(tmp_path).text
    bare = record(
        shots=0,
        variants=[],
        source=title_values()["source"] | {"duration_seconds": None, "frame_rate": None},
    )
    (view,) = page_of(tmp_path, GalleryTitle(bare, "film", SignalPreview([], [], [], []))).data
    assert view["variants"] == []
    assert view["signals"] is None
    assert view["shots"]["steps"] == ""


def test_the_page_stays_small(tmp_path: Path) -> None:
    empty = len(write_gallery(tmp_path, []).read_bytes())
    assert empty <= 46_000
    one = GalleryTitle(record(count=8, shots=100), "film", preview())
    each = len(write_gallery(tmp_path, [one]).read_bytes()) - empty
    assert each <= 12_000


def test_a_page_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"index\.html: cannot be written"):
        write_gallery(tmp_path / "missing", [])


def test_a_preview_is_the_mean_of_equal_stretches() -> None:
    random = np.random.default_rng(2)
    seconds = np.sort(random.uniform(0, 300, 5_000))
    lightness, variance, motion = random.uniform(0, 100, (3, 5_000)) * [[1], [9], [0.1]]
    a, b = random.uniform(-40, 40, (2, 5_000))
    got = SignalPreview.of_columns(
        seconds=seconds,
        lightness=lightness,
        laplacian_variance=variance,
        motion=motion,
        a_mean=a,
        b_mean=b,
        points=50,
    )
    edges = np.linspace(seconds[0], seconds[-1], 51)
    for stretch in range(50):
        inside = (seconds >= edges[stretch]) & (seconds < edges[stretch + 1])
        inside[-1] |= stretch == 49
        assert got.seconds[stretch] == pytest.approx(seconds[inside].mean(), abs=0.001)
        assert got.brightness[stretch] == pytest.approx(lightness[inside].mean(), abs=0.01)
        sharpness = np.minimum(variance[inside] / 300, 1).mean()
        assert got.sharpness[stretch] == pytest.approx(sharpness, abs=0.0001)
        assert got.motion[stretch] == pytest.approx(motion[inside].mean(), abs=0.001)
        lab = [lightness[inside].mean(), a[inside].mean(), b[inside].mean()]
        color = np.frombuffer(bytes.fromhex(got.colors[stretch][1:]), np.uint8).astype(float)
        assert np.abs(color - 255 * lab2rgb(np.array([[lab]]))[0, 0]).max() <= 1.0


@pytest.mark.parametrize("count", [0, 1, 2, 399, 401])
def test_a_preview_of_any_length_survives_storing(count: int) -> None:
    values = np.linspace(0, 20, count)
    values[count // 2 : count // 2 + 1] = np.nan
    seconds = np.arange(count) / 10
    got = SignalPreview.of_columns(
        seconds=seconds, lightness=values, laplacian_variance=values, motion=values
    )
    assert len(got.seconds) <= 400
    assert len(got.seconds) >= 0.85 * min(count, 400)
    assert np.isfinite(got.brightness).all()
    again = SignalPreview.from_arrays(got.to_arrays())
    assert again.seconds == got.seconds
    assert again.motion == pytest.approx(got.motion, abs=1e-5)
    assert again.colors == got.colors == []
    colored = preview(37)
    assert SignalPreview.from_arrays(colored.to_arrays()).colors == colored.colors


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(SettingsError, match="one motion for each of 3 times, got 2"):
        SignalPreview.of_columns(
            seconds=[0, 1, 2], lightness=[1, 2, 3], laplacian_variance=[1, 2, 3], motion=[1, 2]
        )
