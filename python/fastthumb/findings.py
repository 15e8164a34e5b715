"""What `fastthumb doctor` found out about one thing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says how to get more where `ok` is False."""

    what: str
    ok: bool
    found: str
    advice: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding as a dict."""
        return asdict(self)
