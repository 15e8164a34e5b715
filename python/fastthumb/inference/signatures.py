"""Inputs and outputs of a loaded network, checked against what the registry says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastthumb.errors import ModelError

if TYPE_CHECKING:
    from fastthumb.inference.entries import ModelEntry

FLOAT32 = "tensor(float)"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output: an axis of `shape` that is no number is free.

    `type` is named as ONNX Runtime names it: "tensor(float)" is float32.
    """

    name: str
    shape: tuple[int | str | None, ...]
    type: str = FLOAT32


def check_input(
    entry: ModelEntry, inputs: Sequence[TensorSpec], layout: Literal["nchw", "nhwc"]
) -> None:
    """Raise ModelError unless there is one input of the name, kind and size of the entry."""
    names = [tensor.name for tensor in inputs]
    if len(inputs) != 1:
        raise ModelError(f"model {entry.name}: wanted a graph with one input, got {names}")
    if entry.input.name not in (None, names[0]):
        raise ModelError(
            f"model {entry.name}: wanted input {entry.input.name!r}, got {names[0]!r}; "
            "correct input.name in its entry"
        )
    size = (entry.input.height, entry.input.width)
    wanted = (3, *size) if layout == "nchw" else (*size, 3)
    shape, kind = inputs[0].shape, inputs[0].type
    free = entry.input.multiple_of is not None
    fits = len(shape) == 4 and all(
        not isinstance(got, int) or got == want for got, want in zip(shape[1:], wanted, strict=True)
    )
    if kind != FLOAT32 or not fits:
        raise ModelError(
            f"model {entry.name}: wanted an input float32 (n, {', '.join(map(str, wanted))}) as "
            f"its entry says, got {kind} {shape}; correct its entry"
        )
    if free and any(
        isinstance(got, int) for got, want in zip(shape[1:], wanted, strict=True) if want != 3
    ):
        raise ModelError(
            f"model {entry.name}: input.multiple_of says that it takes any size, but its graph "
            f"takes {shape} only; leave multiple_of out"
        )


def check_outputs(entry: ModelEntry, outputs: Iterable[TensorSpec]) -> None:
    """Raise ModelError unless the outputs that the entry names are there, of the right width."""
    shapes = {tensor.name: tensor.shape for tensor in outputs}
    names = entry.output.names or tuple(shapes)
    for name in names:
        if name not in shapes:
            raise ModelError(
                f"model {entry.name}: wanted output {name!r}, got {', '.join(shapes)}; "
                "correct output.names in its entry"
            )
    strides, labels = len(entry.output.strides or (8, 16, 32)), len(entry.output.labels)
    count = {"yunet": 4 * strides, "picodet": 2 * strides, "face-mesh": 2}.get(entry.family, 1)
    if len(names) < count or (len(names) > count and not entry.output.names):
        raise ModelError(
            f"model {entry.name}: family {entry.family!r} reads {count} outputs, the graph has "
            f"{len(names)}: {', '.join(names)}; name them in output.names"
        )
    width = {
        "embedding": entry.output.size,
        "classifier": labels,
        "yolox": labels + 5,
        "picodet": labels,
    }.get(entry.family)
    last = shapes[names[0]][-1] if shapes[names[0]] else None
    if width is not None and isinstance(last, int) and last != width:
        raise ModelError(
            f"model {entry.name}: wanted {width} numbers in output {names[0]!r}, got {last}; "
            "correct output.size or output.labels in its entry"
        )
