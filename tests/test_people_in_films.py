"""People in real films, from the decoder to title.json: found, named, shown, chosen again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import fastthumb
from fastthumb.analysis.tracks import Track
from fastthumb.batch import Outcome, run_batch
from fastthumb.discovery import find_videos, plan_jobs
from fastthumb.errors import SettingsError
from fastthumb.events import Event
from fastthumb.rechoose import rechoose
from fastthumb.records import TitleRecord, read_title
from fastthumb.settings import Settings
from fastthumb.store import load_analysis

Video = Callable[[str], Path]
KNOWN = ("lin_manuel_miranda", "obama")


@pytest.fixture(scope="module")
def whitehouse(
    models: Path, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TitleRecord, Path]:
    """A film of five people, two of them in the cast, and its output folder."""
    film = data / "videos" / "hamilton_whitehouse_10s.mp4"
    cast = data / "faces" / "people"
    if not film.exists() or not cast.is_dir():
        pytest.skip("the film or its cast is not part of this test data")
    out = tmp_path_factory.mktemp("whitehouse")
    (title,) = fastthumb.process(
        film, out, models_dir=str(models), cast=str(cast), aspects=("2:3", "1:1")
    )
    return title, out / title.title_id


def test_the_cast_is_named_and_nobody_else(whitehouse: tuple[TitleRecord, Path]) -> None:
    title, _ = whitehouse
    named = {one.name: one for one in title.characters if one.known}
    assert set(named) == set(KNOWN)
    assert named["lin_manuel_miranda"].likeness > 0.45
    # He speaks for five of the ten seconds, Obama listens in the last shot.
    assert 4.0 < named["lin_manuel_miranda"].screen_seconds < 6.0
    assert named["obama"].shots == [3]
    others = [one.name for one in title.characters if not one.known]
    assert others
    assert all(name.startswith(("lead-", "person-")) for name in others)


def test_pictures_say_who_they_show(whitehouse: tuple[TitleRecord, Path]) -> None:
    title, folder = whitehouse
    first = title.variants[0]
    assert "lead-close-up" in {variant.scene_type for variant in title.variants}
    assert first.characters == ["lin_manuel_miranda"]
    assert first.people == "solo"
    assert "lin_manuel_miranda" in first.reason
    assert any(len(variant.characters) > 1 for variant in title.variants)
    for variant in title.variants:
        assert all((folder / file.file).exists() for file in variant.files)
        assert variant.content_analysis.character_prominence is not None
    assert {model.task for model in title.models} >= {"faces", "identity", "objects"}


def test_no_crop_cuts_a_face_that_fits(whitehouse: tuple[TitleRecord, Path]) -> None:
    title, _ = whitehouse
    checked = 0
    for variant in title.variants:
        whole = next(file for file in variant.files if file.aspect == "source")
        x0, y0, x1, y1 = whole.crop_box
        main = [face for face in variant.faces if face.character in variant.characters][:1]
        for face in main:
            left, top = x0 + face.box[0] * (x1 - x0), y0 + face.box[1] * (y1 - y0)
            right, bottom = x0 + face.box[2] * (x1 - x0), y0 + face.box[3] * (y1 - y0)
            for file in variant.files:
                inside = file.crop_box
                checked += 1
                assert inside[0] <= left + 1, (variant.file, file.aspect)
                assert inside[1] <= top + 1, (variant.file, file.aspect)
                assert inside[2] >= right - 1, (variant.file, file.aspect)
                assert inside[3] >= bottom - 1, (variant.file, file.aspect)
    assert checked >= 9


def test_choosing_again_with_another_cast_decodes_nothing_old(
    whitehouse: tuple[TitleRecord, Path], data: Path, tmp_path: Path
) -> None:
    _, folder = whitehouse
    copy = tmp_path / "title"
    shutil.copytree(folder, copy)
    cast = tmp_path / "cast"
    (cast / "The President").mkdir(parents=True)
    shutil.copy(data / "faces/people/obama/obama.jpg", cast / "The President")
    again = rechoose(copy, cast=str(cast))
    assert {one.name for one in again.characters if one.known} == {"The President"}
    assert read_title(copy) == again
    names = {file for one in again.characters for file in (p.file for p in one.portraits)}
    assert names
    assert all((copy / name).exists() for name in names)
    assert {path.name for path in copy.iterdir()} == set(again.file_names())


def test_without_a_model_the_built_in_detector_serves_and_says_so_once(
    video: Video, tmp_path: Path
) -> None:
    films = [video("hamilton_whitehouse_10s.mp4"), video("expressions_man_7s.mp4")]
    events: list[Event] = []
    titles = fastthumb.process(films, tmp_path, listener=events.append)
    said = [e.message for e in events if e.event == "warning" and "no model" in (e.message or "")]
    assert len(said) == 1
    assert "fastthumb models pull" in said[0]
    for title in titles:
        assert title.missing_models == said
        assert title.warnings == []
        assert [(model.name, model.task) for model in title.models] == [("mtcnn", "faces")]
        assert {variant.people for variant in title.variants} <= {"solo", "duo", "ensemble", "none"}
        assert any(variant.people == "solo" for variant in title.variants)
        # Nobody can be told from anybody else, and feelings were not looked at.
        assert title.characters == []
        assert all(face.expression is None for v in title.variants for face in v.faces)


def test_nothing_is_looked_for_where_it_is_not_wanted(video: Video, tmp_path: Path) -> None:
    events: list[Event] = []
    (title,) = fastthumb.process(
        video("expressions_man_7s.mp4"), tmp_path, detect=False, listener=events.append
    )
    assert title.models == []
    assert title.characters == []
    assert all(variant.people is None for variant in title.variants)
    assert not [event for event in events if event.event == "warning"]


def test_other_models_make_a_title_again(video: Video, models: Path, tmp_path: Path) -> None:
    film = video("expressions_man_7s.mp4")
    jobs = plan_jobs(find_videos([film])[0], tmp_path / "out")
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, names in (
        (one, ["yunet_n_dynamic"]),
        (other, ["yunet_n_dynamic", "picodet_s_416"]),
    ):
        folder.mkdir()
        for name in names:
            shutil.copy(models / f"{name}.onnx", folder)

    def run(folder: Path) -> str:
        settings = Settings.build(models_dir=str(folder))
        (outcome,) = run_batch(jobs, tmp_path / "out", settings, workers=1)
        return outcome.status

    assert run(one) == "done"
    assert run(one) == "unchanged"
    assert run(other) == "done"


def test_the_same_models_change_nothing(video: Video, models: Path, tmp_path: Path) -> None:
    film = video("office_man_1s_no_stss.mp4")
    jobs = plan_jobs(find_videos([film])[0], tmp_path)
    settings = Settings.build(models_dir=str(models))
    statuses = [run_batch(jobs, tmp_path, settings, workers=1)[0].status for _ in range(2)]
    assert statuses == ["done", "unchanged"]


def test_networks_that_moved_change_nothing(video: Video, models: Path, tmp_path: Path) -> None:
    jobs = plan_jobs(find_videos([video("office_man_1s_no_stss.mp4")])[0], tmp_path / "out")
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "yunet_n_dynamic.onnx").symlink_to(models / "yunet_n_dynamic.onnx")

    def run(folder: Path, **changes: object) -> Outcome:
        settings = Settings.build(models_dir=str(folder), **changes)
        return run_batch(jobs, tmp_path / "out", settings, workers=1)[0]

    assert run(moved).status == "done"
    now = tmp_path / "now"
    moved.rename(now)
    assert run(now).status == "unchanged"
    assert rechoose(jobs[0].folder, genre="action").settings["genre"] == "action"
    assert run(now, genre="comedy").message.startswith("chosen again: genre changed")


def test_changed_subtitles_make_a_title_again(video: Video, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    shutil.copy(video("office_man_1s_no_stss.mp4"), film)
    jobs = plan_jobs(find_videos([film])[0], tmp_path / "out")

    def run() -> str:
        return run_batch(jobs, tmp_path / "out", Settings(detect=False), workers=1)[0].status

    assert [run(), run()] == ["done", "unchanged"]
    film.with_suffix(".srt").write_text("1\n00:00:00,000 --> 00:00:00,900\nHello there!\n")
    assert [run(), run()] == ["done", "unchanged"]


def test_a_cast_that_is_not_there_is_said_before_anything_is_decoded(
    video: Video, models: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        fastthumb.process(
            video("expressions_man_7s.mp4"),
            tmp_path / "out",
            models_dir=str(models),
            cast=str(tmp_path / "nowhere"),
        )


def test_a_later_episode_shows_other_pictures(video: Video, models: Path, tmp_path: Path) -> None:
    film = video("tos_battle_70s_vp8.webm")
    season = tmp_path / "season"
    season.mkdir()
    for number in (1, 2):
        shutil.copy(film, season / f"The Series S01E{number:02d}.webm")
    first, second = fastthumb.process(season, tmp_path / "out", models_dir=str(models))
    shared = {v.frame_pts for v in first.variants} & {v.frame_pts for v in second.variants}
    assert not shared
    assert len(second.variants) >= 4
    listed = json.loads((tmp_path / "out" / second.title_id / "title.json").read_text())
    assert [v["frame_pts"] for v in listed["variants"]] == [v.frame_pts for v in second.variants]
    # A second run finds nothing to do, and changes nothing.
    again = fastthumb.process(season, tmp_path / "out", models_dir=str(models))
    assert [title.variants for title in again] == [first.variants, second.variants]


def test_stored_analysis_holds_people_and_stays_small(
    whitehouse: tuple[TitleRecord, Path],
) -> None:
    _, folder = whitehouse
    stored = load_analysis(folder)
    assert all(isinstance(track, Track) for track in stored.tracks)
    assert len(stored.tracks) >= 4
    assert any(candidate.faces for candidate in stored.candidates)
    assert all(face.embedding is None for one in stored.candidates for face in one.faces or ())
    assert (folder / "analysis.npz").stat().st_size < 300_000
