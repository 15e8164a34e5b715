"""Subtitles: beside a video and inside it, in any encoding, and what is said in them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fastthumb.analysis.dialogue import Dialogue, Line
from fastthumb.analysis.subtitles import dialogue_of, is_english, sidecars
from fastthumb.media.source import SourceInfo, open_source
from fastthumb.media.subtitles import plain_text, text_track

SRT = (
    "1\n00:00:00,500 --> 00:00:01,000\n<i>I love you, this is wonderful!</i>\n\n"
    "2\n00:00:01,100 --> 00:00:01,600\nJOHN: I hate you. You have to leave\nand that is all.\n\n"
    "3\n00:00:01,700 --> 00:00:01,900\n[door slams]\n\n"
)
VTT = "WEBVTT\n\n00:00.500 --> 00:01.000\nGrüße <i>aus</i> Köln\n\n"
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\n"
    "Style: Default,Arial\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:00.50,0:00:01.00,Default,,0,0,0,,Hello {\\i1}there,\\Nyou\n"
)
SUB = "{12}{24}Hello there\n{30}{40}and good night\n"


def write_video(path: Path, subtitles: Path | None = None, first_pts: int = 0) -> Path:
    """A video of two seconds with these subtitles inside it."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libvpx" if path.suffix == ".webm" else "libx264", rate=24)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        text, source = None, None
        if subtitles is not None and path.suffix == ".mp4":
            text = out.add_stream("mov_text")
            text.codec_context.subtitle_header = ASS.split("Dialogue")[0].encode()
        elif subtitles is not None:
            source = av.open(str(subtitles))
            text = out.add_stream_from_template(source.streams[0])
            text.metadata["language"] = "eng"
        for number in range(48):
            picture = np.full((48, 64, 3), 5 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = first_pts + number
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if source is not None:
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = text
                    out.mux(packet)
            source.close()
        elif text is not None:
            packet = av.Packet(len(b"Hello").to_bytes(2, "big") + b"Hello")
            packet.pts = packet.dts = 500
            packet.duration, packet.time_base = 500, Fraction(1, 1000)
            packet.stream = text
            out.mux(packet)
    return path


def info_of(path: Path) -> SourceInfo:
    with open_source(path) as source:
        return source.info


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_video(tmp_path / "film.mkv")


def said(film: Path) -> tuple[Dialogue | None, list[str]]:
    return dialogue_of(info_of(film))


@pytest.mark.parametrize(
    ("suffix", "text", "container"),
    [(".srt", SRT, ".mkv"), (".ass", ASS, ".mkv"), (".vtt", VTT, ".webm"), (".srt", "", ".mp4")],
    ids=["srt", "ass", "webvtt", "mov_text"],
)
def test_tracks_inside_a_video_are_read(
    tmp_path: Path, suffix: str, text: str, container: str
) -> None:
    subtitles = tmp_path / f"elsewhere{suffix}"
    subtitles.write_text(text, encoding="utf-8")
    track, warnings = text_track(info_of(write_video(tmp_path / f"film{container}", subtitles)))
    assert track is not None
    assert not warnings
    assert track.lines[0].start_seconds == pytest.approx(0.5, abs=0.02)
    assert track.lines[0].end_seconds == pytest.approx(1.0, abs=0.02)
    assert track.lines[0].text.startswith(("I love", "Hello", "Grüße aus Köln"))
    assert "<" not in track.lines[0].text
    assert "{" not in track.lines[0].text


def test_a_video_without_subtitles_says_nothing(film: Path) -> None:
    assert said(film) == (None, [])


def test_lines_of_speech_with_their_sentiment(film: Path) -> None:
    film.with_suffix(".srt").write_text(SRT)
    dialogue, warnings = said(film)
    assert dialogue is not None
    assert not warnings
    assert dialogue.language == "en"
    assert dialogue.source == "film.srt"
    loving, hating = dialogue.lines
    assert loving.sentiment is not None
    assert hating.sentiment is not None
    assert loving.sentiment > 0.5 > -0.3 > hating.sentiment
    assert hating.text == "I hate you. You have to leave and that is all."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_usual_encoding(film: Path, encoding: str) -> None:
    film.with_name("film.de.vtt").write_bytes(VTT.encode(encoding))
    dialogue, warnings = said(film)
    assert not warnings
    assert dialogue is not None
    assert dialogue.lines[0].text == "Grüße aus Köln"
    assert dialogue.language == "de"
    assert dialogue.lines[0].sentiment is None, "sentiment is known for English only"


def test_every_kind_of_file(film: Path) -> None:
    for suffix, text in ((".srt", SRT), (".vtt", VTT), (".ass", ASS), (".sub", SUB)):
        file = film.with_suffix(suffix)
        file.write_text(text, encoding="utf-8")
        dialogue, warnings = said(film)
        assert not warnings, suffix
        assert dialogue is not None
        assert dialogue.lines[0].start_seconds == pytest.approx(0.5, abs=0.01), suffix
        file.unlink()


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing of the kind", b"\x00\x01\x02" * 50, b"WEBVTT\n\n", b"\x00\x00\x01\xba123"],
    ids=["empty", "text", "bytes", "no lines", "pictures"],
)
def test_a_broken_file_is_a_warning(film: Path, content: bytes) -> None:
    film.with_suffix(".sub").write_bytes(content)
    dialogue, warnings = said(film)
    assert dialogue is None
    assert len(warnings) == 1
    assert "film.sub" in warnings[0]


