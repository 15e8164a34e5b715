"""Which device a run uses: the one that was asked for, or an error that says what is missing."""

from __future__ import annotations

from fastthumb.errors import DeviceUnavailable, SettingsError


def resolve_device(gpu: str) -> tuple[str, str]:
    """Return (device, why) for a `--gpu` value: "none", "auto" or a GPU's number.

    Only "auto" may choose. Raises DeviceUnavailable where a GPU is asked for by number, since
    this version decodes on the CPU, and SettingsError for anything else.
    """
    if gpu == "none":
        return "cpu", "asked for"
    if gpu == "auto":
        return "cpu", "this version decodes on the CPU"
    if gpu.isdecimal():
        raise DeviceUnavailable(
            f"--gpu {gpu}: this version decodes on the CPU only; use --gpu none or --gpu auto"
        )
    raise SettingsError(f"--gpu: wanted a number, auto or none, got {gpu!r}; use --gpu none")
