"""Photographs of the cast: whose face is in each, and what is wrong with those that show none.

What a network said of a photograph is kept in the user's cache folder, by the SHA-256 of the
photograph and of the network, so that a folder of photographs is read once and never written to.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastthumb.atomic import make_folder, write_text
from fastthumb.errors import OutputError
from fastthumb.inference.cache import cache_folder

if TYPE_CHECKING:
    from fastthumb.analysis.detections import Face, FloatArray
    from fastthumb.analysis.detectors import Detectors

    Opener = Callable[[], Detectors | None]

SUFFIXES = frozenset(".jpg .jpeg .jpe .png .webp .avif .bmp .tif .tiff .gif .jp2".split())
SMALLEST_FACE = 32.0  # pixels of the shorter side: of less, an embedding likens strangers
SECOND_FACE = 0.5  # of the largest one's height: smaller ones are passers-by
_LONGEST_SIDE = 2048
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph of a person.

    `embedding` is that of its face, float32 of unit length; None where there is no identity
    network, or where `problem` says, after the file's name, what is wrong and what to do.
    """

    path: Path
    sha256: str
    embedding: FloatArray | None
    problem: str | None


class PhotographReader:
    """Reads photographs, with the networks opened only if one is new.

    `detectors` are opened ones, or a function that opens them; None: only what is in the cache is
    known. `identity` is the SHA-256 of the identity network whose embeddings are
    wanted, by default that of `detectors`.
    """

    def __init__(
        self,
        folder: Path,
        detectors: Detectors | Opener | None,
        identity: str | None = None,
    ) -> None:
        self._detectors: Detectors | None = None
        self._open = detectors if callable(detectors) else (lambda: detectors)
        self._opened = False
        self._file = cache_folder() / "cast" / f"{_digest(str(folder.absolute()))}.json"
        self._stored = _read_store(self._file)
        self._changed = False
        known = self._stored["identity"]
        if identity is None and (detectors is not None or known is None):
            identity = self._model("identity")
        self.identity = identity or (known if detectors is None else None)
        if self.identity != known:
            self._stored |= {"identity": self.identity, "photographs": {}}

    def read(self, path: Path) -> Photograph:
        """The face of a photograph, from the cache where it is there."""
        try:
            sha256 = self._sha256(path)
        except OSError as exc:
            reason = exc.strerror or type(exc).__name__
            return Photograph(path, "", None, f"cannot be read ({reason}); make it readable")
        found = self._stored["photographs"].get(sha256)
        if found is not None and self.identity is not None:
            embedding = _decoded(found.get("embedding"))
            problem = found.get("problem")
            if embedding is not None or isinstance(problem, str):
                return Photograph(path, sha256, embedding, problem)
        embedding, problem, lasting = self._look(path)
        if self.identity is not None and lasting:
            entry = {"embedding": _encoded(embedding), "problem": problem}
            self._stored["photographs"][sha256] = entry
            self._changed = True
        return Photograph(path, sha256, embedding, problem)

    def save(self) -> None:
        """Keep what is new for the next time; a cache that cannot be written is left alone."""
        if self._changed and self.identity is not None:
            with contextlib.suppress(OutputError):
                make_folder(self._file.parent)
                write_text(self._file, json.dumps({"version": _VERSION} | self._stored))
            self._changed = False

    def _detector(self) -> Detectors | None:
        if not self._opened:
            self._detectors, self._opened = self._open(), True
            faces = self._model("faces")
            if faces is not None and faces != self._stored["faces"]:
                # Another detector may find the face that this one did not, or only one.
                entries = self._stored["photographs"]
                kept = {key: e for key, e in entries.items() if e.get("problem") is None}
                self._stored |= {"faces": faces, "photographs": kept}
        return self._detectors

    def _model(self, task: str) -> str | None:
        detectors = self._detector()
        models = detectors.models if detectors else []
        return next((sha256 for _, of, sha256 in models if of == task), None)

    def _look(self, path: Path) -> tuple[FloatArray | None, str | None, bool]:
        """Embedding, problem, and whether the same would come out the next time."""
        from fastthumb.inference.views import PictureView

        try:
            rgb = read_picture(path)
        except ValueError as exc:
            return None, str(exc), False
        detectors = self._detector()
        faces = detectors.faces(PictureView.of_rgb(rgb)) if detectors else None
        if faces is None:
            return None, None, False
        height, width = rgb.shape[:2]
        return (*_judged(faces, width, height), True)

    def _sha256(self, path: Path) -> str:
        """Hash of a file, from the cache while its size and time are what they were."""
        stat = path.stat()
        key, facts = str(path.absolute()), [stat.st_size, stat.st_mtime_ns]
        known = self._stored["files"].get(key)
        if isinstance(known, list) and known[:2] == facts and len(known) == 3:
            return str(known[2])
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._stored["files"][key] = [*facts, sha256]
        self._changed = True
        return sha256


