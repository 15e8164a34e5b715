"""Refining: every frame around a pick is decoded, and the best of the moment is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from face_samples import track
from fastthumb.analysis.candidates import Candidate, CandidateCollector, judge
from fastthumb.analysis.detections import NOT_LOOKED_AT, Contents, Face, FoundObject
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import SignalTable, measure
from fastthumb.analysis.slots import SlotSampler
from fastthumb.analysis.tracks import Track, eyes_open
from fastthumb.casting import choose_pictures
from fastthumb.looking import FrameLooker, detectors_for
from fastthumb.media.source import Frame, Source, SourceInfo, open_source
from fastthumb.refining import choose_refined, refine
from fastthumb.settings import Settings
from fastthumb.timing import StageClock
from films import moving_shot, textured, write_film
from people_samples import face_of
from stills_samples import Picture, blurred, shot_of

GOP = 24
PIXELS = Settings.build(detect=False, preset="balanced", variants=4)


@dataclass
class Known:
    """What is known of a film of which only keyframes were decoded."""

    info: SourceInfo
    table: SignalTable
    shots: list[Shot]
    candidates: list[Candidate]
    tracks: list[Track] = field(default_factory=list)
    dialogue: None = None
    synopsis: None = None
    models: Sequence[tuple[str, str, str]] = ()


def known(source: Source, shots: list[Shot]) -> Known:
    """All keyframes of a film with these shots as candidates."""
    pts = np.sort(source.packets().pts)
    table, collector = SignalTable(), CandidateCollector(source.info, PIXELS)
    candidates = []
    for frame in source.keyframes():
        index = int(np.searchsorted(pts, frame.pts))
        [one] = measure([replace(frame, index=index)], source.info)  # compared with no other
        table.append(*one.sample, keyframe=True)
        collector.push(one.signals, index, frame.seconds)
        sampler = SlotSampler(source.info)
        sampler.push(one)
        sampler.finish()
        collector.add(sampler.take())
        [held] = collector.close(shot_of(0, index, index))
        shot = next((s.index for s in shots if s.start_frame <= index <= s.end_frame), None)
        if shot is not None:
            candidates.append(replace(judge(held, source.info), shot=shot))
    return Known(source.info, table, shots, candidates)


def film_of(folder: Path, pictures: list[Picture]) -> Path:
    """A film of these pictures and of others behind them, so that it can be decoded in parts."""
    more = [frame for seed in range(90, 97) for frame in moving_shot(seed, 48)]
    return write_film(folder / "film.mp4", pictures + more, gop=GOP)


def refined_at(path: Path, shots: list[Shot], frame: int) -> list[int]:
    """The frames that take the place of the candidate at a keyframe."""
    with open_source(path) as source:
        analysis = known(source, shots)
        [chosen] = [one for one in analysis.candidates if one.frame_index == frame]
        found = refine(source, analysis, [chosen], None)
    assert all(one.refined for one in found)
    return [one.frame_index for one in found]


@pytest.mark.parametrize("sharp", [17, 24 + 11], ids=["before", "behind"])
def test_the_sharp_frame_among_blurred_ones_is_found(tmp_path, sharp) -> None:
    picture = textured(1)
    pictures = [blurred(picture, 2.5)] * 48
    pictures[sharp] = picture
    assert refined_at(film_of(tmp_path, pictures), [shot_of(0, 0, 47)], 24) == sorted([24, sharp])


def test_what_lies_farther_away_is_another_moment(tmp_path) -> None:
    picture = textured(1)
    pictures = [blurred(picture, 2.5)] * 48
    pictures[24 + 14] = picture
    assert 24 + 14 not in refined_at(film_of(tmp_path, pictures), [shot_of(0, 0, 47)], 24)


def test_a_camera_that_comes_to_rest_is_shown_at_rest(tmp_path) -> None:
    wide = textured(2, 320 + 40 * 14, 180)
    moved = [wide[:, 14 * min(k, 32) : 14 * min(k, 32) + 320] for k in range(48)]
    smear = [np.asarray(Image.fromarray(one).resize((40, 180), Image.Resampling.BOX)
             .resize((320, 180), Image.Resampling.BILINEAR)) for one in moved]  # fmt: skip
    pictures = [smear[k] if k < 32 else moved[k] for k in range(48)]
    old, new = refined_at(film_of(tmp_path, pictures), [shot_of(0, 0, 47)], 24)
    assert old == 24
    assert new >= 32


def test_a_cut_and_a_transition_are_not_crossed(tmp_path) -> None:
    dull, sharp = [blurred(textured(1), 2.5)] * 29, [textured(2)] * 19
    path = film_of(tmp_path, dull + sharp)
    shots = [shot_of(0, 0, 28), shot_of(1, 29, 47)]
    assert max(refined_at(path, shots, 24)) <= 28
    blended = [shot_of(0, 0, 47, usable_end_frame=28)]
    assert max(refined_at(path, blended, 24)) <= 28


def test_a_frame_as_good_as_the_others_stays_and_learns_from_its_neighbors(tmp_path) -> None:
    path = film_of(tmp_path, moving_shot(1, 48))
    with open_source(path) as source:
        analysis = known(source, [shot_of(0, 0, 47)])
        [chosen] = [one for one in analysis.candidates if one.frame_index == 24]
        found = refine(source, analysis, [chosen], None)
    again = next(one for one in found if one.frame_index == 24)
    assert chosen.stillness == 1.0, "a keyframe alone tells nothing of motion"
    assert 0.5 < again.stillness < 1.0
    assert 5.0 < again.signals["moment_motion"] < 20.0, "half a pixel a frame"
    assert again.signals["luma_mean"] == chosen.signals["luma_mean"]
    assert (again.pts, again.seconds, again.shot) == (chosen.pts, chosen.seconds, chosen.shot)


def test_a_film_that_cannot_be_decoded_in_parts_stays_as_it_is(tmp_path) -> None:
    picture = textured(1)
    pictures = [blurred(picture, 2.5)] * 60
    pictures[30] = picture
    path = write_film(tmp_path / "film.mp4", pictures, gop=1000)
    with open_source(path) as source:
        analysis = known(source, [shot_of(0, 0, 59)])
        before = list(analysis.candidates)
        refined = refine(source, analysis, before, None)
    assert refined == [replace(one, refined=True) for one in before]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Shot]]:
    """Ten shots of two seconds; a frame behind each keyframe is sharper than the rest."""
    pictures = []
    for seed in range(10):
        shot = [blurred(one, 1.2) for one in moving_shot(seed, 48)]
        for sharp in (4 + seed % 4, 28 + seed % 4):
            shot[sharp] = moving_shot(seed, 48)[sharp]
        pictures += shot
    path = write_film(tmp_path_factory.mktemp("refining") / "film.mp4", pictures, gop=GOP)
    return path, [shot_of(k, 48 * k, 48 * k + 47) for k in range(10)]


def test_the_choice_is_that_of_the_candidates_which_it_leaves(film) -> None:
    path, shots = film
    with open_source(path) as source:
        analysis = known(source, shots)
        at_first = [pick.scored.candidate.pts for pick in choose_pictures(analysis, PIXELS).picks]
        choice = choose_refined(source, analysis, PIXELS, None, None)
    chosen = [pick.scored.candidate for pick in choice.picks]
    assert all(one.refined for one in chosen)
    assert {one.frame_index % GOP for one in chosen} <= {4, 5, 6, 7}
    assert [one.pts for one in chosen] != at_first
    again = [pick.scored.candidate.pts for pick in choose_pictures(analysis, PIXELS).picks]
    assert again == [one.pts for one in chosen]
    indexes = [one.frame_index for one in analysis.candidates]
    assert indexes == sorted(set(indexes))


def test_the_result_does_not_depend_on_the_number_of_threads(film) -> None:
    path, shots = film
    results = []
    for threads in (1, 3):
        with open_source(path) as source:
            analysis = known(source, shots)
            results.append(refine(source, analysis, analysis.candidates, None, threads=threads))
    one, three = results
    assert [c.frame_index for c in one] == [c.frame_index for c in three]
    assert [c.signals for c in one] == [c.signals for c in three]


def test_pictures_that_are_made_already_stay(film) -> None:
    path, shots = film
    with open_source(path) as source:
        analysis = known(source, shots)
        before = choose_pictures(analysis, PIXELS)
        made = {pick.scored.candidate.pts for pick in before.picks}
        after = choose_refined(source, analysis, PIXELS, None, None, made=made)
    assert [pick.scored.candidate.pts for pick in after.picks] == [
        pick.scored.candidate.pts for pick in before.picks
    ]


class Watcher:
    """Sees the same face everywhere, its eyes open in some frames only."""

    def __init__(self, opened: set[int]) -> None:
        self.opened, self.looks, self.contents_of = opened, [], []

    def faces(self, frame: Frame) -> tuple[Face, ...]:
        self.looks.append(frame.index)
        return (face_of(eyes=0.3 if frame.index in self.opened else 0.05),)

    def contents(self, frame: Frame) -> Contents:
        self.contents_of.append(frame.index)
        return replace(NOT_LOOKED_AT, objects=())


def with_face(candidate: Candidate) -> Candidate:
    """A candidate that shows a face with shut eyes, and a thing."""
    things = (FoundObject("cup", "prop", (0.1, 0.1, 0.2, 0.2), 0.9),)
    shut = face_of(eyes=0.05, eyes_open=0.0, track=0)
    return replace(candidate, faces=(shut,), contents=Contents(objects=things))


def test_open_eyes_are_looked_for_in_a_few_frames_of_a_moment_with_a_face(tmp_path) -> None:
    path = film_of(tmp_path, [textured(1)] * 48)
    watcher = Watcher(set(range(48)) - {22, 23, 24, 25, 26})
    with open_source(path) as source:
        analysis = known(source, [shot_of(0, 0, 47)])
        [chosen] = [with_face(one) for one in analysis.candidates if one.frame_index == 24]
        found = refine(source, analysis, [chosen], watcher)
    old, new = sorted(found, key=lambda one: one.frame_index != 24)
    assert new.frame_index in watcher.opened
    assert len(watcher.looks) <= 3
    assert new.faces is not None
    assert (new.faces[0].track, new.faces[0].eyes_open) == (0, 1.0)
    assert old.faces == chosen.faces
    assert new.contents == chosen.contents, "the picture is the same"
    assert watcher.contents_of == []


def test_what_a_picture_shows_is_looked_at_again_where_it_is_another_picture(tmp_path) -> None:
    dull = [blurred(textured(1), 3.0)] * 30
    path = film_of(tmp_path, dull + [textured(2)] * 18)  # nobody reported the cut
    watcher = Watcher(set(range(48)))
    with open_source(path) as source:
        analysis = known(source, [shot_of(0, 0, 47)])
        [chosen] = [one for one in analysis.candidates if one.frame_index == 24]
        chosen = replace(chosen, faces=(), contents=Contents(objects=()))
        found = refine(source, analysis, [chosen], watcher)
    [new] = [one for one in found if one.frame_index != 24]
    assert watcher.contents_of == watcher.looks == [new.frame_index]
    assert new.faces


def test_a_picture_that_no_network_has_seen_is_looked_at(tmp_path) -> None:
    path = film_of(tmp_path, moving_shot(1, 48))
    watcher = Watcher(set(range(48)))
    with open_source(path) as source:
        analysis = known(source, [shot_of(0, 0, 47)])
        analysis.models = [("things", "objects", "0" * 64)]
        [chosen] = [one for one in analysis.candidates if one.frame_index == 24]
        found = refine(source, analysis, [chosen], watcher)
    assert all(one.contents.objects is not None and one.faces for one in found)


def test_the_frames_of_moments_are_counted(tmp_path) -> None:
    path = film_of(tmp_path, moving_shot(1, 48))
    clock = StageClock()
    with open_source(path) as source:
        analysis = known(source, [shot_of(0, 0, 40)])
        near = [one for one in analysis.candidates if one.frame_index in (0, 24)]
        refine(source, analysis, near, None, clock=clock)
    assert clock.stages["decode moments"].frames == 37, "0..12 and 12..36, together"


def test_a_blink_is_replaced_by_open_eyes_in_a_real_film(video, models, tmp_path) -> None:
    with open_source(video("talking_blink_woman_18s.mp4")) as source:
        pictures = [f.image.to_ndarray(format="rgb24") for f in source.frames()]
    pictures = pictures[120:300]
    path = write_film(tmp_path / "blinks.mp4", pictures, fps=30, gop=20)
    detectors = detectors_for(Settings.build(models_dir=str(models)))
    assert detectors is not None
    with open_source(path) as source:
        looker = FrameLooker(detectors, source.info, StageClock())
        analysis = known(source, [shot_of(0, 0, len(pictures) - 1, rate=30)])
        person = replace(track(0, None), open_eyes=0.31)
        analysis.tracks.append(person)
        changes = []
        frames = {frame.pts: frame for frame in source.keyframes()}
        for candidate in analysis.candidates:
            [face] = (looker.faces(frames[candidate.pts]) or ())[:1]
            eyes = face.eyes or 0.0
            seen = replace(face, track=0, eyes_open=eyes_open(eyes, person.open_eyes))
            if seen.eyes_open == 0.0:
                found = refine(source, analysis, [replace(candidate, faces=(seen,))], looker)
                opened = [(one.faces or (seen,))[0].eyes_open or 0.0 for one in found]
                changes.append(max(opened))
    assert len(changes) >= 3, "few keyframes with shut eyes: this proves nothing"
    opened_more = sum(change > 0.2 for change in changes)
    assert opened_more >= 0.75 * len(changes), "she keeps them shut for longer only once"
    assert max(changes) == 1.0
