"""The page of licences names every dependency, with the licence its metadata states."""

from __future__ import annotations

import importlib.metadata
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="module")
def licences() -> SimpleNamespace:
    """The script that writes the page."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("licences.py"))))


@pytest.fixture(scope="module")
def tables(licences: SimpleNamespace) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The page's two tables: name to the cells behind it."""
    direct, brought = licences.DOCUMENT.read_text(encoding="utf-8").split("## ")[1:]
    return _rows(direct), _rows(brought)


def _rows(section: str) -> dict[str, list[str]]:
    lines = [line for line in section.splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: rest for name, *rest in cells}


def test_every_declared_dependency_is_listed_and_nothing_else(
    licences: SimpleNamespace, tables: tuple[dict[str, list[str]], ...]
) -> None:
    listed, _ = tables
    declared = licences.declared()
    missing = [
        licences.direct_line(name, declared[name]) for name in declared if name not in listed
    ]
    assert not missing, "add to docs/licences.md:\n" + "\n".join(missing)
    assert listed.keys() == declared.keys(), "docs/licences.md lists what nothing asks for"
    moved = [
        licences.direct_line(name, places)
        for name, places in declared.items()
        if listed[name][1] != ", ".join(places)
    ]
    assert not moved, "change in docs/licences.md:\n" + "\n".join(moved)


def test_what_a_default_installation_brings_along_is_listed(
    licences: SimpleNamespace, tables: tuple[dict[str, list[str]], ...]
) -> None:
    _, listed = tables
    brought = licences.brought(licences.declared())
    missing = [licences.brought_line(name) for name in sorted(brought - listed.keys())]
    assert not missing, "add to docs/licences.md:\n" + "\n".join(missing)
    # Other versions, Pythons and systems bring along others: what is not there may be listed.
    leftover = [name for name in listed.keys() - brought if _installed(name)]
    assert not leftover, f"docs/licences.md lists what nothing brings: {leftover}"


def test_licences_are_those_of_the_metadata(
    licences: SimpleNamespace, tables: tuple[dict[str, list[str]], ...]
) -> None:
    direct, brought = tables
    different = [
        f"{name}: listed as {cells[0]}, its metadata says {licences.licence(name)}"
        for name, cells in {**direct, **brought}.items()
        if (_installed(name) or name in licences.NOT_INSTALLED)
        and licences.family(cells[0]) != licences.family(licences.licence(name))
    ]
    assert different == []


def test_no_licence_is_unknown(tables: tuple[dict[str, list[str]], ...]) -> None:
    direct, brought = tables
    assert [name for name, cells in {**direct, **brought}.items() if not cells[0]] == []


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
