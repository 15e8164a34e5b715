"""Chunks of a film: each measured alone, joined to what one pass over the film measures."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fastthumb.chunks import ChunkedFilm
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.source import Source, open_source
from fastthumb.pieces import Looking, Piece
from fastthumb.pipeline import analyze
from fastthumb.presets import LEAST_CHUNKS, plan
from fastthumb.settings import Preset, Settings
from films import moving_shot, write_film

RATE = 12  # frames a second: long films of few frames


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 s in 20 shots of 60 frames, a keyframe every 24 frames."""
    frames = [frame for seed in range(20) for frame in moving_shot(seed, 60)]
    path = tmp_path_factory.mktemp("chunks") / "film.mp4"
    return write_film(path, frames, fps=RATE, gop=24)


def facts(piece: Piece) -> list[tuple[object, ...]]:
    """What a piece says, apart from the time that it took."""
    samples = [(n, pts, seconds, signals.grid.tobytes(), signals.motion, signals.difference)
               for signals, n, pts, seconds in piece.samples]  # fmt: skip
    slots = [(slot.index, slot.pts, slot.worth, slot.picture) for slot in piece.slots]
    return [*samples, *slots, *((tile.seconds, tile.picture.tobytes()) for tile in piece.tiles)]


def joined(pieces: list[Piece]) -> dict[int, tuple[object, ...]]:
    found: dict[int, tuple[object, ...]] = {}
    for piece in pieces:
        for signals, n, pts, seconds in piece.samples:
            found.setdefault(n, (pts, seconds, signals.grid.tobytes(), signals.difference,
                                 signals.motion, signals.laplacian_variance))  # fmt: skip
    return found


def test_chunks_tile_the_film_at_keyframes(film: Path) -> None:
    with open_source(film) as source:
        chunks = ChunkedFilm(source, None).chunks()
        keyframes = int(source.packets().keyframe.sum())
    assert len(chunks) == 6  # of 16 s
    assert chunks[0].first == 0
    assert chunks[-1].end == keyframes
    assert [one.end for one in chunks[:-1]] == [one.first for one in chunks[1:]]


def test_every_frame_in_chunks_measures_what_one_pass_does(film: Path) -> None:
    settings = Settings(preset="best", detect=False)
    with open_source(film) as source:
        decoding = plan(source, settings)
        assert decoding.film is not None
        chunked = joined(list(decoding.pieces()))
        straight = joined(list(decoding.straight().pieces()))
    assert sorted(chunked) == list(range(1200))
    assert chunked == straight


@pytest.mark.parametrize("preset", ["fast", "balanced", "best"])
def test_a_piece_depends_on_nothing_but_its_chunk(film: Path, preset: Preset) -> None:
    settings = Settings(preset=preset, detect=False, sprites=True)
    with open_source(film) as source:
        looking = Looking(source.info, settings)
        runs = [list(plan(source, settings, looking).pieces(threads)) for threads in (1, 2, 5)]
    first = [facts(piece) for piece in runs[0]]
    assert all(any(one) for one in first)
    for run in runs[1:]:
        assert [facts(piece) for piece in run] == first


def test_a_piece_can_be_sent_to_another_process(film: Path) -> None:
    settings = Settings(detect=False, sprites=True)
    with open_source(film) as source:
        chunked = ChunkedFilm(source, Looking(source.info, settings))
        piece = chunked.around_edits(chunked.chunks()[1], 2.0)
    sent = pickle.dumps(piece)
    assert facts(pickle.loads(sent)) == facts(piece)
    assert len(sent) < 4_000_000


def test_samples_are_no_farther_apart_than_the_interval(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", moving_shot(1, 600), fps=RATE, gop=60)
    with open_source(film) as source:
        for interval, most in ((1.0, 1.0), (5.0, 5.0)):
            settings = Settings(detect=False, interval_seconds=interval)
            decoding = plan(source, settings, Looking(source.info, settings))
            assert decoding.decodes == "around edits"
            seconds = [sample[3] for piece in decoding.pieces() for sample in piece.samples]
            gaps = np.diff(sorted({0.0, *seconds, 599 / RATE}))
            assert gaps.max() <= 1.25 * most + 1 / RATE


def test_groups_a_little_longer_than_the_interval_are_not_decoded_for_it(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", moving_shot(1, 600), fps=RATE, gop=25)
    settings = Settings(detect=False, interval_seconds=2.0)
    with open_source(film) as source:
        pieces = plan(source, settings, Looking(source.info, settings)).pieces()
        numbers = {sample[1] for piece in pieces for sample in piece.samples}
    assert len([n for n in numbers if n % 25 and n < 575]) == 0, "beside the film's end"


def test_what_no_keyframe_shows_has_a_slot(tmp_path: Path) -> None:
    """Eight pictures of half a second; the keyframes are two seconds apart."""
    shown = [(0, 130), (1, 6), (2, 6), (3, 6), (4, 132)]
    frames = [frame for seed, count in shown for frame in moving_shot(seed, count)]
    film = write_film(tmp_path / "film.mp4", frames, fps=RATE, gop=24)
    starts = np.cumsum([0, *(count for _, count in shown)])
    settings = Settings(detect=False)
    with open_source(film) as source:
        decoding = plan(source, settings, Looking(source.info, settings))
        assert decoding.decodes == "around edits"
        slots = [slot.index for piece in decoding.pieces() for slot in piece.slots]
    for first, end in pairwise(starts):
        assert [n for n in slots if first <= n < end], f"none between {first} and {end}"


def test_a_film_that_is_damaged_is_decoded_from_end_to_end(film: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    data = bytearray(film.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    broken.write_bytes(data)
    for preset in ("balanced", "best"):
        with open_source(broken) as source:
            decoding = plan(source, Settings(preset=preset))
            assert decoding.film is not None
            with pytest.raises(CannotSeek):
                list(decoding.pieces())
            analysis = analyze(source, Settings(preset=preset, detect=False))
            assert any("damaged" in warning for warning in analysis.warnings)
        assert len(analysis.table) > 1000


def test_a_short_film_is_one_pass(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", moving_shot(1, 300), fps=RATE, gop=24)
    with open_source(film) as source:
        assert len(ChunkedFilm(source, None).chunks()) < LEAST_CHUNKS
        assert plan(source, Settings(preset="best")).film is None


def test_nobody_waits_for_chunks_that_nobody_wants(film: Path) -> None:
    before = threading.active_count()
    with open_source(film) as source:
        pieces = plan(source, Settings(preset="best", detect=False)).pieces(3)
        next(pieces)
        pieces.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("name", ["bbb_68s_hevc.mp4", "mix_cuts_30s.mp4"])
def test_balanced_finds_the_shots_of_best(video: Callable[[str], Path], name: str) -> None:
    def starts(source: Source, preset: Preset) -> list[int]:
        analysis = analyze(source, Settings(preset=preset, detect=False))
        return [shot.start_frame for shot in analysis.shots]

    with open_source(video(name)) as source:
        assert starts(source, "balanced") == starts(source, "best")
