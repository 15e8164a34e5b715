"""What a changed setting costs: titles made from their stored analysis, as if made anew."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastthumb import batch, rechoose
from fastthumb.batch import Outcome, run_batch
from fastthumb.discovery import find_videos, plan_jobs
from fastthumb.errors import OutputError
from fastthumb.records import escape_path, read_title, write_title
from fastthumb.settings import Settings
from fastthumb.store import ANALYSIS_FILE, load_analysis
from films import moving_shot, three_shots, write_film

BASE: dict[str, Any] = {
    "preset": "fast",  # the others leave refined frames behind, which a fresh run lacks
    "variants": 4,
    "detect": False,
    "aspects": ("2:3",),
    "sprite_interval_seconds": 0.5,
}
SRT = "1\n00:00:00,000 --> 00:00:01,900\nI love you, and this is wonderful, my dear!\n"
NFO = "<movie><title>A film</title><genre>Drama</genre></movie>"
# What tells how long a title took, and not what it is.
OF_THE_RUN = ("timings", "wall_seconds", "frames_decoded")

Make = Callable[..., Outcome]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight shots of two seconds."""
    shots = [moving_shot(seed, 48) for seed in range(8)]
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    return write_film(path, [frame for shot in shots for frame in shot])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, film: Path) -> Path:
    """A folder with the film, and its finished title under "out"."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copy(film, folder)
    assert made(folder).status == "done"
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of `finished` that a test may change, as if it had been made there."""
    copy = Path(shutil.copytree(finished, tmp_path / "copy"))
    record = read_title(copy / "out" / "film")
    source = record.source.model_copy(update={"path": escape_path(copy / "film.mp4")})
    write_title(copy / "out" / "film", record.model_copy(update={"source": source}))
    return copy


@pytest.fixture
def no_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever analyzes a film fails."""

    def refuse(*_: object, **__: object) -> None:
        raise OutputError("a film was analyzed")

    monkeypatch.setattr(batch, "make_title", refuse)


@pytest.fixture
def no_film(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a film to choose again fails."""

    def refuse(*_: object, **__: object) -> None:
        raise OutputError("a film was opened")

    monkeypatch.setattr(rechoose, "open_source", refuse)


def made(folder: Path, out: str = "out", **changes: Any) -> Outcome:
    """Run over the film of a folder; `force` and `dry_run` are options, the rest settings."""
    options = {name: changes.pop(name) for name in ("force", "dry_run") if name in changes}
    jobs = plan_jobs(find_videos([folder / "film.mp4"])[0], folder / out)
    settings = Settings.build(**BASE | changes)
    (outcome,) = run_batch(jobs, folder / out, settings, workers=1, **options)
    return outcome


def content(title: Path) -> dict[str, object]:
    """What a title consists of, its analysis apart: its record, and every other file's bytes."""
    apart = ("title.json", ANALYSIS_FILE)
    files: dict[str, object] = {
        path.name: path.read_bytes() for path in title.iterdir() if path.name not in apart
    }
    record = json.loads((title / "title.json").read_text())
    return files | {"title.json": {k: v for k, v in record.items() if k not in OF_THE_RUN}}


def differing(one: dict[str, object], other: dict[str, object]) -> set[str]:
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}


