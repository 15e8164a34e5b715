"""Frame-exact shots of a film of which only keyframes and doubtful parts are decoded."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fastthumb.analysis.shot_packets import PacketEvidence
from fastthumb.analysis.shot_runs import join_runs, shots_of_runs
from fastthumb.analysis.shot_scenes import group_scenes
from fastthumb.analysis.shot_search import Sample, Search, look_into, searches
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import measure
from fastthumb.media.source import Source
from fastthumb.media.spans import Span, SpanTable, can_skip

# Share of a film in doubtful groups of pictures from which on a straight pass, that decodes nothing
# twice and has every core, is done earlier.
MOSTLY_DOUBTFUL = 0.9
_KEYFRAMES_TOGETHER = 16  # read with one opening of the file


@dataclass(frozen=True, slots=True)
class Selected:
    """Shots, and how many frames were looked at to find them (those passed over not counted)."""

    shots: list[Shot]
    frames: int


def find_shots_selectively(source: Source, *, workers: int) -> Selected | None:
    """The shots of a film, or None where it has to be decoded from end to end.

    The result does not depend on `workers`, the number of decoders at work at the same time.
    Raises CannotSeek where a part cannot be decoded alone.
    """
    packets, info = source.packets(), source.info
    if not can_skip(packets, float(info.time_base)):
        return None
    table, evidence = SpanTable(packets), PacketEvidence(packets)
    keys = [int(key) for key in table.pts[table.keys]]
    groups = [keys[n : n + _KEYFRAMES_TOGETHER] for n in range(0, len(keys), _KEYFRAMES_TOGETHER)]

    def measured(spans: list[Span]) -> Generator[Sample]:
        for each in measure(source.span_frames(spans), info):
            frame = each.frame
            yield each.signals, frame.index, frame.pts, frame.seconds

    def read_keyframes(group: list[int]) -> list[Sample]:
        return list(measured([Span(key, key, key, key) for key in group]))

    def read(first: int, last: int) -> Generator[Sample]:
        return measured(table.spans(first, last, most_groups=len(keys)))

    def look(search: Search) -> list[Sample]:
        return look_into(search, evidence, read)

    with ThreadPoolExecutor(workers, thread_name_prefix="fastthumb-decode") as pool:
        keyframes = [sample for group in pool.map(read_keyframes, groups) for sample in group]
        doubtful = searches(keyframes, evidence)
        if sum(search.frames for search in doubtful) >= MOSTLY_DOUBTFUL * len(packets):
            return None
        looks = list(pool.map(look, doubtful))
    shots, pictures = shots_of_runs(join_runs(looks), keyframes, evidence, float(info.time_base))
    return Selected(group_scenes(shots, pictures), len(keyframes) + sum(map(len, looks)))
