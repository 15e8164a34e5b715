"""Fetching: frames decoded again by several decoders are those of a straight pass."""

from __future__ import annotations

from pathlib import Path
from threading import Lock, current_thread

import numpy as np
import pytest

from fastthumb.artwork.fetching import decoders_for, fetch
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.source import Source, open_source
from film_samples import source_info
from films import moving_shot, write_film
from test_source_seeking import digest


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = [frame for seed in range(6) for frame in moving_shot(seed, 48)]
    return write_film(tmp_path_factory.mktemp("fetching") / "film.mp4", frames, gop=24)


def fetched(source: Source, pts: list[int], threads: int) -> dict[int, str]:
    """Digests by timestamp; no frame may come twice."""
    found, lock = {}, Lock()

    def take(frame) -> None:
        with lock:
            assert frame.pts not in found
            found[frame.pts] = digest(frame)

    fetch(source, pts, take, threads=threads)
    return found


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(
    "numbers", [[7], [0, 5, 6, 23, 24, 100, 101, 140, 250, 287]], ids=["one", "many"]
)
def test_the_frames_are_those_of_a_straight_pass(film, numbers, threads) -> None:
    with open_source(film) as source:
        straight = {frame.index: (frame.pts, digest(frame)) for frame in source.frames()}
        wanted = dict(straight[number] for number in numbers)
        assert fetched(source, list(wanted), threads) == wanted


def test_a_timestamp_without_a_frame_is_left_out_with_a_warning(film) -> None:
    with open_source(film) as source:
        pts = np.sort(source.packets().pts)[[3, 60, 90, 200]].tolist()
        found = fetched(source, [*pts, pts[1] + 1, pts[-1] * 90], 2)
        assert sorted(found) == pts
        assert "2 timestamps" in " ".join(source.warnings)


def test_where_a_part_cannot_be_decoded_alone_the_film_is_walked_through(film, monkeypatch) -> None:
    with open_source(film) as source:
        pts = np.sort(source.packets().pts)[[3, 60, 90, 200]].tolist()
        wanted = fetched(source, pts, 2)

        def none_of_them(spans):
            yield from ()
            raise CannotSeek

        monkeypatch.setattr(source, "span_frames", none_of_them)
        assert fetched(source, pts, 2) == wanted


@pytest.mark.parametrize("name", ["interlaced_tff_mpeg2.mpg", "no_duration.webm"])
def test_other_films_are_walked_through(video, name) -> None:
    with open_source(video(name)) as source:
        pts = [frame.pts for frame in source.frames()][::9]
        wanted = {frame.pts: digest(frame) for frame in source.frames_at(pts)}
        assert fetched(source, pts, 4) == wanted


def test_what_goes_wrong_with_a_frame_ends_it_all(film) -> None:
    with open_source(film) as source:
        pts = source.packets().pts.tolist()

        def fail(_frame) -> None:
            raise OSError(current_thread().name)

        with pytest.raises(OSError, match="decode"):
            fetch(source, pts, fail, threads=3)


def test_large_pictures_have_few_decoders() -> None:
    counts = [
        decoders_for(source_info(width=width, height=width * 9 // 16), 64)
        for width in (1280, 1920, 3840, 7680)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 4 * counts[2] > 0
    assert counts[3] == 1
    assert decoders_for(source_info(), 2) == 2
