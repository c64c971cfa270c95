"""Finding the copies that are there."""

from __future__ import annotations

import os
from pathlib import Path

from iqf_core.datasets.atomic import cannot_write as cannot_write
from iqf_core.datasets.atomic import locked as locked
from iqf_core.datasets.atomic import partial_folder as partial_folder
from iqf_core.datasets.deriving import find_place
from iqf_core.errors import DatasetError
from iqf_core.modification.manifest import Manifest, read_manifest


def find_copy(folder: Path, name: str, fingerprint: str) -> tuple[Path, Manifest | None]:
    """Find the copy of that fingerprint in `folder`, or the place for it.

    Returns
    -------
    Path, Manifest or None
        The copy and its manifest; or an unused path, which has the suffix ``~`` and 8 digits when
        a folder of the plain name holds something else.

    Raises
    ------
    DatasetError
        If both names are taken by something else.
    """

    def read(path: Path) -> Manifest | None:
        manifest = read_manifest(path)
        return manifest if manifest is not None and manifest.fingerprint == fingerprint else None

    return find_place(folder, name, fingerprint, read)


def require_whole(path: Path, manifest: Manifest) -> None:
    """Check that the images of a copy are still there, by their sizes.

    Raises
    ------
    DatasetError
        If one is missing or of another size.
    """
    images = path / manifest.image_folder
    for image in manifest.images:
        name = os.path.join(images, image.new_name)  # noqa: PTH118 - for every file of a dataset
        try:
            size = os.stat(name).st_size  # noqa: PTH116
        except OSError:
            size = -1
        if size != image.file_bytes:
            what = "is missing" if size < 0 else "was changed"
            raise DatasetError(
                f"{name}: {what} since the copy was made; remove the folder {path} to have it "
                "made again"
            )
