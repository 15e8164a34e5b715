"""Why a file cannot be read, in one sentence that a person can act on."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import av

from fastthumb.errors import NotAVideo, SourceError, Unreadable
from fastthumb.names import printable

if TYPE_CHECKING:
    from av.container import InputContainer

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HEAD_BYTES = 1 << 16
_MAX_BOXES = 10_000

# Demuxers that make "video" out of still pictures and text.
_STILL_FORMATS = re.compile(r"image2|.*_pipe|ico|tty|txd|webp")
_STILL_BRANDS = frozenset({"avif", "heic", "heix", "mif1"})
_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"\x1a\x45\xdf\xa3", 0, "Matroska/WebM"),
    (b"RIFF", 0, "AVI"),
    (b"FLV", 0, "FLV"),
    (b"OggS", 0, "Ogg"),
    (b"\x30\x26\xb2\x75", 0, "ASF/WMV"),
    (b"\x00\x00\x01\xba", 0, "MPEG"),
    (b"\x47", 0, "MPEG-TS"),
)


def is_url(name: str) -> bool:
    """Say whether a source is fetched by FFmpeg itself (http://..., not a file)."""
    return _URL.match(name) is not None


def check_file(path: Path) -> None:
    """Refuse what the file system will not give: raises Unreadable, SourceError if empty."""
    shown = printable(path)
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(shown, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise Unreadable(
            f"{shown}: this is a directory, not a video file; give the video files in it"
        )
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(
            f"{shown}: this is a pipe or a device, and a video is read more than once; "
            "save it to a file first"
        )
    try:
        with path.open("rb") as stream:
            stream.read(1)
    except OSError as error:
        raise _unreadable(shown, error) from error
    if status.st_size == 0:
        raise SourceError(f"{shown}: the file is empty (0 bytes); copy or download it again")


def _unreadable(shown: str, error: OSError | ValueError) -> Unreadable:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.ENOENT:
        return Unreadable(f"{shown}: there is no such file; check the path")
    if code in (errno.EACCES, errno.EPERM):
        return Unreadable(
            f"{shown}: permission to read it is denied; change its permissions or the user"
        )
    if code == errno.ELOOP:
        return Unreadable(f"{shown}: its symbolic links lead in a circle; repair the link")
    reason = os.strerror(code) if code else str(error)
    return Unreadable(f"{shown}: cannot be read ({reason}); check the path and the disk")


def open_failure(name: str, error: Exception) -> SourceError:
    """Explain why FFmpeg could not open a file or URL."""
    shown = printable(name)
    if is_url(name):
        return Unreadable(f"{shown}: {_network_reason(error)}")
    if isinstance(error, av.PermissionError | av.FileNotFoundError):
        return _unreadable(shown, error)
    if isinstance(error, MemoryError):
        return SourceError(f"{shown}: not enough memory to open it; its header may be damaged")
    try:
        head, size = _head(Path(name))
    except OSError as failure:
        return _unreadable(shown, failure)
    if not head.strip(b"\0"):
        return SourceError(
            f"{shown}: begins with {len(head)} zero bytes, the copy did not finish; copy it again"
        )
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        missing = _missing_box(Path(name), size)
        if missing:
            return SourceError(f"{shown}: {missing}")
        return SourceError(f"{shown}: its MP4/MOV header is damaged; copy it again or repair it")
    for signature, offset, container in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return SourceError(
                f"{shown}: it looks like {container}, but no video can be read from it; "
                "copy it again or repair it"
            )
    if _is_text(head):
        return NotAVideo(f"{shown}: this is a text file, not a video; leave it out")
    return NotAVideo(f"{shown}: no known video format; leave it out, or convert it first")


def _network_reason(error: Exception) -> str:
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (av.HTTPNotFoundError, "the server has no such address (404); check the URL"),
        (av.HTTPUnauthorizedError, "the server wants a login (401); put it into the URL"),
        (av.HTTPForbiddenError, "the server refuses it (403); check your access rights"),
        (av.HTTPClientError, "the server refuses the request (4xx); check the URL"),
        (av.HTTPServerError, "the server fails (5xx); try again later"),
        (av.ConnectionRefusedError, "the server refuses the connection; check host and port"),
        (av.TimeoutError, "no answer in time; check the network and try again"),
        (av.ExitError, "no answer in time; check the network and try again"),
        (av.ProtocolNotFoundError, "this kind of URL is not supported; download the file first"),
        (av.InvalidDataError, "what it answers is not a video; check the URL"),
    )
    for kind, reason in reasons:
        if isinstance(error, kind):
            return reason
    detail = getattr(error, "strerror", None) or type(error).__name__
    return f"cannot be opened ({detail}); check the URL and the network"


def _head(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as stream:
        return stream.read(_HEAD_BYTES), path.stat().st_size


def _missing_box(path: Path, size: int) -> str | None:
    """Walk the top-level boxes of an MP4/MOV (ISO/IEC 14496-12): is its index there?"""
    position, found = 0, set()
    with path.open("rb") as stream:
        for _ in range(_MAX_BOXES):
            stream.seek(position)
            header = stream.read(16)
            if len(header) < 8:
                break
            length, kind = int.from_bytes(header[:4], "big"), header[4:8]
            found.add(kind)
            if length == 1 and len(header) == 16:
                length = int.from_bytes(header[8:16], "big")
            if length == 0:
                length = size - position
            if length < 8:
                break
            position += length
    if b"moov" in found:
        return None
    return (
        "its index (moov) is missing, so the recording or the copy did not finish; "
        "copy it again or repair it"
    )


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\r\n\t\f" for letter in text)


def refuse_still(name: str, container: InputContainer) -> None:
    """Raise NotAVideo where FFmpeg opened a picture or a text as if it were a film."""
    formats = container.format.name.split(",")
    brand = container.metadata.get("major_brand", "").strip()
    if brand in _STILL_BRANDS or any(_STILL_FORMATS.fullmatch(each) for each in formats):
        what = "a text file" if "tty" in formats else "a still picture"
        raise NotAVideo(f"{printable(name)}: this is {what}, not a video; leave it out")


def no_video(name: str, container: InputContainer) -> SourceError:
    """Say what a file without a usable video stream holds instead."""
    shown = printable(name)
    kinds = {stream.type for stream in container.streams}
    if "video" in kinds:
        return NotAVideo(f"{shown}: its only picture is cover art, there is no film; leave it out")
    if "audio" in kinds:
        return NotAVideo(f"{shown}: it holds sound but no picture; leave it out")
    if "subtitle" in kinds:
        return NotAVideo(f"{shown}: it holds subtitles but no picture; leave it out")
    return SourceError(
        f"{shown}: neither picture nor sound is found in it, its header may be damaged; "
        "copy it again"
    )
