"""A complete title record, as a run makes it, for tests of what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastthumb.records import TitleRecord


def variant_values(title_id: str, number: int, **changes: Any) -> dict[str, Any]:
    """The values of one variant; every number differs between variants."""
    step = number / 16
    return {
        "title_id": title_id,
        "variant": number,
        "timestamp": 12.345678 * number,
        "frame_pts": 296_000 * number,
        "time_base": "1/24000",
        "file": f"{number:02d}-action.jpg",
        "files": [
            {
                "file": f"{number:02d}-action.jpg",
                "aspect": "source",
                "width": 1920,
                "height": 800,
                "crop_box": (0, 140, 1920, 940),
            },
            {
                "file": f"{number:02d}-action-2x3.jpg",
                "aspect": "2:3",
                "width": 533,
                "height": 800,
                "crop_box": (600, 140, 1133, 940),
            },
        ],
        "shot": number - 1,
        "scene_type": "action" if number % 2 else "other",
        "composition": None,
        "people": "solo" if number == 1 else None,
        "quality_score": 1 - step,
        "visual_quality": {
            "brightness": 0.9 - step,
            "contrast": 0.8 - step,
            "sharpness": 0.7 - step / 2,
            "saturation": 0.4,
        },
        "content_analysis": {"action_score": step},
        "objects": ["dog"] if number == 2 else [],
        "palette": {
            "colors": [{"hex": "#0a1b2c", "share": 0.6}, {"hex": "#ffeedd", "share": 0.25}],
            "warmth": -0.5 + step,
        },
        "focal_point": (0.5, 0.25 + step / 2),
        "scores": {"visual": 0.8 - step, "thirds": 0.3333333333},
        "reason": "It is the sharpest picture of its scene (sharpness 0.66).",
    } | changes


def title_values(title_id: str = "film", count: int = 4, **changes: Any) -> dict[str, Any]:
    """The values of one title record with `count` variants."""
    return {
        "fastthumb_version": "0.1.0",
        "title_id": title_id,
        "source": {
            "path": Path("/films") / f"{title_id}.mkv",
            "container": "matroska,webm",
            "codec": "h264",
            "pixel_format": "yuv420p",
            "width": 1920,
            "height": 1080,
            "display_width": 1920,
            "display_height": 1080,
            "duration_seconds": 123.456,
            "frame_rate": "24000/1001",
            "frames_analyzed": 2960,
            "time_base": "1/24000",
            "start_pts": 0,
            "rotation": 0,
            "sample_aspect_ratio": "1/1",
            "bit_depth": 8,
            "interlaced": False,
            "has_alpha": False,
            "color": {
                "matrix": "bt709",
                "primaries": "bt709",
                "transfer": "sdr",
                "full_range": False,
            },
            "content_box": (0, 140, 1920, 940),
        },
        "content_hash": "sha256-sampled:" + "ab" * 32,
        "settings": {"preset": "balanced", "genre": "default", "variants": 8, "aspects": ["2:3"]},
        "device": "cpu",
        "timings": {"frames": {"seconds": 1.25, "frames": 2960}},
        "warnings": ["film.mkv: the last 12 packets do not decode"],
        "shots": [
            {
                "index": 0,
                "start_frame": 0,
                "end_frame": 2959,
                "start_pts": 0,
                "end_pts": 2_961_959,
                "start_seconds": 0.0,
                "end_seconds": 123.414958,
                "transition": "start",
                "transition_start_frame": None,
                "transition_end_frame": None,
                "scene": 0,
                "repeat_of": None,
                "content": "picture",
            }
        ],
        "variants": [variant_values(title_id, number + 1) for number in range(count)],
        "files": ["contact-sheet.jpg", "shots.csv", "analysis.npz"],
    } | changes


def character_values(name: str, rank: int = 1, **changes: Any) -> dict[str, Any]:
    """The values of one character with two portraits; the first has most screen time."""
    return {
        "name": name,
        "role": "lead" if rank < 3 else "supporting",
        "known": not name.startswith(("lead-", "person-")),
        "likeness": None if name.startswith(("lead-", "person-")) else 0.625,
        "screen_seconds": 60.5 / rank,
        "screen_share": 0.5 / rank,
        "shots": [0],
        "with_seconds": {},
        "portraits": [
            {
                "file": f"face-{rank:02d}-{number}.jpg",
                "timestamp": 10.0 * number,
                "frame_pts": 240_000 * number,
                "box": (0.4, 0.2, 0.5, 0.45),
            }
            for number in (1, 2)
        ],
    } | changes


def face_values(character: str | None = None, left: float = 0.25, **changes: Any) -> dict[str, Any]:
    """The values of one face of a variant."""
    return {
        "box": (left, 0.2, left + 0.125, 0.5),
        "character": character,
        "score": 0.9,
        "sharpness": 0.75,
        "turn": 0.1,
        "roll": -3.5,
        "cut_off": False,
        "sure": True,
        "eyes_open": 0.96,
        "expression": "happy",
        "expression_score": 0.8,
    } | changes


def peopled_values(title_id: str = "film") -> dict[str, Any]:
    """The values of a title with two known people, in four variants that all differ in tags."""
    people = [
        character_values("Ada King", 1, with_seconds={"lead-2": 12.25}),
        character_values("lead-2", 2, with_seconds={"Ada King": 12.25}),
    ]
    shown: list[dict[str, Any]] = [
        {
            "scene_type": "lead-close-up",
            "composition": "close-up",
            "people": "solo",
            "characters": ["Ada King"],
            "faces": [face_values("Ada King")],
            "setting": {"indoor": 0.9, "night": 0.1},
        },
        {
            "scene_type": "romantic",
            "composition": "mid",
            "people": "duo",
            "characters": ["Ada King", "lead-2"],
            "faces": [face_values("Ada King"), face_values("lead-2", 0.5)],
            "objects": ["chair"],
            "setting": {"indoor": 0.8, "night": 0.5},
        },
        {
            "scene_type": "action",
            "composition": "wide",
            "people": "solo",
            "characters": ["lead-2"],
            "faces": [face_values("lead-2", 0.6), face_values(None, 0.1)],
            "objects": ["car", "dog"],
            "setting": {"indoor": 0.05, "night": 0.95},
        },
        {
            "scene_type": "landscape",
            "composition": "extreme-wide",
            "people": "none",
            "faces": [],
            "objects": [],
            "setting": {"indoor": 0.0, "night": None},
        },
    ]
    for values in shown:
        values["object_boxes"] = [
            {"box": (0.5, 0.5, 0.75, 0.9), "label": label, "group": "other", "score": 0.6}
            for label in values.get("objects", [])
        ]
        values["rule_inputs"] = {"face_height": 0.3}
    variants = [
        variant_values(title_id, number, **changes) for number, changes in enumerate(shown, 1)
    ]
    pictures = [portrait["file"] for one in people for portrait in one["portraits"]]
    values = title_values(title_id) | {"characters": people, "variants": variants}
    return values | {"files": [*values["files"], *pictures]}


def title_record(title_id: str = "film", count: int = 4, **changes: Any) -> TitleRecord:
    """A valid title record with `count` variants."""
    return TitleRecord.model_validate(title_values(title_id, count, **changes))
