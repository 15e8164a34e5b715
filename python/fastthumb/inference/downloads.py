"""Pulling models: a file arrives whole and with the right hash, or not at all.

The one place in fastthumb that uses the network, and only when it is asked to. pooch writes to a
temporary file, compares the hash and renames; here are the patience, the size limit and the words.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastthumb.atomic import make_folder
from fastthumb.errors import FastthumbError, ModelError, OutputError
from fastthumb.names import printable

if TYPE_CHECKING:
    from fastthumb.inference.entries import ModelEntry

# Called with the bytes that have arrived and all there will be, or None where nobody said.
Progress = Callable[[int, int | None], None]

_PIECE_BYTES = 1 << 16
# The largest file that is taken where its entry gives no size.
_LARGEST_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may take, in seconds and in bytes a second."""

    connect_seconds: float = 10.0
    silence_seconds: float = 30.0
    """Longest pause between two pieces."""
    least_bytes_a_second: float = 2048.0
    """Slower than this on average, once `slow_seconds` have passed, is given up."""
    slow_seconds: float = 60.0
    tries: int = 2
    """For each address, where the connection breaks or the server is at fault."""
    pause_seconds: float = 1.0
    """Between two tries."""


class _Refused(FastthumbError):
    """Why one address gave no file; `again` where another try may help."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        self.again = again
        super().__init__(reason)


def pull(
    entry: ModelEntry,
    folder: Path,
    *,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Path:
    """Download a model's file into `folder` and return its path; the other addresses are tried.

    A file of the right hash that is there already is left alone, any other is replaced. Raises
    ModelError, naming model, address and reason, if it cannot be had from any of its addresses,
    and OutputError if the folder cannot be written. Nothing is left behind in either case.
    """
    if not entry.urls or entry.file is None or entry.sha256 is None:
        raise ModelError(
            f"model {entry.name}: the registry has no address for it; get {entry.file or 'it'} "
            f"from {entry.source or 'its maker'} and put it into the folder of --models"
        )
    path = folder / entry.file
    make_folder(path.parent)
    _check_space(path, entry.size_bytes)
    reasons = []
    for url in entry.urls:
        reason = _pull_from(url, entry, path, progress, patience or Patience())
        if reason is None:
            return path
        reasons.append(f"{url}: {reason}")
    raise ModelError(
        f"model {entry.name}: cannot be pulled ({'; '.join(reasons)}); try again later, or put "
        f"{entry.file} into the folder of --models yourself"
    )


def _pull_from(
    url: str, entry: ModelEntry, path: Path, progress: Progress | None, patience: Patience
) -> str | None:
    """Try one address; returns why it gave no file, or None if it did."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # it tells of every file on standard error
    reason = ""
    for attempt in range(max(1, patience.tries)):
        if attempt:
            time.sleep(patience.pause_seconds)
        try:
            pooch.retrieve(
                url,
                known_hash=f"sha256:{entry.sha256}",
                fname=path.name,
                path=path.parent,
                downloader=_Download(entry.size_bytes, progress, patience),
            )
            return None
        except _Refused as exc:
            reason = str(exc)
            if not exc.again:
                break
        except ValueError:  # pooch: the hash is not the known one
            return "what arrived is not the file of the registry (its SHA-256 is another)"
        except OSError as exc:
            raise OutputError(_unwritable(path, exc)) from exc
    return reason


