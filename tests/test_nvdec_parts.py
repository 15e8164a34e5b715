"""The parts of decoding on a GPU that need neither the package nor a device."""

from __future__ import annotations

import gc
import subprocess
import sys

import av
import numpy as np
import pytest

import media_files
from fastthumb import _core
from fastthumb.errors import DeviceUnavailable
from fastthumb.media import nvdec_library
from fastthumb.media.device_image import SurfaceLayout, SurfacePool
from fastthumb.media.nvdec_bitstreams import looks_damaged, sequence_headers
from nvdec_fakes import FakeBuffer, FakeStream


def test_cpu_and_the_module_itself_load_no_decoder_package() -> None:
    program = (
        "import sys, fastthumb.media.source, fastthumb.media.pyav\n"
        "assert not [m for m in sys.modules if 'nvdec' in m]\n"
        "import fastthumb.media.nvdec\n"
        "sys.exit('loaded' if 'PyNvVideoCodec' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "PyNvVideoCodec", None)
    nvdec_library.library.cache_clear()
    with pytest.raises(DeviceUnavailable, match=r"pip install 'fastthumb\[gpu\]'"):
        nvdec_library.library()


# ---- headers -----------------------------------------------------------------------------------

ENCODERS = {
    "h264": ("libx264", ".mp4", "h264_mp4toannexb"),
    "hevc": ("libx265", ".mp4", "hevc_mp4toannexb"),
    "vp8": ("libvpx", ".webm", "null"),
    "vp9": ("libvpx-vp9", ".webm", "null"),
    "av1": ("libsvtav1", ".mkv", "null"),
}


def first_packet(path, codec: str, size: tuple[int, int], first: int = 0) -> bytes:
    """The first packet of a film, as a device decoder takes it."""
    encoder, suffix, filtering = ENCODERS[codec]
    if encoder not in av.codecs_available:
        pytest.skip(f"this PyAV has no {encoder}")
    options = {"x265-params": "log-level=none"} if codec == "hevc" else {}
    film = media_files.write(
        path / f"film{suffix}",
        frames=(media_files.frame(first + n, "yuv420p", *size) for n in range(3)),
        codec=encoder,
        size=size,
        codec_options=options,
    )
    with av.open(film) as container:
        stream = container.streams.video[0]
        wanted = av.BitStreamFilterContext(filtering, stream)
        return bytes(wanted.filter(next(container.demux(stream)))[0])


@pytest.mark.parametrize("codec", ENCODERS)
def test_headers_tell_sizes_apart_and_nothing_else(tmp_path, codec):
    headers = sequence_headers(codec, first_packet(tmp_path, codec, (96, 64)))
    other_picture = sequence_headers(codec, first_packet(tmp_path, codec, (96, 64), first=7))
    assert len(headers) == 1
    assert other_picture == headers
    for size in ((96, 80), (128, 64), (128, 80)):
        assert sequence_headers(codec, first_packet(tmp_path, codec, size)) != headers


@pytest.mark.parametrize("codec", ENCODERS)
def test_headers_of_any_bytes_are_found_or_not(tmp_path, codec):
    whole = first_packet(tmp_path, codec, (96, 64))
    chance = np.random.default_rng(3)
    for end in range(min(len(whole), 64)):
        sequence_headers(codec, whole[:end])
    for _ in range(200):
        sequence_headers(codec, chance.integers(0, 256, 40, np.uint8).tobytes())
    assert sequence_headers(codec, whole)


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9"])
def test_packet_that_was_never_copied_looks_damaged(tmp_path, codec):
    whole = first_packet(tmp_path, codec, (96, 64))
    assert not looks_damaged(codec, whole)
    assert looks_damaged(codec, bytes(len(whole)))
    assert looks_damaged(codec, b"")
    if codec != "vp9":
        assert looks_damaged(codec, whole[:-32] + bytes(16) + whole[-16:])


@pytest.mark.parametrize("name", ["bbb_68s_hevc.mp4", "mix_cuts_30s.mp4", "asl_book_4s.mkv"])
def test_no_packet_of_a_sound_film_looks_damaged(video, name):
    with av.open(video(name)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context.codec.canonical_name
        wanted = av.BitStreamFilterContext(ENCODERS[codec][2], stream)
        packets = [
            bytes(each)
            for packet in container.demux(stream)
            if packet.size
            for each in wanted.filter(packet)
        ]
    assert len(packets) > 50
    assert not any(looks_damaged(codec, packet) for packet in packets)


# ---- pictures ----------------------------------------------------------------------------------


@pytest.fixture
def core(monkeypatch):
    """Streams and buffers in host memory."""
    monkeypatch.setattr(_core, "CudaStream", FakeStream)
    monkeypatch.setattr(_core, "DeviceBuffer", FakeBuffer)
    monkeypatch.setattr(FakeBuffer, "made", 0)


@pytest.mark.parametrize("depth", [8, 10, 12])
@pytest.mark.parametrize(
    "size", [(64, 48), (97, 65), (1, 1), (3840, 2)], ids="{0[0]}x{0[1]}".format
)
def test_image_has_the_pixels_of_the_surface(core, size, depth):
    layout = SurfaceLayout(*size, depth)
    columns, rows = (size[0] + 1) // 2 * 2, size[1] + (size[1] + 1) // 2
    kind = np.uint8 if depth == 8 else np.uint16
    surface = np.random.default_rng(1).integers(0, 256, (rows, columns)).astype(kind)
    expected = surface.copy()
    image = SurfacePool(layout, FakeStream(2)).copy(surface.ctypes.data, pts=7, key_frame=True)
    surface[:] = 0  # the decoder writes its next picture
    luma, pairs = image.to_host()
    assert np.array_equal(luma.view(kind), expected[: size[1]])
    assert np.array_equal(pairs.view(kind), expected[size[1] :])
    assert (image.width, image.height, image.pts, image.key_frame) == (*size, 7, True)
    assert image.format_name == {8: "nv12", 10: "p010le", 12: "p012le"}[depth]
    assert image.device == 2
    assert all(pitch % 256 == 0 and pitch >= luma.shape[1] for pitch in image.pitches)
    assert image.planes[1] - image.planes[0] == size[1] * image.pitches[0]


def test_memory_of_a_dead_image_is_used_again(core):
    pool = SurfacePool(SurfaceLayout(64, 48), FakeStream(0))
    surface = np.zeros((72, 64), np.uint8)
    for pts in range(50):
        pool.copy(surface.ctypes.data, pts=pts, key_frame=False)
    gc.collect()
    assert FakeBuffer.made == 1


def test_images_held_at_once_are_limited(core):
    pool = SurfacePool(SurfaceLayout(64, 48), FakeStream(0))
    surface = np.zeros((72, 64), np.uint8)
    held = [pool.copy(surface.ctypes.data, pts=0, key_frame=False) for _ in range(128)]
    with pytest.raises(DeviceUnavailable, match=r"128 decoded pictures of 64x48 .* let go of some"):
        pool.copy(surface.ctypes.data, pts=0, key_frame=False)
    held.pop()
    held.append(pool.copy(surface.ctypes.data, pts=0, key_frame=False))
    assert len(held) == FakeBuffer.made
