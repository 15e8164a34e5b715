"""bench/gpu.py where there is no GPU: what is missing is a line, and stops nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from device_samples import sample_model
from films import three_shots

BENCH = Path(__file__).resolve().parents[1] / "bench"


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    """The bench's modules."""
    before = set(sys.modules)
    sys.path.insert(0, str(BENCH))
    try:
        import _gpu_carry as carry
        import _gpu_facts as facts
        import _gpu_networks as networks
        import _gpu_runs as runs
        import _gpu_steps as steps
        import _gpu_titles as titles
        import gpu

        yield SimpleNamespace(
            carry=carry,
            facts=facts,
            gpu=gpu,
            networks=networks,
            runs=runs,
            steps=steps,
            titles=titles,
        )
    finally:
        sys.path.remove(str(BENCH))
        for name in set(sys.modules) - before:
            if name == "gpu" or name.startswith("_gpu"):
                del sys.modules[name]


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def lines(out: Path) -> dict[str, dict[str, Any]]:
    text = (out / "gpu.jsonl").read_text(encoding="utf-8")
    return {line["step"]: line for line in map(json.loads, text.splitlines())}


def test_every_test_that_needs_a_device_is_run_and_named(bench: Any) -> None:
    named = (BENCH.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    asked = "REQUIRE_CUDA", "stream_or_skip"
    files = Path(__file__).parent.glob("test_*.py")
    on_device = {file.name for file in files if any(w in file.read_text() for w in asked)}
    on_device.remove(Path(__file__).name)
    assert len(on_device) >= 7
    assert on_device <= {*bench.facts.DEVICE_TESTS, *bench.facts.TWIN_TESTS}
    assert all(f"tests/{name}" in named for name in on_device)


def test_every_step_is_a_line_at_once_and_stops_no_other(bench: Any, tmp_path: Path) -> None:
    steps = bench.steps.Steps(tmp_path, part=2)
    steps.run("data", python("print('talk'); print('{\"a\": 1}'); print(7)"), 60)
    assert lines(tmp_path)["data"] | {"seconds": 0} == {
        "step": "data", "part": 2, "ok": True, "seconds": 0, "data": [{"a": 1}],
    }  # fmt: skip
    steps.run("broken", python("import sys; print('so far'); sys.exit('no')"), 60)
    steps.run("endless", python("import time; time.sleep(600)"), 0.5)
    steps.run("no program", ["/nowhere/program"], 60)
    steps.run("cannot", python('print(\'{"not_run": "no library"}\')'), 60)
    steps.run("missing", python("print(1)"), 60, bench.steps.no_program("no-such-program"))
    steps.facts("wrong", lambda: {}["x"])
    steps.facts("found", lambda: {"b": 2})
    written = lines(tmp_path)
    assert written["broken"]["error"] == "exit status 1"
    assert (written["broken"]["output"], written["broken"]["errors"]) == ("so far", "no\n")
    assert written["endless"]["error"].startswith("stopped after")
    assert "FileNotFoundError" in written["no program"]["error"]
    assert written["cannot"]["not_run"] == "no library"
    assert written["missing"]["not_run"] == "no-such-program is not on the PATH"
    assert written["wrong"]["error"] == "KeyError('x')"
    assert written["found"]["data"] == {"b": 2}
    assert steps.failed == ["broken", "endless", "no program", "wrong"]
    assert steps.not_run == ["cannot", "missing"]


def test_after_its_time_the_steps_that_are_left_are_not_run(bench: Any, tmp_path: Path) -> None:
    steps = bench.steps.Steps(tmp_path, only=["late"], minutes=0)
    steps.run("late: one", python("print(1)"), 60)
    steps.run("other", python("print(1)"), 60)
    assert {name: line["not_run"] for name, line in lines(tmp_path).items()} == {
        "late: one": "the time of this part was over"
    }


@pytest.mark.parametrize(("part", "least"), [(1, 30), (2, 40), (3, 15)])
def test_a_machine_with_nothing_gets_every_step_with_its_reason(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int, least: int
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("LD_LIBRARY_PATH", os.environ.get("LD_LIBRARY_PATH", ""))
    arguments = bench.gpu.parser().parse_args(
        ["run", str(tmp_path / "out"), "--part", str(part), "--build", str(tmp_path / "build")]
    )
    assert arguments.do(arguments) == 0
    written = lines(tmp_path / "out")
    assert len(written) >= least
    not_run = {name: line["not_run"] for name, line in written.items() if line["ok"] is None}
    assert all(not_run.values())
    others = {"machine", "libraries", "build: package", "speed: against decode only"}
    assert set(written) - set(not_run) <= others
    assert {line["part"] for line in written.values()} == {part}
    if part == 2:
        assert not_run["film: film-h264.mp4, best, --detect, compared"].startswith("no title")


def test_results_are_sorted_and_the_last_line_of_a_step_counts(bench: Any, tmp_path: Path) -> None:
    steps = bench.steps.Steps(tmp_path)
    steps.facts("machine", lambda: {"gpu": "one"})
    steps.facts("libraries", lambda: {"libcuda.so": ["/usr/lib/libcuda.so"]})
    steps.run("tests: a.py", python("import sys; sys.exit('1 failed')"), 60)
    steps.run("tests: a.py", python("print('..'); print('2 passed in 1 s')"), 60)
    steps.run("nvdec: rate, 1", python("print('{\"frames_per_second\": 5}')"), 60)
    steps.run("nvdec: rate, 7", python("pass"), 60, "there is no NVIDIA GPU")
    said = ["keep", str(steps.path), "gpu_kernels", "gpu_nvdec", "--to", str(tmp_path)]
    arguments = bench.gpu.parser().parse_args([*said, "--commit", "c", "--date", "d"])
    assert arguments.do(arguments) == 0
    kernels, nvdec = (
        json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("gpu_kernels", "gpu_nvdec")
    )
    assert kernels["libraries"] == {"libcuda.so": ["libcuda.so"]}
    assert [(step["ok"], step["says"]) for step in kernels["steps"]] == [(True, "2 passed in 1 s")]
    assert nvdec["steps"][0]["data"] == [{"frames_per_second": 5}]
    assert nvdec["steps"][1]["not_run"] == "there is no NVIDIA GPU"


def variant(pts: int, score: float) -> dict[str, Any]:
    return {"frame_pts": pts, "time_base": "1/1000", "quality_score": score}


def title(*variants: dict[str, Any], cuts: tuple[int, ...] = (0, 900)) -> dict[str, Any]:
    shots = [{"start_pts": pts} for pts in cuts]
    return {"variants": list(variants), "shots": shots, "wall_seconds": 2.0}


def test_titles_are_compared_by_frames_moments_scores_and_shots(bench: Any) -> None:
    cpu = title(variant(0, 0.9), variant(4000, 0.8), variant(9000, 0.7))
    gpu = title(variant(0, 0.9), variant(4400, 0.8), variant(7000, 0.5), cuts=(0, 940))
    found = bench.titles.compare(cpu, gpu)
    assert (found["same_frame"], found["same_moment"]) == (1, 2)
    assert found["overlap"] == pytest.approx(1 / 3, abs=1e-4)
    assert not found["same_order"]
    assert found["same_shots"] == 1
    same = bench.titles.compare(cpu, cpu)
    assert (same["overlap"], same["same_order"], same["score_difference_max"]) == (1, True, 0)


def test_the_device_that_made_a_title_is_checked(bench: Any) -> None:
    left = {"device": "cpu", "warnings": ["the film is decoded on the CPU: it is AV1"]}
    made = {"device": "cuda:0", "warnings": []}
    assert bench.titles.trouble("make", "cuda:0", made) is None
    assert "wanted a title made on cuda:0" in bench.titles.trouble("make", "cuda:0", left)
    assert bench.titles.trouble("left", "cuda:0", left) is None
    assert bench.titles.trouble("left", "cuda:0", made) is not None
    assert bench.titles.trouble("left", "cuda:0", left | {"warnings": []}) is not None


def test_a_title_is_made_and_measured_and_a_gpu_that_is_none_is_refused(
    bench: Any, tmp_path: Path
) -> None:
    film = three_shots(tmp_path / "film.mp4", 0)
    options = ["--preset", "fast", "--no-detect"]
    found = bench.titles.make("make", film, tmp_path / "out", "cpu", options)
    assert (found["exit"], found["decoded_on"], found["models"]) == (0, "cpu", [])
    assert found["frames_decoded"] > 0
    assert found["stages"]
    assert found["variants"] > 0
    assert found["memory"]["device_mb"] == []
    assert Path(found["title"]).exists()
    said = bench.titles.refused(film, tmp_path / "none", "first")
    assert (said["exit"], said["written"]) == (2, False)


def test_networks_see_frames_of_the_film(bench: Any, tmp_path: Path) -> None:
    film = three_shots(tmp_path / "film.mp4", 0)
    model = sample_model(tmp_path, ("n", 3, 8, 8), scale=[2.0, 2.0, 2.0])
    tensors = bench.networks.pictures(film, model, 2)
    assert (tensors.shape, tensors.dtype) == ((2, 3, 8, 8), "float32")
    assert not (tensors[0] == tensors[1]).all()
    assert tensors.max() > 255  # twice the codes


def test_memory_is_flat_or_grows(bench: Any) -> None:
    assert bench.titles.peaks([1.0, 3.0, 2.0]) == [1.0, 3.0, 2.0]
    assert bench.titles.peaks([float(n) for n in range(100)])[-2:] == [89.0, 99.0]
    assert bench.runs.growth([10.0, 20.0, 20.0, 20.0]) == 1
    assert bench.runs.growth([10.0, 10.0, 15.0, 20.0]) == 2
    assert bench.runs.growth([10.0]) is None
    own = bench.titles.host_mb(os.getpid())
    assert own > 10


def test_speed_is_the_share_of_decoding_alone(bench: Any) -> None:
    memory = {"host_mb": [100.0, 100.0], "device_mb": [50.0, 60.0]}
    written = [
        {"step": f"speed: decode only, {n}", "ok": True, "data": [{"frames_per_second": rate}]}
        for n, rate in {1: 500.0, 7: 3000.0}.items()
    ]
    run = {"wall_seconds": 10.0, "frames_per_second": 2700.0, "memory": memory}
    written.append({"step": "speed: best, --no-detect", "ok": True, "data": [run]})
    written.append({"step": "speed: fast, --detect", "ok": None, "not_run": "no film"})
    found = bench.runs.ratios(written)
    assert found["decode_only_frames_per_second"] == {1: 500.0, 7: 3000.0}
    assert found["runs"]["best, --no-detect"]["share_of_decode_only"] == 0.9
    assert found["runs"]["best, --no-detect"]["memory_growth"] == {"host_mb": 1, "device_mb": 1.2}
    with pytest.raises(RuntimeError, match="no rate of decoding"):
        bench.runs.ratios([])


def test_what_is_carried_comes_in_parts_of_a_trip(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.carry, "TRIP_BYTES", 5000)
    folder = tmp_path / "carried"
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "a.whl").write_bytes(bytes(range(256)) * 50)
    parts = bench.carry.split(bench.carry.pack(folder), tmp_path)
    assert len(parts) > 2
    assert max(part.stat().st_size for part in parts) <= 5000
    there = tmp_path / "there"
    there.mkdir()
    joined = f"cat {tmp_path}/carried-[0-9][0-9][0-9] | tar -x -C {there}"
    subprocess.run(["bash", "-c", joined], check=True)
    assert (there / "wheels" / "a.whl").read_bytes() == bytes(range(256)) * 50


def test_all_requirements_are_carried_with_the_gpus_runtime(bench: Any) -> None:
    found = bench.carry.requirements()
    assert any(requirement.startswith("av>=") for requirement in found)
    assert any(requirement.startswith("onnxruntime-gpu>=") for requirement in found)
    assert not any(requirement.startswith("onnxruntime>=") for requirement in found)
    assert any(requirement.startswith("PyNvVideoCodec") for requirement in found)
