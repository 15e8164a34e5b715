"""The demux table: where every packet of the film lies in time, without decoding one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import av
    import numpy.typing as npt
    from av.video.stream import VideoStream

NO_TIMESTAMP = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, eq=False)
class PacketTable:
    """One row per packet that is shown, in decoding order; the columns have equal length.

    `pts` and `dts` are int64 in units of the stream's time base, NO_TIMESTAMP where the
    packet has none; `size_bytes` int32; `keyframe` bool, as the container claims.
    """

    pts: npt.NDArray[np.int64]
    dts: npt.NDArray[np.int64]
    size_bytes: npt.NDArray[np.int32]
    keyframe: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def is_rising(self) -> bool:
        """Say whether the stream's own timestamps are fit to find its frames again.

        They are where none is missing, none is there twice and the clock never jumps back.
        """
        if not len(self) or (self.pts == NO_TIMESTAMP).any():
            return False
        decoded = self.dts[self.dts != NO_TIMESTAMP]
        return bool((np.diff(decoded) >= 0).all() and len(np.unique(self.pts)) == len(self))

    @property
    def keyframe_pts(self) -> npt.NDArray[np.int64]:
        """Timestamps of the packets marked as keyframes, ascending; int64."""
        return np.sort(self.pts[self.keyframe & (self.pts != NO_TIMESTAMP)])


def packet_table(packets: Iterable[av.Packet[VideoStream]]) -> PacketTable:
    """Collect the table from packets in decoding order; those never shown are left out."""
    pts, dts, sizes, keys = [], [], [], []
    for packet in packets:
        if packet.is_discard:  # before the start of an edit list
            continue
        pts.append(NO_TIMESTAMP if packet.pts is None else packet.pts)
        dts.append(NO_TIMESTAMP if packet.dts is None else packet.dts)
        sizes.append(packet.size)
        keys.append(packet.is_keyframe)
    return PacketTable(
        np.array(pts, np.int64),
        np.array(dts, np.int64),
        np.array(sizes, np.int32),
        np.array(keys, np.bool_),
    )
