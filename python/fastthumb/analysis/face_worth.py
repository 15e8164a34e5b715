"""How well the people of a frame are caught: which frame of a moment shows them at their best."""

from __future__ import annotations

from collections.abc import Sequence

from fastthumb.analysis.detections import Face

_COUNTING = 0.4  # of the largest face's height: smaller ones are looked at by nobody
_WITH_FACE = 1.25  # what a frame with a face is worth more than one of its shot without
# What is left of the worth of a face with its eyes shut, without any sharpness, in profile, or
# cut off by the frame.
_SHUT, _BLURRED, _TURNED, _CUT_OFF = 0.35, 0.5, 0.7, 0.6


def face_worth(faces: Sequence[Face]) -> float:
    """What a frame is worth for its faces: 1 without any, up to 1.25 with clear, open-eyed ones.

    The mean over the faces that count, each by its height; what was not measured costs nothing.
    """
    if not faces:
        return 1.0
    heights = [face.box[3] - face.box[1] for face in faces]
    least = _COUNTING * max(heights)
    counted = [(h, face) for h, face in zip(heights, faces, strict=True) if h >= least]
    total = sum(height for height, _ in counted)
    return _WITH_FACE * sum(h * _clear(face) for h, face in counted) / max(total, 1e-9)


def _clear(face: Face) -> float:
    """0..1: eyes open, sharp, turned to the viewer, whole."""
    clear = _BLURRED + (1.0 - _BLURRED) * face.sharpness
    clear *= 1.0 - (1.0 - _TURNED) * face.turn
    if face.eyes_open is not None:
        clear *= _SHUT + (1.0 - _SHUT) * face.eyes_open
    return clear * (_CUT_OFF if face.cut_off else 1.0)
