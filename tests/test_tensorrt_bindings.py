"""What fastthumb uses of TensorRT is in the real Python package, by name and by signature.

The tests of test_tensorrt.py run on fake_tensorrt.py, which has what is used and no more. Here all
of it is held against the package itself, which imports over three libraries that do nothing; so no
GPU and no TensorRT is needed: `pip install --no-deps tensorrt-cu13 tensorrt-cu13-bindings`. With
`'tensorrt-cu13<11' 'tensorrt-cu13-bindings<11'` the same holds for TensorRT 10.
"""

from __future__ import annotations

import enum
import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fake_tensorrt

STUBS = Path(__file__).parent / "tensorrt_stubs"
# Prints what the package says of some of its classes.
DESCRIBE = r"""
import json, sys
import tensorrt
found = {}
for name in json.loads(sys.argv[1]):
    thing = getattr(tensorrt, name, None)
    if thing is None:
        continue
    members = {}
    for member in dir(thing):
        documented = getattr(getattr(thing, member), "__doc__", None) or ""
        members[member] = documented
    values = list(getattr(thing, "__members__", ()))
    found[name] = {"members": members, "values": values, "init": thing.__init__.__doc__ or ""}
print(json.dumps({"version": tensorrt.__version__, "found": found}))
"""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with libraries that TensorRT's package takes for its own."""
    if importlib.util.find_spec("tensorrt_bindings") is None:
        pytest.skip("tensorrt-cu13-bindings is not installed")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("tensorrt")
    from importlib.metadata import version

    major = version("tensorrt-cu13-bindings").split(".")[0]
    for source in STUBS.glob("*.c"):
        library = f"lib{source.stem}.so.{major}"
        command = [compiler, "-shared", "-fPIC", f"-Wl,-soname,{library}", str(source)]
        subprocess.run([*command, "-o", str(folder / library)], check=True)
    return folder


def python(libraries: Path, program: str, *arguments: str) -> str:
    """What a program prints in a process of its own that finds those libraries."""
    paths = os.pathsep.join([str(libraries), os.environ.get("LD_LIBRARY_PATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"LD_LIBRARY_PATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    return done.stdout


def used() -> dict[str, type]:
    """The classes of the fake, which are those that fastthumb uses."""
    return {
        name: thing
        for name, thing in vars(fake_tensorrt).items()
        if inspect.isclass(thing) and thing.__module__ == "fake_tensorrt" and name != "State"
    }


@pytest.fixture(scope="module")
def real(libraries: Path) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(python(libraries, DESCRIBE, json.dumps(list(used()))))
    found: dict[str, Any] = described["found"]
    return found


@pytest.mark.parametrize("name", used())
def test_every_class_and_member_is_there(real: dict[str, Any], name: str) -> None:
    assert name in real
    thing = used()[name]
    members = {member for member in vars(thing) if not member.startswith("_")}
    if name == "ITensor":
        members |= {"name", "shape"}
    if name == "OnnxParser":
        members |= {"num_errors"}
    assert members <= real[name]["members"].keys()


def test_enums_have_the_same_members(real: dict[str, Any]) -> None:
    enums = {name: thing for name, thing in used().items() if issubclass(thing, enum.Enum)}
    assert len(enums) >= 5
    for name, thing in enums.items():
        assert {member.name for member in thing} <= set(real[name]["values"])


METHODS = [
    (name, method)
    for name, thing in used().items()
    if not issubclass(thing, enum.Enum)
    for method, function in vars(thing).items()
    if inspect.isfunction(function) and (not method.startswith("_") or method == "__init__")
]
# Nobody calls their constructors.
MADE_BY_OTHERS = set(
    "ICudaEngine IBuilderConfig IExecutionContext INetworkDefinition IOptimizationProfile ITensor "
    "ITimingCache".split()
)


@pytest.mark.parametrize(("name", "method"), METHODS, ids=str)
def test_every_method_takes_what_the_fake_takes(
    real: dict[str, Any], name: str, method: str
) -> None:
    if method == "__init__":
        if name in MADE_BY_OTHERS:
            return
        documented = real[name]["init"]
    else:
        documented = real[name]["members"][method]
    wanted = list(inspect.signature(getattr(used()[name], method)).parameters.values())[1:]
    signatures = [
        parameters_of(line)
        for line in documented.splitlines()
        if re.match(rf"(\d+\. )?{method}\(self", line)
    ]
    assert signatures, documented
    assert any(
        [p.name for p in wanted] == list(parameters)[: len(wanted)]
        and all(parameters[extra] for extra in list(parameters)[len(wanted) :])
        for parameters in signatures
    ), signatures


def parameters_of(signature: str) -> dict[str, bool]:
    """Names of a documented signature after self, and whether each has a default."""
    inside = signature[signature.index("(") + 1 : signature.rindex(") ->")]
    inside = re.sub(r"<[^>]*>", "DEFAULT", inside)
    depth, parts, start = 0, [], 0
    for place, letter in enumerate(inside):
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append(inside[start:place])
            start = place + 1
    parts.append(inside[start:])
    return {part.split(":")[0].strip(): "=" in part for part in parts[1:]}


def test_the_package_is_found_and_its_log_takes_errors(libraries: Path) -> None:
    program = """
from fastthumb.inference import tensorrt_library as library
print(library.fact())
trt = library.tensorrt()
log = library.log()
assert isinstance(log, trt.ILogger)
log.log(trt.ILogger.Severity.WARNING, "slow")
log.log(trt.ILogger.Severity.ERROR, "no\\n kernel.")
assert (log.last(), log.last()) == ("no kernel", "no reason given")
typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
assert library.network_flags(trt) == (0 if library.version(trt) >= (11, 0) else typed)
"""
    assert "usable=True, found='TensorRT 1" in python(libraries, program)


@pytest.mark.parametrize("step", ["_build(trt, 'm', b'', None, b'')", "_deserialized(trt, b'')"])
def test_a_library_that_makes_nothing_is_a_reason_and_no_crash(libraries: Path, step: str) -> None:
    program = f"""
from fastthumb.inference import tensorrt_engines as engines, tensorrt_library
from fastthumb.inference.backends import BackendUnusable
trt = tensorrt_library.tensorrt()
try:
    engines.{step}
except BackendUnusable as exc:
    print(exc)
"""
    assert "TensorRT cannot make a" in python(libraries, program)


def test_without_its_libraries_the_package_is_a_named_reason(libraries: Path) -> None:
    program = "from fastthumb.inference import tensorrt_library as it; print(it.fact())"
    if importlib.util.find_spec("tensorrt_libs") is not None:
        pytest.skip("TensorRT's libraries are installed")
    empty = libraries / "none"
    empty.mkdir()
    printed = python(empty, program)
    assert "usable=False" in printed
    assert "TensorRT cannot be loaded (libnv" in printed
    assert "pip install 'fastthumb[gpu]'" in printed
