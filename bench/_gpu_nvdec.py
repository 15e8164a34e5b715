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


def frame_bytes(frame: Any, on_device: bool) -> Any:
    address, size = frame.GetPtrToPlane(0), frame.framesize()
    if not on_device:
        return np.frombuffer(ctypes.string_at(address, size), np.uint8)
    import cupy

    memory = cupy.cuda.UnownedMemory(address, size, frame, 0)
    return cupy.ndarray(size, np.uint8, cupy.cuda.MemoryPointer(memory, 0)).get()


def checksums(data: Any, shape: tuple[int, ...], size: list[int], wide: bool) -> list[int]:
    """Of luma and chroma pairs, cut to the picture's size."""
    width, height = size
    step = 2 if wide else 1
    columns = data.size * 2 // 3 // (shape[0] * 2 // 3)
    rows = data.reshape(-1, columns)
    luma_rows = rows.shape[0] * 2 // 3
    luma = rows[:height, : width * step]
    pairs = rows[luma_rows : luma_rows + (height + 1) // 2, : 2 * ((width + 1) // 2) * step]
    return [zlib.crc32(np.ascontiguousarray(plane)) for plane in (luma, pairs)]


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
    got = []
    for packet in demuxer:
        for frame in decoder.Decode(packet):
            if not got:
                found |= {
                    "shape": list(frame.shape), "strides": list(frame.strides),
                    "format": str(frame.format), "framesize": frame.framesize(),
                }  # fmt: skip
            if on_device:
                decoder.SyncOnCUStream()
            wide = "P016" in str(frame.format) or "10" in str(frame.format)
            sums = checksums(frame_bytes(frame, on_device), frame.shape, references["size"], wide)
            got.append([frame.getPTS(), *sums])
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

    def work(_: int, ready: Callable[[], None]) -> int:
        demuxer = nvc.CreateDemuxer(filename=path)
        decoder = nvc.CreateDecoder(gpuid=0, codec=demuxer.GetNvCodecId(), usedevicememory=True)
        ready()
        count = 0
        for packet in demuxer:
            if kind == "keyframes" and not packet.key and packet.bsl > 0:
                continue
            count += len(decoder.Decode(packet))
        return count

    return {"file": file, "kind": kind} | together(int(sessions), work)


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
