"""Screen time: what tracks and characters tell of a person's weight in a scene and in the film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastthumb.analysis.characters import Character
    from fastthumb.analysis.shots import Shot
    from fastthumb.analysis.tracks import Track

_SURE, _LIKELY = 1.0, 0.7  # alternation seen on both sides, or on one


class ScreenTime:
    """Who is seen for how long, by scene and by shot.

    A person is a character where one is known, else a track, which ends with its shot.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        characters: Sequence[Character],
        shots: Sequence[Shot],
        roles: Mapping[str, float],
    ) -> None:
        self._character = {track: one for one in characters for track in one.tracks}
        longest = max((one.screen_seconds for one in characters), default=0.0)
        self._weight = {
            one.name: roles.get(one.role, 0.0) * one.screen_seconds / longest
            for one in characters
            if longest > 0.0
        }
        self._scene = {shot.index: shot.scene for shot in shots}
        self._person: dict[int, str] = {}
        self._in_scene: dict[int, dict[str, float]] = {}
        in_shot: dict[int, dict[str, float]] = {}
        for track in tracks:
            one = self._character.get(track.index)
            person = one.name if one is not None else f"track {track.index}"
            self._person[track.index] = person
            scene = self._in_scene.setdefault(self._scene.get(track.shot, -1), {})
            scene[person] = scene.get(person, 0.0) + track.screen_seconds
            shown = in_shot.setdefault(track.shot, {})
            shown[person] = shown.get(person, 0.0) + track.screen_seconds * track.size
        self._longest = {scene: max(times.values()) for scene, times in self._in_scene.items()}
        self._main = {
            shot: max(sorted(shown), key=shown.__getitem__) for shot, shown in in_shot.items()
        }

    def character_of(self, track: int) -> Character | None:
        """The character that a track shows."""
        return self._character.get(track)

    def weight_of(self, name: str) -> float:
        """What a character is worth to a picture, 0..1: its role and its share of screen time."""
        return self._weight.get(name, 0.0)

    def scene_importance(self, track: int, shot: int) -> float | None:
        """Time of a track's person in the scene of a shot, over that of the longest seen, 0..1."""
        scene = self._scene.get(shot, -1)
        longest = self._longest.get(scene, 0.0)
        person = self._person.get(track)
        if person is None or longest <= 0.0:
            return None
        return self._in_scene[scene].get(person, 0.0) / longest

    def alternation(self, shot: int) -> float:
        """How surely a shot is one side of two people shown by turns, 0..1.

        1 where the shots before and after show one other person, 0.7 where one of them does
        and the shot beyond it shows this person again. People must be known across shots.
        """
        here = self._main.get(shot)
        if here is None:
            return 0.0
        before, after = self._main.get(shot - 1), self._main.get(shot + 1)
        if before is not None and before == after and before != here:
            return _SURE
        for step, beside in ((1, after), (-1, before)):
            if beside is not None and beside != here and self._main.get(shot + 2 * step) == here:
                return _LIKELY
        return 0.0
