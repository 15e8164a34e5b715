"""Subtitles as dialogue: those beside a video or inside it, with the sentiment of their lines.

A file beside the video with its name (film.srt, film.en.vtt, film.en.sdh.ass, film.sub) goes
before a track inside it. Sentiment is known for English only. Whether lines are English is told
by the track's tag or the file's suffix; where neither says, by a simple test (`is_english`). What
cannot be read is a warning, and the video is treated as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fastthumb.analysis.dialogue import Dialogue, Line
from fastthumb.media.subtitles import TextLine, plain_text, text_track
from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.media.source import SourceInfo

SUFFIXES = (".srt", ".vtt", ".ass", ".ssa", ".sub")

_LARGEST_BYTES = 20 << 20
_KINDS = frozenset("forced sdh cc hi default full signs foreign".split())
_LAST = frozenset("forced signs foreign".split())  # kinds that do not hold the dialogue
_ENGLISH = ("en", "eng", "english")
_COMMON = frozenset(
    "the and you to of is it i that what this not have are with for we my your he she they be "
    "do don't i'm it's was there here know all can but how who".split()
)
_ENGLISH_SHARE, _ENOUGH_WORDS = 0.25, 12
_SOUNDS = re.compile(r"\[[^\]]*\]|\([^)]*\)|[♪♫#*]+")
_SPEAKER = re.compile(r"^(?:[-–]\s*)?(?:[A-Z][A-Z .']{1,24}:\s*)?")
_PICTURES = (b"\x00\x00\x01\xba", b"\x00\x00\x01\xb9")  # a .sub of DVD pictures


def dialogue_of(info: SourceInfo) -> tuple[Dialogue | None, list[str]]:
    """What is said in a video, and what could not be read, a sentence each.

    None where there are no subtitles, or none with a spoken line.
    """
    warnings: list[str] = []
    rate = float(info.average_rate) if info.average_rate else None
    for file in sidecars(info.path):
        lines = _read_file(file, rate, warnings)
        if spoken := _spoken(lines):
            return _dialogue(spoken, _suffix_language(file, info.path), file.name), warnings
    track, complaints = text_track(info)
    warnings += complaints
    if track is not None and (spoken := _spoken(track.lines)):
        return _dialogue(spoken, track.language, f"{track.codec} track"), warnings
    return None, warnings


def sidecars(video: Path) -> list[Path]:
    """Subtitle files that belong to a video, best first: whole before forced, English first."""
    folder, stem = Path(video).parent, Path(video).stem
    try:
        found = [
            file
            for file in folder.iterdir()
            if file.suffix.lower() in SUFFIXES
            and (file.stem == stem or file.stem.startswith(f"{stem}."))
            and file.is_file()
        ]
    except OSError:
        return []

    def order(file: Path) -> tuple[bool, bool, bool, int, str]:
        parts = _extra(file, video)
        language = _suffix_language(file, video)
        return (
            bool(_LAST & set(parts)),
            language != "en",
            language is not None,
            SUFFIXES.index(file.suffix.lower()),
            file.name,
        )

    return sorted(found, key=order)


def is_english(lines: Iterable[str]) -> bool:
    """Whether text looks English: a quarter of its words are the commonest of English.

    Texts of less than a dozen words are not judged: False.
    """
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", " ".join(lines).lower().replace("’", "'"))
    if len(words) < _ENOUGH_WORDS:
        return False
    return sum(word in _COMMON for word in words) >= _ENGLISH_SHARE * len(words)


def _dialogue(lines: Sequence[TextLine], language: str | None, source: str) -> Dialogue:
    said = _plain_language(language) if language else None
    if said is None and is_english(line.text for line in lines[:2000]):
        said = "en"
    sentiments: list[float | None] = [None] * len(lines)
    if said == "en":
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        analyzer = SentimentIntensityAnalyzer()
        sentiments = [float(analyzer.polarity_scores(one.text)["compound"]) for one in lines]
    return Dialogue(
        tuple(
            Line(line.start_seconds, line.end_seconds, line.text, sentiment)
            for line, sentiment in zip(lines, sentiments, strict=True)
        ),
        said,
        source,
    )


def _read_file(file: Path, rate: float | None, warnings: list[str]) -> list[TextLine]:
    import pysubs2

    def refuse(reason: object) -> list[TextLine]:
        warnings.append(f"{printable(file)}: these subtitles cannot be read ({reason}); left out")
        return []

    try:
        if file.stat().st_size > _LARGEST_BYTES:
            return refuse("larger than any subtitles")
        data = file.read_bytes()
    except OSError as exc:
        return refuse(exc.strerror or exc)
    if data.startswith(_PICTURES):
        return refuse("pictures, not text")
    try:
        read = pysubs2.SSAFile.from_string(_decoded(data), fps=rate)
    except (pysubs2.Pysubs2Error, ValueError, LookupError, ArithmeticError) as exc:
        return refuse(f"{type(exc).__name__}: {str(exc)[:80]}")
    lines = [
        TextLine(max(event.start / 1000.0, 0.0), event.end / 1000.0, text)
        for event in read
        if not event.is_comment
        and not event.is_drawing
        and (text := plain_text(event.text))
        and event.end > event.start
    ]
    if not lines:
        return refuse("it holds no lines")
    return sorted(lines, key=lambda line: (line.start_seconds, line.end_seconds))


def _decoded(data: bytes) -> str:
    """Text by its byte order mark, else as UTF-8, else as Windows-1252, which takes any byte."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _spoken(lines: Iterable[TextLine]) -> list[TextLine]:
    """Lines of speech: sounds, songs and the names of speakers taken away."""
    spoken = []
    for line in lines:
        text = _SPEAKER.sub("", _SOUNDS.sub(" ", line.text).strip()).strip(" -–")
        if any(sign.isalnum() for sign in text):
            spoken.append(TextLine(line.start_seconds, line.end_seconds, " ".join(text.split())))
    return spoken


def _extra(file: Path, video: Path) -> list[str]:
    """What stands between the video's name and the suffix, such as ["en", "sdh"]."""
    rest = file.stem[len(Path(video).stem) :]
    return [part.lower() for part in rest.split(".") if part]


def _suffix_language(file: Path, video: Path) -> str | None:
    for part in _extra(file, video):
        if part not in _KINDS and re.fullmatch(r"[a-z]{2,3}(?:[-_][a-z0-9]+)?|[a-z]{4,12}", part):
            return _plain_language(part)
    return None


def _plain_language(tag: str) -> str:
    """A language tag as it is kept: "en" for every way to say English, else in lower case."""
    first = re.split(r"[-_]", tag.lower())[0]
    return "en" if first in _ENGLISH else first
