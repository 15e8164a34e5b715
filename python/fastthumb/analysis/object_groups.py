"""What kind of thing an object is, by the label of its class (object_groups.toml)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

OTHER = "other"


def group_of(label: str) -> str:
    """Group of a label in any case: person, vehicle, weapon, ... ; "other" if it is in none."""
    return _groups().get(label.lower(), OTHER)


@cache
def _groups() -> dict[str, str]:
    text = files("fastthumb.analysis").joinpath("object_groups.toml").read_text("utf-8")
    return {label: group for group, labels in tomllib.loads(text).items() for label in labels}
