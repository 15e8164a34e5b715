"""The built-in face detector: the same numbers as its weights, and the faces it must find."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from fastthumb.errors import ModelError
from fastthumb.inference.models import Registry, Resolved, built_in_weights
from fastthumb.inference.mtcnn import Mtcnn
from fastthumb.inference.mtcnn_weights import NETWORKS, network_files
from fastthumb.inference.onnx import open_session
from fastthumb.inference.views import PictureView

Array = npt.NDArray[np.float64]

# float32 sums in another order than the float64 reference
SCORE_ATOL = 2e-5
OFFSET_ATOL = 2e-4


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        cache = tmp_path_factory.mktemp("cache")
        patch.setenv("FASTTHUMB_CACHE", str(cache))
        patch.delenv("FASTTHUMB_MODELS", raising=False)
        yield cache


@pytest.fixture(scope="module")
def detector(own_cache: Path) -> Mtcnn:
    return Mtcnn.open(1)


def built_in() -> Resolved:
    registry = Registry.load()
    resolved = registry.resolve(registry.named("mtcnn"))
    assert resolved is not None
    return resolved


def picture(path: Path) -> PictureView:
    with Image.open(path) as image:
        return PictureView.of_rgb(np.asarray(ImageOps.exif_transpose(image).convert("RGB")))


# --- the networks, restated from their definition in the weights' own order of axes


def convolution(x: Array, kernel: Array, bias: Array) -> Array:
    rows, columns = kernel.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(0, 1))
    return np.einsum("hwcij,ijco->hwo", windows, kernel) + bias


def prelu(x: Array, slope: Array) -> Array:
    return np.where(x >= 0, x, x * slope)


def pool(x: Array, side: int) -> Array:
    """Largest of each window, every second pixel; a window may reach out below and to the right."""
    rows, columns = (-(-max(0, size - side) // 2) + 1 for size in x.shape[:2])
    need = [
        (0, max(0, (count - 1) * 2 + side - size))
        for count, size in zip((rows, columns), x.shape[:2], strict=True)
    ]
    padded = np.pad(x, [*need, (0, 0)], constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    return windows[::2, ::2].max(axis=(3, 4))


def face_score(two: Array) -> Array:
    raised = np.exp(two - two.max(axis=-1, keepdims=True))
    return (raised / raised.sum(axis=-1, keepdims=True))[..., 1]


def reference(name: str, weights: list[Array], x: Array) -> dict[str, Array]:
    left = [np.asarray(array, np.float64) for array in weights]
    for side in {"pnet": (2, 0, 0), "rnet": (3, 3, 0), "onet": (3, 3, 2, 0)}[name]:
        x = prelu(convolution(x, left.pop(0), left.pop(0)), left.pop(0))
        x = pool(x, side) if side else x
    if name == "pnet":
        return {
            "offsets": convolution(x, left.pop(0), left.pop(0)),
            "scores": face_score(convolution(x, left.pop(0), left.pop(0))),
        }
    x = x.transpose(1, 0, 2).reshape(-1)  # by columns: the weights' own order
    x = prelu(x @ left.pop(0) + left.pop(0), left.pop(0))
    heads = {"offsets": x @ left.pop(0) + left.pop(0)}
    if name == "onet":
        heads["landmarks"] = x @ left.pop(0) + left.pop(0)
    return heads | {"scores": face_score(x @ left.pop(0) + left.pop(0))}


@pytest.mark.parametrize(
    ("name", "size"), [("pnet", (31, 22)), ("rnet", (24, 24)), ("onet", (48, 48))]
)
def test_the_networks_compute_what_their_weights_say(name: str, size: tuple[int, int]) -> None:
    import joblib

    resolved = built_in()
    weights = joblib.load(resolved.path / f"{name}.lz4")
    session = open_session(network_files(resolved)[NETWORKS.index(name)], threads=1, name=name)
    rng = np.random.default_rng(5)
    pictures = rng.uniform(-1, 1, (4, 3, *size)).astype(np.float32)
    outputs = session.run(None, {"picture": pictures})
    got = dict(zip([output.name for output in session.get_outputs()], outputs, strict=True))
    for n, tensor in enumerate(pictures):
        expected = reference(name, weights, tensor.transpose(1, 2, 0).astype(np.float64))
        assert expected["scores"].std() > 0 or name != "pnet"
        for head, values in expected.items():
            mine = got[head][n]
            if name == "pnet":
                mine = mine.transpose(1, 2, 0) if head == "offsets" else mine[0]
            atol = SCORE_ATOL if head == "scores" else OFFSET_ATOL
            np.testing.assert_allclose(mine.squeeze(), values.squeeze(), atol=atol)


# --- weights are data from outside


def copied_weights(folder: Path) -> Resolved:
    weights = built_in_weights()
    assert weights is not None
    shutil.copytree(weights, folder)
    resolved = built_in()
    return Resolved(resolved.entry, folder, "0" * 64)


def test_weights_of_another_hash_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import joblib

    resolved = copied_weights(tmp_path / "weights")
    data = bytearray((resolved.path / "rnet.lz4").read_bytes())
    data[1000] ^= 1
    (resolved.path / "rnet.lz4").write_bytes(data)
    opened = []
    load = joblib.load
    monkeypatch.setattr(joblib, "load", lambda file: (opened.append(1), load(file))[1])
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match=r"rnet\.lz4: is not the file .* and was not opened; inst"):
        Mtcnn.open(1, resolved)
    assert sum(opened) <= 2, "P-Net's, which is right, and that again"
    assert not list((tmp_path / "cache").rglob("*.onnx"))


def test_weights_that_are_gone_are_said(tmp_path: Path) -> None:
    resolved = copied_weights(tmp_path / "weights")
    (resolved.path / "onet.lz4").unlink()
    with pytest.raises(ModelError, match=r"onet\.lz4: cannot be read \(No such file"):
        network_files(resolved, anew=True)


def test_without_the_package_there_is_no_built_in_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    from fastthumb.inference import models

    monkeypatch.setattr(models, "find_spec", lambda _: None)
    assert importlib.util.find_spec("mtcnn") is not None
    assert Registry.load().find("faces") is None
    with pytest.raises(ModelError, match="needs the package mtcnn for its weights; install it"):
        Mtcnn.open(1)


# --- the cache


def test_the_networks_are_made_once(own_cache: Path, detector: Mtcnn) -> None:
    before = {file: file.stat().st_mtime_ns for file in own_cache.rglob("*.onnx")}
    assert len(before) == 3
    program = (
        "import sys\nfrom fastthumb.inference.mtcnn import Mtcnn\nMtcnn.open(1)\n"
        "sys.exit(bool({'joblib', 'onnx', 'tensorflow', 'mtcnn'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert {file: file.stat().st_mtime_ns for file in own_cache.rglob("*.onnx")} == before


def test_a_damaged_file_of_the_cache_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path))
    Mtcnn.open(1)
    (file,) = tmp_path.rglob("onet.onnx")
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    Mtcnn.open(1)
    assert file.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file stands here")
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path / "cache"))
    grey = PictureView.of_rgb(np.full((90, 160, 3), 128, np.uint8))
    assert Mtcnn.open(1).detect(grey).shape == (0, 15)


def test_two_processes_that_make_them_at_once_do_not_harm_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path))
    program = "from fastthumb.inference.mtcnn import Mtcnn\nMtcnn.open(1)\n"
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert sorted(file.name for file in files) == ["onet.onnx", "pnet.onnx", "rnet.onnx"]


# --- faces


def test_labelled_portraits_are_found(data: Path, detector: Mtcnn) -> None:
    folders = ("celebrities", "people", "expressions")
    files = [file for name in folders for file in sorted((data / "faces" / name).rglob("*.jpg"))]
    missed = [file.name for file in files if not len(detector.detect(picture(file)))]
    assert len(files) > 150
    assert len(missed) <= 0.05 * len(files), missed


def test_boxes_and_landmarks_are_where_yunet_sees_them(data: Path, detector: Mtcnn) -> None:
    from fastthumb import _core
    from fastthumb.inference.onnx import open_network
    from fastthumb.inference.views import Pixels

    resolved = Registry.load(data / "models").find("faces")
    assert resolved is not None
    yunet = open_network(resolved, threads=1)
    differences = []
    for file in sorted((data / "faces" / "celebrities").glob("img1*.jpg")):
        view = picture(file)
        tensor, scale = view.letterboxed(640, 640, Pixels("bgr"))
        outputs = [output[0] for output in yunet.run(tensor[None]).values()]
        other = _core.decode_yunet(outputs, 640, 640, 0.6, 0.3)[0] / scale
        mine = detector.detect(view)[0]
        corner = np.maximum(mine[:2], other[:2]), np.minimum(mine[2:4], other[2:4])
        assert (corner[0] < corner[1]).all(), f"{file.name}: they see different faces"
        eyes = np.hypot(*(other[5:7] - other[7:9]))
        between = (mine[5:] - other[5:]).reshape(5, 2)
        differences.append(np.hypot(*between.T).mean() / eyes)
        assert mine[5] < mine[7], "the left eye of the picture comes first"
        assert mine[6] < mine[12], "and the corners of the mouth last"
    assert len(differences) >= 10
    assert np.median(differences) < 0.1, "in shares of the distance of the eyes"


@pytest.mark.parametrize(
    "change",
    [
        lambda rgb: rgb[:, ::-1],
        lambda rgb: rgb.repeat(3, 0).repeat(3, 1),
        lambda rgb: rgb[::2, ::2],
    ],
    ids=["mirrored", "three times as large", "half as large"],
)
def test_a_changed_picture_moves_the_face_along(
    change: Callable[[Any], Any], data: Path, detector: Mtcnn
) -> None:
    with Image.open(data / "faces" / "celebrities" / "img1.jpg") as image:
        rgb = np.asarray(image.convert("RGB"))
    changed = np.ascontiguousarray(change(rgb))
    before, after = (detector.detect(PictureView.of_rgb(x))[0] for x in (rgb, changed))
    factor = changed.shape[1] / rgb.shape[1]
    width = before[2] - before[0]
    if factor == 1:
        expected = rgb.shape[1] - before[[7, 5, 9, 13, 11]]
    else:
        expected = before[[5, 7, 9, 11, 13]] * factor
    np.testing.assert_allclose(after[[5, 7, 9, 11, 13]], expected, atol=0.06 * width * factor)


def test_scores_fall_and_no_face_is_found_twice(data: Path, detector: Mtcnn) -> None:
    found = detector.detect(picture(data / "faces" / "celebrities" / "selfie-many-people.jpg"))
    assert len(found) >= 4
    assert found.dtype == np.float32
    assert (np.diff(found[:, 4]) <= 0).all()
    assert (found[:, 2:4] > found[:, :2]).all()
    for n, row in enumerate(found):
        center = (row[:2] + row[2:4]) / 2
        inside = (found[:, :2] < center).all(1) & (found[:, 2:4] > center).all(1)
        assert inside.nonzero()[0].tolist() == [n]


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 700), (11, 11), (12, 12), (13, 640), (300, 17)], ids=str
)
@pytest.mark.parametrize("content", ["flat", "noise"])
def test_any_size_is_looked_at(size: tuple[int, int], content: str, detector: Mtcnn) -> None:
    rng = np.random.default_rng(1)
    rgb = np.full((*size, 3), 90) if content == "flat" else rng.integers(0, 256, (*size, 3))
    found = detector.detect(PictureView.of_rgb(rgb.astype(np.uint8)))
    assert found.shape[1] == 15
    assert np.isfinite(found).all()
