"""The cast database: hand-made and kept folders, bad photographs, odd names, the cache."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from face_samples import People, Vector, face
from fastthumb.analysis.cast import Cast
from fastthumb.analysis.cast_changes import add_person
from fastthumb.analysis.cast_folder import (
    cast_folder,
    default_cast,
    put_photographs,
    remove_person,
)
from fastthumb.analysis.detections import Face
from fastthumb.cli import cast as commands
from fastthumb.errors import SettingsError

if TYPE_CHECKING:
    from fastthumb.analysis.detectors import Detectors
    from fastthumb.inference.views import PictureView

CODES = {"ann": 40, "bob": 100, "eve": 160}  # the grey of a photograph says whom it shows


class FakeDetectors:
    """Sees in a grey picture the person of that grey, as many times as its width says."""

    def __init__(self, identity: str | None = "network-1", seed: int = 0) -> None:
        self.models = [("detector", "faces", "detector-1")]
        if identity is not None:
            self.models.append(("recognizer", "identity", identity))
        self._people = People(len(CODES), seed=seed, noise=0.5)
        self._known = identity is not None
        self.looked = 0

    def faces(self, view: PictureView) -> tuple[Face, ...] | None:
        self.looked += 1
        grey = float(view.rgb(8, 8).mean())
        near = [k for k, code in enumerate(CODES.values()) if abs(code - grey) < 10]
        if not near:
            return ()
        embedding: Vector | None = self._people.look(near[0]) if self._known else None
        height = 0.5 if view.height >= 100 else 0.25
        second = [0.9 * height] if view.width > view.height else []
        sizes = [height, *second, 0.3 * height]  # the last one is a passer-by
        return tuple(face(embedding, height=size) for size in sizes)


def fake(**options: object) -> Detectors:
    return cast("Detectors", FakeDetectors(**options))  # type: ignore[arg-type]


def photograph(path: Path, who: str | int, size: tuple[int, int] = (120, 160)) -> Path:
    """A photograph that FakeDetectors understands; wider than high shows two faces."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = CODES[who] if isinstance(who, str) else who
    noise = np.random.default_rng(zlib.crc32(path.name.encode())).integers(
        -3, 4, (size[1], size[0], 3)
    )
    Image.fromarray((grey + noise).astype(np.uint8)).save(path)
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTTHUMB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FASTTHUMB_CAST", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cast made by hand: Ann twice, Bob once."""
    for file in ("Ann/a.png", "Ann/b.png"):
        photograph(tmp_path / "cast" / file, "ann")
    photograph(tmp_path / "cast" / "Bob" / "c.png", "bob")
    return tmp_path / "cast"


def test_a_folder_made_by_hand_is_a_cast(folder: Path) -> None:
    (folder / "Ann" / "notes.txt").write_text("not a photograph")
    (folder / ".hidden").mkdir()
    before = sorted(folder.rglob("*"))
    found = Cast.load(folder, fake())
    assert [(one.name, one.role, one.usable) for one in found.people] == [
        ("Ann", None, 2),
        ("Bob", None, 1),
    ]
    ann, bob = found.people
    assert ann.embedding is not None
    assert bob.embedding is not None
    assert float(np.linalg.norm(ann.embedding)) == pytest.approx(1.0, abs=1e-5)
    assert float(ann.embedding @ bob.embedding) < 0.4
    assert found.warnings == []
    assert found.identity == "network-1"
    assert sorted(folder.rglob("*")) == before, "a user's folder is not written to"


def test_photographs_are_read_once(folder: Path) -> None:
    detectors = FakeDetectors()
    first = Cast.load(folder, cast("Detectors", detectors))
    assert detectors.looked == 3

    def never() -> Detectors:
        raise AssertionError("the detectors were opened for photographs that are known")

    again = Cast.load(folder, never, identity="network-1")
    cached = Cast.load(folder, None)
    for one, two, three in zip(first.people, again.people, cached.people, strict=True):
        assert one.embedding is not None
        assert np.array_equal(one.embedding, two.embedding)
        assert np.array_equal(one.embedding, three.embedding)
    photograph(folder / "Bob" / "new.png", "bob")
    Cast.load(folder, cast("Detectors", detectors))
    assert detectors.looked == 4


