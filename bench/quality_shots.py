"""Shot detection against known edits, and against PySceneDetect's detectors.

    python bench/quality_shots.py [--films 10] [--labels-only] [--without-peers]

Ten composed films of more than an hour in all (see _shot_films.py), with seeds that the detector
was not fitted on, then the hand-labeled real clips. Matching is one to one as in TRECVID's shot
boundary task (Smeaton, Over and Doherty 2010): a cut counts if it is found on its very frame (or
within one), a gradual transition if a reported one overlaps it. PySceneDetect reports points, so
there a point within a gradual transition counts as found, and points are never held against it
as false transitions: its gradual F1 is the most that its recall allows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scenedetect

from _edit_scores import Count, Edits, Score, edits_of, judge
from _films import cache_folder, test_data
from _report import save
from _shot_films import FILMS, make
from _shot_signals import keyframes_of, replay, signals_of
from fastthumb.analysis.shot_keyframes import find_shots_from_keyframes
from fastthumb.analysis.shots import ShotDetector

# Clips whose labels are not in the test data; by eye, from strips of every frame around each peak.
MORE_LABELS: dict[str, dict[str, Any]] = {
    "bbb_68s_hevc.mp4": {
        "cuts": [186, 300, 378, 519, 566, 620, 672, 782, 1027, 1069, 1277, 1381, 1600],
    },
    "tos_battle_70s_vp8.webm": {
        "cuts": [52, 122, 158, 221, 309, 715, 788, 872, 901, 987, 1127, 1157, 1203, 1234, 1246,
                 1284, 1345, 1378, 1430, 1472, 1525, 1571, 1618, 1650, 1689],
    },
    "mix_gradual_27s.mp4": {
        "cuts": [373],
        "graduals": [["dissolve", 49, 60], ["dissolve", 98, 122], ["fade", 164, 187],
                     ["fade", 241, 256], ["wipe", 303, 317], ["dissolve", 427, 432],
                     ["dissolve", 459, 498], ["fade", 540, 589]],
    },
}  # fmt: skip


def ours(film: Path) -> tuple[Edits, float]:
    """Our edits of a film, and the microseconds of processor time per frame of the detector."""
    frames = list(replay(signals_of(film)))
    detector, shots = ShotDetector(), []
    start = time.process_time()
    for frame in frames:
        shots += detector.push(*frame)
    shots += detector.finish()
    return edits_of(shots), (time.process_time() - start) / len(frames) * 1e6


def ours_from_keyframes(film: Path, truth: dict[str, Any]) -> tuple[Count, int]:
    """Edits found by keyframes and packet sizes alone, right within a GOP; and how many keys.

    Each reported edit is right if it lies in the same span between two keyframes as a true one;
    several true edits in one span count as one, since that is all that can be told apart.
    """
    keyframes, packets, time_base = keyframes_of(signals_of(film))
    shots = find_shots_from_keyframes(keyframes, packets, time_base)
    order = np.argsort(packets.pts, kind="stable")
    keys = np.flatnonzero(packets.keyframe[order])

    def gop(frame: int) -> int:
        return int(np.searchsorted(keys, frame))  # a keyframe ends its span

    true = {gop(c) for c in truth["cuts"]}
    true |= {gop((a + b + 1) // 2) for _kind, a, b in truth["graduals"]}
    reported = [gop(shot.start_frame) for shot in shots[1:]]
    return Count(len(true & set(reported)), len(reported), len(true)), len(keys)


PEERS: dict[str, Callable[[], Any]] = {
    "content": scenedetect.ContentDetector,
    "adaptive": scenedetect.AdaptiveDetector,
    "histogram": scenedetect.HistogramDetector,
    "hash": scenedetect.HashDetector,
    "threshold": scenedetect.ThresholdDetector,
}


def peers(film: Path) -> dict[str, list[int]]:
    """Cuts by each PySceneDetect detector with its defaults; kept in the cache.

    The loop is SceneManager's, reduction included, but feeds all detectors from one decode and
    counts frames itself: with a variable rate, its frame numbers are times.
    """
    kept = cache_folder() / f"{film.stem}.scenedetect-{scenedetect.__version__}.json"
    if not kept.exists():
        video = scenedetect.open_video(str(film), backend="pyav")
        factor = scenedetect.scene_manager.compute_downscale_factor(max(video.frame_size))
        detectors = {name: make_detector() for name, make_detector in PEERS.items()}
        found: dict[str, list[int]] = {name: [] for name in detectors}
        times: list[float] = []

        def numbers(cuts: list[Any]) -> list[int]:
            return [int(np.abs(np.array(times) - cut.seconds).argmin()) for cut in cuts]

        while (image := video.read()) is not False:
            if factor > 1:
                size = [max(1, round(side / factor)) for side in (image.shape[1], image.shape[0])]
                image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
            times.append(video.position.seconds)
            for name, detector in detectors.items():
                found[name] += numbers(detector.process_frame(video.position, image))
        for name, detector in detectors.items():
            found[name] += numbers(detector.post_process(video.position))
        kept.write_text(json.dumps(found))
    return {name: list(map(int, cuts)) for name, cuts in json.loads(kept.read_text()).items()}


def labeled_clips(data: Path) -> dict[Path, dict[str, Any]]:
    """Truth of the real clips by file, in the form of a composed film's."""
    truths: dict[Path, dict[str, Any]] = {}
    for path in sorted((data / "labels").glob("*.json")):
        labels = json.loads(path.read_text())
        edits = labels["transitions"]
        truths[data / "videos" / labels["video"]] = {
            "cuts": [e["frame"] for e in edits if e["type"] == "cut"],
            "graduals": [
                [e["type"].split("_")[0], e["start"], e["end"]] for e in edits if e["type"] != "cut"
            ],
        }
    for name, truth in MORE_LABELS.items():
        truths[data / "videos" / name] = {"graduals": [], **truth}
    return {path: truth for path, truth in truths.items() if path.exists()}


