"""How good the shots and the pictures of a film are, for every program in the same way.

Pictures are judged by what the bench measures itself (_film_frames.py), within the shots that
the film was composed of; of a film of the user's own, within those that `best` finds. Where a
program does not tell which frame a picture is, it is the one that looks most like it.
"""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from _contenders import models_folder
from _edit_scores import Count, Edits, agreement, edits_of, judge
from _film_frames import FilmFrames, look_of
from fastthumb.inference.faces import FaceFinder, open_face_finder
from fastthumb.inference.models import Registry
from fastthumb.inference.views import PictureView
from fastthumb.media.source import open_source
from fastthumb.records import TitleRecord

Span = tuple[int, int]
ALIKE = 0.9  # correlation of the looks of two pictures from which they show the same


def true_edits(truth: dict[str, Any]) -> Edits:
    """The edits that a film was composed with."""
    return Edits(list(truth["cuts"]), [(a, b) for _kind, a, b in truth["graduals"]])


def shot_spans(truth: dict[str, Any] | None, best: TitleRecord) -> list[Span]:
    """First and last frame of the shots in which pictures are judged, transitions left out."""
    if truth is not None:
        return [(a, b) for a, b, *_ in truth["shots"]]
    return [(shot.start_frame, shot.end_frame) for shot in best.shots]


def shots_quality(
    record: TitleRecord, best: TitleRecord, truth: dict[str, Any] | None, keys: Sequence[int]
) -> dict[str, Any]:
    """The shots of one preset against those of `best` and against the truth.

    "within a group": right where a true edit lies between the same two keyframes, all that
    keyframes alone can tell.
    """
    found, wanted = edits_of(record.shots), edits_of(best.shots)
    quality: dict[str, Any] = {
        "shots": len(record.shots),
        "against_best": agreement(found, wanted).as_dict(),
        "against_best_within_a_group": within_groups(found, wanted, keys).as_dict(),
    }
    if truth is not None:
        score = judge(found, truth, points_only=False)
        quality |= {
            "against_truth": agreement(found, true_edits(truth)).as_dict(),
            "against_truth_within_a_group": within_groups(found, true_edits(truth), keys).as_dict(),
            "flashes_as_cuts": [score.flashes_as_cuts, score.flashes],
        }
    return quality


def points_quality(cuts: Sequence[int], truth: dict[str, Any]) -> dict[str, Any]:
    """The edits of a program that knows only points: one in a transition counts for it."""
    score = judge(Edits(list(cuts), []), truth, points_only=True)
    both = Count()
    both += score.cuts
    both += score.graduals
    flashes = [score.flashes_as_cuts, score.flashes]
    return {"against_truth": both.as_dict(), "flashes_as_cuts": flashes}


def cuts_of_scenedetect(folder: Path) -> list[int]:
    """First frames, counted from 0, of the scenes that PySceneDetect listed, but the first."""
    (table,) = folder.glob("*-Scenes.csv")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    start = next(n for n, row in enumerate(rows) if row and row[0] == "Scene Number")
    column = rows[start].index("Start Frame")
    return [int(row[column]) - 1 for row in rows[start + 2 :]]


