"""Names of classes: ``classes.txt`` with a name on each line, and YOLO's ``data.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from iqf_core.api import DatasetError

CLASSES_FILE = "classes.txt"
DATA_FILES = ("data.yaml", "data.yml")

#: An honest file has some thousand lines; anything beyond this is not one.
_MAX_BYTES = 4_000_000


def read_class_list(labels: Path) -> dict[int, str] | None:
    """Return the classes of ``classes.txt`` in the dataset folder or among the `labels`.

    Raises
    ------
    DatasetError
        If a name appears twice, or the file cannot be read.
    """
    for path in (labels.parent / CLASSES_FILE, labels / CLASSES_FILE):
        if path.is_file():
            text = _content(path).decode("utf-8", errors="replace").removeprefix("\ufeff")
            names = [line.strip() for line in text.splitlines()]
            while names and not names[-1]:
                names.pop()
            _require_different(path, names)
            return dict(enumerate(names))
    return None


def write_class_list(folder: Path, names: Iterable[str]) -> None:
    """Write ``classes.txt`` into the dataset `folder`, the name of class 0 first."""
    text = "".join(f"{' '.join(name.split())}\n" for name in names)
    (folder / CLASSES_FILE).write_text(text, encoding="utf-8")


def counted_from_zero(numbers: Iterable[int]) -> dict[int, int]:
    """Return class number -> the number it gets where numbers count from 0 without gaps."""
    return {number: index for index, number in enumerate(sorted(set(numbers)))}


def data_file(folder: Path) -> Path | None:
    """Return ``data.yaml`` in the dataset `folder`, None when there is none."""
    return next((folder / name for name in DATA_FILES if (folder / name).is_file()), None)


def read_data(path: Path) -> dict[str, Any]:
    """Return what a ``data.yaml`` says.

    Raises
    ------
    DatasetError
        If it is no YAML mapping.
    """
    try:
        values = yaml.safe_load(_content(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise DatasetError(f"{path}: expected a mapping with names")
    return values


def data_classes(path: Path, data: Mapping[str, Any]) -> dict[int, str] | None:
    """Return the classes of a ``data.yaml``: ``names`` as a list or a mapping; None without.

    Raises
    ------
    DatasetError
        If ``names`` is neither.
    """
    names = data.get("names")
    if names is None:
        return None
    if isinstance(names, list):
        names = dict(enumerate(names))
    is_mapping = isinstance(names, dict) and all(type(number) is int for number in names)
    # Anything nested may unfold without end.
    if not is_mapping or not all(isinstance(each, (str, int, float)) for each in names.values()):
        raise DatasetError(
            f"{path}: names: expected a list of names, or a mapping from class numbers to names"
        )
    if any(number < 0 for number in names):
        raise DatasetError(f"{path}: names: class numbers must not be negative")
    return {number: str(names[number]) for number in sorted(names)}


def _require_different(path: Path, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            raise DatasetError(f"{path}: class {name!r} appears twice")
        seen.add(name)


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DatasetError(f"{path}: has over {_MAX_BYTES:,} bytes, expected names of classes")
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
