"""analysis.npz: what comes back is what was stored, small, and nothing else is believed."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastthumb.analysis.candidates import Candidate
from fastthumb.analysis.detections import Contents, Face, FoundObject
from fastthumb.analysis.dialogue import Dialogue, Line
from fastthumb.analysis.shots import Shot
from fastthumb.analysis.signals import ROW, SignalTable
from fastthumb.analysis.synopsis import Synopsis
from fastthumb.analysis.tracks import Portrait, Track
from fastthumb.artwork.scoring import score
from fastthumb.artwork.variants import choose
from fastthumb.columns import from_columns, listed, packed, to_columns, unpacked
from fastthumb.errors import OutputError
from fastthumb.media.source import SourceInfo
from fastthumb.settings import Settings
from fastthumb.store import (
    ANALYSIS_FILE,
    load_analysis,
    load_preview,
    made_with,
    save_analysis,
    signal_preview,
    with_signals,
)
from film_samples import candidates_of, shots_at, signal_table, source_info
from people_samples import face_of, track_of

# Eight significant bits, rounded: half of 2**-7.
SIGNAL_RTOL = 2.0**-8


@dataclass
class Analysis:
    info: SourceInfo
    table: SignalTable
    shots: list[Shot]
    candidates: list[Candidate]
    warnings: list[str]
    tracks: list[Track] = field(default_factory=list)
    dialogue: Dialogue | None = None
    synopsis: Synopsis | None = None
    models: list[tuple[str, str, str]] = field(default_factory=list)


def analysis(frames: int = 500, every: int = 50, **changes: Any) -> Analysis:
    info = source_info(Fraction(24000, 1001), Fraction(1, 24000), start_pts=-1001, **changes)
    table = signal_table(frames, info)
    pts = table.rows["pts"].tolist()
    shots = shots_at(range(0, frames, every), frames, pts, info.time_base)
    return Analysis(info, table, shots, candidates_of(shots, info), ["the tail is broken \udcff"])


def with_people(made: Analysis) -> Analysis:
    """The same film as the networks see it: people, things, dialogue and a synopsis."""
    random = np.random.default_rng(11)
    unit = random.normal(size=128).astype(np.float32)
    candidates = []
    for number, candidate in enumerate(made.candidates):
        faces = tuple(
            face_of(0.2, 0.3 * k, expression="happy" if number % 2 else None, track=k)
            for k in range(number % 4)
        )
        objects = (FoundObject("dog", "animal", (0.1, 0.2, 0.3, 0.4), 0.7),) * (number % 3)
        contents = Contents(
            objects=objects if number != 5 else None,
            embedding=random.random(1280).astype(np.float32) if number % 2 else None,
            labels={"setting=indoor": 0.25 * number / 10},
            lettering=((0.0, 0.9, 1.0, 1.0),) if number == 3 else None,
            poses=(random.random(51).astype(np.float32),) * (number % 2),
        )
        found = None if number == 7 else faces
        candidates.append(dataclasses.replace(candidate, faces=found, contents=contents))
    portrait = Portrait(3, 3003, 0.125, (0.1, 0.1, 0.2, 0.3), 0.75)
    tracks = [
        track_of(
            0, 0, embedding=unit, portraits=(portrait,), together=(1,), together_seconds=(0.5,)
        ),
        track_of(1, 0),
    ]
    return dataclasses.replace(
        made,
        candidates=candidates,
        tracks=tracks,
        dialogue=Dialogue(
            (Line(1.0, 2.5, "Gr\u00fc\u00df dich!", -0.25), Line(3.0, 4.0, "?")), "de", "a.srt"
        ),
        synopsis=Synopsis("A film", ("Drama", "War"), None, "a.nfo"),
        models=[("yunet_2023mar", "faces", "ab" * 32)],
    )


def crowded(made: Analysis, count: int) -> Analysis:
    """The same film with `count` candidates and all that the networks can say of them.

    Every picture has two faces and three things, and somebody is followed through every shot;
    noise everywhere, which no zip shrinks.
    """
    random = np.random.default_rng(5)

    def unit(size: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        values = np.maximum(random.normal(size=size), 0.0)
        return (values / np.linalg.norm(values)).astype(np.float16).astype(np.float32)

    def face(track: int) -> Face:
        height, x, y = random.uniform(0.1, 0.5, 3)
        return face_of(height, x, y, looks=random.normal(), track=track, score=random.random())

    def thing() -> FoundObject:
        box = tuple(random.random(4).tolist())
        return FoundObject("person", "person", box, random.random())

    candidates, tracks = [], []
    for number in range(count):
        candidate = made.candidates[number % len(made.candidates)]
        still = dataclasses.replace(
            candidate.still,
            descriptor=unit(candidate.still.descriptor.size),
            saliency=np.minimum(random.exponential(30, (18, 32)), 255).astype(np.uint8),
        )
        contents = Contents((thing(), thing(), thing()), unit(1280), {"setting=indoor": 0.5})
        faces = (face(number), face(-1))
        candidates.append(
            dataclasses.replace(candidate, still=still, faces=faces, contents=contents)
        )
        portrait = Portrait(number, number * 1001, number / 24, faces[0].box, 0.75)
        tracks.append(track_of(number, number, embedding=unit(128), portraits=(portrait,) * 3))
    return dataclasses.replace(made, candidates=candidates, tracks=tracks)


def equal(a: object, b: object) -> bool:
    """Equality of dataclasses that hold arrays."""
    if dataclasses.is_dataclass(a) and type(a) is type(b):
        return all(equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and a == b


def test_shots_and_candidates_come_back_exactly(tmp_path: Path) -> None:
    made = analysis()
    assert save_analysis(tmp_path, made, Settings()) == tmp_path / ANALYSIS_FILE
    stored = load_analysis(tmp_path)
    assert stored.info == made.info
    assert stored.shots == made.shots
    assert len(stored.candidates) == len(made.candidates) == 10
    assert all(map(equal, stored.candidates, made.candidates))
    assert stored.warnings == [r"the tail is broken \xff"]
    assert stored.analysis_key == Settings().analysis_key()
    assert [file.name for file in tmp_path.iterdir()] == [ANALYSIS_FILE]


def test_people_things_and_words_come_back_exactly(tmp_path: Path) -> None:
    made = with_people(analysis())
    save_analysis(tmp_path, made, Settings())
    stored = load_analysis(tmp_path)
    assert all(map(equal, stored.candidates, made.candidates))
    assert len(stored.tracks) == 2
    assert all(map(equal, stored.tracks, made.tracks))
    assert stored.dialogue == made.dialogue
    assert stored.synopsis == made.synopsis
    assert stored.models == made.models


@pytest.mark.parametrize("genre", ["default", "action"])
def test_choosing_again_gives_the_same_picks(tmp_path: Path, genre: str) -> None:
    made, settings = analysis(6_000, every=48), Settings(genre=genre, variants=12)
    picks = choose(score(made.candidates, made.shots, settings), made.shots, settings)
    assert len(picks) > 3, "too few picks to tell"
    save_analysis(tmp_path, made, settings)
    stored = load_analysis(tmp_path)
    again = choose(score(stored.candidates, stored.shots, settings), stored.shots, settings)
    assert [pick.scored.candidate.pts for pick in again] == [
        pick.scored.candidate.pts for pick in picks
    ]
    assert [pick.reason for pick in again] == [pick.reason for pick in picks]
    assert [pick.scored.scores for pick in again] == [pick.scored.scores for pick in picks]


def test_signals_come_back_to_eight_bits(tmp_path: Path) -> None:
    made = analysis()
    made.table.rows["laplacian_variance"][3] = 250_000.0  # beyond float16
    made.table.rows["bar_top"][:] = 275.0
    save_analysis(tmp_path, made, Settings())
    rows, expected = with_signals(tmp_path, load_analysis(tmp_path)).table.rows, made.table.rows
    for name in ("index", "pts", "seconds", "keyframe", "bar_top"):
        assert np.array_equal(rows[name], expected[name]), name
    assert rows["keyframe"].any()
    for name in ROW.names or ():
        if ROW[name] == np.float32:
            np.testing.assert_allclose(rows[name], expected[name], rtol=SIGNAL_RTOL, err_msg=name)


def test_storing_again_what_was_stored_changes_nothing(tmp_path: Path) -> None:
    save_analysis(tmp_path, analysis(), Settings())

    def again() -> bytes:
        save_analysis(tmp_path, with_signals(tmp_path, load_analysis(tmp_path)), Settings())
        return (tmp_path / ANALYSIS_FILE).read_bytes()

    first = again()
    assert again() == first


def test_what_it_was_made_with_is_read_alone(tmp_path: Path) -> None:
    made, settings = with_people(analysis()), Settings(preset="fast")
    save_analysis(tmp_path, made, settings)
    assert made_with(tmp_path) == (settings.analysis_key(), made.models)


def test_a_film_without_anything(tmp_path: Path) -> None:
    made = analysis()
    made.shots, made.candidates, made.warnings = [], [], []
    made.table = SignalTable.from_rows(made.table.rows[:0])
    save_analysis(tmp_path, made, Settings())
    stored = load_analysis(tmp_path)
    assert (stored.shots, stored.candidates) == ([], [])
    assert len(with_signals(tmp_path, stored).table) == 0
    assert load_preview(tmp_path).seconds == []


def test_a_file_name_of_any_bytes(tmp_path: Path) -> None:
    made = analysis(path=Path(os.fsdecode(b"/films/\xff\\.mkv")))
    save_analysis(tmp_path, made, Settings())
    assert load_analysis(tmp_path).info.path == made.info.path


def test_a_film_of_two_hours_takes_less_than_ten_megabytes(tmp_path: Path) -> None:
    hours, per_hour = 2, Settings().candidates_per_hour
    frames = hours * 60 * 60 * 24
    made = crowded(analysis(frames, every=frames // 100), hours * per_hour)
    path = save_analysis(tmp_path, made, Settings())
    assert path.stat().st_size < 10_000_000
    stored = load_analysis(tmp_path)
    assert len(stored.candidates) == hours * per_hour
    assert len(with_signals(tmp_path, stored).table) == frames


def test_the_curves_are_read_alone(tmp_path: Path) -> None:
    made = analysis(5_000, every=5_000)
    save_analysis(tmp_path, made, Settings())
    preview = load_preview(tmp_path)
    assert len(preview.seconds) == len(preview.colors) == 400
    assert preview.seconds == signal_preview(made.table).seconds
    np.testing.assert_allclose(preview.motion, signal_preview(made.table).motion, rtol=1e-6)
    assert len(signal_preview(made.table, points=10).seconds) == 10


# -- foreign files -------------------------------------------------------------------------


def rewritten(
    folder: Path, meta: dict[str, Any] | None = None, **columns: np.ndarray[Any, Any] | None
) -> None:
    """Change values of the header, and columns of the group "choice": None drops one.

    "__" stands for a dot.
    """
    with np.load(folder / ANALYSIS_FILE) as file:
        members = dict(file)
    header = json.loads(members["meta"].tobytes())
    choice = unpacked(header["columns"]["choice"], members["choice"])
    for name, column in columns.items():
        assert choice.pop(name.replace("__", ".")) is not None
        if column is not None:
            choice[name.replace("__", ".")] = column
    if columns:
        header["columns"]["choice"], members["choice"] = listed(choice), packed(choice)
    members["meta"] = np.frombuffer(json.dumps(header | (meta or {})).encode(), dtype=np.uint8)
    np.savez(folder / ANALYSIS_FILE, **members)


def test_a_folder_without_an_analysis(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"there is no analysis\.npz.*--force"):
        load_analysis(tmp_path)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"text", pickle.dumps({"a": 1})])
def test_a_file_that_is_no_archive(tmp_path: Path, data: bytes) -> None:
    (tmp_path / ANALYSIS_FILE).write_bytes(data)
    with pytest.raises(OutputError, match=r"analysis\.npz: cannot be read .*--force"):
        load_analysis(tmp_path)


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    np.savez(tmp_path / ANALYSIS_FILE, x=np.zeros(3))
    with pytest.raises(OutputError, match="cannot be read"):
        load_analysis(tmp_path)


def test_every_cut_and_flipped_file_is_refused_or_read(tmp_path: Path) -> None:
    save_analysis(tmp_path, analysis(60, every=30), Settings())
    whole = (tmp_path / ANALYSIS_FILE).read_bytes()
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[int(random.integers(len(whole)))] ^= 1 << int(random.integers(8))
        if random.random() < 0.3:
            damaged = damaged[: int(random.integers(len(whole)))]
        (tmp_path / ANALYSIS_FILE).write_bytes(damaged)
        try:
            load_analysis(tmp_path)
        except OutputError:
            refused += 1
    assert refused > 100


def test_another_version_is_refused(tmp_path: Path) -> None:
    save_analysis(tmp_path, analysis(), Settings())
    rewritten(tmp_path, {"version": 2})
    with pytest.raises(OutputError, match=r"has version 2, .* reads 3; process the video again"):
        load_analysis(tmp_path)
    rewritten(tmp_path, {"version": 4})
    for load in (load_analysis, load_preview, made_with):
        with pytest.raises(OutputError, match=r"has version 4.*use a newer fastthumb"):
            load(tmp_path)


@pytest.mark.parametrize(
    "columns",
    [
        {"candidates__pts": None},
        {"candidates__pts": np.zeros(3, dtype=np.int64)},
        {"candidates__still__palette#": np.full(10, 9)},
        {"shots__repeat_of?": np.ones(10, dtype=np.bool_)},
        {"info__time_base": np.array(["1/0"])},
        {"candidates__pts": np.array(["2020-01-01"] * 10, dtype="datetime64[D]")},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, columns: dict[str, Any]) -> None:
    save_analysis(tmp_path, analysis(), Settings())
    rewritten(tmp_path, **columns)
    with pytest.raises(OutputError, match="cannot be read"):
        load_analysis(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        {"shots": 11},
        {"candidates": "many"},
        {"format": "other"},
        {"models": [1]},
        {"columns": {}},
        {"columns": {"choice": {"info.path": ["|O", [1]]}}},
        {"columns": {"choice": {"info.path": ["<U9", [-1]]}}},
        {"columns": {"choice": {"info.path": ["<U9", [1 << 40]]}}},
        {"columns": {"choice": {"info.path": "<U9"}}},
    ],
    ids=str,
)
def test_a_header_that_does_not_fit_is_refused(tmp_path: Path, header: dict[str, Any]) -> None:
    save_analysis(tmp_path, analysis(), Settings())
    rewritten(tmp_path, header)
    with pytest.raises(OutputError, match="cannot be read"):
        load_analysis(tmp_path)


def test_a_pickle_inside_is_never_opened(tmp_path: Path) -> None:
    save_analysis(tmp_path, analysis(), Settings())
    with np.load(tmp_path / ANALYSIS_FILE) as file:
        members = dict(file)
    members["choice"] = np.array([print] * 10, dtype=object)
    np.savez(tmp_path / ANALYSIS_FILE, allow_pickle=True, **members)
    with pytest.raises(OutputError, match="allow_pickle=False"):
        load_analysis(tmp_path)


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_analysis(tmp_path, analysis(), Settings())
    load_analysis(tmp_path)
    monkeypatch.setattr("fastthumb.store._LARGEST_BYTES", 10_000)
    with pytest.raises(OutputError, match="more than any film needs"):
        load_analysis(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        save_analysis(tmp_path / "missing", analysis(), Settings())


# -- columns -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    name: str
    share: float


@dataclass(frozen=True)
class Thing:
    parts: tuple[Part, ...]
    best: Part | None
    box: tuple[int, int, int, int]
    ratio: Fraction | None
    values: dict[str, float]
    flag: bool


def test_columns_of_every_kind() -> None:
    things = [
        Thing((), None, (0, 1, 2, 3), Fraction(1, 3), {"a": 0.1, "b": float("inf")}, True),
        Thing((Part("é", 0.1), Part("", -1e300)), Part("x", 1e-9), (4, 5, 6, 7), None,
              {"b": 2.0, "a": -0.0}, False),
    ]  # fmt: skip
    columns = to_columns(Thing, things)
    assert all(column.dtype != object for column in columns.values())
    assert from_columns(Thing, columns, 2) == things
    directory = json.loads(json.dumps(listed(columns)))
    assert from_columns(Thing, unpacked(directory, packed(columns)), 2) == things


def test_columns_and_bytes_that_do_not_belong_together_are_refused() -> None:
    columns = {"a": np.arange(5), "b": np.zeros((0, 3))}
    data, directory = packed(columns), listed(columns)
    assert np.array_equal(unpacked(directory, data)["a"], columns["a"])
    assert unpacked(directory, data)["b"].shape == (0, 3)
    with pytest.raises(ValueError, match="reshape"):
        unpacked(directory, data[:-1])
    with pytest.raises(ValueError, match="wanted 40 bytes, got 41"):
        unpacked(directory, np.append(data, np.uint8(0)))


def test_float32_is_halved_only_where_nothing_is_lost() -> None:
    @dataclass
    class Holder:
        array: np.ndarray[Any, np.dtype[np.float32]]

    for values, stored in (([0.5, 1024.0], np.float16), ([0.1, 1e9], np.float32)):
        array = np.array(values, dtype=np.float32)
        columns = to_columns(Holder, [Holder(array)])
        assert columns["array"].dtype == stored
        (back,) = from_columns(Holder, columns, 1)
        assert back.array.dtype == np.float32
        assert np.array_equal(back.array, array)


def test_an_annotation_without_a_column_form_is_named() -> None:
    @dataclass
    class Odd:
        anything: object

    with pytest.raises(TypeError, match=r"anything: .*no column form"):
        to_columns(Odd, [Odd(1)])
