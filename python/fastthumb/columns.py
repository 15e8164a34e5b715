"""Dataclasses as columns: many objects of one class become one NumPy array per field, and back.

What the stages hand on are lists of small frozen dataclasses. On disk a list is better as
arrays, a field each, without pickle. The fields' annotations say how each is stored:

    int, float, bool, str, Literal      one column; exact
    Fraction, Path                      text ("24000/1001"; see records.escape_path)
    X | None                            the values that are there, and which (`name?`)
    tuple[float, float]                 one column with a second axis
    tuple[X, ...]                       all elements of all tuples, and how many each (`name#`)
    dict[str, float]                    one column with a second axis, and its keys (`name@`)
    NDArray                             one column with more axes; float32 as float16 where that
                                        loses nothing
    another dataclass                   its own columns (`name.field`)

`packed` puts any number of columns one behind the other into one array of bytes, `listed` says
what they are, and `unpacked` takes them apart again.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from fastthumb.records import escape_path, unescape_path

Column = npt.NDArray[Any]
Item = TypeVar("Item")

_PACKED = "biufU"  # kinds of NumPy that hold no references
_SCALARS: dict[Any, type[np.generic]] = {
    int: np.int64,
    float: np.float64,
    bool: np.bool_,
    str: np.str_,
}


def to_columns(kind: type[Item], items: Sequence[Item], prefix: str = "") -> dict[str, Column]:
    """The fields of `items`, all of the dataclass `kind`, as arrays named `prefix` + field.

    Raises TypeError where an annotation has no column form.
    """
    columns: dict[str, Column] = {}
    for name, hint in _hints(kind).items():
        _put(columns, prefix + name, hint, [getattr(item, name) for item in items])
    return columns


def from_columns(
    kind: type[Item], columns: Mapping[str, Column], count: int, prefix: str = ""
) -> list[Item]:
    """The `count` objects that `to_columns` took apart; equal to them field by field.

    Raises KeyError where a column is missing, ValueError where one has another length or form.
    """
    values = {
        name: _get(columns, prefix + name, hint, count) for name, hint in _hints(kind).items()
    }
    return [kind(**{name: values[name][row] for name in values}) for row in range(count)]


def listed(columns: Mapping[str, Column]) -> dict[str, list[Any]]:
    """The dtype and shape of each column by name, in order; plain enough for JSON."""
    return {name: [column.dtype.str, list(column.shape)] for name, column in columns.items()}


def packed(columns: Mapping[str, Column]) -> npt.NDArray[np.uint8]:
    """All columns as one array of bytes, those of each ordered by significance.

    Neighboring numbers are alike in their higher bytes: so ordered, a zip makes less of them.
    """
    parts = [
        np.ascontiguousarray(column).reshape(-1).view(np.uint8).reshape(column.size, -1).T.ravel()
        for column in columns.values()
        if column.size
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint8)


def unpacked(directory: Mapping[str, Any], data: npt.NDArray[np.uint8]) -> dict[str, Column]:
    """The columns that `packed` put into `data`; `directory` is what `listed` said of them.

    Raises TypeError or ValueError where the two do not belong together.
    """
    columns: dict[str, Column] = {}
    start = 0
    for name, (code, shape) in directory.items():
        dtype = np.dtype(code)
        if dtype.kind not in _PACKED or any(length < 0 for length in shape):
            raise ValueError(f"column {name}: wanted plain numbers or text, got {code} {shape}")
        count = math.prod(shape)
        part = data[start : start + count * dtype.itemsize].reshape(dtype.itemsize, count)
        columns[name] = np.ascontiguousarray(part.T).view(dtype).reshape(shape)
        start += part.size
    if start != data.size:
        raise ValueError(f"columns: wanted {start} bytes, got {data.size}")
    return columns


def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: _plain(hints[field.name]) for field in fields(kind)}


def _plain(hint: Any) -> Any:
    return type(get_args(hint)[0]) if get_origin(hint) is Literal else hint


def _optional(hint: Any) -> Any:
    """X where the annotation is X | None, else None."""
    if get_origin(hint) not in (Union, types.UnionType):
        return None
    inner = [arg for arg in get_args(hint) if arg is not types.NoneType]
    return _plain(inner[0]) if len(inner) == 1 and len(get_args(hint)) == 2 else None


def _is_array(hint: Any) -> bool:
    return hint is np.ndarray or get_origin(hint) is np.ndarray


def _put(columns: dict[str, Column], name: str, hint: Any, values: list[Any]) -> None:
    inner = _optional(hint)
    if inner is not None:
        columns[f"{name}?"] = np.array([value is not None for value in values], dtype=np.bool_)
        _put(columns, name, inner, [value for value in values if value is not None])
    elif hint in _SCALARS:
        columns[name] = np.array(values, dtype=_SCALARS[hint])
    elif hint is Fraction:
        columns[name] = np.array([str(value) for value in values], dtype=np.str_)
    elif hint is Path:
        columns[name] = np.array([escape_path(value) for value in values], dtype=np.str_)
    elif is_dataclass(hint) and isinstance(hint, type):
        columns.update(to_columns(hint, values, f"{name}."))
    elif _is_array(hint):
        columns[name] = _compact(np.stack(values)) if values else np.zeros(0, dtype=np.uint8)
    elif get_origin(hint) is dict and get_args(hint) == (str, float):
        keys = list(values[0]) if values else []
        columns[f"{name}@"] = np.array(keys, dtype=np.str_)
        rows = [[value[key] for key in keys] for value in values]
        columns[name] = np.array(rows, dtype=np.float64).reshape(len(values), len(keys))
    elif get_origin(hint) is tuple and get_args(hint)[-1:] == (Ellipsis,):
        columns[f"{name}#"] = np.array([len(value) for value in values], dtype=np.int64)
        flat = [element for value in values for element in value]
        _put(columns, name, _plain(get_args(hint)[0]), flat)
    elif get_origin(hint) is tuple and len({*get_args(hint)}) == 1:
        kind, width = get_args(hint)[0], len(get_args(hint))
        columns[name] = np.array(values, dtype=_SCALARS[kind]).reshape(len(values), width)
    else:
        raise TypeError(f"{name}: {hint} has no column form; see the list in columns.py")


def _get(columns: Mapping[str, Column], name: str, hint: Any, count: int) -> list[Any]:
    inner = _optional(hint)
    if inner is not None:
        present = _checked(columns, f"{name}?", count)
        there = iter(_get(columns, name, inner, int(present.sum())))
        return [next(there) if is_there else None for is_there in present]
    if hint in _SCALARS:
        return list(_checked(columns, name, count).tolist())
    if hint is Fraction:
        return [Fraction(text) for text in _checked(columns, name, count).tolist()]
    if hint is Path:
        return [unescape_path(text) for text in _checked(columns, name, count).tolist()]
    if is_dataclass(hint) and isinstance(hint, type):
        return from_columns(hint, columns, count, f"{name}.")
    if _is_array(hint):
        column = _checked(columns, name, count)
        return list(column.astype(np.float32) if column.dtype == np.float16 else column)
    if get_origin(hint) is dict:
        keys = columns[f"{name}@"].tolist()
        rows = _checked(columns, name, count).tolist()
        return [dict(zip(keys, row, strict=True)) for row in rows]
    if get_args(hint)[-1:] == (Ellipsis,):
        counts = _checked(columns, f"{name}#", count).tolist()
        flat = iter(_get(columns, name, _plain(get_args(hint)[0]), sum(counts)))
        return [tuple(next(flat) for _ in range(length)) for length in counts]
    return [tuple(row) for row in _checked(columns, name, count).tolist()]


def _checked(columns: Mapping[str, Column], name: str, count: int) -> Column:
    column = columns[name]
    if column.shape[:1] != (count,):
        raise ValueError(f"column {name}: wanted {count} rows, got shape {column.shape}")
    return column


def _compact(values: Column) -> Column:
    """Float32 as float16 where every value stays what it is; other arrays as they are."""
    if values.dtype != np.float32:
        return values
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), values, equal_nan=True) else values
