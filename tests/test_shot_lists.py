"""Shot lists: the same shots in every format, read back by the programs that read them."""

from __future__ import annotations

import csv
import io
import json
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from fastthumb.analysis.shot_lists import (
    COLUMNS,
    nominal_rate,
    shot_list,
    shot_row,
    timecode_rate,
    write_shots,
)
from fastthumb.analysis.shots import Shot
from fastthumb.errors import OutputError, SettingsError
from fastthumb.media.source import SourceInfo
from fastthumb.records import ShotRecord
from film_samples import shots_at, source_info

NTSC_FILM, NTSC, NTSC_DOUBLE = (Fraction(n * 1000, 1001) for n in (24, 30, 60))
RATES = [NTSC_FILM, Fraction(24), Fraction(25), NTSC, Fraction(30), NTSC_DOUBLE, Fraction(60)]
MATROSKA = Fraction(1, 1000)  # its timestamps are rounded to milliseconds

Film = tuple[list[Shot], SourceInfo]


def film(
    rate: Fraction, time_base: Fraction = Fraction(1, 90_000), frames: int = 5000, first: int = 7
) -> Film:
    """A film of a constant rate whose shots take 1, 2, 3, ... frames and a long rest."""
    pts = [first + round(k / rate / time_base) for k in range(frames)]
    starts = [k * (k + 1) // 2 for k in range(60)]
    return shots_at(starts, frames, pts, time_base), source_info(rate, time_base)


def variable_film() -> Film:
    """A film of 20 to 60 frames a second, 30 in the mean, from a telephone."""
    steps = [1500 + 3000 * (k % 7 == 3) + 11 * (k % 13) for k in range(3999)]
    pts = [900]
    for step in steps:
        pts.append(pts[-1] + step)
    rate = Fraction(len(steps) * 90_000, sum(steps))
    starts = [0, 1, 40, 41, 100, 777, 2000, 3990]
    return shots_at(starts, 4000, pts, Fraction(1, 90_000)), source_info(rate)


def clips_of(text: str, adapter: str, **options: Any) -> list[otio.schema.Clip]:
    timeline = otio.adapters.read_from_string(text, adapter, **options)
    (track,) = timeline.video_tracks()
    clips = list(track)
    assert all(isinstance(clip, otio.schema.Clip) for clip in clips)
    return clips


def edl_frames(clips: list[otio.schema.Clip]) -> list[tuple[float, float]]:
    """(first, first after) of each clip's source in timecode frames."""
    spans = [clip.source_range for clip in clips]
    return [(s.start_time.value, s.end_time_exclusive().value) for s in spans]


# -- csv and json --------------------------------------------------------------------------


def test_the_columns_of_the_contract() -> None:
    assert COLUMNS == (
        "index", "start_frame", "end_frame", "start_pts", "end_pts", "start_seconds",
        "end_seconds", "transition", "transition_start_frame", "transition_end_frame", "scene",
        "repeat_of", "content",
    )  # fmt: skip
    assert tuple(ShotRecord.model_fields) == COLUMNS


def test_csv_reads_back_equal() -> None:
    shots, info = film(NTSC_FILM)
    rows = list(csv.DictReader(io.StringIO(shot_list(shots, info, "csv"))))
    assert tuple(rows[0]) == COLUMNS
    for row, shot in zip(rows, shots, strict=True):
        assert row == {k: "" if v is None else str(v) for k, v in shot_row(shot).items()}
    assert rows[2]["transition_start_frame"] == rows[2]["start_frame"] == "3"
    assert rows[0]["repeat_of"] == ""


def test_json_reads_back_equal_and_fits_title_json() -> None:
    shots, info = film(NTSC)
    rows = json.loads(shot_list(shots, info, "json"))
    assert rows == [shot_row(shot) for shot in shots]
    assert [ShotRecord(**row).model_dump() for row in rows] == rows


def test_seconds_have_at_most_six_decimals() -> None:
    shots, info = film(NTSC_FILM)
    assert "0.041711," in shot_list(shots, info, "csv")  # 1001/24000 in ticks of 1/90000
    assert shot_row(shots[1])["start_seconds"] == 0.041711


# -- OpenTimelineIO ------------------------------------------------------------------------


@pytest.mark.parametrize("time_base", [Fraction(1, 90_000), MATROSKA], ids=["90kHz", "ms"])
@pytest.mark.parametrize("rate", RATES, ids=lambda rate: f"{float(rate):.3f}")
def test_otio_counts_frames_where_the_rate_is_constant(rate: Fraction, time_base: Fraction) -> None:
    shots, info = film(rate, time_base)
    clips = clips_of(shot_list(shots, info, "otio"), "otio_json")
    for clip, shot in zip(clips, shots, strict=True):
        span = clip.source_range
        assert span.start_time == otio.opentime.RationalTime(shot.start_frame, float(rate))
        assert span.duration.value == shot.end_frame - shot.start_frame + 1
        assert span.duration.rate == float(rate)
        assert dict(clip.metadata["fastthumb"]) == shot_row(shot)
    assert clips[-1].source_range.end_time_exclusive().value == 5000


def test_otio_counts_ticks_where_the_rate_varies() -> None:
    shots, info = variable_film()
    clips = clips_of(shot_list(shots, info, "otio"), "otio_json")
    starts = [clip.source_range.start_time for clip in clips]
    assert [(t.value, t.rate) for t in starts] == [(s.start_pts - 900, 90_000) for s in shots]
    for before, after in pairwise(clips):
        assert before.source_range.end_time_exclusive() == after.source_range.start_time
    last = clips[-1].source_range.end_time_exclusive().value
    assert last == shots[-1].end_pts - 900 + round(90_000 / nominal_rate(shots, info))


def test_otio_transitions_are_markers_and_the_media_is_the_file() -> None:
    shots, info = film(Fraction(25))
    timeline = otio.adapters.read_from_string(shot_list(shots, info, "otio"), "otio_json")
    clips = timeline.video_tracks()[0]
    assert timeline.name == "the film.mkv"
    assert timeline.duration() == otio.opentime.RationalTime(5000, 25)
    for clip, shot in zip(clips, shots, strict=True):
        assert clip.media_reference.target_url == "file:///films/the%20film.mkv"
        assert clip.media_reference.available_range.duration.value == 5000
        if shot.transition == "dissolve":
            blended = shot.transition_end_frame - shot.transition_start_frame + 1  # type: ignore[operator]
            (marker,) = clip.markers
            assert marker.name == f"dissolve, {blended} frames"
            assert marker.marked_range.start_time.value == shot.start_frame
            assert marker.marked_range.duration.value == blended
        else:
            assert not clip.markers


def test_otio_of_a_name_of_any_bytes_and_of_a_url() -> None:
    shots, _ = film(Fraction(25))
    odd = source_info(path=Path(os.fsdecode(b"/films/\xff\n.mkv")))
    clip = clips_of(shot_list(shots, odd, "otio"), "otio_json")[0]
    assert clip.media_reference.target_url == "file:///films/%FF%0A.mkv"
    remote = source_info(path=Path("https://host/a.mkv"))
    clip = clips_of(shot_list(shots, remote, "otio"), "otio_json")[0]
    assert clip.media_reference.target_url == "https://host/a.mkv"


# -- EDL -----------------------------------------------------------------------------------


@pytest.mark.parametrize("time_base", [Fraction(1, 90_000), MATROSKA], ids=["90kHz", "ms"])
@pytest.mark.parametrize("rate", RATES, ids=lambda rate: f"{float(rate):.3f}")
def test_edl_counts_every_frame(rate: Fraction, time_base: Fraction) -> None:
    shots, info = film(rate, time_base)
    clips = clips_of(shot_list(shots, info, "edl"), "cmx_3600", rate=float(rate))
    assert edl_frames(clips) == [(shot.start_frame, shot.end_frame + 1) for shot in shots]
    assert {clip.metadata["cmx_3600"]["reel"] for clip in clips} == {"THEFILM"}
    assert {clip.name for clip in clips} == {"the film.mkv"}


@pytest.mark.parametrize("rate", [NTSC, NTSC_DOUBLE], ids=["29.97", "59.94"])
def test_edl_stays_exact_over_three_hours_of_drop_frame(rate: Fraction) -> None:
    frames = int(3 * 3600 * rate)
    starts = list(range(0, frames, 1797))
    step = 90_000 / rate
    assert step.denominator in (1, 2)
    pts = [(k * step.numerator) // step.denominator for k in range(frames)]
    shots = shots_at(starts, frames, pts, Fraction(1, 90_000))
    text = shot_list(shots, source_info(rate), "edl")
    assert "FCM: DROP FRAME" in text
    clips = clips_of(text, "cmx_3600", rate=float(rate))
    assert edl_frames(clips) == [(shot.start_frame, shot.end_frame + 1) for shot in shots]
    assert " 03:00:00;00" in text  # drop-frame timecode keeps up with the clock


def test_edl_of_a_variable_rate_keeps_the_time() -> None:
    shots, info = variable_film()
    rate = timecode_rate(nominal_rate(shots, info))
    assert rate in (Fraction(48), Fraction(48000, 1001), Fraction(50), Fraction(60))
    spans = edl_frames(clips_of(shot_list(shots, info, "edl"), "cmx_3600", rate=float(rate)))
    for (start, _), shot in zip(spans, shots, strict=True):
        late = start / float(rate) - shot.start_seconds
        assert abs(late) <= 1 / float(rate) + 1e-6  # half a frame, or one where shots are shorter
    assert all(end > start for start, end in spans)
    assert all(a[1] == b[0] for a, b in pairwise(spans))


def test_edl_never_loses_a_shot_shorter_than_a_frame_of_timecode() -> None:
    pts = list(range(0, 5_000, 5))
    shots = shots_at(range(10), 1000, pts, MATROSKA)  # 200 frames a second
    info = source_info(Fraction(200), MATROSKA)
    assert timecode_rate(nominal_rate(shots, info)) == 50
    spans = edl_frames(clips_of(shot_list(shots, info, "edl"), "cmx_3600", rate=50.0))
    assert [start for start, _ in spans] == list(range(10))
    assert spans[-1][1] == 250


def test_edl_marks_transitions_and_what_is_no_picture() -> None:
    shots, info = film(Fraction(25))
    text = shot_list(shots, info, "edl")
    assert text.startswith("TITLE: the film.mkv\nFCM: NON-DROP FRAME\n\n001  THEFILM")
    assert "* LOC: 00:00:00:03 GREEN   DISSOLVE, 3 FRAMES" in text
    assert text.count("* CONTENT: CREDITS") == 1
    clips = clips_of(text, "cmx_3600", rate=25.0)
    marked = [clip for clip in clips if clip.markers]
    assert len(marked) == sum(shot.transition == "dissolve" for shot in shots)
    assert clips[0].media_reference.target_url == "file:///films/the%20film.mkv"


@pytest.mark.parametrize("name", ["bl.mkv", "black.mp4", "bars.mov", "电影.mkv", "ax.ts"])
def test_edl_reels_never_mean_black_or_bars(name: str) -> None:
    shots, _ = film(Fraction(25))
    info = source_info(Fraction(25), path=Path("/films") / name)
    clip = clips_of(shot_list(shots, info, "edl"), "cmx_3600", rate=25.0)[0]
    assert isinstance(clip.media_reference, otio.schema.ExternalReference)
    assert "AX" in shot_list(shots, info, "edl")


def test_edl_lines_cannot_be_forged_by_a_file_name() -> None:
    shots, _ = film(Fraction(25))
    name = "x\n999  AX V C 00:00:00:00 00:00:00:01 00:00:00:00 00:00:00:01\u2028.mkv"
    info = source_info(Fraction(25), path=Path("/films") / name)
    assert len(clips_of(shot_list(shots, info, "edl"), "cmx_3600", rate=25.0)) == len(shots)


def test_edl_of_more_than_a_day_is_refused() -> None:
    pts = [0, 25 * 3600 * 90_000]
    shots = shots_at([0], 2, pts, Fraction(1, 90_000))
    with pytest.raises(OutputError, match=r"24 hours and the film has 25\.0; use the format otio"):
        shot_list(shots, source_info(Fraction(25)), "edl")


# -- rates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        (Fraction(24000, 1001), NTSC_FILM),
        (Fraction(2997, 125), NTSC_FILM),
        (Fraction(23976, 1000), NTSC_FILM),
        (Fraction(2997, 100), NTSC),
        (Fraction(5994, 100), NTSC_DOUBLE),
        (Fraction(24), Fraction(24)),
        (Fraction(25_001, 1000), Fraction(25)),
        (Fraction(273, 10), Fraction(273, 10)),
    ],
)
def test_stated_rates_lose_the_rounding_of_containers(stated: Fraction, meant: Fraction) -> None:
    shots, _ = film(Fraction(25))
    assert nominal_rate(shots, source_info(stated)) == meant


