"""Synopsis: what a file beside a video says of it: title, genres, plot.

Read, the first that is there, are film.nfo and movie.nfo, tvshow.nfo beside an episode (Kodi's
XML, also with a line of plain text or an address behind it), film.json (keys "title", "genre" or
"genres", "plot", "synopsis", "overview" or "description") and film.txt (lines "Genre: ...", the
rest is the plot). A file that cannot be read is a warning. Entities of XML are not expanded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from fastthumb.names import printable

_LARGEST_BYTES = 1 << 20
_LONGEST_PLOT = 4000
_ELEMENT = r"<{0}(?:\s[^>]*)?>(.*?)</{0}\s*>"
_XML = re.compile(r"<(movie|tvshow|episodedetails|musicvideo)\b", re.IGNORECASE)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_FIELD = re.compile(r"^\s*(genres?|title|plot|synopsis|overview)\s*[:=]\s*(.*)$", re.IGNORECASE)
_PLOTS = ("plot", "synopsis", "overview", "description", "outline")


@dataclass(frozen=True, slots=True)
class Synopsis:
    """What is said of a film beside it; `source` is the name of the file that says it."""

    title: str | None
    genres: tuple[str, ...]
    plot: str | None
    source: str


def synopsis_files(video: Path) -> list[Path]:
    """Where the synopsis of a video may be, in the order of looking; none beside a URL."""
    folder, stem = Path(video).parent, Path(video).stem
    if "://" in str(video):
        return []
    names = [f"{stem}.nfo", f"{stem}.json", f"{stem}.txt", "movie.nfo", "tvshow.nfo"]
    return [folder / name for name in names]


def read_synopsis(video: Path) -> tuple[Synopsis | None, list[str]]:
    """The synopsis beside a video, and what could not be read, a sentence each.

    None where there is no such file, or none that says anything.
    """
    warnings: list[str] = []
    for file in synopsis_files(video):
        name = file.name
        try:
            if not file.is_file():
                continue
            if file.stat().st_size > _LARGEST_BYTES:
                raise ValueError("larger than any synopsis")
            text = _decoded(file.read_bytes())
            found = _from_json(text, name) if name.endswith(".json") else _from_text(text, name)
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or exc
            warnings.append(f"{printable(file)}: cannot be read ({str(reason)[:80]}); left out")
            continue
        if found.title or found.genres or found.plot:
            return found, warnings
    return None, warnings


def _from_json(text: str, source: str) -> Synopsis:
    document = json.loads(text)
    if not isinstance(document, dict):
        return Synopsis(None, (), None, source)
    said = {str(key).lower(): value for key, value in document.items()}
    genres: list[str] = []
    for key in ("genre", "genres"):
        value = said.get(key)
        genres += [value] if isinstance(value, str) else []
        genres += [str(one) for one in value] if isinstance(value, list) else []
    plot = next((said[key] for key in _PLOTS if isinstance(said.get(key), str)), None)
    title = said.get("title")
    return _synopsis(title if isinstance(title, str) else None, genres, plot, source)


def _from_text(text: str, source: str) -> Synopsis:
    if _XML.search(text):
        title, plot = (
            _elements(text, "title"),
            _elements(text, "plot") or _elements(text, "outline"),
        )
        return _synopsis(
            next(iter(title), None), _elements(text, "genre"), next(iter(plot), None), source
        )
    fields: dict[str, list[str]] = {}
    rest = []
    for line in text.splitlines():
        if match := _FIELD.match(line):
            fields.setdefault(match[1].lower().rstrip("s"), []).append(match[2])
        elif line.strip() and "://" not in line:
            rest.append(line.strip())
    plot = next((fields[key] for key in ("plot", "synopsi", "overview") if key in fields), rest)
    return _synopsis(
        next(iter(fields.get("title", [])), None), fields.get("genre", []), " ".join(plot), source
    )


def _elements(text: str, name: str) -> list[str]:
    found = re.findall(_ELEMENT.format(name), text, re.IGNORECASE | re.DOTALL)
    plain = [re.sub(r"<[^>]*>", " ", _CDATA.sub(r"\1", one)) for one in found]
    return [unescape(one).strip() for one in plain if one.strip()]


def _synopsis(title: str | None, genres: Iterable[str], plot: str | None, source: str) -> Synopsis:
    names = [part.strip() for genre in genres for part in re.split(r"[/,;|]", genre)]
    text = " ".join((plot or "").split())[:_LONGEST_PLOT]
    plain_title = " ".join((title or "").split())
    return Synopsis(
        plain_title or None, tuple(dict.fromkeys(filter(None, names))), text or None, source
    )


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
