"""The pass over a film: what each preset decodes, and that the results fit together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fastthumb
import media_files as make
from fastthumb.media.source import open_source
from fastthumb.pipeline import analyze, find_shots
from fastthumb.settings import Settings
from films import moving_shot, three_shots, write_film


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_shots(tmp_path_factory.mktemp("pipeline") / "film.mp4")


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten shots of three seconds, a keyframe every half second."""
    frames = [frame for seed in range(10) for frame in moving_shot(seed, 72)]
    return write_film(tmp_path_factory.mktemp("long") / "film.mp4", frames, gop=12)


@pytest.mark.parametrize("preset", ["best", "balanced"])
def test_every_frame_is_measured_and_shots_are_exact(film: Path, preset: str) -> None:
    analysis = fastthumb.analyze(film, preset=preset)
    assert len(analysis.table) == 144
    assert [shot.start_frame for shot in analysis.shots] == [0, 48, 96]
    assert analysis.duration_seconds == pytest.approx(6.0)
    assert analysis.clock.stages["decode"].frames == 144


def test_fast_decodes_keyframes_only_and_is_right_to_a_group_of_pictures(long_film: Path) -> None:
    analysis = fastthumb.analyze(long_film, preset="fast")
    assert analysis.table.rows["keyframe"].all()
    assert analysis.clock.stages["decode keyframes"].frames == 60
    assert (analysis.table.rows["index"] % 12 == 0).all()
    assert analysis.duration_seconds == pytest.approx(30.0, abs=0.1)
    exact = [72 * k for k in range(10)]
    found = [shot.start_frame for shot in analysis.shots]
    assert len(found) == len(exact)
    assert np.abs(np.array(found) - exact).max() <= 12
    assert analysis.shots[-1].end_frame == 719


def test_fast_picks_lie_inside_their_shots(long_film: Path) -> None:
    analysis = fastthumb.analyze(long_film, preset="fast")
    picks = fastthumb.choose(analysis, variants=8)
    assert len(picks) == 8
    for pick in picks:
        candidate = pick.scored.candidate
        shot = analysis.shots[candidate.shot]
        assert shot.start_frame <= candidate.frame_index <= shot.end_frame


def test_fast_decodes_everything_where_timestamps_cannot_place_keyframes(tmp_path: Path) -> None:
    raw = make.annex_b(tmp_path / "raw.h264")
    assert len(fastthumb.analyze(raw, preset="fast").table) == 8


def test_shots_alone_are_the_shots_of_the_analysis(film: Path) -> None:
    with open_source(film) as source:
        shots = find_shots(source, Settings.build(preset="best"))
    assert shots == fastthumb.analyze(film, preset="best").shots


def test_the_number_of_decoder_threads_changes_nothing(film: Path) -> None:
    tables = []
    for threads in (1, None):
        with open_source(film, threads=threads) as source:
            tables.append(analyze(source, Settings()).table.rows)
    assert (tables[0] == tables[1]).all()


def test_settings_are_checked_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(fastthumb.FastthumbError, match="preset"):
        fastthumb.analyze(tmp_path / "missing.mp4", preset="slow")
