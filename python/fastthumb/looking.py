"""Looking: decoded frames and photographs of the cast, shown to the networks that are there."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from fastthumb.inference.views import PictureView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastthumb.analysis.cast import Cast
    from fastthumb.analysis.detections import Contents, Face
    from fastthumb.analysis.detectors import Detectors
    from fastthumb.media.source import Frame, SourceInfo
    from fastthumb.settings import Settings
    from fastthumb.timing import StageClock


Model = tuple[str, str, str]  # name, task and SHA-256 of a network


class FrameLooker:
    """Shows decoded frames of one film to the detectors, and counts the time that it takes."""

    def __init__(self, detectors: Detectors, info: SourceInfo, clock: StageClock) -> None:
        self._detectors, self._info, self._clock = detectors, info, clock

    def faces(self, frame: Frame) -> tuple[Face, ...] | None:
        """Faces in shares of the upright frame, largest first; None where nothing can find any."""
        with self._clock.stage("faces", frames=1):
            return self._detectors.faces(PictureView.of_frame(frame, self._info))

    def contents(self, frame: Frame) -> Contents:
        """What else the frame shows, in shares of the upright frame."""
        with self._clock.stage("objects", frames=1):
            return self._detectors.contents(PictureView.of_frame(frame, self._info))


def detectors_for(settings: Settings) -> Detectors | None:
    """The detectors that settings ask for; None where they ask for none.

    They run on one thread, beside the decoder's: two threads make networks as small as these no
    faster, unless they spin while they wait.
    """
    if not settings.detect:
        return None
    from fastthumb.analysis.detectors import Detectors

    return Detectors.open(settings.models_dir, threads=1, small_faces=settings.small_faces)


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
