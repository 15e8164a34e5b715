"""What there is of each model: for people, in `fastthumb models` and `fastthumb doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fastthumb.errors import ModelError
from fastthumb.inference.models import TASKS
from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.inference.entries import ModelEntry
    from fastthumb.inference.models import Registry, Resolved

UNREAD = frozenset({"subject-mask"})  # tasks whose models are kept and checked, and not used
State = Literal["here", "built in", "not here", "damaged"]


@dataclass(frozen=True, slots=True)
class Row:
    """One model: `taken` if its task takes it now; `problem` says why it is damaged."""

    entry: ModelEntry
    state: State
    taken: bool
    path: Path | None = None
    sha256: str | None = None
    problem: str = ""

    def described(self) -> str:
        """Where it is, or how to get it, in a few words."""
        if self.state == "damaged":
            return self.problem
        if self.state == "built in":
            return f"built in, {self.entry.license}"
        if self.state == "here":
            return f"{printable(self.path or '')}, {self.entry.license}"
        size = self.entry.size_bytes
        megabytes = f", {size / 1e6:.1f} MB" if size else ""
        how = "can be pulled" if self.entry.urls else f"not here, from {self.entry.source or '?'}"
        return f"{how}{megabytes}, {self.entry.license}"

    def as_json(self) -> dict[str, Any]:
        """The row as a dict."""
        return {
            "name": self.entry.name,
            "task": self.entry.task,
            "family": self.entry.family,
            "state": self.state,
            "taken": self.taken,
            "path": str(self.path) if self.path else None,
            "sha256": self.sha256 or self.entry.sha256,
            "size_bytes": self.entry.size_bytes,
            "license": self.entry.license,
            "source": self.entry.source,
            "urls": list(self.entry.urls),
            "problem": self.problem or None,
        }


def survey(registry: Registry, *, load: bool = False) -> list[Row]:
    """Look for every model, by task and in the order of taking; hashes are compared.

    With `load` each one that is here is also loaded and compared with its entry.
    """
    rows = []
    for task in TASKS:
        found = registry.find(task) if task not in UNREAD else None
        first = registry.order.get(task, ())
        others = sorted(
            name for name, e in registry.entries.items() if e.task == task and name not in first
        )
        for name in (*first, *others):
            entry = registry.entries[name]
            rows.append(_row(registry, entry, found is not None and found.entry == entry, load))
    return rows


def _row(registry: Registry, entry: ModelEntry, taken: bool, load: bool) -> Row:
    try:
        resolved = registry.resolve(entry)
        if resolved is None:
            return Row(entry, "not here", taken=False)
        if load:
            _load(resolved)
    except ModelError as exc:
        return Row(entry, "damaged", taken=taken, problem=str(exc))
    state: State = "built in" if entry.built_in else "here"
    return Row(entry, state, taken, resolved.path, resolved.sha256)


def _load(resolved: Resolved) -> None:
    if resolved.entry.built_in:
        from fastthumb.inference.mtcnn import Mtcnn

        Mtcnn.open(1, resolved)
        return
    from fastthumb.inference.onnx import open_network

    open_network(resolved, threads=1)
