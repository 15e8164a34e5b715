"""Test data: real videos, labels and models that are not part of the repository."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests use a cache of their own and no models but those that they name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTTHUMB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("FASTTHUMB_MODELS", raising=False)
        patch.setenv("FASTTHUMB_CAST", str(tmp_path_factory.mktemp("cast") / "none"))
        yield


@pytest.fixture(scope="session")
def models(data: Path) -> Path:
    """Folder of the small models of the test data."""
    folder = data / "models"
    if not folder.is_dir():
        pytest.skip(f"no models in {folder}")
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the test data: FASTTHUMB_TEST_DATA, or ../shared beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("FASTTHUMB_TEST_DATA", default))
    if not (folder / "videos").is_dir():
        pytest.skip(f"no test data in {folder}; set FASTTHUMB_TEST_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def video(data: Path) -> Callable[[str], Path]:
    """Path of a video of the test data by name."""

    def find(name: str) -> Path:
        path = data / "videos" / name
        if not path.exists():
            pytest.skip(f"{path} is not part of this test data")
        return path

    return find


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A process with a fake GPU, for modules that `nvdec_fakes.skip_module_where_missing`."""
    import nvdec_fakes

    machine = nvdec_fakes.Machine(nvdec_fakes.compile_libraries(tmp_path_factory.mktemp("driver")))
    yield machine
    machine.close()
