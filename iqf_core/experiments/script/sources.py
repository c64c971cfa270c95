"""Which files decide what a training script computes, and their hash."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from iqf_core.errors import ConfigurationError
from iqf_core.files import content_hash, hash_json

#: Folders that hold no code of the script's own.
_FOREIGN = {"__pycache__", "node_modules", "site-packages", "mlruns", "mlartifacts"}

#: More files than this are not a script's folder but somebody's home.
_MOST_FILES = 5000


def python_sources(folder: Path) -> list[Path]:
    """Return every ``*.py`` under `folder`, sorted.

    Hidden folders, virtual environments, modified datasets (``#`` in the name) and caches are left
    out.

    Raises
    ------
    ConfigurationError
        If there are so many that `folder` cannot be a script's own.
    """
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in _FOREIGN and "#" not in name
        )
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        found += [Path(place, name) for name in sorted(files) if name.endswith(".py")]
        if len(found) > _MOST_FILES:
            raise ConfigurationError(
                f"{folder} holds more than {_MOST_FILES} Python files, all of which would count as "
                "the script's; give the script a folder of its own"
            )
    return found


def hash_inputs(inputs: Iterable[Path], folder: Path) -> str:
    """Return one hash over the content of files and folders.

    Names count relative to `folder` where they lie in it, so a moved study keeps its hash.
    """
    contents: dict[str, str] = {}
    for item in inputs:
        for path in sorted(item.rglob("*")) if item.is_dir() else [item]:
            if not path.is_file():
                continue
            name = os.path.relpath(path, folder)
            contents[name] = content_hash(path)
    return hash_json(contents)