def within_groups(found: Edits, wanted: Edits, keys: Sequence[int]) -> Count:
    """Edits in groups of pictures that have one: several in one group count as one."""

    def groups(edits: Edits) -> set[int]:
        frames = [*edits.cuts, *((a + b + 1) // 2 for a, b in edits.graduals)]
        return set(np.searchsorted(np.asarray(keys), frames).tolist())

    mine, true = groups(found), groups(wanted)
    return Count(len(mine & true), len(mine), len(true))


class PictureJudge:
    """Judges pictures of one film; `spans` are its shots."""

    def __init__(self, film: Path, frames: FilmFrames, spans: Sequence[Span]) -> None:
        self._film, self._frames, self._spans = film, frames, list(spans)
        self._starts = np.array([first for first, _ in spans])
        self._finder = _face_finder()
        self._with_face = self._shots_with_face()

    def title(self, record: TitleRecord, folder: Path) -> dict[str, Any]:
        """The variants of a title."""
        files = [folder / variant.file for variant in record.variants]
        numbers = [self._frames.number_at(variant.frame_pts) for variant in record.variants]
        scores = [variant.quality_score for variant in record.variants]
        return self._judge(files, numbers) | {
            "mean_quality_score": round(statistics.fmean(scores), 4)
        }

    def files(self, pictures: Sequence[Path]) -> dict[str, Any]:
        """The pictures that another program wrote."""
        looks = [look_of(picture) for picture in pictures]
        return self._judge(pictures, self._frames.numbers_like(looks) if looks else [])

    def film(self) -> dict[str, Any]:
        """What the film has to offer."""
        shown = sum(self._with_face.values())
        return {"shots": len(self._spans), "shots_with_a_face": shown} if self._finder else {}

    def _judge(self, pictures: Sequence[Path], numbers: Sequence[int]) -> dict[str, Any]:
        if not pictures:
            return {"pictures": 0}
        shots = [self._shot_of(number) for number in numbers]
        inside = [(n, shot) for n, shot in zip(numbers, shots, strict=True) if shot is not None]
        percentiles = [self._percentile(number, shot) for number, shot in inside]
        quality: dict[str, Any] = {
            "pictures": len(pictures),
            "in_transitions": len(pictures) - len(inside),
            "near_duplicates": near_duplicates(self._frames.looks[list(numbers)]),
        }
        if percentiles:
            quality["mean_sharpness_percentile"] = round(statistics.fmean(percentiles), 3)
        if self._finder is not None:
            seen = [self._shows_face(picture) for picture in pictures]
            could = [
                face
                for face, shot in zip(seen, shots, strict=True)
                if shot is not None and self._with_face[shot]
            ]
            quality["with_a_face"] = round(statistics.fmean(seen), 3)
            if could:
                quality["with_a_face_where_the_shot_has_one"] = round(statistics.fmean(could), 3)
        return quality

    def _shot_of(self, number: int) -> int | None:
        at = int(np.searchsorted(self._starts, number, side="right")) - 1
        return at if at >= 0 and number <= self._spans[at][1] else None

    def _percentile(self, number: int, shot: int) -> float:
        """Share of the frames of its shot that are less sharp, those as sharp counted half."""
        first, last = self._spans[shot]
        all_, own = self._frames.sharpness[first : last + 1], self._frames.sharpness[number]
        return float((all_ < own).mean() + (all_ == own).mean() / 2)

    def _shows_face(self, picture: Path) -> bool:
        assert self._finder is not None
        with Image.open(picture) as image:
            view = PictureView.of_rgb(np.asarray(image.convert("RGB")))
        return any(face.score >= self._finder.sure for face in self._finder.detect(view))

    def _shots_with_face(self) -> dict[int, bool]:
        """By shot, whether any of three frames of it (at 1/4, 1/2, 3/4) shows a face; kept."""
        if self._finder is None:
            return {}
        kept = self._film.with_suffix(".faces.json")
        key = json.dumps(self._spans)
        if kept.exists() and (stored := json.loads(kept.read_text()))["spans"] == key:
            return {n: bool(face) for n, face in enumerate(stored["faces"])}
        wanted = {
            first + (last - first) * quarter // 4: shot
            for shot, (first, last) in enumerate(self._spans)
            for quarter in (1, 2, 3)
        }
        found = dict.fromkeys(range(len(self._spans)), False)
        with open_source(self._film) as source:
            for frame in source.frames():
                shot = wanted.get(frame.index)
                if shot is not None and not found[shot]:
                    view = PictureView.of_frame(frame, source.info)
                    faces = self._finder.detect(view)
                    found[shot] = any(face.score >= self._finder.sure for face in faces)
        kept.write_text(json.dumps({"spans": key, "faces": list(found.values())}))
        return found


def near_duplicates(looks: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    """Pictures that look like an earlier one."""
    flat = looks.reshape(len(looks), -1).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-9
    alike = np.tril(flat @ flat.T, -1)
    return int((alike.max(axis=1, initial=0.0) >= ALIKE).sum())


def _face_finder() -> FaceFinder | None:
    registry = Registry.load(models_folder())
    found = registry.find("faces")
    return open_face_finder(found, 1) if found is not None else None
