"""The registry: which model does which task, and where its file is. Never downloads.

A task takes the first model of its order that is there. A file is looked for in the models
folder (`--models`, FASTTHUMB_MODELS), then in the user's cache; the built-in face detector is made
from an installed package and comes last. `models.toml` in the models folder adds models or replaces
known ones; those come first for their task, unless its own [tasks] says otherwise.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from fastthumb.errors import ModelError, SettingsError
from fastthumb.inference.cache import models_cache, sha256_of
from fastthumb.inference.entries import ModelEntry, Task
from fastthumb.names import printable

__all__ = ["OWN_FILE", "TASKS", "WANTED", "ModelEntry", "Registry", "Resolved", "built_in_weights"]

TASKS: tuple[Task, ...] = get_args(Task)
# What a run looks for; a task that is not here is only ever an addition.
WANTED: tuple[Task, ...] = (
    "faces",
    "identity",
    "expression",
    "objects",
    "text",
    "face-mesh",
    "embedding",
    "pose",
)
OWN_FILE = "models.toml"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model that is here and whose hash is right; `path` is its file (or its weights' folder).

    `sha256` is the hash of the file: the registry's, or computed where the user's entry has none.
    """

    entry: ModelEntry
    path: Path
    sha256: str


class Registry:
    """The models that are known and the folders in which their files may be."""

    def __init__(
        self,
        entries: dict[str, ModelEntry],
        order: dict[str, tuple[str, ...]],
        folders: tuple[Path, ...],
    ) -> None:
        self.entries, self.order, self.folders = entries, order, folders
        self.problems: list[str] = []
        """Sentences about files that are here and cannot be used, as far as `find` met them."""

    @classmethod
    def load(cls, models_dir: str | Path | None = None) -> Registry:
        """Read the package's registry and the models folder's own models.toml, if there is one.

        Without `models_dir` the folder is FASTTHUMB_MODELS, if that is set. Raises SettingsError
        if the folder is not there, and, naming file and key, if its models.toml is wrong.
        """
        entries, order, labels = _package_registry()
        entries, order = dict(entries), dict(order)
        origin = "--models" if models_dir is not None else "FASTTHUMB_MODELS"
        chosen = models_dir if models_dir is not None else os.environ.get("FASTTHUMB_MODELS")
        if not chosen:
            return cls(entries, order, (models_cache(),))
        folder = Path(chosen).expanduser()
        if not folder.is_dir():
            raise SettingsError(
                f"{origin}: {printable(folder)} is no folder; name the folder of your ONNX files"
            )
        own = folder / OWN_FILE
        if own.exists():
            _add_own(own, entries, order, labels)
        return cls(entries, order, (folder, models_cache()))

    def named(self, name: str) -> ModelEntry:
        """The model of that name; raises SettingsError, with the known names, if there is none."""
        if name not in self.entries:
            known = ", ".join(sorted(self.entries))
            raise SettingsError(f"no model is called {printable(name)}; known are: {known}")
        return self.entries[name]

    def find(self, task: str) -> Resolved | None:
        """The model for a task: the first of its order that is here and whole; None if none is.

        A file that is not what its entry says is passed over; `problems` then says so.
        """
        for name in self.order.get(task, ()):
            try:
                resolved = self.resolve(self.entries[name])
            except ModelError as exc:
                self._note(exc)
                continue
            if resolved is not None:
                return resolved
        return None

    def resolve(self, entry: ModelEntry) -> Resolved | None:
        """The model's file, hash checked; None if it is nowhere.

        A damaged file is passed over where a later folder has a whole one. Raises ModelError if
        it is there and cannot be read or its hash is wrong.
        """
        if entry.built_in:
            folder = built_in_weights()
            if folder is None:
                return None
            from fastthumb.inference.mtcnn_weights import combined_sha256

            return Resolved(entry, folder, combined_sha256(entry.weights))
        damaged: ModelError | None = None
        for path in self.places(entry):
            if not path.is_file():
                continue
            try:
                resolved = Resolved(entry, path, _checked(entry, path))
            except ModelError as exc:
                damaged = damaged or exc
                continue
            if damaged is not None:
                self._note(damaged)
            return resolved
        if damaged is not None:
            raise damaged
        return None

    def places(self, entry: ModelEntry) -> Iterator[Path]:
        """Where the model's file may be, in the order of looking."""
        if entry.file is not None:
            for folder in self.folders:
                yield folder / entry.file

    def missing(self) -> list[str]:
        """One sentence, or none: which tasks have no model, and how to get one."""
        lacking = [task for task in WANTED if self.find(task) is None]
        pullable = [task for task in lacking if self._urls_for(task)]
        others = [task for task in lacking if task not in pullable]
        parts = []
        if pullable:
            parts.append(f"no model for {_listed(pullable)} ('fastthumb models pull' gets one)")
        if others:
            parts.append(
                f"{'none' if parts else 'no model'} for {_listed(others)} "
                "(bring your own ONNX file: docs/models.md)"
            )
        faces = self.find("faces")
        if faces is not None and faces.entry.built_in and self._urls_for("faces"):
            parts.append(
                "faces are found by the built-in detector ('fastthumb models pull' gets a better)"
            )
        return ["; ".join(parts)] if parts else []

    def _note(self, problem: ModelError) -> None:
        if str(problem) not in self.problems:
            self.problems.append(str(problem))

    def _urls_for(self, task: str) -> bool:
        return any(self.entries[name].urls for name in self.order.get(task, ()))


