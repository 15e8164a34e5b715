"""Devices, streams and buffers of the core; what is said where there is no device."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from device_frames import stream_or_skip
from fastthumb import _core, errors
from fastthumb.errors import DeviceOutOfMemory, DeviceUnavailable, FrameError


def device_count() -> int:
    """How many devices there are, found out in another way than cuda_devices does."""
    count = 0
    while True:
        try:
            _core.CudaStream(count)
        except DeviceUnavailable:
            return count
        count += 1


def test_every_build_has_the_names() -> None:
    names = ["CudaStream", "DeviceBuffer", "DeviceSignalMeter", "cuda_devices"]
    names += ["fit_device", "warp_device", "fit_rgb_device"]
    for name in names:
        assert hasattr(_core, name), name


def test_the_devices_are_those_that_can_be_opened() -> None:
    devices = _core.cuda_devices()
    assert len(devices) == device_count()
    for device in devices:
        assert set(device) == {"name", "compute_capability", "total_bytes", "free_bytes"}
        assert device["name"]
        assert device["compute_capability"] >= (7, 5)
        assert 0 < device["free_bytes"] <= device["total_bytes"]


@pytest.mark.parametrize("device", [-1, 99])
def test_a_device_that_is_not_there_is_named_in_a_sentence(device: int) -> None:
    for opened in (_core.CudaStream, lambda number: _core.DeviceBuffer(number, 64)):
        with pytest.raises(DeviceUnavailable, match=f"CUDA device {device}: needs") as caught:
            opened(device)
        assert "\n" not in str(caught.value)
        assert "use" in str(caught.value), "what to do"


def test_out_of_memory_is_a_kind_of_unavailable() -> None:
    assert issubclass(errors.DeviceOutOfMemory, DeviceUnavailable)


def test_bytes_come_back_as_they_went() -> None:
    stream = stream_or_skip()
    data = np.random.default_rng(0).integers(0, 256, (7, 40), dtype=np.uint8)
    buffer = _core.DeviceBuffer(0, 300)
    assert buffer.bytes == 300
    assert buffer.address != 0
    buffer.copy_from_host(data, stream, offset=20)
    back = buffer.to_host(stream, 20, 40, 40, 7)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, data)
    np.testing.assert_array_equal(buffer.to_host(stream, 23, 40, 5, 7), data[:, 3:8])


def test_rows_are_copied_between_pitches() -> None:
    stream = stream_or_skip()
    assert stream.device == 0
    assert stream.handle != 0
    data = np.random.default_rng(1).integers(0, 256, (9, 64), dtype=np.uint8)
    source = _core.DeviceBuffer(0, data.size)
    source.copy_from_host(data, stream)
    tight = _core.DeviceBuffer(0, 9 * 50)
    tight.copy_from_device(source.address + 3, 64, 50, 9, stream)
    np.testing.assert_array_equal(tight.to_host(stream, 0, 50, 50, 9), data[:, 3:53])
    padded = _core.DeviceBuffer(0, 1000)
    padded.copy_from_host(bytes(1000), stream)
    padded.copy_from_device(source.address, 64, 50, 9, stream, offset=7, to_pitch=100)
    stream.synchronize()
    back = padded.to_host(stream, 7, 100, 100, 9)
    np.testing.assert_array_equal(back[:, :50], data[:, :50])
    assert not back[:, 50:].any()


def test_rows_that_do_not_fit_are_refused() -> None:
    stream = stream_or_skip()
    buffer = _core.DeviceBuffer(0, 100)
    with pytest.raises(FrameError, match="at least 1 byte"):
        _core.DeviceBuffer(0, 0)
    with pytest.raises(FrameError, match="needs 101 bytes from 0 on, has 100"):
        buffer.copy_from_host(bytes(101), stream)
    with pytest.raises(FrameError, match="needs 100 bytes from 1 on, has 100"):
        buffer.to_host(stream, 1, 10, 10, 10)
    with pytest.raises(FrameError, match="pitch of at least 10"):
        buffer.to_host(stream, 0, 9, 10, 10)
    with pytest.raises(FrameError, match="at least one row"):
        buffer.to_host(stream, 0, 10, 10, 0)
    with pytest.raises(FrameError, match="pitch of at least 10"):
        buffer.copy_from_device(buffer.address, 9, 10, 2, stream, offset=50)
    with pytest.raises(FrameError, match="device address"):
        buffer.copy_from_device(0, 10, 10, 2, stream)
    with pytest.raises(FrameError, match="in all"):
        buffer.to_host(stream, 2**63, 2**31 - 1, 1, 2**31 - 1)


def test_more_memory_than_there_is_is_refused_and_nothing_else_fails() -> None:
    stream = stream_or_skip()
    with pytest.raises(DeviceOutOfMemory, match=r"needs 1125899906842624 bytes, got \d+ free"):
        _core.DeviceBuffer(0, 1 << 50)
    buffer = _core.DeviceBuffer(0, 16)
    buffer.copy_from_host(bytes(range(16)), stream)
    assert buffer.to_host(stream, 0, 16, 16, 1).tolist() == [list(range(16))]


def test_memory_goes_back_with_the_object() -> None:
    stream_or_skip()
    half = _core.cuda_devices()[0]["free_bytes"] // 2
    for _ in range(6):  # three times what there is
        buffer = _core.DeviceBuffer(0, half)
        del buffer


def test_threads_have_streams_of_their_own() -> None:
    stream_or_skip()

    def there_and_back(seed: int) -> bool:
        stream = _core.CudaStream(0)
        data = np.random.default_rng(seed).integers(0, 256, 100_000, dtype=np.uint8)
        buffer = _core.DeviceBuffer(0, data.size)
        buffer.copy_from_host(data, stream)
        return bool((buffer.to_host(stream, 0, data.size, data.size, 1)[0] == data).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(there_and_back, range(16)))
