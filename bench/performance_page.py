"""Writes what bench/film.py measured into docs/performance.md, and draws the figure on it.

    python bench/performance_page.py

Every number on the page stands between a line `<!-- figures: NAME -->` and the next
`<!-- end of figures -->`; this script writes what is between them, and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "bench" / "results" / "film.json"
PAGE = ROOT / "docs" / "performance.md"
FIGURE = ROOT / "docs" / "images" / "performance.svg"

BLOCK = re.compile(r"(<!-- figures: ([a-z-]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
PRESETS = ("fast", "balanced", "best")
START = "start-up"
# Parts of the figure in order, the first words of the stages of title.json in each, and a color.
PARTS = (
    (START, (), "#9aa0a6"),
    ("decoding", ("decode",), "#4269d0"),
    ("signals", ("signals",), "#97bbf5"),
    ("shots", ("shots", "search"), "#3ca951"),
    ("faces", ("faces",), "#ff725c"),
    ("objects", ("objects",), "#efb118"),
    ("judging", ("judge",), "#a463f2"),
    ("choosing", ("choose",), "#ff8ab7"),
    ("rendering", ("render",), "#9c6b4e"),
    ("other", (), "#d5d8dc"),
)

Row = dict[str, Any]
Cells = Sequence[object]


def page_with(text: str, data: Row) -> str:
    """The page with every block of figures written anew from the `data` of a result."""

    def block(match: re.Match[str]) -> str:
        return f"{match.group(1)}\n{BLOCKS[match.group(2)](data)}\n\n{match.group(3)}"

    return BLOCK.sub(block, text)


def markdown(head: Cells, rows: Sequence[Cells]) -> str:
    """A table; every column but the first is aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def films(data: Row) -> str:
    """What the films are made of."""
    head = ["film", "minutes", "Mbit/s", "keyframes", "edits a minute", "mean shot",
            "groups with an edit"]  # fmt: skip
    rows = []
    for film in data["films"].values():
        about = film["film"]
        shot, share = about.get("mean_shot_seconds"), about.get("share_of_groups_with_an_edit")
        rows.append(
            [film["title"], number(about["minutes"], 1),
             number(about["kilobits_per_second"] / 1000, 1), about["keyframes"],
             number(about.get("edits_per_minute"), 1),
             "" if shot is None else f"{shot:.1f} s", "" if share is None else f"{share:.0%}"]
        )  # fmt: skip
    return markdown(head, rows)


def speed(data: Row) -> str:
    """Cost of every program on the default film."""
    head = ["", "x decode-only", "range", "cold", "x real time", "frames decoded", "peak MB"]
    rows = []
    for one in _default(data)["rows"]:
        low, high = one["x_decode_only_range"]
        frames = one.get("frames_decoded")
        rows.append(
            [one["name"], number(one["x_decode_only"]), f"{low:.2f}-{high:.2f}",
             number(one.get("cold", {}).get("x_decode_only")), number(one["x_real_time"], 1),
             number(frames, 0), number(one["peak_mb"], 0)]
        )  # fmt: skip
    return markdown(head, rows) + _left_out(_default(data))


def other_films(data: Row) -> str:
    """Wall time of every preset on every film, over that of decode-only ffmpeg."""
    rows = []
    for film in data["films"].values():
        found = {preset: _preset(film, preset)["x_decode_only"] for preset in PRESETS}
        decoded = _preset(film, "balanced")["frames_decoded"] / film["film"]["frames"]
        rows.append([film["title"], *(number(found[p]) for p in PRESETS), f"{decoded:.0%}"])
    return markdown(["x decode-only", *PRESETS, "frames that balanced decodes"], rows)


def quality(data: Row) -> str:
    """Shots and pictures of every program on the default film."""
    head = ["", "edits F1", "to a group", "against best", "pictures", "sharper than",
            "with a face", "alike", "score / best's"]  # fmt: skip
    rows = []
    for one in _default(data)["rows"][1:]:
        shots, pictures = one.get("shots", {}), one.get("pictures", {})
        rows.append(
            [one["name"], *(number(shots.get(key, {}).get("f1"), 3) for key in (
                "against_truth", "against_truth_within_a_group", "against_best")),
             pictures.get("pictures", ""), _percent(pictures.get("mean_sharpness_percentile")),
             _percent(pictures.get("with_a_face_where_the_shot_has_one")),
             pictures.get("near_duplicates", ""), number(pictures.get("score_over_best"), 3)]
        )  # fmt: skip
    return markdown(head, rows)


def stages(data: Row) -> str:
    """Seconds of work in each stage of each preset, and the frames that it saw."""
    found = {preset: _preset(_default(data), preset)["stages"] for preset in PRESETS}
    names = list(dict.fromkeys(name for preset in reversed(PRESETS) for name in found[preset]))
    head = ["seconds of work (frames)", *PRESETS]
    rows = []
    for name in names:
        cells = [found[preset].get(name) for preset in PRESETS]
        rows.append([name, *("" if c is None else _stage(c) for c in cells)])
    return markdown(head, rows)


def scaling(data: Row) -> str:
    """Two films at once, memory of a worker, choosing again."""
    lines = []
    if two := data.get("two_films"):
        lines.append(
            f"Two films by two workers with a core each take "
            f"{two['two_workers_over_one_worker_on_one_core']:.2f} x the time of one worker with "
            f"one core, and {two['two_workers_over_one_worker_on_both']:.2f} x that of one worker "
            "that has both cores and takes one film after the other."
        )
    if held := data.get("memory_per_worker_mb"):
        rows = [[size, *(number(by[p], 0) for p in PRESETS)] for size, by in held.items()]
        lines.append(markdown(["peak MB of one worker", *PRESETS], rows))
    if again := data.get("choosing_again"):
        lines.append(
            f"`fastthumb variants` on a stored title takes {again['all_ms']:.0f} ms of work "
            f"besides new pictures; {again['load_ms']:.0f} ms of it to read the analysis of "
            f"{again['candidates']} candidates and {again['choose_ms']:.0f} ms to choose."
        )
    return "\n\n".join(lines) or "Not measured."


