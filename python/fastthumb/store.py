"""analysis.npz: everything that one pass over a film found, so that choosing again is free.

NumPy arrays in a zip, never a pickle. Candidates and shots come back exactly as they were
stored, so that the same settings choose the same pictures; the signals of all frames, which
the choice does not read, come back to 0.05 percent.

Note [compact signals]. A film has a hundred thousand frames, and their signals would be the
largest thing that fastthumb writes. Frame numbers and timestamps are stored as differences,
seconds as what they differ from their timestamp (nothing). Of every other number 11 bits are
kept, as in a float16 but with the range of a float32 (a Laplacian variance passes 65504), and
the bytes are ordered by significance, which is what makes them small in a zip.
"""

from __future__ import annotations

import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.dialogue import Dialogue, Line
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import ROW, SignalTable
from fastthumb.analysis.synopsis import Synopsis
from fastthumb.analysis.tracks import Track
from fastthumb.artwork.gallery.preview import POINTS, SignalPreview
from fastthumb.atomic import atomic_write
from fastthumb.columns import from_columns, to_columns
from fastthumb.errors import OutputError
from fastthumb.media.source import SourceInfo
from fastthumb.names import printable
from fastthumb.records import clean_text
from fastthumb.settings import Settings

ANALYSIS_FILE = "analysis.npz"
ANALYSIS_VERSION = 2
_FORMAT = "fastthumb analysis"
_ANALYSIS = ("info.", "shots.", "candidates.", "tracks.", "lines.", "table.")
_LARGEST_BYTES = 2 << 30  # unpacked; a day of 60 frames a second takes 0.5 GB
_DROPPED_BITS = 13  # of a float32's 23: ten and the implicit one stay
# What zipfile, zlib, json and NumPy raise at bytes that somebody changed.
_READ_ERRORS = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)

Column = npt.NDArray[Any]


class AnalysisLike(Protocol):
    """What is stored: the result of one pass over a film."""

    @property
    def info(self) -> SourceInfo: ...
    @property
    def table(self) -> SignalTable: ...
    @property
    def shots(self) -> Sequence[Shot]: ...
    @property
    def candidates(self) -> Sequence[Candidate]: ...
    @property
    def tracks(self) -> Sequence[Track]: ...
    @property
    def dialogue(self) -> Dialogue | None: ...
    @property
    def synopsis(self) -> Synopsis | None: ...
    @property
    def models(self) -> Sequence[tuple[str, str, str]]: ...
    @property
    def warnings(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class StoredAnalysis:
    """A stored pass over a film; `analysis_key` is that of the settings it was made with.

    `models` holds the name, task and SHA-256 of each network that looked.
    """

    info: SourceInfo
    table: SignalTable
    shots: list[Shot]
    candidates: list[Candidate]
    tracks: list[Track]
    dialogue: Dialogue | None
    synopsis: Synopsis | None
    models: list[tuple[str, str, str]]
    warnings: list[str]
    analysis_key: str


def save_analysis(folder: Path, analysis: AnalysisLike, settings: Settings) -> Path:
    """Write `analysis` as analysis.npz into `folder`, whole or not at all; returns its path.

    A film of two hours takes a few MB. Raises OutputError where it cannot be written.
    """
    dialogue = analysis.dialogue
    lines = dialogue.lines if dialogue else ()
    meta = {
        "format": _FORMAT,
        "version": ANALYSIS_VERSION,
        "analysis_key": settings.analysis_key(),
        "shots": len(analysis.shots),
        "candidates": len(analysis.candidates),
        "tracks": len(analysis.tracks),
        "dialogue": None if dialogue is None else [dialogue.language, dialogue.source],
        "lines": len(lines),
        "synopsis": None if analysis.synopsis is None else asdict(analysis.synopsis),
        "models": [list(model) for model in analysis.models],
        "warnings": [clean_text(warning) for warning in analysis.warnings],
    }
    arrays = {
        "meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8),
        **to_columns(SourceInfo, [analysis.info], "info."),
        **to_columns(Shot, analysis.shots, "shots."),
        **to_columns(Candidate, analysis.candidates, "candidates."),
        **to_columns(Track, analysis.tracks, "tracks."),
        **to_columns(Line, lines, "lines."),
        **_pack_rows(analysis.table.rows, analysis.info),
    }
    preview = signal_preview(analysis.table).to_arrays()
    arrays |= {f"preview.{name}": column for name, column in preview.items()}
    path = folder / ANALYSIS_FILE
    atomic_write(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))
    return path


