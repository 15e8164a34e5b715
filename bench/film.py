"""A whole film by every preset, against decode-only ffmpeg and other programs, in alternation.

    python bench/film.py [--films h264,streamed,long-gop,hevc,4k] [--minutes 20] [--rounds 5]
                         [--film FILM] [--skip-peers] [--peers-bin DIR] [--katna-python PYTHON]

Speed: every command runs once a round, in turn, as a process of its own, so that a drift of the
machine falls on all of them; a ratio is the median over the rounds of its wall time over that of
`ffmpeg -f null` in the same round. Warm, the film is in the page cache; cold, it is dropped from
it before each run. Peers run in the first --peer-rounds rounds and on the default film only.

Quality: shots against the known edits and against `best`; pictures within the known shots.

Also, with the default film: two films at once, memory per worker, choosing again, and what the
rate of cuts costs. The result, results/film.json, is written after every film; with --add, films
of the last result that are not run now stay in it, and with --skip-peers those of its peers, each
with its own reference. performance_page.py shows it in
docs/performance.md. All of it takes about an hour and a half on two cores, a third of it peers'.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

import _film_peers
from _contenders import Contender, Runs, fastthumb_command
from _film_frames import frames_of
from _film_jobs import PRESETS, memory_per_worker, two_films
from _film_kinds import CUT_RATES, KINDS, even, facts, keyframe_numbers, slow
from _film_peers import Places, decode_only, peers, pictures_in
from _film_quality import (
    PictureJudge,
    cuts_of_scenedetect,
    points_quality,
    shot_spans,
    shots_quality,
)
from _films import truth_of
from _report import RESULTS, save, stamp
from choose_again import choosing_again
from fastthumb.records import TitleRecord, read_title

DECODE_ONLY = "decode-only ffmpeg"


@dataclass(frozen=True)
class Rounds:
    """How often what runs."""

    warm: int
    cold: int
    peers: int


def presets(film: Path, scratch: Path) -> dict[str, Contender]:
    """fastthumb with each preset: its defaults (eight variants), every network that is there."""
    found = {}
    for preset in PRESETS:
        out = scratch / preset
        command = fastthumb_command([film], out, "--preset", preset, "--variants", "8")
        found[preset] = Contender(f"fastthumb {preset}", command, film, out)
    return found


def alternate(
    reference: Contender, own: Sequence[Contender], others: Sequence[Contender], rounds: Rounds
) -> dict[Path | None, Contender]:
    """Run everything in turn; the decode-only references by film, `reference` among them.

    A peer that sees another file than the film has that file's decoding as its reference. What
    is left in the folders is of the last warm run.
    """
    assert reference.film is not None
    references: dict[Path | None, Contender] = {reference.film: reference}
    for peer in others:
        if peer.film is not None and peer.film not in references:
            name = f"{DECODE_ONLY}, {peer.film.stem}"
            references[peer.film] = Contender(name, decode_only(peer.film), peer.film)
    for number in range(rounds.cold):
        for contender in (reference, *own):
            said(f"cold round {number + 1}", contender, contender.run(cold=True))
    reference.film.read_bytes()  # warm from here on
    for number in range(rounds.warm):
        for contender in (reference, *own):
            said(f"round {number + 1}", contender, contender.run())
        if number < rounds.peers:
            for contender in [*list(references.values())[1:], *others]:
                said(f"round {number + 1}", contender, contender.run())
    return references


def said(when: str, contender: Contender, seconds: float) -> None:
    print(f"{when}: {contender.name}: {seconds:.2f} s", flush=True)


def cost(runs: Runs, reference: Runs) -> dict[str, Any]:
    """Medians and ranges of the runs, and their ratios to those of the reference."""
    count = len(runs.wall_seconds)
    wall = list(zip(runs.wall_seconds, reference.wall_seconds[:count], strict=True))
    cpu = list(zip(runs.cpu_seconds, reference.cpu_seconds[:count], strict=True))
    ratios = [a / b for a, b in wall]
    return {
        "wall_seconds": [round(s, 3) for s in runs.wall_seconds],
        "x_decode_only": round(statistics.median(ratios), 3),
        "x_decode_only_range": [round(min(ratios), 3), round(max(ratios), 3)],
        "cpu_x_decode_only": round(statistics.median(a / b for a, b in cpu), 3),
        "peak_mb": round(max(runs.peak_mb), 1),
    }


def row(contender: Contender, reference: Contender, film_seconds: float) -> dict[str, Any]:
    """What one program costs, warm and, where it ran so, cold."""
    found = {"name": contender.name, **cost(contender.warm, reference.warm)}
    median = statistics.median(contender.warm.wall_seconds)
    found["x_real_time"] = round(film_seconds / median, 1)
    if contender.cold.wall_seconds:
        found["cold"] = cost(contender.cold, reference.cold)
    return found


def title_in(contender: Contender) -> tuple[TitleRecord, Path]:
    """The title that a run of fastthumb left behind, and its folder."""
    assert contender.out is not None
    (path,) = contender.out.glob("*/title.json")
    return read_title(path.parent), path.parent


def told(record: TitleRecord) -> dict[str, Any]:
    """What a title says of its making: frames decoded, seconds and frames of each stage."""
    stages = {
        name: {"seconds": round(stage.seconds, 3), "frames": stage.frames}
        for name, stage in record.timings.items()
    }
    return {
        "frames_decoded": record.frames_decoded,
        "wall_seconds_told": round(record.wall_seconds or 0.0, 3),
        "stages": stages,
    }


def measure(film: Path, places: Places | None, rounds: Rounds, scratch: Path) -> dict[str, Any]:
    """Speed and quality of everything on one film; `places` None leaves the peers out."""
    about, truth = facts(film), truth_of(film)
    seconds = about["minutes"] * 60
    reference = Contender(DECODE_ONLY, decode_only(film), film)
    own = presets(film, scratch)
    others, missing = peers(film, scratch, places) if places else ([], [])
    for sentence in missing:
        print(f"left out: {sentence}")
    references = alternate(reference, list(own.values()), others, rounds)

    titles = {preset: title_in(contender) for preset, contender in own.items()}
    best = titles["best"][0]
    judge = PictureJudge(film, frames_of(film), shot_spans(truth, best))
    keys = keyframe_numbers(film).tolist()
    rows = [row(reference, reference, seconds) | {"frames_decoded": about["frames"]}]
    for preset, contender in own.items():
        record, folder = titles[preset]
        pictures = judge.title(record, folder)
        rows.append(
            row(contender, reference, seconds)
            | told(record)
            | {"shots": shots_quality(record, best, truth, keys), "pictures": pictures}
        )
    scores = [entry["pictures"]["mean_quality_score"] for entry in rows[1:]]
    for entry, score in zip(rows[1:], scores, strict=True):
        entry["pictures"]["score_over_best"] = round(score / scores[-1], 4)
    for peer in others:
        assert peer.film is not None
        assert peer.out is not None
        film_seconds = seconds if peer.film == film else facts(peer.film)["minutes"] * 60
        entry = row(peer, references[peer.film], film_seconds)
        entry["pictures"] = judge.files(pictures_in(peer.out))
        if truth is not None and peer.name == "PySceneDetect":
            entry["shots"] = points_quality(cuts_of_scenedetect(peer.out), truth)
        rows.append(entry)
    return {"film": about, "offers": judge.film(), "rows": rows, "left_out": missing}


def cut_rates(rounds: int, scratch: Path) -> list[dict[str, Any]]:
    """What `balanced` costs on films that are cut at different rates."""
    found = []
    for make in CUT_RATES:
        film = make()
        about = facts(film)
        reference = Contender(DECODE_ONLY, decode_only(film), film)
        own = presets(film, scratch)["balanced"]
        alternate(reference, [own], [], Rounds(rounds, 0, 0))
        decoded = told(title_in(own)[0])["frames_decoded"]
        found.append(
            {"film": about, **cost(own.warm, reference.warm)}
            | {"decoded_share": round(decoded / about["frames"], 3)}
        )
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as they are printed."""
    lines = [f"{'':24}{'wall s':>9}{'x decode':>10}{'cold':>8}{'x real':>8}{'peak MB':>9}"]
    lines[0] += f"{'decoded':>9}{'shots F1':>10}{'sharp':>7}{'face':>6}{'alike':>7}{'score':>7}"
    for one in rows:
        shots, pictures = one.get("shots", {}), one.get("pictures", {})
        cold = one.get("cold", {}).get("x_decode_only", "")
        cells = [
            f"{one['name']:24}{statistics.median(one['wall_seconds']):9.2f}",
            f"{one['x_decode_only']:10.3f}{cold:>8}{one['x_real_time']:8.1f}",
            f"{one['peak_mb']:9.0f}{one.get('frames_decoded', ''):>9}",
            f"{shots.get('against_truth', {}).get('f1', ''):>10}",
            f"{pictures.get('mean_sharpness_percentile', ''):>7}",
            f"{pictures.get('with_a_face', ''):>6}",
            f"{pictures.get('near_duplicates', ''):>7}",
            f"{pictures.get('score_over_best', ''):>7}",
        ]
        lines.append("".join(cells))
    return "\n".join(lines)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--films", default=",".join(KINDS), help="which of them, in this order")
    parser.add_argument("--film", type=Path, help="a film of your own instead")
    parser.add_argument("--minutes", type=float, default=20, help="length of the h264 film")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold-rounds", type=int, default=2)
    parser.add_argument("--peer-rounds", type=int, default=2)
    parser.add_argument("--skip-peers", action="store_true")
    parser.add_argument("--peers-bin", type=Path, help="folder of scenedetect and hecate")
    parser.add_argument("--katna-python", type=Path, help="a Python that has Katna")
    parser.add_argument("--skip-more", action="store_true", help="only the alternations")
    parser.add_argument("--add", action="store_true", help="keep other films of the last result")
    parser.add_argument("--name", default="film", help="name of the result file")
    return parser.parse_args()