def test_another_identity_network_reads_all_again(folder: Path) -> None:
    before = Cast.load(folder, fake())
    other = FakeDetectors(identity="network-2", seed=1)
    after = Cast.load(folder, lambda: cast("Detectors", other))
    assert other.looked == 3
    assert after.identity == "network-2"
    one, two = before.people[0].embedding, after.people[0].embedding
    assert one is not None
    assert two is not None
    assert float(one @ two) < 0.5


def test_a_changed_photograph_is_read_again(folder: Path) -> None:
    Cast.load(folder, fake())
    photograph(folder / "Bob" / "c.png", "eve", (124, 170))
    found = Cast.load(folder, fake())
    expected = People(len(CODES)).centers[2]
    assert found.people[1].embedding is not None
    assert float(found.people[1].embedding @ expected) > 0.6


def test_a_damaged_cache_is_made_again(folder: Path, tmp_path: Path) -> None:
    Cast.load(folder, fake())
    (cache,) = (tmp_path / "cache" / "cast").glob("*.json")
    for text in ("", "[]", '{"version": 1, "photographs": 3}', "\x00\xff"):
        cache.write_text(text)
        assert [one.usable for one in Cast.load(folder, fake()).people] == [2, 1]
    data = json.loads(cache.read_text())
    for entry in data["photographs"].values():
        entry["embedding"] = "AAAA"
    cache.write_text(json.dumps(data))
    assert [one.usable for one in Cast.load(folder, fake()).people] == [2, 1]


def test_bad_photographs_are_named(folder: Path) -> None:
    photograph(folder / "Ann" / "nobody.png", 230)
    photograph(folder / "Ann" / "two.png", "ann", (200, 120))
    photograph(folder / "Ann" / "tiny.png", "ann", (60, 70))
    (folder / "Bob" / "c.png").write_bytes(b"this is not a picture")
    (folder / "Eve").mkdir()
    photograph(folder / "loose.png", "eve")
    found = Cast.load(folder, fake())
    said = "\n".join(found.warnings)
    assert "nobody.png shows no face" in said
    assert "two.png shows 2 faces" in said
    assert "tiny.png shows a face of only" in said
    assert "c.png cannot be read as a picture" in said
    assert "Bob has no photograph that can be used" in said
    assert "Eve has no photograph and cannot" in said
    assert "loose.png lies beside the folders" in said
    assert len(found.warnings) == 7
    assert all("\n" not in warning for warning in found.warnings)
    assert [one.usable for one in found.people] == [2, 0, 0]
    assert found.people[1].embedding is None


def test_confusions_in_the_cast_are_named(folder: Path) -> None:
    photograph(folder / "Amy" / "x.png", "ann")
    photograph(folder / "bob" / "y.png", "bob")
    (folder / "Eve").mkdir()
    (folder / "Eve" / "same.png").write_bytes((folder / "Ann" / "a.png").read_bytes())
    photograph(folder / "Eve" / "e.png", "eve")
    for name in ("g.png", "h.png"):
        photograph(folder / "Ann" / name, "ann")
    photograph(folder / "Ann" / "wrong.png", "eve")
    found = Cast.load(folder, fake())
    said = "\n".join(found.warnings)
    assert "are one picture of two people" in said
    assert "Bob and bob have one name" in said
    assert "wrong.png does not look like the other photographs of Ann" in said
    assert "Amy and Ann look alike" in said
    usable = [(one.name, one.usable, len(one.photographs)) for one in found.people]
    assert usable == [("Amy", 1, 1), ("Ann", 3, 5), ("Bob", 2, 2), ("Eve", 1, 2)]
    expected = People(len(CODES)).centers[0]
    ann = found.people[1].embedding
    assert ann is not None
    assert float(ann @ expected) > 0.85, "the stranger's photograph is left out"


