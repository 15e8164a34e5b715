"""Names, times and scores as people read them, the same on the contact sheet and in the gallery."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.records import TitleRecord, Variant

_HYPHEN = re.compile(r"-(?!up\b)")  # that of "close-up" stays


def title_name(record: TitleRecord) -> str:
    """What a title is called: its file's name without the suffix, or its id where that is empty."""
    return printable(record.source.location.stem) or record.title_id


def clock(seconds: float, *, tenths: bool = False) -> str:
    """Seconds as 0:42, 12:04 or 1:02:03, rounded to the nearest; with `tenths` as 0:42.3."""
    ticks = round(max(seconds, 0.0) * 10) if tenths else round(max(seconds, 0.0)) * 10
    whole, tenth = divmod(ticks, 10)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    return f"{text}.{tenth}" if tenths else text


def spoken(label: str) -> str:
    """A label of the data as words: "hero-close-up" becomes "Hero close-up"."""
    text = _HYPHEN.sub(" ", label.replace("_", " "), count=1).strip()
    return text[:1].upper() + text[1:]


def seen_in(variant: Variant) -> str:
    """Who is in a picture, in few words: "Ada, Ben +2", "duo", or "" where nobody is known."""
    names = variant.characters
    if names:
        more = f" +{len(names) - 2}" if len(names) > 2 else ""
        return ", ".join(names[:2]) + more
    return variant.people if variant.people not in (None, "none") else ""


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 shot, 1,204 shots."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"
