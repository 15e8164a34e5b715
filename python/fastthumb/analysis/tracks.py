"""Tracks: one person through the sampled frames of one shot."""

from __future__ import annotations

from dataclasses import dataclass

from fastthumb.analysis.detections import FloatArray, Rect


@dataclass(frozen=True, slots=True)
class Portrait:
    """One good look at a person: the frame, the face's box in it (shares), and its worth 0..1."""

    frame_index: int
    pts: int
    seconds: float
    box: Rect
    worth: float


@dataclass(frozen=True, slots=True)
class Track:
    """One person through one shot.

    `screen_seconds` is for how long the face is seen, `samples` in how many sampled frames,
    `size` its median height as a share of the picture's. `embedding` is the mean of its clear
    looks, unit length, None without an identity network; `open_eyes` the eye aspect ratio of
    this person's open eyes; `together` the indexes of tracks seen in the same frame.
    """

    index: int
    shot: int
    first_seconds: float
    last_seconds: float
    screen_seconds: float
    samples: int
    size: float
    score: float
    embedding: FloatArray | None
    open_eyes: float | None
    together: tuple[int, ...]
    portraits: tuple[Portrait, ...]
