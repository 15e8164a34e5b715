"""docs/performance.md: its figures are those of the result that is kept, and add up."""

from __future__ import annotations

import importlib.util
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "performance_page", ROOT / "bench" / "performance_page.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(name: str, ratio: float, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "wall_seconds": [10 * ratio, 10.3 * ratio, 10.1 * ratio],
        "x_decode_only": ratio,
        "x_decode_only_range": [ratio - 0.01, ratio + 0.01],
        "x_real_time": 6 / ratio,
        "peak_mb": 100.0,
        **more,
    }


def preset(name: str, ratio: float, stages: dict[str, float], **more: Any) -> dict[str, Any]:
    cost = {stage: {"seconds": seconds, "frames": 7} for stage, seconds in stages.items()}
    found = row(f"fastthumb {name}", ratio, stages=cost, frames_decoded=700, **more)
    f1 = {"f1": 0.987}
    return found | {
        "shots": {"against_truth": f1, "against_best": f1, "against_truth_within_a_group": f1},
        "pictures": {"pictures": 8, "mean_sharpness_percentile": 0.9, "score_over_best": 0.995},
    }


@pytest.fixture
def data() -> dict[str, Any]:
    rows = [
        row("decode-only ffmpeg", 1.0, frames_decoded=1440),
        preset("fast", 0.1, {"decode": 0.5, "render": 0.1}),
        preset("balanced", 0.5, {"decode keyframes": 2.0, "decode looks": 4.0, "faces": 3.0},
               wall_seconds_told=4.5),
        preset("best", 1.1, {"decode": 9.0, "signals": 1.0, "something new": 0.5},
               wall_seconds_told=10.9),
        row("hecate", 2.6, pictures={"pictures": 8, "near_duplicates": 1}),
    ]  # fmt: skip
    film = {"minutes": 1.0, "kilobits_per_second": 2200, "keyframes": 30, "frames": 1440,
            "edits_per_minute": 12.0, "mean_shot_seconds": 5.0,
            "share_of_groups_with_an_edit": 0.4}  # fmt: skip
    entry = {"title": "a film", "film": film, "rows": rows, "left_out": ["Katna: not here"]}
    return {"films": {"h264": entry}}


def test_figures_go_between_their_markers_and_nowhere_else(
    page: ModuleType, data: dict[str, Any]
) -> None:
    text = "before\n<!-- figures: speed -->\nold 9.99\n<!-- end of figures -->\nafter\n"
    written = page.page_with(text, data)
    assert written.startswith("before\n<!-- figures: speed -->\n")
    assert written.endswith("<!-- end of figures -->\nafter\n")
    assert "9.99" not in written
    assert "| fastthumb balanced | 0.50 | 0.49-0.51 |" in written
    assert "Left out: Katna: not here." in written
    assert page.page_with(written, data) == written


def test_every_block_of_the_page_can_be_written(page: ModuleType, data: dict[str, Any]) -> None:
    text = page.PAGE.read_text()
    assert {match[1] for match in page.BLOCK.findall(text)} == set(page.BLOCKS)
    page.page_with(text, data)


def test_parts_add_up_to_the_wall_time_of_the_preset(
    page: ModuleType, data: dict[str, Any]
) -> None:
    for entry in data["films"]["h264"]["rows"][1:4]:
        parts = page.parts_of(entry)
        assert sum(parts.values()) == pytest.approx(entry["x_decode_only"])
        assert min(parts.values()) >= 0.0


def test_work_of_several_workers_shares_the_wall_that_they_took(
    page: ModuleType, data: dict[str, Any]
) -> None:
    parts = page.parts_of(data["films"]["h264"]["rows"][2])  # 9 s of work in 4.5 s
    assert parts["decoding"] == pytest.approx(2 * parts["faces"])
    assert parts["start-up"] == pytest.approx(0.5 * (5.05 - 4.5) / 5.05)


def test_a_stage_that_the_figure_does_not_know_is_shown_as_other(
    page: ModuleType, data: dict[str, Any]
) -> None:
    parts = page.parts_of(data["films"]["h264"]["rows"][3])
    assert parts["other"] == pytest.approx(1.1 * (0.5 + 0.4) / 11.11)


def test_the_figure_has_a_bar_as_long_as_each_preset_takes(
    page: ModuleType, data: dict[str, Any]
) -> None:
    drawing = ElementTree.fromstring(page.figure(data))
    space = "{http://www.w3.org/2000/svg}"
    said = [text.text for text in drawing.iter(f"{space}text")]
    assert [word for word in said if word in ("1.00", "0.10", "0.50", "1.10")] == [
        "1.00",
        "0.10",
        "0.50",
        "1.10",
    ]


def test_the_page_shows_the_result_that_is_kept(page: ModuleType) -> None:
    if not page.RESULT.exists():
        pytest.skip("no result of bench/film.py is kept here")
    data = json.loads(page.RESULT.read_text())["data"]
    again = "out of date: run `python bench/performance_page.py`"
    text = page.PAGE.read_text()
    assert page.page_with(text, data) == text, again
    assert page.FIGURE.read_text() == page.figure(data), again