def cut_rates(data: Row) -> str:
    """What balanced costs on films that are cut at different rates."""
    measured = sorted(data.get("cut_rates", []), key=lambda one: one["film"]["edits_per_minute"])
    rows = [
        [number(one["film"]["edits_per_minute"], 1), number(one["film"]["mean_shot_seconds"], 1),
         f"{one['film']['share_of_groups_with_an_edit']:.0%}", f"{one['decoded_share']:.0%}",
         number(one["x_decode_only"])]
        for one in measured
    ]  # fmt: skip
    head = ["edits a minute", "mean shot, s", "groups with an edit", "frames decoded",
            "x decode-only"]  # fmt: skip
    return markdown(head, rows) if rows else "Not measured."


BLOCKS: dict[str, Callable[[Row], str]] = {
    "films": films,
    "speed": speed,
    "other-films": other_films,
    "quality": quality,
    "stages": stages,
    "scaling": scaling,
    "cut-rates": cut_rates,
}


def parts_of(entry: Row) -> dict[str, float]:
    """The wall time of a preset over decode-only, in parts that add up to it.

    Stages of several workers at once count more seconds of work than pass on the wall: their
    parts are shares of the wall in proportion to the work.
    """
    wall = entry["wall_seconds"][-1]  # of the run that the stages are of
    inside = min(entry.get("wall_seconds_told", wall), wall)
    work = dict.fromkeys((name for name, *_ in PARTS), 0.0)
    for stage, cost in entry["stages"].items():
        names = [name for name, words, _color in PARTS if stage.split()[0] in words]
        work[names[0] if names else "other"] += cost["seconds"]
    total = sum(work.values())
    if total > inside:
        work = {name: seconds * inside / total for name, seconds in work.items()}
    elif "wall_seconds_told" in entry:
        work["other"] += inside - total
    work[START] = wall - sum(work.values())
    return {name: seconds / wall * entry["x_decode_only"] for name, seconds in work.items()}


def figure(data: Row) -> str:
    """An SVG: a bar for each preset, as long as its wall time over that of decode-only ffmpeg."""
    film = _default(data)
    bars = [(preset, parts_of(_preset(film, preset))) for preset in PRESETS]
    longest = max(1.0, *(sum(parts.values()) for _name, parts in bars)) * 1.08
    left, width, top, step, thick = 150, 600, 30, 46, 28
    scale = width / longest
    colors = {name: color for name, _words, color in PARTS}
    out = []

    def text(x: float, y: float, words: str, more: str = "") -> None:
        out.append(f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>')

    def bar(x: float, y: float, length: float, color: str, title: str) -> None:
        out.append(
            f'<rect x="{x:.1f}" y="{y}" width="{length:.2f}" height="{thick}" fill="{color}">'
            f"<title>{escape(title)}</title></rect>"
        )

    rows: list[tuple[str, dict[str, float]]] = [("decode-only ffmpeg", {"decoding": 1.0}), *bars]
    for at, (name, parts) in enumerate(rows):
        y, x = top + at * step, float(left)
        text(left - 10, y + thick * 0.68, name, 'text-anchor="end"')
        for part, _words, color in PARTS:
            length = parts.get(part, 0.0) * scale
            bar(x, y, length, color, f"{name}, {part}: {parts.get(part, 0.0):.3f}")
            x += length
        text(x + 6, y + thick * 0.68, f"{sum(parts.values()):.2f}")
    bottom = top + len(rows) * step
    line = left + scale
    out.append(
        f'<line x1="{line:.1f}" x2="{line:.1f}" y1="{top - 10}" y2="{bottom - 8}" stroke="#555" '
        'stroke-dasharray="4 3"/>'
    )
    shown = [name for name, *_ in PARTS if any(parts.get(name, 0.0) > 0 for _, parts in rows)]
    for at, name in enumerate(shown):
        x, y = left + at % 5 * 120, bottom + 14 + at // 5 * 22
        out.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colors[name]}"/>')
        text(x + 17, y, name)
    height = bottom + 14 + (len(shown) - 1) // 5 * 22 + 18
    text(left, 14, "wall time over that of decoding every frame with ffmpeg")
    body = "\n".join(out)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 20} {height}" '
        f'font-family="sans-serif" font-size="13" role="img">\n'
        f"<title>Where the time of each preset goes</title>\n"
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _default(data: Row) -> Row:
    return next(iter(data["films"].values()))


def _preset(film: Row, preset: str) -> Row:
    return next(one for one in film["rows"] if one["name"] == f"fastthumb {preset}")


def _stage(cost: Row) -> str:
    frames = f" ({cost['frames']:,})" if cost["frames"] else ""
    return f"{cost['seconds']:.2f}{frames}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _left_out(film: Row) -> str:
    return "".join(f"\n\nLeft out: {sentence}." for sentence in film.get("left_out", []))


def main() -> None:
    data = json.loads(RESULT.read_text(encoding="utf-8"))["data"]
    PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), data), encoding="utf-8")
    FIGURE.write_text(figure(data), encoding="utf-8")
    print(f"written: {PAGE} and {FIGURE}")


if __name__ == "__main__":
    main()
