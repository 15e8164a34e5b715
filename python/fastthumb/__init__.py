"""fastthumb turns videos into artwork; see `process` for the whole job.

Importing this package imports nothing heavy: every public name is loaded at its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastthumb.api import analyze, choose, process
    from fastthumb.errors import FastthumbError
    from fastthumb.pipeline import Analysis
    from fastthumb.records import TitleRecord
    from fastthumb.settings import Settings

_HOME = {
    "Analysis": "fastthumb.pipeline",
    "FastthumbError": "fastthumb.errors",
    "Settings": "fastthumb.settings",
    "TitleRecord": "fastthumb.records",
    "analyze": "fastthumb.api",
    "choose": "fastthumb.api",
    "process": "fastthumb.api",
}

__version__ = "0.1.0"
__all__ = [
    "Analysis",
    "FastthumbError",
    "Settings",
    "TitleRecord",
    "__version__",
    "analyze",
    "choose",
    "process",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'fastthumb' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
