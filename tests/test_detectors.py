"""All networks together: what they say of a frame, and what if one is missing or fails."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from fastthumb.analysis.detectors import MOST_POSES, SMALLEST_FACE, Detectors
from fastthumb.errors import ModelError, SettingsError
from fastthumb.inference.face_readers import EXPRESSIONS
from fastthumb.inference.views import PictureView

TASKS = ["faces", "identity", "expression", "face-mesh", "objects", "embedding", "pose"]


def view_of(path: Path) -> PictureView:
    if not path.exists():
        pytest.skip(f"{path} is not part of this test data")
    with Image.open(path) as image:
        return PictureView.of_rgb(np.asarray(ImageOps.exif_transpose(image).convert("RGB")))


@pytest.fixture(scope="module")
def everything(models: Path) -> Detectors:
    return Detectors.open(models)


@pytest.fixture
def couple(data: Path) -> PictureView:
    return view_of(data / "faces/people/group/two_people.jpg")


def test_every_model_of_the_test_data_is_used(everything: Detectors) -> None:
    assert [task for _, task, _ in everything.models] == TASKS
    assert all(len(sha256) == 64 for _, _, sha256 in everything.models)
    assert everything.expression_labels == EXPRESSIONS
    assert everything.warnings == []
    assert len(everything.missing) == 1
    assert "text" in everything.missing[0]


def test_networks_are_opened_once_per_folder(everything: Detectors, models: Path) -> None:
    again = Detectors.open(str(models), small_faces=True)
    assert again._runners is everything._runners


def test_a_model_that_comes_later_is_used(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "models"
    folder.mkdir()
    assert [name for name, _, _ in Detectors.open(folder).models] == ["mtcnn"]
    shutil.copy(models / "yunet_n_dynamic.onnx", folder)
    assert [name for name, _, _ in Detectors.open(folder).models] == ["yunet_n_dynamic"]


def test_faces_are_complete_and_in_shares(everything: Detectors, couple: PictureView) -> None:
    faces = everything.faces(couple)
    assert faces is not None
    assert len(faces) >= 2
    left, right = sorted(faces[:2], key=lambda face: face.box[0])
    for face, (x, y) in ((left, (0.286, 0.145)), (right, (0.78, 0.196))):
        assert face.sure
        assert face.score > 0.9
        x0, y0, x1, y1 = face.box
        assert x0 < x < x1
        assert y0 < y < y1
        assert np.mean(face.landmarks[0:4:2]) == pytest.approx(x, abs=0.02)
        assert np.mean(face.landmarks[1:4:2]) == pytest.approx(y, abs=0.02)
        assert face.pixels == pytest.approx((x1 - x0) * couple.width, rel=1e-6)
        assert 0 < face.sharpness <= 1
        assert face.turn < 0.5
        assert abs(face.roll) < 25
        assert not face.cut_off
        assert face.eyes is not None
        assert 0.1 < face.eyes < 0.5
        assert face.mouth is not None
        assert 0 <= face.mouth < 1
        assert face.expression is not None
        assert face.expression.sum() == pytest.approx(1, abs=1e-4)
        assert face.embedding is not None
        assert np.linalg.norm(face.embedding) == pytest.approx(1, abs=1e-5)
        assert face.track == -1
    assert left.embedding is not None
    assert right.embedding is not None
    assert float(left.embedding @ right.embedding) < 0.35, "two people"


def test_faces_come_largest_first(everything: Detectors, data: Path) -> None:
    faces = everything.faces(view_of(data / "faces/celebrities/selfie-many-people.jpg"))
    assert faces is not None
    assert len(faces) > 3
    areas = [(f.box[2] - f.box[0]) * (f.box[3] - f.box[1]) for f in faces]
    assert areas == sorted(areas, reverse=True)


def test_one_person_on_two_pictures_is_alike(everything: Detectors, data: Path) -> None:
    found = []
    for name in ("biden.jpg", "biden2.jpg"):
        faces = everything.faces(view_of(data / "faces/people/biden" / name))
        assert faces
        assert faces[0].embedding is not None
        found.append(faces[0].embedding)
    assert float(found[0] @ found[1]) > 0.4


def test_a_happy_face_is_happy(everything: Detectors, data: Path) -> None:
    faces = everything.faces(view_of(data / "faces/expressions/faceapi_happy.jpg"))
    assert faces
    assert faces[0].expression is not None
    assert EXPRESSIONS[int(faces[0].expression.argmax())] == "happy"


def test_black_bars_cut_faces_off(everything: Detectors, couple: PictureView) -> None:
    faces = everything.faces(couple, inside=(0.0, 0.1, 1.0, 0.9))
    assert faces is not None
    assert all(face.cut_off for face in faces[:2]), "both foreheads are above a tenth"


def test_contents_of_a_real_picture(everything: Detectors, data: Path) -> None:
    view = view_of(data / "images/coco/000000000785.jpg")
    contents = everything.contents(view)
    assert contents.objects is not None
    found = {thing.label: thing for thing in contents.objects}
    assert found["person"].group == "person"
    assert found["skis"].group == "sport"
    assert all(0 <= edge <= 1 for thing in contents.objects for edge in thing.box)
    assert contents.embedding is not None
    assert np.linalg.norm(contents.embedding) == pytest.approx(1, abs=1e-5)
    assert contents.poses is not None
    assert len(contents.poses) == 1
    joints = contents.poses[0].reshape(17, 3)
    x0, y0, x1, y1 = found["person"].box
    seen = joints[joints[:, 2] > 0.4]
    assert len(seen) > 8
    assert ((seen[:, 0] > x0 - 0.05) & (seen[:, 0] < x1 + 0.05)).all()
    assert ((seen[:, 1] > y0 - 0.05) & (seen[:, 1] < y1 + 0.05)).all()
    assert contents.labels is None
    assert contents.lettering is None


def test_poses_are_of_the_largest_people(everything: Detectors, data: Path) -> None:
    contents = everything.contents(view_of(data / "images/coco/000000001000.jpg"))
    assert contents.objects is not None
    assert sum(thing.group == "person" for thing in contents.objects) > MOST_POSES
    assert contents.poses is not None
    assert len(contents.poses) == MOST_POSES


def test_of_people_with_faces_no_pose_is_taken(everything: Detectors, couple: PictureView) -> None:
    faces = everything.faces(couple)
    assert faces
    without, beside = everything.contents(couple), everything.contents(couple, faces)
    assert without.poses is not None
    assert beside.poses is not None
    assert len(beside.poses) < len(without.poses)


def test_what_is_read_of_found_faces_is_that_of_a_look(
    everything: Detectors, couple: PictureView
) -> None:
    look = everything.faces(couple)
    spots = everything.glimpse(couple)
    assert look
    assert spots
    whole = (0.0, 0.0, float(couple.width), float(couple.height))
    found = everything.described(couple, everything.find_in(couple, whole, spots))
    assert all(face.embedding is None and face.eyes is None for face in found)
    who = everything.read(couple, found, closely=False)
    assert all(face.embedding is not None and face.eyes is None for face in who[:2])
    everything_read = everything.read(couple, who)
    for one, other in zip(everything_read[:2], look[:2], strict=True):
        assert one.box == pytest.approx(other.box)
        assert one.eyes == pytest.approx(other.eyes)
        assert one.expression is not None
        assert one.turn == other.turn
    assert everything_read[0].embedding is who[0].embedding, "not read again"


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (3000, 2), (2, 900)], ids=str)
def test_pictures_of_any_size_are_looked_at(everything: Detectors, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    view = PictureView.of_rgb(rng.integers(0, 256, (size[1], size[0], 3), np.uint8))
    assert everything.faces(view) is not None
    contents = everything.contents(view)
    assert contents.objects is not None
    assert contents.embedding is not None
    assert everything.warnings == []


# --- doubtful faces


def test_animals_are_not_sure_and_nobody(everything: Detectors, video: Any) -> None:
    from fastthumb.media.source import open_source

    found = []
    with open_source(video("kitten_5s.mp4")) as source:
        for frame in source.frames():
            if frame.index % 12 == 0:
                found += everything.faces(PictureView.of_frame(frame, source.info)) or ()
    assert found, "no face at all proves nothing"
    doubtful = [face for face in found if not face.sure]
    assert len(doubtful) > 0.7 * len(found)
    assert all(face.embedding is None and face.expression is None for face in doubtful)


def test_small_faces_are_found_and_not_read(everything: Detectors, data: Path) -> None:
    portrait = view_of(data / "faces/people/obama/obama.jpg")
    scene = np.full((360, 640, 3), 90, np.uint8)
    scene[40:95, 100:144] = portrait.rgb(44, 55)
    faces = everything.faces(PictureView.of_rgb(scene))
    assert faces
    assert faces[0].pixels is not None
    assert faces[0].pixels < SMALLEST_FACE
    assert faces[0].embedding is None
    assert faces[0].eyes is None


# --- without networks


def test_without_any_model_the_built_in_detector_finds_faces(
    couple: PictureView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path))
    detectors = Detectors.open()
    assert [(name, task) for name, task, _ in detectors.models] == [("mtcnn", "faces")]
    assert detectors.expression_labels == ()
    assert len(detectors.missing) == 1
    assert "models pull" in detectors.missing[0]
    faces = detectors.faces(couple)
    assert faces is not None
    assert sum(face.sure for face in faces) == 2
    for face in faces[:2]:
        assert face.embedding is None
        assert face.expression is None
        assert face.mouth is None
        assert face.eyes is not None, "the lesser measure"
    contents = detectors.contents(couple)
    assert (contents.objects, contents.embedding, contents.poses) == (None, None, None)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is no folder"):
        Detectors.open(tmp_path / "nowhere")


def test_a_broken_model_is_named_and_the_next_one_taken(
    models: Path, couple: PictureView, tmp_path: Path
) -> None:
    for name in ("yunet_n_dynamic.onnx", "mobilefacenet_112.onnx"):
        shutil.copy(models / name, tmp_path)
    (tmp_path / "broken.onnx").write_bytes(b"not ONNX at all")
    (tmp_path / "models.toml").write_text(
        '[models.mine]\ntask = "faces"\nfamily = "yunet"\nfile = "broken.onnx"\nlicense = "own"\n'
        'input = { width = 640, height = 640, fit = "letterbox", channels = "bgr" }\n'
        "output = { threshold = 0.6, iou = 0.3, strides = [8, 16, 32] }\n"
    )
    detectors = Detectors.open(tmp_path)
    assert [name for name, _, _ in detectors.models] == ["yunet_n_dynamic", "mobilefacenet_112"]
    assert any("mine" in warning for warning in detectors.warnings)
    faces = detectors.faces(couple)
    assert faces
    assert faces[0].embedding is not None


class Failing:
    """A network that fails from the second picture on."""

    def __init__(self, network: Any) -> None:
        self._network, self.runs = network, 0
        self.entry, self.output_names = network.entry, network.output_names

    def run(self, tensors: npt.NDArray[np.float32]) -> Any:
        self.runs += 1
        if self.runs > 1:
            raise ModelError("model mine: cannot be run on a 1x3 tensor (out of luck)")
        return self._network.run(tensors)


@pytest.mark.parametrize(
    ("attribute", "task", "what"),
    [
        ("identity", "identity", "embedding"),
        ("expression", "expression", "expression"),
        ("mesh", "face-mesh", "mouth"),
    ],
)
def test_a_network_that_fails_is_named_once_and_left_out(
    models: Path,
    couple: PictureView,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    attribute: str,
    task: str,
    what: str,
) -> None:
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path))  # networks of its own
    detectors = Detectors.open(models)
    before = detectors.warnings
    reader = getattr(detectors._runners, attribute)
    failing = reader._network = Failing(reader._network)
    first = detectors.faces(couple)
    assert first
    assert getattr(first[0], what) is not None
    for _ in range(2):
        faces = detectors.faces(couple)
        assert faces
        assert getattr(faces[0], what) is None
        assert faces[0].eyes is not None
    assert failing.runs == 2, "it is not tried again"
    (warning,) = [text for text in detectors.warnings if text not in before]
    assert warning.startswith(f"{task}: model mine")
    assert "goes on without it" in warning


def test_a_failing_finder_leaves_everything_else_working(
    models: Path, couple: PictureView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path))
    detectors = Detectors.open(models)
    for name in ("faces", "objects"):
        runner: Any = getattr(detectors._runners, name)
        runner._network = Failing(runner._network)
        runner._network.runs = 1
    assert detectors.faces(couple) is None
    contents = detectors.contents(couple)
    assert contents.objects is None
    assert contents.poses is None, "whose boxes come from the objects"
    assert contents.embedding is not None


def test_a_users_learned_rule_is_one_entry(
    couple: PictureView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that says which of red, green and blue is strongest stands in for a real rule."""
    onnx = pytest.importorskip("onnx")
    helper, float_ = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["picture"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
        ],
        "rule",
        [helper.make_tensor_value_info("picture", float_, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("flat", float_, ["n", 3])],
    )
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "rule.onnx")
    (tmp_path / "models.toml").write_text(
        '[models.reds]\ntask = "setting"\nfamily = "classifier"\nfile = "rule.onnx"\n'
        'license = "own"\ninput = { width = 32, height = 32, scale = [0.1, 0.1, 0.1] }\n'
        'output = { labels = ["red", "green", "blue"], activation = "softmax" }\n'
    )
    detectors = Detectors.open(tmp_path)
    assert ("reds", "setting") in [(name, task) for name, task, _ in detectors.models]
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[..., 1] = 200
    labels = detectors.contents(PictureView.of_rgb(rgb)).labels
    assert labels is not None
    assert set(labels) == {"setting=red", "setting=green", "setting=blue"}
    assert labels["setting=green"] > 0.99
