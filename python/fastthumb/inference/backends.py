"""The libraries that can run networks on a CUDA device: what is said where one cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

from fastthumb.errors import DeviceUnavailable


class BackendUnusable(DeviceUnavailable):
    """A library cannot be used, or not for this model; another one may be.

    `reason` says what is missing and `advice` which command or change adds it.
    """

    def __init__(self, reason: str, advice: str) -> None:
        self.reason, self.advice = reason, advice
        super().__init__(f"{reason}; {advice}")


@dataclass(frozen=True, slots=True)
class BackendFact:
    """A library as it is installed: `found` is its version or what is missing.

    `advice` is the command that adds what is missing, empty where nothing is. That the library is
    usable says nothing of the driver and the device.
    """

    backend: str
    usable: bool
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """A CUDA device that is there: its number, name and compute capability such as "9.0"."""

    number: int
    name: str
    capability: str
