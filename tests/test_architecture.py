"""The layout's promises: who may import whom, what importing costs, what is public."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastthumb

PACKAGE = Path(fastthumb.__file__).parent
WINGS = ["media", "inference", "analysis", "artwork", "audience"]
# What any wing may import: they know nothing of films.
FOUNDATIONS = {"errors", "settings", "atomic", "names", "cores", "_core"}


def imports_of(file: Path) -> set[str]:
    """Modules below fastthumb that a file imports at run time, such as "media.source"."""
    found = set()
    for node in _runtime_nodes(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("fastthumb"):
            base = node.module.removeprefix("fastthumb").removeprefix(".")
            found |= {f"{base}.{a.name}" if base else a.name for a in node.names}
    return found


def _runtime_nodes(tree: ast.AST) -> list[ast.AST]:
    nodes: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        nodes += [child, *_runtime_nodes(child)]
    return nodes


def test_a_wing_imports_only_wings_before_it() -> None:
    checked = 0
    for position, wing in enumerate(WINGS):
        for file in (PACKAGE / wing).rglob("*.py"):
            for module in imports_of(file):
                checked += 1
                first = module.split(".")[0]
                allowed = FOUNDATIONS | set(WINGS[: position + 1])
                assert first in allowed, f"{wing}/{file.name} imports fastthumb.{module}"
    assert checked > 20, "no imports were found: the check looks in the wrong place"


def test_only_media_and_the_demo_import_the_decoder() -> None:
    strangers = []
    for file in PACKAGE.rglob("*.py"):
        relative = file.relative_to(PACKAGE)
        if relative.parts[0] == "media" or relative.name in ("demo.py", "doctor.py"):
            continue
        for node in _runtime_nodes(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if "av" in names or (isinstance(node, ast.ImportFrom) and node.module == "av"):
                strangers.append(str(relative))
    assert not strangers


def test_public_names_are_exactly_the_listed_ones() -> None:
    assert sorted(dir(fastthumb)) == sorted(fastthumb.__all__)
    for name in fastthumb.__all__:
        assert getattr(fastthumb, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = fastthumb.nonsense


def test_importing_the_package_or_asking_for_help_loads_nothing_heavy() -> None:
    program = (
        "import sys, fastthumb, fastthumb.cli\n"
        "heavy = {'numpy', 'av', 'PIL', 'pydantic', 'sqlalchemy', 'jinja2'} & set(sys.modules)\n"
        "sys.exit(f'loaded {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_file_is_longer_than_500_lines() -> None:
    root = PACKAGE.rglob("*.py")
    long = {str(f): n for f in root if (n := len(f.read_text().splitlines())) > 500}
    assert not long
