"""How clearly a face is seen: turned, tilted, cut by the edge, blurred. Needs no network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastthumb.inference.views import Pixels

if TYPE_CHECKING:
    from fastthumb.inference.faces import FoundFace
    from fastthumb.inference.views import PictureView

Points = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

# How far the nose stands out before the eyes, over half the distance of the eyes: the median
# that makes `turn_of` agree with the face mesh (bench/detection.py).
NOSE_REACH = 1.2
# The part of a face that is judged: the landmarks' box, grown by this share of its longer side.
AROUND_LANDMARKS = 0.25
SHARPNESS_LINES, LARGEST_PART, SMALLEST_PART = 720, 256, 8  # px
LUMA = np.array([0.299, 0.587, 0.114])
# Ratio of differences of a picture without any detail, and of a sharp portrait.
SMOOTH, SHARP = 0.25, 0.40
# The part around an eye: its side as a share of the distance of the eyes, and in pixels; how fast
# what is judged fades from its middle, px; the distance of the eyes from which eyes are judged, px.
EYE_SHARE, EYE_PART, EYE_SPREAD, SMALLEST_REACH = 0.8, 32, 7.0, 20.0
EYE_SCALE = 0.4
# A face is cut where more than this share of its box lies beyond the edge.
CUT_SHARE = 0.06
# How far forehead, chin and temples are from eyes and mouth, over the way from eyes to mouth: a
# tenth of the face less than the boxes of 140 whole faces say (medians 1.17, 0.77, 0.56).
FOREHEAD, CHIN, TEMPLE = 0.87, 0.48, 0.35


def roll_of(landmarks: Points) -> float:
    """Tilt of the line of the eyes in degrees, clockwise, -180..180."""
    across = landmarks[1] - landmarks[0]
    return math.degrees(math.atan2(across[1], across[0]))


def turn_of(landmarks: Points) -> float:
    """Angle of the head to the side over 90 degrees: 0 frontal .. 1 profile.

    Of a head turned by an angle a the eyes move together as cos a, and the nose, which stands
    before them, moves aside as sin a: how far it is from the middle of the eyes, along their
    line and over half their distance, is tan a times NOSE_REACH.
    """
    middle, half = (landmarks[0] + landmarks[1]) / 2, (landmarks[1] - landmarks[0]) / 2
    width = float(half @ half)
    if width <= 0:
        return 1.0
    aside = abs(float((landmarks[2] - middle) @ half)) / width
    return min(math.atan(aside / NOSE_REACH) / (math.pi / 2), 1.0)


def is_cut_off(face: FoundFace, inside: Box) -> bool:
    """Whether the edge cuts the face: its box, a landmark, forehead, chin or a temple.

    CUT_SHARE of the box must lie beyond the edge of `inside`, or one of the points. Detectors often
    end the box of a cut face at the edge; where forehead, chin and temples must be follows
    from eyes and mouth.
    """
    x0, y0, x1, y1 = face.box
    width = max(0.0, min(x1, inside[2]) - max(x0, inside[0]))
    height = max(0.0, min(y1, inside[3]) - max(y0, inside[1]))
    if width * height < (1 - CUT_SHARE) * (x1 - x0) * (y1 - y0):
        return True
    points = np.vstack([face.landmarks, _outline(face.landmarks)])
    return bool((points < inside[:2]).any() or (points > inside[2:]).any())


def _outline(landmarks: Points) -> Points:
    """Forehead, chin, left and right temple, about a tenth of the face inside its outline."""
    left, right = landmarks[0], landmarks[1]
    eyes, mouth = (left + right) / 2, (landmarks[3] + landmarks[4]) / 2
    down, across = mouth - eyes, right - left
    length = math.hypot(across[0], across[1])
    aside = across / length if length > 0 else np.zeros(2)
    reach = TEMPLE * max(0.0, 1 - 2 * turn_of(landmarks)) * math.hypot(down[0], down[1])
    return np.array(
        [eyes - FOREHEAD * down, mouth + CHIN * down, left - aside * reach, right + aside * reach]
    )


def eye_opening(view: PictureView, face: FoundFace) -> float | None:
    """The lesser measure of how open the eyes are, where no mesh is there; None for small faces.

    Around an open eye brightness changes as much along the eye (white, iris, white) as across
    it; a closed one leaves lines along the eye, which change only across. The mean over both
    eyes of the ratio of those changes, times EYE_SCALE, lies about where the eye aspect ratio
    of a mesh does. Inside one track it puts closed eyes below open ones as the mesh does
    (bench/detection.py); between people, and against a fixed threshold, it says nothing.
    """
    across = face.landmarks[1] - face.landmarks[0]
    reach = math.hypot(across[0], across[1])
    if reach < SMALLEST_REACH:
        return None
    scale = EYE_PART / (EYE_SHARE * reach)
    cosine, sine = across * (scale / reach)
    turned = np.array([[cosine, sine], [-sine, cosine]])
    ratios = []
    for eye in face.landmarks[:2]:
        matrix = np.column_stack([turned, EYE_PART / 2 - turned @ eye])
        codes = view.warped(matrix, EYE_PART, EYE_PART, Pixels())
        ratios.append(_change_along_over_across(np.tensordot(LUMA, codes, 1)))
    return EYE_SCALE * sum(ratios) / len(ratios)


def _change_along_over_across(luma: npt.NDArray[np.float64]) -> float:
    """Changes along the rows over changes along the columns, near the middle, of a soft picture."""
    soft = (luma[:-2] + luma[1:-1] + luma[2:]) / 3
    soft = (soft[:, :-2] + soft[:, 1:-1] + soft[:, 2:]) / 3
    from_middle = np.arange(len(soft)) - (len(soft) - 1) / 2
    near = np.exp(-np.square(from_middle) / (2 * EYE_SPREAD**2))
    weights = np.outer(near * (np.abs(from_middle) < EYE_PART / 4), near)
    along = float((np.abs(np.diff(soft, axis=1)) * weights[:, 1:]).sum())
    across = float((np.abs(np.diff(soft, axis=0)) * weights[1:]).sum())
    return along / max(across, 1e-6)


def face_sharpness(view: PictureView, face: FoundFace) -> float:
    """Sharpness of eyes, nose and mouth as seen at 720 lines: 0 (blurred) .. 1.

    Measured on the part of the face that the landmarks span; see `sharpness_of`.
    """
    low, high = face.landmarks.min(axis=0), face.landmarks.max(axis=0)
    grow = AROUND_LANDMARKS * max(high - low)
    x0, y0, x1, y1 = (float(edge) for edge in (*(low - grow), *(high + grow)))
    if not (x1 > x0 and y1 > y0):
        return 0.0
    scale = min(1.0, SHARPNESS_LINES / view.height, LARGEST_PART / max(x1 - x0, y1 - y0))
    width, height = (max(SMALLEST_PART, round(side * scale)) for side in (x1 - x0, y1 - y0))
    codes = view.fitted(width, height, Pixels(), (x0, y0, x1, y1))
    return sharpness_of(np.tensordot(LUMA, codes, 1))


def sharpness_of(luma: npt.NDArray[np.float64]) -> float:
    """Sharpness of a picture, (rows, columns) each at least 8: 0 (blurred) .. 1, in any contrast.

    Neighboring pixels differ nearly as much as pixels four apart where a picture is sharp, and
    a quarter as much where it is smooth: that ratio (root mean squares, the lesser of both
    directions, so that motion blur counts), from SMOOTH to SHARP, and its square root. Photographed
    portraits are at 0.8 (0.6 .. 1); blurred by a Gaussian of 0.7, 1, 1.5, 2, 3 pixels at 0.6, 0.5,
    0.4, 0.35, 0.3 (bench/detection.py).
    """
    ratios = []
    for turned in (luma, luma.T):
        near = float(np.mean(np.square(turned[1:] - turned[:-1])))
        far = float(np.mean(np.square(turned[4:] - turned[:-4])))
        ratios.append(math.sqrt(near / far) if far > 0 else SMOOTH)
    return math.sqrt(min(max((min(ratios) - SMOOTH) / (SHARP - SMOOTH), 0.0), 1.0))
