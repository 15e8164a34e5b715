"""Fits the small networks of shot detection and writes shot_weights.py.

    python bench/fit_shots.py [--only NAME] [--write]

Trains on composed films (seeds 901..908) and on hard cases (_shot_edits.py); quality_shots.py
tests on films of other seeds. Before the final fit on everything, each half of the test clips is
fitted without the other and tried on it: that is what to expect on pictures never seen.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

import _shot_doubts
from _films import cache_folder, composed, test_data
from _shot_edits import FPS, HEIGHT, WIDTH, HardCases
from _shot_signals import Recorder, keyframes_of, replay, signals_of
from fastthumb import _core
from fastthumb.analysis import shot_blends, shot_cuts, shot_doubts, shot_packets
from fastthumb.analysis.shot_keyframes import KeyframeShotDetector
from fastthumb.analysis.shot_ticks import TickWindow

Array = npt.NDArray[np.float64]

HIDDEN = 8
DECAY = 1e-3  # L2; ten times as much underfits, a tenth makes no difference
DECAY_OF_FEW = 5e-3  # for the spans between keyframes, of which there are 1000
MISSED = 3.0  # what an edit that is not doubted weighs, over a doubt for nothing
STEPS = 2000
HARD_FRAMES = 12000
# (seed, share of violent shots, share of slow moves); each once per half of the clips
HARD = (
    (2, 0.0, 0.0), (3, 0.0, 0.0), (4, 0.4, 0.0), (5, 0.4, 0.0), (6, 0.6, 0.0), (7, 0.6, 0.0),
    (8, 0.0, 0.9),
)  # fmt: skip
# Films of hard cases hold many times as much that looks like a cut and is none as real ones.
HARD_WEIGHT_CUTS, HARD_WEIGHT_BLENDS = 0.25, 1.0

FILMS = {
    901: "--minutes 4 --size 640x360 --fps 24 --gradual 0.4 --flash 0.1",
    902: "--minutes 4 --size 640x360 --fps 25 --gop 250 --scenecut --gradual 0.4 --crf 28",
    903: "--minutes 4 --size 854x480 --fps 30000/1001 --codec libx265 --crf 28 --gradual 0.4 "
    "--flash 0.1",
    904: "--minutes 3 --size 640x360 --fps 60 --gradual 0.4",
    905: "--minutes 4 --size 640x360 --fps 24 --codec libsvtav1 --crf 40 --gradual 0.4 "
    "--shot 1.2:4",
    906: "--minutes 4 --size 640x272 --fps 25 --gradual 0.2 --shot 1.2:3",
    907: "--minutes 2 --size 640x360 --fps 24 --codec libvpx-vp9 --crf 35 --gradual 0.4",
    908: "--minutes 4 --size 1280x720 --fps 25 --gradual 0.3",
}


@dataclass(frozen=True)
class Examples:
    """Candidates of one detector: features (n, m), whether they are edits, and what they weigh."""

    features: Array
    true: npt.NDArray[np.bool_]
    weight: Array

    def weighing(self, false_weight: float) -> Examples:
        """The same, with those that are no edits weighing so much."""
        return Examples(self.features, self.true, np.where(self.true, 1.0, false_weight))

    @classmethod
    def join(cls, parts: Sequence[Examples]) -> Examples:
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.true for part in parts]),
            np.concatenate([part.weight for part in parts]),
        )


def hard_film(seed: int, half: int, violence: float, slow_moves: float) -> Path:
    """Signals (.npz) and truth (.truth.json) of a film of hard cases, made now if missing."""
    path = cache_folder() / f"hard-{seed}-{half}.npz"
    if not path.with_suffix(".truth.json").exists():
        meter = _core.SignalMeter(
            _core.FrameLayout(WIDTH, HEIGHT, chroma_shift_x=1, chroma_shift_y=1, matrix="bt601")
        )
        recorder, count = Recorder(), 0

        def put(image: npt.NDArray[np.uint8]) -> None:
            nonlocal count
            planes = np.split(
                cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420).reshape(-1),
                [WIDTH * HEIGHT, WIDTH * HEIGHT * 5 // 4],
            )
            pitches = (WIDTH, WIDTH // 2, WIDTH // 2)
            recorder.add(meter.measure(tuple(planes), pitches), count, count / FPS, False)
            count += 1

        film = HardCases(test_data(), seed, half, violence, put, slow_moves=slow_moves)
        film.run(HARD_FRAMES)
        recorder.save(path)
        path.with_suffix(".truth.json").write_text(json.dumps(film.truth) + "\n")
        print(f"{path.name}: {count} frames", flush=True)
    return path


def training_sets() -> dict[int | None, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """(signals, truth) of all training films by the half of the clips in them; None: both."""
    sets: dict[int | None, list[tuple[dict[str, Any], dict[str, Any]]]] = {0: [], 1: [], None: []}
    for seed, options in FILMS.items():
        suffix = ".webm" if "libvpx-vp9" in options else ".mp4"
        film = composed(f"fit-{seed}{suffix}", "--seed", str(seed), *options.split())
        truth = json.loads(film.with_suffix(".truth.json").read_text())
        sets[None].append((signals_of(film), truth))
    for (seed, violence, slow_moves), half in product(HARD, (0, 1)):
        path = hard_film(seed, half, violence, slow_moves)
        truth = json.loads(path.with_suffix(".truth.json").read_text())
        with np.load(path) as stored:
            sets[half].append(({name: stored[name] for name in stored.files}, truth))
    return sets


def examples(columns: dict[str, Any], truth: dict[str, Any]) -> tuple[Examples, Examples]:
    """The labeled candidates of a film for cuts and for blends.

    Left out is what is neither right nor wrong: candidates beside a cut, a cut detector's within
    a gradual edit, a blend's with little overlap, and both around a fade, which has its own rules.
    """
    window = TickWindow()
    for frame in replay(columns):
        window.push(*frame)
    window.update()
    scan = shot_blends.BlendScan()
    scan.extend(window, closing=True)
    gradual = [(kind, first, last) for kind, first, last in truth["graduals"]]
    cuts: list[tuple[tuple[float, ...], bool]] = []
    for cut in shot_cuts.candidates(window, 0, window.end):
        frame = window.steepest_frame(cut.tick)
        nearest = min((abs(frame - other) for other in truth["cuts"]), default=99)
        if nearest == 0 or (
            nearest > 1 and not any(a - 3 <= frame <= b + 3 for _kind, a, b in gradual)
        ):
            cuts.append((cut.features, nearest == 0))
    blends: list[tuple[tuple[float, ...], bool]] = []
    for blend in scan.candidates(window, 0, window.end):
        first, last = window.frame_of(blend.before) + 1, window.frame_of(blend.after) - 1
        overlap = 0.0
        for kind, a, b in gradual:
            shared = min(b, last) - max(a, first) + 1
            if shared > 0 or (kind == "fade" and shared >= -2):
                united = max(b, last) - min(a, first) + 1
                overlap = max(overlap, 0.01 if kind == "fade" else shared / united)
        if overlap == 0 or overlap >= 0.5:
            blends.append((blend.features, overlap > 0))
    return _as_examples(cuts, len(shot_cuts.FEATURES)), _as_examples(
        blends, len(shot_blends.FEATURES)
    )


def keyframe_examples(columns: dict[str, Any], truth: dict[str, Any]) -> Examples:
    """The labeled spans between keyframes of a film: true where an edit lies in one."""
    found: list[tuple[tuple[float, ...], bool]] = []
    edits = truth["cuts"] + [(a + b + 1) // 2 for _kind, a, b in truth["graduals"]]

    class Spy(KeyframeShotDetector):
        def features(self, row: int) -> tuple[float, ...]:
            values = super().features(row)
            a, b = self._numbers[row - 1], self._numbers[row]
            found.append((values, any(a < edit <= b for edit in edits)))
            return values

    keyframes, packets, time_base = keyframes_of(columns)
    spy = Spy(packets, time_base)
    for keyframe in keyframes:
        spy.push(*keyframe)
    spy.finish()
    return _as_examples(found, len(shot_packets.FEATURES))


def _as_examples(found: list[tuple[tuple[float, ...], bool]], width: int) -> Examples:
    features = np.array([row for row, _true in found], np.float64).reshape(-1, width)
    true = np.array([true for _row, true in found], np.bool_)
    return Examples(features, true, np.ones(len(true)))


@dataclass(frozen=True)
class Fitted:
    """log odds = bias + out . tanh(hidden_bias + features . hidden)"""

    hidden: Array
    hidden_bias: Array
    out: Array
    bias: float

    def score(self, features: Array) -> Array:
        return np.tanh(self.hidden_bias + features @ self.hidden) @ self.out + self.bias


def fit(data: Examples, decay: float = DECAY) -> Fitted:
    """Full-batch Adam on the log loss with weight decay, on standardized features."""
    rng = np.random.default_rng(0)
    mean, scale = data.features.mean(axis=0), data.features.std(axis=0) + 1e-9
    x, y = (data.features - mean) / scale, data.true.astype(np.float64)
    width = x.shape[1]
    weights = [
        rng.normal(0, width**-0.5, (width, HIDDEN)), np.zeros(HIDDEN),
        rng.normal(0, HIDDEN**-0.5, HIDDEN), np.zeros(1),
    ]  # fmt: skip
    first, second = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    for step in range(1, STEPS + 1):
        hidden = np.tanh(x @ weights[0] + weights[1])
        odds = hidden @ weights[2] + weights[3]
        error = (1 / (1 + np.exp(-odds)) - y) * data.weight / data.weight.sum()
        back = np.outer(error, weights[2]) * (1 - hidden**2)
        slopes = [
            x.T @ back + decay * weights[0], back.sum(axis=0),
            hidden.T @ error + decay * weights[2], np.array([error.sum()]),
        ]  # fmt: skip
        for k, slope in enumerate(slopes):
            first[k] = 0.9 * first[k] + 0.1 * slope
            second[k] = 0.999 * second[k] + 0.001 * slope**2
            pace = first[k] / (1 - 0.9**step) / (np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
            weights[k] = weights[k] - 0.02 * pace
    unscaled = weights[0] / scale[:, None]
    return Fitted(unscaled, weights[1] - mean @ unscaled, weights[2], float(weights[3][0]))


def quality(network: Fitted, data: Examples) -> str:
    found = network.score(data.features) > 0
    right = int((found & data.true).sum())
    wrong, missed = int((found & ~data.true).sum()), int((~found & data.true).sum())
    f1 = 2 * right / max(1, 2 * right + wrong + missed)
    return f"F1 {f1:.3f} ({int(data.true.sum())} edits, {missed} missed, {wrong} wrong)"


def table(name: str, network: Fitted, features: Sequence[str]) -> str:
    """A network as Python source."""

    def numbers(values: Array) -> str:
        return ", ".join(f"{value:.3f}" for value in values)

    rows = "".join(
        f'        "{feature}": ({numbers(row)}),\n'
        for feature, row in zip(features, network.hidden, strict=True)
    )
    return (
        f"{name} = Network(\n    hidden={{\n{rows}    }},\n"
        f"    hidden_bias=({numbers(network.hidden_bias)}),\n"
        f"    out=({numbers(network.out)}),\n    bias={network.bias:.3f},\n)\n"
    )


def cuts_and_blends() -> dict[str, str]:
    """The networks of ShotDetector, and what a half of the hard cases says of the other."""
    sets = training_sets()
    labeled = {half: [examples(*film) for film in films] for half, films in sets.items()}
    tables = {}
    for which, name, features, hard_weight in (
        (0, "CUT_NETWORK", shot_cuts.FEATURES, HARD_WEIGHT_CUTS),
        (1, "BLEND_NETWORK", shot_blends.FEATURES, HARD_WEIGHT_BLENDS),
    ):
        parts = {
            half: Examples.join([film[which] for film in films]) for half, films in labeled.items()
        }
        for half in (0, 1):
            parts[half] = parts[half].weighing(hard_weight)
        for half, other in ((0, 1), (1, 0)):
            print(f"{name}: half {half} -> {other}: {quality(fit(parts[half]), parts[other])}")
        both = Examples.join([parts[0], parts[1]])
        print(f"{name}: hard cases -> composed films: {quality(fit(both), parts[None])}")
        everything = Examples.join(list(parts.values()))
        tables[name] = fit_all(name, everything, features, DECAY)
    return tables


def keyframes() -> dict[str, str]:
    """The network of KeyframeShotDetector."""
    name = "KEYFRAME_NETWORK"
    spans = [keyframe_examples(*film) for film in training_sets()[None]]
    for low, other in ((0, 1), (1, 0)):
        network = fit(Examples.join(spans[low::2]), DECAY_OF_FEW)
        print(f"{name}: films {low}: {quality(network, Examples.join(spans[other::2]))}")
    return {name: fit_all(name, Examples.join(spans), shot_packets.FEATURES, DECAY_OF_FEW)}


def doubts() -> dict[str, str]:
    """The network of shot_search."""
    name, width = "DOUBT_NETWORK", len(shot_doubts.FEATURES)
    parts = []
    for film in _shot_doubts.films(FILMS):
        pairs = _as_examples(_shot_doubts.pairs(signals_of(film)), width)
        parts.append(replace(pairs, weight=np.where(pairs.true, MISSED, 1.0)))
    for low, other in ((0, 1), (1, 0)):
        network = fit(Examples.join(parts[low::2]))
        print(f"{name}: films {low}: {quality(network, Examples.join(parts[other::2]))}")
    return {name: fit_all(name, Examples.join(parts), shot_doubts.FEATURES, DECAY)}


def fit_all(name: str, data: Examples, features: Sequence[str], decay: float) -> str:
    """The source of the network fitted on all there is."""
    network = fit(data, decay)
    print(f"{name}: all -> all: {quality(network, data)}", flush=True)
    return table(name, network, features)


FITS = {"cuts": cuts_and_blends, "keyframes": keyframes, "doubts": doubts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=FITS, help="leave the other networks as they are")
    parser.add_argument("--write", action="store_true", help="put the numbers into the package")
    arguments = parser.parse_args()
    tables: dict[str, str] = {}
    for name in [arguments.only] if arguments.only else FITS:
        tables |= FITS[name]()
    if arguments.write:
        path = Path(shot_cuts.__file__).with_name("shot_weights.py")
        parts = re.split(r"\n(?=[A-Z_]+_NETWORK = )", path.read_text())
        for n, part in enumerate(parts):
            parts[n] = tables.get(part.split(" = ")[0], part)
        path.write_text("\n".join(parts))
        print(f"written: {path}")


if __name__ == "__main__":
    main()