def test_without_an_identity_network_nobody_is_known(folder: Path) -> None:
    found = Cast.load(folder, fake(identity=None))
    assert [one.embedding for one in found.people] == [None, None]
    assert found.identity is None
    assert len(found.warnings) == 1
    assert "fastthumb models pull" in found.warnings[0]
    assert [one.usable for one in Cast.load(folder, fake()).people] == [2, 1]
    assert [one.usable for one in Cast.load(folder, fake(identity=None)).people] == [0, 0]


def test_a_cast_file_gives_names_and_roles(folder: Path) -> None:
    file = folder / "cast.json"
    file.write_text('{"people": {"Ann": {"name": "Ann Lee", "role": "hero"}, "Gone": {}}}')
    found = Cast.load(folder, fake())
    assert [(one.name, one.role) for one in found.people] == [("Ann Lee", "hero"), ("Bob", None)]
    assert [text for text in found.warnings if "names Gone" in text]
    for text in ("{", '{"people": {"Ann": {"role": "villain"}}}', '{"persons": 1}', "\x00"):
        file.write_text(text)
        with pytest.raises(SettingsError, match=r"cast\.json: .+; correct it"):
            Cast.load(folder, fake())


def test_a_folder_that_cannot_be_a_cast_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not there; add people"):
        Cast.load(tmp_path / "none", fake())
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match="cannot be read as a folder"):
        Cast.load(tmp_path / "file", fake())
    (tmp_path / "empty").mkdir()
    found = Cast.load(tmp_path / "empty", fake())
    assert found.people == []
    assert "no folder of any person" in found.warnings[0]


def test_adding_copies_only_photographs_of_one_face(tmp_path: Path) -> None:
    folder = tmp_path / "cast"
    good = [photograph(tmp_path / f"g{k}.png", "ann") for k in range(2)]
    bad = photograph(tmp_path / "two.png", "ann", (200, 120))
    done = add_person(folder, " Ann  Lee ", [good[0], bad], "heroine", fake())
    assert (done.name, done.total, len(done.added)) == ("Ann Lee", 1, 1)
    assert "two.png shows 2 faces" in done.refused[0]
    assert done.added[0].read_bytes() == good[0].read_bytes()
    again = add_person(folder, "ann lee", good, None, fake())
    assert (again.name, again.total, len(again.added)) == ("Ann Lee", 2, 1)
    assert "already" in " ".join(again.warnings)
    (one,) = Cast.load(folder, fake()).people
    assert (one.name, one.role, one.usable) == ("Ann Lee", "heroine", 2)


def test_nothing_is_written_where_nothing_is_fit(tmp_path: Path) -> None:
    folder = tmp_path / "cast"
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    for image, why in (
        (text, "cannot be read as a picture"),
        (tmp_path / "gone.jpg", "cannot be read"),
        (tmp_path, "cannot be read"),
        (photograph(tmp_path / "empty.png", 230), "shows no face"),
    ):
        with pytest.raises(SettingsError, match=why):
            add_person(folder, "Ann", [image], None, fake())
    good = photograph(tmp_path / "good.png", "ann")
    with pytest.raises(SettingsError, match="wanted hero, heroine, supporting, got 'villain'"):
        add_person(folder, "Ann", [good], "villain", fake())
    assert not folder.exists()


@pytest.mark.parametrize(
    "name",
    ["", "  ", "../Ann", "Ann/Bob", "Ann\\Bob", ".", "..", ".Ann", "Ann\0", "A\x1bnn", "A" * 200],
)
def test_names_that_cannot_be_folders_are_refused(name: str, tmp_path: Path) -> None:
    good = photograph(tmp_path / "good.png", "ann")
    with pytest.raises(SettingsError, match=r"^cast: ") as caught:
        add_person(tmp_path / "cast", name, [good], None, fake())
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert not (tmp_path / "cast").exists()


