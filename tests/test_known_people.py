"""Real faces in a real film, through the whole analysis: who is named, and who is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fastthumb.analysis.cast import Cast
from fastthumb.analysis.characters import Character, find_characters, name_characters
from fastthumb.analysis.detectors import Detectors
from fastthumb.media.source import open_source
from fastthumb.pipeline import Analysis, analyze
from fastthumb.settings import Settings

MIRANDA_SECONDS = 4.3  # of his close-up; in the wide shot before it his face has 40 pixels
OBAMA_SECONDS = 2.1
TOLERANCE = 0.25  # half a sample at each end of a shot


@pytest.fixture(scope="module")
def models(data: Path) -> str:
    if not (data / "models" / "mobilefacenet_112.onnx").exists():
        pytest.skip(f"no identity network in {data / 'models'}")
    return str(data / "models")


@pytest.fixture(scope="module")
def analysis(data: Path, models: str) -> Analysis:
    with open_source(data / "videos" / "hamilton_whitehouse_10s.mp4") as source:
        return analyze(source, Settings.build(models_dir=models), threads=1)


@pytest.fixture
def people(data: Path, models: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cast:
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path))
    return Cast.load(data / "faces" / "people", Detectors.open(models, threads=1))


def characters(analysis: Analysis) -> list[Character]:
    return find_characters(analysis.tracks, analysis.shots, analysis.shots[-1].end_seconds)


def test_the_cast_of_photographs_is_read(people: Cast) -> None:
    usable = {one.name: one.usable for one in people.people}
    assert usable == {
        "alex_lacamoire": 3,
        "biden": 1,
        "group": 0,
        "kit_harington": 3,
        "lin_manuel_miranda": 1,
        "obama": 7,
        "rose_leslie": 2,
    }
    assert len([text for text in people.warnings if "faces; cut out" in text]) == 4
    assert not [text for text in people.warnings if "alike" in text or "does not look" in text]


def test_two_people_of_a_real_clip_are_named_and_nobody_else(
    analysis: Analysis, people: Cast
) -> None:
    named = name_characters(characters(analysis), analysis.tracks, people)
    known = {one.name: one for one in named if one.known}
    assert set(known) == {"lin_manuel_miranda", "obama"}
    miranda, obama = known["lin_manuel_miranda"], known["obama"]
    assert miranda.role == "lead"
    assert miranda.screen_seconds > MIRANDA_SECONDS - TOLERANCE
    assert obama.screen_seconds == pytest.approx(OBAMA_SECONDS, abs=TOLERANCE)
    assert not set(miranda.shots) & set(obama.shots)
    assert obama.with_seconds, "somebody sits beside him"


def test_people_of_another_film_are_not_named(
    video: Callable[[str], Path], models: str, people: Cast
) -> None:
    with open_source(video("closeup_redhair_woman_9s.mp4")) as source:
        other = analyze(source, Settings.build(models_dir=models), threads=1)
    found = name_characters(characters(other), other.tracks, people)
    assert [(one.name, one.known) for one in found] == [("lead-1", False)]
    assert found[0].screen_share > 0.9
    assert len(found[0].portraits) == 3
