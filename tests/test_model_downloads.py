"""Pulling models from a server that misbehaves: one sentence, and nothing half-written."""

from __future__ import annotations

import errno
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from fastthumb.cli import app
from fastthumb.errors import ModelError, OutputError
from fastthumb.inference.downloads import Patience, pull
from fastthumb.inference.entries import Input, ModelEntry, Output
from fastthumb.inference.models import Registry
from misbehaving_server import CONTENT, HASH, Server, misbehaving_server

HASTY = Patience(
    connect_seconds=2.0,
    silence_seconds=0.4,
    least_bytes_a_second=5000,
    slow_seconds=0.8,
    pause_seconds=0.02,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with misbehaving_server() as running:
        yield running


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, no models of whoever runs the tests, a cache of this test's own."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("FASTTHUMB_MODELS", raising=False)
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path / "cache"))


def entry(*urls: str, **changes: Any) -> ModelEntry:
    """A model at these addresses."""
    fields: dict[str, Any] = {
        "name": "big",
        "task": "embedding",
        "family": "embedding",
        "file": "big.onnx",
        "urls": urls,
        "sha256": HASH,
        "size_bytes": len(CONTENT),
        "license": "none",
        "input": Input(width=8, height=8),
        "output": Output(size=4),
    }
    return ModelEntry(**(fields | changes))


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["good", "chunked", "flaky", "moved"])
def test_a_file_arrives_whole_and_once(name: str, server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    model = entry(server.at(f"{name}/{tmp_path.name}" if name == "flaky" else name))
    path = pull(model, tmp_path, progress=lambda *x: seen.append(x), patience=HASTY)
    assert path == tmp_path / "big.onnx"
    assert path.read_bytes() == CONTENT
    assert files_in(tmp_path) == [path], "nothing else is left"
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    count = sum(server.asked.values())
    assert pull(model, tmp_path, patience=HASTY) == path
    assert sum(server.asked.values()) == count, "it was here"


# what the server does: (what is said, how often it is asked)
FAILURES = {
    "404": (r"the server answers 404 Not Found", 1),
    "500": (r"the server answers 500 Internal Server Error", 2),
    "truncated": (r"it broke off after \d+ of 204800 bytes", 2),
    "ends": (r"it broke off after 100000 of 204800 bytes", 2),
    "chunks": (r"it broke off after 50000 of 204800 bytes", 2),
    "longer": (r"more than the wanted 204800 bytes arrive", 1),
    "endless": (r"more than the wanted 204800 bytes arrive", 1),
    "offers": (r"the server offers 17 bytes, wanted 204800", 1),
    "page": (r"the server offers 36 bytes, wanted 204800", 1),
    "wrong": (r"what arrived is not the file of the registry", 1),
    "silent": (r"nothing arrived for 0.4 seconds", 2),
    "stalls": (r"nothing arrived for 0.4 seconds", 2),
    "drips": (r"too slow: \d+ bytes in 1 seconds", 1),
    "circle": (r"from address to address without end", None),
    "nonsense": (r"broke off|cannot be reached", 2),
}


@pytest.mark.parametrize(
    ("name", "older"),
    [*((name, False) for name in FAILURES), ("truncated", True), ("wrong", True)],
)
def test_a_failure_is_one_sentence_and_leaves_nothing(
    name: str, older: bool, server: Server, tmp_path: Path
) -> None:
    wanted, times = FAILURES[name]
    address = server.at(name)
    server.asked.clear()
    if older:
        (tmp_path / "big.onnx").write_bytes(b"an older version")
    begin = time.monotonic()
    with pytest.raises(ModelError) as caught:
        pull(entry(address), tmp_path, patience=HASTY)
    message = str(caught.value)
    assert re.search(wanted, message), message
    assert message.startswith(f"model big: cannot be pulled ({address}: ")
    assert message.endswith("or put big.onnx into the folder of --models yourself")
    assert "\n" not in message
    assert time.monotonic() - begin < 8
    if times is not None:
        assert server.asked[f"/{name}"] == times
    if older:
        assert (tmp_path / "big.onnx").read_bytes() == b"an older version"
        assert len(files_in(tmp_path)) == 1
    else:
        assert files_in(tmp_path) == []


def test_a_page_of_unknown_size_is_refused_by_its_hash(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not the file of the registry"):
        pull(entry(server.at("page"), size_bytes=None), tmp_path, patience=HASTY)
    assert files_in(tmp_path) == []


def test_the_next_address_is_tried(server: Server, tmp_path: Path) -> None:
    addresses = [server.at(name) for name in ("404", "wrong", "good")]
    assert pull(entry(*addresses), tmp_path, patience=HASTY).read_bytes() == CONTENT
    with pytest.raises(ModelError) as caught:
        pull(entry(*addresses[:2]), tmp_path / "other", patience=HASTY)
    assert all(address in str(caught.value) for address in addresses[:2])


def test_a_damaged_file_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "big.onnx").write_bytes(CONTENT[:5000])
    assert pull(entry(server.at("good")), tmp_path, patience=HASTY).read_bytes() == CONTENT


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
def test_no_network_is_said(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if host.endswith(".invalid"):
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ModelError, match="cannot be reached; is there a network"):
        pull(entry(f"http://{host}/x"), tmp_path, patience=HASTY)
    assert files_in(tmp_path) == []


def test_an_address_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the address cannot be used"):
        pull(entry("http://[::bad/x"), tmp_path, patience=HASTY)


def test_a_model_without_an_address_says_where_it_is_from(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no address for it; get big\.onnx from its maker"):
        pull(entry(), tmp_path)


# --- the disk


def test_too_little_space_is_said_before_anything_is_asked_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    server.asked.clear()
    with pytest.raises(OutputError, match=r"1000 bytes are free, 204800 are needed\); free some"):
        pull(entry(server.at("good")), tmp_path, patience=HASTY)
    assert not server.asked
    assert files_in(tmp_path) == []


def test_a_disk_that_fills_up_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastthumb.inference import downloads

    class Full:
        def __init__(self, file: Any) -> None:
            self.file, self.left = file, 100_000

        def write(self, piece: bytes) -> None:
            self.left -= len(piece)
            if self.left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.file.write(piece)

    copy = downloads._Download._copy
    monkeypatch.setattr(
        downloads._Download, "_copy", lambda self, answer, file: copy(self, answer, Full(file))
    )
    with pytest.raises(OutputError, match=r"big.onnx: the model cannot be written \(No space left"):
        pull(entry(server.at("good")), tmp_path, patience=HASTY)
    assert files_in(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_real_limit_of_file_size_leaves_nothing(server: Server, tmp_path: Path) -> None:
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from fastthumb.errors import OutputError\n"
        "from fastthumb.inference.downloads import pull\n"
        "from fastthumb.inference.entries import ModelEntry\n"
        "model = ModelEntry.model_validate_json(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n    pull(model, Path(sys.argv[2]))\n"
        "except OutputError as exc:\n    print(exc)\n"
    )
    model = entry(server.at("good")).model_dump_json(exclude_defaults=True)
    done = subprocess.run(
        [sys.executable, "-c", program, model, str(tmp_path)], capture_output=True, text=True
    )
    assert "the model cannot be written (File too large); free some space" in done.stdout, done
    assert files_in(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file stands here")
    with pytest.raises(OutputError, match="cannot be made"):
        pull(entry(server.at("good")), tmp_path / "cache", patience=HASTY)


def test_a_folder_that_may_not_be_written_is_said(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    with pytest.raises(OutputError, match=r"\(Permission denied\); name a folder that you may"):
        pull(entry(server.at("good")), tmp_path, patience=HASTY)


def test_pulling_at_once_in_several_processes_gives_one_whole_file(
    server: Server, tmp_path: Path
) -> None:
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from fastthumb.inference.downloads import pull\n"
        "from fastthumb.inference.entries import ModelEntry\n"
        "pull(ModelEntry.model_validate_json(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    model = entry(server.at("good")).model_dump_json(exclude_defaults=True)
    command = [sys.executable, "-c", program, model, str(tmp_path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in running:
        _, complaints = process.communicate(timeout=60)
        assert process.returncode == 0, complaints
    assert files_in(tmp_path) == [tmp_path / "big.onnx"]
    assert (tmp_path / "big.onnx").read_bytes() == CONTENT


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_leaves_nothing(server: Server, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from fastthumb.inference.downloads import pull\n"
        "from fastthumb.inference.entries import ModelEntry\n"
        "model = ModelEntry.model_validate_json(sys.argv[1])\n"
        "pull(model, Path(sys.argv[2]), progress=lambda *_: print('some', flush=True))\n"
    )
    model = entry(server.at("stalls")).model_dump_json(exclude_defaults=True)
    command = [sys.executable, "-c", program, model, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "some\n"
        assert len(files_in(tmp_path)) == 1, "under another name"
        assert not (tmp_path / "big.onnx").exists()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode != 0
    assert files_in(tmp_path) == []


# --- the command


@pytest.fixture
def models_dir(server: Server, tmp_path: Path) -> Path:
    """A models folder whose registry has one good and one broken address for two tasks."""
    folder = tmp_path / "own"
    folder.mkdir()
    text = ""
    for name, task, size in (("good", "embedding", 4), ("404", "identity", 4)):
        crop = ', crop = "arcface-112"' if task == "identity" else ""
        text += (
            f'[models.own-{name}]\ntask = "{task}"\nfamily = "embedding"\n'
            f'file = "{name}.onnx"\nurls = ["{server.at(name)}"]\nsha256 = "{HASH}"\n'
            f'license = "none"\ninput = {{ width = 8, height = 8{crop} }}\n'
            f"output = {{ size = {size} }}\n"
        )
    (folder / "models.toml").write_text(text)
    return folder


def test_pull_by_name_says_what_came_and_where(models_dir: Path) -> None:
    command = ["models", "pull", "own-good", "--models", str(models_dir)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    where = models_dir / "good.onnx"
    assert result.stdout == f"own-good: pulled 204,800 bytes to {where}\n"
    assert where.read_bytes() == CONTENT
    again = CliRunner().invoke(app, command)
    assert again.stdout == f"own-good: is here, {where}\n"


def test_what_cannot_be_pulled_is_named_and_the_rest_arrives(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTHUMB_MODELS", str(models_dir))
    result = CliRunner().invoke(app, ["models", "pull", "own-404", "own-good"])
    assert result.exit_code == 1
    assert "own-good: pulled" in result.stdout
    assert "fastthumb: model own-404: cannot be pulled (" in result.stderr
    found = Registry.load().find("embedding")
    assert found is not None
    assert found.path.parent == models_dir.parent / "cache" / "models", "the folder is not ours"


def test_pull_alone_gets_one_model_for_each_task_without_any(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastthumb.inference import downloads

    asked: list[str] = []

    def remember(model: ModelEntry, folder: Path, **_: object) -> Path:
        asked.append(model.name)
        (folder / str(model.file)).write_bytes(CONTENT)
        return folder / str(model.file)

    monkeypatch.setattr(downloads, "pull", remember)
    CliRunner().invoke(app, ["models", "pull", "--models", str(models_dir)])
    wanted = ["own-good", "own-404", "yunet_2023mar", "fer_mobilefacenet_2022july"]
    assert sorted(asked) == sorted([*wanted, "yolox_2022nov", "ppocrv3_2023may"])
    asked.clear()
    CliRunner().invoke(app, ["models", "pull", "--all", "--models", str(models_dir)])
    assert "sface_2021dec" in asked, "another has its task, but it has an address"


def test_pulling_a_model_that_nobody_knows_is_a_usage_error() -> None:
    from fastthumb.cli import is_usage

    result = CliRunner().invoke(app, ["models", "pull", "nobody"])
    assert result.exception is not None
    assert is_usage(result.exception)  # type: ignore[arg-type]
    assert "no model is called nobody; known are: " in str(result.exception)
