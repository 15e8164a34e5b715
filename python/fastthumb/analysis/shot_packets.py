"""What packet sizes say about an edit between two pictures of which nothing between was decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastthumb.analysis.shot_ticks import (
    LUMA_CELLS,
    DoubleArray,
    FloatArray,
    IntArray,
    similarity,
)

if TYPE_CHECKING:
    from fastthumb.media.packets import PacketTable

SURGE = 5  # frames: a cut's packet lies within so many of it, whatever the frame reordering
AHEAD = 0.95  # of the usual distance of keyframes; one sooner than that has a reason
BYTES = 50.0  # added to packet sizes before ratios: a skipped frame still has a header
FLAT = 5.0  # levels added to a flatness before ratios
_SIDE = 2  # keyframe spans to either side that make the usual size

FEATURES = (
    "log_distance",  # of the two keyframes
    "log_unlike",  # of 1 - correlation of their luma
    "spread",  # of the change over the cells, 1 = even
    "surge_over_key",  # log of the largest SURGE packets in a row over a keyframe's
    "surge_over_usual",  # over the median in the same span
    "surge_over_beside",  # over the upper quartile of the spans around
    "ahead",  # 1 where the second keyframe comes ahead of its turn
    "distance_over_least",  # log of the distance over the lesser of the spans beside ...
    "distance_over_most",  # ... and over the greater
    "log_relative",  # distance / sum of the flatness of both
    "log_frames",  # in the span
)


class PacketEvidence:
    """The film's packets by frame number; frames without a timestamp are left out.

    `pts` and `keys` (numbers of the keyframes) are int64, ascending.
    """

    def __init__(self, packets: PacketTable) -> None:
        timed = packets.pts != np.iinfo(np.int64).min
        order = np.argsort(packets.pts[timed], kind="stable")
        self.pts: IntArray = packets.pts[timed][order]
        self.keys: IntArray = np.flatnonzero(packets.keyframe[timed][order])
        self._sizes: DoubleArray = packets.size_bytes[timed][order].astype(np.float64)
        gaps = np.diff(self.keys)
        self._usual_gap = float(gaps.max()) if len(gaps) else 0.0
        self._is_key = np.zeros(len(self.pts), np.bool_)
        self._is_key[self.keys] = True
        self._log_surges = self._surges_from_each()

    def features(
        self,
        a: int,
        b: int,
        one: FloatArray,
        two: FloatArray,
        flatness: float,
        distance: float,
        beside: list[float],
    ) -> tuple[float, ...]:
        """The values of FEATURES for an edit after frame `a` and not after frame `b`.

        The two lie between the same two keyframes, or are keyframes. `one` and `two` are their
        pictures, `flatness` the sum of the pictures' own, `distance` how far they are apart,
        `beside` the same of the keyframes before and after.
        """
        key_a, key_b = self._keys_around(a, b)
        surges = self._surges(a, b)
        surge, usual = (
            (float(surges.max()), float(np.median(surges))) if len(surges) else (0.0, 0.0)
        )
        place = int(np.searchsorted(self.keys, key_a))
        near = self.keys[max(0, place - _SIDE) : place + _SIDE + 1]
        around = self._surges(int(near[0]), int(near[-1])) if len(near) else surges
        upper = float(np.percentile(around, 75)) if len(around) else 0.0
        key_size = 0.5 * (self._sizes[key_a] + self._sizes[key_b])
        change = np.abs(one - two)[:LUMA_CELLS]
        spread = float(change.sum()) ** 2 / (LUMA_CELLS * float(change @ change) + 1e-9)
        return (
            float(np.log1p(distance)),
            float(np.log(1.03 - similarity(one, two))),
            spread,
            float(np.log((surge + BYTES) / (key_size + BYTES))),
            float(np.log((surge + BYTES) / (usual + BYTES))),
            float(np.log((surge + BYTES) / (upper + BYTES))),
            float(b == key_b and self._is_ahead(key_a, key_b)),
            float(np.log((distance + 1) / (min(beside) + 1))) if beside else 0.0,
            float(np.log((distance + 1) / (max(beside) + 1))) if beside else 0.0,
            float(np.log((distance + 0.1) / (flatness + FLAT))),
            float(np.log(max(1, b - a))),
        )

    def bits_between(
        self, a: int, b: int, key_a: int, key_b: int
    ) -> tuple[float, float, float, float, float]:
        """What the packets after frame `a` and up to frame `b` cost.

        `key_a` and `key_b` are the keyframes around. Logs of the largest surge over the size of a
        keyframe, over the median of their group, and over the upper quartile of the groups
        around; of the largest packet over the size of a keyframe; and 1 where `b` is a keyframe
        that comes ahead of its turn.
        """
        key = float(np.log(0.5 * (self._sizes[key_a] + self._sizes[key_b]) + BYTES))
        place = int(np.searchsorted(self.keys, key_a))
        near = self.keys[max(0, place - _SIDE) : place + _SIDE + 2]
        # With reordered frames, what is new may lie in the packet just before or behind.
        first, last = max(key_a + 1, a - 1), min(b + 1, key_b)
        surges, sizes = self._log_surges[first:last], self._sizes[first:last]
        surge = float(surges.max(initial=np.log(BYTES)))
        usual = self._log_surges[key_a + 1 : key_b]
        return (
            surge - key,
            surge - float(np.median(usual)) if len(usual) else 0.0,
            surge - float(np.percentile(self._log_surges[near[0] : near[-1]], 75)),
            float(np.log(sizes.max(initial=0.0) + BYTES)) - key,
            float(b == key_b and self._is_ahead(key_a, key_b)),
        )

    def likely_start(self, a: int, b: int) -> int:
        """The most likely first frame of a new shot after keyframe `a`, up to keyframe `b`."""
        inside = self._sizes[a + 1 : b]
        if not len(inside) or (self._is_ahead(a, b) and inside.max() < self._sizes[b]):
            return b
        return a + 1 + int(inside.argmax())

    def _keys_around(self, a: int, b: int) -> tuple[int, int]:
        """The keyframes that `a` and `b` lie between; themselves where they are keyframes."""
        before, after = a, b
        if not self._is_key[a]:
            place = int(np.searchsorted(self.keys, a)) - 1
            before = int(self.keys[place]) if place >= 0 else a
        if not self._is_key[b]:
            place = int(np.searchsorted(self.keys, b))
            after = int(self.keys[place]) if place < len(self.keys) else b
        return before, after

    def _is_ahead(self, a: int, b: int) -> bool:
        return b - a < AHEAD * self._usual_gap

    def _surges(self, a: int, b: int) -> DoubleArray:
        """Sums of SURGE packets in a row between two frames, keyframes counting nothing."""
        inside = np.where(self._is_key[a + 1 : b], 0.0, self._sizes[a + 1 : b])
        if len(inside) <= SURGE:
            return np.array([inside.sum()]) if len(inside) else np.zeros(0)
        total = np.concatenate([[0.0], inside.cumsum()])
        return np.asarray(total[SURGE:] - total[:-SURGE])

    def _surges_from_each(self) -> DoubleArray:
        """Logs of the sums of SURGE packets from each frame on, as far as the next keyframe."""
        count = len(self.pts)
        total = np.concatenate([[0.0], np.where(self._is_key, 0.0, self._sizes).cumsum()])
        first = np.arange(count)
        ends = np.append(self.keys, count)[np.searchsorted(self.keys, first, side="right")]
        return np.asarray(np.log(total[np.minimum(first + SURGE, ends)] - total[first] + BYTES))
