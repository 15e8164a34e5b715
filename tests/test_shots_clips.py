"""Shot detection on real clips whose edits were labeled by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fastthumb.analysis.shots import Shot, find_shots
from fastthumb.analysis.signals import measure
from fastthumb.media.source import open_source

# Labels say frames "+-3" for gradual transitions; a match is any overlap.
CUTS_ONLY = {
    "bbb_68s_hevc.mp4": [186, 300, 378, 519, 566, 620, 672, 782, 1027, 1069, 1277, 1381, 1600],
    "city_cuts_10s.mp4": [30, 76, 137, 187, 242],
    "hamilton_whitehouse_10s.mp4": [20, 82, 211],
}
GRADUALS = {
    "mix_gradual_27s.mp4": [
        ("dissolve", 49, 60), ("dissolve", 98, 122), ("fade", 164, 187), ("fade", 241, 256),
        ("wipe", 303, 317), ("dissolve", 427, 432), ("dissolve", 459, 498), ("fade", 540, 589),
    ],
    "psd_testvideo_24s.mp4": [
        ("fade", 211, 230), ("fade", 340, 362), ("fade", 393, 425), ("dissolve", 529, 558),
        ("fade", 665, 695),
    ],
}  # fmt: skip
GRADUAL_CUTS = {"mix_gradual_27s.mp4": [373], "psd_testvideo_24s.mp4": [30, 180]}
BATTLE_CUTS = [
    52, 122, 158, 221, 309, 715, 788, 872, 901, 987, 1127, 1157, 1203, 1234, 1246, 1284, 1345,
    1378, 1430, 1472, 1525, 1571, 1618, 1650, 1689,
]  # fmt: skip
ONE_SHOT = (
    "chaplin_10s_bw.mp4", "closeup_redhair_woman_9s.mp4", "cockatoo_14s_yuv444.mp4",
    "flower_5s_h264.mp4", "his_girl_friday_6s_bw.mp4", "kids_jumping_bed_7s.mp4",
    "traffic_highway_11s.mp4", "woman_dog_10s_720p.mp4", "jeep_turn_8s.mp4", "skiing_3s.mp4",
    "surfing_3s.mp4", "city_roofs_5s_240p60.mp4", "one_frame.mp4", "screen_vfr_timeline_9s.mp4",
)  # fmt: skip

Video = Callable[[str], Path]


def shots_of(path: Path) -> list[Shot]:
    with open_source(path) as source:
        frames = (
            (m.signals, m.frame.index, m.frame.pts, m.frame.seconds)
            for m in measure(source.frames(), source.info)
        )
        found = find_shots(frames)
    assert [s.start_frame for s in found] == [0, *(s.end_frame + 1 for s in found[:-1])]
    return found


def cuts_of(shots: list[Shot]) -> list[int]:
    return [shot.start_frame for shot in shots if shot.transition == "cut"]


@pytest.mark.parametrize("name", ONE_SHOT)
def test_a_clip_of_one_shot_is_one_shot(video: Video, name: str):
    assert len(shots_of(video(name))) == 1


@pytest.mark.parametrize("name", CUTS_ONLY)
def test_every_cut_is_found_on_its_frame_and_nothing_else(video: Video, name: str):
    found = shots_of(video(name))
    assert [s.start_frame for s in found[1:]] == CUTS_ONLY[name]
    assert cuts_of(found) == CUTS_ONLY[name]


@pytest.mark.parametrize("name", GRADUALS)
def test_every_gradual_transition_is_found(video: Video, name: str):
    found = shots_of(video(name))
    assert cuts_of(found) == GRADUAL_CUTS[name]
    blended = [
        (s.transition, s.transition_start_frame, s.transition_end_frame)
        for s in found
        if s.transition_end_frame is not None
    ]
    assert [kind for kind, _first, _last in blended] == [kind for kind, _, _ in GRADUALS[name]]
    for (_, first, last), (_, true_first, true_last) in zip(blended, GRADUALS[name], strict=True):
        assert first <= true_last
        assert last >= true_first


def test_jump_cut_short_shots_flash_and_exposure_step(data: Path, video: Video):
    labels = json.loads((data / "labels" / "mix_cuts_30s.json").read_text())
    true = [edit["frame"] for edit in labels["transitions"]]
    found = shots_of(video("mix_cuts_30s.mp4"))
    assert not set(cuts_of(found)) - set(true), "a flash or an exposure step was taken for a cut"
    # Frame 150 jumps ahead within one set-up; to miss that one would be forgivable.
    assert set(true) - set(cuts_of(found)) <= {150}


def test_a_battle_with_explosions_gunfire_and_whip_pans(video: Video):
    found = set(cuts_of(shots_of(video("tos_battle_70s_vp8.webm"))))
    assert len(found & set(BATTLE_CUTS)) >= 22
    assert len(found - set(BATTLE_CUTS)) <= 1


def test_a_fade_in_and_captions_that_come_and_go(video: Video):
    found = shots_of(video("bbb_30s_720p_vp8.webm"))
    assert [s.start_frame for s in found] == [0, 283, 376, 551]
    assert found[0].transition == "fade"
    assert found[0].usable_start_frame == pytest.approx(50, abs=5)
