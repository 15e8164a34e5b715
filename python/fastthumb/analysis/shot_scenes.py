"""Scenes and repeats: which shots belong together, from one small look per shot.

Scenes follow the overlapping links of Hanjalic, Lagendijk and Biemond (1999, "Automated
high-level movie segmentation for advanced video-retrieval systems"): every shot is linked to the
last shot shortly after it that looks alike, and a scene ends where no link passes over. A
dialogue cut between two set-ups is one scene, for each set-up links over the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.shot_looks import Look

if TYPE_CHECKING:
    from fastthumb.analysis.shots import Shot

SAME_SETUP = 14.0  # distance of two looks: the same camera position, actors moved
SAME_PLACE = 24.0  # the same setting, other framing
LINK_SHOTS = 8  # shots over which a link may reach ...
LINK_SECONDS = 60.0  # ... and seconds


def group_scenes(shots: Sequence[Shot], looks: Sequence[Look]) -> list[Shot]:
    """The shots with `scene` (from 0, ascending) and `repeat_of` filled in.

    `looks` has one per shot, in order. `repeat_of` is the first shot of the same set-up.
    Raises ValueError where their numbers differ.
    """
    if len(shots) != len(looks):
        raise ValueError(f"group_scenes: {len(shots)} shots but {len(looks)} looks; pass one each")
    if not shots:
        return []
    flat = np.stack([look.pictures for look in looks]).reshape(len(looks), 3, -1).astype(np.int16)
    pictured = np.array([shot.content == "picture" for shot in shots])
    repeats: list[int | None] = [None] * len(shots)
    reach = list(range(len(shots)))
    for k in range(len(shots)):
        if not pictured[k]:
            continue
        earlier = np.flatnonzero(pictured[:k])
        if len(earlier):
            distance = _distance(flat[earlier], flat[k])
            best = int(distance.argmin())
            if distance[best] <= SAME_SETUP:
                first = int(earlier[best])
                repeats[k] = first if repeats[first] is None else repeats[first]
        later = np.arange(k + 1, min(len(shots), k + 1 + LINK_SHOTS))
        later = later[[shots[n].start_seconds - shots[k].end_seconds <= LINK_SECONDS for n in later]]
        if len(later):
            alike = later[_distance(flat[later], flat[k]) <= SAME_PLACE]
            if len(alike):
                reach[k] = int(alike[-1])
    scenes, linked, scene = [], 0, -1
    for k in range(len(shots)):
        if k > linked or k == 0:
            scene += 1
        linked = max(linked, reach[k], k)
        scenes.append(scene)
    return [
        replace(shot, scene=number, repeat_of=repeat)
        for shot, number, repeat in zip(shots, scenes, repeats, strict=True)
    ]


def _distance(looks: npt.NDArray[np.int16], look: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """Least mean difference between any picture of each of `looks` (n, 3, m) and any of `look`."""
    pairs = np.abs(looks[:, :, None] - look[None, None]).mean(axis=3)
    return np.asarray(pairs.min(axis=(1, 2)))
