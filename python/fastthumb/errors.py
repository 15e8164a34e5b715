"""The errors that fastthumb raises.

    FastthumbError                 everything below; catch this one
    ├── SettingsError              an option or a settings file that cannot be used
    ├── DeviceUnavailable          a device was asked for that this machine does not have
    │   └── DeviceOutOfMemory      it is there, but its memory does not suffice; ask for less
    ├── ExtraMissing               a feature whose optional packages are not installed
    ├── ModelError                 a model file that is missing, damaged or not what its entry says
    ├── SourceError                a video that cannot be opened or read
    │   ├── NotAVideo              the file holds no moving picture
    │   ├── Unreadable             the file system refuses: missing, no permission, not a file
    │   └── NothingDecodable       a video stream of which no frame decodes
    ├── FrameError                 pixels of a shape, depth or layout that the core cannot take
    ├── NoArtwork                  a video that decodes, but without one usable picture
    ├── SomeTitlesFailed           a run of many titles of which some failed; has the others
    └── OutputError                a result that cannot be written or read back

Each message is one sentence that says what was done, what was wanted, what was found and what
to do about it. Errors of libraries are translated where they enter, with the cause kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastthumb.records import TitleRecord


class FastthumbError(Exception):
    """Base of every error that fastthumb raises on purpose."""


class SettingsError(FastthumbError, ValueError):
    """An option, a settings file or an argument that cannot be used."""


class DeviceUnavailable(FastthumbError):
    """The device that was asked for is not usable here; the message says what is missing."""


class DeviceOutOfMemory(DeviceUnavailable):
    """The device is there, but has not the memory that was asked for; a smaller batch may fit."""


class ExtraMissing(FastthumbError, ImportError):
    """A feature needs optional packages; the message names the extra to install."""


class ModelError(FastthumbError):
    """A model file is missing, damaged or not what its registry entry says."""


class SourceError(FastthumbError):
    """A video cannot be opened or read."""


class NotAVideo(SourceError):
    """The file holds no moving picture: text, audio only, a still attached to music."""


class Unreadable(SourceError):
    """The file system refuses the file: missing, without permission, a directory."""


class NothingDecodable(SourceError):
    """There is a video stream, but not one of its frames decodes."""


class FrameError(FastthumbError, ValueError):
    """Pixels whose shape, depth or layout the core cannot take."""


class NoArtwork(FastthumbError):
    """The video decodes, but no frame of it is fit to be shown."""


class SomeTitlesFailed(FastthumbError):
    """Some titles of a run failed; the finished ones are in `titles`.

    `failures` maps the path of each failed video to its message.
    """

    def __init__(self, titles: list[TitleRecord], failures: dict[str, str]) -> None:
        self.titles, self.failures = titles, failures
        count, total = len(failures), len(failures) + len(titles)
        first = next(iter(failures.values()))
        super().__init__(f"{count} of {total} titles failed, the first with: {first}")


class OutputError(FastthumbError):
    """A result cannot be written, or a stored result cannot be read."""
