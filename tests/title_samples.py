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


def title_record(title_id: str = "film", count: int = 4, **changes: Any) -> TitleRecord:
    """A valid title record with `count` variants."""
    return TitleRecord.model_validate(title_values(title_id, count, **changes))
