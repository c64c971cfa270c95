"""What modified datasets and their images are called.

``airports#blur-sigma_px=1.5#jpeg-quality=70`` is the dataset ``airports`` after two modifiers. The
name is for people; what a folder holds is said by its manifest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from iqf_core.components.scalars import format_number
from iqf_core.datasets.folder_names import LONGEST_NAME as LONGEST_NAME
from iqf_core.datasets.folder_names import fitting
from iqf_core.datasets.folder_names import with_fingerprint as with_fingerprint
from iqf_core.datasets.image_names import new_image_names as new_image_names
from iqf_core.files import hash_json

if TYPE_CHECKING:
    from iqf_core.modification.chain import Chain, Link

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
    return fitting(name)


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
