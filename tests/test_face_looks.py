"""How clearly a face is seen: roll, turn, cut, sharpness, the lesser measure of open eyes."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter, uniform_filter1d

from fastthumb.analysis.face_looks import (
    NOSE_REACH,
    eye_opening,
    face_sharpness,
    is_cut_off,
    roll_of,
    sharpness_of,
    turn_of,
)
from fastthumb.inference.faces import FoundFace
from fastthumb.inference.onnx import open_network
from fastthumb.inference.views import PictureView

FRONTAL = np.array([(40.0, 40.0), (60.0, 40.0), (50.0, 52.0), (43.0, 62.0), (57.0, 62.0)])
FACE = FoundFace((30, 20, 70, 75), FRONTAL, 0.9)


def rotated(points: npt.NDArray[np.float64], degrees: float) -> npt.NDArray[np.float64]:
    """Clockwise as seen, since y runs down."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - 50) @ turn.T + 50


@pytest.mark.parametrize("degrees", [-170, -45, 0, 10, 90, 179])
def test_roll_is_the_angle_of_the_eyes_clockwise(degrees: float) -> None:
    assert roll_of(rotated(FRONTAL, degrees)) == pytest.approx(degrees)


@pytest.mark.parametrize("yaw", [-80, -40, -10, 0, 25, 60, 85])
@pytest.mark.parametrize("roll", [0, 30])
def test_turn_is_the_angle_of_a_head_turned_in_space(yaw: float, roll: float) -> None:
    """Eyes at -1 and 1, the nose NOSE_REACH before them, turned and seen from the front."""
    head = np.array([(-1, 0, 0), (1, 0, 0), (0, 0.6, NOSE_REACH), (-0.7, 1.1, 0), (0.7, 1.1, 0)])
    angle = np.radians(yaw)
    seen = np.column_stack([head[:, 0] * np.cos(angle) + head[:, 2] * np.sin(angle), head[:, 1]])
    landmarks = rotated(seen * 20 + 50, roll)
    assert turn_of(landmarks) == pytest.approx(abs(yaw) / 90, abs=1e-6)


def test_eyes_in_one_place_are_a_profile() -> None:
    assert turn_of(np.full((5, 2), 3.0)) == 1.0


@pytest.mark.parametrize(
    ("inside", "cut"),
    [
        ((0, 0, 100, 100), False),
        ((30, 20, 70, 75), False),
        ((31, 0, 100, 100), False),  # 2.5 % of the box
        ((34, 0, 100, 100), True),
        ((0, 0, 100, 70), True),
        ((0, 45, 100, 100), True),
        ((200, 200, 300, 300), True),
    ],
    ids=str,
)
def test_a_face_is_cut_where_its_box_or_a_landmark_is_outside(
    inside: tuple[float, float, float, float], cut: bool
) -> None:
    assert is_cut_off(FACE, inside) is cut


