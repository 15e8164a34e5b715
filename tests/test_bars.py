"""Black bars: found where they are, on any side, and never taken from a dark picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastthumb.analysis.bars import (
    BarFinder,
    cut_bars,
    upright_map,
    upright_shares,
    whole,
    working_scale,
)
from fastthumb.media.display import display_rgb
from fastthumb.media.source import SourceInfo
from stills_samples import Picture, frames_of, info_of, landscape, measured

SLACK = 6  # decoded pixels that may be cut beyond the bar: it must not leave a line of black


def barred(seed: int, sizes: tuple[int, int, int, int], light: float = 1.0) -> Picture:
    """A 640 x 360 landscape under bars: top, bottom, left, right."""
    top, bottom, left, right = sizes
    picture = (landscape(seed) * light).astype(np.uint8)
    picture[:top] = 0
    picture[360 - bottom :] = 0
    picture[:, :left] = 0
    picture[:, 640 - right :] = 0
    return picture


def box_of(pictures: list[Picture], finder: BarFinder | None = None) -> tuple[int, int, int, int]:
    """The box that one shot of these pictures gives."""
    info = info_of(pictures[0])
    signals = [one.signals for one in measured(pictures)]
    sizes = np.array([[s.bar_top, s.bar_bottom, s.bar_left, s.bar_right] for s in signals])
    dark = np.array([s.dark_share for s in signals])
    small = [
        display_rgb(frame, info, max_long_side=320)
        for frame in frames_of(pictures[::2] or pictures)
    ]
    return (finder or BarFinder(info)).find(sizes, dark, small)


def assert_cuts(box: tuple[int, int, int, int], sizes: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = box
    for cut, bar in zip((y0, 360 - y1, x0, 640 - x1), sizes, strict=True):
        assert bar <= cut <= (bar + SLACK if bar else 0), (box, sizes)
        assert cut % 2 == 0


@pytest.mark.parametrize(
    "sizes",
    [
        (46, 46, 0, 0),
        (0, 0, 80, 80),
        (40, 40, 60, 60),
        (30, 0, 0, 0),
        (0, 0, 0, 50),
        (20, 64, 0, 0),
        (0, 0, 12, 70),
        (4, 4, 0, 0),
        (0, 0, 0, 0),
    ],
    ids=[
        "letterbox", "pillarbox", "windowbox", "top only", "right only", "top and bottom differ",
        "left and right differ", "thin", "none",
    ],
)  # fmt: skip
def test_bars_of_any_side_are_found(sizes: tuple[int, int, int, int]) -> None:
    assert_cuts(box_of([barred(seed, sizes) for seed in range(6)]), sizes)


def test_one_picture_is_enough() -> None:
    assert_cuts(box_of([barred(1, (46, 46, 0, 0))]), (46, 46, 0, 0))


def test_a_dark_shot_takes_the_bars_that_brighter_shots_proved() -> None:
    sizes = (46, 46, 0, 0)
    finder = BarFinder(info_of(barred(0, sizes)))
    assert_cuts(box_of([barred(0, sizes)] * 3, finder), sizes)
    dark = barred(1, sizes, light=0.2)
    dark[250:] = 0
    assert_cuts(box_of([dark] * 3, finder), sizes)


def test_captions_in_a_bar_now_and_then_do_not_hide_it() -> None:
    pictures = [barred(seed, (46, 46, 0, 0)) for seed in range(8)]
    pictures[3][325:340, 200:440:3] = 230
    x0, y0, x1, _ = box_of(pictures)
    assert y0 >= 46
    assert (x0, x1) == (0, 640)


def test_a_logo_that_always_stands_in_a_bar_does_not_hide_it() -> None:
    pictures = [barred(seed, (46, 46, 0, 0)) for seed in range(6)]
    for picture in pictures:
        picture[14:30, 560:610] = 200
    assert_cuts(box_of(pictures), (46, 46, 0, 0))


def dark_stage(seed: int) -> Picture:
    """A lit figure in the middle of a dark room that is not quite black."""
    rng = np.random.default_rng(seed)
    picture = rng.normal(7, 2.5, (360, 640, 1)).repeat(3, axis=2)
    rows, columns = np.mgrid[0:360, 0:640]
    glow = np.exp(-(((columns - 320) / 90) ** 2 + ((rows - 200) / 110) ** 2))
    picture += 170 * glow[..., None] * (1.0, 0.8, 0.6)
    return np.clip(picture, 0, 255).astype(np.uint8)


def stage_in_pure_black(seed: int) -> Picture:
    picture = dark_stage(seed).astype(np.int16) - 16
    return np.clip(picture, 0, 255).astype(np.uint8)


def moon_over_black_water(seed: int) -> Picture:
    picture = np.zeros((360, 640, 3), dtype=np.uint8)
    rows, columns = np.mgrid[0:360, 0:640]
    picture[(columns - 300 - 5 * seed) ** 2 + (rows - 150) ** 2 < 50**2] = 220
    return picture


@pytest.mark.parametrize("make", [dark_stage, stage_in_pure_black, moon_over_black_water])
def test_a_merely_dark_picture_is_never_cropped(make: Any) -> None:
    pictures = [make(seed) for seed in range(6)]
    assert measured(pictures[:1])[0].signals.bar_top > 10, "not dark enough to prove anything"
    assert box_of(pictures) == (0, 0, 640, 360)


def test_a_wholly_black_shot_has_no_bars() -> None:
    assert box_of([np.zeros((360, 640, 3), dtype=np.uint8)] * 4) == (0, 0, 640, 360)


def test_shots_of_another_shape_keep_their_own_box() -> None:
    finder = BarFinder(info_of(barred(0, (0, 0, 0, 0))))
    assert_cuts(box_of([barred(0, (46, 46, 0, 0))] * 4, finder), (46, 46, 0, 0))
    assert_cuts(box_of([barred(1, (0, 0, 0, 0))] * 4, finder), (0, 0, 0, 0))
    assert_cuts(box_of([barred(2, (0, 0, 80, 80))] * 4, finder), (0, 0, 80, 80))


class TestTurnedPictures:
    """Boxes are in decoded pixels, pictures and maps upright."""

    @pytest.mark.parametrize("rotation", [0, 90, 180, 270])
    @pytest.mark.parametrize("mirrored", [False, True], ids=["plain", "mirrored"])
    def test_box_and_picture_are_turned_alike(self, rotation: int, mirrored: bool) -> None:
        stored = barred(2, (46, 20, 0, 70))
        info = self.info(stored, rotation_degrees=rotation, mirrored=mirrored)
        [frame] = frames_of([stored])
        upright = display_rgb(frame, info, max_long_side=320)
        [one] = measured([stored])
        sizes = np.array([[one.signals.bar_top, one.signals.bar_bottom, 0, one.signals.bar_right]])
        box = BarFinder(info).find(sizes, np.array([one.signals.dark_share]), [upright])
        assert_cuts(box, (46, 20, 0, 70))
        cut = cut_bars(upright, box, info)
        assert cut.min(axis=2).max(axis=1).min() > 15, "a black row was left"
        assert cut.min(axis=2).max(axis=0).min() > 15, "a black column was left"
        spot = np.zeros((18, 32), dtype=np.float32)
        spot[5:8, 4:8] = 1.0
        turned = upright_map(spot, whole(info), info)
        x0, y0, x1, y1 = upright_shares((80, 100, 160, 160), info)
        inside = turned[int(y0 * 18) : int(np.ceil(y1 * 18)), int(x0 * 32) : int(np.ceil(x1 * 32))]
        assert inside.sum() > 0.95 * turned.sum()

    @staticmethod
    def info(stored: Picture, **changes: Any) -> SourceInfo:
        return info_of(stored, **changes)


@pytest.mark.parametrize(
    ("width", "height", "interlaced", "scale"),
    [
        (640, 360, False, (1, 1)),
        (1920, 1080, False, (3, 3)),
        (1080, 1920, False, (3, 3)),
        (176, 144, False, (1, 1)),
        (1920, 1080, True, (4, 4)),
        (720, 576, True, (2, 2)),
    ],
)
def test_working_scale_is_that_of_the_core(
    width: int, height: int, interlaced: bool, scale: tuple[int, int]
) -> None:
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    info = info_of(picture, interlaced=interlaced)
    assert working_scale(info) == scale
