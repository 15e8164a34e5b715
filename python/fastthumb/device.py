"""Which devices a run uses: those that were asked for, or an error that says what is missing."""

from __future__ import annotations

from fastthumb.errors import DeviceUnavailable, SettingsError


def resolve_devices(gpu: str) -> tuple[tuple[str, ...], str]:
    """Return (devices, why) for a `--gpu` value: "none", "auto", or numbers of GPUs ("0", "0,1").

    Devices are "cpu" or "cuda:0" and so on. Only "auto" may choose: the first GPU, or the CPU and
    why not. Raises DeviceUnavailable where a GPU that is asked for cannot be used, SettingsError
    for anything else.
    """
    if gpu == "none":
        return ("cpu",), "asked for"
    if gpu == "auto":
        missing = shortcoming(0)
        return (("cpu",), missing) if missing else (("cuda:0",), "it is there")
    numbers = [part.strip() for part in gpu.split(",")]
    if not all(number.isdecimal() for number in numbers) or len(set(numbers)) < len(numbers):
        raise SettingsError(
            f"--gpu: wanted auto, none, or different numbers such as 0 or 0,1, got {gpu!r}; "
            "use --gpu none"
        )
    for number in numbers:
        missing = shortcoming(int(number))
        if missing:
            raise DeviceUnavailable(f"--gpu {gpu}: {missing}; run fastthumb doctor or --gpu none")
    return tuple(f"cuda:{int(number)}" for number in numbers), "asked for"


def shortcoming(number: int) -> str | None:
    """What a GPU lacks to decode and measure films, in a clause; None where it lacks nothing."""
    from fastthumb import _core

    if not _core.build_info()["cuda"]:
        return "this installation has no CUDA kernels"
    devices = _core.cuda_devices()
    if number >= len(devices):
        return f"the driver shows {len(devices)} GPUs" if devices else "no GPU with a driver"
    from fastthumb.media.nvdec_library import engine_count

    try:
        engine_count(number)
    except DeviceUnavailable as error:
        return str(error)
    return None