@pytest.mark.parametrize("name", ["Zoë Saldaña", "山田 太郎", "O'Brien, Jr", "R2-D2", "Ann 🎬"])
def test_other_names_are_kept(name: str, tmp_path: Path) -> None:
    good = photograph(tmp_path / "good.png", "ann")
    add_person(tmp_path / "cast", name, [good], None, fake())
    assert [one.name for one in Cast.load(tmp_path / "cast", fake()).people] == [name]
    assert remove_person(tmp_path / "cast", name) == 1
    assert Cast.load(tmp_path / "cast", fake()).people == []


def test_removing_leaves_what_was_not_added(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="did not put there"):
        remove_person(folder, "Ann")
    with pytest.raises(SettingsError, match="nobody is named 'Zoe'; there are Ann, Bob"):
        remove_person(folder, "Zoe")
    source = photograph(tmp_path / "e.png", "eve")
    put_photographs(folder, "Eve", {source: source.read_bytes()}, None)
    (folder / "Eve" / "notes.txt").write_text("kept")
    assert remove_person(folder, "EVE") == 1
    assert [path.name for path in (folder / "Eve").iterdir()] == ["notes.txt"]
    assert source.exists()


def test_names_of_copies_do_not_collide(tmp_path: Path) -> None:
    one = photograph(tmp_path / "1" / "same.png", "ann")
    two = photograph(tmp_path / "2" / "same.png", "ann", (130, 160))
    contents = {path: path.read_bytes() for path in (one, two)}
    new = put_photographs(tmp_path / "cast", "Ann", contents, None)
    assert [path.name for path in new] == ["same.png", "same-2.png"]


def test_where_the_cast_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cast_folder(tmp_path) == tmp_path
    assert cast_folder().name == "cast"
    assert "fastthumb" in str(cast_folder())
    monkeypatch.setenv("FASTTHUMB_CAST", str(tmp_path / "mine"))
    assert cast_folder() == tmp_path / "mine"
    assert default_cast() is None
    (tmp_path / "mine").mkdir()
    assert default_cast() == str(tmp_path / "mine")


def test_photographs_are_turned_upright_and_opaque(tmp_path: Path) -> None:
    from fastthumb.analysis.cast_photographs import read_picture

    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    Image.new("RGB", (60, 40), (9, 9, 9)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_picture(tmp_path / "turned.jpg").shape == (60, 40, 3)
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert read_picture(tmp_path / "clear.png").mean() == pytest.approx(128.0)
    Image.new("L", (5000, 300), 77).save(tmp_path / "wide.png")
    assert read_picture(tmp_path / "wide.png").shape == (123, 2048, 3)
    Image.new("RGB", (4, 40)).save(tmp_path / "thin.png")
    with pytest.raises(ValueError, match="only 4 x 40 pixels"):
        read_picture(tmp_path / "thin.png")


def test_the_commands(tmp_path: Path, data: Path) -> None:
    """With the real networks: a person is added, listed and removed."""
    people, folder = data / "faces" / "people", tmp_path / "cast"
    options = ["--cast", str(folder), "--models", str(data / "models")]
    images = [str(people / "obama" / f"obama{k}.jpg") for k in ("", 1)]
    group = str(people / "group" / "two_people.jpg")

    app = typer.Typer()
    commands.register(app)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["cast", *arguments])
        return done.exit_code, done.output

    code, said = run("add", "Barack Obama", *images, group, "--role", "hero", *options)
    assert code == 1, "one photograph was refused"
    assert "two_people.jpg shows 2 faces" in said
    assert "2 photographs added, 2 in" in said
    code, said = run("list", *options)
    assert (code, said.split()[:4]) == (0, ["Barack", "Obama", "hero", "2"])
    code, said = run("list", "--json", *options)
    listed = json.loads(said)
    assert listed["people"][0]["role"] == "hero"
    assert [photo["usable"] for photo in listed["people"][0]["photographs"]] == [True, True]
    code, said = run("remove", "barack obama", "--cast", str(folder))
    assert code == 0
    assert not list(folder.rglob("*.jpg"))
