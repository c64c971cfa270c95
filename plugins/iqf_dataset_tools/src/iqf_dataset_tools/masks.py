"""Checking mask images against the images they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from iqf_core.api import Annotations, ImageError, read_header, read_image
from iqf_dataset_tools.images import ImageFacts
from iqf_dataset_tools.problems import Problem


def check_masks(
    annotations: Annotations, folder: Path, facts: Mapping[str, ImageFacts]
) -> list[Problem]:
    """Return what is wrong with the masks of a folder."""
    found = [
        Problem(each.code, each.message, f"{folder.name}/{each.item}" if each.item else folder.name)
        for each in annotations.findings
        if each.code in ("orphan-mask", "missing-mask")
    ]
    for name, path in annotations.masks.items():
        file = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        found += [Problem(code, text, file) for code, text in _mask_problems(path, facts.get(name))]
    return found


def _mask_problems(path: Path, image: ImageFacts | None) -> list[tuple[str, str]]:
    try:
        header = read_header(path)
    except ImageError as error:
        return [("unreadable-mask", error.reason)]
    found = []
    if image is not None and image.size is not None:
        stated = (header.height, header.width)
        if stated != image.size:
            text = (
                f"is {stated[0]} x {stated[1]} (height x width), its image "
                f"{image.height} x {image.width}"
            )
            found.append(("mask-size", text))
    if header.bands != 1 or header.dtype.startswith("float"):
        found.append(("mask-bands", f"has {header.bands} bands of {header.dtype}"))
    if header.dtype not in ("uint8", "uint16"):
        return found
    try:
        pixels = read_image(path, peak=65535).pixels
    except ImageError as error:
        return [*found, ("unreadable-mask", error.reason)]
    if pixels.min() == pixels.max():
        found.append(("empty-mask", f"holds {pixels.flat[0]} everywhere"))
    return found
