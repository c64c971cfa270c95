"""The manifest: what a modified dataset is made of, kept in it as ``.iqf/manifest.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from iqf_core.errors import DatasetError, IQFError
from iqf_core.files import read_json, write_json
from iqf_core.modification.chain import Chain

KIND = "manifest"
MANIFEST_FILE = ".iqf/manifest.json"


class _Record(BaseModel):
    # A later minor version may say more.
    model_config = ConfigDict(extra="ignore", frozen=True)


class ImageEntry(_Record):
    """One image of the copy.

    Attributes
    ----------
    old_name, new_name
        Paths below the image folders of source and copy, with ``/``.
    old_shape, shape
        (height, width, bands) of the source and of the copy.
    dtype
        Data type of the copy's pixels.
    file_bytes
        Size of the copy's file.
    source_hash
        Content hash of the source file.
    nbytes
        Size of the stream of the last codec in the chain, in bytes; None when none has one.
    bpppc
        Bits per pixel per component of that stream: 8 nbytes / (height width bands).
    ratio
        Size of the uncompressed pixels over `nbytes`.
    notes
        What modifiers had to say about it.
    """

    old_name: str
    new_name: str
    old_shape: tuple[int, int, int]
    shape: tuple[int, int, int]
    dtype: str
    file_bytes: int
    source_hash: str
    nbytes: int | None = None
    bpppc: float | None = None
    ratio: float | None = None
    notes: tuple[str, ...] = ()


class SkippedFile(_Record):
    """An image of the source that is not in the copy, and why.

    Attributes
    ----------
    name, reason
        Which, and why.
    left_out
        Whether a modifier left it out, as it was asked to; else it could not be read.
    """

    name: str
    reason: str
    left_out: bool = False


class Totals(_Record):
    """Sums over all images of a copy.

    Attributes
    ----------
    images, skipped
        How many are in the copy, and how many could not be read or were left out.
    file_bytes
        Size of all image files.
    nbytes, bpppc, ratio
        Of all encoded streams together; None unless every image has one.
    """

    images: int
    skipped: int
    file_bytes: int
    nbytes: int | None = None
    bpppc: float | None = None
    ratio: float | None = None


class Step(_Record):
    """One modification: of what, how, with what.

    Attributes
    ----------
    source
        Name of the dataset that was modified.
    source_fingerprint
        Hash of its content.
    chain
        The modifiers with all their parameters, versions and distributions.
    label
        The chain as specification strings.
    seed
        The seed; it matters only when a modifier is random.
    peak
        The peak that was given for images that do not say theirs, None when none was.
    versions
        Distribution -> version of the core and of the plugins that brought the modifiers.
    fingerprint
        Hash of everything that decides the copy's content.
    """

    source: str
    source_fingerprint: str
    chain: list[dict[str, Any]]
    label: str
    seed: int
    peak: float | None
    versions: dict[str, str]
    fingerprint: str


class Manifest(Step):
    """What ``.iqf/manifest.json`` says.

    Attributes
    ----------
    history
        The modifications that made the source, first one first; empty for an original.
    source_folder
        Where the source lay, absolute.
    image_folder
        Path of the copy's image folder below it, empty when images lie in the copy itself.
    images, skipped, totals
        What became of every image.
    created
        When it was written, ISO 8601 in UTC.
    """

    history: list[Step]
    source_folder: str
    image_folder: str
    images: list[ImageEntry]
    skipped: list[SkippedFile]
    totals: Totals
    created: str

    def resolved_chain(self) -> Chain:
        """Return the chain of the last step."""
        return Chain.from_json(self.chain)

    def step(self) -> Step:
        """Return the last step alone, for the history of a further copy."""
        return Step(**{name: getattr(self, name) for name in Step.model_fields})


def totals(images: list[ImageEntry], skipped: int) -> Totals:
    """Sum up `images`."""
    nbytes = bpppc = ratio = None
    if images and all(image.nbytes is not None for image in images):
        nbytes = sum(image.nbytes or 0 for image in images)
        components = sum(_count(image.shape) for image in images)
        raw = sum((image.ratio or 0.0) * (image.nbytes or 0) for image in images)
        bpppc = 8 * nbytes / components
        ratio = raw / nbytes if nbytes else None
    return Totals(
        images=len(images),
        skipped=skipped,
        file_bytes=sum(image.file_bytes for image in images),
        nbytes=nbytes,
        bpppc=bpppc,
        ratio=ratio,
    )


def _count(shape: tuple[int, int, int]) -> int:
    return shape[0] * shape[1] * shape[2]


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of the dataset at `folder`; None when it is no modified dataset.

    Raises
    ------
    DatasetError
        If there is one that cannot be read, or of an unknown version.
    """
    path = folder / MANIFEST_FILE
    try:
        document = read_json(path, KIND)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IQFError as error:
        raise DatasetError(str(error)) from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        place = ".".join(map(str, item["loc"]))
        raise DatasetError(f"{path}: not a manifest of IQF: {place}: {item['msg']}") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` into the dataset at `folder`."""
    path = folder / MANIFEST_FILE
    path.parent.mkdir(exist_ok=True)
    write_json(path, KIND, manifest.model_dump(mode="json"))
