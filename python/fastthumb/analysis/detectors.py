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
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fastthumb import _core
from fastthumb.analysis.detections import Contents, Face, FoundObject
from fastthumb.analysis.face_looks import (
    eye_opening,
    face_sharpness,
    is_cut_off,
    roll_of,
    turn_of,
)
from fastthumb.analysis.object_groups import group_of
from fastthumb.errors import DeviceUnavailable, FastthumbError, ModelError
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
    from fastthumb.inference.tensors import Runnable
    from fastthumb.inference.views import PictureView

Result = TypeVar("Result")
Runner = TypeVar("Runner")

# Of the faces of a frame the networks read so many, the largest first, from so many display px of
# the shorter side on: for identity, and for what needs a closer look, expression and mesh.
MOST_FACES, SMALLEST_FACE = 12, 24.0
MOST_SAMPLED = 5  # of the many frames that are only sampled
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

    def __init__(
        self, registry: Registry, threads: int, gpu: int | None, announce: Callable[[str], None]
    ) -> None:
        self.models: list[tuple[str, str, str]] = []
        self.warnings: list[str] = []
        self.failed: set[str] = set()
        self.lock = threading.Lock()
        self._registry, self._threads = registry, threads
        self._announce = announce
        self._stream = None if gpu is None else _core.CudaStream(gpu)
        self.faces: FaceFinder | None = self._open("faces", self._face_finder)
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

    def _open(self, task: str, opened: Callable[[Resolved], Runner]) -> Runner | None:
        """The first model of the task that is here and can be loaded."""
        for name in self._registry.order.get(task, ()):
            try:
                resolved = self._registry.resolve(self._registry.entries[name])
                if resolved is None:
                    continue
                runner = opened(resolved)
            except ModelError as exc:
                self.warnings.append(str(exc))
                continue
            self.models.append((name, task, resolved.sha256))
            return runner
        return None

    def _with(self, reader: Callable[[Runnable], Runner]) -> Callable[[Resolved], Runner]:
        return lambda resolved: reader(self._network(resolved))

    def _face_finder(self, resolved: Resolved) -> FaceFinder:
        return open_face_finder(resolved, self._network, self._threads)

    def _network(self, resolved: Resolved) -> Runnable:
        """The network on the GPU, or where nothing runs it there, with a warning, on the CPU."""
        if self._stream is not None:
            from fastthumb.inference.device_networks import open_device_network

            try:
                return open_device_network(
                    resolved, self._stream.device, self._stream, announce=self._announce
                )
            except DeviceUnavailable as exc:
                self.warnings.append(f"{exc}; it runs on the CPU")
        return open_network(resolved, threads=self._threads)


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
        cls,
        models_dir: str | Path | None = None,
        *,
        threads: int = 1,
        small_faces: bool = False,
        gpu: int | None = None,
        announce: Callable[[str], None] = lambda _: None,
    ) -> Detectors:
        """Load every network that is there; raises SettingsError for a wrong models folder.

        What is loaded stays loaded for the next call, as long as the files stay the same. On a
        GPU, by its number, networks run there as far as anything installed can run them;
        `announce` is told before that takes long.
        """
        registry = Registry.load(models_dir)
        files = [folder / OWN_FILE for folder in registry.folders]
        files += [path for entry in registry.entries.values() for path in registry.places(entry)]
        key = (threads, gpu, tuple(map(_stamp, files)))
        with _OPENING:
            if key not in _OPENED:
                while len(_OPENED) >= MOST_OPENED:
                    del _OPENED[next(iter(_OPENED))]
                _OPENED[key] = _Runners(registry, threads, gpu, announce)
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
        """Faces of a picture with all that is read of them, largest first; None: nothing finds any.

        `inside` is the part of the picture without black bars, in shares: what it cuts is cut
        off. What the networks read of a face is None where it is too small, one of too many, or
        not sure.
        """
        finder = self._runners.faces
        if finder is None:
            return None
        found = self._tried("faces", lambda: finder.detect(view, tiles=self._small_faces))
        return None if found is None else self.read(view, self.described(view, found, inside))

    def glimpse(self, view: PictureView) -> list[FoundFace] | None:
        """Where faces may be, display pixels, in less time; None: nothing finds any.

        Where small faces are wanted it is a whole look.
        """
        finder = self._runners.faces
        if finder is None:
            return None
        if self._small_faces:
            return self._tried("faces", lambda: finder.detect(view, tiles=True))
        return self._tried("faces", lambda: finder.glimpse(view))

    def find_in(
        self, view: PictureView, box: Box, glimpsed: Sequence[FoundFace]
    ) -> Sequence[FoundFace]:
        """The faces of a region in which some were glimpsed, display pixels, as in a whole look."""
        finder = self._runners.faces
        if finder is None or finder.glimpses_are_exact or self._small_faces:
            return glimpsed
        return self._tried("faces", lambda: finder.detect_in(view, box)) or []

    def is_sure(self, face: FoundFace) -> bool:
        """Whether its score alone says that a face is one; see Note [animals and animation]."""
        finder = self._runners.faces
        return finder is not None and face.score >= finder.sure

    def described(
        self, view: PictureView, found: Sequence[FoundFace], inside: Rect | None = None
    ) -> tuple[Face, ...]:
        """Found faces in shares, largest first, with what needs no network, `sure` by the score."""
        edges = _scaled(inside or (0.0, 0.0, 1.0, 1.0), view.width, view.height)
        ordered = sorted(found, key=_area, reverse=True)
        return tuple(_face(view, face, edges, sure=self.is_sure(face)) for face in ordered)

    def read(
        self, view: PictureView, faces: Sequence[Face], *, closely: bool = True
    ) -> tuple[Face, ...]:
        """The same faces, largest first, with what the networks read of them.

        Whether those are sure that nearly are, and who it is; `closely` eyes, mouth and
        expression, too. What has been read before is not read again, and a face may come from a
        larger copy of the picture.
        """
        seen = [_pixels(face, view) for face in faces]
        readings = [
            _Reading(face.sure, face.sure or self._nearly_sure(face), embedding=face.embedding)
            for face in faces
        ]
        large = [at for at, face in enumerate(seen) if _shorter_side(face) >= SMALLEST_FACE]
        most = MOST_FACES if closely else MOST_SAMPLED
        self._read(view, [(seen[at], readings[at]) for at in large[:most]], closely)
        return tuple(map(_with_reading, faces, readings))

    def contents(self, view: PictureView, faces: Sequence[Face] = ()) -> Contents:
        """What the networks that look at the whole picture say of it.

        Of people who have one of these `faces` no pose is taken: a face tells where the head is
        and how large a person.
        """
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
            poses = self._tried("pose", lambda: _poses(pose, view, people, faces))
        for rule, classifier in runners.rules.items():
            answer = self._tried(rule, partial(classifier.read, view))
            if answer is not None:
                labels = (labels or {}) | {f"{rule}={name}": p for name, p in answer.items()}
        return Contents(objects, embedding, labels, lettering, poses)

    def _nearly_sure(self, face: Face) -> bool:
        finder = self._runners.faces
        return finder is not None and face.score >= finder.sure - NEARLY

    def _read(
        self, view: PictureView, faces: list[tuple[FoundFace, _Reading]], closely: bool
    ) -> None:
        """Fill the readings of the faces, largest first; see Note [animals and animation]."""
        runners = self._runners
        faces = [(face, reading) for face, reading in faces if reading.near]
        close = [both for both in faces if _shorter_side(both[0]) >= SMALLEST_MIMIC][:MOST_MIMICS]
        meshed = close if closely else [both for both in close if not both[1].sure]
        if (meshes := runners.mesh) is not None and meshed:
            found = self._tried("face-mesh", lambda: meshes.read(view, [f for f, _ in meshed]))
            for (_, reading), mesh in zip(meshed, found or (), strict=False):
                reading.sure = reading.sure or mesh is not None
                reading.mesh = mesh if reading.sure else None
        if closely and not runners.reads_meshes:
            for face, reading in close:
                reading.eyes = eye_opening(view, face) if reading.sure else None
        if (reader := runners.identity) is not None:
            known, readings = _sure([both for both in faces if both[1].embedding is None])
            vectors = self._tried("identity", lambda: reader.read(view, known)) if known else None
            for reading, vector in zip(readings, _rows(vectors), strict=False):
                reading.embedding = vector
        if closely and (moods := runners.expression) is not None:
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
    reader: PoseReader,
    view: PictureView,
    objects: Sequence[FoundObject],
    faces: Sequence[Face],
) -> tuple[FloatArray, ...]:
    """Joints of the MOST_POSES largest people without a face, x and y in shares."""
    people = [thing.box for thing in objects if thing.group == "person"]
    sure = [face for face in faces if face.sure]
    boxes = [
        box
        for box in people
        if box[3] - box[1] >= SMALLEST_PERSON and not any(_holds(box, face) for face in sure)
    ]
    boxes.sort(key=lambda box: (box[2] - box[0]) * (box[3] - box[1]), reverse=True)
    boxes = boxes[:MOST_POSES]
    if not boxes:
        return ()
    joints = reader.read(view, [_scaled(box, view.width, view.height) for box in boxes])
    return tuple(
        (pose / (view.width, view.height, 1)).astype(np.float32).ravel() for pose in joints
    )


