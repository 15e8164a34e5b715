"""What goes to a machine with a GPU and no network: clips, models, wheels, in parts of one trip.

The folder that it makes has `carried.tar` in parts (`carried-000`, ...), each small enough for one
trip; bench/gpu.sh puts them together there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from _films import test_data
from _gpu_clips import prepare as prepare_clips
from _gpu_steps import ROOT

TRIP_BYTES = 60 << 20
# ONNX Runtime comes with its CUDA provider, which runs on the CPU as well.
INSTEAD = {"onnxruntime": "onnxruntime-gpu"}
FOR_TESTS = ["PyNvVideoCodec>=2.2.4,<3", "hypothesis>=6.100", "pybind11>=2.13", "pytest>=8.2"]
# Kinds of films that the decoder's device tests read beside the clips.
TEST_FILMS = [
    "asl_book_4s.mkv", "drone_beach_37s_hevc.mp4", "hamilton_whitehouse_10s.mp4",
    "mix_cuts_30s.mp4", "start_at_10s_bbb.mp4",
]  # fmt: skip


def prepare(target: Path, python: str, wheel: Path | None) -> None:
    """Make the parts in `target` for a Python such as "3.12" on Linux; `wheel` is fastthumb's."""
    folder = target / "carried"
    prepare_clips(folder / "videos")
    for name in TEST_FILMS:
        source = test_data() / "videos" / name
        if source.exists():
            shutil.copyfile(source, folder / "videos" / name)
    if (test_data() / "models").is_dir():
        shutil.copytree(test_data() / "models", folder / "models", dirs_exist_ok=True)
    download(folder / "wheels", python)
    if wheel is not None:
        shutil.copy(wheel, folder / "wheels")
    for part in split(pack(folder), target):
        print(f"{part}: {part.stat().st_size / 2**20:.1f} MiB")


def requirements() -> list[str]:
    """What the package and its device tests need, as pip takes it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = []
    for requirement in project["dependencies"]:
        name = requirement.partition(">")[0]
        found.append(INSTEAD.get(name, name) + requirement.removeprefix(name))
    return found + FOR_TESTS


def download(folder: Path, python: str) -> None:
    """Get the wheels of all requirements for another Python on Linux."""
    command = [sys.executable, "-m", "pip", "download", "--only-binary=:all:", "--dest"]
    command += [str(folder), "--python-version", python, "--implementation", "cp"]
    for glibc in ("_2_17", "2014", "_2_28"):
        command += ["--platform", f"manylinux{glibc}_x86_64"]
    subprocess.run([*command, *requirements()], check=True)


def pack(folder: Path) -> Path:
    """One archive beside the folder, not compressed: films and wheels are already."""
    return Path(shutil.make_archive(str(folder), "tar", folder))


def split(archive: Path, target: Path) -> list[Path]:
    """Cut an archive into parts of a trip each, in place of it."""
    for old in target.glob(f"{archive.stem}-[0-9][0-9][0-9]"):
        old.unlink()
    parts: list[Path] = []
    with archive.open("rb") as file:
        while data := file.read(TRIP_BYTES):
            parts.append(target / f"{archive.stem}-{len(parts):03}")
            parts[-1].write_bytes(data)
    archive.unlink()
    return parts
