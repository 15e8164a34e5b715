"""Who is who: verification, identification against a cast, and people of composed films.

    python bench/identities.py [--models DIR] [--films 3] [--skip-films]

Photographs are those of the test data (faces/identities.csv); films are composed of them, see
_people_films.py. Every chance is seeded. Thresholds that are chosen are chosen on one half of
the people and reported on the other.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from _films import test_data
from _people_films import Portrait, labelled, make_film
from _report import save
from fastthumb.analysis.cast import Cast, CastMember
from fastthumb.analysis.cast_photographs import Photograph, read_picture
from fastthumb.analysis.characters import (
    CLEAR,
    Character,
    find_characters,
    name_characters,
    recognize,
)
from fastthumb.analysis.detectors import Detectors
from fastthumb.analysis.tracks import Track
from fastthumb.inference.views import PictureView
from fastthumb.media.source import open_source
from fastthumb.pipeline import Analysis, analyze
from fastthumb.settings import Settings

Vectors = npt.NDArray[np.float32]
SPLITS = 50
TASKS = ("faces", "identity")
STRANGERS = (
    "bbb_68s_hevc.mp4",
    "chaplin_10s_bw.mp4",
    "closeup_man_vertical_14s.mp4",
    "closeup_redhair_woman_9s.mp4",
    "closeup_studio_woman_11s.mp4",
    "dancers_park_6s.mp4",
    "expressions_glasses_man_8s.mp4",
    "expressions_man_7s.mp4",
    "his_girl_friday_6s_bw.mp4",
    "kids_jumping_bed_7s.mp4",
    "smiling_woman_dark_6s.mp4",
    "talking_blink_woman_18s.mp4",
    "tos_battle_70s_vp8.webm",
)


@dataclass(frozen=True)
class Labelled:
    """One photograph of a known person, its embedding, its face, and whether it shows no other."""

    person: str
    path: Path
    embedding: npt.NDArray[np.float32]
    face: tuple[float, float, float, float]
    alone: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", help="folder of models; default: that of the test data")
    parser.add_argument("--films", type=int, default=3, help="composed films; default: 3")
    parser.add_argument("--skip-films", action="store_true", help="photographs only")
    options = parser.parse_args()
    data = test_data()
    models = options.models or str(data / "models")
    detectors = Detectors.open(models, threads=1)
    looks = read_photographs(data / "faces", detectors)
    report: dict[str, Any] = {
        "models": {
            task: name for name, task, _ in detectors.models if task in ("faces", "identity")
        },
        "photographs": len(looks),
        "people": len({look.person for look in looks}),
        "verification": {
            "all pairs": verification(looks),
            "master.csv": master_pairs(looks, data / "faces" / "celebrities" / "master.csv"),
        },
        "identification": identification(looks),
    }
    if not options.skip_films:
        report["hamilton"] = hamilton(data, detectors, models)
        report["films of strangers"] = strangers(data / "videos", looks, models)
        report["composed"] = [composed(looks, seed, models) for seed in range(options.films)]
    print(json.dumps(report, indent=1))
    save("identities", report)


def read_photographs(faces: Path, detectors: Detectors) -> list[Labelled]:
    """The largest face of every photograph that shows one labelled person."""
    looks = []
    for person, paths in sorted(labelled(faces).items()):
        for path in paths:
            rgb = read_picture(path)
            found = detectors.faces(PictureView.of_rgb(rgb))
            if not found:
                sys.exit(f"{path}: no face was found; the bench needs a face in every photograph")
            tall = [face.box[3] - face.box[1] for face in found]
            largest = found[int(np.argmax(tall))]
            if largest.embedding is None:
                sys.exit(f"{path}: its face has no embedding; the bench needs an identity network")
            height, width = rgb.shape[:2]
            x0, y0, x1, y1 = largest.box
            box = (x0 * width, y0 * height, x1 * width, y1 * height)
            looks.append(Labelled(person, path, largest.embedding, box, len(found) == 1))
    return looks


def verification(looks: list[Labelled]) -> dict[str, Any]:
    """Accuracy over the pairs of one half of the people, at the other half's best threshold."""
    people = sorted({look.person for look in looks})
    cosines = _cosines(looks)
    owner = np.array([look.person for look in looks])
    same = owner[:, None] == owner[None]
    upper = np.triu(np.ones_like(same), 1)
    results = []
    for seed in range(SPLITS):
        half = set(np.random.default_rng(seed).permutation(people)[: len(people) // 2])
        inside = np.array([name in half for name in owner])
        chosen = inside[:, None] & inside[None] & upper
        held = ~inside[:, None] & ~inside[None] & upper
        threshold = best_threshold(cosines[chosen], same[chosen])
        results.append((threshold, *_errors(cosines[held], same[held], threshold)))
    return _summary(results) | {"pairs": int(upper.sum()), "same": int((same & upper).sum())}


def master_pairs(looks: list[Labelled], table: Path) -> dict[str, Any]:
    """The pairs that others published, at thresholds chosen on all pairs of other people."""
    found = [k for k, look in enumerate(looks) if look.path.parent == table.parent]
    position = {looks[k].path.name: k for k in found}
    with table.open(encoding="utf-8") as file:
        rows = [
            (position[row["file_x"]], position[row["file_y"]], row["Decision"] == "Yes")
            for row in csv.DictReader(file)
            if row["file_x"] in position and row["file_y"] in position
        ]
    cosines, owner = _cosines(looks), np.array([look.person for look in looks])
    pairs, published = np.array([row[:2] for row in rows]), np.array([row[2] for row in rows])
    same = owner[:, None] == owner[None]
    upper = np.triu(np.ones_like(same), 1)
    people = sorted(set(owner))
    results = []
    for seed in range(SPLITS):
        half = set(np.random.default_rng(seed).permutation(people)[: len(people) // 2])
        inside = np.array([name in half for name in owner])
        chosen = inside[:, None] & inside[None] & upper
        held = ~inside[pairs].any(axis=1)
        threshold = best_threshold(cosines[chosen], same[chosen])
        values = cosines[pairs[held, 0], pairs[held, 1]]
        results.append((threshold, *_errors(values, published[held], threshold)))
    return _summary(results) | {"pairs": len(rows), "same": int(published.sum())}


def best_threshold(cosines: Vectors, same: npt.NDArray[np.bool_]) -> float:
    """The middle of the thresholds with the fewest errors."""
    grid = np.arange(0.2, 0.7, 0.005)
    errors = np.array([((cosines > t) != same).sum() for t in grid])
    return float(grid[errors == errors.min()].mean())


def identification(looks: list[Labelled]) -> dict[str, Any]:
    """Other photographs of people of a cast, and strangers, against the cast's photographs.

    In each round a third of the people are strangers; of the others half of the photographs are
    the cast's.
    """
    by_person: dict[str, list[Labelled]] = defaultdict(list)
    for look in looks:
        by_person[look.person].append(look)
    right = wrong = missed = strangers = named = 0
    for seed in range(SPLITS):
        rng = np.random.default_rng(seed)
        people = sorted(by_person)
        unknown = set(rng.permutation(people)[: len(people) // 3])
        members, probes = [], []
        for person in people:
            photos = [by_person[person][k] for k in rng.permutation(len(by_person[person]))]
            if person in unknown:
                strangers += len(photos)
                probes += photos
                continue
            kept = max(len(photos) // 2, 1)
            members.append(_member(person, photos[:kept]))
            probes += photos[kept:]
        for probe in probes:
            known = recognize(probe.embedding, 1, members)
            name = members[known[0]].name if known else None
            if probe.person in unknown:
                named += name is not None
            else:
                right, wrong = (
                    right + (name == probe.person),
                    wrong + (name not in (None, probe.person)),
                )
                missed += name is None
    total = right + wrong + missed
    return {
        "probes": total,
        "right": round(right / total, 4),
        "wrong name": wrong,
        "not named": missed,
        "strangers": strangers,
        "strangers named": named,
    }


def hamilton(data: Path, detectors: Detectors, models: str) -> dict[str, Any]:
    """The people of one real clip against a cast that has two of them."""
    cast = Cast.load(data / "faces" / "people", detectors)
    analysis = _analyzed(data / "videos" / "hamilton_whitehouse_10s.mp4", models)
    found, _ = _characters(analysis)
    named = name_characters(found, analysis.tracks, cast)
    return {
        "cast": [one.name for one in cast.people if one.embedding is not None],
        "named": {one.name: round(one.likeness or 0.0, 3) for one in named if one.known},
        "others": sum(not one.known for one in named),
        "screen_seconds": {one.name: round(one.screen_seconds, 2) for one in named},
    }


def strangers(videos: Path, looks: list[Labelled], models: str) -> dict[str, Any]:
    """Real films of other people against a cast of all labelled people: nobody is to be named."""
    photos: dict[str, list[Labelled]] = defaultdict(list)
    for look in looks:
        photos[look.person].append(look)
    cast = Cast([_member(person, photos[person]) for person in sorted(photos)])
    known = np.stack([one.embedding for one in cast.people if one.embedding is not None])
    named: dict[str, float] = {}
    characters, nearest = 0, 0.0
    for name in STRANGERS:
        analysis = _analyzed(videos / name, models)
        found = name_characters(_characters(analysis)[0], analysis.tracks, cast)
        characters += len(found)
        named |= {f"{name}: {one.name}": one.likeness or 0.0 for one in found if one.known}
        for track in analysis.tracks:
            if track.embedding is not None and track.clarity >= CLEAR:
                nearest = max(nearest, float((known @ track.embedding).max()))
    return {
        "films": len(STRANGERS),
        "cast": len(cast.people),
        "characters": characters,
        "named": named,
        "highest cosine of a clear track": round(nearest, 3),
    }


def composed(looks: list[Labelled], seed: int, models: str) -> dict[str, Any]:
    """Characters of a composed film against the people that it shows."""
    rng = np.random.default_rng(seed)
    alone = [look for look in looks if look.alone]
    photos = Counter(look.person for look in alone)
    several = [name for name, count in sorted(photos.items()) if count > 1]
    shown = set(rng.permutation(several)[:9])
    portraits = [Portrait(one.person, one.path, one.face) for one in alone if one.person in shown]
    film = make_film(f"{seed}", portraits, seed)
    truth = json.loads(film.with_suffix(".truth.json").read_text())
    analysis = _analyzed(film, models)
    found, seconds = _characters(analysis)
    owner = {track.index: _owner(track, truth) for track in analysis.tracks}
    expected: dict[str, float] = defaultdict(float)
    for shot in truth["shots"]:
        for one in shot["people"]:
            expected[one["person"]] += one["seconds"]
    by_index = {track.index: track for track in analysis.tracks}
    times: dict[str, list[float]] = defaultdict(list)
    pure = total = 0.0
    for character in found:
        held: Counter[str] = Counter()
        for index in character.tracks:
            held[owner[index]] += by_index[index].screen_seconds
        person, most = held.most_common(1)[0]
        pure, total = pure + most, total + sum(held.values())
        times[person].append(character.screen_seconds)
    off = {
        person: abs(max(times.get(person, [0.0])) / expected[person] - 1.0) for person in expected
    }
    return {
        "film": film.name,
        "seconds": round(analysis.shots[-1].end_seconds, 1),
        "shots": len(truth["shots"]),
        "shots found": len(analysis.shots),
        "people": len(expected),
        "characters": len(found),
        "purity": round(pure / max(total, 1e-9), 4),
        "most characters of one person": max((len(t) for t in times.values()), default=0),
        "not found": sorted(set(expected) - set(times)),
        "screen time off at most": round(max(off.values()), 4),
        "screen time off": {person: round(share, 4) for person, share in sorted(off.items())},
        "clustering_ms": round(1e3 * seconds, 2),
        "tracks": len(analysis.tracks),
    }


def _owner(track: Track, truth: dict[str, Any]) -> str:
    """Whom a track shows by the truth: by its time, and in a shot of two by its place."""
    middle = (track.first_seconds + track.last_seconds) / 2
    shot = next(s for s in truth["shots"] if middle < s["end_seconds"] or s is truth["shots"][-1])
    box = track.portraits[0].box
    center = (box[0] + box[2]) / 2
    nearest = min(shot["people"], key=lambda one: abs(one["center"] - center))
    return str(nearest["person"])


def _analyzed(film: Path, models: str) -> Analysis:
    settings = Settings.build(models_dir=models)
    with open_source(film) as source:
        return analyze(source, settings)


def _characters(analysis: Analysis) -> tuple[list[Character], float]:
    """The characters, and the fastest of five times that finding them took."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        found = find_characters(analysis.tracks, analysis.shots, analysis.shots[-1].end_seconds)
        times.append(time.perf_counter() - start)
    return found, min(times)


def _member(person: str, photos: list[Labelled]) -> CastMember:
    total = np.sum([photo.embedding for photo in photos], axis=0)
    kept = tuple(Photograph(p.path, p.path.name, p.embedding, None) for p in photos)
    return CastMember(person, None, (total / np.linalg.norm(total)).astype(np.float32), kept)


def _cosines(looks: list[Labelled]) -> Vectors:
    embeddings = np.stack([look.embedding for look in looks])
    return embeddings @ embeddings.T


def _errors(
    cosines: Vectors, same: npt.NDArray[np.bool_], threshold: float
) -> tuple[float, float, float]:
    """Accuracy, share of strangers taken for one, share of one person taken for two."""
    said = cosines > threshold
    far = float(said[~same].mean()) if (~same).any() else 0.0
    frr = float((~said[same]).mean()) if same.any() else 0.0
    return float((said == same).mean()), far, frr


def _summary(results: list[tuple[float, float, float, float]]) -> dict[str, Any]:
    thresholds, accuracy, far, frr = (np.array(column) for column in zip(*results, strict=True))
    return {
        "splits": len(results),
        "thresholds (least, mean, most)": [
            round(float(t), 3) for t in (thresholds.min(), thresholds.mean(), thresholds.max())
        ],
        "accuracy": round(float(accuracy.mean()), 5),
        "worst accuracy": round(float(accuracy.min()), 5),
        "splits of .995 or more": int((accuracy >= 0.995).sum()),
        "false accepts": round(float(far.mean()), 5),
        "false rejects": round(float(frr.mean()), 5),
    }


if __name__ == "__main__":
    main()
