"""What the network that doubts is fitted on: pairs of frames of composed films.

Of every two neighboring keyframes, and of each of them with frames in between, as a look leaves
them (shot_search.py): some anywhere, some just before and behind an edit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from _films import composed
from _shot_signals import keyframes_of, replay
from fastthumb.analysis.shot_doubts import Group, features, place_of
from fastthumb.analysis.shot_packets import PacketEvidence
from fastthumb.analysis.shot_search import groups_of
from fastthumb.analysis.shots import find_shots
from quality_shots import Edits, edits_of

ANYWHERE = 6  # frames of a group of pictures, at random
BESIDE_AN_EDIT = 3  # to either side of it, so many ticks away:
NEAREST, FARTHEST = 3, 13
MUCH = 0.35  # of a transition

# Beside those of fit_shots.py.
FILMS = {
    911: "--minutes 4 --size 640x360 --fps 24 --gradual 0.3 --flash 0.08",
    912: "--minutes 4 --size 640x360 --fps 24 --codec libsvtav1 --crf 36 --gradual 0.25 "
    "--flash 0.08",
    913: "--minutes 4 --size 640x360 --fps 25 --codec libvpx-vp9 --crf 35 --gradual 0.25 "
    "--flash 0.08",
    914: "--minutes 4 --size 640x360 --fps 25 --codec libx265 --crf 30 --gradual 0.3 --flash 0.08",
    915: "--minutes 4 --size 640x360 --fps 30 --gop 60 --crf 26 --gradual 0.3 --flash 0.08",
    916: "--minutes 4 --size 640x360 --fps 25 --codec libsvtav1 --crf 42 --gradual 0.3 "
    "--flash 0.08",
    917: "--minutes 4 --size 640x360 --fps 24 --codec libvpx-vp9 --crf 40 --gradual 0.3 "
    "--flash 0.08",
    918: "--minutes 4 --size 640x360 --fps 25 --gop 125 --scenecut --gradual 0.3 --flash 0.08",
    919: "--minutes 4 --size 640x360 --fps 24 --codec libsvtav1 --crf 32 --gradual 0.25 "
    "--flash 0.08 --shot 1.2:4",
    920: "--minutes 4 --size 640x360 --fps 24 --crf 20 --gradual 0.25 --flash 0.08 --shot 2:9",
    921: "--minutes 4 --size 640x360 --fps 30 --gop 60 --codec libvpx-vp9 --crf 32 --gradual 0.25 "
    "--flash 0.08",
    923: "--minutes 4 --size 640x360 --fps 24 --gradual 0.35 --flash 0.08",
    924: "--minutes 4 --size 640x360 --fps 24 --codec libsvtav1 --crf 38 --gradual 0.35 "
    "--flash 0.08",
    925: "--minutes 4 --size 640x360 --fps 60 --gradual 0.35 --flash 0.08",
}


def films(more: dict[int, str]) -> list[Path]:
    """FILMS and those of `more`, composed if they are not in the cache."""
    found = []
    for seed, options in (more | FILMS).items():
        suffix = ".webm" if "libvpx-vp9" in options else ".mp4"
        found.append(composed(f"fit-{seed}{suffix}", "--seed", str(seed), *options.split()))
    return found


def pairs(columns: dict[str, Any]) -> list[tuple[tuple[float, ...], bool]]:
    """Features of pairs of a film, and whether an edit lies between the two.

    An edit is what ShotDetector finds with every frame. Left out is what only a little of a
    transition reaches into.
    """
    frames = [*replay(columns)]
    edits = edits_of(find_shots(frames))
    keyed, packets, _ = keyframes_of(columns)
    evidence = PacketEvidence(packets)
    keyframes = [
        (signals, int(np.searchsorted(evidence.pts, pts)), pts, seconds)
        for signals, _, pts, seconds in keyed
    ]
    rng, found = np.random.default_rng(0), []
    for group in groups_of(keyframes):
        places = {group.before.number: group.before, group.after.number: group.after}
        for a, b in _numbers(group, edits, rng):
            true = _is_true(a, b, edits, whole=(a, b) == (group.before.number, group.after.number))
            if true is not None:
                for n in (a, b):
                    places.setdefault(n, place_of(frames[n][0], n))
                found.append((features(evidence, group, places[a], places[b]), true))
    return found


def _numbers(group: Group, edits: Edits, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    a, b = group.before.number, group.after.number
    yield a, b
    if b - a < 4:
        return
    chosen = set(rng.integers(a + 1, b, ANYWHERE).tolist())
    ends = edits.cuts + [end for first, last in edits.graduals for end in (first, last + 1)]
    for end in ends:
        if a < end <= b:
            for ticks in rng.integers(NEAREST, FARTHEST + 1, BESIDE_AN_EDIT).tolist():
                chosen |= {end - ticks * group.per_tick, end + ticks * group.per_tick}
    for n in sorted(chosen):
        if a < n < b:
            yield a, n
            yield n, b


def _is_true(a: int, b: int, edits: Edits, *, whole: bool) -> bool | None:
    """Whether an edit lies after frame `a` and not after frame `b`; None: hard to say.

    Of a whole group of pictures, the middle of a transition decides which one it belongs to; a
    look must not end while much of a transition is still to come.
    """
    middles = edits.cuts + [(first + last + 1) // 2 for first, last in edits.graduals]
    if any(a < middle <= b for middle in middles):
        return True
    shares = [
        (min(last, b) - max(first, a + 1) + 1) / (last - first + 1)
        for first, last in edits.graduals
        if first <= b and last >= a
    ]
    if not whole and any(share >= MUCH for share in shares):
        return True
    return None if shares else False
