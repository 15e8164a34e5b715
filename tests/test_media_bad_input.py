"""Everything that is wrong with real files: a right result, or one clear error, never a crash."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import media_files
from fastthumb.errors import FastthumbError, NotAVideo, NothingDecodable, SourceError, Unreadable
from fastthumb.media.display import display_rgb
from fastthumb.media.source import open_source


def message_of(path: str | Path, kind: type[FastthumbError]) -> str:
    """Text of the one error that opening gives: one line, names the file, prints anywhere."""
    with pytest.raises(kind) as caught:
        open_source(path)
    assert type(caught.value) is kind
    text = str(caught.value)
    assert "\n" not in text
    text.encode("utf-8")  # no lone surrogates
    if not str(path).startswith("http"):
        assert Path(os.fsdecode(path)).stem.encode("utf-8", "replace")[:3].decode() in text
    return text


def read_all(path: Path) -> tuple[int, list[str]]:
    with open_source(path) as source:
        return sum(1 for _ in source.frames()), source.warnings


# --- what is no video at all


def test_empty(tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    assert "the file is empty (0 bytes)" in message_of(path, SourceError)


@pytest.mark.parametrize("suffix", [".mp4", ".txt", ".nfo"])
def test_text(tmp_path, suffix):
    path = tmp_path / f"words{suffix}"
    path.write_text("this is no video, whatever its name says\n" * 50, encoding="utf-8")
    assert "this is a text file" in message_of(path, NotAVideo)


def test_zeros(tmp_path):
    path = tmp_path / "zeros.mp4"
    path.write_bytes(bytes(200_000))
    assert "zero bytes" in message_of(path, SourceError)


def test_noise(tmp_path):
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(5).bytes(100_000))
    assert "no known video format" in message_of(path, NotAVideo)


def test_missing(tmp_path):
    assert "there is no such file" in message_of(tmp_path / "missing.mp4", Unreadable)


def test_directory_named_like_a_video(tmp_path):
    path = tmp_path / "folder.mp4"
    path.mkdir()
    assert "this is a directory" in message_of(path, Unreadable)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_does_not_hang(tmp_path):
    path = tmp_path / "pipe.mp4"
    os.mkfifo(path)
    assert "a pipe or a device" in message_of(path, Unreadable)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_permission_denied(tmp_path):
    path = media_files.write(tmp_path / "secret.mp4")
    path.chmod(0)
    assert "permission to read it is denied" in message_of(path, Unreadable)


def test_permission_denied_by_the_system(tmp_path, monkeypatch):
    path = media_files.write(tmp_path / "secret.mp4")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "permission to read it is denied" in message_of(path, Unreadable)


def test_name_too_long():
    assert "cannot be read" in message_of("x" * 5000, Unreadable)


def test_name_with_a_null_byte():
    with pytest.raises(Unreadable, match="cannot be read"):
        open_source("a\0b.mp4")


def test_links_in_a_circle(tmp_path):
    path = tmp_path / "circle.mp4"
    path.symlink_to(path)
    assert "circle" in message_of(path, Unreadable)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".gif"])
def test_still_pictures(tmp_path, suffix):
    path = tmp_path / f"still{suffix}"
    Image.fromarray(media_files.picture(1)).save(path)
    if suffix == ".gif":  # a film of one frame, for all that FFmpeg can tell
        assert read_all(path)[0] == 1
    else:
        assert "this is a still picture" in message_of(path, NotAVideo)


def test_sound_only(tmp_path):
    path = media_files.write_sound(tmp_path / "sound.m4a")
    assert "sound but no picture" in message_of(path, NotAVideo)


def test_sound_with_cover_art(tmp_path):
    path = media_files.write_sound(tmp_path / "album.mp4", cover=True)
    assert "cover art" in message_of(path, NotAVideo)


def test_subtitles_only(tmp_path):
    path = tmp_path / "subtitles.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:02,000\nhello\n", encoding="utf-8")
    assert "subtitles but no picture" in message_of(path, NotAVideo)


def test_encrypted(tmp_path):
    path = media_files.encrypted(tmp_path / "locked.mp4")
    assert "encrypted" in message_of(path, SourceError)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:9/film.mp4", "refuses the connection"),
        ("nothing://somewhere/film.mp4", "not supported"),
    ],
)
def test_unreachable_urls(url, reason):
    text = message_of(url, Unreadable)
    assert url in text
    assert reason in text


# --- what is broken, but still gives something


def test_index_missing(tmp_path):
    whole = media_files.write(tmp_path / "whole.mp4", frames=60)
    path = media_files.cut(whole, tmp_path / "unfinished.mp4", 0.6)
    assert "its index (moov) is missing" in message_of(path, SourceError)


@pytest.mark.parametrize("suffix", ["mkv", "avi", "ts", "mpg"])
def test_truncated(tmp_path, suffix):
    codec = "mpeg2video" if suffix in ("ts", "mpg") else "mpeg4"
    whole = media_files.write(tmp_path / f"whole.{suffix}", frames=100, codec=codec)
    path = media_files.cut(whole, tmp_path / f"cut.{suffix}", 0.5)
    count, _ = read_all(path)
    assert 15 <= count < 70


def test_truncated_film_says_where_it_ends(tmp_path):
    whole = media_files.write(
        tmp_path / "whole.mp4",
        frames=120,
        codec="libx264",
        b_frames=2,
        container_options={"movflags": "faststart"},
    )
    path = media_files.cut(whole, tmp_path / "cut.mp4", 0.6)
    count, warnings = read_all(path)
    assert 20 < count < 110
    assert any(
        f"the film ends at {count / 25:.1f} s although its header promises 4.8 s" in each
        for each in warnings
    )


def test_pictures_before_a_damaged_end_are_not_lost(video):
    """With frame threads the decoder's delay would swallow two of the 80 pictures."""
    count, warnings = read_all(video("broken_truncated_moov_first.mp4"))
    assert count == 80
    assert len(warnings) == 2
    assert warnings[0].startswith("the file is damaged at 2.")


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mpeg2video", "ffv1"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_flipped_bits(tmp_path, codec, seed):
    whole = media_files.write(tmp_path / "whole.mkv", frames=60, codec=codec)
    path = media_files.flipped(whole, tmp_path / "flipped.mkv", bits=40, seed=seed)
    with open_source(path) as source:
        frames = list(source.frames())
        assert 0 < len(frames) <= 60
        assert [f.pts for f in frames] == sorted({f.pts for f in frames})
        for frame in frames[::10]:
            assert display_rgb(frame, source.info).shape == (64, 96, 3)
        assert list(source.keyframes())
        list(source.frames_at([frames[-1].pts, frames[len(frames) // 2].pts]))


def test_damage_is_located(tmp_path):
    whole = media_files.write(tmp_path / "whole.mkv", frames=100, codec="libx264")
    path = media_files.zeroed(whole, tmp_path / "zeroed.mkv", 0.5, 0.6)
    count, warnings = read_all(path)
    assert 30 < count < 100
    assert "damaged" in warnings[0]
    assert any(f" {second}." in warnings[0] for second in (1, 2, 3))


def test_damaged_frames_are_marked(video):
    with open_source(video("broken_bitflips.mkv")) as source:
        marks = [frame.damaged for frame in source.frames()]
    assert len(marks) == 68
    assert 0 < sum(marks) < 68


def test_header_only(tmp_path):
    """A film whose header is whole, but of which not one frame is there."""
    whole = media_files.write(
        tmp_path / "whole.mp4", codec="libx264", container_options={"movflags": "faststart"}
    )
    data = whole.read_bytes()
    path = tmp_path / "headless.mp4"
    path.write_bytes(data[: data.index(b"mdat") + 4])
    assert "not one of its frames decodes" in message_of(path, NothingDecodable)


def test_broken_sound_does_not_matter(video):
    assert read_all(video("audio_broken_plane_11s.mp4")) == (280, [])


def test_no_initial_keyframe(video):
    count, warnings = read_all(video("no_initial_keyframe.ts"))
    assert count == 15
    assert any("lack a keyframe" in each for each in warnings)


def test_reading_in_circles_ends(tmp_path, monkeypatch):
    """An index that leads back to the start must not keep a job busy for ever."""
    path = media_files.write(tmp_path / "circle.mp4")
    with open_source(path) as source:
        monkeypatch.setattr("fastthumb.media.reading._SPARE_BYTES", 1000)
        start = source.start

        def endless(**options):
            reading = start(**options)
            packets = list(reading.container.demux(reading.stream))[:-1]

            def again(_):
                while True:
                    yield from packets

            reading.container = SimpleNamespace(
                demux=again,
                close=reading.container.close,
                streams=reading.container.streams,
                format=reading.container.format,
            )
            return reading

        monkeypatch.setattr(source, "start", endless)
        assert len(list(source.frames())) < 2000
        assert "damaged" in source.warnings[0]


# --- what is unusual, and right


def test_single_frame(tmp_path):
    path = media_files.write(tmp_path / "one.mp4", frames=1)
    with open_source(path) as source:
        assert [len(list(run)) for run in (source.frames(), source.keyframes())] == [1, 1]
        assert len(list(source.frames_at([0]))) == 1
        assert source.warnings == []


def test_single_keyframe(tmp_path):
    path = media_files.write(tmp_path / "gop.mp4", frames=50, keyframe_every=1000)
    with open_source(path) as source:
        assert len(list(source.frames())) == 50
        assert len(list(source.keyframes())) == 1


@pytest.mark.parametrize(
    ("size", "pixel_format"),
    [
        ((97, 63), "yuv420p"),
        ((64, 1), "yuv420p"),
        ((1, 64), "yuv422p"),
        ((1, 1), "yuv444p"),
        ((3, 3), "yuv420p10le"),
    ],
    ids=lambda each: each if isinstance(each, str) else "{}x{}".format(*each),
)
def test_odd_and_tiny_sizes(tmp_path, size, pixel_format):
    path = media_files.write(
        tmp_path / "odd.nut", codec="rawvideo", size=size, pixel_format=pixel_format
    )
    with open_source(path) as source:
        frames = list(source.frames())
        assert len(frames) == 12
        assert display_rgb(frames[0], source.info).shape == (size[1], size[0], 3)
        assert max(display_rgb(frames[0], source.info, max_long_side=20).shape[:2]) <= 20


def test_8k(video):
    with open_source(video("uhd8k_hevc_0.3s.mp4"), threads=1) as source:
        frame = next(source.keyframes())
        assert display_rgb(frame, source.info, max_long_side=320).shape == (180, 320, 3)


@pytest.mark.parametrize("suffix", [".264", ".ts"])
def test_resolution_changes_in_the_middle(tmp_path, suffix):
    path = tmp_path / f"change{suffix}"
    if suffix == ".264":
        media_files.annex_b(path, [(96, 64), (64, 96), (128, 64)])
        sizes = {(96, 64), (64, 96), (128, 64)}
    else:
        data = b""
        for size in [(96, 64), (160, 96)]:
            piece = media_files.write(tmp_path / "piece.ts", codec="mpeg2video", size=size)
            data += piece.read_bytes()
        path.write_bytes(data)
        sizes = {(96, 64), (160, 96)}
    with open_source(path) as source:
        frames = list(source.frames())
        assert {(f.image.width, f.image.height) for f in frames} == sizes
        for frame in frames:
            shown = display_rgb(frame, source.info)
            assert shown.shape == (frame.image.height, frame.image.width, 3)
        assert any("changes its size or format" in each for each in source.warnings)


def test_name_that_is_not_utf8(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 \xff.mp4"))
    try:
        media_files.write(path)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes only UTF-8 names")
    assert read_all(path) == (12, [])
    path.write_bytes(b"broken")
    assert "caf\\xe9 \\xff.mp4" in message_of(path, NotAVideo)


@pytest.mark.parametrize("name", ["concat:a|b.mp4", "http:x.mp4", "%d.mp4", "-i.mp4", "a\nb.mp4"])
def test_name_that_looks_like_something_else(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    plain = media_files.write(tmp_path / "plain.mp4")
    plain.rename(tmp_path / name)
    assert read_all(Path(name)) == (12, [])
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(SourceError) as caught:
        open_source(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["avi", "mkv", "mp4"])
def test_tags_that_are_not_utf8(tmp_path, suffix):
    path = media_files.write(
        tmp_path / f"tags.{suffix}",
        metadata={"title": "Amélie", "comment": "ÿþ"},
        metadata_encoding="latin-1",
    )
    assert read_all(path) == (12, [])


def test_absurd_aspect_ratio_is_ignored(tmp_path):
    path = media_files.write(tmp_path / "wide.mp4", aspect=Fraction(200, 1))
    with open_source(path) as source:
        assert source.info.display_size == (96, 64)


@pytest.mark.parametrize("length", [1, 3, 7, 40, 200, 1000])
def test_any_beginning_of_a_file_is_handled(tmp_path, length):
    for suffix in ("mp4", "mkv", "avi", "ts"):
        whole = tmp_path / f"whole.{suffix}"
        if not whole.exists():
            media_files.write(whole)
        path = tmp_path / f"start{length}.{suffix}"
        path.write_bytes(whole.read_bytes()[:length])
        with contextlib.suppress(FastthumbError), open_source(path) as source:
            assert 0 < len(list(source.frames())) < 12


@pytest.mark.parametrize("seed", range(8))
def test_headers_with_flipped_bits_never_crash(tmp_path, seed):
    for suffix in ("mp4", "mkv", "avi", "ts"):
        whole = media_files.write(tmp_path / f"whole.{suffix}", frames=8)
        path = media_files.flipped(whole, tmp_path / f"bad.{suffix}", bits=60, skip=0, seed=seed)
        with contextlib.suppress(FastthumbError), open_source(path) as source:
            for frame in source.frames():
                display_rgb(frame, source.info, max_long_side=64)
            list(source.keyframes())
            source.packets()
