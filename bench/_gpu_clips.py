"""Clips for the decoder on the device, with what the CPU decoder makes of each of their frames.

The references are the checksums of the two planes that a device decoder delivers: luma, and Cb and
Cr in pairs; samples of more than 8 bits are in the upper bits of two bytes (P016).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from _films import cache_folder, composed, test_data

CLIPS = {
    "H.264": "city_cuts_10s.mp4",
    "H.264, variable rate": "screen_vfr_timeline_9s.mp4",
    "H.264, damaged": "broken_bitflips.mkv",
    "H.264, starts without a keyframe": "no_initial_keyframe.ts",
    "H.264, 10 bits": "h264_10bit.mp4",
    "H.264, 4:4:4": "cockatoo_14s_yuv444.mp4",
    "HEVC": "bbb_68s_hevc.mp4",
    "HEVC, 10 bits, 200 x 200": "h265_10bit.mp4",
    "HEVC, 10 bits, HLG, edit list": "phone_hlg_hevc_rot90_editlist.mp4",
    "HEVC, 8K": "uhd8k_hevc_0.3s.mp4",
    "HEVC, variable rate": "selfie_hevc_rot90_vfr.mp4",
    "VP9": "bbb_3s_642x642_vp9.webm",
    "VP9, odd size": "odd_size_321x181_vp9.webm",
    "VP8": "bbb_30s_720p_vp8.webm",
    "MPEG-2, interlaced": "interlaced_tff_mpeg2.mpg",
    "AV1": "av1_5s.mkv",
}
INEXACT = ("MPEG-2, interlaced", "H.264, damaged")
MAXIMUM_FRAMES = 300


def planes_of(frame: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    """Luma, and Cb and Cr in pairs, as the device delivers them; None for other formats."""
    name = frame.format.name
    if name not in ("yuv420p", "yuvj420p", "yuv420p10le"):
        return None
    wide = name.endswith("10le")
    dtype = np.dtype("<u2" if wide else "u1")
    parts = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, dtype).reshape(plane.height, -1)
        parts.append(rows[:, : plane.width] << (6 if wide else 0))
    pairs = np.stack(parts[1:], axis=-1).reshape(parts[1].shape[0], -1)
    return np.ascontiguousarray(parts[0]), pairs


def checksum(plane: npt.NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(plane))


def reference(path: Path) -> dict[str, Any]:
    """Checksums and times of the frames in the order in which they are shown."""
    import av

    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        found: dict[str, Any] = {"codec": stream.codec_context.name}
        try:
            for frame in container.decode(stream):
                planes = planes_of(frame)
                found["format"] = frame.format.name
                found["size"] = [frame.width, frame.height]
                frames.append([frame.pts, *(map(checksum, planes) if planes else (None, None))])
                if len(frames) == MAXIMUM_FRAMES:
                    break
        except av.FFmpegError as exc:
            found["error"] = str(exc)
    return found | {"frames": frames}


def keep_pixels(source: Path, target: Path) -> None:
    """The first frames' luma, where the device is not expected to give the same pixels."""
    import av

    with av.open(str(source)) as container:
        frames = [frame for frame, _ in zip(container.decode(video=0), range(10), strict=False)]
    planes = [planes_of(frame) for frame in frames]
    np.save(target, np.stack([pair[0] for pair in planes if pair is not None]))


def encoded(film: Path, name: str, *options: str) -> Path:
    """The film's first twenty seconds in another codec."""
    target = cache_folder() / name
    if not target.exists():
        command = ["ffmpeg", "-v", "error", "-y", "-i", str(film), "-t", "20", "-an", *options]
        subprocess.run([*command, str(target)], check=True)
    return target


def prepare(folder: Path) -> None:
    """Put the clips, the films for the rates and references.json into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    references = {}
    for name, file in CLIPS.items():
        source = test_data() / "videos" / file
        if not source.exists():
            print(f"{name}: {file} is not part of this test data; left out", file=sys.stderr)
            continue
        shutil.copyfile(source, folder / file)
        references[name] = {"file": file} | reference(source)
        if name in INEXACT:
            keep_pixels(source, folder / f"{file}.npy")
        print(f"{name}: {len(references[name]['frames'])} frames", flush=True)
    (folder / "references.json").write_text(json.dumps(references), encoding="utf-8")
    film = composed(
        "memory-1080p.mp4", "--minutes", "1", "--seed", "9", "--size", "1920x1080", "--gop", "48"
    )
    shutil.copyfile(film, folder / "film-h264.mp4")
    hevc = encoded(film, "film-hevc.mp4", "-c:v", "libx265", "-preset", "ultrafast", "-crf", "26")
    shutil.copyfile(hevc, folder / "film-hevc.mp4")
