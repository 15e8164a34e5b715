"""CPU milliseconds per picture for every part of what networks do to it, with one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from _detection_pictures import PictureSet
from fastthumb.analysis.detectors import Detectors
from fastthumb.analysis.face_looks import eye_opening, face_sharpness
from fastthumb.analysis.face_watch import FaceWatch
from fastthumb.inference.face_readers import ExpressionReader, IdentityReader, MeshReader
from fastthumb.inference.objects import ObjectFinder
from fastthumb.inference.pictures import EmbeddingReader, PoseReader

FILM = "woman_plants_9s_720p.mp4"  # 1280x720, one face in its first frame
ROUNDS = 40


def times(pictures: PictureSet) -> dict[str, Any]:
    """Least of ROUNDS measurements: what the part takes when nothing disturbs it."""
    view = next(iter(pictures.frames(FILM, 1)))
    finder = pictures.face_finder("yunet_n_dynamic")
    faces = finder.detect(view)[:1]
    things = ObjectFinder(pictures.network("picodet_s_416"))
    people = [thing.box for thing in things.find(view) if thing.label == "person"][:1]
    cascade = pictures.face_finder("mtcnn")
    official = pictures.face_finder("yunet_2023mar")
    identity = IdentityReader(pictures.network("mobilefacenet_112"))
    expression = ExpressionReader(pictures.network("face_expression_112"))
    mesh = MeshReader(pictures.network("face_mesh468_192"))
    small = ObjectFinder(pictures.network("yolox_nano_416"))
    embedding = EmbeddingReader(pictures.network("mobilenet_v2_imagenet_224"))
    pose = PoseReader(pictures.network("movenet_lightning_192"))
    everything = Detectors.open(pictures.data / "models", threads=1)
    watch = FaceWatch(everything)
    known = everything.faces(view) or ()
    parts: dict[str, Callable[[], object]] = {
        "faces yunet_n_dynamic": lambda: finder.detect(view),
        "faces yunet_2023mar": lambda: official.detect(view),
        "glimpse yunet_n_dynamic": lambda: finder.glimpse(view),
        "glimpse mtcnn": lambda: cascade.glimpse(view),
        "faces mtcnn": lambda: cascade.detect(view),
        "faces yunet_n_dynamic, tiles": lambda: finder.detect(view, tiles=True),
        "a face: identity": lambda: identity.read(view, faces),
        "a face: expression": lambda: expression.read(view, faces),
        "a face: mesh": lambda: mesh.read(view, faces),
        "a face: sharpness": lambda: face_sharpness(view, faces[0]),
        "a face: eyes without mesh": lambda: eye_opening(view, faces[0]),
        "objects picodet_s_416": lambda: things.find(view),
        "objects yolox_nano_416": lambda: small.find(view),
        "embedding": lambda: embedding.read(view),
        "a person: pose": lambda: pose.read(view, people),
        "Detectors.faces": lambda: everything.faces(view),
        "Detectors.contents": lambda: everything.contents(view),
        "Detectors.contents of people with faces": lambda: everything.contents(view, known),
        "FaceWatch.look, a new face": lambda: watch.look(view),
        "FaceWatch.look, the same face": lambda: watch.look(view, goes_on=True),
    }
    return {"picture": f"{view.width}x{view.height}", "faces": len(faces), "threads": 1} | {
        f"{name} ms": round(least_ms(work), 3) for name, work in parts.items()
    }


def least_ms(work: Callable[[], object]) -> float:
    """Least CPU time of one call."""
    work()
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best * 1000
