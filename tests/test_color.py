"""Display pictures against float64 arithmetic: matrix, range, alpha, fields, sizes."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

import media_files
from fastthumb.media.color import (
    LUMA_WEIGHTS,
    color_of,
    luma_levels,
    rgb_to_ycbcr,
    ycbcr_to_rgb,
)
from fastthumb.media.deinterlacing import deinterlaced
from fastthumb.media.display import display_rgb
from fastthumb.media.layout import plane_samples
from fastthumb.media.source import open_source
from picture_frames import planar, tagged, wrapped

ROUNDING_ATOL = 0.55  # half a level, and what swscale's 14-bit coefficients add
# swscale takes full-range deep codes for (2^n - 2^(n-8)) based: up to .4 % of 255, rounded.
DEEP_FULL_ATOL = 1.6
BLOCK = 16  # pixels of one color; the middle of a block is free of chroma interpolation
FORMATS = {
    "yuv420p": (8, 1, 1),
    "yuv422p": (8, 1, 0),
    "yuv444p": (8, 0, 0),
    "yuv420p10le": (10, 1, 1),
    "yuv422p10le": (10, 1, 0),
    "yuv444p10le": (10, 0, 0),
    "yuv444p12le": (12, 0, 0),
}


def blocks(pixel_format: str, full: bool, seed: int = 1, span: float = 0.3):
    """Frame of random one-color blocks, and their (Y, Cb, Cr) codes, (8, 8, 3)."""
    depth, shift_x, shift_y = FORMATS[pixel_format]
    rng, unit, top = np.random.default_rng(seed), 1 << (depth - 8), (1 << depth) - 1
    low, high = (0, top) if full else (16 * unit, 235 * unit)
    middle = 128 * unit
    reach = int(span * middle)
    codes = np.stack(
        [
            rng.integers(low, high + 1, (8, 8)),
            rng.integers(middle - reach, middle + reach, (8, 8)),
            rng.integers(middle - reach, middle + reach, (8, 8)),
        ],
        axis=-1,
    )
    kind = np.uint8 if depth == 8 else np.uint16
    sizes = [(BLOCK, BLOCK)] + [(BLOCK >> shift_y, BLOCK >> shift_x)] * 2
    planes = [np.kron(codes[..., n], np.ones(size)).astype(kind) for n, size in enumerate(sizes)]
    return planar(pixel_format, planes), codes.astype(np.float64)


def expected_rgb(codes: np.ndarray, depth: int, matrix: str, full: bool) -> np.ndarray:
    """R'G'B' 0..255 of codes, by the definitions of BT.601, BT.709 and BT.2020."""
    unit, top = 2.0 ** (depth - 8), 2.0**depth - 1
    if full:
        y, cb, cr = codes[..., 0] / top, *((codes[..., 1:] - 128 * unit) / top).transpose(2, 0, 1)
    else:
        y = (codes[..., 0] - 16 * unit) / (219 * unit)
        cb, cr = ((codes[..., 1:] - 128 * unit) / (224 * unit)).transpose(2, 0, 1)
    kr, kg, kb = {
        "bt601": (0.299, 0.587, 0.114),
        "bt709": (0.2126, 0.7152, 0.0722),
        "bt2020": (0.2627, 0.6780, 0.0593),
    }[matrix]
    red, blue = y + (2 - 2 * kr) * cr, y + (2 - 2 * kb) * cb
    green = (y - kr * red - kb * blue) / kg
    return 255 * np.clip(np.stack([red, green, blue], axis=-1), 0, 1)


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_display_matches_the_definition(pixel_format, matrix, full):
    image, codes = blocks(pixel_format, full)
    tagged(image, matrix=matrix, primaries="bt709", full=full)
    depth = FORMATS[pixel_format][0]
    shown = display_rgb(*wrapped(image))
    expected = expected_rgb(codes, depth, matrix, full)
    assert expected.std() > 30, "flat colors prove nothing"
    middle = shown[BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK]
    limit = DEEP_FULL_ATOL if full and depth > 8 else ROUNDING_ATOL
    assert np.abs(middle - expected).max() <= limit


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv444p"])
def test_small_pictures_are_averages(pixel_format):
    image, codes = blocks(pixel_format, full=False)
    tagged(image, matrix="bt709", full=False)
    small = display_rgb(*wrapped(image), max_long_side=16)
    assert small.shape == (16, 16, 3)
    expected = expected_rgb(codes, FORMATS[pixel_format][0], "bt709", full=False)
    # Two samples a block: chroma of the neighbors reaches in where it is subsampled.
    error = np.abs(small.reshape(8, 2, 8, 2, 3).mean(axis=(1, 3)) - expected)
    assert np.median(error) < 2