def read_picture(path: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A photograph upright, uint8 (height, width, 3) sRGB, its longer side 2048 at most.

    Raises ValueError that says, after the file's name, why not and what to do.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, and large pictures within the bound
            with Image.open(path) as image:
                image.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
                upright = ImageOps.exif_transpose(image)
                if min(upright.size) < 8:
                    raise ValueError(
                        f"is a picture of only {upright.width} x {upright.height} pixels; "
                        "take a larger one"
                    )
                upright.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
                return np.asarray(_opaque(upright), dtype=np.uint8)
    except Image.DecompressionBombError:
        raise ValueError("is too large a picture to be opened safely; make it smaller") from None
    except (OSError, SyntaxError, EOFError, TypeError, ArithmeticError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "not a whole image"
        raise ValueError(f"cannot be read as a picture ({reason}); save it as JPEG or PNG") from exc


def _opaque(image: Any) -> Any:
    """The picture as RGB, what is transparent as mid-grey."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, (128, 128, 128, 255))
        image = Image.alpha_composite(ground, rgba)
    return image.convert("RGB")


def _judged(
    faces: tuple[Face, ...], width: int, height: int
) -> tuple[FloatArray | None, str | None]:
    """The embedding of the one face of a photograph, or what is wrong."""
    if not faces:
        return None, "shows no face; take a photograph of the face from the front"
    largest = max(faces, key=lambda face: face.box[3] - face.box[1])
    tall = largest.box[3] - largest.box[1]
    counted = sum(face.box[3] - face.box[1] >= SECOND_FACE * tall for face in faces)
    if counted > 1:
        return None, f"shows {counted} faces; cut out the one that is meant"
    side = min((largest.box[2] - largest.box[0]) * width, tall * height)
    if side < SMALLEST_FACE:
        return None, f"shows a face of only {side:.0f} pixels; take a larger photograph"
    return largest.embedding, None


def _read_store(path: Path) -> dict[str, Any]:
    """What was kept; an absent, damaged or older file is an empty one."""
    empty: dict[str, Any] = {"identity": None, "faces": None, "photographs": {}, "files": {}}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return empty
    if not isinstance(data, dict) or data.get("version") != _VERSION:
        return empty
    data = {name: data.get(name) for name in empty}
    shaped = all(isinstance(data[name], dict) for name in ("photographs", "files"))
    if not shaped or not all(isinstance(entry, dict) for entry in data["photographs"].values()):
        return empty
    return data


def _encoded(embedding: FloatArray | None) -> str | None:
    if embedding is None:
        return None
    return base64.b64encode(embedding.astype("<f4").tobytes()).decode("ascii")


def _decoded(text: object) -> FloatArray | None:
    """The embedding of `_encoded`; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
    except (binascii.Error, ValueError):
        return None
    length = float(np.linalg.norm(values)) if len(values) else 0.0
    good = np.isfinite(values).all() and abs(length - 1.0) < 1e-3
    return values.astype(np.float32) if good else None


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]
