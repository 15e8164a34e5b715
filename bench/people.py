"""People in real films: leads have a close-up, crops cut no face, open eyes are preferred.

    python bench/people.py --data FOLDER [--out FOLDER]

Processes the films of the test data that show people with the small models and crops to 16:9,
2:3 and 1:1, and reports for every title: who was found, whether a lead has a close-up among the
variants, faces that a crop cuts (part of a face inside, part outside; faces that the camera cut
count apart), and variants with shut eyes although their shot offers the same person with open
ones. The pictures are for looking at; this tells which ones to look at first.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import fastthumb
from _report import save
from fastthumb.analysis.characters import find_characters
from fastthumb.records import TitleRecord, Variant
from fastthumb.store import StoredAnalysis, load_analysis

FILMS = (
    "asl_book_4s.mkv", "asl_walk_3s.mkv", "ball_juggle_10s_720p.mp4", "carphone_qcif.mp4",
    "chaplin_10s_bw.mp4", "closeup_man_vertical_14s.mp4", "closeup_redhair_woman_9s.mp4",
    "closeup_studio_woman_11s.mp4", "dancers_park_6s.mp4", "expressions_glasses_man_8s.mp4",
    "expressions_man_7s.mp4", "hamilton_whitehouse_10s.mp4", "his_girl_friday_6s_bw.mp4",
    "interlaced_tff_mpeg2.mpg", "kids_jumping_bed_7s.mp4", "office_man_1s_no_stss.mp4",
    "pancake_kitchen_10s.mkv", "selfie_hevc_rot90_vfr.mp4", "smiling_woman_dark_6s.mp4",
    "talking_blink_woman_18s.mp4", "tos_battle_70s_vp8.webm", "woman_dog_10s_720p.mp4",
    "woman_plants_9s_720p.mp4",
)  # fmt: skip
ASPECTS = ("16:9", "2:3", "1:1")
SHUT, OPEN = 0.3, 0.7
MAIN = 0.5  # of the largest face's height: faces that a crop must not cut
INSIDE = (0.02, 0.98)  # share of a face inside a crop that is neither out nor whole
CLOSE_UP = 0.305  # height of a face over the picture's, from which it is a close-up
ENOUGH_SECONDS = 1.0  # of screen time, from which a lead must have a close-up


def main() -> None:
    """Process the films, print a line each, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("FASTTHUMB_TEST_DATA", "../shared")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--out", type=Path, help="keep the titles here, to look at them")
    arguments = parser.parse_args()
    films = [arguments.data / "videos" / name for name in FILMS]
    with tempfile.TemporaryDirectory() as temporary:
        out = arguments.out or Path(temporary)
        titles = fastthumb.process(
            films, out, jobs=None, models_dir=str(arguments.data / "models"), aspects=ASPECTS
        )
        report = [examined(title, load_analysis(out / title.title_id)) for title in titles]
    for one in report:
        print(one)
    leads = [
        one for one in report if one["lead_seconds"] >= ENOUGH_SECONDS and one["offers_a_close_up"]
    ]
    data = {
        "titles": report,
        "titles_that_offer_a_close_up_of_a_lead": len(leads),
        "of_which_have_one_among_their_variants": sum(one["lead_close_up"] for one in leads),
        "pictures": sum(one["pictures"] for one in report),
        "pictures_that_cut_a_face": sum(one["cut_faces"] for one in report),
        "shut_eyes_where_the_shot_has_open_ones": sum(one["shut_eyes"] for one in report),
    }
    print({name: value for name, value in data.items() if name != "titles"})
    print("written", save("people", data))


def examined(title: TitleRecord, stored: StoredAnalysis) -> dict[str, Any]:
    """What a title shows of its people, and what it gets wrong."""
    leads = {one.name: one for one in title.characters if one.role in ("lead", "hero", "heroine")}
    found = find_characters(stored.tracks, stored.shots, stored.shots[-1].end_seconds)
    tracks = {track for one in found if one.name in leads for track in one.tracks}
    return {
        "title": title.title_id,
        "characters": len(title.characters),
        "lead_seconds": round(max((one.screen_seconds for one in leads.values()), default=0.0), 2),
        "offers_a_close_up": any(
            face.sure and face.box[3] - face.box[1] >= CLOSE_UP and face.track in tracks
            for candidate in stored.candidates
            for face in candidate.faces or ()
        ),
        "lead_close_up": any(
            variant.composition == "close-up" and set(variant.characters) & set(leads)
            for variant in title.variants
        ),
        "scene_types": [variant.scene_type for variant in title.variants],
        "pictures": sum(len(variant.files) for variant in title.variants),
        "cut_faces": sum(cut_faces(variant) for variant in title.variants),
        "cut_by_the_camera": sum(
            face.cut_off for variant in title.variants for face in main_faces(variant)
        ),
        "shut_eyes": sum(shut_needlessly(variant, stored) for variant in title.variants),
    }


def main_faces(variant: Variant) -> list[Any]:
    """The faces of a variant that nobody could overlook."""
    sure = [face for face in variant.faces if face.sure]
    least = MAIN * max((face.box[3] - face.box[1] for face in sure), default=0.0)
    return [face for face in sure if face.box[3] - face.box[1] >= least]


def cut_faces(variant: Variant) -> int:
    """Pictures of a variant that hold a part of a main face, and not the whole of it."""
    source = next(file for file in variant.files if file.aspect == "source").crop_box
    width, height = source[2] - source[0], source[3] - source[1]
    cut = 0
    for file in variant.files:
        crop = file.crop_box
        parts = []
        for face in main_faces(variant):
            box = [min(max(value, 0.0), 1.0) for value in face.box]  # as far as the frame shows it
            x0, x1 = source[0] + box[0] * width, source[0] + box[2] * width
            y0, y1 = source[1] + box[1] * height, source[1] + box[3] * height
            across = min(x1, crop[2]) - max(x0, crop[0])
            down = min(y1, crop[3]) - max(y0, crop[1])
            parts.append(max(across, 0.0) * max(down, 0.0) / max((x1 - x0) * (y1 - y0), 1e-9))
        cut += any(INSIDE[0] < part < INSIDE[1] for part in parts)
    return cut


def shut_needlessly(variant: Variant, stored: StoredAnalysis) -> bool:
    """Whether its first face has shut eyes although another candidate of the shot has open ones."""
    chosen = next(one for one in stored.candidates if one.pts == variant.frame_pts)
    for face in (chosen.faces or ())[:1]:
        if face.eyes_open is None or face.eyes_open >= SHUT or face.track < 0:
            return False
        others = [
            other.eyes_open or 0.0
            for candidate in stored.candidates
            for other in candidate.faces or ()
            if other.track == face.track
        ]
        return max(others) >= OPEN
    return False


if __name__ == "__main__":
    main()
