"""Looking: decoded frames and photographs of the cast, shown to the networks that are there."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.detections import Sighting
from fastthumb.analysis.face_watch import FaceWatch, differ
from fastthumb.inference.views import PictureView
from fastthumb.media.source import gpu_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastthumb.analysis.cast import Cast
    from fastthumb.analysis.detections import Contents, Face
    from fastthumb.analysis.detectors import Detectors
    from fastthumb.media.source import Frame, SourceInfo
    from fastthumb.settings import Settings
    from fastthumb.timing import StageClock


ByteArray = npt.NDArray[np.uint8]
Model = tuple[str, str, str]  # name, task and SHA-256 of a network

# How often somebody is looked for again in a shot: with keyframes only, and otherwise; in short
# films more often, so that there are this many looks.
EVERY_SECONDS_FAST, EVERY_SECONDS, LEAST_LOOKS = 3.0, 1.5, 150


class FrameLooker:
    """Shows one stretch of a film, frame after frame, to the detectors, and counts the time.

    Each thread that looks has its own; the detectors are shared.
    """

    def __init__(
        self,
        detectors: Detectors,
        info: SourceInfo,
        clock: StageClock,
        *,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._detectors, self._info, self._clock = detectors, info, clock
        self._every_seconds = every_seconds
        self._watch = FaceWatch(detectors)
        self._last: Sighting | None = None
        self._passed_over: Frame | None = None

    def watch(self, frame: Frame, *, goes_on: bool) -> list[Sighting]:
        """Who was seen since the frame before, in order of time; often nothing was looked at.

        For the sharpest frame of every second or so, in order of time; `goes_on` says that
        no edit lies between the one before and this one. A frame is looked at when the last look
        lies `every_seconds` back or before an edit; the one passed over just before it, too, if
        somebody came or went. Faces as in face_watch.py, without eyes, mouth and expression.
        """
        last, passed_over = (self._last, self._passed_over) if goes_on else (None, None)
        if last is not None and frame.seconds - last.seconds < self._every_seconds:
            self._passed_over = frame
            return []
        self._passed_over = None
        self._last = self._seen(frame, goes_on=last is not None)
        found = [] if self._last is None else [self._last]
        if (
            passed_over is not None
            and last is not None
            and self._last is not None
            and differ(last.faces, self._last.faces)
        ):
            between = self._seen(passed_over, goes_on=True, remember=False)
            found = [between, *found] if between is not None else found
        return found

    def _seen(self, frame: Frame, *, goes_on: bool, remember: bool = True) -> Sighting | None:
        with self._clock.stage("faces", frames=1):
            faces = self._watch.look(self._view(frame), goes_on=goes_on, remember=remember)
        if faces is None:
            return None
        return Sighting(frame.index, frame.pts, frame.seconds, faces)

    def faces(
        self, picture: Frame | ByteArray, seen: Sequence[Face] | None = None
    ) -> tuple[Face, ...] | None:
        """Faces with all that can be read of them, largest first; None: nothing finds any.

        For the few frames that are judged, or upright RGB copies of them. `seen` are the faces
        that the same frame showed as a sample; then only what was not read yet is.
        """
        with self._clock.stage("faces", frames=1):
            view = self._view(picture)
            return self._detectors.faces(view) if seen is None else self._detectors.read(view, seen)

    def contents(self, picture: Frame | ByteArray, faces: Sequence[Face] = ()) -> Contents:
        """What else a frame, or its upright RGB copy, shows beside its `faces`, in shares."""
        with self._clock.stage("objects", frames=1):
            return self._detectors.contents(self._view(picture), faces)

    def _view(self, picture: Frame | ByteArray) -> PictureView:
        if isinstance(picture, np.ndarray):
            return PictureView.of_rgb(picture)
        return PictureView.of_frame(picture, self._info)


def seconds_between_looks(settings: Settings, duration_seconds: float | None) -> float:
    """How far apart the looks of a `FrameLooker` lie at least, in a film of that length."""
    usual = EVERY_SECONDS_FAST if settings.preset == "fast" else EVERY_SECONDS
    return usual if duration_seconds is None else min(usual, duration_seconds / LEAST_LOOKS)


def detectors_for(settings: Settings, device: str = "cpu") -> Detectors | None:
    """The detectors that settings ask for, on that device; None where they ask for none.

    They run on one thread, beside the decoder's: two threads make networks as small as these no
    faster, unless they spin while they wait.
    """
    if not settings.detect:
        return None
    from fastthumb.analysis.detectors import Detectors

    return Detectors.open(
        settings.models_dir,
        threads=1,
        small_faces=settings.small_faces,
        gpu=gpu_number(device),
        announce=_announce,
    )


def _announce(sentence: str) -> None:
    """Say at once why a run stands still for a while."""
    sys.stderr.write(f"{sentence}\n")


def looker_for(
    settings: Settings, info: SourceInfo, clock: StageClock, device: str = "cpu"
) -> FrameLooker | None:
    """What looks at single frames of a film; None where settings ask for nothing."""
    detectors = detectors_for(settings, device)
    return FrameLooker(detectors, info, clock) if detectors else None


def models_for(settings: Settings) -> list[Model]:
    """The networks that settings would use, (name, task, SHA-256), without opening them."""
    if not settings.detect:
        return []
    from fastthumb.inference.models import Registry
    from fastthumb.inference.survey import UNREAD

    registry = Registry.load(settings.models_dir)
    tasks = [task for task in registry.order if task not in UNREAD]
    there = [(task, registry.find(task)) for task in tasks]
    return [(found.entry.name, task, found.sha256) for task, found in there if found is not None]


def cast_for(settings: Settings, models: Sequence[Model]) -> Cast | None:
    """The cast that settings name, by the identity network among `models`.

    None where they name none, or where no network can tell people apart. Only photographs that
    are new open a network. Raises SettingsError where the folder cannot be used.
    """
    identity = next((sha256 for _, task, sha256 in models if task == "identity"), None)
    if settings.cast is None or identity is None:
        return None
    cast = _loaded(settings, identity)
    return cast if cast.identity == identity else None


def same_person_for(settings: Settings, models: Sequence[Model]) -> float | None:
    """The cosine from which the identity network among `models` says that two are one person.

    None where there is no such network, or where its registry entry does not say.
    """
    name = next((name for name, task, _ in models if task == "identity"), None)
    if name is None:
        return None
    from fastthumb.inference.models import Registry

    folder = settings.models_dir
    if folder is not None and not Path(folder).is_dir():
        folder = None  # a stored analysis outlives it
    entry = Registry.load(folder).entries.get(name)
    return None if entry is None else entry.output.same_track


def shortcomings(settings: Settings) -> list[str]:
    """What every title of a run would be told: missing models, and what is wrong with the cast."""
    if not settings.detect:
        return []
    from fastthumb.inference.models import Registry

    said = list(Registry.load(settings.models_dir).missing())
    if settings.cast is not None:
        identity = next((one for one in models_for(settings) if one[1] == "identity"), None)
        said += _loaded(settings, identity[2] if identity else None).warnings
    return said


@functools.lru_cache(maxsize=4)
def _loaded(settings: Settings, identity: str | None) -> Cast:
    from fastthumb.analysis.cast import Cast

    return Cast.load(settings.cast, lambda: detectors_for(settings), identity=identity)
