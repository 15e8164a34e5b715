"""The command line: exit codes, lines, JSON events, one-sentence errors."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from films import three_shots

PROGRAM = [sys.executable, "-c", "from fastthumb.cli import main; main()"]


def fastthumb(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_shots(tmp_path_factory.mktemp("cli") / "film.mp4")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, film: Path) -> Path:
    """The output folder of a finished run."""
    out = tmp_path_factory.mktemp("done")
    assert fastthumb("process", film, "-o", out, "--variants", 4).returncode == 0
    return out


def test_process_makes_what_the_specification_lists(done: Path) -> None:
    title = done / "film"
    assert (done / "index.html").exists()
    assert (done / "catalog.db").exists()
    assert (title / "contact-sheet.jpg").exists()
    assert (title / "shots.csv").exists()
    record = json.loads((title / "title.json").read_text())
    assert record["schema_version"] == 3
    assert [v["variant"] for v in record["variants"]] == list(range(1, len(record["variants"]) + 1))
    assert [shot["start_frame"] for shot in record["shots"]] == [0, 48, 96]
    assert all((title / v["file"]).exists() for v in record["variants"])
    assert {"decode", "signals", "shots", "judge", "choose", "render"} <= set(record["timings"])
    assert record["frames_decoded"] >= record["source"]["frames_analyzed"] == 144
    assert 0 < record["wall_seconds"] < 600


def test_a_run_ends_with_a_table_of_its_stages(film: Path, tmp_path: Path) -> None:
    first = fastthumb("process", film, "-o", tmp_path, "--variants", 4).stderr
    rows = dict(re.findall(r"^(\w+) +([\d,]+) +[\d.]+ +\d+ %$", first, re.MULTILINE))
    assert rows["decode"] == "144"
    assert re.search(r"s of work in .* s, 144 frames decoded, [\d.]+ x real time\n", first)
    again = fastthumb("process", film, "-o", tmp_path, "--variants", 4).stderr
    assert "s of work" not in again
    other = fastthumb("process", film, "-o", tmp_path, "--genre", "action", "--json")
    summary = json.loads(other.stdout.splitlines()[-1])
    assert summary["stages"]["choose"]["frames"] > 0
    assert summary["frames_decoded"] == 0
    assert not other.stderr


def test_json_events_are_one_object_per_line(film: Path, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "bad.mp4").write_text("no video")
    (tmp_path / "videos" / "notes.txt").write_text("notes")
    run = fastthumb("process", film, tmp_path / "videos", "-o", tmp_path / "out", "--json")
    assert run.returncode == 1
    events = [json.loads(line) for line in run.stdout.splitlines()]
    kinds = [event["event"] for event in events]
    assert {"skipped", "started", "done", "failed", "summary"} <= set(kinds)
    assert kinds[-1] == "summary"
    assert (events[-1]["done"], events[-1]["failed"], events[-1]["skipped"]) == (1, 1, 1)
    assert "Traceback" not in run.stderr


def test_without_a_terminal_failures_and_totals_are_plain_lines(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    run = fastthumb("process", tmp_path / "bad.mp4", "-o", tmp_path / "out")
    assert run.returncode == 1
    assert "FAILED" in run.stderr
    assert "bad.mp4" in run.stderr
    assert "0 done, 0 unchanged, 1 failed" in run.stderr
    assert "\x1b" not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["process", "nowhere.mp4"], ["nowhere.mp4", "no such file"]),
        (["process", ".", "--variants", "99"], ["variants", "99"]),
        (["process", ".", "--preset", "slow"], ["preset", "slow"]),
        (["process", ".", "--genre", "cooking"], ["genre", "cooking"]),
        (["process", ".", "--gpu", "0"], ["--gpu 0", "--gpu none"]),
        (["process", ".", "--gpu", "all"], ["--gpu", "all"]),
        (["process", ".", "--aspect", "16x9"], ["16x9"]),
        (["process", ".", "--format", "bmp"], ["format", "bmp"]),
        (["shots", "nowhere.mp4"], ["nowhere.mp4"]),
        (["variants", "nowhere"], ["nowhere"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_cannot_be_carried_out_is_one_sentence_and_exit_code_2(
    arguments: list[str], words: list[str], tmp_path: Path
) -> None:
    run = fastthumb(*arguments, cwd=tmp_path)
    assert run.returncode == 2, run.stderr
    assert run.stderr.count("\n") == 1
    assert "Traceback" not in run.stderr
    for word in words:
        assert word in run.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    run = fastthumb("--debug", "shots", "nowhere.mp4", cwd=tmp_path)
    assert run.returncode != 0
    assert "Traceback" in run.stderr


def test_an_unknown_option_is_a_usage_error() -> None:
    assert fastthumb("process", ".", "--nonsense").returncode == 2
    assert fastthumb("nonsense").returncode == 2


def test_shots_prints_the_columns_of_the_contract(film: Path) -> None:
    run = fastthumb("shots", film)
    assert run.returncode == 0, run.stderr
    rows = list(csv.DictReader(io.StringIO(run.stdout)))
    assert [(row["start_frame"], row["transition"]) for row in rows] == [
        ("0", "start"),
        ("48", "cut"),
        ("96", "cut"),
    ]
    as_json = json.loads(fastthumb("shots", film, "--format", "json").stdout)
    shots = as_json["shots"] if isinstance(as_json, dict) else as_json
    assert [shot["start_frame"] for shot in shots] == [0, 48, 96]


def test_variants_chooses_again_and_decodes_only_new_pictures(done: Path) -> None:
    run = fastthumb("variants", done / "film", "--genre", "action", "--variants", 4, "--json")
    assert run.returncode == 0, run.stderr
    record = json.loads((done / "film" / "title.json").read_text())
    assert record["settings"]["genre"] == "action"
    assert len(json.loads(run.stdout)) == len(record["variants"])
    assert all((done / "film" / v["file"]).exists() for v in record["variants"])


def test_doctor_and_schema_answer() -> None:
    run = fastthumb("doctor")
    assert run.returncode == 0
    assert "PyAV" in run.stdout
    assert "scalar" in run.stdout
    findings = json.loads(fastthumb("doctor", "--json").stdout)
    assert all({"what", "ok", "found"} <= set(finding) for finding in findings)
    schema = json.loads(fastthumb("schema").stdout)
    assert schema["title"] == "TitleRecord"


def test_ctrl_c_exits_with_130_and_the_next_run_goes_on(tmp_path: Path) -> None:
    videos, out = tmp_path / "videos", tmp_path / "out"
    videos.mkdir()
    film = three_shots(videos / "0.mp4", 0)
    for number in range(1, 30):
        shutil.copy(film, videos / f"{number}.mp4")
    command = [*PROGRAM, "process", str(videos), "-o", str(out), "--json", "--jobs", "2"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever is started in the background ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if json.loads(line)["event"] == "done":
                break
        run.send_signal(signal.SIGINT)
        deadline = time.monotonic() + 60
        while run.poll() is None and time.monotonic() < deadline:
            run.stdout.readline()
        assert run.returncode == 130, run.stderr.read() if run.stderr else ""
    assert not list(out.glob(".*.partial"))
    assert not list(out.rglob("*.tmp"))
    again = fastthumb("process", videos, "-o", out)
    assert again.returncode == 0
    assert "unchanged" in again.stderr
