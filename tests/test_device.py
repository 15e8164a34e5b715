"""Which devices a run takes, and what it says where it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from fastthumb import _core, device
from fastthumb.errors import DeviceUnavailable, SettingsError
from fastthumb.media import nvdec_library
from fastthumb.media.source import gpu_number, open_source


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretends that the core was built so, and that there are so many GPUs that decode."""

    def pretend(*, cuda: bool = True, gpus: int = 1, decodes: bool = True) -> None:
        def engines(number: int) -> int:
            if not decodes:
                raise DeviceUnavailable("PyNvVideoCodec is not installed")
            return 7

        monkeypatch.setattr(_core, "build_info", lambda: {"cuda": cuda})
        monkeypatch.setattr(_core, "cuda_devices", lambda: [{"name": "a GPU"}] * gpus)
        monkeypatch.setattr(nvdec_library, "engine_count", engines)

    return pretend


def test_none_asks_nobody(machine):
    machine(cuda=False, gpus=0)
    assert device.resolve_devices("none") == (("cpu",), "asked for")


def test_numbers_are_taken_in_their_order(machine):
    machine(gpus=3)
    assert device.resolve_devices("0")[0] == ("cuda:0",)
    assert device.resolve_devices("2, 0")[0] == ("cuda:2", "cuda:0")


def test_auto_takes_the_first_gpu(machine):
    machine(gpus=2)
    assert device.resolve_devices("auto") == (("cuda:0",), "it is there")


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"cuda": False}, "no CUDA kernels"),
        ({"gpus": 0}, "no GPU"),
        ({"decodes": False}, "PyNvVideoCodec is not installed"),
    ],
)
def test_auto_falls_back_and_a_number_does_not(machine, state, why):
    machine(**state)
    taken, reason = device.resolve_devices("auto")
    assert taken == ("cpu",)
    assert why in reason
    with pytest.raises(DeviceUnavailable, match=why):
        device.resolve_devices("0")


def test_gpu_that_is_not_there_is_named(machine):
    machine(gpus=2)
    with pytest.raises(DeviceUnavailable, match="--gpu 0,2: the driver shows 2 GPUs"):
        device.resolve_devices("0,2")


@pytest.mark.parametrize("asked", ["", "all", "-1", "0,0", "0,", "cuda:0", "0;1"])
def test_other_words_are_refused(machine, asked):
    machine(gpus=2)
    with pytest.raises(SettingsError, match="--gpu"):
        device.resolve_devices(asked)


def test_device_names():
    assert gpu_number("cpu") is None
    assert gpu_number("cuda:3") == 3
    for wrong in ("cuda", "cuda:", "cuda:x", "gpu:0", "0"):
        with pytest.raises(SettingsError, match="cuda:NUMBER"):
            gpu_number(wrong)


def test_unknown_device_is_said_before_a_film_is_looked_for():
    with pytest.raises(SettingsError, match="device"):
        open_source("no such film.mp4", device="tpu")
