"""PyNvVideoCodec over fake driver libraries: what tests compile, and what runs in their process.

The libraries (fake_driver/) stand in for a GPU whose memory is the host's, and whose decoder knows
the pictures of one film beforehand: FFmpeg's, by the last bytes of each packet. So all that is
between packets and pictures is the real package and our code. The libraries must be found when a
process starts, so everything that uses them runs in one of its own.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import fake_device_core
from fastthumb import _core
from fastthumb.analysis import signals
from fastthumb.gathering import gather_shots
from fastthumb.media import layout
from fastthumb.media.display import display_rgb
from fastthumb.media.pyav import PyavSource
from fastthumb.media.seeking import CannotSeek
from fastthumb.media.spans import SpanTable
from fastthumb.pipeline import make_title
from fastthumb.presets import plan
from fastthumb.settings import Preset, Settings
from nvdec_films import Print, crc, print_of

FOLDER = Path(__file__).parent / "fake_driver"
LIBRARIES = {"cuda": "libcuda", "cuvid": "libnvcuvid", "encode": "libnvidia-encode"}


def skip_module_where_missing() -> None:
    """Skip the module of tests that calls this where there is no package or no compiler."""
    if importlib.util.find_spec("PyNvVideoCodec") is None:
        pytest.skip(
            "PyNvVideoCodec is not installed (pip install PyNvVideoCodec)", allow_module_level=True
        )
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("the fake driver libraries need Linux and cc", allow_module_level=True)


def compile_libraries(folder: Path) -> Path:
    """Compile the libraries with cc into `folder`."""
    for name, library in LIBRARIES.items():
        target = folder / f"{library}.so.1"
        flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"]
        source = [str(FOLDER / f"{name}.c"), f"-Wl,-soname,{target.name}", "-lpthread"]
        subprocess.run(["cc", *flags, *source, "-o", str(target)], check=True)
    return folder


class Machine:
    """A process with the fake driver (or with none), in which functions of this module run."""

    def __init__(self, libraries: Path | None) -> None:
        before = os.environ.get("LD_LIBRARY_PATH")
        if libraries is not None:
            os.environ["LD_LIBRARY_PATH"] = f"{libraries}:{before}" if before else str(libraries)
        try:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            self._pool.submit(os.getpid).result()  # it has started, with this environment
        finally:
            os.environ.pop("LD_LIBRARY_PATH", None)
            if before is not None:
                os.environ["LD_LIBRARY_PATH"] = before

    def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """What `work` returns there; its exceptions come out here."""
        return self._pool.submit(work, *arguments).result()

    def close(self) -> None:
        self._pool.shutdown()


# ---- the fake core ------------------------------------------------------------------------------


class FakeStream:
    """Stands in for _core.CudaStream: everything is done at once."""

    def __init__(self, device: int) -> None:
        self.device, self.handle = device, 0x5000

    def synchronize(self) -> None:
        pass


class FakeBuffer:
    """Stands in for _core.DeviceBuffer, in host memory."""

    made = 0
    live = 0

    def __init__(self, device: int, bytes: int) -> None:  # noqa: A002
        self._memory = np.full(bytes, 0xEE, np.uint8)
        self.address, self.bytes = self._memory.ctypes.data, bytes
        FakeBuffer.made += 1
        FakeBuffer.live += 1

    def __del__(self) -> None:
        FakeBuffer.live -= 1

    def copy_from_device(
        self, address, pitch, row_bytes, rows, stream, offset=0, to_pitch=None
    ) -> None:
        assert stream.handle == 0x5000
        to_pitch = to_pitch or row_bytes
        assert row_bytes <= min(pitch, to_pitch)
        assert offset + (rows - 1) * to_pitch + row_bytes <= self.bytes
        for row in range(rows):
            target = self.address + offset + row * to_pitch
            ctypes.memmove(target, address + row * pitch, row_bytes)

    def to_host(self, stream, offset, pitch, row_bytes, rows) -> np.ndarray:
        assert stream.handle == 0x5000
        stored = self._memory[offset : offset + rows * pitch].reshape(rows, pitch)
        return stored[:, :row_bytes].copy()


def use_fake_core() -> None:
    """Put the fakes where the device code looks for the core's."""
    _core.CudaStream, _core.DeviceBuffer = FakeStream, FakeBuffer
    FakeBuffer.made = 0


