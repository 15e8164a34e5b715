"""Every pixel format reaches the core: planes without a copy where it can read them."""

from __future__ import annotations

import av
import numpy as np
import pytest

import media_files
from fastthumb.media.color import LUMA_WEIGHTS
from fastthumb.media.layout import core_frame, pixel_layout
from fastthumb.media.source import open_source
from picture_frames import planar, tagged, wrapped

_core = pytest.importorskip("fastthumb._core")

READ_AS_IT_IS = [
    "yuv410p", "yuv411p", "yuv420p", "yuv422p", "yuv440p", "yuv444p",
    "yuvj411p", "yuvj420p", "yuvj422p", "yuvj440p", "yuvj444p",
    "yuv420p9le", "yuv422p9le", "yuv444p9le", "yuv420p10le", "yuv422p10le", "yuv440p10le",
    "yuv444p10le", "yuv420p12le", "yuv422p12le", "yuv440p12le", "yuv444p12le", "yuv420p14le",
    "yuv422p14le", "yuv444p14le", "yuv420p16le", "yuv422p16le", "yuv444p16le",
    "yuv444p10msble", "yuv444p12msble",
    "nv12", "nv16", "nv24", "nv20le", "p010le", "p012le", "p016le", "p210le", "p212le",
    "p216le", "p410le", "p412le", "p416le",
    "gray", "gray9le", "gray10le", "gray12le", "gray14le", "gray16le",
]  # fmt: skip
CONVERTED = [
    "nv21", "nv42", "yuyv422", "uyvy422", "yvyu422", "y210le", "y212le", "vuyx", "v30xle",
    "xv30le", "xv36le", "yuv420p10be", "yuv444p16be", "p010be", "gray16be", "grayf32le",
    "rgb24", "bgr24", "rgb0", "0rgb", "rgb48le", "bgr48be", "gbrp", "gbrp10le", "gbrp12le",
    "gbrp16le", "gbrpf32le", "x2rgb10le", "rgb565le", "rgb8",
    "rgba", "bgra", "argb", "rgba64le", "gbrap", "gbrap10le", "gbrap16le", "ya8", "ya16le",
    "vuya", "ayuv64le", "yuva420p", "yuva422p", "yuva444p", "yuva420p9le", "yuva422p10le",
    "yuva444p10le", "yuva444p12le", "yuva444p16le", "yuva420p16be",
]  # fmt: skip
# Levels, mean over the picture: chroma is subsampled up to 4x4, and 8-bit RGB has few colors.
CELL_ATOL = 4.0
COARSE = {"rgb8": 30.0, "rgb565le": 8.0, "yuv410p": 8.0, "yuv411p": 6.0, "yuvj411p": 6.0}


