"""A run's artifacts in a local store: files copied or moved into the run's folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from iqf_core.files import read_json, write_json

_LONG_VALUES = Path("iqf", "long_values.json")


def copy_files(source: Path, target: Path, *, move: bool) -> list[str]:
    """Copy or move the files of `source` and its sub-folders to `target`.

    Links to files are followed, links to folders are not: they may lead anywhere.

    Returns
    -------
    list of str
        One warning for each thing that is no file and was left out.
    """
    warnings = []
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        place = target / entry.name
        if entry.is_dir(follow_symlinks=False):
            warnings += copy_files(Path(entry.path), place, move=move)
        elif not entry.is_file():
            warnings.append(f"{entry.path}: is no file, not kept as an artifact")
        elif move and not entry.is_symlink():
            _move(entry.path, place)
        else:
            shutil.copyfile(entry.path, place)
    return warnings


def _move(source: str, place: Path) -> None:
    try:
        os.replace(source, place)  # noqa: PTH105 - `source` comes from os.scandir
    except OSError:  # another file system
        shutil.copyfile(source, place)
        os.unlink(source)  # noqa: PTH108


def keep_long_values(folder: Path, values: Mapping[str, str]) -> None:
    """Keep texts that MLflow would cut in the artifact ``iqf/long_values.json``."""
    path = folder / _LONG_VALUES
    known = read_json(path, "long_values")["values"] if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, "long_values", {"values": {**known, **values}})