class _Download:
    """What pooch calls to fetch an address into a file; raises _Refused with the reason."""

    def __init__(self, size: int | None, progress: Progress | None, patience: Patience) -> None:
        self._size, self._progress, self._patience = size, progress, patience

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        import requests

        del pooch, check_only
        try:
            with requests.get(
                url,
                stream=True,
                timeout=(self._patience.connect_seconds, self._patience.silence_seconds),
                headers={"Accept-Encoding": "identity", "User-Agent": "fastthumb"},
            ) as response:
                self._check_answer(response)
                with Path(output_file).open("wb") as file:
                    self._copy(response, file)
        except requests.exceptions.RequestException as exc:
            raise _translated(exc, self._patience) from exc

    def _check_answer(self, response: Any) -> None:
        status = response.status_code
        if status != 200:
            reason = f"the server answers {status} {response.reason or ''}".rstrip()
            raise _Refused(reason, again=status >= 500 or status == 429)
        offered = response.headers.get("Content-Length", "")
        if self._size is not None and offered.isdecimal() and int(offered) != self._size:
            raise _Refused(f"the server offers {offered} bytes, wanted {self._size}")

    def _copy(self, response: Any, file: Any) -> None:
        from urllib3.exceptions import HTTPError

        limit = self._size or _LARGEST_BYTES
        begin = time.monotonic()
        done = 0
        while True:
            try:
                piece = response.raw.read1(_PIECE_BYTES)  # what is there, so that time is seen
            except HTTPError as exc:
                raise _translated(exc, self._patience, done, self._size) from exc
            if not piece:
                break
            file.write(piece)
            done += len(piece)
            if done > limit:
                raise _Refused(f"more than the wanted {limit} bytes arrive")
            if self._progress is not None:
                self._progress(done, self._size)
            self._check_speed(done, time.monotonic() - begin)
        if self._size is not None and done < self._size:
            raise _Refused(f"it broke off after {done} of {self._size} bytes", again=True)

    def _check_speed(self, done: int, seconds: float) -> None:
        patience = self._patience
        if seconds > patience.slow_seconds and done < seconds * patience.least_bytes_a_second:
            raise _Refused(f"too slow: {done} bytes in {seconds:.0f} seconds")


def _translated(
    exc: Exception, patience: Patience, done: int = 0, size: int | None = None
) -> _Refused:
    """A library's complaint about the network in one short phrase."""
    import requests
    from urllib3 import exceptions as urllib3_errors

    causes = [exc, *getattr(exc, "args", ())]
    if any(isinstance(cause, requests.exceptions.ConnectTimeout) for cause in causes):
        return _Refused(f"no answer within {patience.connect_seconds:g} seconds", again=True)
    late = (requests.exceptions.ReadTimeout, urllib3_errors.ReadTimeoutError)
    if any(isinstance(cause, late) for cause in causes):
        return _Refused(f"nothing arrived for {patience.silence_seconds:g} seconds", again=True)
    if isinstance(exc, requests.exceptions.TooManyRedirects):
        return _Refused("the server sends us from address to address without end")
    if isinstance(exc, requests.exceptions.SSLError):
        return _Refused("its certificate is not valid here")
    if isinstance(exc, requests.exceptions.ProxyError):
        return _Refused("the proxy cannot be used; check HTTPS_PROXY")
    broken = (urllib3_errors.ProtocolError, requests.exceptions.ChunkedEncodingError)
    if isinstance(exc, broken) or done:
        of = f" of {size}" if size else ""
        return _Refused(f"it broke off after {done}{of} bytes", again=True)
    if isinstance(exc, requests.exceptions.ConnectionError):
        return _Refused("the server cannot be reached; is there a network?", again=True)
    return _Refused(f"{type(exc).__name__}: the address cannot be used")


def _check_space(path: Path, size: int | None) -> None:
    """Raise OutputError if the disk has no room for the file."""
    import shutil

    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return
    if size is not None and free < size:
        full = OSError(errno.ENOSPC, f"{free} bytes are free, {size} are needed")
        raise OutputError(_unwritable(path, full))


def _unwritable(path: Path, exc: OSError) -> str:
    denied = "Permission denied" if isinstance(exc, PermissionError) else ""
    reason = exc.strerror or denied or str(exc) or type(exc).__name__
    advice = (
        "free some space, or name a folder on another disk in FASTTHUMB_CACHE"
        if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        else "name a folder that you may write to in FASTTHUMB_CACHE"
    )
    return f"{printable(path)}: the model cannot be written ({reason}); {advice}"