# ---- what runs in a process of its own -----------------------------------------------------------


def cuvid() -> ctypes.CDLL:
    return ctypes.CDLL("libnvcuvid.so.1")


def counts() -> dict[str, int]:
    """What the fake decoder has seen since its film was loaded."""
    numbers = (ctypes.c_int * 5)()
    cuvid().fake_cuvid_counts(numbers)
    return dict(zip(("made", "open", "fed", "decoded", "ended"), numbers, strict=True))


def load(film: Path, pictures: Path) -> Any:
    """The film as a GPU reads it."""
    from fastthumb.media.nvdec import open_on_device

    use_fake_core()
    assert cuvid().fake_cuvid_load(os.fsencode(pictures)) == 0
    return open_on_device(film, device=0)


def all_frames(film: Path, pictures: Path) -> tuple[list[Print], list[str], dict[str, int]]:
    """Every frame, looked at only when all have been decoded; warnings; counts."""
    with load(film, pictures) as source:
        frames = list(source.frames())
        prints, warnings = [print_of(frame) for frame in frames], list(source.warnings)
        assert {type(frame.image).__name__ for frame in frames} == {"DeviceImage"}
        return prints, warnings, counts()


def keyframes(film: Path, pictures: Path) -> tuple[list[Print], dict[str, int]]:
    with load(film, pictures) as source:
        return [print_of(frame) for frame in list(source.keyframes())], counts()


def spans_in_threads(
    film: Path, pictures: Path, runs: list[tuple[int, int]], threads: int
) -> tuple[list[list[Print]], dict[str, int]]:
    """Runs of frames, each read by a thread with a reader of its own."""
    with load(film, pictures) as source, ThreadPoolExecutor(threads) as pool:
        table = SpanTable(source.packets())

        def read(run: tuple[int, int]) -> list[Print]:
            with source.open_spans(finish="none") as reader:
                return [print_of(frame) for frame in reader.frames(table.spans(*run))]

        return list(pool.map(read, runs)), counts()


def abandoned_then_read(film: Path, pictures: Path) -> tuple[list[Print], dict[str, int]]:
    """Frames 10..20 by the decoder of a reader that stopped in the middle of others."""
    with load(film, pictures) as source:
        table = SpanTable(source.packets())
        with source.open_spans() as reader:
            assert len(list(islice(reader.frames(table.spans(0, 30)), 5))) == 5
        with source.open_spans() as reader:
            return [print_of(frame) for frame in reader.frames(table.spans(10, 20))], counts()


def memory(film: Path, pictures: Path) -> tuple[int, int, str, int]:
    """Buffers of a pass that keeps nothing; of one that keeps all, and its error; left at last."""
    from fastthumb.errors import DeviceUnavailable
    from fastthumb.media import device_image

    with load(film, pictures) as source:
        count = sum(1 for _ in source.frames())
        few = FakeBuffer.made
    device_image._MOST_PICTURES, device_image._LEAST_PICTURES, before = 20, 1, count
    said = ""
    with load(film, pictures) as source:
        kept: list[Any] = []
        try:
            kept.extend(source.frames())
        except DeviceUnavailable as error:
            said = str(error)
        many = FakeBuffer.made
        del kept
    device_image._MOST_PICTURES, device_image._LEAST_PICTURES = 128, 48
    del source
    assert before == 40
    return few, many, said, FakeBuffer.live


def after_closing(film: Path, pictures: Path) -> tuple[Print, Print, dict[str, int]]:
    """A frame before its source was closed, and after."""
    source = load(film, pictures)
    frame = next(iter(source.frames()))
    first = print_of(frame)
    frame.image._host = None
    source.close()
    source.close()
    return first, print_of(frame), counts()


def with_trouble(
    film: Path, pictures: Path
) -> tuple[bool, list[Print], set[str], list[str], dict[str, int]]:
    """Whether the first pass raised CannotSeek; then the next pass, its images' types; warnings."""
    with load(film, pictures) as source:
        try:
            for _ in source.frames():
                pass
            raised = False
        except CannotSeek:
            raised = True
        frames = list(source.frames())
        types = {type(frame.image).__name__ for frame in frames}
        return raised, list(map(print_of, frames)), types, list(source.warnings), counts()


