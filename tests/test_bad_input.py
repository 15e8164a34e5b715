"""Every kind of difficult file, through the whole job: right pictures or one clear error.

The decoder's own answers to these files are tested in test_media_bad_input.py; here it is that
a title comes of it, that nothing else suffers, and that no traceback reaches anybody.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

import media_files as make
from fastthumb.batch import Outcome, run_batch
from fastthumb.discovery import plan_jobs
from fastthumb.settings import Settings
from films import moving_shot, three_shots, write_film

PQ = {"color_primaries": 9, "color_trc": 16, "colorspace": 9}
HLG = {"color_primaries": 9, "color_trc": 18, "colorspace": 9}
Maker = Callable[[Path], Path]

# Each gives a title with at least one picture of this size (None: of any).
GOOD: dict[str, tuple[Maker, tuple[int, int] | None]] = {
    "single-frame.mp4": (lambda p: make.write(p, frames=1), (96, 64)),
    "single-keyframe.mp4": (lambda p: make.write(p, frames=30, keyframe_every=999), (96, 64)),
    "odd-sized.mkv": (
        lambda p: make.write(p, codec="ffv1", pixel_format="yuv420p", size=(97, 63)),
        (97, 63),
    ),
    "1-pixel-high.mkv": (
        lambda p: make.write(p, codec="ffv1", pixel_format="yuv444p", size=(96, 1)),
        (96, 1),
    ),
    "1-pixel-wide.mkv": (
        lambda p: make.write(p, codec="ffv1", pixel_format="yuv444p", size=(1, 64)),
        (1, 64),
    ),
    "rotated.mp4": (lambda p: make.write(p, rotation=90), (64, 96)),
    "anamorphic.mp4": (lambda p: make.write(p, aspect=Fraction(2, 1)), (192, 64)),
    "interlaced.mpg": (make.write_interlaced, (96, 64)),
    "variable-frame-rate.mkv": (
        lambda p: make.write(p, time_base=Fraction(1, 1000), pts=[k * k * 9 for k in range(12)]),
        (96, 64),
    ),
    "late-start.mkv": (
        lambda p: make.write(p, pts=[500 + k for k in range(12)]),
        (96, 64),
    ),
    "10-bit.mkv": (lambda p: make.write(p, codec="ffv1", pixel_format="yuv420p10le"), (96, 64)),
    "422.mkv": (lambda p: make.write(p, codec="ffv1", pixel_format="yuv422p"), (96, 64)),
    "444.mkv": (lambda p: make.write(p, codec="ffv1", pixel_format="yuv444p12le"), (96, 64)),
    "gray.mkv": (lambda p: make.write(p, codec="ffv1", pixel_format="gray"), (96, 64)),
    "rgb.mkv": (lambda p: make.write(p, codec="ffv1", pixel_format="bgr0"), (96, 64)),
    "alpha.mkv": (lambda p: make.write(p, codec="ffv1", pixel_format="yuva420p"), (96, 64)),
    "pq.mkv": (
        lambda p: make.write(p, codec="ffv1", pixel_format="yuv420p10le", color=PQ),
        (96, 64),
    ),
    "hlg.mkv": (
        lambda p: make.write(p, codec="ffv1", pixel_format="yuv420p10le", color=HLG),
        (96, 64),
    ),
    "changing-size.h264": (lambda p: make.annex_b(p, [(96, 64), (128, 96)]), None),
    "several-streams.mkv": (lambda p: make.write_streams(p, [(32, 32), (96, 64)]), (96, 64)),
    "tags-not-utf8.mkv": (
        lambda p: make.write(p, metadata={"title": "caf\xe9"}, metadata_encoding="latin-1"),
        (96, 64),
    ),
}

# Each fails, with these words in its one sentence.
BAD: dict[str, tuple[Maker, str]] = {
    "empty.mp4": (lambda p: _write_bytes(p, b""), "empty"),
    "text.mp4": (lambda p: _write_bytes(p, b"this is a shopping list\n" * 50), "text"),
    "noise.mp4": (lambda p: _write_bytes(p, bytes(range(1, 250)) * 40), "noise.mp4"),
    "audio-only.m4a.mp4": (make.write_sound, "sound"),
    "encrypted.mp4": (make.encrypted, "encrypted"),
    "black.mp4": (lambda p: write_film(p, [moving_shot(1, 1)[0] * 0] * 24), "black"),
}


def _write_bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def run(videos: list[Path], out: Path, **settings: object) -> dict[str, Outcome]:
    chosen = Settings.build(preset="best", variants=4, **settings)
    return {o.job.path.name: o for o in run_batch(plan_jobs(videos, out), out, chosen, workers=1)}  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("files")
    videos = [maker(folder / name) for name, (maker, _) in (GOOD | BAD).items()]
    return run(videos, tmp_path_factory.mktemp("out"))


@pytest.mark.parametrize("name", GOOD)
def test_a_difficult_file_gives_a_right_picture(name: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[name]
    assert outcome.status == "done", outcome.message
    assert outcome.record is not None
    assert outcome.record.variants
    size = GOOD[name][1]
    for variant in outcome.record.variants:
        with Image.open(outcome.job.folder / variant.file) as image:
            assert image.size == (variant.files[0].width, variant.files[0].height)
            assert size is None or image.size == size


@pytest.mark.parametrize("name", BAD)
def test_a_hopeless_file_is_one_clear_sentence(name: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[name]
    assert outcome.status == "failed"
    assert name in outcome.message
    assert BAD[name][1] in outcome.message
    assert "\n" not in outcome.message
    assert "did not expect" not in outcome.message
    assert not outcome.job.folder.exists()


def test_a_negative_first_timestamp_is_kept_exactly(tmp_path: Path) -> None:
    video = make.write(tmp_path / "negative.nut", codec="ffv1", pts=[k - 6 for k in range(12)])
    with av.open(str(video)) as container:
        expected = {frame.pts for frame in container.decode(video=0)}
    record = run([video], tmp_path / "out")["negative.nut"].record
    assert record is not None
    assert {variant.frame_pts for variant in record.variants} <= expected
    assert record.source.start_pts == min(expected)


@pytest.mark.parametrize("damage", ["truncated", "bit-flipped", "zeroed"])
def test_a_damaged_file_gives_pictures_of_what_decodes_and_a_warning(
    damage: str, tmp_path: Path
) -> None:
    whole = three_shots(tmp_path / "whole.mp4")
    with av.open(str(whole)) as source, av.open(str(tmp_path / "whole.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    matroska, damaged = tmp_path / "whole.mkv", tmp_path / f"{damage}.mkv"
    if damage == "truncated":
        make.cut(matroska, damaged, 0.55)
    elif damage == "bit-flipped":
        make.flipped(matroska, damaged, bits=120)
    else:
        make.zeroed(matroska, damaged, 0.4, 0.6)
    outcome = run([damaged], tmp_path / "out")[damaged.name]
    assert outcome.record is not None, outcome.message
    assert outcome.record.variants
    assert outcome.record.warnings


def test_a_name_that_is_not_utf8_is_processed_and_stored(tmp_path: Path) -> None:
    video = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    try:
        make.write(tmp_path / "plain.mp4").rename(video)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    (outcome,) = run([video], tmp_path / "out").values()
    assert outcome.record is not None, outcome.message
    assert outcome.record.source.location == video
    json.loads((outcome.job.folder / "title.json").read_bytes().decode("utf-8"))
    assert "caf" in (tmp_path / "out" / "index.html").read_text("utf-8")


def test_a_file_without_permission_is_an_error_that_says_so(tmp_path: Path) -> None:
    video = make.write(tmp_path / "secret.mp4")
    video.chmod(0)
    if os.access(video, os.R_OK):
        pytest.skip("this user may read every file")
    outcome = run([video], tmp_path / "out")["secret.mp4"]
    assert "permission" in outcome.message.lower()


def test_8k_is_processed(tmp_path: Path, video: Callable[[str], Path]) -> None:
    outcome = run([video("uhd8k_hevc_0.3s.mp4")], tmp_path / "out", max_width=1920)
    record = outcome["uhd8k_hevc_0.3s.mp4"].record
    assert record is not None
    assert record.variants[0].files[0].width == 1920


def test_a_full_disk_fails_that_title_with_what_to_do_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on file size stands in for the full disk: both refuse the write."""
    out = tmp_path / "out"
    program = (
        "import sys; from fastthumb.cli import main;"
        "sys.argv = ['fastthumb', 'process', sys.argv[1], '-o', sys.argv[2], '--jobs', '1'];"
        "main()"
    )
    film = three_shots(tmp_path / "film.mp4")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))

    done = subprocess.run(
        [sys.executable, "-c", program, str(film), str(out)],
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    assert "FAILED" in done.stderr
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(out.rglob("*.tmp"))
    assert not list(out.glob(".*.partial"))
    assert not (out / "film" / "title.json").exists()


def test_an_output_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    film = three_shots(tmp_path / "film.mp4")
    program = "from fastthumb.cli import main; main()"
    command = [sys.executable, "-c", program, "process", str(film), "-o", str(film / "below")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "below" in done.stderr
    assert "cannot be made" in done.stderr
    assert "Traceback" not in done.stderr
