"""The films of bench/film.py, and what they are made of: edits, groups of pictures, encoder.

The average shot of a film used to last 8 to 11 seconds and lasts 4 to 6 in recent ones (David
Bordwell on "The Way Hollywood Tells It", University of California Press 2006, at cinemetrics),
and lengths vary within a film as its scenes do. The default film is joined of three parts of 200 s,
composed with shots of 4 to 15, 3 to 12 and 1.5 to 7 s (the test clips end many of them early);
the three together average 4.7 s. Twenty minutes show the parts twice: they repeat.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from _films import composed, encoded_again, joined, truth_of
from fastthumb.media.source import open_source

PART_SECONDS = 200
FULL_HD = ("--size", "1920x1080")
TWO_SECONDS = ("--gop", "48")  # at 24 frames a second, keyframes nowhere else


def _part(pace: str, shot: str, seed: int) -> Path:
    minutes = f"{PART_SECONDS / 60:.2f}"
    options = ("--minutes", minutes, *FULL_HD, *TWO_SECONDS, "--shot", shot, "--seed", str(seed))
    return composed(f"film-1080p-{pace}.mp4", *options)


def slow() -> Path:
    return _part("slow", "4:15", 22)


def even() -> Path:
    return _part("even", "3:12", 21)


def brisk() -> Path:
    return _part("brisk", "1.5:7", 23)


def hurried() -> Path:
    options = (*FULL_HD, *TWO_SECONDS, "--shot", "1.5:5", "--seed", "27")
    return composed("film-1080p-hurried.mp4", "--minutes", "2", *options)


def whole_film(minutes: float) -> Path:
    """Parts of every pace in turn, to about this many minutes."""
    parts = [even, brisk, slow]
    count = max(1, round(minutes * 60 / PART_SECONDS))
    made = [parts[n % len(parts)]() for n in range(count)]
    return joined(f"film-1080p-{count}-parts.mp4", made)


def streamed() -> Path:
    """Ten minutes of these parts at the bit rate at which services stream 1080p."""
    return encoded_again(whole_film(10), "film-1080p-6-mbit.mp4", kilobits_per_second=6000)


def long_gops() -> Path:
    options = (*FULL_HD, "--gop", "250", "--scenecut", "--shot", "3:12", "--seed", "24")
    return composed("film-1080p-long-gop.mp4", "--minutes", "4", *options)


def hevc() -> Path:
    options = (*FULL_HD, *TWO_SECONDS, "--codec", "libx265", "--shot", "3:12", "--seed", "26")
    return composed("film-1080p-hevc.mp4", "--minutes", "2", *options)


def ultra_hd() -> Path:
    options = ("--size", "3840x2160", *TWO_SECONDS, "--shot", "2:6", "--seed", "25")
    return composed("film-4k.mp4", "--minutes", "2", *options)


@dataclass(frozen=True)
class Kind:
    """One of the films that the bench knows by name."""

    title: str
    make: Callable[[float], Path]  # given the minutes of the default film


KINDS = {
    "h264": Kind("1080p H.264, a keyframe every 2 s, none at cuts", whole_film),
    "streamed": Kind("1080p H.264 at 6 Mbit/s, a keyframe every 2 s", lambda _: streamed()),
    "long-gop": Kind(
        "1080p H.264, keyframes at cuts, else up to 10 s apart", lambda _: long_gops()
    ),
    "hevc": Kind("1080p HEVC, a keyframe every 2 s and at cuts", lambda _: hevc()),
    "4k": Kind("3840x2160 H.264, a keyframe every 2 s, none at cuts", lambda _: ultra_hd()),
}
CUT_RATES = (slow, even, brisk, hurried)


def facts(film: Path) -> dict[str, Any]:
    """What a film is made of; without its edits where they are not known."""
    with open_source(film) as source:
        info, packets = source.info, source.packets()
    keyframes = keyframe_numbers(film)
    groups = np.diff(np.append(keyframes, len(packets)))
    seconds = len(packets) / float(info.average_rate or 24)
    found: dict[str, Any] = {
        "file": film.name,
        "bytes": film.stat().st_size,
        "minutes": round(seconds / 60, 2),
        "frames": len(packets),
        "size": [info.width, info.height],
        "codec": info.codec,
        "kilobits_per_second": round(film.stat().st_size * 8 / 1000 / seconds),
        "encoder": encoder_settings(film),
        "keyframes": len(keyframes),
        "longest_group_frames": int(groups.max()),
    }
    truth = truth_of(film)
    if truth is not None:
        edits = [*truth["cuts"], *((a + b) // 2 for _kind, a, b in truth["graduals"])]
        lengths = [float((b - a + 1) / Fraction(truth["fps"])) for a, b, *_ in truth["shots"]]
        with_edit = set(np.searchsorted(keyframes, edits).tolist())
        found |= {
            "edits": len(edits),
            "gradual_edits": len(truth["graduals"]),
            "edits_per_minute": round(len(edits) / seconds * 60, 2),
            "mean_shot_seconds": round(seconds / len(lengths), 2),
            "shot_seconds_range": [round(min(lengths), 2), round(max(lengths), 2)],
            "share_of_groups_with_an_edit": round(len(with_edit) / len(keyframes), 3),
            "parts": len(truth.get("joints", [])) + 1,
        }
    return found


def keyframe_numbers(film: Path) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Numbers of the frames that are keyframes, in presentation order."""
    with open_source(film) as source:
        packets = source.packets()
    order = np.argsort(packets.pts, kind="stable")
    return np.flatnonzero(packets.keyframe[order])


def encoder_settings(film: Path) -> str | None:
    """What x264 or x265 wrote of itself into the stream; None where it says nothing."""
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        head = bytes(stream.codec_context.extradata or b"")
        head += bytes(next(container.demux(stream)))
    told = re.search(rb"x26[45][ -~]*options: ([ -~]*)", head)
    return told.group(0).decode() if told else None
