"""Objects drawn as mask images: polygon pixels get the class, the rest the background."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from iqf_core.api import Annotation, ConfigurationError, DatasetError, open_dataset
from iqf_dataset_tools.images import ImageFacts
from iqf_dataset_tools.mending import Change
from iqf_dataset_tools.pixels import in_pixels

FOLDER = "masks"


def draw_masks(
    folder: Path, registry: Any, facts: Mapping[str, ImageFacts], background: int = 0
) -> list[Change]:
    """Draw the objects of the dataset at `folder` into ``masks/`` beside its images.

    A pixel belongs to an object when its centre does. Where objects overlap the smaller one is
    seen.
    Masks are PNG of 8 bits, or of 16 where class numbers need them.

    Raises
    ------
    ConfigurationError
        If there are masks already, a class has the number of the background, or numbers do not fit.
    """
    dataset = open_dataset(folder, registry=registry)
    if dataset.masks_folder is not None or (folder / FOLDER).exists():
        raise ConfigurationError(f"{folder.name}: has masks already; they are not replaced")
    annotations = dataset.annotations()
    objects = () if annotations is None else annotations.objects
    numbers = sorted({each.class_id for each in objects})
    if background in numbers:
        raise ConfigurationError(
            f"class {background} has the number of the background; give another one with "
            "--background, such as 255"
        )
    largest = max([background, *numbers])
    if min([background, *numbers]) < 0 or largest > 65535:
        raise ConfigurationError(f"class numbers {numbers} do not fit into 16 bits")
    dtype = np.uint8 if largest < 256 else np.uint16
    per_image: dict[str, list[Annotation]] = {}
    for each in objects:
        per_image.setdefault(each.image, []).append(each)
    changes = []
    stems: dict[str, str] = {}
    for name in dataset.image_names:
        known = facts[name]
        if known.size is None:
            continue
        label = str(Path(name).with_suffix(".png"))
        if stems.setdefault(label.lower(), name) != name:
            raise DatasetError(
                f"images {stems[label.lower()]!r} and {name!r} share the mask {label!r}"
            )
        mask = np.full(known.size, background, dtype)
        _draw(mask, per_image.get(name, []), known)
        path = folder / FOLDER / label
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", mask)[1].tobytes())
        count = len(per_image.get(name, []))
        changes.append(Change(f"{FOLDER}/{label}", "", "", "drawn", after=f"{count} objects"))
    return changes


def _draw(mask: Any, objects: list[Annotation], known: ImageFacts) -> None:
    from rasterio.features import rasterize

    placed = [(in_pixels(each, known.placement), each) for each in objects]
    shapes = [(shape, each) for shape, each in placed if shape is not None and shape.area > 0]
    shapes.sort(key=lambda pair: -pair[0].area)
    if shapes:
        rasterize([(shape, each.class_id) for shape, each in shapes], out=mask)
    for _, each in placed:
        if each.rle is not None and (each.rle.height, each.rle.width) == mask.shape:
            mask[each.rle.decode() != 0] = each.class_id
