"""Everything that networks say of a frame, with whatever networks there are.

`Detectors.faces` is for many frames, `Detectors.contents` for the few that become candidates.
Every network is optional: what a missing one would have said is None. One that fails is named
once in `warnings`, and the run goes on without it.

Note [animals and animation]. Face detectors also fire on animals, on the people of animation, and
now and then on a paw or a fold of cloth, and such faces score less than those of people. A face
is `sure` if its score is that of people (YuNet .8, MTCNN .9), or up to .1 less where the face
mesh, too, sees a face. Every face is kept clear of crops; only a sure one is somebody: it is
counted, read and compared. So animated characters with faces like ours are treated as people (a
sure face in a good quarter of the frames of Big Buck Bunny), most animals are not (2 of 13 frames
of a kitten, none of a wolf, a rabbit, a bird). The identity networks know people: they hold an
animated character together inside a shot, and rarely from shot to shot. bench/detection.py has
the figures.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fastthumb.analysis.detections import Contents, Face, FoundObject
from fastthumb.analysis.face_looks import (
    eye_opening,
    face_sharpness,
    is_cut_off,
    roll_of,
    turn_of,
)
from fastthumb.analysis.object_groups import group_of
from fastthumb.errors import FastthumbError, ModelError
from fastthumb.inference.entries import LEARNED_RULES
from fastthumb.inference.face_readers import (
    EXPRESSIONS,
    ExpressionReader,
    IdentityReader,
    MeshReader,
)
from fastthumb.inference.faces import FaceFinder, FoundFace, open_face_finder
from fastthumb.inference.models import OWN_FILE, Registry
from fastthumb.inference.objects import ObjectFinder
from fastthumb.inference.onnx import open_network
from fastthumb.inference.pictures import (
    EmbeddingReader,
    LetteringFinder,
    PictureClassifier,
    PoseReader,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from fastthumb.analysis.detections import FloatArray, Rect
    from fastthumb.inference.crops import Box
    from fastthumb.inference.face_readers import MeshReading
    from fastthumb.inference.models import Resolved
    from fastthumb.inference.onnx import Network
    from fastthumb.inference.views import PictureView

Result = TypeVar("Result")
Runner = TypeVar("Runner")

# Of the faces of a frame the networks read so many, the largest first, from so many display px of
# the shorter side on: for identity, and for what needs a closer look, expression and mesh.
MOST_FACES, SMALLEST_FACE = 12, 24.0
MOST_MIMICS, SMALLEST_MIMIC = 6, 32.0
NEARLY = 0.1  # of a face that scores so little less than a sure one the mesh decides
MOST_POSES, SMALLEST_PERSON = 3, 0.15  # the largest people, from this share of the height on
MOST_OPENED = 4  # sets of networks that stay loaded

# What a network that is not what its entry says makes its reader raise.
_FAILURES = (FastthumbError, ValueError, IndexError, KeyError)


@dataclass(slots=True)
class _Reading:
    """What the networks read in one face."""

    sure: bool
    near: bool  # so sure that the mesh may settle it
    mesh: MeshReading | None = None
    eyes: float | None = None
    expression: FloatArray | None = None
    embedding: FloatArray | None = None


class _Runners:
    """The networks of one models folder, opened; None where there is none for a task."""

    def __init__(self, registry: Registry, threads: int) -> None:
        self.models: list[tuple[str, str, str]] = []
        self.warnings: list[str] = []
        self.failed: set[str] = set()
        self.lock = threading.Lock()
        self._registry, self._threads = registry, threads
        self.faces: FaceFinder | None = self._open("faces", open_face_finder)
        self.identity = self._open("identity", self._with(IdentityReader))
        self.expression = self._open("expression", self._with(ExpressionReader))
        self.mesh = self._open("face-mesh", self._with(MeshReader))
        self.objects = self._open("objects", self._with(ObjectFinder))
        self.embedding = self._open("embedding", self._with(EmbeddingReader))
        self.text = self._open("text", self._with(LetteringFinder))
        self.pose = self._open("pose", self._with(PoseReader))
        rules = {rule: self._open(rule, self._with(PictureClassifier)) for rule in LEARNED_RULES}
        self.rules = {rule: runner for rule, runner in rules.items() if runner is not None}
        self.missing = registry.missing()

    @property
    def reads_meshes(self) -> bool:
        return self.mesh is not None and "face-mesh" not in self.failed

    def _open(self, task: str, opened: Callable[[Resolved, int], Runner]) -> Runner | None:
        """The first model of the task that is here and can be loaded."""
        for name in self._registry.order.get(task, ()):
            try:
                resolved = self._registry.resolve(self._registry.entries[name])
                if resolved is None:
                    continue
                runner = opened(resolved, self._threads)
            except ModelError as exc:
                self.warnings.append(str(exc))
                continue
            self.models.append((name, task, resolved.sha256))
            return runner
        return None

    @staticmethod
    def _with(reader: Callable[[Network], Runner]) -> Callable[[Resolved, int], Runner]:
        return lambda resolved, threads: reader(open_network(resolved, threads=threads))


class Detectors:
    """What looks at frames: opened once per process, safe to share among threads.

    `models` are (name, task, SHA-256) of the networks in use; `missing` says which tasks have
    none, `warnings` what failed; `expression_labels` are the classes of `Face.expression`, ()
    without a network.
    """

    def __init__(self, runners: _Runners, *, small_faces: bool = False) -> None:
        self._runners, self._small_faces = runners, small_faces
        self.expression_labels = EXPRESSIONS if runners.expression is not None else ()

    @classmethod
    def open(
        cls, models_dir: str | Path | None = None, *, threads: int = 1, small_faces: bool = False
    ) -> Detectors:
        """Load every network that is there; raises SettingsError for a wrong models folder.

        What is loaded stays loaded for the next call, as long as the files stay the same.
        """
        registry = Registry.load(models_dir)
        files = [folder / OWN_FILE for folder in registry.folders]
        files += [path for entry in registry.entries.values() for path in registry.places(entry)]
        key = (threads, tuple(map(_stamp, files)))
        with _OPENING:
            if key not in _OPENED:
                while len(_OPENED) >= MOST_OPENED:
                    del _OPENED[next(iter(_OPENED))]
                _OPENED[key] = _Runners(registry, threads)
            return cls(_OPENED[key], small_faces=small_faces)

    @property
    def models(self) -> list[tuple[str, str, str]]:
        return list(self._runners.models)

    @property
    def missing(self) -> list[str]:
        return list(self._runners.missing)

    @property
    def warnings(self) -> list[str]:
        return list(self._runners.warnings)

    def faces(self, view: PictureView, *, inside: Rect | None = None) -> tuple[Face, ...] | None:
        """Faces of a picture, largest first; None if nothing finds faces.

        `inside` is the part of the picture without black bars, in shares: what it cuts is cut
        off. What the networks read of a face is None where it is too small, one of too many, or
        not sure.
        """
        finder = self._runners.faces
        if finder is None:
            return None
        found = self._tried("faces", lambda: finder.detect(view, tiles=self._small_faces))
        if found is None:
            return None
        found.sort(key=_area, reverse=True)
        large = [at for at, face in enumerate(found) if _shorter_side(face) >= SMALLEST_FACE]
        readings = [
            _Reading(face.score >= finder.sure, face.score >= finder.sure - NEARLY)
            for face in found
        ]
        self._read(view, [(found[at], readings[at]) for at in large[:MOST_FACES]])
        edges = _scaled(inside or (0.0, 0.0, 1.0, 1.0), view.width, view.height)
        pairs = zip(found, readings, strict=True)
        return tuple(_face(view, face, reading, edges) for face, reading in pairs)

    def contents(self, view: PictureView) -> Contents:
        """What the networks that look at the whole picture say of it."""
        runners = self._runners
        objects = embedding = lettering = poses = labels = None
        if (finder := runners.objects) is not None:
            objects = self._tried("objects", lambda: _objects(finder, view))
        if (reader := runners.embedding) is not None:
            embedding = self._tried("embedding", lambda: reader.read(view))
        if (text := runners.text) is not None:
            lettering = self._tried("text", lambda: _lettering(text, view))
        if (pose := runners.pose) is not None and objects is not None:
            people = objects
            poses = self._tried("pose", lambda: _poses(pose, view, people))
        for rule, classifier in runners.rules.items():
            answer = self._tried(rule, partial(classifier.read, view))
            if answer is not None:
                labels = (labels or {}) | {f"{rule}={name}": p for name, p in answer.items()}
        return Contents(objects, embedding, labels, lettering, poses)

    def _read(self, view: PictureView, faces: list[tuple[FoundFace, _Reading]]) -> None:
        """Fill the readings of the faces, largest first; see Note [animals and animation]."""
        runners = self._runners
        faces = [(face, reading) for face, reading in faces if reading.near]
        close = [both for both in faces if _shorter_side(both[0]) >= SMALLEST_MIMIC][:MOST_MIMICS]
        if (meshes := runners.mesh) is not None and close:
            found = self._tried("face-mesh", lambda: meshes.read(view, [f for f, _ in close]))
            for (_, reading), mesh in zip(close, found or (), strict=False):
                reading.sure = reading.sure or (reading.near and mesh is not None)
                reading.mesh = mesh if reading.sure else None
        if not runners.reads_meshes:
            for face, reading in close:
                reading.eyes = eye_opening(view, face) if reading.sure else None
        if (reader := runners.identity) is not None:
            known, readings = _sure(faces)
            vectors = self._tried("identity", lambda: reader.read(view, known)) if known else None
            for reading, vector in zip(readings, _rows(vectors), strict=False):
                reading.embedding = vector
        if (moods := runners.expression) is not None:
            clear, readings = _sure(close)
            classes = self._tried("expression", lambda: moods.read(view, clear)) if clear else None
            for reading, row in zip(readings, _rows(classes), strict=False):
                reading.expression = row

    def _tried(self, task: str, work: Callable[[], Result]) -> Result | None:
        """What `work` gives; None, and a warning the first time, if its network fails."""
        runners = self._runners
        if task in runners.failed:
            return None
        try:
            return work()
        except _FAILURES as exc:
            with runners.lock:
                if task not in runners.failed:
                    runners.failed.add(task)
                    reason = str(exc).partition("\n")[0]
                    runners.warnings.append(f"{task}: {reason}; this run goes on without it")
            return None


_OPENED: dict[object, _Runners] = {}
_OPENING = threading.Lock()


def _stamp(file: Path) -> tuple[str, int, int]:
    """Path, time of change and size; 0 and 0 for a file that is not there."""
    try:
        facts = file.stat()
    except OSError:
        return str(file), 0, 0
    return str(file), facts.st_mtime_ns, facts.st_size


def _objects(finder: ObjectFinder, view: PictureView) -> tuple[FoundObject, ...]:
    return tuple(
        FoundObject(thing.label, group_of(thing.label), _shares(thing.box, view), thing.score)
        for thing in finder.find(view)
    )


def _lettering(finder: LetteringFinder, view: PictureView) -> tuple[Rect, ...]:
    return tuple(_shares(box, view) for box in finder.find(view))


def _poses(
    reader: PoseReader, view: PictureView, objects: Sequence[FoundObject]
) -> tuple[FloatArray, ...]:
    """Joints of the MOST_POSES largest people, x and y in shares."""
    people = [thing.box for thing in objects if thing.group == "person"]
    boxes = [box for box in people if box[3] - box[1] >= SMALLEST_PERSON]
    boxes.sort(key=lambda box: (box[2] - box[0]) * (box[3] - box[1]), reverse=True)
    boxes = boxes[:MOST_POSES]
    if not boxes:
        return ()
    joints = reader.read(view, [_scaled(box, view.width, view.height) for box in boxes])
    return tuple(
        (pose / (view.width, view.height, 1)).astype(np.float32).ravel() for pose in joints
    )


def _face(view: PictureView, face: FoundFace, reading: _Reading, edges: Box) -> Face:
    mesh = reading.mesh
    return Face(
        box=_shares(face.box, view),
        landmarks=_landmark_shares(face, view),
        score=face.score,
        sharpness=face_sharpness(view, face),
        turn=turn_of(face.landmarks) if mesh is None else mesh.turn,
        roll=roll_of(face.landmarks),
        cut_off=is_cut_off(face, edges),
        eyes=reading.eyes if mesh is None else mesh.eyes,
        mouth=None if mesh is None else mesh.mouth,
        expression=reading.expression,
        embedding=reading.embedding,
        pixels=_shorter_side(face),
        sure=reading.sure,
    )


def _sure(faces: list[tuple[FoundFace, _Reading]]) -> tuple[list[FoundFace], list[_Reading]]:
    """The sure ones and their readings."""
    sure = [(face, reading) for face, reading in faces if reading.sure]
    return [face for face, _ in sure], [reading for _, reading in sure]


def _rows(array: FloatArray | None) -> Iterable[FloatArray]:
    return () if array is None else array


def _area(face: FoundFace) -> float:
    return (face.box[2] - face.box[0]) * (face.box[3] - face.box[1])


def _shorter_side(face: FoundFace) -> float:
    return min(face.box[2] - face.box[0], face.box[3] - face.box[1])


def _scaled(box: Rect, width: float, height: float) -> Rect:
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height


def _shares(box: Rect, view: PictureView) -> Rect:
    return _scaled(box, 1 / view.width, 1 / view.height)


def _landmark_shares(
    face: FoundFace, view: PictureView
) -> tuple[float, float, float, float, float, float, float, float, float, float]:
    a, b, c, d, e, f, g, h, i, j = (face.landmarks / (view.width, view.height)).ravel().tolist()
    return a, b, c, d, e, f, g, h, i, j