def smooth(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([40 + 150 * x / width, 50 + 150 * y / height, 180 - 100 * x / width], axis=-1)
    return rgb.astype(np.uint8)


def cells_as_rgb(frame, info) -> np.ndarray:
    core = core_frame(frame, info)
    arguments = core.layout.arguments()
    meter = _core.SignalMeter(_core.FrameLayout(**arguments))
    meter.measure(core.planes, core.pitches)
    ycc = meter.cells().astype(float) - [0, 128, 128]
    red, green, blue = LUMA_WEIGHTS[arguments["matrix"]]
    r = ycc[..., 0] + 2 * (1 - red) * ycc[..., 2]
    b = ycc[..., 0] + 2 * (1 - blue) * ycc[..., 1]
    return np.stack([r, (ycc[..., 0] - red * r - blue * b) / green, b], axis=-1)


def box_means(rgb: np.ndarray) -> np.ndarray:
    rows, columns = rgb.shape[0] // 4, rgb.shape[1] // 4
    return rgb[: rows * 4, : columns * 4].reshape(rows, 4, columns, 4, 3).mean(axis=(1, 3))


@pytest.mark.parametrize("pixel_format", READ_AS_IT_IS + CONVERTED)
@pytest.mark.parametrize("size", [(96, 64), (101, 53)], ids="{0[0]}x{0[1]}".format)
def test_core_sees_the_picture(pixel_format, size):
    rgb = smooth(*size)
    source = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    try:
        image = source.reformat(format=pixel_format)
    except (av.FFmpegError, ValueError):
        # Where swscale cannot write a format, its samples are set one by one below.
        if pixel_format not in READ_AS_IT_IS:
            pytest.skip(f"swscale of this PyAV does not write {pixel_format}")
        image = by_hand(source, pixel_format)
    frame, info = wrapped(image)
    expected = box_means(rgb.astype(float))
    if "gray" in pixel_format or pixel_format.startswith("ya"):
        expected = (expected @ LUMA_WEIGHTS["bt601"])[..., None].repeat(3, axis=-1)
    error = np.abs(cells_as_rgb(frame, info) - expected).mean()
    assert expected.std() > 20
    assert error < COARSE.get(pixel_format, CELL_ATOL)


def by_hand(source: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
    """Semi-planar or left-aligned format out of the planar one of the same depth."""
    layout = pixel_layout(pixel_format)
    kind = {(1, 1): "420", (1, 0): "422", (0, 0): "444"}[
        layout.chroma_shift_x, layout.chroma_shift_y
    ]
    deep = "" if layout.bit_depth == 8 else f"{layout.bit_depth}le"
    flat = source.reformat(format=f"yuv{kind}p{deep}")
    sample = np.uint8 if layout.bit_depth == 8 else np.uint16
    planes = []
    for plane in flat.planes:
        rows = np.frombuffer(plane, sample).reshape(plane.height, -1)[:, : plane.width]
        planes.append(rows << layout.msb_shift)
    if layout.chroma == "interleaved":
        planes[1:] = [np.stack(planes[1:], axis=-1).reshape(planes[1].shape[0], -1)]
    return planar(pixel_format, planes)


@pytest.mark.parametrize("pixel_format", READ_AS_IT_IS)
def test_planes_are_not_copied(pixel_format):
    image = av.VideoFrame(48, 32, pixel_format)
    core = core_frame(*wrapped(image))
    assert [plane.buffer_ptr for plane in core.planes] == [
        plane.buffer_ptr for plane in image.planes
    ]
    assert core.pitches == tuple(plane.line_size for plane in image.planes)


@pytest.mark.parametrize("pixel_format", CONVERTED)
def test_other_formats_are_not_mistaken(pixel_format):
    assert pixel_layout(pixel_format) is None


def test_depth_survives_the_conversion():
    assert core_frame(*wrapped(av.VideoFrame(48, 32, "gbrp"))).layout.pixels.bit_depth == 8
    assert core_frame(*wrapped(av.VideoFrame(48, 32, "gbrp10le"))).layout.pixels.bit_depth == 10
    assert core_frame(*wrapped(av.VideoFrame(48, 32, "rgb48le"))).layout.pixels.bit_depth == 16
    deep = core_frame(*wrapped(av.VideoFrame(48, 32, "yuva444p12le")))
    assert deep.layout.pixels.bit_depth == 12


def test_equal_frames_share_a_layout_and_others_do_not():
    first = core_frame(*wrapped(media_files.frame(1, "yuv420p"))).layout
    assert core_frame(*wrapped(media_files.frame(2, "yuv420p"))).layout == first
    others = {
        core_frame(*wrapped(media_files.frame(1, "yuv420p", 64, 48))).layout,
        core_frame(*wrapped(media_files.frame(1, "yuv422p"))).layout,
        core_frame(*wrapped(media_files.frame(1, "yuv420p"), interlaced=True)).layout,
        core_frame(*wrapped(tagged(media_files.frame(1, "yuv420p"), full=True))).layout,
    }
    assert len(others | {first}) == 5


def test_meter_can_follow_a_change_of_size(tmp_path):
    path = media_files.annex_b(tmp_path / "change.264", [(96, 64), (128, 96)])
    layouts, luma = [], []
    with open_source(path) as source:
        for frame in source.frames():
            core = core_frame(frame, source.info)
            if not layouts or core.layout != layouts[-1]:
                layouts.append(core.layout)
                meter = _core.SignalMeter(_core.FrameLayout(**core.layout.arguments()))
            luma.append(meter.measure(core.planes, core.pitches).luma_mean)
    assert [(each.width, each.height) for each in layouts] == [(96, 64), (128, 96)]
    assert len(luma) == 16
    assert max(luma) - min(luma) < 20


def test_hdr_reaches_the_core_as_standard_range():
    ramp = np.tile(np.linspace(64, 940, 96).astype(np.uint16), (64, 1))
    gray = np.full((64, 96), 512, np.uint16)
    image = tagged(
        planar("yuv444p10le", [ramp, gray, gray]),
        matrix="bt2020",
        primaries="bt2020",
        transfer=16,
        full=False,
    )
    frame, info = wrapped(image)
    core = core_frame(frame, info)
    arguments = core.layout.arguments()
    assert arguments["matrix"] == "bt709"
    assert arguments["cell_lut"].shape == (65, 65, 65, 3)
    meter = _core.SignalMeter(_core.FrameLayout(**arguments))
    meter.measure(core.planes, core.pitches)
    assert (meter.working_luma()[0] == arguments["luma_curve"][ramp[0]]).all()
    # 128 lies between two points of the cube, and the curve has its kink right there.
    assert np.abs(meter.cells()[..., 1:].astype(int) - 128).max() <= 2
