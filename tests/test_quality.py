"""The rules of the house that a program can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
LINES = 450

#: What stands on what: a module imports only from the lines above its own and from its package.
LAYERS = (
    ("errors", "plugin"),
    ("hookspecs", "builtins", "files", "progress"),
    ("components",),
    ("yaml12", "plugins", "html"),
    ("imaging",),
    ("datasets",),
    ("execution",),  # the engines of the next line hand it their work
    ("modification", "measurement"),
    ("experiments",),
    ("demo",),
    ("cli",),
    ("api", "testing"),
)

#: Written in parts, so that this file does not hold what it looks for.
ELSEWHERE = {
    "a path of one machine": r"(?<![\w.~-])/(?:work|root)/",
    "the host of a package registry": "|".join(
        re.escape(".".join(parts))
        for parts in [
            ("pypi", "org"),
            ("files", "pythonhosted", "org"),
            ("registry", "npmjs", "org"),
            ("deb", "debian", "org"),
        ]
    ),
}


def tracked(*patterns: str) -> list[Path]:
    """Return the files that git tracks and that are there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize(
    "arguments",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", "iqf_core", *(str(path.relative_to(ROOT) / "src") for path in PLUGINS)],
    ],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_tools_find_nothing(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("what", ELSEWHERE)
def test_no_file_speaks_of_where_it_was_written(what: str) -> None:
    pattern = re.compile(ELSEWHERE[what].encode())
    found = []
    for path in tracked():
        for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line[:100]!r}")
    assert found == []


def test_files_are_rooms_not_halls() -> None:
    long = {
        str(path.relative_to(ROOT)): length
        for path in tracked("*.py")
        if "tests" not in path.relative_to(ROOT).parts
        and (length := len(path.read_text(encoding="utf-8").splitlines())) > LINES
    }
    assert long == {}


# Imports


def imports(path: Path, package: str = "") -> Iterator[str]:
    """Yield the dotted names that a file imports when it runs, in functions too."""
    yield from _imports(ast.parse(path.read_text(encoding="utf-8")), package)


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            home = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            yield from (f"{home}.{alias.name}" for alias in node.names)
        yield from _imports(node, package)


def layer(part: str) -> int:
    """Return the height of a part of the core."""
    for height, parts in enumerate(LAYERS):
        if part in parts:
            return height
    raise AssertionError(f"iqf_core/{part} has no place in LAYERS")


def test_imports_of_the_core_point_one_way() -> None:
    wrong = []
    for path in sorted((ROOT / "iqf_core").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        part = parts[1]
        if part == "__init__":
            assert not [name for name in imports(path) if name.startswith("iqf_core.")]
            continue
        for name in imports(path, ".".join(parts[:-1])):
            home, _, rest = name.partition(".")
            other = rest.split(".")[0]
            if home != "iqf_core" or other in ("", "__version__", part):
                continue
            if layer(other) >= layer(part):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_reading_imports_finds_all_kinds_of_them(tmp_path: Path) -> None:
    source = """
from typing import TYPE_CHECKING
import os.path
if TYPE_CHECKING:
    from iqf_core.cli import main
def function():
    try:
        from . import near
        from ..beside import thing
    except ImportError:
        import far
"""
    (tmp_path / "module.py").write_text(source)
    assert list(imports(tmp_path / "module.py", "package.inner")) == [
        "typing.TYPE_CHECKING",
        "os.path",
        "package.inner.near",
        "package.beside.thing",
        "far",
    ]


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_no_plugin_imports_another(plugin: Path) -> None:
    others = {path.name for path in PLUGINS} - {plugin.name}
    for path in plugin.rglob("*.py"):
        imported = {name.split(".")[0] for name in imports(path)}
        assert not imported & others, path


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_light_module_imports_only_the_contract(plugin: Path) -> None:
    package = plugin / "src" / plugin.name
    for path in (package / "plugin.py", package / "__init__.py"):
        modules = {name.rpartition(".")[0] or name for name in imports(path, plugin.name)}
        assert {name for name in modules if name.split(".")[0] not in sys.stdlib_module_names} <= {
            "iqf_core.plugin"
        }, path


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_takes_the_core_from_its_facade(plugin: Path) -> None:
    facades = ("iqf_core.api", "iqf_core.plugin")
    beside = [
        f"{path.name} imports {name}"
        for path in (plugin / "src").rglob("*.py")
        for name in imports(path)
        if name.startswith("iqf_core.") and not name.startswith(facades)
    ]
    assert beside == []
