"""Peak memory against the length of a film: it has to stay flat.

    python bench/memory.py [--minutes 1,4,16]

Films of different lengths are made by repeating the packets of one composed 1080p film, so
that they differ in nothing but length.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from _films import cache_folder, composed
from _report import save
from pipeline import Contender, models_folder


def repeated(film: Path, minutes: int) -> Path:
    """The film, repeated without re-encoding until it is this long."""
    import av

    longer = cache_folder() / f"{film.stem}-{minutes}min.mp4"
    if longer.exists():
        return longer
    with av.open(str(film)) as source, av.open(str(longer), "w") as target:
        stream = source.streams.video[0]
        out = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        length = max(packet.pts + packet.duration for packet in packets)
        data = [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in packets]
        offset = 0
        while offset * stream.time_base < minutes * 60:
            for payload, pts, dts, duration, keyframe in data:
                packet = av.Packet(payload)
                packet.stream, packet.time_base = out, stream.time_base
                packet.pts, packet.dts = pts + offset, dts + offset
                packet.duration, packet.is_keyframe = duration, keyframe
                target.mux(packet)
            offset += length
    return longer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", default="1,4,16")
    args = parser.parse_args()
    film = composed(
        "memory-1080p.mp4", "--minutes", "1", "--seed", "9", "--size", "1920x1080", "--gop", "48"
    )
    rows = []
    models = models_folder()
    fastthumb = str(Path(sys.executable).parent / "fastthumb")
    for minutes in map(int, args.minutes.split(",")):
        for preset in ("best", "fast"):
            with tempfile.TemporaryDirectory() as out:
                path = repeated(film, minutes)
                command = [fastthumb, "process", str(path), "-o", out, "--preset", preset]
                command += ["--models", str(models)] if models else []
                run = Contender(preset, command)
                run.run()
            rows.append({"minutes": minutes, "preset": preset, "peak_mb": round(run.peak_mb[0], 1)})
            print(f"{minutes:4} min  {preset:8}  peak {run.peak_mb[0]:7.1f} MB", flush=True)
    save("memory", {"film": film.name, "rows": rows})


if __name__ == "__main__":
    main()
