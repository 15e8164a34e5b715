"""Other programs that pick pictures from a film, as their own documentation runs them.

hecate and Katna are asked for eight pictures. The others take no number: PySceneDetect saves three
of every shot, ffmpeg's filter the most typical of every hundred frames (it would have to hold an
eighth of the film to pick eight). What is not installed is left out, with a line saying so.

Each in an environment of its own: PySceneDetect is `pip install "scenedetect[opencv-headless]"`;
Katna 0.9.2 with `"numpy<2" "opencv-contrib-python-headless<4.11" "setuptools<70"`; hecate
(github.com/yahoo/hecate) builds with OpenCV 4 when its C headers are included first
(`-include` of opencv2/core/core_c.h, imgproc/imgproc_c.h and videoio/legacy/constants_c.h).
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from _contenders import Contender
from _films import cache_folder

PICTURES = 8
KATNA_SECONDS = 240  # Katna sees only so much of a film, as it takes a dozen times its decoding
KATNA = """
import sys
from Katna.video import Video
from Katna.writer import KeyFrameDiskWriter
if __name__ == "__main__":  # it starts processes
    film, out, count = sys.argv[1:]
    writer = KeyFrameDiskWriter(location=out)
    Video().extract_video_keyframes(no_of_frames=int(count), file_path=film, writer=writer)
"""
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Places:
    """Where the peers are looked for: a folder of programs before PATH, and Katna's Python."""

    folder: Path | None = None
    katna_python: Path | None = None

    def program(self, name: str) -> str | None:
        """Path of a program, None where there is none."""
        here = shutil.which(name, path=str(self.folder)) if self.folder else None
        return here or shutil.which(name)


def decode_only(film: Path) -> list[str]:
    """The reference: ffmpeg decodes every frame and drops it."""
    return [
        "ffmpeg",
        "-v",
        "error",
        "-nostdin",
        "-i",
        str(film),
        "-map",
        "0:v:0",
        "-f",
        "null",
        "-",
    ]


def peers(film: Path, scratch: Path, places: Places) -> tuple[list[Contender], list[str]]:
    """The peers that are here, and a sentence on each that is left out."""
    found, missing = [], []

    def add(name: str, command: list[str], seen: Path = film) -> None:
        out = scratch / name.split(" ")[0]
        found.append(
            Contender(name, [part.replace("OUT", str(out)) for part in command], seen, out)
        )

    quiet = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(film)]
    add("ffmpeg-thumbnail", [*quiet, "-vf", "thumbnail", "-vsync", "vfr", "OUT/%03d.jpg"])
    if program := places.program("scenedetect"):
        steps = ["detect-adaptive", "list-scenes", "-q", "save-images"]
        add("PySceneDetect", [program, "-q", "-i", str(film), "-o", "OUT", *steps])
    else:
        missing.append("PySceneDetect: no `scenedetect` in --peers-bin or on PATH")
    if program := places.program("hecate"):
        asked = ["--generate_jpg", "--njpg", str(PICTURES)]
        add("hecate", [program, "-i", str(film), "-o", "OUT", *asked])
    else:
        missing.append("hecate: no `hecate` in --peers-bin or on PATH")
    if python := places.katna_python:
        script = scratch / "katna_pictures.py"
        script.write_text(KATNA)
        beginning = beginning_of(film, KATNA_SECONDS)
        command = [str(python), str(script), str(beginning), "OUT", str(PICTURES)]
        add("Katna", command, beginning)
    else:
        missing.append("Katna: name the Python that has it with --katna-python")
    return found, missing


def beginning_of(film: Path, seconds: int) -> Path:
    """The first so many seconds of a film, packets as they are."""
    path = cache_folder() / f"{film.stem}-{seconds}s{film.suffix}"
    if not path.exists() or path.stat().st_mtime < film.stat().st_mtime:
        copy = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(film), "-t", str(seconds)]
        subprocess.run([*copy, "-c", "copy", str(path)], check=True)
    return path


def pictures_in(folder: Path) -> list[Path]:
    """The pictures that a peer wrote, by name."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)


def versions(places: Places) -> dict[str, str]:
    """Versions of ffmpeg and of the peers that tell theirs."""
    asked = {"ffmpeg": ["ffmpeg", "-version"]}
    if program := places.program("scenedetect"):
        asked["PySceneDetect"] = [program, "version"]
    if places.katna_python:
        told = "import importlib.metadata as m; print(m.version('Katna'))"
        asked["Katna"] = [str(places.katna_python), "-c", told]
    found = {}
    for name, command in asked.items():
        run = subprocess.run(command, capture_output=True, text=True)
        lines = [line for line in run.stdout.splitlines() if any(map(str.isdigit, line))]
        found[name] = lines[0][:80] if run.returncode == 0 and lines else "unknown"
    return found
