"""Rendered files: the right frame, the right part of it, the right format, whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from fastthumb.artwork.encoding import encode
from fastthumb.artwork.rendering import render, upright_box
from fastthumb.errors import OutputError, SourceError
from fastthumb.media.display import upright
from fastthumb.settings import Settings
from film_samples import source_info
from films import textured, three_shots, write_film
from picture_samples import picks_of

FORMATS = {"jpg": "JPEG", "webp": "WEBP", "avif": "AVIF", "png": "PNG"}
# Two conversions of one frame to RGB (other chroma interpolation, other rounding) differ by about
# one level; neighboring frames of the counter differ by more.
SAME_FRAME_ATOL = 2.0
# Quality 90 in any of the lossy formats stays within this mean difference on textured pictures.
LOSSY_ATOL = 6.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_shots(tmp_path_factory.mktemp("film") / "three shots.mp4")


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def test_the_frame_of_the_exact_timestamp_is_rendered(
    video: Callable[[str], Path], tmp_path: Path
) -> None:
    path = video("psd_counter_3s.mp4")  # the frame number is burnt in
    with av.open(str(path)) as container:
        truth = [
            frame.to_ndarray(format="rgb24", src_colorspace="ITU709")[::3, ::3].astype(float)
            for frame in container.decode(video=0)
        ]
    numbers = [21, 0, 29, 13, 14]
    source, picks = picks_of(path, numbers)
    with source:
        rendered = render(source, picks, Settings(image_format="png"), tmp_path)
    assert [one.pick.rank for one in rendered] == [1, 2, 3, 4, 5]
    for one, number in zip(rendered, numbers, strict=True):
        picture = pixels(tmp_path / one.files[0].file)
        assert picture.shape == (1080, 1920, 3)
        misses = [np.abs(picture[::3, ::3] - frame).mean() for frame in truth]
        assert int(np.argmin(misses)) == number
        assert misses[number] < SAME_FRAME_ATOL


def test_the_files_do_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    shots = [textured(seed, 320, 180) for seed in range(10)]
    path = write_film(tmp_path / "film.mp4", [shot for shot in shots for _ in range(12)], gop=12)
    numbers = [100, 3, 4, 50, 61, 118]
    written = []
    for threads in (1, 4):
        folder = tmp_path / f"{threads} threads"
        source, picks = picks_of(path, numbers)
        with source:
            rendered = render(source, picks, Settings(aspects=("1:1",)), folder, threads=threads)
        assert [one.pick.rank for one in rendered] == list(range(1, 7))
        written.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert len(written[0]) == 12
    assert written[0] == written[1]


@pytest.mark.parametrize("image_format", FORMATS)
def test_files_of_every_format_hold_the_picture(
    film: Path, tmp_path: Path, image_format: str
) -> None:
    source, picks = picks_of(film, [100, 10], scene_type="Lead close-up")
    with source:
        settings = Settings(image_format=image_format, aspects=("2:3", "1:1"))
        rendered = render(source, picks, settings, tmp_path / "new folder")
        exact = render(source, picks, Settings(image_format="png"), tmp_path / "exact")
    names = [file.file for one in rendered for file in one.files]
    stems = ["01-lead-close-up", "02-lead-close-up"]
    wanted = [f"{stem}{end}.{image_format}" for stem in stems for end in ("", "-2x3", "-1x1")]
    assert names == wanted
    assert sorted(path.name for path in (tmp_path / "new folder").iterdir()) == sorted(wanted)
    for one, whole in zip(rendered, exact, strict=True):
        truth = pixels(tmp_path / "exact" / whole.files[0].file)
        for file in one.files:
            with Image.open(tmp_path / "new folder" / file.file) as image:
                assert image.format == FORMATS[image_format]
                assert image.size == (file.width, file.height)
                assert b"acsp" in image.info["icc_profile"]
                assert image.info.get("progressive", 1) == 1
            x0, y0, x1, y1 = file.crop_box
            assert (x1 - x0, y1 - y0) == (file.width, file.height)
            got = pixels(tmp_path / "new folder" / file.file)
            assert np.abs(got - truth[y0:y1, x0:x1]).mean() < LOSSY_ATOL
    assert rendered[0].files[1].aspect == "2:3"
    assert (rendered[0].files[1].width, rendered[0].files[1].height) == (120, 180)


def test_rendering_twice_gives_the_same_bytes(film: Path, tmp_path: Path) -> None:
    source, picks = picks_of(film, [100, 10, 60])
    with source:
        for folder in ("a", "b"):
            render(source, picks, Settings(aspects=("1:1",)), tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_black_bars_are_gone_and_crops_lie_inside_the_picture(tmp_path: Path) -> None:
    frame = np.zeros((180, 320, 3), np.uint8)
    frame[30:150, 40:280] = np.clip(textured(3, 240, 120), 60, 255)
    path = write_film(tmp_path / "bars.mp4", [frame] * 5)
    source, picks = picks_of(path, [2], content_box=(40, 30, 280, 150), focal_point=(0.1, 0.5))
    with source:
        settings = Settings(aspects=("1:1",), image_format="png")
        files = render(source, picks, settings, tmp_path / "out")[0].files
    assert files[0].crop_box == (40, 30, 280, 150)
    assert files[1].crop_box == (40, 30, 160, 150)  # the focal point is far left
    whole, crop = (pixels(tmp_path / "out" / file.file) for file in files)
    assert whole.shape == (120, 240, 3)
    assert whole.max(axis=2).min() > 30, "a bar is left at an edge"
    assert np.array_equal(crop, whole[:, :120])


@pytest.mark.parametrize("mirrored", [False, True], ids=["plain", "mirrored"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("sar", [1, 2, 3])
def test_a_box_of_decoded_pixels_finds_its_place_upright(
    rotation: int, sar: int, mirrored: bool
) -> None:
    info = replace(
        source_info(width=40, height=30, sample_aspect_ratio=Fraction(sar)),
        rotation_degrees=rotation,
        mirrored=mirrored,
    )
    decoded = np.zeros((30, 40, 3), np.uint8)
    decoded[4:25, 10:31] = 255
    shown = upright(np.repeat(decoded, sar, axis=1), info)
    x0, y0, x1, y1 = upright_box((10, 4, 31, 25), info, (shown.shape[1], shown.shape[0]))
    rows, columns = np.flatnonzero(shown.any(axis=(1, 2))), np.flatnonzero(shown.any(axis=(0, 2)))
    assert (x0, y0, x1, y1) == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


def test_a_stretched_box_is_rounded_inward_and_never_empty() -> None:
    info = source_info(width=720, height=576, sample_aspect_ratio=Fraction(64, 45))
    assert info.display_size == (1024, 576)
    assert upright_box((1, 0, 719, 576), info, (1024, 576)) == (2, 0, 1022, 576)
    narrow = source_info(width=100, height=1, sample_aspect_ratio=Fraction(1, 10))
    x0, y0, x1, y1 = upright_box((31, 0, 33, 1), narrow, (10, 1))
    assert (x1 - x0, y1 - y0) == (1, 1)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("keyboard_rot90.mov", (320, 568)),
        ("keyboard_rot270.mov", (320, 568)),
        ("sar_2x1.mp4", (1280, 360)),
        ("interlaced_tff_mpeg2.mpg", (1024, 576)),
        ("odd_size_321x181_vp9.webm", (322, 181)),
        ("h265_10bit.mp4", None),
    ],
)
def test_pictures_are_upright_in_square_pixels(
    video: Callable[[str], Path], tmp_path: Path, name: str, size: tuple[int, int] | None
) -> None:
    source, picks = picks_of(video(name), [1])
    with source:
        file = render(source, picks, Settings(), tmp_path)[0].files[0]
        assert (file.width, file.height) == (size or source.info.display_size)
    with Image.open(tmp_path / file.file) as image:
        assert image.size == (file.width, file.height)


def test_interlaced_pictures_have_no_combs(video: Callable[[str], Path], tmp_path: Path) -> None:
    source, picks = picks_of(video("interlaced_tff_mpeg2.mpg"), [10])

    def combing(picture: np.ndarray) -> float:
        """Share of pixels that differ from the lines above and below in the same direction."""
        luma = picture.mean(axis=2)
        above, below = luma[1:-1] - luma[:-2], luma[1:-1] - luma[2:]
        return float((above * below > 400).mean())

    with source:
        raw = next(iter(source.frames_at([picks[0].scored.candidate.pts]))).image
        file = render(source, picks, Settings(image_format="png"), tmp_path)[0].files[0]
    combed = combing(raw.to_ndarray(format="rgb24").astype(float))
    assert combed > 0.05, "a picture without motion proves nothing"
    assert combing(pixels(tmp_path / file.file)) < 0.7 * combed  # fine texture stays


@pytest.mark.parametrize(
    ("max_width", "width"), [(160, 160), (320, 320), (4000, 320), (17, 17)], ids=str
)
def test_max_width_reduces_and_never_enlarges(
    film: Path, tmp_path: Path, max_width: int, width: int
) -> None:
    source, picks = picks_of(film, [5])
    with source:
        settings = Settings(max_width=max_width, aspects=("1:1",))
        whole, crop = render(source, picks, settings, tmp_path)[0].files
    assert (whole.width, whole.height) == (width, round(180 * width / 320))
    assert (crop.width, crop.height) == (min(max_width, 180), min(max_width, 180))
    assert whole.crop_box == (0, 0, 320, 180)


@pytest.mark.parametrize(
    ("pixel_format", "quality", "max_width", "sampling"),
    [
        ("yuv420p", 90, None, 2),
        ("yuv420p", 95, None, 0),
        ("yuv420p", 90, 160, 0),
        ("yuv422p10le", 90, None, 1),
        ("yuv444p", 90, None, 0),
        ("nv12", 90, None, 2),
        ("rgb24", 90, None, 0),
    ],
)
def test_jpeg_keeps_the_chroma_that_the_film_has(
    film: Path,
    tmp_path: Path,
    pixel_format: str,
    quality: int,
    max_width: int | None,
    sampling: int,
) -> None:
    source, picks = picks_of(film, [5])
    with source:
        source.info = replace(source.info, pixel_format=pixel_format)
        settings = Settings(image_quality=quality, max_width=max_width)
        file = render(source, picks, settings, tmp_path)[0].files[0]
    with Image.open(tmp_path / file.file) as image:
        assert JpegImagePlugin.get_sampling(image) == sampling  # 0, 1, 2: 4:4:4, 4:2:2, 4:2:0


def test_a_frame_that_is_lost_is_named_and_leaves_no_half_file(film: Path, tmp_path: Path) -> None:
    source, picks = picks_of(film, [5, 50])
    candidate = replace(picks[1].scored.candidate, pts=10**9, seconds=2.083)
    picks[1] = replace(picks[1], scored=replace(picks[1].scored, candidate=candidate))
    with source, pytest.raises(SourceError, match=r"three shots\.mp4.*2\.083 s") as caught:
        render(source, picks, Settings(), tmp_path)
    assert "5.000" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["01-other.jpg"]


def test_a_folder_that_cannot_be_made_is_named(film: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"a file")
    source, picks = picks_of(film, [5])
    with source, pytest.raises(OutputError, match="a file stands where a folder is needed"):
        render(source, picks, Settings(), tmp_path / "out")


def test_a_full_disk_leaves_whole_files_only(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    source, picks = picks_of(film, [5, 50, 100])
    monkeypatch.setattr(Path, "replace", refuse)
    with source, pytest.raises(OutputError, match=r"other\.jpg: .*No space left.*free some space"):
        render(source, picks, Settings(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 700), (700, 1), (33, 65)], ids="{0[0]}x{0[1]}".format
)
def test_any_size_and_any_noise_can_be_encoded(image_format: str, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for quality in (1, 100):
        with Image.open(io.BytesIO(encode(noise, image_format, quality, chroma="4:4:4"))) as image:
            image.load()
            assert image.size == (shape[1], shape[0])


def test_large_noise_fits_the_jpeg_encoder() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    for quality in (90, 100):
        data = encode(noise, "jpg", quality, chroma="4:4:4")
        with Image.open(io.BytesIO(data)) as image:
            shown = np.asarray(image.convert("RGB")).astype(float)
        assert np.abs(shown - noise).mean() < 20


def test_a_picture_beyond_the_format_is_refused_with_a_way_out() -> None:
    with pytest.raises(OutputError, match=r"16384x2 does not fit into webp.*set max_width"):
        encode(np.zeros((2, 16_384, 3), np.uint8), "webp", 90)


def test_an_encoder_that_pillow_lacks_is_named(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastthumb.artwork.encoding.features.check", lambda name: name != "avif")
    source, picks = picks_of(film, [5])
    with source, pytest.raises(OutputError, match="avif: this installation of Pillow"):
        render(source, picks, Settings(image_format="avif"), tmp_path)


def test_nothing_chosen_renders_nothing(film: Path, tmp_path: Path) -> None:
    source, _ = picks_of(film, [])
    with source:
        assert render(source, [], Settings(), tmp_path / "out") == []