def load_analysis(folder: Path) -> StoredAnalysis:
    """Read the analysis.npz of a title's folder.

    Raises OutputError where there is none, where it is damaged, and where another version of
    fastthumb wrote it.
    """
    meta, columns = _read(folder, _ANALYSIS)
    try:
        (info,) = from_columns(SourceInfo, columns, 1, "info.")
        lines = from_columns(Line, columns, int(meta["lines"]), "lines.")
        language, source = meta["dialogue"] or (None, "")
        return StoredAnalysis(
            info=info,
            table=SignalTable.from_rows(_unpack_rows(columns, info)),
            shots=from_columns(Shot, columns, int(meta["shots"]), "shots."),
            candidates=from_columns(Candidate, columns, int(meta["candidates"]), "candidates."),
            tracks=from_columns(Track, columns, int(meta["tracks"]), "tracks."),
            dialogue=Dialogue(tuple(lines), language, source) if meta["dialogue"] else None,
            synopsis=_synopsis(meta["synopsis"]),
            models=[(str(name), str(task), str(sha256)) for name, task, sha256 in meta["models"]],
            warnings=[str(warning) for warning in meta["warnings"]],
            analysis_key=str(meta["analysis_key"]),
        )
    except _READ_ERRORS as exc:
        raise _damaged(folder, f"{type(exc).__name__}: {exc}") from exc


def _synopsis(stored: dict[str, Any] | None) -> Synopsis | None:
    return None if stored is None else Synopsis(**stored | {"genres": tuple(stored["genres"])})


def load_preview(folder: Path) -> SignalPreview:
    """Read only the curves of a stored analysis, in a millisecond; errors as `load_analysis`."""
    _, columns = _read(folder, ("preview.",))
    try:
        return SignalPreview.from_arrays(
            {name.removeprefix("preview."): column for name, column in columns.items()}
        )
    except _READ_ERRORS as exc:
        raise _damaged(folder, f"{type(exc).__name__}: {exc}") from exc


def signal_preview(table: SignalTable, points: int = POINTS) -> SignalPreview:
    """How a film goes, in at most `points` points."""
    rows = table.rows
    names = ("seconds", "lightness", "laplacian_variance", "motion", "a_mean", "b_mean")
    return SignalPreview.of_columns(**{name: rows[name] for name in names}, points=points)


def _read(folder: Path, prefixes: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Column]]:
    """The checked header of analysis.npz and its arrays with these prefixes."""
    path = folder / ANALYSIS_FILE
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST_BYTES:
                raise ValueError("it unpacks to more than any film needs")
            meta = json.loads(_member(archive, "meta").tobytes())
            if not isinstance(meta, dict) or meta.get("format") != _FORMAT:
                raise ValueError("it is no stored analysis")
            if meta["version"] != ANALYSIS_VERSION:
                newer = meta["version"] > ANALYSIS_VERSION
                raise OutputError(
                    f"{printable(path)}: has version {meta['version']}, this fastthumb reads "
                    f"{ANALYSIS_VERSION}; {'use a newer fastthumb, or ' if newer else ''}"
                    "process the video again"
                )
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            return meta, {n: _member(archive, n) for n in names if n.startswith(prefixes)}
    except FileNotFoundError as exc:
        raise OutputError(
            f"{printable(folder)}: wanted the folder of a title with its analysis, there is no "
            f"{ANALYSIS_FILE}; name OUT/TITLE, or process the video again with --force"
        ) from exc
    except _READ_ERRORS as exc:
        raise _damaged(folder, f"{type(exc).__name__}: {exc}") from exc


def _member(archive: zipfile.ZipFile, name: str) -> Column:
    with archive.open(f"{name}.npy") as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _damaged(folder: Path, reason: str) -> OutputError:
    return OutputError(
        f"{printable(folder / ANALYSIS_FILE)}: cannot be read ({clean_text(reason)}); process "
        "the video again with --force"
    )


def _from_pts(pts: npt.NDArray[np.int64], info: SourceInfo) -> npt.NDArray[np.float64]:
    """Seconds since the first timestamp."""
    ticks = (pts - pts[:1]).astype(np.float64)
    seconds: npt.NDArray[np.float64] = ticks * info.time_base.numerator / info.time_base.denominator
    return seconds


def _pack_rows(rows: Column, info: SourceInfo) -> dict[str, Column]:
    """The signal table's columns in little space; see Note [compact signals]."""
    packed: dict[str, Column] = {}
    for name in ROW.names or ():
        column = np.ascontiguousarray(rows[name])
        if name == "seconds":
            column = column - _from_pts(rows["pts"], info)
        elif column.dtype == np.bool_:
            column = np.packbits(column)
        elif column.dtype == np.int64:
            column = np.diff(column, prepend=np.int64(0))
        else:
            half = np.uint32(1 << (_DROPPED_BITS - 1))
            kept = (
                (column.astype(np.float32).view(np.uint32) + half) >> _DROPPED_BITS << _DROPPED_BITS
            )
            column = kept.view(np.uint8).reshape(-1, 4).T
        packed[f"table.{name}"] = np.ascontiguousarray(column)
    return packed


def _unpack_rows(columns: Mapping[str, Column], info: SourceInfo) -> Column:
    rows = np.zeros(len(columns["table.index"]), dtype=ROW)
    for name in ROW.names or ():
        column = columns[f"table.{name}"]
        kind = ROW[name]
        if name == "seconds":
            rows[name] = column + _from_pts(rows["pts"], info)
        elif kind == np.bool_:
            rows[name] = np.unpackbits(column, count=len(rows))
        elif kind == np.int64:
            rows[name] = np.cumsum(column)
        else:
            rows[name] = np.ascontiguousarray(column.T).view(np.float32)[:, 0]
    return rows
