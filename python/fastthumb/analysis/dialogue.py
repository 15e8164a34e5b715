"""Dialogue: what is said in a film and when, and how it sounds.

Times come from subtitles. Sentiment is -1..1 by a lexicon of English (VADER: Hutto and Gilbert,
2014); for other languages there are times but no sentiment.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

_REACH_SECONDS = 2.0  # around a time: the lines that sound in its picture
_LONGEST_SECONDS = 15.0  # no spoken line lasts longer: what does is a sign or a karaoke line


@dataclass(frozen=True, slots=True)
class Line:
    """One spoken line; seconds from the first frame. `sentiment` is -1..1, None if unknown."""

    start_seconds: float
    end_seconds: float
    text: str
    sentiment: float | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The lines of a film in order of their start.

    `language` is a tag such as "en", None where nothing says it; `source` is what they were
    read from, for people.
    """

    lines: tuple[Line, ...]
    language: str | None
    source: str
    _starts: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_starts", tuple(line.start_seconds for line in self.lines))

    def around(self, seconds: float) -> tuple[float | None, bool]:
        """Mean sentiment of the lines within two seconds, and whether one is under way.

        The sentiment is None where nothing is said or no line's sentiment is known.
        """
        first = bisect_right(self._starts, seconds - _REACH_SECONDS - _LONGEST_SECONDS)
        last = bisect_right(self._starts, seconds + _REACH_SECONDS)
        total, count, talking = 0.0, 0, False
        for line in self.lines[first:last]:
            if line.end_seconds < seconds - _REACH_SECONDS:
                continue
            talking |= line.start_seconds <= seconds <= line.end_seconds
            if line.sentiment is not None:
                total += line.sentiment
                count += 1
        return (total / count if count else None), talking
