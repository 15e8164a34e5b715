"""Films for the benches: composed once with known edits, kept in a cache folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def test_data() -> Path:
    """Folder of the test data; ends the bench with a message where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("FASTTHUMB_TEST_DATA", default))
    if not (folder / "tools" / "compose_film.py").exists():
        sys.exit(f"{folder}: no test data here; set FASTTHUMB_TEST_DATA to its folder")
    return folder


def cache_folder() -> Path:
    """Folder in which composed films are kept between runs."""
    folder = Path(
        os.environ.get("FASTTHUMB_BENCH_CACHE", Path(tempfile.gettempdir()) / "fastthumb-films")
    )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def composed(name: str, *options: str) -> Path:
    """Path of a film composed with compose_film.py's `options`, made now if it is not cached.

    Made on one core: on several, x264 cuts every picture into a slice for each of them, which
    nobody does to films, and the film would differ from machine to machine.
    """
    film = cache_folder() / name
    if not film.with_suffix(".truth.json").exists():
        data = test_data()
        command = [
            sys.executable, str(data / "tools" / "compose_film.py"), str(film),
            "--clips", str(data / "videos"), "--spans", str(data / "tools" / "spans.json"),
            *options,
        ]  # fmt: skip
        subprocess.run(command, check=True, preexec_fn=_on_one_core)
    return film


def truth_of(film: Path) -> dict[str, Any] | None:
    """The known edits of a composed film (see compose_film.py); None of any other film."""
    path = film.with_suffix(".truth.json")
    return json.loads(path.read_text()) if path.exists() else None


def joined(name: str, parts: Sequence[Path]) -> Path:
    """Path of a film that shows composed films one after the other, packets copied as they are.

    The parts have to be encoded with the same settings. The edits of the joined film are those
    of its parts, and a cut wherever two of them meet. Raises ValueError for parts that differ in
    size, codec or its parameters.
    """
    film = cache_folder() / name
    if not film.with_suffix(".truth.json").exists():
        copy_packets(film, parts)
        truths = [truth for part in parts if (truth := truth_of(part)) is not None]
        film.with_suffix(".truth.json").write_text(json.dumps(_joined_truth(truths)) + "\n")
    return film


def encoded_again(film: Path, name: str, *, kilobits_per_second: int) -> Path:
    """Path of the same frames and edits at another bit rate; a keyframe every 48 frames."""
    made = cache_folder() / name
    if not made.with_suffix(".truth.json").exists():
        encoder = ("libx264", "-preset", "veryfast", "-bf", "3", "-g", "48", "-sc_threshold", "0")
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(film), "-c:v", *encoder]
        command += ["-b:v", f"{kilobits_per_second}k", "-pix_fmt", "yuv420p", str(made)]
        subprocess.run(command, check=True)
        shutil.copyfile(film.with_suffix(".truth.json"), made.with_suffix(".truth.json"))
    return made


def copy_packets(film: Path, parts: Sequence[Path]) -> None:
    """Write a film that shows others one after the other, packets as they are."""
    import av

    with av.open(str(film), "w") as target:
        out, offset, kind = None, 0, None
        for part in parts:
            with av.open(str(part)) as source:
                stream = source.streams.video[0]
                codec = stream.codec_context
                this = (codec.name, codec.extradata, codec.width, codec.height, stream.time_base)
                if out is None or kind is None:
                    out, kind = target.add_stream_from_template(stream), this
                elif this != kind:
                    raise ValueError(f"{part}: wanted {kind}, as the first part has, got {this}")
                end = 0
                for packet in source.demux(stream):
                    if packet.size and packet.pts is not None and packet.dts is not None:
                        end = max(end, packet.pts + (packet.duration or 0))
                        packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                        packet.stream = out
                        target.mux(packet)
                offset += end


def _joined_truth(truths: Sequence[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {"fps": truths[0]["fps"], "size": truths[0]["size"]}
    whole |= {"cuts": [], "graduals": [], "flashes": [], "shots": [], "joints": []}
    start = 0
    for truth in truths:
        if start:
            whole["cuts"].append(start)
            whole["joints"].append(start)
        whole["cuts"] += [start + cut for cut in truth["cuts"]]
        whole["graduals"] += [[kind, start + a, start + b] for kind, a, b in truth["graduals"]]
        whole["flashes"] += [start + flash for flash in truth["flashes"]]
        whole["shots"] += [[start + a, start + b, *rest] for a, b, *rest in truth["shots"]]
        start += truth["frames"]
    return whole | {"frames": start}


def _on_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
