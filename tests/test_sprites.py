"""Sprite sheets: the right picture for every moment, in bounded memory, with an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastthumb.artwork.sprites import SpriteCollector, TileSampler
from fastthumb.errors import OutputError
from fastthumb.media.source import Frame, SourceInfo, open_source
from fastthumb.settings import Settings
from films import write_film

CUE = re.compile(
    r"(\d\d+):(\d\d):(\d\d\.\d{3}) --> (\d\d+):(\d\d):(\d\d\.\d{3})\n"
    r"(sprites-\d{3}\.jpg)#xywh=(\d+),(\d+),(\d+),(\d+)\n"
)
# H.264 and JPEG each move a flat gray by a level or two.
GRAY_ATOL = 6.0


class Feed:
    """Gives a collector the tiles of frames."""

    def __init__(self, info: SourceInfo, settings: Settings, folder: Path) -> None:
        self.collector = SpriteCollector(info, settings, folder)
        self.sampler = TileSampler(info, settings)

    def push(self, frame: Frame) -> None:
        self.sampler.push(frame)
        for tile in self.sampler.take():
            self.collector.push(tile)

    def finish(self, duration_seconds: float | None = None) -> list[str]:
        return self.collector.finish(duration_seconds)


@dataclass(frozen=True)
class Cue:
    start: float
    end: float
    file: str
    box: tuple[int, int, int, int]


def gray_of(number: int) -> int:
    """A gray per frame; neighbors differ clearly."""
    return 20 + (number * 37) % 211


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """250 frames at 10 frames a second, each of its own gray."""
    frames = [np.full((36, 64, 3), gray_of(number), np.uint8) for number in range(250)]
    return write_film(tmp_path_factory.mktemp("film") / "grays.mp4", frames, fps=10, gop=1)


def settings_of(interval: float, width: int = 32) -> Settings:
    return Settings(sprites=True, sprite_interval_seconds=interval, sprite_width=width)


def collected(
    path: Path, settings: Settings, folder: Path, keep: Callable[[Frame], bool] = lambda _: True
) -> list[str]:
    with open_source(path, threads=1) as source:
        collector = Feed(source.info, settings, folder)
        for frame in source.frames():
            if keep(frame):
                collector.push(frame)
        return collector.finish(25.0)


def cues_of(folder: Path) -> Iterator[Cue]:
    text = (folder / "sprites.vtt").read_text()
    assert text.startswith("WEBVTT\n\n")
    found = list(CUE.finditer(text))
    assert len(found) == text.count("-->")
    for match in found:
        hours, minutes, seconds, end_hours, end_minutes, end_seconds, file, *box = match.groups()
        yield Cue(
            int(hours) * 3600 + int(minutes) * 60 + float(seconds),
            int(end_hours) * 3600 + int(end_minutes) * 60 + float(end_seconds),
            file,
            (int(box[0]), int(box[1]), int(box[2]), int(box[3])),
        )


def tile(folder: Path, cue: Cue) -> np.ndarray:
    x, y, width, height = cue.box
    with Image.open(folder / cue.file) as sheet:
        assert x + width <= sheet.width
        assert y + height <= sheet.height
        return np.asarray(sheet.crop((x, y, x + width, y + height)).convert("RGB")).astype(float)


def test_every_cue_shows_the_first_frame_of_its_interval(film: Path, tmp_path: Path) -> None:
    names = collected(film, settings_of(0.5), tmp_path)
    assert names == ["sprites-001.jpg", "sprites.vtt"]
    cues = list(cues_of(tmp_path))
    assert len(cues) == 50
    assert [cue.start for cue in cues] == [0.5 * number for number in range(50)]
    assert [cue.end for cue in cues] == [*(cue.start for cue in cues[1:]), 25.0]
    for number, cue in enumerate(cues):
        assert cue.box[2:] == (32, 18)
        assert np.abs(tile(tmp_path, cue) - gray_of(5 * number)).mean() < GRAY_ATOL
    with Image.open(tmp_path / "sprites-001.jpg") as sheet:
        assert sheet.size == (320, 90)  # only the rows that are used


def test_a_long_film_gets_several_sheets_written_as_they_fill(film: Path, tmp_path: Path) -> None:
    with open_source(film, threads=1) as source:
        collector = Feed(source.info, settings_of(0.1), tmp_path)
        for frame in source.frames():
            collector.push(frame)
            there = sorted(path.name for path in tmp_path.iterdir())
            full = (frame.index + 1) // 100
            assert there == [f"sprites-{number:03d}.jpg" for number in range(1, full + 1)]
        names = collector.finish()
    assert names == ["sprites-001.jpg", "sprites-002.jpg", "sprites-003.jpg", "sprites.vtt"]
    cues = list(cues_of(tmp_path))
    assert len(cues) == 250
    for number in (0, 99, 100, 155, 249):
        assert cues[number].file == f"sprites-{number // 100 + 1:03d}.jpg"
        assert np.abs(tile(tmp_path, cues[number]) - gray_of(number)).mean() < GRAY_ATOL
    assert cues[-1].end == pytest.approx(25.0)


def test_sparse_frames_leave_no_moment_without_a_tile(film: Path, tmp_path: Path) -> None:
    kept = (3, 64, 101, 240)
    collected(film, settings_of(1.0), tmp_path, keep=lambda frame: frame.index in kept)
    cues = list(cues_of(tmp_path))
    assert [(cue.start, cue.end) for cue in cues] == [(0, 6), (6, 10), (10, 24), (24, 25)]
    for number, cue in zip(kept, cues, strict=True):
        assert np.abs(tile(tmp_path, cue) - gray_of(number)).mean() < GRAY_ATOL


def test_frames_out_of_order_are_passed_over(film: Path, tmp_path: Path) -> None:
    with open_source(film, threads=1) as source:
        frames = [frame for frame in source.frames() if frame.index in (0, 50, 100)]
        collector = Feed(source.info, settings_of(1.0), tmp_path)
        for frame in (frames[0], frames[2], frames[1]):
            collector.push(frame)
        collector.finish(20.0)
    assert [(cue.start, cue.end) for cue in cues_of(tmp_path)] == [(0, 10), (10, 20)]


def test_a_tile_of_an_interval_that_is_taken_is_passed_over(film: Path, tmp_path: Path) -> None:
    """Parts of a film that are sampled on their own begin in the middle of an interval."""
    with open_source(film, threads=1) as source:
        collector = SpriteCollector(source.info, settings_of(1.0), tmp_path)
        frames = list(source.frames())
        for part in (frames[:15], frames[15:]):
            sampler = TileSampler(source.info, settings_of(1.0))
            for frame in part:
                sampler.push(frame)
            for tile in sampler.take():
                collector.push(tile)
        collector.finish(25.0)
    assert [cue.start for cue in cues_of(tmp_path)] == [float(n) for n in range(25)]


def test_without_a_frame_nothing_is_written(film: Path, tmp_path: Path) -> None:
    with open_source(film, threads=1) as source:
        assert SpriteCollector(source.info, settings_of(1.0), tmp_path / "no").finish() == []
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("name", "width", "size"),
    [
        ("closeup_man_vertical_14s.mp4", 160, (160, 284)),
        ("sar_2x1.mp4", 160, (160, 45)),
        ("keyboard_rot90.mov", 100, (100, 178)),
        ("tiny_64x48_5f.mp4", 160, (64, 48)),
    ],
)
def test_tiles_have_the_display_shape_and_are_never_enlarged(
    video: Callable[[str], Path], tmp_path: Path, name: str, width: int, size: tuple[int, int]
) -> None:
    collected(video(name), settings_of(60.0, width), tmp_path)
    cues = list(cues_of(tmp_path))
    assert len(cues) == 1
    assert cues[0].box == (0, 0, *size)
    assert tile(tmp_path, cues[0]).std() > 5


def test_a_picture_of_another_shape_mid_stream_is_fitted_not_stretched(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    square = np.full((60, 60, 3), 200, np.uint8)
    monkeypatch.setattr(
        "fastthumb.artwork.sprites.display_rgb", lambda frame, info, max_long_side: square
    )
    collected(film, settings_of(60.0), tmp_path)
    shown = tile(tmp_path, next(cues_of(tmp_path))).mean(axis=2)
    assert shown.shape == (18, 32)
    assert np.abs(shown[:, 9:23] - 200).mean() < GRAY_ATOL
    assert shown[:, :5].mean() < 20
    assert shown[:, -5:].mean() < 20


def test_hours_are_written_as_hours(film: Path, tmp_path: Path) -> None:
    with open_source(film, threads=1) as source:
        frame = next(iter(source.frames()))
        collector = Feed(source.info, settings_of(10.0), tmp_path)
        collector.push(frame)
        collector.finish(3_723.4567)
    assert "00:00:00.000 --> 01:02:03.457\n" in (tmp_path / "sprites.vtt").read_text()


def test_a_sheet_that_cannot_be_written_is_named(film: Path, tmp_path: Path) -> None:
    (tmp_path / "sprites-001.jpg").mkdir()
    with pytest.raises(OutputError, match=r"sprites-001\.jpg: cannot be written"):
        collected(film, settings_of(1.0), tmp_path)