@pytest.mark.parametrize("matrix", sorted(LUMA_WEIGHTS))
def test_matrices_invert_each_other(matrix):
    rgb = np.random.default_rng(2).random((50, 3))
    assert np.allclose(ycbcr_to_rgb(rgb_to_ycbcr(rgb, matrix), matrix), rgb)
    assert np.allclose(rgb_to_ycbcr(np.ones((1, 3)), matrix), [[1, 0, 0]])
    assert sum(LUMA_WEIGHTS[matrix]) == pytest.approx(1)


def test_luma_levels_are_those_of_the_standard():
    assert luma_levels(8, full_range=False)[[0, 16, 235, 255]] == pytest.approx([0, 0, 1, 1])
    assert luma_levels(10, full_range=False)[[64, 502, 940]] == pytest.approx([0, 0.5, 1])
    assert luma_levels(8, full_range=True)[[0, 51, 255]] == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize(
    ("size", "tags", "matrix"),
    [
        ((640, 480), {}, "bt601"),
        ((1280, 544), {}, "bt709"),
        ((540, 960), {}, "bt709"),
        ((640, 480), {"matrix": "bt709"}, "bt709"),
        ((1920, 1080), {"matrix": "bt601"}, "bt601"),
        ((640, 480), {"transfer": 16}, "bt2020"),
        ((640, 480), {"primaries": "bt2020"}, "bt2020"),
    ],
)
def test_matrix_follows_tags_then_size(size, tags, matrix):
    color = color_of(tagged(av.VideoFrame(*size, "yuv420p"), **tags), "h264")
    assert color.matrix == matrix


@pytest.mark.parametrize(
    ("pixel_format", "codec", "tag", "full"),
    [
        ("yuv420p", "h264", None, False),
        ("yuvj420p", "mjpeg", None, True),
        ("yuv420p", "h264", True, True),
        ("gray", "ffv1", None, True),
        ("gray", "h264", None, False),
        ("gray", "ffv1", False, False),
        ("rgb24", "png", None, True),
    ],
)
def test_range_follows_tags_then_kind(pixel_format, codec, tag, full):
    image = tagged(av.VideoFrame(64, 64, pixel_format), full=tag)
    assert color_of(image, codec).full_range is full


