"""The distributions of the workspace, built once."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def workspace() -> dict[str, dict[str, Any]]:
    """The ``pyproject.toml`` of every distribution of the workspace, the core's first, by name."""
    paths = [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]
    documents = [tomllib.loads(path.read_text(encoding="utf-8")) for path in paths]
    return {document["project"]["name"]: document for document in documents}


@pytest.fixture(scope="session")
def uv() -> Callable[..., None]:
    """Run uv with the given arguments; ``uv run`` passes its path on to what it starts."""
    program = os.environ.get("UV") or shutil.which("uv")
    assert program, "these tests need uv: pip install uv"

    def run(*arguments: str | Path) -> None:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture(scope="session")
def built(uv: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of every distribution of the workspace.

    uv makes the wheel from the sdist: what an sdist lacks is missing in both.
    """
    folder = tmp_path_factory.mktemp("built")
    uv("build", "--quiet", "--all-packages", "--out-dir", folder, ROOT)
    return folder
