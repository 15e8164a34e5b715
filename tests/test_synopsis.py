"""What a file beside a video says of it: genres, title and plot."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastthumb.analysis.synopsis import read_synopsis
from fastthumb.artwork.genres import genre_named, genre_of, load_genres, priorities_of
from fastthumb.errors import SettingsError
from fastthumb.settings import Settings

KODI = """<?xml version="1.0" encoding="UTF-8"?>
<movie>
  <title>The Film &amp; more</title>
  <plot><![CDATA[Somebody <b>leaves</b>.]]></plot>
  <genre>Science Fiction</genre>
  <genre>Drama / Romance</genre>
</movie>
https://example.org/title/1
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return tmp_path / "film.mkv"


def test_kodi_files(film: Path) -> None:
    film.with_suffix(".nfo").write_text(KODI)
    found, warnings = read_synopsis(film)
    assert not warnings
    assert found is not None
    assert found.title == "The Film & more"
    assert found.genres == ("Science Fiction", "Drama", "Romance")
    assert found.plot == "Somebody leaves ."
    assert found.source == "film.nfo"


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".nfo", "Title: X\nGenre: Horror\nA house in the woods."),
        (".txt", "A house in the woods.\ngenres = Horror\n"),
        (".json", '{"Genre": ["Horror"], "overview": "A house in the woods."}'),
        (".json", '{"genres": "Horror", "plot": "A house in the woods."}'),
    ],
)
def test_plain_files(film: Path, suffix: str, text: str) -> None:
    film.with_suffix(suffix).write_text(text)
    found, warnings = read_synopsis(film)
    assert not warnings
    assert found is not None
    assert found.genres == ("Horror",)
    assert found.plot == "A house in the woods."


def test_the_series_speaks_for_an_episode(film: Path) -> None:
    film.with_name("tvshow.nfo").write_text("<tvshow><genre>Comedy</genre></tvshow>")
    found, _ = read_synopsis(film)
    assert found is not None
    assert found.genres == ("Comedy",)


def test_nothing_and_other_peoples_files(film: Path) -> None:
    assert read_synopsis(film) == (None, [])
    film.with_suffix(".json").write_text("[1, 2, 3]")
    assert read_synopsis(film) == (None, [])


def test_a_broken_file_is_a_warning(film: Path) -> None:
    film.with_suffix(".json").write_text("{broken")
    found, warnings = read_synopsis(film)
    assert found is None
    assert len(warnings) == 1
    assert "film.json" in warnings[0]


@pytest.mark.parametrize(
    ("names", "genre"),
    [
        (["Sci-Fi"], "adventure"),
        (["Action & Adventure"], "action"),
        (["Western Drama", "Film-Noir"], "thriller"),
        (["Unheard of", "COMEDY"], "comedy"),
        (["Romance/Drama"], "romance"),
        (["default"], None),
        ([], None),
    ],
)
def test_genres_of_other_people(names: list[str], genre: str | None) -> None:
    assert genre_named(names) == genre


def test_the_users_genre_stands() -> None:
    assert genre_of(Settings(genre="horror"), ["Comedy"], "film.nfo") == ("horror", None)
    genre, note = genre_of(Settings(), ["Comedy"], "film.nfo")
    assert genre == "comedy"
    assert note is not None
    assert "film.nfo" in note
    assert genre_of(Settings(), ["Nonsense"], "film.nfo") == ("default", None)


class TestGenresFile:
    def test_it_adds_and_replaces(self, tmp_path: Path) -> None:
        file = tmp_path / "genres.toml"
        file.write_text(
            '[opera]\naliases = ["Grand Opera"]\npriorities = [\n'
            '  { name = "voices", share = 0.6, scene_types = ["ensemble"] },\n]\n'
            '[action]\npriorities = [{ name = "all", share = 1, scene_types = ["action"] }]\n'
        )
        assert [one.name for one in priorities_of("opera", file)] == ["voices"]
        assert [one.name for one in priorities_of("action", file)] == ["all"]
        assert priorities_of("romance", file) == priorities_of("romance")
        assert genre_named(["grand opera"], file) == "opera"

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("not toml [", "cannot be read"),
            ("[x]\n", r"\[x\]: wanted \"priorities\""),
            ("[x]\npriorities = [{ name = 'a', share = 2, scene_types = ['action'] }]", "share"),
            ("[x]\npriorities = [{ name = 'a', share = 1, scene_types = ['dance'] }]", "dance"),
            ("[x]\npriorities = [{ name = 'a', share = 1 }]", "scene_types"),
            (
                "[x]\npriorities = [{ name = 'a', share = 0.7, scene_types = ['action'] }, "
                "{ name = 'b', share = 0.7, scene_types = ['other'] }]",
                "add up",
            ),
        ],
    )
    def test_mistakes_are_named(self, tmp_path: Path, text: str, complaint: str) -> None:
        file = tmp_path / "genres.toml"
        file.write_text(text)
        with pytest.raises(SettingsError, match=complaint):
            load_genres(file)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=r"gone\.toml"):
            load_genres(tmp_path / "gone.toml")