@pytest.mark.parametrize("pixel_format", ["gray", "gray10le", "gray16le"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_gray_ranges(pixel_format, full):
    depth = {"gray": 8, "gray10le": 10, "gray16le": 16}[pixel_format]
    unit, top = 1 << (depth - 8), (1 << depth) - 1
    levels = np.linspace(0, top, 64).astype(np.uint8 if depth == 8 else np.uint16)
    image = tagged(planar(pixel_format, [np.tile(levels, (8, 1))]), full=full)
    shown = display_rgb(*wrapped(image))
    scale = levels / top if full else (levels.astype(float) - 16 * unit) / (219 * unit)
    expected = 255 * np.clip(scale, 0, 1)
    assert np.abs(shown[0, :, 1] - expected).max() <= DEEP_FULL_ATOL
    assert (shown == shown[..., :1]).all()


@pytest.mark.parametrize(
    "pixel_format",
    ["rgba", "bgra", "argb", "rgba64le", "gbrap", "yuva420p", "yuva422p", "yuva444p",
     "yuva420p10le", "yuva444p12le", "yuva444p16le"],
)  # fmt: skip
def test_transparency_lies_over_black(pixel_format):
    rgba = np.full((32, 32, 4), (200, 120, 40, 255), np.uint8)
    rgba[:, 16:, 3] = 64
    image = av.VideoFrame.from_ndarray(rgba, format="rgba").reformat(format=pixel_format)
    shown = display_rgb(*wrapped(image)).astype(float)
    # Through 8-bit chroma and back: three levels.
    assert np.abs(shown[8, 4] - [200, 120, 40]).max() <= 3
    assert np.abs(shown[8, 28] - np.array([200, 120, 40]) * 64 / 255).max() <= 3


def test_palettes_are_read():
    indexes = (np.arange(64 * 32) % 7).astype(np.uint8).reshape(32, 64)
    palette = np.zeros((256, 4), np.uint8)
    palette[:, 0] = 255  # PyAV's order: A, R, G, B
    palette[:7, 1:] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9], [80, 90, 70], [1, 2, 3], [250, 240, 230]]  # fmt: skip  # noqa: E501
    image = av.VideoFrame.from_ndarray((indexes, palette), format="pal8")
    shown = display_rgb(*wrapped(image))
    assert (shown == palette[indexes][..., 1:]).all()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_small_picture_has_the_shape_of_the_large_one(rotation):
    image = media_files.frame(1, "yuv420p", 120, 50)
    frame, info = wrapped(image, rotation=rotation, aspect=Fraction(16, 15))
    large = display_rgb(frame, info)
    assert large.shape[1::-1] == info.display_size
    small = display_rgb(frame, info, max_long_side=64)
    assert max(small.shape) == 64
    assert small.shape[0] / small.shape[1] == pytest.approx(
        large.shape[0] / large.shape[1], rel=0.05
    )
    assert display_rgb(frame, info, max_long_side=4000).shape == large.shape
    assert large.flags.c_contiguous
    assert small.flags.c_contiguous


def test_frame_larger_than_the_header_said_keeps_its_own_size():
    _, info = wrapped(media_files.frame(1, "yuv420p", 64, 48))
    frame, _ = wrapped(media_files.frame(1, "yuv420p", 128, 96))
    assert display_rgb(frame, info).shape == (96, 128, 3)


def combed_percent(luma: np.ndarray, moving: np.ndarray) -> float:
    """Share of the moving pixels that differ from both lines around them in the same way."""
    luma = luma.astype(int)
    above, below = luma[:-2] - luma[1:-1], luma[2:] - luma[1:-1]
    return 100 * float((above * below > 200)[moving[1:-1]].mean())


@pytest.mark.parametrize("with_neighbors", [False, True], ids=["alone", "with-neighbors"])
def test_combs_are_gone(tmp_path, with_neighbors):
    path = media_files.write_interlaced(tmp_path / "fields.mpg")
    with open_source(path) as source:
        pts = [frame.pts for frame in source.frames()]
        frame = next(source.frames_at([pts[4]], neighbors=with_neighbors))
        shown = display_rgb(frame, source.info)[..., 1]
    woven = plane_samples(frame.image.planes[0], 8)
    fields = np.abs(woven[::2].astype(int) - woven[1::2]) > 40
    moving = np.repeat(fields, 2, axis=0)
    assert combed_percent(woven, moving) > 60
    assert combed_percent(shown, moving) < 3
    # The picture is that of the first field's moment.
    bar = media_files.moving_bar(8, 96, 64)
    assert np.abs(shown.astype(int) - bar).mean() < np.abs(woven.astype(int) - bar).mean()


def test_combs_are_gone_from_a_real_film(video):
    with open_source(video("interlaced_tff_mpeg2.mpg")) as source:
        pts = [frame.pts for frame in source.frames()]
        before, frame = source.frames_at([pts[30], pts[31]], neighbors=True)
    old, new = (plane_samples(each.image.planes[0], 8).astype(int) for each in (before, frame))
    moving = np.repeat(np.abs(old[1::2] - new[1::2]) > 12, 2, axis=0)
    assert combed_percent(new, moving) > 50
    for around in (frame.neighbors, (None, None)):
        whole = deinterlaced(frame.image, *around)
        assert combed_percent(plane_samples(whole.planes[0], 8), moving) < 5
        assert frame.image.pts == pts[31], "the frame itself is not touched"


def test_progressive_frames_are_not_deinterlaced():
    lines = np.zeros((64, 64), np.uint8)
    lines[::2] = 255
    shown = display_rgb(*wrapped(planar("gray", [lines])))
    assert (shown[..., 0] == lines).all()
