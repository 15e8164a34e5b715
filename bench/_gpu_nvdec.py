"""Steps on the device decoder (NVDEC, through PyNvVideoCodec); bench/gpu.py runs each by itself.

python bench/_gpu_nvdec.py STEP CLIPS [ARGUMENT]      prints one JSON object
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BITS = (8, 10, 12)
CHROMA = ("420", "422", "444")
BATCH = 16


ENCODER_STUB = """
#include <stdint.h>
int NvEncodeAPIGetMaxSupportedVersion(uint32_t* version) { *version = 13 << 4; return 0; }
int NvEncodeAPICreateInstance(void* list) { return 1; }
"""


def library() -> Any:
    """PyNvVideoCodec, which asks for the driver's encoder even to decode: stubbed if missing."""
    name = "libnvidia-encode.so.1"
    try:
        ctypes.CDLL(name)
    except OSError:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "encoder.c"
            source.write_text(ENCODER_STUB, encoding="utf-8")
            target = Path(folder) / name
            command = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{name}", str(source), "-o"]
            subprocess.run([*command, str(target)], check=True)
            ctypes.CDLL(str(target), ctypes.RTLD_GLOBAL)
    import PyNvVideoCodec

    return PyNvVideoCodec


def load(_: Path, __: str) -> dict[str, Any]:
    return {"version": library().__version__}


def caps(_: Path, __: str) -> dict[str, Any]:
    nvc = library()
    table: dict[str, Any] = {}
    for codec in ("MPEG2", "MPEG4", "VC1", "H264", "HEVC", "VP8", "VP9", "AV1", "JPEG"):
        for chroma in CHROMA:
            for bits in BITS:
                try:
                    found = nvc.GetDecoderCaps(
                        gpuid=0,
                        codec=nvc.cudaVideoCodec.__members__[codec],
                        chromaformat=nvc.cudaVideoChromaFormat.__members__[chroma],
                        bitdepth=bits,
                    )
                except Exception as exc:
                    found = {"error": f"{type(exc).__name__}: {exc}"[:200]}
                if found.get("supported") or "error" in found:
                    table[f"{codec} {chroma} {bits} bits"] = dict(found)
    return {"supported": table}


# ---- are the pixels right ---------------------------------------------------------------------


def planes_of(frame: Any, size: list[int], wide: bool, on_device: bool) -> list[Any]:
    """Luma and chroma pairs, cut to the picture's size, on the host.

    The surface has an even width; after an odd number of luma rows the chroma follows at once.
    """
    width, height = size
    step = 2 if wide else 1
    columns, chroma_rows = (width + 1) // 2 * 2 * step, (height + 1) // 2
    address, count = frame.GetPtrToPlane(0), columns * (height + chroma_rows)
    if on_device:
        import cupy

        memory = cupy.cuda.UnownedMemory(address, count, frame, 0)
        data = cupy.ndarray(count, np.uint8, cupy.cuda.MemoryPointer(memory, 0)).get()
    else:
        data = np.frombuffer(ctypes.string_at(address, count), np.uint8)
    rows = data.reshape(-1, columns)
    return [rows[:height, : width * step], rows[height:]]


def checksum(plane: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(plane))


def clip(folder: Path, argument: str) -> dict[str, Any]:
    """One clip decoded to the host or left on the device, frame by frame against the references."""
    name, _, where = argument.partition("|")
    nvc = library()
    references = json.loads((folder / "references.json").read_text(encoding="utf-8"))[name]
    wanted = references["frames"]
    demuxer = nvc.CreateDemuxer(filename=str(folder / references["file"]))
    found: dict[str, Any] = {
        "clip": name,
        "where": where,
        "size": references.get("size"),
        "demuxed": [demuxer.Width(), demuxer.Height(), demuxer.BitDepth()],
        "frames_wanted": len(wanted),
    }
    on_device = where == "device"
    decoder = nvc.CreateDecoder(gpuid=0, codec=demuxer.GetNvCodecId(), usedevicememory=on_device)
    path = folder / f"{references['file']}.npy"
    pixels = np.load(path) if path.exists() else []
    got, errors = [], []
    for packet in demuxer:
        for frame in decoder.Decode(packet):
            if not got:
                found |= {
                    "shape": list(frame.shape), "strides": list(frame.strides),
                    "format": str(frame.format), "framesize": frame.framesize(),
                }  # fmt: skip
            if on_device:
                decoder.SyncOnCUStream()
            planes = planes_of(frame, references["size"], "P016" in str(frame.format), on_device)
            if len(got) < len(pixels):
                error = np.abs(planes[0].astype(np.int64) - pixels[len(got)])
                errors.append([round(float(error.mean()), 4), int(error.max())])
            got.append([frame.getPTS(), *map(checksum, planes)])
        if len(got) >= len(wanted) and len(wanted) >= 300:
            break
    got = got[: len(wanted)] if len(wanted) >= 300 else got
    pairs = list(zip(got, wanted, strict=False))
    found["frames"] = len(got)
    found["luma_equal"] = sum(a[1] == b[1] for a, b in pairs)
    found["chroma_equal"] = sum(a[2] == b[2] for a, b in pairs)
    found["times_equal"] = sum(a[0] == b[0] for a, b in pairs)
    known = {tuple(b[1:]) for b in wanted}
    found["frames_known"] = sum(tuple(a[1:]) in known for a in got)
    found["luma_errors_mean_max"] = errors
    found["first_times"] = [[a[0], b[0]] for a, b in pairs[:3]]
    return found


