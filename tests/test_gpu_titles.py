"""Whole titles on a GPU, without one: over fake driver libraries and the core's CPU twins.

Everything but the arithmetic of the device is real: what is decoded, held, measured in batches,
shown to networks and rendered. That must give exactly the title that the CPU makes.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

import nvdec_fakes
import nvdec_films
from nvdec_films import KINDS, Kind

nvdec_fakes.skip_module_where_missing()

# Without the filter that presets leave out of different pictures on the CPU, and with one slice a
# picture: the fake decoder knows a packet by its last bytes.
UNFILTERED = {
    "x264-params": "scenecut=0:b-adapt=0:no-deblock=1:sliced-threads=0",
    "preset": "veryfast",
}


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> tuple[Path, Path]:
    """A film of 72 s that divides into chunks."""
    folder = tmp_path_factory.mktemp("film")
    options = (("x264-params", UNFILTERED["x264-params"]),)
    kind = Kind("libx264", ".mkv", (192, 128), b_frames=3, options=options, frames=1800, every=25)
    path = nvdec_films.write_film(folder, kind)
    return path, nvdec_films.write_pictures(path, folder / "pictures")


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    # A GPU measures frames in batches, and decodes some that nobody looks at.
    left_out = ("timings", "wall_seconds", "frames_decoded", "device", "warnings")
    return {name: value for name, value in record.items() if name not in left_out}


@pytest.mark.parametrize("preset", ["fast", "balanced", "best"])
def test_title_is_that_of_the_cpu(machine, film, tmp_path, preset):
    expected, _ = nvdec_fakes.title(film[0], None, preset, tmp_path / "cpu")
    record, batches = machine.run(nvdec_fakes.title, *film, preset, tmp_path / "gpu")
    assert record["device"] == "cuda:0"
    assert max(batches) > 1, "measured in batches"
    assert record["warnings"] == expected["warnings"]
    assert without_times(record) == without_times(expected)
    assert len(record["variants"]) >= 1
    for variant in record["variants"]:
        one, other = (tmp_path / place / variant["file"] for place in ("cpu", "gpu"))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_shown_in_the_colors_of_the_cpu(machine, tmp_path, kind):
    film = nvdec_films.write_film(tmp_path, KINDS[kind])
    pictures = nvdec_films.write_pictures(film, tmp_path / "pictures")
    expected = nvdec_fakes.shown(film, None)
    assert len(set(expected)) > 10
    assert machine.run(nvdec_fakes.shown, film, pictures) == expected


def test_gpu_short_of_memory_measures_in_smaller_batches_and_says_so(machine, film, tmp_path):
    expected, _ = nvdec_fakes.title(film[0], None, "best", tmp_path / "cpu")
    record, _ = machine.run(nvdec_fakes.title, *film, "best", tmp_path / "gpu", None, 4)
    said = [one for one in record["warnings"] if "short of memory" in one]
    assert said == [
        "GPU 0: short of memory; frames are measured 16 at a time",
        "GPU 0: short of memory; frames are measured 8 at a time",
        "GPU 0: short of memory; frames are measured 4 at a time",
    ]
    assert without_times(record) == without_times(expected)


def test_faces_seen_on_the_gpu_are_those_of_the_cpu(machine, data, models, tmp_path):
    film = tmp_path / "face.mkv"
    with (
        av.open(str(data / "videos" / "closeup_redhair_woman_9s.mp4")) as taken,
        av.open(str(film), "w") as output,
    ):
        stream: Any = output.add_stream("libx264", rate=25, options={"qp": "6", **UNFILTERED})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 640, 360, "yuv420p", 25
        for number, image in enumerate(taken.decode(video=0)):
            small = image.reformat(640, 360, "yuv420p")
            small.pts, small.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(small))
        output.mux(stream.encode(None))
    pictures = nvdec_films.write_pictures(film, tmp_path / "pictures")
    expected, _ = nvdec_fakes.title(film, None, "balanced", tmp_path / "cpu", models)
    assert expected["characters"], "somebody is there to be seen"
    record, _ = machine.run(nvdec_fakes.title, film, pictures, "balanced", tmp_path / "gpu", models)
    assert without_times(record) == without_times(expected)
    assert any("it runs on the CPU" in said for said in record["warnings"]), "nothing runs networks"
