"""What went wrong while reading a film that is still usable: one sentence per matter."""

from __future__ import annotations

_MERGE_SECONDS = 1.0
_MAX_SPANS_NAMED = 4


class Trouble:
    """Collects damage and oddities into a list of warnings that grows and sharpens."""

    def __init__(self, warnings: list[str]) -> None:
        self._warnings = warnings
        self._places: dict[str, int] = {}
        self._spans: list[list[float]] = []
        self._unplaced = 0

    def say(self, matter: str, sentence: str) -> None:
        """Put a sentence about a matter, in place of an earlier one about the same."""
        if matter in self._places:
            self._warnings[self._places[matter]] = sentence
        else:
            self._places[matter] = len(self._warnings)
            self._warnings.append(sentence)

    def damaged(self, seconds: float | None) -> None:
        """Note that data near this moment of the film is lost or wrong."""
        if seconds is None:
            self._unplaced += 1
        else:
            self._add_span(seconds)
        spans = [
            f"at {first:.1f} s" if last - first < 0.05 else f"from {first:.1f} to {last:.1f} s"
            for first, last in self._spans[:_MAX_SPANS_NAMED]
        ]
        if len(self._spans) > _MAX_SPANS_NAMED:
            spans.append(f"at {len(self._spans) - _MAX_SPANS_NAMED} more places")
        where = ", ".join(spans) if spans else "at a place that has no timestamp"
        self.say("damage", f"the file is damaged {where}; the frames that decode are used")

    def _add_span(self, seconds: float) -> None:
        seconds = max(0.0, seconds)
        for span in self._spans:
            if span[0] - _MERGE_SECONDS <= seconds <= span[1] + _MERGE_SECONDS:
                span[0], span[1] = min(span[0], seconds), max(span[1], seconds)
                break
        else:
            self._spans.append([seconds, seconds])
        self._spans.sort()
        merged: list[list[float]] = []
        for span in self._spans:
            if merged and span[0] <= merged[-1][1] + _MERGE_SECONDS:
                merged[-1][1] = max(merged[-1][1], span[1])
            else:
                merged.append(span)
        self._spans = merged
