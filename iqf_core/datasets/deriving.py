"""What the makers of new datasets share: where they go, what is there already, headers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from iqf_core.datasets.folder_names import with_fingerprint
from iqf_core.datasets.properties import PROPERTIES_FILE
from iqf_core.errors import ConfigurationError, DatasetError, ImageError, IQFError
from iqf_core.files import read_json
from iqf_core.progress import progress

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.imaging.header import ImageHeader
    from iqf_core.imaging.reading import ImageReader

_MOST_NAMED = 10

Found = TypeVar("Found")


def holding_folder(dataset: Dataset, out: Path | None) -> Path:
    """Return the folder that will hold what is made of `dataset`: `out`, or the one it lies in.

    Raises
    ------
    ConfigurationError
        If it lies inside the dataset.
    """
    folder = dataset.path.parent if out is None else Path(out).absolute()
    require_outside(dataset, folder)
    return folder


def require_outside(dataset: Dataset, folder: Path) -> None:
    """Raise :class:`ConfigurationError` when `folder` lies in the dataset."""
    if dataset.kind != "image" and folder.resolve().is_relative_to(dataset.path.resolve()):
        raise ConfigurationError(
            f"{folder}: lies in the dataset {dataset.path}, and would become part of it; "
            "choose another folder"
        )


def find_made(
    folder: Path, name: str, fingerprint: str, record: str, kind: str
) -> tuple[Path, dict[str, Any] | None]:
    """Find what was made with that fingerprint in `folder`, or the place for it.

    Parameters
    ----------
    folder, name
        Where it is looked for; also below `name` with ``~`` and 8 digits of the fingerprint.
    fingerprint
        What the record must say.
    record, kind
        The file of the record below the folder, and its kind of schema.

    Returns
    -------
    Path, dict or None
        The folder and its record, or an unused path.

    Raises
    ------
    DatasetError
        If both names are taken by something else.
    """

    def read(path: Path) -> dict[str, Any] | None:
        document = read_json(path / record, kind)
        return document if document.get("fingerprint") == fingerprint else None

    return find_place(folder, name, fingerprint, read)


def find_place(
    folder: Path, name: str, fingerprint: str, read: Callable[[Path], Found | None]
) -> tuple[Path, Found | None]:
    """Find what `read` takes for what is looked for, or the place for it.

    Parameters
    ----------
    folder, name, fingerprint
        As in :func:`find_made`.
    read
        Returns what a folder records, None if it is something else; it may raise ``IQFError`` or
        ``OSError`` where it is nothing of ours.

    Raises
    ------
    DatasetError
        If both names are taken by something else.
    """
    free: Path | None = None
    for path in (folder / name, folder / with_fingerprint(name, fingerprint)):
        if not os.path.lexists(path):
            free = free or path
            continue
        try:
            found = read(path)
        except (IQFError, OSError):
            continue  # whatever it is, it is not ours to use
        if found is not None:
            return path, found
    if free is None:
        raise DatasetError(
            f"{folder / name}: this name and {with_fingerprint(name, fingerprint)!r} are taken by "
            "something else; move one of them away, or choose another folder with --out"
        )
    return free, None


def require_images(folder: Path, names: Mapping[str, str] | list[str]) -> None:
    """Check that the images of something made earlier are still there.

    Raises
    ------
    DatasetError
        If one is missing.
    """
    for name in names:
        if not (folder / name).is_file():
            raise DatasetError(
                f"{folder / name}: is missing since it was made; remove the folder to have it "
                "made again"
            )


def readable_headers(dataset: Dataset, *, quiet: bool) -> dict[str, ImageHeader]:
    """Return the header of every image.

    Raises
    ------
    DatasetError
        If some cannot be read; names them.
    """
    headers: dict[str, ImageHeader] = {}
    reasons: list[str] = []
    with progress(f"Looking at {dataset.name}", len(dataset), quiet=quiet) as bar:
        for name in dataset.image_names:
            try:
                headers[name] = dataset.header(name)
            except ImageError as error:
                reasons.append(f"{name}: {error.reason}")
            bar.advance()
    if reasons:
        more = len(reasons) - _MOST_NAMED
        lines = [*reasons[:_MOST_NAMED], *([f"… and {more} more"] if more > 0 else [])]
        raise DatasetError(
            f"{dataset.path}: images cannot be read; mend them or take them out\n  "
            + "\n  ".join(lines)
        )
    return headers


def open_unchanged(dataset: Dataset, name: str, header: ImageHeader) -> ImageReader:
    """Open an image whose pixel values will not be changed: full scale need not be known."""
    from iqf_core.imaging.reading import open_image

    stated = dataset.properties
    anything = 1.0 if header.dtype == "float32" else 65535.0
    return open_image(
        dataset.image_path(name),
        peak=header.peak or anything,
        nodata=stated.nodata,
        gsd_m=stated.gsd_m,
        band_names=stated.bands,
    )


def copy_properties(dataset: Dataset, target: Path) -> None:
    """Copy ``iqf.yaml`` into the dataset at `target`, if there is one."""
    folder = dataset.images_folder if dataset.kind == "image" else dataset.path
    source = folder / PROPERTIES_FILE
    if source.is_file():
        shutil.copy2(source, target / PROPERTIES_FILE)
