"""The registry of models, a user's own entries, and loading what they describe."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from fastthumb.cli import app
from fastthumb.doctor import examine
from fastthumb.errors import ModelError, SettingsError
from fastthumb.inference.models import TASKS, WANTED, Registry
from fastthumb.inference.onnx import open_network
from tiny_networks import write_network

EMBEDDER = """
[models.mine]
task = "identity"
family = "embedding"
file = "mine.onnx"
license = "mine"
input = { width = 8, height = 8, crop = "arcface-112" }
output = { size = 4 }
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no models folder of whoever runs the tests."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FASTTHUMB_CACHE", str(cache))
    monkeypatch.delenv("FASTTHUMB_MODELS", raising=False)
    return cache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A models folder with an embedder of its own."""
    (tmp_path / "models.toml").write_text(EMBEDDER)
    write_network(tmp_path / "mine.onnx", {"vector": ("n", 4)})
    return tmp_path


def opened(folder: Path, text: str, task: str) -> Any:
    """The network for a task, after writing the folder's models.toml."""
    (folder / "models.toml").write_text(text)
    resolved = Registry.load(folder).find(task)
    assert resolved is not None
    return open_network(resolved, threads=1)


# --- the package's registry


def test_every_task_has_models_of_that_task() -> None:
    registry = Registry.load()
    assert set(WANTED) <= set(registry.order) <= set(TASKS)
    for task, names in registry.order.items():
        for name in names:
            assert registry.entries[name].task == task
    assert set(registry.entries) == {name for names in registry.order.values() for name in names}


def test_what_can_be_pulled_has_an_https_address_a_hash_a_size_and_a_license() -> None:
    pullable = [entry for entry in Registry.load().entries.values() if entry.urls]
    assert len(pullable) == 5
    for entry in pullable:
        assert all(url.startswith("https://") for url in entry.urls)
        assert entry.sha256
        assert entry.size_bytes
        assert entry.license


def test_the_small_models_are_the_registry_s_and_load_as_described(data: Path) -> None:
    registry = Registry.load(data / "models")
    loaded = 0
    for entry in registry.entries.values():
        resolved = None if entry.built_in else registry.resolve(entry)
        if resolved is None:
            continue
        assert resolved.path.stat().st_size == entry.size_bytes
        network = open_network(resolved, threads=1)
        wanted = entry.input
        size = (min(wanted.height, 96), min(wanted.width, 96)) if wanted.multiple_of else None
        outputs = network.run(np.zeros((2, 3, *(size or (wanted.height, wanted.width))), "f4"))
        assert all(len(output) == 2 for output in outputs.values())
        loaded += 1
    assert loaded == 12


def test_nothing_here_leaves_the_built_in_detector_and_one_sentence() -> None:
    registry = Registry.load()
    faces = registry.find("faces")
    assert faces is not None
    assert faces.entry.name == "mtcnn"
    assert [task for task in WANTED if registry.find(task) is None] == list(WANTED[1:])
    (sentence,) = registry.missing()
    assert "identity, expression, objects and text ('fastthumb models pull' gets one)" in sentence
    assert "face-mesh, embedding and pose (bring your own" in sentence
    assert "built-in detector" in sentence


def test_nothing_is_missing_where_every_task_has_a_model(tmp_path: Path) -> None:
    entries = ""
    for task, names in Registry.load().order.items():
        write_network(tmp_path / f"{task}.onnx", {"out": ("n", 4)})
        entry = Registry.load().entries[names[0]].model_dump(mode="json", exclude_none=True)
        for key in ("name", "sha256", "urls", "size_bytes", "weights"):
            entry.pop(key, None)
        output = {k: v for k, v in entry.pop("output").items() if v not in ([], "none")}
        entry |= {"file": f"{task}.onnx"}
        entries += f"[models.own-{task}]\n" + "".join(
            f"{key} = {_toml(value)}\n" for key, value in (entry | {"output": output}).items()
        )
    (tmp_path / "models.toml").write_text(entries)
    registry = Registry.load(tmp_path)
    assert registry.missing() == []
    assert {registry.find(task).entry.name for task in WANTED} == {f"own-{t}" for t in WANTED}  # type: ignore[union-attr]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