def table_row(name: str, scores: dict[str, Score]) -> str:
    mine = scores["fastthumb"]
    others = {peer: score for peer, score in scores.items() if peer != "fastthumb"}
    best = max(others, key=lambda peer: others[peer].cuts.f1, default=None)
    row = f"{name:24s} {mine.cuts.f1:6.3f} {mine.cuts_within_1.f1:6.3f} {mine.graduals.f1:6.3f}"
    row += f" {mine.flashes_as_cuts:3d}/{mine.flashes:<3d}"
    if best is not None:
        top = max(score.graduals.f1 for score in others.values())
        row += f"   {others[best].cuts.f1:6.3f} ({best}) {top:6.3f}"
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=len(FILMS), help="use the first so many")
    parser.add_argument("--labels-only", action="store_true", help="only the hand-labeled clips")
    parser.add_argument("--without-peers", action="store_true", help="leave PySceneDetect out")
    arguments = parser.parse_args()
    print(f"{'film':24s} {'cut':>6s} {'cut+-1':>6s} {'grad':>6s} flashes   best peer: cut, grad")
    data: dict[str, Any] = {"films": {}, "clips": {}}
    totals: dict[str, dict[str, Score]] = {}
    groups: list[tuple[str, list[tuple[Path, dict[str, Any]]]]] = []
    if not arguments.labels_only:
        groups.append(("films", [make(film) for film in FILMS[: arguments.films]]))
    groups.append(("clips", list(labeled_clips(test_data()).items())))
    costs, keyed, seconds = [], Count(), 0.0
    for group, films in groups:
        totals[group] = {}
        for path, truth in films:
            edits, cost = ours(path)
            scores = {"fastthumb": judge(edits, truth, points_only=False)}
            if not arguments.without_peers:
                for peer, cuts in peers(path).items():
                    scores[peer] = judge(Edits(cuts, []), truth, points_only=True)
            for name, score in scores.items():
                totals[group].setdefault(name, Score()).__iadd__(score)
            print(table_row(path.stem, scores), flush=True)
            entry: dict[str, Any] = {name: score.as_dict() for name, score in scores.items()}
            entry["microseconds_per_frame"] = round(cost, 1)
            if group == "films":
                costs.append(cost)
                seconds += float(signals_of(path)["seconds"][-1])
                count, keyframes = ours_from_keyframes(path, truth)
                keyed += count
                entry["keyframes_only"] = count.as_dict() | {"keyframes": keyframes}
            data[group][path.name] = entry
        print(table_row(f"all {group}", totals[group]))
        for name, score in totals[group].items():
            kinds = ", ".join(f"{k} {c.right}/{c.true}" for k, c in score.by_kind.items())
            f1 = f"cuts {score.cuts.f1:.3f} graduals {score.graduals.f1:.3f}"
            print(f"  {name:10s} {f1} ({kinds})")
    data["in_all"] = {
        group: {name: score.as_dict() for name, score in by_name.items()}
        for group, by_name in totals.items()
    }
    data["peers"] = f"PySceneDetect {scenedetect.__version__}, defaults"
    if costs:
        data["minutes"] = round(seconds / 60, 1)
        data["microseconds_per_frame"] = round(statistics.median(costs), 1)
        data["keyframes_only"] = keyed.as_dict()
        print(f"{seconds / 60:.1f} minutes; detector {statistics.median(costs):.1f} us per frame")
        print(f"keyframes and packet sizes only, within a GOP: {keyed.as_dict()}")
        print(f"written: {save('quality_shots', data)}")


if __name__ == "__main__":
    main()