@pytest.mark.usefixtures("no_analysis")
@pytest.mark.parametrize(
    "changes",
    [
        {"genre": "action"},
        {"variants": 7},
        {"window": (0.0, 0.5)},
        {"pins": (3.0,)},
        {"bans": (1.0, 7.0)},
        {"quality_floor": 0.1},
        {"aspects": ("2:3", "1:1")},
        {"aspects": ()},
        {"image_format": "webp"},
        {"image_quality": 60},
        {"max_width": 160},
        {"sprites": True},
    ],
    ids=str,
)
def test_a_title_that_is_chosen_again_is_the_one_that_would_be_made_anew(
    folder: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = made(folder, **changes)
    assert outcome.status == "done", outcome.message
    (name,) = changes
    assert outcome.message.startswith(f"chosen again: {name.replace('_', ' ')} changed; ")
    monkeypatch.undo()
    made(folder, "anew", **changes)
    anew = content(folder / "anew" / "film")
    assert not differing(content(folder / "out" / "film"), anew)
    assert made(folder, **changes).status == "unchanged"


@pytest.mark.usefixtures("no_analysis")
def test_sprites_come_and_go_and_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    title = folder / "out" / "film"
    made(folder, sprites=True)
    outcome = made(folder, sprites=True, sprite_width=80)
    assert outcome.message.startswith("chosen again: sprite width changed")
    monkeypatch.undo()
    made(folder, "anew", sprites=True, sprite_width=80)
    assert not differing(content(title), content(folder / "anew" / "film"))
    (title / "sprites-001.jpg").unlink()
    assert "sprites-001.jpg is gone" in made(folder, sprites=True, sprite_width=80).message
    assert not differing(content(title), content(folder / "anew" / "film"))
    assert made(folder).status == "done"
    assert not list(title.glob("sprites*"))


@pytest.mark.usefixtures("no_analysis", "no_film")
def test_pictures_that_are_chosen_again_are_not_decoded(folder: Path) -> None:
    title = folder / "out" / "film"
    before = content(title)
    rest = {pts.frame_pts for pts in read_title(title).variants}
    outcome = made(folder, aspects=())
    assert outcome.message == "chosen again: aspects changed; nothing decoded"
    after = content(title)
    assert {one.frame_pts for one in read_title(title).variants} == rest
    assert not list(title.glob("*-2x3.jpg"))
    assert all(after[name] == before[name] for name in after if name.startswith("0"))


def test_new_pictures_are_the_best_frames_of_their_moments(folder: Path) -> None:
    """With a preset that does not look at every frame, those around new picks are decoded."""
    title = folder / "out" / "film"
    made(folder, preset="balanced")
    outcome = made(folder, preset="balanced", variants=7)
    assert (outcome.status, outcome.analyzed) == ("done", False)
    assert outcome.clock.stages["decode moments"].frames > 0
    chosen = {one.frame_pts for one in read_title(title).variants}
    assert len(chosen) == 7
    stored = load_analysis(title)
    assert chosen <= {one.pts for one in stored.candidates if one.refined}
    again = made(folder, preset="balanced", variants=7, image_quality=60)
    assert "decode moments" not in again.clock.stages
    assert {one.frame_pts for one in read_title(title).variants} == chosen


@pytest.mark.usefixtures("no_analysis", "no_film")
def test_the_contact_sheet_is_left_alone_where_it_shows_the_same(folder: Path) -> None:
    sheet = folder / "out" / "film" / "contact-sheet.jpg"
    sheet.write_bytes(b"as it was")
    assert made(folder, sprite_width=96).status == "done"
    assert sheet.read_bytes() == b"as it was"
    sheet.unlink()
    assert "contact-sheet.jpg is gone" in made(folder, sprite_width=96).message
    assert sheet.stat().st_size > 1000


@pytest.mark.usefixtures("no_analysis")
@pytest.mark.parametrize("name", ["01-*.jpg", "02-*-2x3.jpg", "shots.csv"])
def test_a_file_that_is_gone_is_made_again(folder: Path, name: str) -> None:
    title = folder / "out" / "film"
    before = content(title)
    next(title.glob(name)).unlink()
    assert made(folder).message.endswith("of the film read again" if "0" in name else "decoded")
    assert not differing(content(title), before)


@pytest.mark.usefixtures("no_analysis")
def test_files_beside_the_film_are_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = folder / "out" / "film"
    (folder / "film.srt").write_text(SRT)
    (folder / "film.nfo").write_text(NFO)
    (folder / "film.en.srt").write_text("no subtitles")
    outcome = made(folder)
    assert outcome.message.startswith("chosen again: subtitles or synopsis changed")
    stored = load_analysis(title)
    assert stored.dialogue is not None
    assert stored.synopsis is not None
    warnings = read_title(title).warnings
    assert [one for one in warnings if "film.en.srt" in one]
    assert [one for one in warnings if one.startswith("genre drama taken from film.nfo")]
    assert made(folder).status == "unchanged"
    for name in ("film.srt", "film.nfo", "film.en.srt"):
        (folder / name).unlink()
    assert made(folder).status == "done"
    assert read_title(title).warnings == []
    assert load_analysis(title).dialogue is None
    monkeypatch.undo()
    made(folder, "anew")
    assert not differing(content(title), content(folder / "anew" / "film"))
    for name, text in (("film.srt", SRT), ("film.nfo", NFO)):
        (folder / name).write_text(text)
    made(folder)
    made(folder, "with")
    assert not differing(content(title), content(folder / "with" / "film"))


def test_a_note_on_the_genre_goes_with_the_choice_that_it_is_about(folder: Path) -> None:
    title = folder / "out" / "film"
    (folder / "film.nfo").write_text(NFO)
    made(folder)
    assert len(read_title(title).warnings) == 1
    assert rechoose.rechoose(title, genre="action").warnings == []
    assert len(rechoose.rechoose(title, genre="default").warnings) == 1
    assert len(rechoose.rechoose(title, variants=5).warnings) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"preset": "best"}, "preset changed"),
        ({"candidates_per_hour": 500, "genre": "action"}, "candidates per hour, genre changed"),
        ({"force": True}, "asked for"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_influences_the_analysis_makes_it_anew(
    folder: Path, changes: dict[str, Any], reason: str
) -> None:
    plan = made(folder, dry_run=True, **changes)
    assert (plan.status, plan.message) == ("planned", f"would be analyzed: {reason}")
    outcome = made(folder, **changes)
    assert (outcome.status, outcome.message, outcome.analyzed) == ("done", "", True)


def test_a_dry_run_says_what_would_be_chosen_again(folder: Path) -> None:
    before = content(folder / "out" / "film")
    plan = made(folder, dry_run=True, genre="action", variants=5)
    assert plan.message == "would be chosen again: variants, genre changed"
    assert not differing(content(folder / "out" / "film"), before)


def test_another_video_of_the_same_name_is_analyzed(folder: Path) -> None:
    three_shots(folder / "film.mp4")
    plan = made(folder, dry_run=True, genre="action")
    assert plan.message == "would be analyzed: the video changed"


@pytest.mark.parametrize("damage", ["gone", "no archive", "cut"])
def test_without_a_stored_analysis_the_film_is_analyzed(folder: Path, damage: str) -> None:
    stored = folder / "out" / "film" / ANALYSIS_FILE
    data = stored.read_bytes()
    if damage == "gone":
        stored.unlink()
    else:
        stored.write_bytes(b"?" if damage == "no archive" else data[:-2000] + bytes(2000))
    outcome = made(folder, genre="action")
    assert (outcome.status, outcome.analyzed) == ("done", True)
    assert load_analysis(stored.parent).candidates


def test_a_contents_column_that_is_damaged_costs_an_analysis(folder: Path) -> None:
    stored = folder / "out" / "film" / ANALYSIS_FILE
    data = bytearray(stored.read_bytes())
    data[len(data) // 4] ^= 0xFF  # in the largest member, which planning does not read
    stored.write_bytes(data)
    outcome = made(folder, genre="action")
    assert (outcome.status, outcome.analyzed) == ("done", True)


@pytest.mark.usefixtures("no_analysis")
def test_a_film_that_moved_is_found_where_it_is_now(folder: Path) -> None:
    moved = folder / "elsewhere"
    moved.mkdir()
    (folder / "film.mp4").rename(moved / "film.mp4")
    jobs = plan_jobs(find_videos([moved])[0], folder / "out")
    settings = Settings.build(**BASE)
    assert run_batch(jobs, folder / "out", settings, workers=1)[0].status == "unchanged"
    settings = Settings.build(**BASE | {"image_quality": 50})
    (outcome,) = run_batch(jobs, folder / "out", settings, workers=1)
    assert outcome.status == "done"
    assert read_title(folder / "out" / "film").source.location == moved / "film.mp4"


@pytest.mark.usefixtures("no_analysis")
def test_what_cannot_be_chosen_leaves_the_title_as_it_is(folder: Path) -> None:
    before = content(folder / "out" / "film")
    outcome = made(folder, window=(0.99, 0.9999), bans=(15.9,))
    assert outcome.status == "failed"
    assert not differing(content(folder / "out" / "film"), before)
    assert not list((folder / "out").glob(".*.partial"))
    assert "as before" in made(folder, window=(0.99, 0.9999), bans=(15.9,)).message
    assert made(folder).status == "unchanged"


@pytest.mark.usefixtures("no_analysis")
def test_the_work_of_choosing_again_is_counted_apart(folder: Path) -> None:
    before = read_title(folder / "out" / "film")
    outcome = made(folder, image_quality=50)
    after = read_title(folder / "out" / "film")
    assert set(outcome.clock.stages) == {"choose", "render"}
    assert outcome.clock.stages["render"].frames == len(after.variants)
    assert after.timings["decode keyframes"] == before.timings["decode keyframes"]
    assert (after.wall_seconds, after.frames_decoded) == (
        before.wall_seconds,
        before.frames_decoded,
    )
    assert not outcome.analyzed
