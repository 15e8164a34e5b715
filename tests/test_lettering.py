"""Lettering: cards, credits and pages are told from pictures, dark and plain ones included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastthumb.analysis.stills import look
from fastthumb.media.display import display_rgb
from fastthumb.media.source import open_source
from stills_samples import Picture, card, landscape

CARD, OVERLAY, PICTURE = 0.8, 0.35, 0.2  # text likeness of each: at least, at least, at most


def small(picture: Picture) -> Picture:
    return np.asarray(Image.fromarray(picture).resize((320, 180), Image.Resampling.BOX))


CREDITS = [
    "Directed by", "A. N. Other", "", "Produced by", "Somebody Else", "", "Music", "A Composer",
]  # fmt: skip


@pytest.mark.parametrize(
    "picture",
    [
        card(["ONE BIG RABBIT"], 44, (0, 160, 220), (252, 252, 252)),
        card(["The End"], 90),
        card(CREDITS, 24),
        card(["some production presents"], 22, (190, 190, 190), (12, 12, 12)),
        card(
            ["A long line of words of a page that goes on"] * 14, 20, (20, 20, 20), (250, 250, 245)
        ),
    ],
    ids=["title card", "end card", "credits", "small line", "page"],
)
def test_letters_on_one_color_are_found(picture: Picture) -> None:
    assert look(small(picture)).text_likeness >= CARD


def test_large_letters_over_a_picture_are_found() -> None:
    picture = card(["BIG BUCK", "BUNNY"], 80, paper=landscape(5))
    assert look(small(picture)).text_likeness >= OVERLAY


@pytest.mark.parametrize("seed", range(6))
def test_a_landscape_is_no_lettering(seed: int) -> None:
    assert look(small(landscape(seed))).text_likeness <= PICTURE


def portrait_before_gradient() -> Picture:
    y, x = np.mgrid[0:180, 0:320]
    picture = np.stack([200 - x * 0.3, 120 + x * 0.2, 220 - y * 0.2], axis=-1)
    face = ((x - 160) / 45) ** 2 + ((y - 80) / 60) ** 2 < 1
    picture[face] = (210, 160, 140)
    return picture.astype(np.uint8)


def lights_at_night() -> Picture:
    picture = np.random.default_rng(0).normal(8, 2, (180, 320, 3))
    for x, y, radius in np.random.default_rng(1).integers((20, 20, 3), (300, 160, 14), (20, 3)):
        rows, columns = np.mgrid[0:180, 0:320]
        glow = np.exp(-(((columns - x) ** 2 + (rows - y) ** 2) / radius**2))
        picture += 230 * glow[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def foliage() -> Picture:
    rng = np.random.default_rng(2)
    return np.clip(rng.normal(90, 45, (180, 320, 1)) * (0.6, 1.0, 0.4), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "make", [portrait_before_gradient, lights_at_night, foliage], ids=lambda make: make.__name__
)
def test_plain_dark_and_busy_pictures_are_no_lettering(make: Callable[[], Picture]) -> None:
    assert look(make()).text_likeness <= PICTURE


@pytest.mark.parametrize(
    ("name", "seconds", "lettered"),
    [
        ("bbb_trailer_33s_vp8.webm", 2.0, True),
        ("bbb_trailer_33s_vp8.webm", 8.2, True),
        ("bbb_trailer_33s_vp8.webm", 28.0, True),
        ("bbb_trailer_33s_vp8.webm", 32.0, True),
        ("bbb_30s_720p_vp8.webm", 28.0, True),
        ("bbb_trailer_33s_vp8.webm", 6.0, False),
        ("bbb_trailer_33s_vp8.webm", 20.5, False),
        ("closeup_studio_woman_11s.mp4", 2.0, False),
        ("smiling_woman_dark_6s.mp4", 2.0, False),
        ("skiing_3s.mp4", 1.0, False),
        ("nasa_13013_16s.mp4", 7.0, False),
        ("seagulls_4s_mpeg4.avi", 2.0, False),
        ("chaplin_10s_bw.mp4", 5.0, False),
    ],
)
def test_real_cards_and_pictures(
    video: Callable[[str], Path], name: str, seconds: float, lettered: bool
) -> None:
    with open_source(video(name), threads=1) as source:
        frame = next(frame for frame in source.frames() if frame.seconds >= seconds)
        likeness = look(display_rgb(frame, source.info, max_long_side=320)).text_likeness
    assert (likeness >= OVERLAY) if lettered else (likeness <= PICTURE)
