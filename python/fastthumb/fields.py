r"""The kinds of values that stored documents are made of: text, paths, numbers, fractions, boxes.

Note [nothing is guessed]. A value that was not measured, because no model for it is there or
because it came out as NaN, is null or left out; it never becomes a 0 that somebody could
average. NaN and infinity are not JSON and are never written.

Note [text of any bytes]. Names and tags may hold bytes that are no UTF-8, and JSON cannot.
In every string such a byte is written as \xHH. In `source.path` a backslash of the name is
also doubled, so that `escape_path` and `unescape_path` are exact inverses for every path.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from fractions import Fraction
from numbers import Real
from pathlib import Path, PurePath
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

DECIMALS = 6  # of every number: a microsecond, a millionth of a score

_SURROGATE_OR_NUL = re.compile("[\ud800-\udfff\x00]")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u(d[89a-f][0-9a-f]{2})|\\)")


def _escaped_code(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\u{code:04x}" if 0xD800 <= code < 0xDC80 or code > 0xDCFF else f"\\x{code & 0xFF:02x}"


def clean_text(text: str) -> str:
    """Text that every JSON reader and database takes; see Note [text of any bytes]."""
    return _SURROGATE_OR_NUL.sub(_escaped_code, text)


def escape_path(path: str | os.PathLike[str]) -> str:
    """A path as it is stored; `unescape_path` gives back exactly the same path."""
    return clean_text(os.fspath(path).replace("\\", "\\\\"))


def unescape_path(stored: str) -> Path:
    """The path that `escape_path` stored, bytes that are no UTF-8 included."""

    def restored(match: re.Match[str]) -> str:
        byte, surrogate = match.groups()
        if byte:
            return chr(int(byte, 16) + 0xDC00)
        return chr(int(surrogate, 16)) if surrogate else "\\"

    return Path(_ESCAPE.sub(restored, stored))


def _text(value: object) -> object:
    return clean_text(value) if isinstance(value, str) else value


def _stored_path(value: object) -> object:
    return escape_path(value) if isinstance(value, PurePath) else _text(value)


def rational(value: Fraction) -> str:
    """A fraction as it is stored, such as "24000/1001" or "25/1"."""
    return f"{value.numerator}/{value.denominator}"


def _rational(value: object) -> object:
    return rational(value) if isinstance(value, Fraction) else value


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, Real):  # NumPy's scalars are Real
        return value
    return round(float(value), DECIMALS)


def _measured(value: object) -> object:
    value = _number(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def measured_parts(value: object) -> object:
    if isinstance(value, dict):
        return {name: part for name, part in value.items() if _measured(part) is not None}
    return value


def _finite(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # refuses what is not JSON
    return value


def _clipped(value: object) -> object:
    if isinstance(value, Sequence) and all(isinstance(part, Real) for part in value):
        return tuple(round(min(max(float(part), 0.0), 1.0), DECIMALS) for part in value)
    return value


# The constraint stands before the validator: so it also reaches the JSON Schema.
Text = Annotated[str, BeforeValidator(_text)]
StoredPath = Annotated[str, BeforeValidator(_stored_path)]
Rational = Annotated[str, Field(pattern=r"^-?[0-9]+/[1-9][0-9]*$"), BeforeValidator(_rational)]
Number = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_number)]
Share = Annotated[float, Field(ge=0.0, le=1.0), BeforeValidator(_number)]
Warmth = Annotated[float, Field(ge=-1.0, le=1.0), BeforeValidator(_number)]
MeasuredShare = Annotated[Share | None, BeforeValidator(_measured)]
Count = Annotated[int, Field(ge=0)]
JsonObject = Annotated[dict[str, JsonValue], AfterValidator(_finite)]
# Files are named from the title's folder and never leave it, whoever wrote the document.
FileName = Annotated[
    str, Field(pattern=r"^[^/\\.][^/\\]*(/[^/\\.][^/\\]*)*$"), BeforeValidator(_text)
]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]
# left, top, right, bottom in shares of a picture; what lies beyond its edges is cut off.
UnitBox = Annotated[tuple[Unit, Unit, Unit, Unit], BeforeValidator(_clipped)]
