"""What modified datasets and their images are called.

``airports#blur-sigma_px=1.5#jpeg-quality=70`` is the dataset ``airports`` after two modifiers. The
name is for people; what a folder holds is said by its manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.components.scalars import format_number
from iqf_core.files import hash_json, hash_text

if TYPE_CHECKING:
    from iqf_core.modification.chain import Chain, Link

#: File systems take 255 bytes; what we put around the name (hidden, partial) needs some of them.
LONGEST_NAME = 200

_PLAIN_VALUE = re.compile(r"[A-Za-z0-9._+-]+")
_HASH_DIGITS = 8


def copy_name(dataset: str, chain: Chain, seed: int = 0) -> str:
    """Return the folder name of a dataset's copy.

    Parameters
    ----------
    dataset
        Name of the source dataset.
    chain
        The modifiers.
    seed
        Shown when the chain is random and it is not 0.

    Returns
    -------
    str
        At most 200 bytes; what is added to `dataset` has only ``A-Z a-z 0-9 . _ + , = @ ~ - #``.
    """
    name = "#".join([dataset, *map(_link_name, chain.links)])
    if chain.random and seed != 0:
        name += f"@seed={seed}"
    return _shortened(name, hash_text(name)) if len(name.encode()) > LONGEST_NAME else name


def with_fingerprint(name: str, fingerprint: str) -> str:
    """Return `name` with the suffix that tells it from a folder of the same name."""
    longest = LONGEST_NAME - _HASH_DIGITS - 1
    if len(name.encode()) > longest:
        return _shortened(name, fingerprint)
    return f"{name}~{fingerprint[:_HASH_DIGITS]}"


def _shortened(name: str, digits: str) -> str:
    kept = name.encode()[: LONGEST_NAME - _HASH_DIGITS - 1].decode(errors="ignore")
    return f"{kept}~{digits[:_HASH_DIGITS]}"


def _link_name(link: Link) -> str:
    shown = ",".join(f"{key}={_value(link.params[key])}" for key in link.shown)
    return f"{link.name}-{shown}" if shown else link.name


def _value(value: Any) -> str:
    """Spell a value; one with other characters, such as a path, becomes a short hash."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, (int, float)):
        return format_number(value)
    text = value if isinstance(value, str) else ""
    return text if _PLAIN_VALUE.fullmatch(text) else hash_json(value)[:_HASH_DIGITS]


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
