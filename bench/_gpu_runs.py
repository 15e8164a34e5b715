"""Parts 2 and 3 of bench/gpu.py: networks and films on the device against the CPU, and speed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from _gpu_facts import HERE, Place, build, with_libraries_found
from _gpu_steps import Steps, lacking, no_device, no_file, no_package
from _gpu_titles import compare

NETWORKS = ("yunet_n_dynamic", "picodet_s_416", "yolox_nano_416", "mobilefacenet_112")
BACKENDS = ("tensorrt", "onnxruntime-cuda")
PRESETS = ("fast", "balanced", "best")
FILMS = ("film-h264.mp4", "film-hevc.mp4")
LONG_MINUTES = 90
SHORT_MINUTES = 10  # for one session, which takes minutes for the long film
SESSIONS = (1, 7, 14)
LEFT_MB = 700  # of the device's memory, where most is taken


def make(
    steps: Steps,
    place: Place,
    name: str,
    film: Path,
    device: str,
    *options: str,
    kind: str = "make",
) -> None:
    """Make a film's title on a device; its title.json is kept under the step's name."""
    out = titles(steps, name)
    shutil.rmtree(out, ignore_errors=True)
    script = [sys.executable, str(HERE / "_gpu_titles.py"), kind, str(film), str(out), device]
    missing = lacking(
        no_file(place.package, film),
        no_package("av", "pydantic"),
        None if device == "cpu" else lacking(no_device(), no_package("PyNvVideoCodec")),
    )
    steps.run(name, [*script, *options], 300, missing, **place.environment())


def ready(steps: Steps, place: Place) -> None:
    """Find the driver's libraries, and build where part 1 has not, as on a fresh machine."""
    with_libraries_found()
    if not place.package.exists():
        build(steps, place)


def titles(steps: Steps, name: str) -> Path:
    """Folder of the results of the step that makes a title."""
    return steps.path.parent / "titles" / "".join(c if c.isalnum() else "-" for c in name)


def title_file(steps: Steps, name: str) -> Path:
    """The title.json that a step has left, or where one would be."""
    found = sorted(titles(steps, name).glob("*/title.json"))
    return found[0] if found else titles(steps, name) / "title.json"


# ---- part 2 -----------------------------------------------------------------------------------


def end_to_end(steps: Steps, place: Place) -> None:
    """Everything of part 2."""
    ready(steps, place)
    packaged = no_file(place.package)
    doctor = [sys.executable, "-m", "fastthumb", "doctor"]
    steps.run("doctor", doctor, 60, packaged, **place.environment())
    clips = place.clips or Path("nothing carried")
    for backend in BACKENDS:
        for name in NETWORKS:
            film = clips / FILMS[0]
            script = [sys.executable, str(HERE / "_gpu_networks.py"), backend, name, str(film)]
            missing = lacking(
                no_device(), packaged, no_package("av", "onnx", "onnxruntime"), no_file(film)
            )
            steps.run(f"networks: {backend}, {name}", script, 240, missing, **place.environment())
    for film in (clips / name for name in FILMS):
        for preset in PRESETS:
            for detect in ("--detect", "--no-detect"):
                case = f"{film.name}, {preset}, {detect}"
                for device in ("cuda:0", "cpu"):
                    name = f"film: {case}, {device}"
                    make(steps, place, name, film, device, "--preset", preset, detect)
                compared(steps, f"film: {case}")


def compared(steps: Steps, case: str) -> None:
    """Compare what the steps of a film have left on both devices."""
    files = [title_file(steps, f"{case}, {device}") for device in ("cpu", "cuda:0")]

    def find() -> dict[str, Any]:
        cpu, gpu = (json.loads(file.read_text(encoding="utf-8")) for file in files)
        return compare(cpu, gpu)

    missing = next((f"no title was made on {d}" for d, f in zip(("the CPU", "the GPU"), files,
                    strict=True) if not f.exists()), None)  # fmt: skip
    steps.facts(f"{case}, compared", find, missing)


# ---- part 3 -----------------------------------------------------------------------------------


