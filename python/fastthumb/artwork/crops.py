"""Where to cut a picture for another shape: poster, square, banner.

Two or three cuts are tried for a shape: the largest that fits, and tighter ones, which show
small faces larger but hold fewer pixels. Each is placed as well as it can be, and the best is
taken; a picture that has the shape already is taken whole. Faces come before everything else:

1. The most prominent face is whole wherever it fits at all; where nobody's face is seen, the
   largest head. Then as many of the other faces as fit with it, more prominent ones first.
2. Of all places that keep those whole, only those count that cut through the least of the
   others, and of heads that turn away: they are in the picture or out of it.
3. Heads (Note [head] in subjects.py) are whole, in the same order, where that is possible too.

Among the places that are left the named parts decide, each 0..1:

    faces       the share of faces and turned heads, by prominence, that is whole, not cut through
    heads       of those, the share whose heads are whole
    headroom    a little air above the highest head, not none and not half the picture
    looking     who looks to a side has room on that side
    size        faces large enough to be read on a small screen, not filling all of it
    bodies      people, animals and vehicles in the picture, not cut off at the sides or the top
    saliency    the share of what stands out that is kept
    placement   the focal point near a third or the middle
    resolution  the share of the largest cut's width that is kept
    lettering   text is in the picture or out of it, not cut through
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from fastthumb.artwork.subjects import Subject, View
from fastthumb.errors import SettingsError

Box = tuple[int, int, int, int]
Span = tuple[float, float]
Array = npt.NDArray[np.float64]

_WEIGHTS = {
    "faces": 0.30,
    "heads": 0.12,
    "headroom": 0.10,
    "looking": 0.06,
    "size": 0.20,
    "bodies": 0.10,
    "saliency": 0.08,
    "placement": 0.08,
    "resolution": 0.08,
    "lettering": 0.06,
}
# Where nobody's face is seen, what stands out decides.
_WEIGHTS_WITHOUT_FACES = {
    "bodies": 0.30,
    "saliency": 0.50,
    "placement": 0.10,
    "resolution": 0.30,
    "lettering": 0.10,
}
# Where people are seen who turn away: their heads, too.
_WEIGHTS_FOR_HEADS = {"faces": 0.40, "headroom": 0.06, **_WEIGHTS_WITHOUT_FACES}
# Where a focal point sits well, as a share of the crop's side. A subject low in a wide crop looks
# sunk, so the lower third is no target along the vertical.
_TARGETS_ACROSS = (1 / 3, 1 / 2, 2 / 3)
_TARGETS_DOWN = (1 / 3, 1 / 2)
# A face that is taller than the crop: where its eyes belong, how far up they may go for the mouth
# to be in, and how far down in the face a mouth is at most.
_EYES_DOWN, _EYES_UP, _MOUTH = 0.42, 0.18, 0.90
_TOP_OF_BODY, _HEADLESS = 0.35, 0.6  # share of a body that holds its head; worth lost without it
_GOOD_FACE = 0.26  # height of the first face over that of a tight crop
_TIGHTEST = 0.5  # of the largest crop's sides
_TIGHT_WITHOUT_FACES = (0.85, 0.72)
_ALIKE = 0.94  # scales closer to 1 than this are no second cut
_SAME_SHAPE = 0.97  # share of the picture that the largest cut of its own shape has, at least
_LEAST_PIXELS = 360  # along the shorter side of a tighter cut
_AIR = (0.03, 0.18)  # headroom that looks right, as a share of the crop's height
_AROUND = 1.06  # a tight cut leaves this much around the heads that it keeps
_EPS = 1e-6  # pixels: rounding of a share times a length
_PLACES, _PLACES_EACH_WAY = 600, 49


@dataclass(frozen=True, slots=True)
class Crop:
    """A cut: its box in pixels (x0, y0, x1, y1; ends exclusive), its score 0..1 and its parts."""

    box: Box
    score: float
    parts: dict[str, float]


def parse_aspect(aspect: str) -> Fraction:
    """Width over height of an aspect such as "2:3"; raises SettingsError if it is not one."""
    width, _, height = aspect.partition(":")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise SettingsError(f"aspect: wanted width:height such as 16:9, got {aspect!r}")
    return Fraction(int(width), int(height))


def best_crop(size: tuple[int, int], aspect: Fraction | float, view: View) -> Crop:
    """The best cut of shape `aspect` (width over height) out of a picture of `size` pixels.

    It is never larger than the picture, within half a pixel of the exact aspect along its
    second side, and never less than half of the largest such cut.
    """
    tried = crops(size, aspect, view)
    return max(tried, key=lambda crop: (crop.score, crop.box[2] - crop.box[0]))


def crops(size: tuple[int, int], aspect: Fraction | float, view: View) -> list[Crop]:
    """The cuts among which `best_crop` chooses, the largest first, each at its best place."""
    width, height = size
    aspect = Fraction(aspect)
    if width < 1 or height < 1 or aspect <= 0:
        raise SettingsError(f"crop: wanted a picture and an aspect above 0, got {size}, {aspect}")
    largest = _largest(width, height, aspect)
    first = _Placing(size, largest, largest, view)
    sizes = [largest, *(_scaled(largest, aspect, scale) for scale in first.tighter())]
    places = [first, *(_Placing(size, one, largest, view) for one in dict.fromkeys(sizes[1:]))]
    return [place.best() for place in places if place.kept >= first.kept]


def _largest(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    if Fraction(width, height) >= aspect:
        return min(max(int(height * aspect + Fraction(1, 2)), 1), width), height
    return width, min(max(int(width / aspect + Fraction(1, 2)), 1), height)


def _scaled(largest: tuple[int, int], aspect: Fraction, scale: float) -> tuple[int, int]:
    width = max(1, round(largest[0] * scale))
    return width, min(max(int(width / aspect + Fraction(1, 2)), 1), largest[1])


class _Placing:
    """All places of a cut of one size in one picture, and what each is worth."""

    def __init__(
        self, size: tuple[int, int], cut: tuple[int, int], largest: tuple[int, int], view: View
    ) -> None:
        self._size, self._cut, self._largest, self._view = size, cut, largest, view
        faces = [self._pixels(one.face) for one in view.subjects]
        heads = [self._pixels(one.head) for one in view.subjects]
        self._has_faces = any(one.seen for one in view.subjects)
        self.kept = 0
        self._starts = [self._whole_range(axis) for axis in (0, 1)]
        self._group: list[Subject] = []
        for number, subject in enumerate(view.subjects):
            starts = self._holding(faces[number])
            if starts is None and number == 0:
                self._starts = self._filled_by(faces[0], subject)
                break
            if starts is not None and (subject.seen or number == 0):
                self._starts = starts
                self._group.append(subject)
                self.kept += 1
        for subject in self._group:
            self._starts = self._holding(self._pixels(subject.head)) or self._starts
        self._faces, self._heads = faces, heads

    def tighter(self) -> list[float]:
        """Scales of further cuts that are worth a try, for the largest cut."""
        width, height = self._cut
        if width * height >= _SAME_SHAPE * self._size[0] * self._size[1]:
            return []
        least = min(1.0, max(_TIGHTEST, _LEAST_PIXELS / min(width, height)))
        if not self._has_faces:
            return [scale for scale in _TIGHT_WITHOUT_FACES if scale >= least]
        if not self._group:
            return []
        heads = [self._pixels(one.head) for one in self._group]
        wide = max(box[2] for box in heads) - min(box[0] for box in heads)
        tall = max(box[3] for box in heads) - min(box[1] for box in heads)
        face = self._group[0].face
        scale = max(
            least,
            (face[3] - face[1]) * self._size[1] / (_GOOD_FACE * height),
            _AROUND * wide / width,
            _AROUND * tall / height,
        )
        return [one for one in (math.sqrt(scale), scale) if one <= _ALIKE]

    def best(self) -> Crop:
        """The cut at its best place."""
        xs, ys = self._places()
        parts = self._parts(xs, ys)
        weights = _WEIGHTS_WITHOUT_FACES
        if self._view.subjects:
            weights = _WEIGHTS if self._has_faces else _WEIGHTS_FOR_HEADS
        shape = (len(ys), len(xs))
        score = np.zeros(shape)
        for name, weight in weights.items():
            score += weight * parts[name]
        score /= sum(weights.values())
        allowed = self._least_cut_through(xs, ys)
        width, height = self._cut
        middle = np.abs(xs[None, :] - (self._size[0] - width) / 2) / self._size[0]
        middle = middle + np.abs(ys[:, None] - (self._size[1] - height) / 2) / self._size[1]
        rank = np.where(allowed, np.round(score, 9) - 1e-9 * middle, -np.inf)
        row, column = np.unravel_index(int(rank.argmax()), shape)
        x, y = int(xs[column]), int(ys[row])
        named = {name: round(float(parts[name][row, column]), 6) for name in weights}
        return Crop((x, y, x + width, y + height), float(score[row, column]), named)

    # -- which places there are ------------------------------------------------------------

    def _whole_range(self, axis: int) -> tuple[int, int]:
        return 0, self._size[axis] - self._cut[axis]

    def _holding(self, box: Sequence[float]) -> list[tuple[int, int]] | None:
        """First and last start along each side that also hold `box` whole; None if there is none.

        Starts are whole pixels, so that a box which fits by less than a pixel may not.
        """
        ranges = []
        for axis, (low, high) in enumerate(self._starts):
            first = max(low, math.ceil(box[axis + 2] - self._cut[axis] - _EPS))
            last = min(high, math.floor(box[axis] + _EPS))
            if first > last:
                return None
            ranges.append((first, last))
        return ranges

    def _filled_by(self, box: Sequence[float], subject: Subject) -> list[tuple[int, int]]:
        """The place for a face that is larger than the cut: full of it, around its eyes."""
        ranges = []
        for axis, (low, high) in enumerate(self._starts):
            length = self._cut[axis]
            first, last = math.ceil(box[axis + 2] - length - _EPS), math.floor(box[axis] + _EPS)
            if max(first, low) <= min(last, high):
                ranges.append((max(first, low), min(last, high)))
                continue
            middle = (box[0] + box[2]) / 2 - length / 2
            if axis == 1:
                middle = self._eyes_and_mouth(box, subject.eyes[1] * self._size[1], length)
            inside = sorted((box[axis], box[axis + 2] - length))
            start = round(min(max(middle, inside[0]), inside[1]))
            ranges.append((min(max(start, low), high),) * 2)
        return ranges

    def _eyes_and_mouth(self, box: Sequence[float], eyes: float, length: int) -> float:
        """Start of a cut that a face is taller than: eyes well placed, the mouth in if it fits."""
        mouth = box[1] + _MOUTH * (box[3] - box[1]) - length
        return max(eyes - _EYES_DOWN * length, min(mouth, eyes - _EYES_UP * length))

    def _places(self) -> tuple[Array, Array]:
        """Starts to be judged along both sides: spread evenly, and those that just miss a face."""
        free = [last > first for first, last in self._starts]
        most = _PLACES_EACH_WAY if all(free) else _PLACES
        places = []
        for axis, (first, last) in enumerate(self._starts):
            starts = set(np.linspace(first, last, min(most, last - first + 1)).round().tolist())
            length = self._cut[axis]
            for box in [*self._faces, *self._heads]:
                starts |= {math.floor(box[axis]), math.ceil(box[axis + 2] - length)}
                starts |= {math.floor(box[axis] - length), math.ceil(box[axis + 2])}
            focal = self._view.focal_point[axis] * self._size[axis]
            for target in _TARGETS_DOWN if axis else _TARGETS_ACROSS:
                starts.add(round(focal - target * length))
            places.append(np.array(sorted(s for s in starts if first <= s <= last), np.float64))
        return places[0], places[1]

    def _least_cut_through(self, xs: Array, ys: Array) -> npt.NDArray[np.bool_]:
        """Which places cut through the least of the faces, then of what may be a face.

        Where there are neither faces nor bodies they hold the focal point, too, if any does.
        """
        cut = np.zeros((len(ys), len(xs)))
        for subject, box in zip(self._view.subjects, self._faces, strict=True):
            cut += subject.weight * self._cuts_through(box, xs, ys)
        allowed: npt.NDArray[np.bool_] = cut <= cut.min() + _EPS
        if not self._has_faces and not self._view.bodies:
            x, y = self._focal()
            inside = (xs <= x) & (x <= xs + self._cut[0])
            level = (ys <= y) & (y <= ys + self._cut[1])
            both = allowed & inside[None, :] & level[:, None]
            allowed = both if both.any() else allowed
        cut = np.zeros((len(ys), len(xs)))
        for box in self._view.doubtful:
            area = (box[2] - box[0]) * (box[3] - box[1])
            cut += area * self._cuts_through(self._pixels(box), xs, ys)
        allowed &= cut <= cut[allowed].min() + _EPS
        return allowed

    # -- what they are worth ---------------------------------------------------------------

    def _parts(self, xs: Array, ys: Array) -> dict[str, Array]:
        shape = (len(ys), len(xs))
        view = self._view
        parts = {
            "bodies": self._bodies(xs, ys),
            "saliency": self._saliency(xs, ys),
            "placement": self._placement(xs, ys),
            "resolution": np.full(shape, self._cut[0] / self._largest[0]),
            "lettering": self._lettering(xs, ys),
        }
        if view.subjects:
            whole, heads, through = (np.zeros(shape) for _ in range(3))
            for subject, face, head in zip(view.subjects, self._faces, self._heads, strict=True):
                share = self._share_inside(face, xs, ys)
                whole += subject.weight * (share >= 1.0)
                through += subject.weight * self._cuts_through(face, xs, ys)
                heads += subject.weight * (self._share_inside(head, xs, ys) >= 1.0)
            parts |= {
                "faces": np.maximum(whole - through, 0.0),
                "heads": np.minimum(heads / np.maximum(whole, _EPS), 1.0),
                "headroom": self._headroom(xs, ys),
                "looking": self._looking(xs, ys),
                "size": self._face_size(shape),
            }
        return parts

    def _headroom(self, xs: Array, ys: Array) -> Array:
        height = self._cut[1]
        subjects = self._group or self._view.subjects[:1]
        counted = [one for one in subjects if one.weight >= 0.5 * subjects[0].weight]
        top = min(one.head[1] for one in counted) * self._size[1]
        tall = max(one.face[3] - one.face[1] for one in counted) * self._size[1] / height
        air = (top - ys) / height
        worth = np.interp(air, [-0.1, 0.0, *_AIR, 0.5], [0.0, 0.4, 1.0, 1.0, 0.3])
        if top < 1.0:  # the frame's own edge touches it: nothing above can be shown
            worth = np.where(ys == 0, 1.0, 0.0)
        matters = float(np.interp(tall, [0.05, 0.15], [0.2, 1.0]))
        return self._rows(1.0 - matters * (1.0 - worth), xs)

    def _looking(self, xs: Array, ys: Array) -> Array:
        subject = self._view.subjects[0]
        x = (subject.face[0] + subject.face[2]) / 2 * self._size[0]
        before = (x - xs) / self._cut[0]
        ahead = before if subject.looking < 0 else 1.0 - before
        aside = abs(subject.looking)
        lacking = np.clip((0.5 + 0.15 * aside - ahead) / 0.3, 0.0, 1.0)
        return np.repeat((1.0 - aside * lacking)[None, :], len(ys), axis=0)

    def _face_size(self, shape: tuple[int, int]) -> Array:
        face = self._view.subjects[0].face
        tall = (face[3] - face[1]) * self._size[1] / self._cut[1]
        return np.full(shape, np.interp(tall, [0.03, 0.22, 0.6, 1.0], [0.0, 1.0, 1.0, 0.5]))

    def _bodies(self, xs: Array, ys: Array) -> Array:
        """Share of the bodies that is kept: half of all, half of those that are shown at all.

        Along the width; of their height only the top counts, where people and animals have heads.
        """
        if not self._view.bodies:
            return np.ones((len(ys), len(xs)))
        kept, shown, total = np.zeros(len(xs)), np.full(len(xs), _EPS), _EPS
        tops = np.zeros(len(ys))
        for body in self._view.bodies:
            left, top, right, bottom = self._pixels(body)
            size = math.sqrt((body[2] - body[0]) * (body[3] - body[1]))
            share = _overlap(left, right, xs, self._cut[0]) / max(right - left, _EPS)
            kept += size * share
            shown += size * (share > 0.02)
            total += size
            missing = np.clip((ys - top) / max(_TOP_OF_BODY * (bottom - top), 1.0), 0.0, 1.0)
            tops += size * (1.0 - _HEADLESS * missing)
        across = 0.5 * kept / total + 0.5 * np.minimum(kept / shown, 1.0)
        worth: Array = across[None, :] * (tops / total)[:, None]
        return worth

    def _saliency(self, xs: Array, ys: Array) -> Array:
        saliency = self._view.saliency
        if saliency is None or saliency.size == 0 or not saliency.any():
            saliency = np.ones((1, 1), np.uint8)
        total = np.zeros((saliency.shape[0] + 1, saliency.shape[1] + 1))
        total[1:, 1:] = saliency.cumsum(0, dtype=np.float64).cumsum(1)
        across = self._steps(xs, 0, saliency.shape[1])
        down = self._steps(ys, 1, saliency.shape[0])
        kept: Array = down @ total @ across.T / total[-1, -1]
        return np.clip(kept, 0.0, 1.0)

    def _steps(self, starts: Array, axis: int, cells: int) -> Array:
        """Rows that turn a running sum over cells into the sum between start and end."""
        scale = cells / self._size[axis]
        return _weights((starts + self._cut[axis]) * scale, cells) - _weights(starts * scale, cells)

    def _placement(self, xs: Array, ys: Array) -> Array:
        x, y = self._focal()
        worth = []
        for place, starts, length, targets in (
            (x, xs, self._cut[0], _TARGETS_ACROSS),
            (y, ys, self._cut[1], _TARGETS_DOWN),
        ):
            share = (place - starts) / length
            miss = np.min([np.abs(share - target) for target in targets], axis=0)
            miss = np.maximum(miss - 0.5 / length, 0.0)  # half a pixel off is on the spot
            worth.append(np.maximum(1.0 - 3.0 * miss, 0.0))
        both: Array = (worth[0][None, :] + worth[1][:, None]) / 2
        return both

    def _lettering(self, xs: Array, ys: Array) -> Array:
        cut, total = np.zeros((len(ys), len(xs))), _EPS
        for box in self._view.lettering:
            share = self._share_inside(self._pixels(box), xs, ys)
            area = (box[2] - box[0]) * (box[3] - box[1])
            cut += area * ((share > 0.02) & (share < 0.98))
            total += area
        return 1.0 - cut / total

    # -- geometry --------------------------------------------------------------------------

    def _pixels(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        width, height = self._size
        return box[0] * width, box[1] * height, box[2] * width, box[3] * height

    def _focal(self) -> tuple[float, float]:
        x, y = self._view.focal_point
        return min(max(x, 0.0), 1.0) * self._size[0], min(max(y, 0.0), 1.0) * self._size[1]

    def _share_inside(self, box: Sequence[float], xs: Array, ys: Array) -> Array:
        """Share of a box that a cut at each place shows; exactly 1 where it is whole."""
        across = _overlap(box[0], box[2], xs, self._cut[0]) / max(box[2] - box[0], _EPS)
        down = _overlap(box[1], box[3], ys, self._cut[1]) / max(box[3] - box[1], _EPS)
        share: Array = np.minimum(down[:, None] * across[None, :], 1.0)
        return np.where(share >= 1.0 - _EPS, 1.0, np.where(share <= _EPS, 0.0, share))

    def _cuts_through(self, box: Sequence[float], xs: Array, ys: Array) -> npt.NDArray[np.bool_]:
        share = self._share_inside(box, xs, ys)
        through: npt.NDArray[np.bool_] = (share > 0.0) & (share < 1.0)
        return through

    def _rows(self, worth: Array, xs: Array) -> Array:
        return np.repeat(worth[:, None], len(xs), axis=1)


def _overlap(low: float, high: float, starts: Array, length: int) -> Array:
    shared: Array = np.minimum(starts + length, high) - np.maximum(starts, low)
    return np.maximum(shared, 0.0)


def _weights(places: Array, cells: int) -> Array:
    """Rows of linear interpolation between the `cells` + 1 edges of as many cells."""
    places = np.clip(places, 0.0, cells)
    first = np.minimum(places.astype(np.int64), cells - 1)
    rows = np.zeros((len(places), cells + 1))
    number = np.arange(len(places))
    rows[number, first] = 1.0 - (places - first)
    rows[number, first + 1] += places - first
    return rows
