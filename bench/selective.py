"""Shots from keyframes and a look at the doubtful parts, against those of every frame.

    python bench/selective.py [--films 10] [--decode]

Decided on recorded signals of the films of the shot bench: F1 of the edits against those that
ShotDetector finds with every frame, and the cost in decoded frames as a share of the film. An
H.264 frame that is only passed over to reach a look costs PASSED_OVER. With `--decode` each film is
also decoded, selectively and from end to end, in alternation.
"""

from __future__ import annotations

import argparse
import time
from bisect import bisect_right
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import av
import numpy as np

from _edit_scores import Count, agreement, edits_of
from _report import save
from _shot_films import FILMS, make
from _shot_signals import keyframes_of, replay, signals_of
from fastthumb.analysis.shot_packets import PacketEvidence
from fastthumb.analysis.shot_runs import RunShotDetector
from fastthumb.analysis.shot_search import look_into, searches
from fastthumb.analysis.shot_ticks import Sample
from fastthumb.analysis.shots import Shot
from fastthumb.chunks import MOSTLY_DOUBTFUL, ChunkedFilm
from fastthumb.media.reading import LEAVING_OUT_CODECS
from fastthumb.media.source import open_source
from fastthumb.pipeline import find_shots
from fastthumb.settings import Settings
from quality_shots import ours

# Processor time of one H.264 frame with non-reference pictures left out, over a decoded one: 13.6
# of 22.7 s for the film of bench/pipeline.py.
PASSED_OVER = 0.6
KEYFRAME = 2.9  # the same of a keyframe, which every read begins with: 8.8 of 3.0 ms


def selective_shots(film: Path) -> tuple[list[Shot], float]:
    """The shots found by looking where it is doubtful, and the cost: 1 = every frame decoded.

    Chunk by chunk, as the preset balanced decodes a film.
    """
    columns = signals_of(film)
    frames: list[Sample] = [*replay(columns)]
    keyed, packets, time_base = keyframes_of(columns)
    evidence = PacketEvidence(packets)
    keyframes: list[Sample] = [
        (signals, int(np.searchsorted(evidence.pts, pts)), pts, seconds)
        for signals, _, pts, seconds in keyed
    ]
    starts = [number for _, number, *_ in keyframes]
    with open_source(film) as source:
        chunks = ChunkedFilm(source, None).chunks()
        passes_cheaply = source.info.codec in LEAVING_OUT_CODECS
    passed_over = PASSED_OVER if passes_cheaply else 1.0
    cost = KEYFRAME * len(keyframes)
    samples = {keyframe[1]: keyframe for keyframe in keyframes}

    def read(first: int, last: int) -> Generator[Sample]:
        nonlocal cost
        cost += KEYFRAME + passed_over * (first - starts[bisect_right(starts, first) - 1])
        for sample in frames[first : last + 1]:
            cost += 1
            yield sample

    for chunk in chunks:
        first, end = starts[chunk.first], [*starts, len(frames)][chunk.end]
        around = keyframes[max(chunk.first - 1, 0) : chunk.end + 2]
        doubtful = [
            search
            for search in searches(around, evidence, passes_cheaply=passes_cheaply)
            if first <= search.before.number < end
            and (search.after is not None or search.before.number == starts[-1])
        ]
        if sum(search.frames for search in doubtful) >= MOSTLY_DOUBTFUL * (end - first):
            looks = [[*read(first, min(end, len(frames) - 1))]]
        else:
            looks = [look_into(search, evidence, read) for search in doubtful]
        seen: set[int] = set()
        for look in looks:
            samples.update((sample[1], sample) for sample in look if sample[1] not in seen)
            seen.update(sample[1] for sample in look)
    detector = RunShotDetector(evidence.pts, float(time_base))
    shots = [shot for number in sorted(samples) for shot in detector.push(*samples[number])]
    return shots + detector.finish(), cost / len(frames)


def decoding_times(film: Path) -> dict[str, float]:
    """Seconds of the selective shots and of decoding every frame, wall and processor."""

    def timed(work: Callable[[], Any]) -> tuple[float, float]:
        wall, processor = time.perf_counter(), time.process_time()
        work()
        return time.perf_counter() - wall, time.process_time() - processor

    def selectively() -> None:
        with open_source(film) as source:
            find_shots(source, Settings(preset="balanced"))

    def straight() -> None:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            stream.thread_type, stream.codec_context.thread_count = "AUTO", 8
            for _ in container.decode(stream):
                pass

    wall, processor = timed(selectively)
    all_wall, all_processor = timed(straight)
    return {
        "wall_over_decode_only": round(wall / all_wall, 3),
        "processor_over_decode_only": round(processor / all_processor, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=len(FILMS), help="use the first so many")
    parser.add_argument("--decode", action="store_true", help="also measure time")
    arguments = parser.parse_args()
    total, data = Count(), {}
    for film in FILMS[: arguments.films]:
        path, _ = make(film)
        shots, cost = selective_shots(path)
        count = agreement(edits_of(shots), ours(path)[0])
        total += count
        data[path.name] = count.as_dict() | {"cost": round(cost, 3)}
        if arguments.decode:
            data[path.name] |= decoding_times(path)
        print(f"{path.name:24s} F1 {count.f1:.4f} cost {cost:.3f} {data[path.name]}", flush=True)
    costs = [film["cost"] for film in data.values()]
    print(f"in all F1 {total.f1:.4f}, mean cost {np.mean(costs):.3f}")
    in_all = total.as_dict() | {"mean_cost": round(float(np.mean(costs)), 3)}
    print(f"written: {save('selective', {'films': data, 'in_all': in_all})}")


if __name__ == "__main__":
    main()
