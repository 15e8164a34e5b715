"""analysis.npz: everything that one pass over a film found, so that choosing again is free.

NumPy arrays in a zip, never a pickle. Candidates and shots come back exactly as they were
stored, so that the same settings choose the same pictures; the signals of all frames, which
the choice does not read, come back to 0.4 percent, and only when they are asked for.

Note [compact signals]. A film has a hundred thousand frames, and their signals would be the
largest thing that fastthumb writes. Frame numbers and timestamps are stored as differences,
seconds as what they differ from their timestamp (nothing). Of every other number eight bits are
kept, with the range of a float32 (a Laplacian variance passes 65504); of black bars, which are
counted in lines, all.

Note [members]. A zip member and its header take a tenth of a millisecond to read, and a title
has two hundred columns. So all that a choice reads is one member, the signals are another, the
curves of the gallery a third; `meta` lists their columns. The bytes of numbers are ordered by
significance, which is what makes them small in a zip.
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
from fastthumb.columns import from_columns, listed, packed, to_columns, unpacked
from fastthumb.errors import OutputError
from fastthumb.media.source import SourceInfo
from fastthumb.names import printable
from fastthumb.records import clean_text
from fastthumb.settings import Settings

ANALYSIS_FILE = "analysis.npz"
# Rises with every change of the layout and of what an analysis finds: titles that were analyzed
# by an older one are analyzed again when something of them changes.
ANALYSIS_VERSION = 3
_FORMAT = "fastthumb analysis"
_CHOICE, _TABLE, _PREVIEW = "choice", "table", "preview"
_LARGEST_BYTES = 2 << 30  # unpacked; a day of 60 frames a second takes 0.5 GB
_DROPPED_BITS = 16  # of a float32's 23: seven and the implicit one stay
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
    """A stored pass over a film, without its signals (`with_signals`).

    `models` holds the name, task and SHA-256 of each network that looked, `analysis_key` is that
    of the settings it was made with.
    """

    info: SourceInfo
    shots: list[Shot]
    candidates: list[Candidate]
    tracks: list[Track]
    dialogue: Dialogue | None
    synopsis: Synopsis | None
    models: list[tuple[str, str, str]]
    warnings: list[str]
    analysis_key: str


@dataclass(frozen=True)
class WholeAnalysis(StoredAnalysis):
    """A stored pass over a film with its signals: what `save_analysis` can store again."""

    table: SignalTable


def save_analysis(folder: Path, analysis: AnalysisLike, settings: Settings) -> Path:
    """Write `analysis` as analysis.npz into `folder`, whole or not at all; returns its path.

    A film of two hours takes less than 10 MB. Raises OutputError where it cannot be written.
    """
    dialogue = analysis.dialogue
    lines = dialogue.lines if dialogue else ()
    groups = {
        _CHOICE: {
            **to_columns(SourceInfo, [analysis.info], "info."),
            **to_columns(Shot, analysis.shots, "shots."),
            **to_columns(Candidate, analysis.candidates, "candidates."),
            **to_columns(Track, analysis.tracks, "tracks."),
            **to_columns(Line, lines, "lines."),
        },
        _TABLE: _pack_rows(analysis.table.rows, analysis.info),
        _PREVIEW: signal_preview(analysis.table).to_arrays(),
    }
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
        "columns": {group: listed(columns) for group, columns in groups.items()},
    }
    members = {group: packed(columns) for group, columns in groups.items()}
    members["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    path = folder / ANALYSIS_FILE
    atomic_write(path, lambda file: np.savez_compressed(file, allow_pickle=False, **members))
    return path


def load_analysis(folder: Path) -> StoredAnalysis:
    """Read what a choice needs of the analysis.npz of a title's folder.

    Raises OutputError where there is none, where it is damaged, and where another version of
    fastthumb wrote it.
    """
    meta, columns = _read(folder, _CHOICE)
    try:
        (info,) = from_columns(SourceInfo, columns, 1, "info.")
        lines = from_columns(Line, columns, int(meta["lines"]), "lines.")
        language, source = meta["dialogue"] or (None, "")
        return StoredAnalysis(
            info=info,
            shots=from_columns(Shot, columns, int(meta["shots"]), "shots."),
            candidates=from_columns(Candidate, columns, int(meta["candidates"]), "candidates."),
            tracks=from_columns(Track, columns, int(meta["tracks"]), "tracks."),
            dialogue=Dialogue(tuple(lines), language, source) if meta["dialogue"] else None,
            synopsis=_synopsis(meta["synopsis"]),
            models=_models(meta),
            warnings=[str(warning) for warning in meta["warnings"]],
            analysis_key=str(meta["analysis_key"]),
        )
    except _READ_ERRORS as exc:
        raise _damaged(folder, f"{type(exc).__name__}: {exc}") from exc


def with_signals(folder: Path, stored: StoredAnalysis) -> WholeAnalysis:
    """A stored analysis with the signals of every analyzed frame; errors as `load_analysis`."""
    _, columns = _read(folder, _TABLE)
    try:
        table = SignalTable.from_rows(_unpack_rows(columns, stored.info))
    except _READ_ERRORS as exc:
        raise _damaged(folder, f"{type(exc).__name__}: {exc}") from exc
    return WholeAnalysis(**vars(stored), table=table)


def made_with(folder: Path) -> tuple[str, list[tuple[str, str, str]]]:
    """The analysis key and the networks of a stored analysis, without reading the rest of it.

    Errors as `load_analysis`.
    """
    meta, _ = _read(folder, None)
    try:
        return str(meta["analysis_key"]), _models(meta)
    except _READ_ERRORS as exc:
        raise _damaged(folder, f"{type(exc).__name__}: {exc}") from exc


def _models(meta: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(str(name), str(task), str(sha256)) for name, task, sha256 in meta["models"]]


def _synopsis(stored: dict[str, Any] | None) -> Synopsis | None:
    return None if stored is None else Synopsis(**stored | {"genres": tuple(stored["genres"])})


def load_preview(folder: Path) -> SignalPreview:
    """Read only the curves of a stored analysis, in a millisecond; errors as `load_analysis`."""
    _, columns = _read(folder, _PREVIEW)
    try:
        return SignalPreview.from_arrays(columns)
    except _READ_ERRORS as exc:
        raise _damaged(folder, f"{type(exc).__name__}: {exc}") from exc


def signal_preview(table: SignalTable, points: int = POINTS) -> SignalPreview:
    """How a film goes, in at most `points` points."""
    rows = table.rows
    names = ("seconds", "lightness", "laplacian_variance", "motion", "a_mean", "b_mean")
    return SignalPreview.of_columns(**{name: rows[name] for name in names}, points=points)


def _read(folder: Path, group: str | None) -> tuple[dict[str, Any], dict[str, Column]]:
    """The checked header of analysis.npz and the columns of one group, or of none."""
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
            if group is None:
                return meta, {}
            return meta, unpacked(meta["columns"][group], _member(archive, group))
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
    columns: dict[str, Column] = {}
    for name in ROW.names or ():
        column = np.ascontiguousarray(rows[name])
        if name == "seconds":
            column = column - _from_pts(rows["pts"], info)
        elif column.dtype == np.bool_:
            column = np.packbits(column)
        elif column.dtype == np.int64:
            column = np.diff(column, prepend=np.int64(0))
        elif not name.startswith("bar_"):
            half = np.uint32(1 << (_DROPPED_BITS - 1))
            kept = (
                (column.astype(np.float32).view(np.uint32) + half) >> _DROPPED_BITS << _DROPPED_BITS
            )
            column = kept.view(np.float32)
        columns[name] = column
    return columns


def _unpack_rows(columns: Mapping[str, Column], info: SourceInfo) -> Column:
    rows = np.zeros(len(columns["index"]), dtype=ROW)
    for name in ROW.names or ():
        column = columns[name]
        kind = ROW[name]
        if name == "seconds":
            rows[name] = column + _from_pts(rows["pts"], info)
        elif kind == np.bool_:
            rows[name] = np.unpackbits(column, count=len(rows))
        elif kind == np.int64:
            rows[name] = np.cumsum(column)
        else:
            rows[name] = column
    return rows