def error_of(film: Path, pictures: Path, *, creation: int = 0, allocation: int = 0) -> str:
    """The name and text of what a pass raises where the device has trouble of its own."""
    with load(film, pictures) as source:
        cuda = ctypes.CDLL("libcuda.so.1")
        cuvid().fake_cuvid_creation_fails(creation)
        cuda.fake_cuda_allocation_fails(allocation)
        try:
            for _ in source.frames():
                pass
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        finally:
            cuvid().fake_cuvid_creation_fails(0)
            cuda.fake_cuda_allocation_fails(0)
    return "nothing was raised"


def out_of_memory_of(film: Path, pictures: Path) -> tuple[str, str]:
    """What no room for a decoder, and no room for its surfaces, raise."""
    return error_of(film, pictures, creation=2), error_of(film, pictures, allocation=1)


def refusal(path: Path, device: int = 0) -> tuple[str | None, str]:
    """Why a film is not decoded there; the class that reads it instead, or the error's name."""
    from fastthumb.errors import DeviceUnavailable
    from fastthumb.media.nvdec import open_on_device
    from fastthumb.media.nvdec_library import decoder_refusal

    use_fake_core()
    try:
        with PyavSource(path) as film:
            said = decoder_refusal(film.info, device)
        with open_on_device(path, device=device) as source:
            assert said is None or any(said in warning for warning in source.warnings)
            return said, type(source).__name__
    except DeviceUnavailable as error:
        return str(error), type(error).__name__


def facts() -> dict[str, Any]:
    from fastthumb.media.nvdec_library import nvdec_facts

    return nvdec_facts(0)


def engine(
    film: Path, pictures: Path | None, preset: Preset
) -> tuple[list[tuple[Any, ...]], list[Any], dict[str, int]]:
    """What the engine measures of a film in chunks, and its shots; on the CPU without `pictures`.

    Device pictures are measured on the host: what counts here is which frames they are.
    """
    if pictures is not None:
        source, seen = load(film, pictures), counts
    else:
        source, seen = PyavSource(film), dict
    before = signals.core_frame
    signals.core_frame = core_frame_on_host
    try:
        with source:
            decoding = plan(source, Settings(preset=preset))
            assert decoding.film is not None
            samples = [sample for piece in decoding.pieces(4) for sample in piece.samples]
            measured = [
                (index, pts, seconds, *signals.scalars(found).values())
                for found, index, pts, seconds in samples
            ]
            return measured, gather_shots(decoding, threads=3), seen()
    finally:
        signals.core_frame = before


def title(
    film: Path,
    pictures: Path | None,
    preset: Preset,
    folder: Path,
    models: Path | None = None,
    memory: int = 256,
) -> tuple[Any, list[int]]:
    """title.json of a film made on the GPU, or without `pictures` on the CPU; batches measured.

    On a GPU whose memory holds batches of `memory` frames. `models` are looked with.
    """
    if pictures is not None:
        use_fake_core()
        fake_device_core.use_fake_kernels()
        fake_device_core.MOST_BATCHED[0] = memory
        assert cuvid().fake_cuvid_load(os.fsencode(pictures)) == 0
    folder.mkdir()
    device = "cpu" if pictures is None else "cuda:0"
    settings = Settings(
        preset=preset, models_dir=str(models) if models else None, detect=models is not None
    )
    record = make_title(film, "film", folder, settings, device=device, threads=3)
    return record.model_dump(), list(fake_device_core.FakeDeviceSignalMeter.batches)


def shown(film: Path, pictures: Path | None) -> list[int]:
    """Checksums of the film's pictures as viewers see them."""
    with load(film, pictures) if pictures is not None else PyavSource(film) as source:
        return [crc(display_rgb(frame, source.info)) for frame in source.frames()]


def core_frame_on_host(frame: Any, info: Any) -> Any:
    """layout.core_frame, also for pictures on a device."""
    image = frame.image
    if isinstance(image, av.VideoFrame):
        return layout.core_frame(frame, info)
    pixels = layout.pixel_layout(image.format_name)
    planes = image.to_host()
    return layout.CoreFrame(
        layout.CoreLayout(image.width, image.height, pixels, info.color, 1),
        planes,
        tuple(rows.shape[1] for rows in planes),
    )