def main() -> None:
    args = options()
    if shutil.which("ffmpeg") is None:
        sys.exit("the reference is the ffmpeg program, which is not on PATH; install it")
    names = ["own"] if args.film else args.films.split(",")
    if unknown := set(names) - {"own", *KINDS}:
        sys.exit(f"--films: wanted some of {', '.join(KINDS)}, got {', '.join(sorted(unknown))}")
    rounds = Rounds(args.rounds, args.cold_rounds, args.peer_rounds)
    places = Places(args.peers_bin, args.katna_python)
    kept = RESULTS / f"{args.name}.json"
    data: dict[str, Any] = json.loads(kept.read_text())["data"] if args.add else {}
    libavcodec = ".".join(map(str, av.library_versions["libavcodec"]))
    data["versions"] = {"libavcodec in PyAV": libavcodec} | _film_peers.versions(places)
    data.setdefault("films", {})
    for name in names:
        film = args.film or KINDS[name].make(args.minutes)
        title = film.name if args.film else KINDS[name].title
        print(f"\n=== {title} ({film.name})", flush=True)
        with tempfile.TemporaryDirectory(prefix="film-bench-") as folder:
            scratch = Path(folder)
            wanted = places if name in ("own", "h264") and not args.skip_peers else None
            measured = measure(film, wanted, rounds, scratch)
            before = data["films"].get(name, {}).get("rows", [])
            known = {one["name"] for one in measured["rows"]}
            measured["rows"] += [one for one in before if one["name"] not in known]
            data["films"][name] = {"title": title, **stamp(), **measured}
            print(table(measured["rows"]))
            save(args.name, data)
            if name == "h264" and not args.skip_more:
                _, at = title_in(presets(film, scratch)["balanced"])
                data["choosing_again"] = choosing_again(at)
                data["memory_per_worker_mb"] = {"1080p": memory_per_worker(even(), scratch)}
                data["two_films"] = two_films([even(), slow()], scratch, min(3, args.rounds))
                data["cut_rates"] = cut_rates(min(3, args.rounds), scratch)
            if name == "4k" and not args.skip_more:
                held = data.setdefault("memory_per_worker_mb", {})
                held["4k"] = memory_per_worker(film, scratch)
        print(f"written: {save(args.name, data)}", flush=True)


if __name__ == "__main__":
    main()
