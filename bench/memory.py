"""Peak memory against the length of a film: it has to stay flat.

    python bench/memory.py [--minutes 1,4,16]

Films of different lengths are made by repeating the packets of one composed 1080p film, so
that they differ in nothing but length.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from _contenders import Contender, fastthumb_command
from _films import composed, joined
from _report import save


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", default="1,4,16")
    args = parser.parse_args()
    film = composed(
        "memory-1080p.mp4", "--minutes", "1", "--seed", "9", "--size", "1920x1080", "--gop", "48"
    )
    rows = []
    for minutes in map(int, args.minutes.split(",")):
        path = joined(f"{film.stem}-{minutes}min.mp4", [film] * minutes)
        for preset in ("fast", "balanced", "best"):
            with tempfile.TemporaryDirectory() as out:
                command = fastthumb_command([path], Path(out), "--preset", preset)
                run = Contender(preset, command)
                run.run()
            peak_mb = run.warm.peak_mb[0]
            rows.append({"minutes": minutes, "preset": preset, "peak_mb": round(peak_mb, 1)})
            print(f"{minutes:4} min  {preset:8}  peak {peak_mb:7.1f} MB", flush=True)
    save("memory", {"film": film.name, "rows": rows})


if __name__ == "__main__":
    main()
