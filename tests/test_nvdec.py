"""Decoding on a GPU, without one: the real PyNvVideoCodec over fake driver libraries.

What these tests prove is all that lies between packets and pictures: which packets are fed, the
order, times and numbers of frames, who owns their pixels, and what happens when something fails.
That a real decoder's pixels are FFmpeg's is for test_nvdec_device.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import media_files
import nvdec_fakes
import nvdec_films
from nvdec_fakes import Machine
from nvdec_films import KINDS, Kind, Trick

nvdec_fakes.skip_module_where_missing()


@pytest.fixture(scope="module")
def bare_machine() -> Iterator[Machine]:
    """A process without any."""
    machine = Machine(None)
    yield machine
    machine.close()


def film_of(folder: Path, kind: str | Kind, trick: Trick = Trick()) -> tuple[Path, Path]:  # noqa: B008
    film = nvdec_films.write_film(folder, KINDS[kind] if isinstance(kind, str) else kind)
    return film, nvdec_films.write_pictures(film, folder / "pictures", trick)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_those_of_the_cpu(machine, tmp_path, kind):
    film, pictures = film_of(tmp_path, kind)
    expected = list(nvdec_films.on_the_cpu(film))
    assert len({each[4] for each in expected}) == len(expected), "equal pictures prove nothing"
    frames, warnings, seen = machine.run(nvdec_fakes.all_frames, film, pictures)
    assert frames == expected
    assert warnings == []
    assert seen["made"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_keyframes_alone_are_fed_and_given(machine, tmp_path, kind):
    film, pictures = film_of(tmp_path, kind)
    expected = [each[1:] for each in nvdec_films.on_the_cpu(film) if each[3]]
    frames, seen = machine.run(nvdec_fakes.keyframes, film, pictures)
    assert len(expected) >= 4
    assert [each[1:] for each in frames] == expected
    assert [each[0] for each in frames] == list(range(len(expected)))
    tried = 2  # keyframes that are compared with the CPU's before
    assert seen["fed"] == seen["decoded"] == seen["ended"] == len(expected) + tried


@pytest.mark.parametrize("kind", KINDS)
def test_parts_read_by_several_threads_are_those_of_the_film(machine, tmp_path, kind):
    film, pictures = film_of(tmp_path, kind)
    expected = list(nvdec_films.on_the_cpu(film))
    runs = [(0, 9), (10, 10), (11, 26), (27, 39), (3, 3), (15, 17), (38, 39), (6, 33)]
    parts, seen = machine.run(nvdec_fakes.spans_in_threads, film, pictures, runs, 4)
    assert parts == [expected[first : last + 1] for first, last in runs]
    assert 1 <= seen["made"] <= 4  # a decoder is used again
    assert seen["open"] == 0 or seen["open"] <= seen["made"]


@pytest.fixture(scope="module")
def long_film(tmp_path_factory) -> tuple[Path, Path]:
    """A film of 72 s, of which every decoder gives the same whatever filter it leaves out."""
    options = (("x264-params", "scenecut=0:b-adapt=0:open-gop=1:no-deblock=1"),)
    kind = Kind("libx264", ".mkv", b_frames=3, options=options, frames=1800, every=25)
    return film_of(tmp_path_factory.mktemp("long"), kind)


@pytest.mark.parametrize("preset", ["fast", "balanced", "best"])
def test_engine_measures_in_chunks_what_it_measures_on_the_cpu(machine, long_film, preset):
    film, pictures = long_film
    expected, shots, _ = nvdec_fakes.engine(film, None, preset)
    assert len(expected) >= 72
    assert len(shots) >= 5 or preset == "fast"  # which does not find edits of color alone
    measured, found, seen = machine.run(nvdec_fakes.engine, film, pictures, preset)
    assert measured == expected
    assert found == shots
    assert seen["made"] <= 4, "as many decoders as workers"


def test_decoder_goes_on_after_a_reader_stopped_in_the_middle(machine, tmp_path):
    film, pictures = film_of(tmp_path, "H.264, open groups")
    frames, seen = machine.run(nvdec_fakes.abandoned_then_read, film, pictures)
    assert frames == list(nvdec_films.on_the_cpu(film))[10:21]
    assert seen["made"] == 1


def test_memory_is_bounded_and_goes_back(machine, tmp_path):
    film, pictures = film_of(tmp_path, "H.264")
    few, many, said, left = machine.run(nvdec_fakes.memory, film, pictures)
    assert few <= 8, "pictures that nobody holds take no new memory"
    assert many == 20
    assert "20 decoded pictures of 96x64 are held at once" in said
    assert left == 0


def test_frame_outlives_its_source(machine, tmp_path):
    film, pictures = film_of(tmp_path, "H.264")
    before, after, seen = machine.run(nvdec_fakes.after_closing, film, pictures)
    assert before == after == next(nvdec_films.on_the_cpu(film))
    assert seen["open"] == 0


TROUBLE = {
    "a picture is lost": Trick(loses=21),
    "the last picture is lost": Trick(loses=39),
    "a picture fails to decode": Trick(fails=(22, 1)),
    "the first keyframe has other pixels": Trick(spoils=0),
}


@pytest.mark.parametrize("what", TROUBLE)
def test_film_in_trouble_is_left_to_the_cpu(machine, tmp_path, what):
    film, pictures = film_of(tmp_path, "H.264", TROUBLE[what])
    expected = list(nvdec_films.on_the_cpu(film))
    raised, frames, types, warnings, seen = machine.run(nvdec_fakes.with_trouble, film, pictures)
    # Other pixels are found before the first pass, which is therefore the CPU's already.
    assert raised == (TROUBLE[what].spoils is None)
    assert frames == expected
    assert types == {"VideoFrame"}
    assert len(warnings) == 1
    assert "decoded on the CPU, not on GPU 0" in warnings[0]
    assert seen["open"] == 0, "a decoder that failed is not used again"


def test_change_of_size_in_the_middle_is_left_to_the_cpu(machine, tmp_path):
    parts = []
    for name, size, frames in (("a", (96, 64), 24), ("b", (80, 48), 8)):
        (tmp_path / name).mkdir()
        kind = Kind("libx264", ".ts", size=size, frames=frames, options=nvdec_films.REGULAR)
        parts.append(nvdec_films.write_film(tmp_path / name, kind))
    film = nvdec_films.join(parts, tmp_path / "film.ts")
    # The package goes on with pictures that are scaled to the first size, and says nothing.
    trick = Trick(changes_size=24)
    pictures = nvdec_films.write_pictures(film, tmp_path / "pictures", trick)
    raised, frames, types, warnings, _ = machine.run(nvdec_fakes.with_trouble, film, pictures)
    assert raised
    assert frames == list(nvdec_films.on_the_cpu(film))
    assert len(frames) == 32
    assert types == {"VideoFrame"}
    assert any("of another size" in warning for warning in warnings)


def test_film_with_a_hole_is_left_to_the_cpu(machine, tmp_path):
    film, pictures = film_of(tmp_path, "H.264")
    data = bytearray(film.read_bytes())
    hole = len(data) * 2 // 3
    data[hole : hole + 300] = bytes(300)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    raised, frames, types, warnings, _ = machine.run(nvdec_fakes.with_trouble, broken, pictures)
    assert raised
    assert frames == list(nvdec_films.on_the_cpu(broken))
    assert types == {"VideoFrame"}
    assert any("decoded on the CPU, not on GPU 0" in warning for warning in warnings)


def test_picture_that_is_never_shown_is_not_missed(machine, tmp_path):
    film, pictures = film_of(tmp_path, "VP8", Trick(loses=21))
    expected = list(nvdec_films.on_the_cpu(film))
    frames, warnings, _ = machine.run(nvdec_fakes.all_frames, film, pictures)
    # By then a fake decoder lacks a reference; what counts is which frames there are.
    assert [each[1] for each in frames] == [each[1] for each in expected if each[0] != 21]
    assert [each[0] for each in frames] == list(range(39))
    assert warnings == []


def test_edit_list_that_begins_between_keyframes(machine, tmp_path):
    whole, pictures = film_of(tmp_path, "H.264")
    film = nvdec_films.trimmed(whole, tmp_path / "trimmed.mp4", 5)
    expected = list(nvdec_films.on_the_cpu(film))
    assert 30 <= len(expected) < 40
    frames, warnings, _ = machine.run(nvdec_fakes.all_frames, film, pictures)
    assert frames == expected
    assert warnings == []


def test_fatal_error_of_the_device_is_not_the_films(machine, tmp_path):
    film, pictures = film_of(tmp_path, "H.264", Trick(fails=(12, 719)))
    said = machine.run(nvdec_fakes.error_of, film, pictures)
    assert said == "DeviceUnavailable: GPU 0: decoding failed with CUDA error 719; start again"


def test_no_memory_is_said(machine, tmp_path):
    film, pictures = film_of(tmp_path, "H.264")
    for said in machine.run(nvdec_fakes.out_of_memory_of, film, pictures):
        assert "GPU 0: its memory does not suffice" in said


REFUSED = {
    "AV1": (Kind("libsvtav1", ".mkv", frames=8), "GPU 0 does not decode AV1 of 8 bits"),
    "H.264 of 10 bits": (
        Kind("libx264", pixel_format="yuv420p10le", frames=8),
        "GPU 0 does not decode H.264 of 10 bits",
    ),
    "4:2:2": (Kind("libx264", pixel_format="yuv422p", frames=8), "it is yuv422p"),
    "4:4:4": (Kind("libx265", pixel_format="yuv444p", frames=8), "it is yuv444p"),
    "tiny": (Kind("libx264", size=(32, 64), frames=8), "and it is 32x64"),
    "MPEG-4": (Kind("mpeg4", frames=8), "other pixels of mpeg4 than FFmpeg"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_gpu_does_not_decode_is_named(machine, tmp_path, what):
    kind, reason = REFUSED[what]
    film = media_files.write(
        tmp_path / f"film{kind.suffix}",
        frames=kind.frames,
        codec=kind.codec,
        pixel_format=kind.pixel_format,
        size=kind.size,
    )
    said, reader = machine.run(nvdec_fakes.refusal, film)
    assert reason in said
    assert reader == "PyavSource"


def test_interlaced_film_is_the_cpus(machine, tmp_path):
    options = {"x264-params": "tff=1"}
    film = media_files.write(tmp_path / "film.mp4", codec="libx264", codec_options=options)
    said, reader = machine.run(nvdec_fakes.refusal, film)
    assert "interlaced" in said
    assert reader == "PyavSource"


def test_what_the_gpu_decodes_is_not_refused(machine, tmp_path):
    film, _ = film_of(tmp_path, "HEVC, 10 bits")
    assert machine.run(nvdec_fakes.refusal, film) == (None, "NvdecSource")


def test_no_such_device(machine, tmp_path):
    film, _ = film_of(tmp_path, "H.264")
    said, error = machine.run(nvdec_fakes.refusal, film, 3)
    assert error == "DeviceUnavailable"
    assert "GPU 3" in said
    assert "Should be within [0, 0]" in said


def test_facts_for_doctor(machine):
    facts = machine.run(nvdec_fakes.facts)
    assert facts["engines"] == 7
    assert facts["package"][0].isdigit()
    assert facts["decodes"]["H.264, 8 bits, 4:2:0"] is True
    assert facts["decodes"]["H.264, 10 bits, 4:2:0"] is False
    assert facts["decodes"]["HEVC, 12 bits, 4:2:0"] is True
    assert facts["decodes"]["AV1, 8 bits, 4:2:0"] is False


def test_without_a_driver_the_reason_is_one_sentence(bare_machine, tmp_path):
    film = nvdec_films.write_film(tmp_path, KINDS["H.264"])
    said, kind = bare_machine.run(nvdec_fakes.refusal, film)
    if kind == "NvdecSource":
        pytest.skip("this machine has a driver")
    assert kind == "DeviceUnavailable"
    assert said.startswith("PyNvVideoCodec does not load (")
    assert "install NVIDIA's driver" in said
    assert "\n" not in said