def _face(view: PictureView, face: FoundFace, edges: Box, *, sure: bool) -> Face:
    return Face(
        box=_shares(face.box, view),
        landmarks=_landmark_shares(face, view),
        score=face.score,
        sharpness=face_sharpness(view, face),
        turn=turn_of(face.landmarks),
        roll=roll_of(face.landmarks),
        cut_off=is_cut_off(face, edges),
        pixels=_shorter_side(face),
        sure=sure,
    )


def _with_reading(face: Face, reading: _Reading) -> Face:
    mesh = reading.mesh
    expression = face.expression if reading.expression is None else reading.expression
    known = replace(face, sure=reading.sure, embedding=reading.embedding, expression=expression)
    if mesh is not None:
        return replace(known, turn=mesh.turn, eyes=mesh.eyes, mouth=mesh.mouth)
    return known if reading.eyes is None else replace(known, eyes=reading.eyes)


def _pixels(face: Face, view: PictureView) -> FoundFace:
    """A face in display pixels of a view."""
    landmarks = np.array(face.landmarks).reshape(5, 2) * (view.width, view.height)
    return FoundFace(_scaled(face.box, view.width, view.height), landmarks, face.score)


def _holds(box: Rect, face: Face) -> bool:
    """Whether the middle of a face lies in the box of a person."""
    x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


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
