"""Mask folders: for each image a mask image that holds the class of every pixel.

The folder is ``masks/`` or ``<images>_mask/``. The mask of ``a/b.jpg`` is the first of these that
exists below it, with any image suffix: ``a/b.jpg`` itself, ``a/b.png``, ``a/b_mask.png``,
``a/b.jpg.png``, ``a/b.jpg_mask.png``, and ``a/b.jpg_mask`` without a suffix.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from iqf_core.components.dataset_format import DatasetFormat, Finding, ImageChange
from iqf_core.datasets.annotations import Annotations, ImageRecord
from iqf_core.datasets.findings import Findings
from iqf_core.imaging.header import is_image_name

MASK_SUFFIX = "_mask"


class MasksFormat(DatasetFormat):
    """A folder of mask images beside the image folder."""

    def detect(self, folder: Path, images_folder: Path) -> list[Path]:
        """Return ``masks/`` and ``<images>_mask/``, whichever exist.

        In a plain folder of images only ``masks/`` counts: a copy of it has another name.
        """
        names = ["masks"]
        if images_folder != folder:
            names.append(images_folder.name + MASK_SUFFIX)
        return [folder / name for name in names if (folder / name).is_dir()]

    def read(self, path: Path, image_names: Sequence[str]) -> Annotations:
        """Find the mask of each image; no mask is opened."""
        findings = Findings(path.name)
        found, orphans = match_masks(list_masks(path)[0], image_names)
        for name in orphans:
            findings.warning("orphan-mask", "belongs to no image, or to one that has another", name)
        for name in image_names:
            if name not in found:
                findings.warning("missing-mask", f"image {name!r} has no mask")
        masks = {name: path / mask for name, mask in found.items()}
        images = {name: ImageRecord(name) for name in found}
        return Annotations(images=images, masks=masks, findings=findings.all())

    def write(self, annotations: Annotations, path: Path) -> list[Finding]:
        """Copy the mask images into the folder `path`; objects are not drawn."""
        for name, mask in annotations.masks.items():
            target = path / _stem(name).with_name(_stem(name).name + mask.suffix)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(mask, target)
        if not annotations.objects:
            return []
        message = f"mask images carry no objects ({len(annotations.objects)} are lost)"
        return [Finding("objects-not-carried", "warning", message, path.name)]

    def rewrite(self, source: Path, target: Path, changes: Mapping[str, ImageChange]) -> None:
        """Name each mask after its image, resampled (nearest) when the grid changes.

        Files that are no masks, and masks on an unchanged grid, are copied byte for byte.
        Resampled masks are stored losslessly: TIFF stays TIFF, everything else becomes PNG or, if
        that cannot hold it, TIFF.

        Raises
        ------
        ImageError
            If a mask that must be resampled cannot be read.
        """
        masks, others = list_masks(source)
        for name in others:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)
        found, _ = match_masks(masks, list(changes))
        for name, mask in found.items():
            change = changes[name]
            new = target / renamed_mask(mask, name, change.new_name)
            new.parent.mkdir(parents=True, exist_ok=True)
            if change.transform is None:
                shutil.copyfile(source / mask, new)
            else:
                from iqf_core.datasets.formats.mask_resampling import resample_mask

                resample_mask(source / mask, new, change)


def is_mask_name(name: str) -> bool:
    """Return whether a file of that name in a mask folder is a mask."""
    return is_image_name(name) or name.lower().endswith(MASK_SUFFIX)


def list_masks(folder: Path) -> tuple[list[str], list[str]]:
    """Return the masks below `folder` and the other files, paths with ``/``, sorted."""
    from iqf_core.datasets.layout import walk

    masks: list[str] = []
    others: list[str] = []
    for name in walk(folder).files:
        (masks if is_mask_name(PurePosixPath(name).name) else others).append(name)
    return masks, others


def match_masks(masks: Sequence[str], images: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Find the mask of each image.

    Returns
    -------
    found, orphans
        Image -> mask, and the masks that are nobody's.
    """
    by_key: dict[str, list[str]] = {}
    for mask in masks:
        for key in _keys(mask):
            by_key.setdefault(key, []).append(mask)
    found: dict[str, str] = {}
    taken: set[str] = set()
    # Exact names first, so that `a.png` never takes the mask of its namesake `a.jpg`.
    for rank in range(5):
        for image in images:
            if image in found:
                continue
            for mask in by_key.get(_wanted(image)[rank], ()):
                if mask not in taken:
                    found[image] = mask
                    taken.add(mask)
                    break
    ordered = {image: found[image] for image in images if image in found}
    return ordered, [mask for mask in masks if mask not in taken]


def _wanted(image: str) -> tuple[str, ...]:
    stem = str(_stem(image))
    return (
        f"={image}",
        stem,
        stem + MASK_SUFFIX,
        image,
        image + MASK_SUFFIX,
    )


def _keys(mask: str) -> list[str]:
    """Return what a mask can be found under: its exact name, and its name without suffix."""
    return [f"={mask}", str(_stem(mask))] if is_image_name(mask) else [f"={mask}", mask]


def _stem(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    return path.with_suffix("") if is_image_name(path.name) else path


def renamed_mask(mask: str, image: str, new_image: str) -> str:
    """Return the name of `mask` for an image that changed its name, in the same style."""
    if mask == image:  # stays the mask of the same stem, and keeps its own file type
        suffix = PurePosixPath(mask).suffix
        return new_image if new_image.endswith(suffix) else str(_stem(new_image)) + suffix
    # The longer prefix first: `a.jpg_mask.png` begins with the stem `a`, too.
    if mask.startswith(image):
        return new_image + mask[len(image) :]
    return str(_stem(new_image)) + mask[len(str(_stem(image))) :]