# ---- rates ------------------------------------------------------------------------------------


def together(sessions: int, work: Callable[[int, Callable[[], None]], int]) -> dict[str, Any]:
    """Run `work` in threads that all start when each has called ready(); frames per second."""
    barrier = threading.Barrier(sessions + 1)
    counts, errors = [0] * sessions, []

    def session(index: int) -> None:
        try:
            counts[index] = work(index, barrier.wait)
        except Exception as exc:
            errors.append(f"{type(exc).__name__}: {exc}"[:300])
            barrier.abort()

    threads = [threading.Thread(target=session, args=(i,)) for i in range(sessions)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    try:
        barrier.wait()
    except threading.BrokenBarrierError:
        errors.append("not all sessions could start")
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    return {
        "sessions": sessions, "frames": sum(counts), "seconds": round(seconds, 4),
        "start_seconds": round(start - begin, 4), "errors": errors,
        "frames_per_second": round(sum(counts) / seconds, 1),
    }  # fmt: skip


def decode_rate(folder: Path, argument: str) -> dict[str, Any]:
    """FILE|SESSIONS|KIND: each session decodes the whole film, or its keyframes only."""
    nvc = library()
    file, sessions, kind = argument.split("|")
    path = str(folder / file)

    repeats = 20 if kind == "keyframes" else 1
    firsts = [0.0] * int(sessions)

    def work(index: int, ready: Callable[[], None]) -> int:
        demuxer = nvc.CreateDemuxer(filename=path)
        decoder = nvc.CreateDecoder(gpuid=0, codec=demuxer.GetNvCodecId(), usedevicememory=True)
        ready()
        start, count = time.perf_counter(), 0
        for repeat in range(repeats):
            for packet in demuxer if repeat == 0 else nvc.CreateDemuxer(filename=path):
                last = packet.bsl == 0  # what flushes the decoder
                if last and repeat + 1 < repeats:
                    continue
                if kind == "keyframes" and not packet.key and not last:
                    continue
                count += len(decoder.Decode(packet))
                if count > 0 and not firsts[index]:
                    firsts[index] = time.perf_counter() - start
        return count

    rate = together(int(sessions), work)
    return {"file": file, "kind": kind, "first_frame_seconds": firsts} | rate


def split_rate(folder: Path, argument: str) -> dict[str, Any]:
    """FILE|SESSIONS: one film cut into as many parts, each part read by its own decoder."""
    nvc = library()
    file, sessions = argument.split("|")
    parts, path = int(sessions), str(folder / file)
    probe = nvc.SimpleDecoder(path, gpu_id=0)
    total = len(probe)
    del probe

    def work(index: int, ready: Callable[[], None]) -> int:
        first, end = total * index // parts, total * (index + 1) // parts
        ready()
        decoder = nvc.ThreadedDecoder(path, 2 * BATCH, gpu_id=0, start_frame=first)
        count = 0
        while count < end - first:
            frames = decoder.get_batch_frames(min(BATCH, end - first - count))
            if not frames:
                break
            count += len(frames)
        decoder.end()
        return count

    return {"file": file, "kind": "one film in parts", "total": total} | together(parts, work)


STEPS = {"load": load, "caps": caps, "clip": clip, "rate": decode_rate, "split": split_rate}


def main() -> None:
    step, folder, *rest = sys.argv[1:]
    print(json.dumps(STEPS[step](Path(folder), rest[0] if rest else "")), flush=True)


if __name__ == "__main__":
    main()
