"""What goes with the images into another dataset: annotations, label tables, other files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.components.dataset_format import ImageChange
from iqf_core.datasets.companions import Renaming, rewrite_companion
from iqf_core.datasets.tile_record import carry_tiles
from iqf_core.errors import DatasetError, IQFError

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset

#: Larger unchanged files are linked: a copy of a label table is for editing, one of an archive not.
_LINKED_FROM_BYTES = 16_000_000

# These belong to the pixels of one file: overviews, masks, statistics of GDAL.
_SIDECARS = (".ovr", ".msk", ".aux.xml")


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Make `target` the same file as `source` where the file system can, else a copy."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)


def write_annotations(dataset: Dataset, target: Path, changes: Mapping[str, ImageChange]) -> None:
    """Let every annotation file follow its images into the dataset at `target`.

    Raises
    ------
    IQFError
        If a format cannot; names the file.
    """
    for name, path in dataset.annotation_files:
        new = target / path.relative_to(dataset.path)
        new.parent.mkdir(parents=True, exist_ok=True)
        try:
            dataset.format(name).rewrite(path, new, changes)
        except (IQFError, OSError):
            raise
        except Exception as error:
            raise DatasetError(
                f"{path}: the format {name!r} cannot rewrite it: {type(error).__name__}: {error}"
            ) from error


def write_companions(
    dataset: Dataset,
    target: Path,
    final: Path,
    changes: Mapping[str, ImageChange],
    linked: Collection[str],
) -> list[str]:
    """Copy the other files; tables and lists among them get the new names of the images.

    Parameters
    ----------
    dataset
        The source.
    target, final
        The folder to write into, and where it will lie when it is complete.
    changes
        By old name; images of the source that are not in it are left out of the copy.
    linked
        The images whose file did not change.

    Returns
    -------
    list of str
        The files whose content changed.
    """
    images = below(dataset)
    renaming = Renaming.of(
        {name: change.new_name for name, change in changes.items()},
        [name for name in dataset.image_names if name not in changes],
        (dataset.path, images),
        (final, images),
    )
    stale = {
        f"{images}/{name}{ending}".lstrip("/")
        for name in dataset.image_names
        if name not in linked
        for ending in _SIDECARS
    }
    rewritten = []
    for name in dataset.companions:
        if name in stale:
            continue
        source, new = dataset.path / name, target / name
        new.parent.mkdir(parents=True, exist_ok=True)
        content = rewrite_companion(source, renaming)
        if content is not None:
            new.write_bytes(content)
            rewritten.append(name)
        else:
            _copy(source, new)
    carry_tiles(dataset.path, target, changes)
    return rewritten


def copy_companions(dataset: Dataset, target: Path) -> list[str]:
    """Copy the other files unchanged, without those that belong to the pixels of one image.

    Returns
    -------
    list of str
        The tables and lists among them that name images of `dataset`.
    """
    images = below(dataset)
    # A name that no file has: what is renamed to it is what names an image.
    renaming = Renaming.of(
        {name: f"{name}\0" for name in dataset.image_names},
        [],
        (dataset.path, images),
        (dataset.path, images),
    )
    sidecars = {
        f"{images}/{name}{ending}".lstrip("/")
        for name in dataset.image_names
        for ending in _SIDECARS
    }
    naming = []
    for name in dataset.companions:
        if name in sidecars:
            continue
        source, new = dataset.path / name, target / name
        new.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, new)
        if rewrite_companion(source, renaming) is not None:
            naming.append(name)
    return naming


def _copy(source: Path, target: Path) -> None:
    if source.stat().st_size >= _LINKED_FROM_BYTES:
        link_or_copy(source, target)
    else:
        shutil.copy2(source, target)


def below(dataset: Dataset) -> str:
    """Return the path of the image folder below the dataset, empty when it is the dataset."""
    return dataset.images_folder.name if dataset.kind == "dataset" else ""


def make_folders(folder: Path, names: Collection[str]) -> None:
    """Make the folders that hold the files `names` below `folder`."""
    for parent in sorted({os.path.dirname(name) for name in names}):  # noqa: PTH120
        (folder / parent).mkdir(parents=True, exist_ok=True)
