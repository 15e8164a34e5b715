"""Names of files as text that can be shown."""

from __future__ import annotations

import os


def printable(name: str | os.PathLike[str]) -> str:
    """A name that any terminal, log and page can show: odd bytes and controls as escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
