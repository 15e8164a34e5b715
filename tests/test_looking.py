"""The looker: which samples of a film are looked at, and what it counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from face_samples import face
from fastthumb.analysis.detections import Contents, Face
from fastthumb.looking import FrameLooker, seconds_between_looks
from fastthumb.settings import Settings
from fastthumb.timing import StageClock
from stills_samples import frames_of, info_of, landscape

PICTURE = landscape(1, 64, 36)


class Detecting:
    """Detectors that see in each second of a film whom a test says, and count their looks."""

    def __init__(self, people: dict[float, int] | None) -> None:
        self.people, self.looks = people, 0

    def faces(self, view: Any) -> tuple[Face, ...]:
        return (face(), face(x=0.8))

    def read(self, view: Any, faces: Any) -> tuple[Face, ...]:
        return tuple(faces)

    def contents(self, view: Any, faces: Any) -> Contents:
        return Contents(lettering=tuple(one.box for one in faces))


class Watching:
    """What stands for face_watch.FaceWatch: knows the second of a frame."""

    def __init__(self, people: list[int] | None) -> None:
        self.people, self.looked, self.forgotten = people, list[tuple[int, bool]](), 0

    def look(self, view: Any, *, goes_on: bool, remember: bool = True) -> tuple[Face, ...] | None:
        if self.people is None:
            return None
        self.looked.append((view, goes_on))
        self.forgotten += not remember
        return tuple(face(x=0.2 + 0.2 * n) for n in range(self.people[view]))


def watched(
    people: list[int] | None, edits: tuple[int, ...] = (), every: float = 1.5
) -> tuple[list[list[int]], Watching, StageClock]:
    """Frame numbers of the sightings for each second of a film, with so many people in it."""
    frames = frames_of([PICTURE] * (24 * (len(people) if people else 3)))[::24]
    clock = StageClock()
    looker = FrameLooker(Detecting({}), info_of(PICTURE), clock, every_seconds=every)  # type: ignore[arg-type]
    stand_in: Any = Watching(people)
    looker._watch = stand_in
    looker._view = lambda frame: round(frame.seconds)  # type: ignore[assignment,return-value,union-attr]
    found = []
    for second, frame in enumerate(frames):
        seen = looker.watch(frame, goes_on=second > 0 and second not in edits)
        found.append([round(one.seconds) for one in seen])
    return found, stand_in, clock


def test_every_second_sample_is_looked_at() -> None:
    found, watch, clock = watched([1, 1, 1, 1, 1])
    assert found == [[0], [], [2], [], [4]]
    assert watch.looked == [(0, False), (2, True), (4, True)]
    assert clock.stages["faces"].frames == 3


def test_rarer_where_that_is_asked_for() -> None:
    assert watched([1, 1, 1, 1, 1], every=3.0)[0] == [[0], [], [], [3], []]


def test_the_first_sample_behind_an_edit_is_looked_at() -> None:
    found, watch, _ = watched([1, 1, 1, 1, 1], edits=(1,))
    assert found == [[0], [1], [], [3], []]
    assert watch.looked == [(0, False), (1, False), (3, True)]


def test_where_somebody_came_the_sample_between_is_looked_at() -> None:
    found, watch, _ = watched([1, 2, 2, 2, 1])
    assert found == [[0], [], [1, 2], [], [3, 4]]
    assert watch.forgotten == 2, "the later sample is the one that is remembered"


def test_behind_an_edit_nobody_came() -> None:
    assert watched([1, 1, 2, 2, 2], edits=(2,))[0] == [[0], [], [2], [], [4]]


def test_without_a_detector_nothing_is_seen() -> None:
    assert watched(None)[0] == [[], [], []]


def test_short_films_are_looked_at_more_often() -> None:
    every, fast = Settings(), Settings(preset="fast")
    assert seconds_between_looks(fast, 7200.0) > seconds_between_looks(every, 7200.0) > 1.0
    assert seconds_between_looks(every, None) == seconds_between_looks(every, 7200.0)
    assert seconds_between_looks(every, 10.0) < 0.1


def test_copies_of_frames_will_do() -> None:
    looker = FrameLooker(Detecting({}), info_of(PICTURE), StageClock())  # type: ignore[arg-type]
    [frame] = frames_of([PICTURE])
    for picture in (frame, np.ascontiguousarray(PICTURE)):
        assert len(looker.faces(picture) or ()) == 2
        assert looker.faces(picture, seen=[face()]) is not None
        assert len(looker.faces(picture, seen=[face()]) or ()) == 1
        assert looker.contents(picture, [face()]).lettering == (face().box,)


@pytest.mark.parametrize("small", [False, True])
def test_a_real_film_is_watched(models: Any, video: Any, small: bool) -> None:
    from fastthumb.analysis.detectors import Detectors
    from fastthumb.media.source import open_source

    detectors = Detectors.open(models, small_faces=small)
    with open_source(video("closeup_redhair_woman_9s.mp4")) as source:
        looker = FrameLooker(detectors, source.info, StageClock())
        seen = [
            sighting
            for frame in source.frames()
            if frame.index % 24 == 0
            for sighting in looker.watch(frame, goes_on=frame.index > 0)
        ]
    assert 3 <= len(seen) <= 7
    embeddings = [one.faces[0].embedding for one in seen if one.faces]
    assert len(embeddings) == len(seen)
    first = embeddings[0]
    assert first is not None
    assert all(one is not None and float(one @ first) > 0.4 for one in embeddings)
