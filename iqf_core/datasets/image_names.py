"""What images are called when their files change: no two of them get one name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from iqf_core.files import hash_text

_HASH_DIGITS = 8


def new_image_names(suffixes: Mapping[str, str]) -> dict[str, str]:
    """Return the name of every image in the copy.

    Parameters
    ----------
    suffixes
        Name of each image, below the image folder with ``/`` -> the ending its copy gets
        (``".png"``).

    Returns
    -------
    dict
        Old name -> new name: the ending is replaced, and kept before the new one where two images
        would get one name (``a.jpg.png``). An image whose ending stays keeps its name.
    """
    unchanged = {name for name, suffix in suffixes.items() if _has_suffix(name, suffix)}
    wanted = {
        name: name if name in unchanged else _replaced(name, suffix)
        for name, suffix in suffixes.items()
    }
    taken = _repeated(wanted.values())
    names = {
        name: name + suffixes[name] if name not in unchanged and new.lower() in taken else new
        for name, new in wanted.items()
    }
    taken = _repeated(names.values())
    for name in sorted(names):
        # a.jpg and a.png beside an a.jpg.png: rare, and still no two files of one name.
        if name not in unchanged and names[name].lower() in taken:
            names[name] = f"{name}.{hash_text(name)[:_HASH_DIGITS]}{suffixes[name]}"
    return names


def _has_suffix(name: str, suffix: str) -> bool:
    ending = Path(name).suffix.lower()
    return ending == suffix or (ending == ".tiff" and suffix == ".tif")


def _replaced(name: str, suffix: str) -> str:
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{Path(base).stem}{suffix}"


def _repeated(names: Iterable[str]) -> set[str]:
    """Return, in lower case, the names that occur twice where file systems ignore case."""
    seen: set[str] = set()
    twice: set[str] = set()
    for name in names:
        key = name.lower()
        (twice if key in seen else seen).add(key)
    return twice