def speed(steps: Steps, place: Place) -> None:
    """Everything of part 3."""
    ready(steps, place)
    clips = place.clips or Path("nothing carried")
    folder = steps.path.parent / "films"
    short, long = (folder / f"film-{n}min.mp4" for n in (SHORT_MINUTES, LONG_MINUTES))
    for film, times in ((short, SHORT_MINUTES), (long, LONG_MINUTES)):
        command = [sys.executable, str(HERE / "gpu.py"), "repeat", str(clips / FILMS[0])]
        missing = lacking(no_package("av"), no_file(clips / FILMS[0]))
        steps.run(f"speed: {film.name}", [*command, str(times), str(film)], 120, missing)
    for n in SESSIONS:
        film = short if n == 1 else long
        missing = lacking(no_device(), no_package("PyNvVideoCodec"), no_file(film))
        argument = f"{film.name}|{n}"
        script = [sys.executable, str(HERE / "_gpu_nvdec.py"), "split", str(folder), argument]
        steps.run(f"speed: decode only, {n}", script, 180, missing)
    for preset in PRESETS:
        for detect in ("--no-detect", "--detect"):
            name = f"speed: {preset}, {detect}"
            make(steps, place, name, long, "cuda:0", "--preset", preset, detect)
    steps.facts("speed: against decode only", lambda: ratios(steps.lines()))
    errors(steps, place, clips)


def ratios(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Frames per second of `best` as shares of the fastest decoding alone; growth of memory."""
    last = {line["step"]: line["data"][0] for line in lines if line["ok"] and line.get("data")
            and isinstance(line["data"], list)}  # fmt: skip
    rates = {
        n: last[f"speed: decode only, {n}"]["frames_per_second"]
        for n in SESSIONS
        if f"speed: decode only, {n}" in last
    }
    runs = {name: data for name, data in last.items() if name.startswith("speed: ")
            and "memory" in data}  # fmt: skip
    if not rates or not runs:
        raise RuntimeError("there is no rate of decoding, or no title, to compare")
    return {
        "decode_only_frames_per_second": rates,
        "runs": {
            name.removeprefix("speed: "): {
                "wall_seconds": run["wall_seconds"],
                "frames_per_second": run["frames_per_second"],
                "share_of_decode_only": round(run["frames_per_second"] / max(rates.values()), 4),
                "memory_growth": {
                    kind: growth(run["memory"][kind]) for kind in ("host_mb", "device_mb")
                },
            }
            for name, run in runs.items()
        },
    }


def growth(peaks: list[float]) -> float | None:
    """The peak of a run's second half over that of its first; 1 is flat. None without both."""
    half = len(peaks) // 2
    return round(max(peaks[half:]) / max(peaks[:half]), 4) if half else None


def errors(steps: Steps, place: Place, clips: Path) -> None:
    """What must be said in a sentence, and what must end one title only."""
    film = clips / FILMS[0]
    missing = lacking(no_file(place.package, film), no_package("av", "pydantic"))
    for name, gpu, hidden in (("no such GPU", "9", {}), ("not a GPU", "first", {}),
                              ("GPUs hidden", "0", {"CUDA_VISIBLE_DEVICES": ""})):  # fmt: skip
        out = str(steps.path.parent / "refused")
        script = [sys.executable, str(HERE / "_gpu_titles.py"), "refused", str(film), out, gpu]
        steps.run(f"errors: {name}", script, 60, missing, **place.environment(), **hidden)
    left = {"av1_5s.mkv": "left", "h264_10bit.mp4": "left", "broken_bitflips.mkv": "try"}
    for file, kind in left.items():
        make(steps, place, f"errors: {file}", clips / file, "cuda:0", "--no-detect", kind=kind)
    name = "errors: little memory"
    script = [sys.executable, str(HERE / "_gpu_little_memory.py"), str(film), str(LEFT_MB)]
    out = titles(steps, name)
    missing = lacking(missing, no_device(), no_package("PyNvVideoCodec"))
    steps.run(name, [*script, str(out)], 180, missing, **place.environment())
