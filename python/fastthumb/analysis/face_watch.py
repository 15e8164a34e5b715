"""Watching: the faces of samples of a film, one after the other, for little time each.

Note [glimpse and closer look]. A glimpse, the picture at half the size of a whole look, tells where
faces may be. Large ones that it is sure of are taken as they are. For all others the part of
the picture around them is looked at as closely as in a whole look. A place that looks as in
the sample before, while the camera ran on, holds the same face, or again none: it is neither
looked at closer nor read again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.detections import overlap
from fastthumb.analysis.track_paths import look_weight
from fastthumb.inference.views import Pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastthumb.analysis.detections import Face, Rect
    from fastthumb.analysis.detectors import Detectors
    from fastthumb.inference.faces import FoundFace
    from fastthumb.inference.views import PictureView

Patch = npt.NDArray[np.float64]

# From which score and which height, as a share of the picture's, a glimpse of a face is enough.
ENOUGH_SCORE, ENOUGH_HEIGHT = 0.9, 0.25
# What is looked at closer reaches beyond the glimpse of a face by this share of its longer side.
AROUND = 0.75
# A place is the same where boxes overlap so much and what is around them correlates so much; the
# part that is compared, larger than the box by this share, and its side in pixels. Faces of two
# people in one place correlate by .65 in 4 % of the cases, one face a second later in 86 %.
SAME_PLACE, SAME_LOOKS, SURROUNDINGS, PATCH_SIDE = 0.4, 0.5, 0.25, 16
_SURER = 0.1  # by which a glimpse of a place that held no sure face may score more, and no more
# Weight of a look at a face from which it need not be read again, and what makes it worth while.
_CLEAR, _CLEARER = 0.5, 0.1
_ONE_FACE = 0.4  # overlap from which two boxes are one face


@dataclass(frozen=True, slots=True)
class _Place:
    """A place that a glimpse showed, what it looks like, and the face that is there, if any.

    `score` is that of the glimpse by which it was decided what is there.
    """

    box: Rect
    score: float
    patch: Patch
    face: Face | None


class FaceWatch:
    """Looks at the samples of one stretch of film in order, and remembers the last one."""

    def __init__(self, detectors: Detectors) -> None:
        self._detectors = detectors
        self._last: list[_Place] = []

    def look(
        self, view: PictureView, *, goes_on: bool = False, remember: bool = True
    ) -> tuple[Face, ...] | None:
        """Faces of a sample in shares, largest first; None where nothing finds any.

        `goes_on` says that no edit lies between the sample that is remembered and this one, which
        is remembered in its place, unless `remember` is false. Eyes, mouth and expression
        are not read. See Note [glimpse and closer look].
        """
        glimpsed = self._detectors.glimpse(view)
        if glimpsed is None:
            return None
        before = self._last if goes_on else []
        patches = [_patch(view, spot) for spot in glimpsed]
        known = [self._known(*one, before) for one in zip(glimpsed, patches, strict=True)]
        kept, new = [], []
        for spot, place in zip(glimpsed, known, strict=True):
            if place is None:
                new.append(spot)
            elif place.face is not None:
                moved = self._moved(view, spot, place.face)
                if _is_clearer(moved, place.face):
                    new.append(spot)
                else:
                    kept.append(moved)
        found = self._detectors.described(view, self._closer(view, new))
        found = tuple(face for face in found if not _any_overlaps(face.box, kept))
        faces = (*kept, *self._detectors.read(view, found, closely=False))
        if remember:
            places = zip(glimpsed, patches, known, strict=True)
            self._last = [self._place(view, *one, faces) for one in places]
        return tuple(sorted(faces, key=_area, reverse=True))

    def _place(
        self,
        view: PictureView,
        spot: FoundFace,
        patch: Patch,
        known: _Place | None,
        faces: Sequence[Face],
    ) -> _Place:
        """What is to be remembered of a glimpse: the face that lies there."""
        box = _shares(spot.box, view)
        nearest = max(faces, key=lambda face: overlap(face.box, box), default=None)
        if nearest is not None and overlap(nearest.box, box) >= _ONE_FACE:
            known_by = spot.score if known is None else known.score
            return _Place(spot.box, known_by, patch, nearest)
        if known is not None:
            return _Place(spot.box, known.score, patch, known.face)
        return _Place(spot.box, spot.score, patch, None)

    def _known(self, spot: FoundFace, patch: Patch, places: Sequence[_Place]) -> _Place | None:
        """The place of the sample before that a glimpse shows again, if that can be believed."""
        place = _same(spot, patch, places)
        if place is None or (place.face is not None and place.face.sure):
            return place
        surer = self._detectors.is_sure(spot) or spot.score > place.score + _SURER
        return None if surer else place

    def _closer(self, view: PictureView, spots: Sequence[FoundFace]) -> Sequence[FoundFace]:
        """The faces that are where a glimpse shows some."""
        if all(_is_enough(spot, view) for spot in spots):
            return spots
        reach = [AROUND * max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (s.box for s in spots)]
        boxes = np.array([spot.box for spot in spots]) + np.outer(reach, (-1, -1, 1, 1))
        low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        x0, y0 = np.maximum(np.floor(low), 0.0).tolist()
        x1, y1 = np.minimum(np.ceil(high), (view.width, view.height)).tolist()
        if x0 >= x1 or y0 >= y1:
            return ()  # beyond the picture
        return self._detectors.find_in(view, (x0, y0, x1, y1), spots)

    def _moved(self, view: PictureView, spot: FoundFace, face: Face) -> Face:
        """A face that is known, where it is now."""
        [now] = self._detectors.described(view, [spot])
        return replace(
            now, score=max(face.score, now.score), sure=face.sure, embedding=face.embedding
        )


def _is_enough(spot: FoundFace, view: PictureView) -> bool:
    height = spot.box[3] - spot.box[1]
    return spot.score >= ENOUGH_SCORE and height >= ENOUGH_HEIGHT * view.height


def _is_clearer(now: Face, before: Face) -> bool:
    """Whether a face that was read where it was hardly to be seen is better seen now."""
    if before.embedding is None:
        return False
    weight = look_weight(before)
    return weight < _CLEAR and look_weight(now) > weight + _CLEARER


def _same(spot: FoundFace, patch: Patch, places: Sequence[_Place]) -> _Place | None:
    """The place of the sample before that a glimpse shows again."""
    near = [place for place in places if overlap(place.box, spot.box) >= SAME_PLACE]
    alike = max(near, key=lambda place: float((place.patch * patch).sum()), default=None)
    if alike is None or float((alike.patch * patch).sum()) < SAME_LOOKS:
        return None
    return alike


def _patch(view: PictureView, spot: FoundFace) -> Patch:
    """What a face and a little around it look like: luma of mean 0 and length 1."""
    x0, y0, x1, y1 = spot.box
    across, down = SURROUNDINGS * (x1 - x0), SURROUNDINGS * (y1 - y0)
    box = (x0 - across, y0 - down, x1 + across, y1 + down)
    codes = view.fitted(PATCH_SIDE, PATCH_SIDE, Pixels(), box).astype(np.float64).sum(axis=0)
    codes -= codes.mean()
    patch: Patch = codes / max(float(np.linalg.norm(codes)), 1e-9)
    return patch


def differ(before: Sequence[Face], now: Sequence[Face]) -> bool:
    """Whether somebody came or went between two samples of one shot."""
    sure = [[face for face in faces if face.sure] for faces in (before, now)]
    if len(sure[0]) != len(sure[1]):
        return True
    return not all(any(overlap(a.box, b.box) > 0.0 for b in sure[1]) for a in sure[0])


def _any_overlaps(box: Rect, faces: Sequence[Face]) -> bool:
    return any(overlap(box, face.box) >= _ONE_FACE for face in faces)


def _shares(box: Rect, view: PictureView) -> Rect:
    return box[0] / view.width, box[1] / view.height, box[2] / view.width, box[3] / view.height


def _area(face: Face) -> float:
    return (face.box[2] - face.box[0]) * (face.box[3] - face.box[1])