def test_a_broken_file_does_not_hide_a_good_one(film: Path) -> None:
    film.with_suffix(".srt").write_bytes(b"garbage")
    film.with_name("film.en.vtt").write_text("WEBVTT\n\n00:00.500 --> 00:01.000\nFine then\n")
    film.with_suffix(".ass").write_text(ASS)
    dialogue, _ = said(film)
    assert dialogue is not None
    assert dialogue.source == "film.en.vtt"


def test_whole_and_english_files_go_first(film: Path) -> None:
    names = ["film.en.forced.srt", "film.fr.srt", "film.srt", "film.eng.sdh.vtt"]
    for name in [*names, "film2.srt", "other.srt"]:
        film.with_name(name).write_text(SRT)
    order = [file.name for file in sidecars(film)]
    assert order == ["film.eng.sdh.vtt", "film.srt", "film.fr.srt", "film.en.forced.srt"]


def test_a_file_beside_the_video_goes_before_a_track_inside(tmp_path: Path) -> None:
    subtitles = tmp_path / "elsewhere.srt"
    subtitles.write_text(SRT)
    film = write_video(tmp_path / "film.mkv", subtitles)
    inside, _ = said(film)
    assert inside is not None
    assert inside.source == "srt track"
    assert inside.language == "en"
    film.with_suffix(".srt").write_text(SRT)
    beside, _ = said(film)
    assert beside is not None
    assert beside.source == "film.srt"


@pytest.mark.parametrize(
    ("english", "text"),
    [
        (True, "I know that you are here and this is not what we have to do, but how can I?"),
        (False, "Ich weiß nicht, was du willst, aber wir müssen jetzt gehen und das ist alles."),
        (False, "Je ne sais pas ce que tu veux, mais nous devons partir maintenant, c'est tout."),
        (False, "No sé lo que quieres, pero tenemos que irnos ahora, y eso es todo lo que hay."),
        (False, "I know that you are"),
    ],
)
def test_english_is_told_by_its_commonest_words(english: bool, text: str) -> None:
    assert is_english([text]) is english


def test_markup_and_drawings_go() -> None:
    assert plain_text(r"{\an8}<b>One</b>\N{\i1}two{\i0}") == "One two"
    assert plain_text(r"{\p1}m 0 0 l 10 10") == ""


def test_what_is_said_around_a_time() -> None:
    dialogue = Dialogue(
        (Line(10.0, 12.0, "Good", 0.6), Line(13.0, 14.0, "Bad", -0.8), Line(50.0, 51.0, "Hm")),
        "en",
        "film.srt",
    )
    assert dialogue.around(11.5) == (pytest.approx(-0.1), True)
    assert dialogue.around(8.5) == (0.6, False)
    assert dialogue.around(30.0) == (None, False)
    assert dialogue.around(50.5) == (None, True)
