"""Faces that detectors find where there are people, and where there are none."""

from __future__ import annotations

from typing import Any

from _detection_pictures import PictureSet
from fastthumb.analysis.detectors import NEARLY

FINDERS = ("yunet_n_dynamic", "yunet_2023mar", "mtcnn")
WITHOUT_PEOPLE = {
    "big buck bunny": "bbb_68s_hevc.mp4",
    "sintel": "sintel_2s_fadein.mp4",
    "kitten": "kitten_5s.mp4",
    "wolf": "wolf_2s.mp4",
    "cockatoo": "cockatoo_14s_yuv444.mp4",
    "rabbit": "rabbit_melon_6s.mp4",
    "traffic": "traffic_highway_11s.mp4",
    "brook": "stream_of_water_3s.mp4",
}
EVERY = 12  # frames


def people(pictures: PictureSet) -> dict[str, Any]:
    """Faces found of the people that labels name, per detector."""
    report: dict[str, Any] = {}
    for name in FINDERS:
        finder = pictures.face_finder(name)
        wanted = found = doubtful = 0
        missed = []
        for file, count in pictures.portraits():
            faces = finder.detect(pictures.view(file))
            wanted += count
            found += min(len(faces), count)
            doubtful += sum(face.score < finder.sure for face in faces[:count])
            if len(faces) < count:
                missed.append(file)
        report[name] = {
            "people": wanted,
            "found": found,
            "recall": round(found / wanted, 4),
            "of_these_not_sure": doubtful,
            "missed": missed,
        }
    return report


def without_people(pictures: PictureSet) -> dict[str, Any]:
    """Frames in which a face is found, and in which one is sure, per detector and film."""
    report: dict[str, Any] = {}
    mesh = MeshScores(pictures)
    finders = {name: pictures.face_finder(name) for name in ("yunet_n_dynamic", "mtcnn")}
    for title, film in WITHOUT_PEOPLE.items():
        counts = {name: [0, 0, 0] for name in finders}
        total = 0
        for view in pictures.frames(film, EVERY):
            total += 1
            for name, finder in finders.items():
                faces = finder.detect(view)
                sure = [face for face in faces if face.score >= finder.sure]
                near = [face for face in faces if face.score >= finder.sure - NEARLY]
                meshes = mesh.present(view, near)
                counts[name][0] += bool(faces)
                counts[name][1] += bool(sure)
                counts[name][2] += bool(sure or meshes)
        report[title] = {"frames": total} | {
            name: {"with_face": a, "sure_by_score": b, "sure": c}
            for name, (a, b, c) in counts.items()
        }
    return report


class MeshScores:
    """How many faces the mesh network takes for faces."""

    def __init__(self, pictures: PictureSet) -> None:
        from fastthumb.inference.face_readers import MeshReader

        self._reader = MeshReader(pictures.network("face_mesh468_192"))

    def present(self, view: Any, faces: list[Any]) -> int:
        large = [f for f in faces if min(f.box[2] - f.box[0], f.box[3] - f.box[1]) >= 24]
        return sum(m is not None for m in self._reader.read(view, large)) if large else 0
