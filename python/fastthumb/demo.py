"""The sample title of `fastthumb demo`: photographs, moved and cut like a film.

The photographs are the ones that scikit-image ships inside its wheel, so that no network is
needed. The film has what real ones have: a title card, a fade-in, hard cuts, a dissolve, a
wipe, a flash, a repeated set-up, and credits; `edits` says where, for whoever wants to check
what fastthumb finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont

from fastthumb.atomic import atomic_write
from fastthumb.errors import ExtraMissing

WIDTH, HEIGHT, FPS = 640, 360, 24

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Take:
    """One shot: a photograph and the camera's way over it.

    `start` and `end` are (center x, center y, share of the photograph's width in view), all
    0..1; `edit` says how the shot begins and `edit_frames` over how many frames it blends
    with the one before.
    """

    photo: str
    seconds: float
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    edit: str = "cut"
    edit_frames: int = 0
    flash_at: int | None = None


TAKES = (
    Take("card:A SHORT FILM", 2.5, (0.5, 0.5, 1.0), (0.5, 0.5, 1.0)),
    Take("rocket", 5.0, (0.45, 0.62, 0.9), (0.5, 0.42, 0.75), "fade", 20),
    Take("astronaut", 5.0, (0.46, 0.28, 0.95), (0.44, 0.26, 0.72)),
    Take("hubble_deep_field", 4.5, (0.4, 0.45, 0.5), (0.6, 0.55, 0.5), "dissolve", 16),
    Take("motorcycle_left", 4.5, (0.35, 0.5, 0.75), (0.6, 0.55, 0.75)),
    Take("chelsea", 5.0, (0.5, 0.42, 1.0), (0.55, 0.4, 0.78)),
    Take("coffee", 4.0, (0.4, 0.5, 1.0), (0.5, 0.45, 0.8), flash_at=50),
    Take("astronaut", 4.0, (0.5, 0.3, 0.8), (0.46, 0.28, 0.95)),
    Take("camera", 4.5, (0.45, 0.4, 0.95), (0.42, 0.3, 0.75), "wipe", 14),
    Take("motorcycle_right", 3.5, (0.6, 0.6, 0.55), (0.45, 0.55, 0.55)),
    Take("coins", 4.5, (0.5, 0.5, 0.9), (0.5, 0.5, 0.7)),
    Take("chelsea", 4.0, (0.52, 0.4, 0.75), (0.45, 0.45, 0.95), "dissolve", 12),
    Take("rocket", 4.0, (0.5, 0.4, 0.7), (0.5, 0.35, 0.9)),
    Take("credits", 8.0, (0.5, 0.5, 1.0), (0.5, 0.5, 1.0), "fade", 24),
)


def make_film(path: Path) -> Path:
    """Write the sample film, about one minute of 640x360 H.264 at 24 frames/s, and return its path.

    Raises ExtraMissing where scikit-image is not installed, OutputError where the file cannot
    be written.
    """
    _photo("astronaut")  # fail before anything is written where the photographs are missing
    atomic_write(path, _encode)
    return path


def edits() -> list[tuple[str, int, int]]:
    """The film's edits: (kind, first, last), frames counted from 0, ends inclusive.

    A cut's first and last are both the first frame of the new shot; the others span the frames
    that blend two shots.
    """
    found = []
    start = round(TAKES[0].seconds * FPS)
    for take in TAKES[1:]:
        start -= take.edit_frames
        found.append((take.edit, start, start + max(take.edit_frames - 1, 0)))
        start += round(take.seconds * FPS)
    return found


def _encode(file: BinaryIO) -> None:
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(_encoder(), rate=FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = 2 * FPS
        for number, picture in enumerate(_frames()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _encoder() -> str:
    """H.264 where this build of FFmpeg can write it, else MPEG-4, which every build can."""
    return "libx264" if "libx264" in av.codecs_available else "mpeg4"


def _frames() -> Iterator[Picture]:
    """The film's frames, uint8 (360, 640, 3)."""
    tail: list[Picture] = []
    for take, following in zip(TAKES, (*TAKES[1:], None), strict=True):
        shot = list(_shot(take))
        for k, last in enumerate(tail):
            shot[k] = _blend(last, shot[k], (k + 1) / (len(tail) + 1), take.edit)
        overlap = following.edit_frames if following else 0
        yield from shot[: len(shot) - overlap]
        tail = shot[len(shot) - overlap :]


def _shot(take: Take) -> Iterator[Picture]:
    count = round(take.seconds * FPS)
    if take.photo == "credits":
        yield from _credits(count)
        return
    if take.photo.startswith("card:"):
        card = np.asarray(_text_card([take.photo.removeprefix("card:")], 44, HEIGHT))
        yield from (card for _ in range(count))
        return
    photo = _photo(take.photo)
    for k in range(count):
        t = k / (count - 1)
        t = t * t * (3 - 2 * t)  # eases in and out, as a hand on a camera does
        x, y, share = (a + (b - a) * t for a, b in zip(take.start, take.end, strict=True))
        if k == take.flash_at:
            yield np.full((HEIGHT, WIDTH, 3), 250, np.uint8)
            continue
        width = share * photo.width
        height = min(width * HEIGHT / WIDTH, photo.height)
        width = height * WIDTH / HEIGHT
        left = min(max(x * photo.width - width / 2, 0), photo.width - width)
        top = min(max(y * photo.height - height / 2, 0), photo.height - height)
        box = (left, top, left + width, top + height)
        yield np.asarray(photo.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box))


def _blend(a: Picture, b: Picture, k: float, edit: str) -> Picture:
    """The picture a share k (0..1) of the way through an edit from a to b."""
    if edit == "wipe":
        edge = round(WIDTH * k)
        return np.concatenate([b[:, :edge], a[:, edge:]], axis=1)
    if edit == "fade":  # through black
        source, gain = (a, 1 - 2 * k) if k < 0.5 else (b, 2 * k - 1)
        return (source * gain).astype(np.uint8)
    return (a * (1 - k) + b * k).astype(np.uint8)


def _photo(name: str) -> Image.Image:
    try:
        from skimage import data
    except ImportError as exc:
        raise ExtraMissing(
            "demo: the sample film is made of scikit-image's photographs and scikit-image is not "
            "installed; install it with: pip install 'fastthumb[demo]'"
        ) from exc
    folder = Path(data.__file__).parent
    (file,) = folder.glob(f"{name}.[pj]*g")
    return Image.open(file).convert("RGB")


def _credits(count: int) -> Iterator[Picture]:
    photos = sorted({take.photo.replace("_", " ") for take in TAKES[1:-1]})
    roll = _text_card(["photographs", "", *photos], 24, HEIGHT * 2)
    for k in range(count):
        top = round(k / count * (roll.height - HEIGHT))
        yield np.asarray(roll.crop((0, top, WIDTH, top + HEIGHT)))


def _text_card(lines: list[str], size: int, height: int) -> Image.Image:
    card = Image.new("RGB", (WIDTH, height))
    draw, font = ImageDraw.Draw(card), ImageFont.load_default(size)
    top = (height - len(lines) * size * 1.5) / 2
    for number, line in enumerate(lines):
        draw.text(
            (WIDTH / 2, top + (number + 0.5) * size * 1.5), line, "white", font=font, anchor="mm"
        )
    return card