# --- where files are looked for


def test_the_models_folder_comes_before_the_cache(folder: Path, own_cache: Path) -> None:
    (own_cache / "models").mkdir()
    cached = own_cache / "models" / "mine.onnx"
    shutil.copy(folder / "mine.onnx", cached)
    registry = Registry.load(folder)
    assert registry.find("identity").path == folder / "mine.onnx"  # type: ignore[union-attr]
    (folder / "mine.onnx").unlink()
    assert registry.find("identity").path == cached  # type: ignore[union-attr]


def test_the_environment_names_the_folder_and_an_option_overrides_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTHUMB_MODELS", str(folder))
    assert Registry.load().find("identity") is not None
    (empty := tmp_path / "empty").mkdir()
    assert Registry.load(empty).find("identity") is None


@pytest.mark.parametrize("origin", ["--models", "FASTTHUMB_MODELS"])
def test_a_folder_that_is_not_there_is_said(
    origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    monkeypatch.setenv("FASTTHUMB_MODELS", str(gone))
    with pytest.raises(SettingsError, match=f"^{origin}: .*gone is no folder; "):
        Registry.load(gone if origin == "--models" else None)


def test_a_damaged_file_is_passed_over_and_named(tmp_path: Path) -> None:
    for name in ("yunet_n_dynamic.onnx", "face_detection_yunet_2023mar.onnx"):
        (tmp_path / name).write_bytes(b"half of a netw")
    registry = Registry.load(tmp_path)
    assert registry.find("faces").entry.name == "mtcnn"  # type: ignore[union-attr]
    registry.find("faces")
    assert len(registry.problems) == 2, "each once, however often it is met"
    assert re.search(
        r"yunet_2023mar.onnx: is not the file of model yunet_2023mar \(SHA-256 [0-9a-f]{12}\.\.\., "
        r"wanted 8f2383e4dd3c\.\.\.\); remove it and run 'fastthumb models pull yunet_2023mar'",
        registry.problems[1],
    )


def test_a_whole_file_in_the_cache_stands_in_for_a_damaged_one(
    tmp_path: Path, own_cache: Path, data: Path
) -> None:
    name = "yunet_n_dynamic.onnx"
    (tmp_path / name).write_bytes(b"half of a netw")
    (own_cache / "models").mkdir()
    shutil.copy(data / "models" / name, own_cache / "models")
    registry = Registry.load(tmp_path)
    assert registry.find("faces").path.parent == own_cache / "models"  # type: ignore[union-attr]
    assert len(registry.problems) == 1
    shown = CliRunner().invoke(app, ["models", "verify", "--models", str(tmp_path)])
    assert shown.exit_code == 1
    assert "ok  yunet_n_dynamic" in shown.stdout
    assert f"--  {tmp_path / name}: is not the file" in shown.stdout


def test_the_hash_of_an_own_file_is_computed(folder: Path) -> None:
    resolved = Registry.load(folder).find("identity")
    assert resolved is not None
    assert resolved.sha256 == hashlib.sha256((folder / "mine.onnx").read_bytes()).hexdigest()
    write_network(folder / "mine.onnx", {"vector": ("n", 4)}, seed=1)
    again = Registry.load(folder).find("identity")
    assert again is not None
    assert again.sha256 == hashlib.sha256((folder / "mine.onnx").read_bytes()).hexdigest()


# --- a user's own entries


def test_own_models_come_first_unless_their_tasks_say_otherwise(folder: Path, data: Path) -> None:
    shutil.copy(data / "models" / "mobilefacenet_112.onnx", folder)
    assert Registry.load(folder).find("identity").entry.name == "mine"  # type: ignore[union-attr]
    tasks = '[tasks]\nidentity = ["mobilefacenet_112", "mine"]\n'
    (folder / "models.toml").write_text(tasks + EMBEDDER)
    chosen = Registry.load(folder).find("identity")
    assert chosen is not None
    assert chosen.entry.name == "mobilefacenet_112"


def test_an_own_entry_replaces_a_known_one(folder: Path) -> None:
    text = EMBEDDER.replace("models.mine", "models.yolox_nano_416")
    (folder / "models.toml").write_text(text)
    registry = Registry.load(folder)
    assert "yolox_nano_416" not in registry.order["objects"], "it is an embedder now"
    assert registry.order["identity"][0] == "yolox_nano_416"
    assert Registry.load().entries["yolox_nano_416"].task == "objects", "only in that folder"


def test_own_lists_of_labels_can_be_named(tmp_path: Path) -> None:
    write_network(tmp_path / "s.onnx", {"p": ("n", 2)})
    text = """
        [labels]
        places = ["indoor", "outdoor"]
        [models.places]
        task = "setting"
        family = "classifier"
        file = "s.onnx"
        license = "mine"
        input = { width = 8, height = 8 }
        output = { labels = "places", activation = "softmax" }
    """
    network = opened(tmp_path, text, "setting")
    assert network.entry.output.labels == ("indoor", "outdoor")


BAD = {
    "not TOML": ("[models.mine", "is no TOML"),
    "not UTF-8": ("[labels]\n\ud800 = 1", "is no TOML in UTF-8"),
    "unknown table": ("[model.mine]\nx = 1", "unknown table 'model'"),
    "tables that are none": ("models = 3", "models: wanted a table, got 3"),
    "a model that is none": ("[models]\nmine = 3", "models.mine: wanted a table, got 3"),
    "unknown key": (EMBEDDER + "colour = 1", "models.mine.colour: extra inputs"),
    "unknown key below": (
        EMBEDDER.replace("width", "breadth = 1, width"),
        "models.mine.input.breadth: extra inputs",
    ),
    "missing key": (EMBEDDER.replace('license = "mine"', ""), "models.mine.license: field req"),
    "missing width": (EMBEDDER.replace("width = 8,", ""), "models.mine.input.width: field req"),
    "width of nothing": (EMBEDDER.replace("width = 8", "width = 0"), "models.mine.input.width: "),
    "unknown task": (EMBEDDER.replace("identity", "gender"), "models.mine.task: input should be"),
    "unknown family": (EMBEDDER.replace('y = "e', 'y = "ub'), "models.mine.family: input should"),
    "family of another task": (
        EMBEDDER.replace('"embedding"', '"yolox"'),
        "models.mine: task 'identity' wants family embedding",
    ),
    "no crop": (
        EMBEDDER.replace(', crop = "arcface-112"', ""),
        "models.mine: task 'identity' wants input.crop arcface-112",
    ),
    "crop of a whole picture": (
        EMBEDDER.replace('"identity"', '"embedding"'),
        "models.mine: task 'embedding' looks at whole pictures",
    ),
    "output that nobody reads": (
        EMBEDDER.replace("size = 4", "size = 4, iou = 0.3"),
        "models.mine: family 'embedding' reads no output.iou",
    ),
    "output that is needed": (
        EMBEDDER.replace("size = 4", ""),
        "models.mine: family 'embedding' needs output.size",
    ),
    "no file": (EMBEDDER.replace('file = "mine.onnx"', ""), "models.mine: needs file"),
    "file outside": (EMBEDDER.replace("mine.onnx", "../mine.onnx"), "models.mine.file: wanted a"),
    "absolute file": (EMBEDDER.replace("mine.onnx", "/mine.onnx"), "models.mine.file: wanted a"),
    "address without a hash": (
        EMBEDDER + 'urls = ["https://example.org/m"]',
        "models.mine: has urls, so it needs sha256",
    ),
    "address of no web": (EMBEDDER + 'urls = ["ftp://x/m"]', "models.mine.urls: wanted addresses"),
    "half a hash": (EMBEDDER + 'sha256 = "12ab"', "models.mine.sha256: "),
    "labels that are nowhere": (
        EMBEDDER.replace("size = 4", 'labels = "coco81"'),
        "models.mine.output.labels: no list is called 'coco81'",
    ),
    "labels that are none": ("[labels]\nx = 3", "labels.x: wanted a list of names, got 3"),
    "order of an unknown task": ("[tasks]\nfaces2 = []", "tasks.faces2: wanted one of faces, "),
    "order of an unknown model": (
        '[tasks]\nfaces = ["nobody"]',
        "tasks.faces: 'nobody' is no model for faces",
    ),
    "order of another task's": (
        '[tasks]\nfaces = ["picodet_s_416"]',
        "tasks.faces: 'picodet_s_416' is no model for faces",
    ),
    "name of a model": (EMBEDDER.replace("mine]", '"../x"]'), "models.../x.name: "),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_entry_is_one_sentence_with_file_and_key(case: str, tmp_path: Path) -> None:
    text, wanted = BAD[case]
    (tmp_path / "models.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(SettingsError) as caught:
        Registry.load(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'models.toml'}: ")
    assert wanted in message
    assert "\n" not in message
    shown = CliRunner().invoke(app, ["models", "list", "--models", str(tmp_path)])
    assert isinstance(shown.exception, SettingsError)


def test_the_examples_of_the_documentation_load(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "models.md").read_text()
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(examples) >= 3
    for number, example in enumerate(examples):
        (folder := tmp_path / str(number)).mkdir()
        (folder / "models.toml").write_text(example)
        registry = Registry.load(folder)
        added = set(registry.entries) - set(Registry.load().entries)
        assert added, "an example that describes nothing"


# --- loading


def test_sessions_have_the_given_threads_which_sleep_while_they_wait(folder: Path) -> None:
    network = opened(folder, EMBEDDER, "identity")
    session = network._session
    assert session.get_providers() == ["CPUExecutionProvider"]
    options = session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize("batch", ["n", 1], ids=["free batch", "one at a time"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_a_batch_gives_what_single_pictures_give(
    batch: int | str, layout: str, tmp_path: Path
) -> None:
    shape = (batch, 3, 8, 6) if layout == "nchw" else (batch, 8, 6, 3)
    write_network(tmp_path / "mine.onnx", {"vector": (batch, 4)}, shape=shape)
    text = EMBEDDER.replace("width = 8", f'layout = "{layout}", width = 6')
    network = opened(tmp_path, text, "identity")
    pictures = np.random.default_rng(0).normal(size=(5, 3, 8, 6)).astype(np.float32)
    together = network.run(pictures)["vector"]
    singly = [network.run(pictures[n : n + 1])["vector"][0] for n in range(5)]
    assert together.shape == (5, 4)
    np.testing.assert_allclose(together, singly, atol=1e-6)
    assert np.ptp(together, axis=0).min() > 0, "equal pictures prove nothing"
    assert network.run(pictures[:0])["vector"].shape == (0, 4)


def test_outputs_come_in_the_order_of_the_entry(tmp_path: Path) -> None:
    write_network(tmp_path / "mine.onnx", {"other": ("n", 9), "vector": ("n", 4)})
    text = EMBEDDER.replace("size = 4", 'size = 4, names = ["vector"]')
    network = opened(tmp_path, text, "identity")
    assert list(network.run(np.zeros((1, 3, 8, 8), "f4"))) == ["vector"]


MISMATCHES = {
    "input name": ("width = 8", 'name = "picture", width = 8', "wanted input 'picture', got 'inp"),
    "size": ("width = 8", "width = 16", r"wanted an input float32 \(n, 3, 8, 16\)"),
    "layout": ("width = 8", 'layout = "nhwc", width = 8', r"float32 \(n, 8, 8, 3\)"),
    "free sizes": ("width = 8", "multiple_of = 4, width = 8", "takes any size, but its graph"),
    "output name": ("size = 4", 'size = 4, names = ["v"]', "wanted output 'v', got vector"),
    "output width": ("size = 4", "size = 5", "wanted 5 numbers in output 'vector', got 4"),
}


@pytest.mark.parametrize("case", MISMATCHES)
def test_a_graph_that_is_not_what_its_entry_says_is_refused(case: str, folder: Path) -> None:
    old, new, wanted = MISMATCHES[case]
    with pytest.raises(ModelError, match=f"^model mine: .*{wanted}"):
        opened(folder, EMBEDDER.replace(old, new), "identity")


def test_too_many_outputs_want_names(folder: Path) -> None:
    write_network(folder / "mine.onnx", {"vector": ("n", 4), "other": ("n", 4)})
    with pytest.raises(ModelError, match=r"reads 1 outputs, the graph has 2: .*output\.names"):
        opened(folder, EMBEDDER, "identity")


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x07" * 500])
def test_a_file_that_is_no_network_is_one_sentence(content: bytes, folder: Path) -> None:
    (folder / "mine.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"mine\.onnx: model mine cannot be loaded \(.*ONNX file"):
        opened(folder, EMBEDDER, "identity")


def test_a_tensor_that_does_not_fit_is_one_sentence(folder: Path) -> None:
    network = opened(folder, EMBEDDER, "identity")
    with pytest.raises(ModelError, match=r"^model mine: cannot be run on a 1x3x9x9 tensor \("):
        network.run(np.zeros((1, 3, 9, 9), np.float32))


# --- commands


def test_list_says_what_is_taken_and_what_is_missing(folder: Path) -> None:
    result = CliRunner().invoke(app, ["models", "list", "--models", str(folder)])
    assert result.exit_code == 0
    assert re.search(r"^  \* mine +\S*mine\.onnx, mine$", result.stdout, re.MULTILINE)
    assert re.search(r"sface_2021dec +can be pulled, 38\.7 MB, Apache-2\.0", result.stdout)
    assert "'fastthumb models pull' gets one" in result.stdout


def test_list_as_json_has_every_model(folder: Path) -> None:
    result = CliRunner().invoke(app, ["models", "list", "--json", "--models", str(folder)])
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert set(rows) == set(Registry.load(folder).entries)
    assert rows["mine"]["state"] == "here"
    assert rows["mine"]["taken"] is True
    assert rows["mtcnn"]["state"] == "built in"
    assert rows["sface_2021dec"]["state"] == "not here"


def test_verify_loads_what_is_here_and_fails_on_damage(folder: Path) -> None:
    result = CliRunner().invoke(app, ["models", "verify", "--models", str(folder)])
    assert result.exit_code == 0, result.output
    assert "ok  mine" in result.stdout
    assert "ok  mtcnn" in result.stdout
    (folder / "mine.onnx").write_bytes(b"no network")
    result = CliRunner().invoke(app, ["models", "verify", "--models", str(folder)])
    assert result.exit_code == 1
    assert "--  mine" in result.stdout


def test_the_doctor_names_the_model_of_each_task(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTHUMB_MODELS", str(folder))
    findings = {finding.what: finding for finding in examine()}
    assert findings["networks"].ok
    assert findings["model: identity"].found.startswith("mine, ")
    assert findings["model: faces"].found.startswith("mtcnn, ")
    assert not findings["missing models"].ok
    monkeypatch.setenv("FASTTHUMB_MODELS", str(folder / "gone"))
    assert not {finding.what: finding for finding in examine()}["models"].ok