def test_a_file_without_a_rate_has_the_rate_of_its_frames() -> None:
    shots, _ = film(NTSC)
    assert nominal_rate(shots, source_info(None)) == NTSC
    assert nominal_rate([], source_info(None)) == 25


@pytest.mark.parametrize(
    ("rate", "wanted"),
    [(12, 24), (15, 30), (Fraction(25, 2), 25), (NTSC_FILM / 2, NTSC_FILM), (100, 50), (120, 60),
     (NTSC_DOUBLE * 2, NTSC_DOUBLE), (1, 24), (Fraction(273, 10), 25), (1000, 50)],
)  # fmt: skip
def test_rates_that_timecode_cannot_count(rate: Fraction, wanted: Fraction) -> None:
    assert timecode_rate(Fraction(rate)) == wanted


# -- everything ----------------------------------------------------------------------------


@pytest.mark.parametrize("shot_format", ["csv", "json", "edl", "otio"])
def test_one_frame_and_no_shots(shot_format: str) -> None:
    one = shots_at([0], 1, [33], Fraction(1, 90_000))
    for shots in (one, []):
        for rate in (Fraction(25), None):
            assert shot_list(shots, source_info(rate), shot_format).endswith("\n")


def test_writing_to_a_path_and_to_a_stream(tmp_path: Path) -> None:
    shots, info = film(Fraction(25))
    write_shots(shots, info, tmp_path / "shots.csv", "csv")
    stream = io.StringIO()
    write_shots(shots, info, stream, "csv")
    assert (tmp_path / "shots.csv").read_text(encoding="utf-8") == stream.getvalue()
    assert [file.name for file in tmp_path.iterdir()] == ["shots.csv"]
    with pytest.raises(OutputError, match="cannot be written"):
        write_shots(shots, info, tmp_path / "missing" / "shots.csv", "csv")


def test_an_unknown_format_is_refused() -> None:
    shots, info = film(Fraction(25))
    with pytest.raises(SettingsError, match="wanted one of csv, json, edl, otio, got 'xml'"):
        shot_list(shots, info, "xml")
