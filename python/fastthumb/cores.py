"""The cores that this process may use."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """How many, where a container or `taskset` leaves fewer than the machine has; at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
