"""Networks for tests that need no file: they answer what a test tells them to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastthumb.inference.entries import ModelEntry

Floats = npt.NDArray[np.float32]


def entry(task: str, family: str, *, output: dict[str, Any], **wanted: Any) -> ModelEntry:
    """A registry entry; `wanted` are keys of its input."""
    return ModelEntry.model_validate(
        {
            "name": f"sample-{task}",
            "task": task,
            "family": family,
            "file": "sample.onnx",
            "license": "MIT",
            "input": {"width": 64, "height": 64} | wanted,
            "output": output,
        }
    )


class SampleNetwork:
    """A network whose answer is a function of its tensor; keeps the tensors it was shown."""

    def __init__(
        self, described: ModelEntry, answer: Callable[[Floats], dict[str, npt.NDArray[Any]]]
    ) -> None:
        self.entry, self._answer = described, answer
        self.shown: list[Floats] = []
        self.output_names: tuple[str, ...] = described.output.names

    def run(self, tensors: Floats) -> dict[str, npt.NDArray[Any]]:
        self.shown.append(tensors)
        found = self._answer(tensors)
        self.output_names = self.entry.output.names or tuple(found)
        return found