@pytest.mark.parametrize(
    ("edge", "inside"),
    [
        ("forehead", (0, 26, 100, 100)),
        ("chin", (0, 0, 100, 70)),
        ("left temple", (35, 0, 100, 100)),
        ("right temple", (0, 0, 65, 100)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_box_that_ends_at_the_edge_does_not_hide_a_cut(
    edge: str, inside: tuple[float, float, float, float]
) -> None:
    """Eyes and mouth tell where forehead, chin and temples are."""
    x0, y0, x1, y1 = FACE.box
    box = (max(x0, inside[0]), max(y0, inside[1]), min(x1, inside[2]), min(y1, inside[3]))
    assert is_cut_off(FoundFace(box, FRONTAL, 0.9), inside), edge


def test_a_turned_head_has_no_temple_beyond_its_far_eye() -> None:
    turned = np.add(FRONTAL, [(10, 0), (0, 0), (9, 0), (7, 0), (0, 0)])
    assert turn_of(turned) > 0.3
    assert not is_cut_off(FoundFace((30, 15, 63, 75), turned, 0.9), (0, 0, 63, 100))


# --- sharpness


def texture(seed: int = 5) -> npt.NDArray[np.float64]:
    """A picture as sharp as faces are: the amplitude falls as frequency to the power 1.5."""
    rng = np.random.default_rng(seed)
    size = 128
    fx, fy = np.fft.fftfreq(size), np.fft.fftfreq(size)
    radius = np.hypot(fx[:, None], fy)
    radius[0, 0] = 1
    noise = np.fft.fft2(rng.standard_normal((size, size))) / radius**1.5
    made = np.real(np.fft.ifft2(noise))
    return np.asarray(128 + 40 * made / made.std())


def test_sharpness_falls_with_every_blur() -> None:
    sharp = texture()
    found = [
        sharpness_of(gaussian_filter(sharp, blur)) for blur in (0.0, 0.5, 0.7, 1, 1.5, 2, 3, 5)
    ]
    assert all(a > b for a, b in itertools.pairwise(found)), found
    assert found[0] > 0.8
    assert found[3] < 0.6
    assert found[-1] < 0.3


def test_sharpness_ignores_contrast_and_brightness() -> None:
    sharp = texture()
    assert sharpness_of(sharp * 0.2 + 10) == pytest.approx(sharpness_of(sharp))


def test_motion_blur_counts_in_whatever_direction() -> None:
    sharp = texture()
    moved = [uniform_filter1d(sharp, 7, axis=axis) for axis in (0, 1)]
    assert all(sharpness_of(one) < 0.6 * sharpness_of(sharp) for one in moved)


def test_a_flat_picture_has_no_sharpness() -> None:
    assert sharpness_of(np.full((20, 20), 77.0)) == 0


@pytest.mark.parametrize("place", [(50, 50), (-200, 50), (99, 99)], ids=str)
def test_faces_at_and_beyond_the_edge_have_a_sharpness(place: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    view = PictureView.of_rgb(rng.integers(0, 256, (100, 100, 3), np.uint8))
    landmarks = FRONTAL - 50 + place
    x, y = place
    assert 0 <= face_sharpness(view, FoundFace((x - 20, y - 30, x + 20, y + 25), landmarks, 1)) <= 1


def test_a_face_without_extent_has_no_sharpness_and_no_eyes() -> None:
    view = PictureView.of_rgb(np.zeros((9, 9, 3), np.uint8))
    face = FoundFace((4, 4, 4, 4), np.full((5, 2), 4.0), 1)
    assert face_sharpness(view, face) == 0
    assert eye_opening(view, face) is None


# --- eyes


def drawn_face(open_: float) -> PictureView:
    """Skin, and for each eye a white lens with an iris, or only the line of the lids."""
    rows, columns = np.mgrid[:200, :300].astype(float)
    luma = np.full((200, 300), 170.0)
    for x in (100, 200):
        across, down = (columns - x) / 22, (rows - 90) / max(11 * open_, 1.5)
        lens = across**2 + down**2 < 1
        luma[lens] = 225 if open_ > 0.3 else 60
        if open_ > 0.3:
            luma[lens & (np.hypot(columns - x, rows - 90) < 9)] = 40
    soft = gaussian_filter(luma, 1)
    return PictureView.of_rgb(np.repeat(soft[..., None], 3, axis=2).astype(np.uint8))


DRAWN = FoundFace(
    (60, 20, 240, 190),
    np.array([(100.0, 90.0), (200.0, 90.0), (150.0, 130.0), (115.0, 165.0), (185.0, 165.0)]),
    0.95,
)


def test_open_eyes_measure_more_than_closed_ones() -> None:
    closed, narrow, wide = (eye_opening(drawn_face(share), DRAWN) for share in (0.1, 0.6, 1.0))
    assert closed is not None
    assert narrow is not None
    assert wide is not None
    assert closed < 0.7 * narrow
    assert narrow < wide


def test_eyes_of_small_faces_are_not_judged() -> None:
    small = FoundFace(FACE.box, FRONTAL, 0.9)
    assert eye_opening(drawn_face(1.0), small) is not None
    smaller = FoundFace(FACE.box, FRONTAL * 0.9, 0.9)
    assert eye_opening(drawn_face(1.0), smaller) is None


def test_closed_eyes_of_a_film_measure_less_than_its_open_ones(video: Any, data: Path) -> None:
    """Frames that were looked at: 60 and 210 open, 110 and 200 closed, of one woman."""
    from fastthumb.inference.faces import open_face_finder
    from fastthumb.inference.models import Registry
    from fastthumb.media.source import open_source

    registry = Registry.load(data / "models")
    resolved = registry.resolve(registry.named("yunet_n_dynamic"))
    assert resolved is not None
    finder = open_face_finder(resolved, partial(open_network, threads=1), 1)
    found: dict[int, float] = {}
    with open_source(video("talking_blink_woman_18s.mp4")) as source:
        for frame in source.frames():
            if frame.index in (60, 110, 200, 210):
                view = PictureView.of_frame(frame, source.info)
                opening = eye_opening(view, finder.detect(view)[0])
                assert opening is not None
                found[frame.index] = opening
            if frame.index > 210:
                break
    assert max(found[110], found[200]) < 0.7 * min(found[60], found[210]), found


def test_a_blurred_portrait_is_less_sharp(data: Path) -> None:
    from fastthumb.inference.faces import open_face_finder
    from fastthumb.inference.models import Registry

    registry = Registry.load(data / "models")
    resolved = registry.resolve(registry.named("yunet_n_dynamic"))
    assert resolved is not None
    finder = open_face_finder(resolved, partial(open_network, threads=1), 1)
    with Image.open(data / "faces/people/obama/obama.jpg") as image:
        rgb = np.asarray(image.convert("RGB"))
    face = finder.detect(PictureView.of_rgb(rgb))[0]
    found = []
    for blur in (0, 1, 2, 3, 4):
        soft = gaussian_filter(rgb, (blur, blur, 0)) if blur else rgb
        found.append(face_sharpness(PictureView.of_rgb(soft), face))
    assert all(a > b for a, b in itertools.pairwise(found)), found
    assert found[0] > 2 * found[-1]
