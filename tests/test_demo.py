"""The sample title: what it shows off has to be found in it."""

from __future__ import annotations

from pathlib import Path

import pytest

import fastthumb
from fastthumb.demo import FPS, TAKES, edits, make_film

pytest.importorskip("skimage", reason="scikit-image is not installed")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("demo") / "demo.mp4")


@pytest.fixture(scope="module")
def analysis(film: Path) -> fastthumb.Analysis:
    return fastthumb.analyze(film, preset="best")


def test_every_edit_is_found_and_nothing_else(analysis: fastthumb.Analysis) -> None:
    found = analysis.shots[1:]
    assert [shot.transition for shot in found] == [kind for kind, _, _ in edits()]
    for shot, (kind, first, last) in zip(found, edits(), strict=True):
        if kind == "cut":
            assert shot.start_frame == first
        else:
            assert shot.transition_start_frame is not None
            assert shot.transition_end_frame is not None
            found_frames = set(range(shot.transition_start_frame, shot.transition_end_frame + 1))
            true_frames = set(range(first, last + 1))
            # White letters on black are gone long before a fade of them is over.
            assert len(found_frames & true_frames) >= 0.5 * len(found_frames | true_frames)


def test_cards_and_credits_are_marked_and_a_repeated_set_up_is_recognized(
    analysis: fastthumb.Analysis,
) -> None:
    shots = analysis.shots
    assert shots[0].content == "title-card"
    assert shots[-1].content == "credits"
    assert {shot.content for shot in shots[1:-1]} == {"picture"}
    again = [k for k, take in enumerate(TAKES) if take.photo == "astronaut"]
    assert shots[again[1]].repeat_of == again[0]


def test_the_picks_are_different_photographs_and_never_text_or_flash(
    analysis: fastthumb.Analysis,
) -> None:
    picks = fastthumb.choose(analysis, variants=8)
    assert len(picks) == 8
    photos = [TAKES[pick.scored.candidate.shot].photo for pick in picks]
    assert "credits" not in photos
    assert not any(photo.startswith("card:") for photo in photos)
    assert len(set(photos)) >= 7
    start = 0
    flashes = set()
    for (_, first, _), take in zip(edits(), TAKES[1:], strict=True):
        start = first
        if take.flash_at is not None:
            flashes.add(start + take.flash_at)
    assert flashes
    assert not flashes & {pick.scored.candidate.frame_index for pick in picks}
    assert all(pick.scored.candidate.seconds * FPS >= 48 for pick in picks)