def built_in_weights() -> Path | None:
    """Folder of the built-in detector's weights; None if their package is not installed."""
    spec = find_spec("mtcnn")  # finds the package, and runs nothing of it
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        weights = Path(folder) / "assets" / "weights"
        if weights.is_dir():
            return weights
    return None


def _checked(entry: ModelEntry, path: Path) -> str:
    sha256 = sha256_of(path)
    if entry.sha256 not in (None, sha256):
        remedy = "replace it"
        if entry.urls:
            remedy = f"remove it and run 'fastthumb models pull {entry.name}'"
        raise ModelError(
            f"{printable(path)}: is not the file of model {entry.name} (SHA-256 {sha256[:12]}..., "
            f"wanted {(entry.sha256 or '')[:12]}...); {remedy}, or give it an entry of its own in "
            f"{OWN_FILE}"
        )
    return sha256


@cache
def _package_registry() -> tuple[
    dict[str, ModelEntry], dict[str, tuple[str, ...]], dict[str, list[str]]
]:
    table = tomllib.loads((files("fastthumb.inference") / OWN_FILE).read_text(encoding="utf-8"))
    labels: dict[str, list[str]] = table["labels"]
    entries = {
        name: _entry(name, fields, labels, OWN_FILE) for name, fields in table["models"].items()
    }
    return entries, {task: tuple(names) for task, names in table["tasks"].items()}, labels


def _add_own(
    file: Path,
    entries: dict[str, ModelEntry],
    order: dict[str, tuple[str, ...]],
    known_labels: dict[str, list[str]],
) -> None:
    """Merge a user's models.toml into `entries` and `order`."""
    where = printable(file)
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise SettingsError(f"{where}: cannot be read ({exc.strerror}); make it readable") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{where}: is no TOML in UTF-8 ({exc}); correct it there") from exc
    if strange := sorted(table.keys() - {"tasks", "labels", "models"}):
        raise SettingsError(
            f"{where}: unknown table {strange[0]!r}; wanted are [models.NAME], [tasks], [labels]"
        )
    for key in ("tasks", "labels", "models"):
        if not isinstance(table.get(key, {}), dict):
            raise SettingsError(f"{where}: {key}: wanted a table, got {table[key]!r}")
    labels = known_labels | table.get("labels", {})
    for key, names in table.get("labels", {}).items():
        _check_names(where, f"labels.{key}", names)
    for name, fields in table.get("models", {}).items():
        if not isinstance(fields, dict):
            raise SettingsError(f"{where}: models.{name}: wanted a table, got {fields!r}")
        entry = entries[name] = _entry(name, fields, labels, where)
        others = tuple(other for other in order.get(entry.task, ()) if other != name)
        order[entry.task] = (name, *others)
        for task, names in order.items():
            if task != entry.task and name in names:
                order[task] = tuple(other for other in names if other != name)
    for task, names in table.get("tasks", {}).items():
        if task not in TASKS:
            raise SettingsError(f"{where}: tasks.{task}: wanted one of {', '.join(TASKS)}")
        _check_names(where, f"tasks.{task}", names)
        for name in names:
            if name not in entries or entries[name].task != task:
                raise SettingsError(
                    f"{where}: tasks.{task}: {name!r} is no model for {task}; "
                    f"describe it under [models.{name}]"
                )
        order[task] = tuple(names)


def _check_names(where: str, key: str, names: object) -> None:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SettingsError(f"{where}: {key}: wanted a list of names, got {names!r}")


def _entry(
    name: str, fields: dict[str, Any], labels: dict[str, list[str]], where: str
) -> ModelEntry:
    """One model from its table, names of label lists replaced by the lists."""
    if isinstance(output := fields.get("output"), dict) and isinstance(output.get("labels"), str):
        wanted = output["labels"]
        if wanted not in labels:
            raise SettingsError(
                f"{where}: models.{name}.output.labels: no list is called {wanted!r}; "
                f"write the labels out, or take one of {', '.join(sorted(labels))}"
            )
        fields = fields | {"output": output | {"labels": labels[wanted]}}
    try:
        return ModelEntry.model_validate({"name": name} | fields)
    except ValidationError as exc:
        error = exc.errors()[0]
        key = ".".join(str(part) for part in ("models", name, *error["loc"]))
        message = error["msg"].removeprefix("Value error, ")
        message = message[:1].lower() + message[1:]
        raise SettingsError(f"{where}: {key}: {message}; see docs/models.md") from exc


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
