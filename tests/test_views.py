"""Views of frames against display_rgb, which shows the same frames by another road (swscale)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from fastthumb.errors import FrameError
from fastthumb.inference.views import PictureView, Pixels
from fastthumb.media.display import display_rgb
from fastthumb.media.layout import plane_samples
from fastthumb.media.source import open_source
from picture_frames import planar, tagged, wrapped

# On a smooth picture. swscale rounds planes, chroma and colors one after the other to 8 bits, and
# interpolates chroma with another kernel.
MEAN_LEVELS = 0.8
LARGEST_LEVELS = 3
# In film grain and colored edges the two kernels differ locally, by what a px is worth.
FILM_MEAN_LEVELS = 1.5
# The core maps HDR through a cube of 65 steps.
HDR_MEAN_LEVELS = 2.0
CODES = Pixels()

FORMATS = [
    "yuv420p",
    "nv12",
    "yuvj420p",
    "yuv422p",
    "yuv444p",
    "yuv440p",
    "yuv444p12le",
    "yuv420p16le",
    "yuv420p10be",
    "p010le",
    "gray",
    "gray10le",
    "rgb24",
    "rgba",
    "gbrp",
    "yuva420p",
    "uyvy422",
]


def smooth(height: int = 92, width: int = 162) -> Any:
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [np.sin(x / 23), np.cos(y / 17), np.sin((x + y) / 31)]
    return np.rint(127 + 95 * np.stack(waves, axis=-1)).astype(np.uint8)


def image(pixel_format: str, rgb: Any = None) -> av.VideoFrame:
    rgb = smooth() if rgb is None else rgb
    # Into these two swscale writes garbage at the end of some rows.
    if pixel_format == "gray10le":
        luma = 64 + rgb[..., 0].astype(np.float64) * (940 - 64) / 255
        return av.VideoFrame.from_ndarray(np.rint(luma).astype(np.uint16), format=pixel_format)
    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    if pixel_format == "yuv420p16le":
        planes = picture.reformat(format="yuv420p").planes
        samples = [plane_samples(plane, 8).astype(np.uint16) << 8 for plane in planes]
        return planar(pixel_format, samples)
    return picture if pixel_format == "rgb24" else picture.reformat(format=pixel_format)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_every_format_turn_and_aspect_is_seen_as_it_is_shown(pixel_format: str) -> None:
    for rotation, aspect, mirrored in [
        (0, Fraction(1), False),
        (90, Fraction(4, 3), False),
        (180, Fraction(3, 4), True),
        (270, Fraction(1), True),
    ]:
        picture = tagged(image(pixel_format), matrix="bt601")
        frame, info = wrapped(picture, rotation=rotation, aspect=aspect)
        info = replace(info, mirrored=mirrored)
        shown = display_rgb(frame, info).astype(int)
        view = PictureView.of_frame(frame, info)
        assert (view.height, view.width) == shown.shape[:2]
        assert (view.width, view.height) == info.display_size
        difference = np.abs(view.rgb(view.width, view.height).astype(int) - shown)
        assert difference.max() <= LARGEST_LEVELS
        assert difference.mean() <= MEAN_LEVELS
        assert shown.std() > 40, "a flat picture proves nothing"


@pytest.mark.parametrize("transfer", [None, 16, 18], ids=["bt2020", "pq", "hlg"])
def test_high_dynamic_range_is_seen_as_it_is_shown(transfer: int | None) -> None:
    y, x = np.mgrid[:90, :160].astype(np.float64)
    # Colors that film has: little chroma in the dark, none beyond the gamut.
    luma = 64 + 500 * (0.5 + 0.5 * np.sin(x / 29))
    cb, cr = 512 + 40 * np.sin(y[::2, ::2] / 19), 512 + 40 * np.cos(x[::2, ::2] / 37)
    samples = [np.rint(p).astype(np.uint16) for p in (luma, cb, cr)]
    picture = tagged(
        planar("yuv420p10le", samples), matrix="bt2020", primaries="bt2020", transfer=transfer
    )
    frame, info = wrapped(picture)
    shown = display_rgb(frame, info).astype(int)
    view = PictureView.of_frame(frame, info)
    difference = np.abs(view.rgb(160, 90).astype(int) - shown)
    assert difference.mean() <= HDR_MEAN_LEVELS
    assert np.percentile(difference, 99) <= 4 * HDR_MEAN_LEVELS
    assert shown.std() > 20


def test_of_interlaced_frames_the_first_field_is_seen() -> None:
    y, x = np.mgrid[:120, :160].astype(np.float64)
    luma = 120 + 60 * np.sin(x / 19) + 40 * np.cos(y / 23)
    luma[1::2] = 235  # the other moment
    chroma = np.full((60, 80), 128.0)
    picture = planar("yuv420p", [np.rint(p).astype(np.uint8) for p in (luma, chroma, chroma)])
    frame, info = wrapped(tagged(picture, matrix="bt601"), interlaced=True)
    seen = PictureView.of_frame(frame, info).rgb(160, 120)[..., 1].astype(float)
    truth = 120 + 60 * np.sin(x / 19) + 40 * np.cos(y / 23)
    truth = np.clip((truth - 16) * 255 / 219, 0, 255)
    inside = (slice(2, -2), slice(2, -2))
    assert np.abs(seen - truth)[inside].max() < 2.0


REAL = {
    "flower_5s_h264.mp4": FILM_MEAN_LEVELS,
    "hamilton_whitehouse_10s.mp4": FILM_MEAN_LEVELS,
    "keyboard_rot90.mov": FILM_MEAN_LEVELS,
    "keyboard_rot180.mov": FILM_MEAN_LEVELS,
    "selfie_hevc_rot90_vfr.mp4": FILM_MEAN_LEVELS,
    "sar_2x1.mp4": FILM_MEAN_LEVELS,
    "prores_1s.mov": FILM_MEAN_LEVELS,
    "cockatoo_14s_yuv444.mp4": FILM_MEAN_LEVELS,
    "carphone_qcif.mp4": FILM_MEAN_LEVELS,
    "hdr10_av1_1080p60_1s.mp4": HDR_MEAN_LEVELS,
    "hdr10_av1_vertical_4s.mp4": HDR_MEAN_LEVELS,
    "phone_hlg_hevc_rot90_editlist.mp4": HDR_MEAN_LEVELS,
}


@pytest.mark.parametrize("name", REAL)
def test_real_films_are_seen_as_they_are_shown(name: str, video: Callable[[str], Path]) -> None:
    with open_source(video(name), threads=1) as source:
        frame = next(iter(source.frames()))
        shown = display_rgb(frame, source.info, max_long_side=480).astype(int)
        view = PictureView.of_frame(frame, source.info)
        seen = view.rgb(shown.shape[1], shown.shape[0]).astype(int)
    assert np.abs(seen - shown).mean() <= REAL[name]
    assert shown.std() > 10


def test_a_view_of_rgb_and_of_the_same_frame_agree() -> None:
    rgb = smooth()
    frame, info = wrapped(tagged(image("yuv444p", rgb), matrix="bt601"))
    from_frame = PictureView.of_frame(frame, info)
    from_rgb = PictureView.of_rgb(rgb)
    matrix = np.array([[0.6, 0.2, 3.0], [-0.2, 0.6, 30.0]])
    for method in (
        lambda view: view.fitted(50, 40, CODES, (10.5, 8.0, 90.0, 80.25)),
        lambda view: view.letterboxed(64, 64, CODES)[0],
        lambda view: view.warped(matrix, 64, 48, CODES),
    ):
        difference = np.abs(method(from_frame) - method(from_rgb))
        assert difference.mean() < 1.0
        assert difference.max() < LARGEST_LEVELS


def test_letterbox_keeps_the_aspect_and_says_its_scale() -> None:
    view = PictureView.of_rgb(np.full((100, 300, 3), 200, np.uint8))
    tensor, scale = view.letterboxed(60, 64, Pixels(fill=114.0))
    assert scale == pytest.approx(0.2)
    assert tensor.shape == (3, 64, 60)
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor[:, :20], 200, rtol=1e-6)
    assert (tensor[:, 20:] == 114).all()
    small, scale = view.letterboxed(640, 320, CODES)
    assert scale == 1.0
    assert (small[:, 100:] == 0).all()
    assert (small[:, :, 300:] == 0).all()
    large, scale = view.letterboxed(640, 320, CODES, enlarge=True)
    assert scale == pytest.approx(640 / 300)
    assert (large[:, :213] > 199).all()
    part, scale = view.letterboxed(50, 50, CODES, (10, 0, 110, 100))
    assert scale == 0.5
    assert (part > 199).all()
    line = PictureView.of_rgb(np.full((1, 3000, 3), 9, np.uint8))
    tensor, scale = line.letterboxed(100, 100, CODES)
    assert (tensor[:, 0] > 8).all()
    assert (tensor[:, 1:] == 0).all()


def test_a_point_lands_where_the_scale_and_the_matrix_say() -> None:
    rgb = np.zeros((120, 200, 3), np.uint8)
    rgb[60:64, 100:104] = 255  # center (102, 62)
    for rotation in (0, 90, 180, 270):
        frame, info = wrapped(tagged(image("yuv444p", rgb), matrix="bt601"), rotation=rotation)
        view = PictureView.of_frame(frame, info)
        x, y = {0: (102, 62), 90: (58, 102), 180: (98, 58), 270: (62, 98)}[rotation]
        tensor, scale = view.letterboxed(97, 97, CODES)
        assert _center(tensor) == pytest.approx((x * scale, y * scale), abs=0.02)
        matrix = np.array([[0.7, 0.3, 5.0], [-0.3, 0.7, 40.0]])
        tensor = view.warped(matrix, 150, 150, CODES)
        assert _center(tensor) == pytest.approx(tuple(matrix @ [x, y, 1]), abs=0.05)


def _center(tensor: Any) -> tuple[float, float]:
    weight = tensor[1] / tensor[1].sum()
    rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
    return float((weight * columns).sum()), float((weight * rows).sum())


def test_channels_mean_scale_and_fill_are_the_networks() -> None:
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[...] = (10, 20, 30)
    view = PictureView.of_rgb(rgb)
    pixels = Pixels("bgr", mean=(1, 2, 3), scale=(1, 0.5, 0.25), fill=3.0)
    tensor = view.fitted(4, 4, pixels, (4, 4, 12, 12))
    assert tensor[:, 0, 0].tolist() == [29, 9, 1.75]
    assert tensor[:, 3, 3].tolist() == [2, 0.5, 0]


def test_what_cannot_be_seen_is_refused() -> None:
    view = PictureView.of_rgb(np.zeros((6, 8, 3), np.uint8))
    for rgb in (np.zeros((6, 8)), np.zeros((6, 8, 3)), np.zeros((0, 8, 3), np.uint8)):
        with pytest.raises(FrameError, match="uint8"):
            PictureView.of_rgb(rgb)  # type: ignore[arg-type]
    for box in [(4, 0, 4, 5), (0, 5, 4, 2), (0, 0, float("nan"), 5), (0, 0, float("inf"), 5)]:
        for method in (view.fitted, view.letterboxed):
            with pytest.raises(FrameError, match="x0 < x1"):
                method(4, 4, CODES, box)  # type: ignore[operator]
    for size in [(0, 4), (4, -1), (4, 1 << 20)]:
        for method in (view.fitted, view.letterboxed):
            with pytest.raises(FrameError, match="tensor"):
                method(*size, CODES)  # type: ignore[operator]
    for matrix in (np.zeros((2, 3)), np.full((2, 3), np.nan)):
        with pytest.raises(FrameError, match="inverted"):
            view.warped(matrix, 4, 4, CODES)
