"""A closer look: what the networks say of the candidates that may be chosen.

The pass over the film has seen a few faces in sampled frames. Of all candidates only the
promising ones are shown to the slower networks, as the pictures that were kept of them; then
people are followed through their shots, with all that is known.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from fastthumb.analysis.candidates import Candidate, with_contents, with_faces
from fastthumb.analysis.detections import Sighting
from fastthumb.analysis.promising import how_many, promising
from fastthumb.analysis.slots import expanded
from fastthumb.analysis.tracks import Track, follow
from fastthumb.artwork.scoring import score
from fastthumb.looking import FrameLooker
from fastthumb.settings import MOST_VARIANTS, Settings
from fastthumb.timing import StageClock

if TYPE_CHECKING:
    from fastthumb.analysis.detections import Contents, Face
    from fastthumb.analysis.detectors import Detectors
    from fastthumb.analysis.shots import Shot
    from fastthumb.gathering import Gathered
    from fastthumb.media.source import SourceInfo


def look_closer(
    found: Gathered, info: SourceInfo, detectors: Detectors, workers: int
) -> tuple[list[Candidate], list[Track]]:
    """The candidates with all that networks say, and the people followed through the shots.

    The promising ones are `looked_at`. The result does not depend on `workers`.
    """
    candidates, shots, sightings, clock = (
        found.candidates, found.shots, found.sightings, found.clock
    )  # fmt: skip
    seen = {one.frame_index: one.faces for shown in sightings.values() for one in shown}
    duration = max((shot.end_seconds for shot in shots), default=0.0)
    # The most that any choice may want: what was looked at serves all of them.
    wanted = how_many(MOST_VARIANTS, duration)
    worth = [one.quality for one in score(candidates, shots, Settings())]
    chosen = promising(candidates, worth, shots, sightings, wanted)

    def look(at: int) -> tuple[tuple[Face, ...] | None, Contents, StageClock]:
        own = StageClock()
        looker = FrameLooker(detectors, info, own)
        number = candidates[at].frame_index
        with own.stage("pictures", frames=1):
            picture = expanded(found.kept[number])
        faces = looker.faces(picture, seen.get(number))
        return faces, looker.contents(picture, faces or ()), own

    with ThreadPoolExecutor(workers, thread_name_prefix="fastthumb-look") as pool:
        looks = dict(zip(chosen, pool.map(look, chosen), strict=True))

    by_shot = {shot: {one.frame_index: one for one in shown} for shot, shown in sightings.items()}
    for at, (faces, _contents, own) in looks.items():
        clock.add(own)
        one = candidates[at]
        if faces is not None:
            sighting = Sighting(one.frame_index, one.pts, one.seconds, faces)
            by_shot.setdefault(one.shot, {})[one.frame_index] = sighting

    tracks: list[Track] = []
    followed: dict[int, tuple[Face, ...]] = {}
    with clock.stage("follow"):
        for shot in shots:
            shown = by_shot.get(shot.index)
            if not shown:
                continue
            end = shot.end_seconds + _frame_seconds(shot)
            in_order = [shown[number] for number in sorted(shown)]
            new, shown_again = follow(shot.index, shot.start_seconds, end, in_order, len(tracks))
            tracks.extend(new)
            followed.update((one.frame_index, one.faces) for one in shown_again)
    known = []
    for at, candidate in enumerate(candidates):
        told = with_faces(candidate, followed.get(candidate.frame_index), info)
        if at in looks:
            known.append(with_contents(told, looks[at][1], info))
        else:
            known.append(replace(told, looked_at=False))
    return known, tracks


def _frame_seconds(shot: Shot) -> float:
    """How long the last frame of a shot is seen, by the distance of the others."""
    return (shot.end_seconds - shot.start_seconds) / max(shot.end_frame - shot.start_frame, 1)
