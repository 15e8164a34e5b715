"""The films of the shot bench: composed with known edits, one codec and frame rate each."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from _films import composed


@dataclass(frozen=True)
class Film:
    """One composed film; `options` are those of compose_film.py."""

    name: str
    options: tuple[str, ...]
    drop_share: float = 0.0  # share of its frames that a variable-rate copy leaves out


def _film(name: str, seed: int, minutes: str, size: str, fps: str, *options: str) -> Film:
    base = ("--seed", str(seed), "--minutes", minutes, "--size", size, "--fps", fps)
    return Film(name, (*base, "--gradual", "0.25", "--flash", "0.08", *options))


# Seeds 11..20: the detector's numbers were chosen on other seeds (see shot_weights.py).
FILMS = (
    _film("h264-24-gop48.mp4", 11, "7", "640x360", "24", "--gop", "48"),
    _film("h264-25-scenecut.mp4", 12, "7", "640x360", "25", "--gop", "250", "--scenecut"),
    _film("hevc-30.mp4", 13, "7", "854x480", "30000/1001", "--codec", "libx265", "--crf", "28"),
    _film("av1-24.mp4", 14, "7", "640x360", "24", "--codec", "libsvtav1", "--crf", "38"),
    _film("vp9-25.webm", 15, "5", "640x360", "25", "--codec", "libvpx-vp9", "--crf", "35"),
    _film("h264-60.mp4", 16, "6", "640x360", "60"),
    _film("h264-25-720p.mp4", 17, "6", "1280x720", "25", "--crf", "26"),
    _film("hevc-24-wide.mp4", 18, "7", "640x272", "24", "--codec", "libx265", "--crf", "32"),
    Film(
        "h264-vfr.mp4",
        (*_film("", 19, "7", "640x360", "30").options, "--gop", "60"),
        drop_share=0.15,
    ),
    _film("h264-24-busy.mp4", 20, "6", "640x360", "24", "--gop", "48", "--shot", "1.2:4"),
)


def make(film: Film) -> tuple[Path, dict[str, Any]]:
    """Path and truth of a film of the bench, composed now if it is not in the cache."""
    if not film.drop_share:
        path = composed(film.name, *film.options)
    else:
        even = composed("even-" + film.name, *film.options)
        path = even.with_name(film.name)
        if not path.with_suffix(".truth.json").exists():
            _drop_frames(even, path, film.drop_share)
    return path, json.loads(path.with_suffix(".truth.json").read_text())


def _drop_frames(even: Path, path: Path, share: float) -> None:
    """Copy a film without a random share of its frames, the others at their old times.

    What remains has a variable frame rate, as a phone or a screen recorder writes it; the truth
    is renumbered. Never more than two frames in a row are left out, and both frames of a cut
    stay: a cut between two kept frames is still one cut.
    """
    truth = json.loads(even.with_suffix(".truth.json").read_text())
    rng = random.Random(share)
    keep = [True] * truth["frames"]
    fixed = {frame - back for frame in truth["cuts"] for back in (0, 1)} | set(truth["flashes"])
    fixed |= {end for _kind, first, last in truth["graduals"] for end in (first, last)}
    for n in range(2, len(keep) - 1):
        if n not in fixed and (keep[n - 1] or keep[n - 2]) and rng.random() < share:
            keep[n] = False
    number, kept = [], 0
    for kept_here in keep:
        number.append(kept)
        kept += kept_here
    with av.open(str(even)) as source, av.open(str(path), "w") as target:
        rate = Fraction(truth["fps"])
        stream = target.add_stream("libx264", rate=rate)
        stream.width, stream.height = truth["size"]
        stream.pix_fmt, stream.gop_size = "yuv420p", 60
        stream.time_base = stream.codec_context.time_base = 1 / rate
        stream.options = {"preset": "veryfast", "crf": "23"}
        for n, frame in enumerate(source.decode(video=0)):
            if keep[n]:
                frame.pts, frame.time_base, frame.pict_type = n, 1 / rate, 0
                target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    truth["cuts"] = [number[n] for n in truth["cuts"]]
    truth["flashes"] = [number[n] for n in truth["flashes"]]
    truth["graduals"] = [[kind, number[a], number[b]] for kind, a, b in truth["graduals"]]
    truth["shots"] = [[number[a], number[b], *rest] for a, b, *rest in truth["shots"]]
    truth["frames"] = kept
    path.with_suffix(".truth.json").write_text(json.dumps(truth) + "\n")
