"""Reading what others wrote: JSON of any shape, numbers of any size, names that point elsewhere."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from iqf_core.errors import DatasetError

#: Pixels on a side, and coordinates, beyond any real image.
MAX_SIDE = 10_000_000
MAX_COORDINATE = 1e9


def load_json(path: Path) -> Any:
    """Read a JSON file.

    ``NaN`` and ``Infinity``, which JSON does not know but many programs write, become floats.

    Raises
    ------
    DatasetError
        If it cannot be read, is no JSON, or is nested deeper than any annotation file.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path}: not valid JSON: {error.reason} at byte {error.start}"
        ) from None
    except ValueError as error:
        raise DatasetError(f"{path}: not valid JSON: {error}") from None
    except RecursionError:
        raise DatasetError(f"{path}: JSON nested too deeply") from None


def dump_json(document: Any, path: Path) -> None:
    """Write `document` as JSON to `path`; text that is no valid Unicode survives too."""
    path.write_text(json.dumps(document), encoding="ascii")


def number(value: Any) -> float | None:
    """Return `value` as a float when it is a finite number of sane size, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not -MAX_COORDINATE <= value <= MAX_COORDINATE:  # false for NaN too
        return None
    return float(value)


def numbers(value: Any, count: int | None = None) -> tuple[float, ...] | None:
    """Return a list of `count` (any number, if None) finite numbers as floats, else None."""
    if not isinstance(value, list) or (count is not None and len(value) != count):
        return None
    converted = tuple(number(each) for each in value)
    return None if None in converted else converted  # type: ignore[return-value]


def side(value: Any) -> int | None:
    """Return `value` as a length in whole pixels when it is one, else None."""
    length = number(value)
    if length is None or not length.is_integer() or not 0 < length <= MAX_SIDE:
        return None
    return int(length)


def whole(value: Any) -> int | None:
    """Return `value` as an integer when it is one (``3``, ``3.0`` or ``"3"``), else None."""
    if isinstance(value, str):
        text = value.strip()
        digits = text.removeprefix("-")
        return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
    converted = number(value)
    return int(converted) if converted is not None and converted.is_integer() else None


def identifier(value: Any) -> int | float | str | None:
    """Return `value` when it can serve as an identifier (a number or text), else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def printable(text: str) -> str:
    """Return `text` with what is no valid Unicode (lone surrogates) replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


class ImageNames:
    """Finds the image that a name in an annotation file means.

    A name is taken as the path below the image folder; failing that, as the path below the
    dataset (``images/a.png``). It never leaves the dataset.

    Parameters
    ----------
    names
        The images of the dataset, paths below the image folder with ``/``.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def find(self, name: Any) -> str | None:
        """Return the dataset's image that `name` means, None when there is none."""
        if not isinstance(name, str):
            return None
        if name in self._names:
            return name
        if refusal(name):
            return None
        path = _normal(name)
        if str(path) in self._names:
            return str(path)
        below = str(PurePosixPath(*path.parts[1:]))
        return below if below in self._names else None

    def renamed(self, name: str, found: str, new_name: str) -> str:
        """Return `name` for the image `found` that is now called `new_name`, its folder kept."""
        if name == found:
            return new_name
        path = _normal(name)
        prefix = path.parts[: len(path.parts) - len(PurePosixPath(found).parts)]
        return str(PurePosixPath(*prefix, new_name))


def refusal(name: str) -> str | None:
    """Return why `name` may not be followed (it leaves the dataset), None when it may."""
    if not name:
        return "is empty"
    if "\0" in name:
        return "contains a zero byte"
    path = _normal(name)
    if path.is_absolute() or (len(name) > 1 and name[1] == ":" and name[0].isalpha()):
        return "is an absolute path"
    if ".." in path.parts:
        return "leaves the dataset folder"
    return None


def _normal(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))
