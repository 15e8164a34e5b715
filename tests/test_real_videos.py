"""Every real video of the test data, through the whole job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastthumb.batch import Outcome, run_batch
from fastthumb.discovery import find_videos, plan_jobs
from fastthumb.records import TitleRecord
from fastthumb.settings import Settings

# Files of the pack that cannot give a picture, and a word that their error has to contain.
NO_PICTURES = {
    "audio_only": "sound",
    "broken_empty": "empty",
    "broken_no_moov": "moov",
    "broken_text": "text",
    "black_363s_1080p": "none of its",
    "no_duration": "none of its",  # nearly black throughout
    "psd_delayed_start_2s": "none of its",  # plain gray, fading
    "psd_fades_10s": "none of its",
}


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    out = tmp_path_factory.mktemp("artwork")
    settings = Settings.build(preset="best", aspects=("1:1",))
    jobs = plan_jobs(find_videos([data / "videos"])[0], out)
    return {outcome.job.title_id: outcome for outcome in run_batch(jobs, out, settings)}


@pytest.fixture(scope="module")
def records(finished: dict[str, Outcome]) -> list[TitleRecord]:
    return [outcome.record for outcome in finished.values() if outcome.record is not None]


def pictures(finished: dict[str, Outcome]) -> list[Path]:
    return [
        outcome.job.folder / variant.file
        for outcome in finished.values()
        if outcome.record is not None
        for variant in outcome.record.variants
    ]


def test_every_video_gives_variants_or_one_clear_error(finished: dict[str, Outcome]) -> None:
    assert len(finished) >= 85
    failed = {name: outcome.message for name, outcome in finished.items() if not outcome.record}
    assert set(failed) == set(NO_PICTURES)
    for name, word in NO_PICTURES.items():
        assert word in failed[name]
        assert name in failed[name]
        assert "\n" not in failed[name]


def test_every_picture_has_the_recorded_size_and_shows_something(
    finished: dict[str, Outcome],
) -> None:
    for outcome in finished.values():
        if outcome.record is None:
            continue
        for variant in outcome.record.variants:
            for file in variant.files:
                with Image.open(outcome.job.folder / file.file) as image:
                    assert image.size == (file.width, file.height)
                    assert file.aspect == "source" or abs(image.width - image.height) <= 1
    for path in pictures(finished):
        with Image.open(path) as image:
            gray = np.asarray(image.convert("L"), dtype=float)
        assert gray.std() > 4, f"{path.parent.name}/{path.name} shows nothing"
        assert 6 < gray.mean() < 252, f"{path.parent.name}/{path.name} is black or white"


def test_no_two_variants_of_a_title_are_one_moment(records: list[TitleRecord]) -> None:
    for record in records:
        frames = [variant.frame_pts for variant in record.variants]
        assert len(set(frames)) == len(frames), record.title_id


def test_film_sized_titles_get_all_their_variants(records: list[TitleRecord]) -> None:
    for record in records:
        if record.title_id in ("bbb_68s_hevc", "tos_battle_70s_vp8", "mix_cuts_30s"):
            assert len(record.variants) == 8, record.title_id


def test_shots_tile_every_film(records: list[TitleRecord]) -> None:
    for record in records:
        ends = [shot.end_frame for shot in record.shots]
        starts = [shot.start_frame for shot in record.shots]
        assert starts == [0, *(end + 1 for end in ends[:-1])], record.title_id
        assert ends[-1] == record.source.frames_analyzed - 1, record.title_id


def test_damaged_files_say_what_was_lost(finished: dict[str, Outcome]) -> None:
    for name in ("broken_truncated_moov_first", "broken_bitflips", "broken_zeroed_middle"):
        record = finished[name].record
        assert record is not None
        assert record.variants
        assert record.warnings, name
