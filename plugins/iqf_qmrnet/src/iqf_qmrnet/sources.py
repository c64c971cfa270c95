"""The images of a training: read, checked, and split by image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from iqf_core.api import ConfigurationError, DatasetError, progress
from iqf_qmrnet.degradation import Source

if TYPE_CHECKING:
    from iqf_core.api import Dataset


def read_sources(dataset: Dataset, crop: int, *, quiet: bool = False) -> list[Source]:
    """Read every image of a dataset.

    Raises
    ------
    ImageError
        If one cannot be read.
    DatasetError
        If one is smaller than the crop; names it.
    """
    sources = []
    with progress("reading images", len(dataset), quiet=quiet) as bar:
        for name in dataset.image_names:
            with dataset.open_image(name) as reader:
                image = reader.read()
            if min(image.height, image.width) < crop:
                raise DatasetError(
                    f"{dataset.image_path(name)}: {image.width} x {image.height} pixels are fewer "
                    f"than the crop of {crop}; take larger images or a smaller crop"
                )
            sources.append(Source(name, dataset.image_hash(name), image))
            bar.advance()
    return sources


def split(sources: Sequence[Source], share: float, seed: int) -> tuple[list[Source], list[Source]]:
    """Split images into training and validation, by a hash of content and seed.

    Parameters
    ----------
    share
        Of the validation; at least one image each.

    Raises
    ------
    ConfigurationError
        If there are fewer than two different images.
    """

    def order(source: Source) -> str:
        return hashlib.blake2b(f"{seed}|{source.content}".encode(), digest_size=8).hexdigest()

    groups = sorted({order(source) for source in sources})
    if len(groups) < 2:
        raise ConfigurationError(
            "one image is not enough: expected at least two different ones, one of them for "
            "validation"
        )
    held = set(groups[: max(1, min(len(groups) - 1, round(share * len(groups))))])
    training = [source for source in sources if order(source) not in held]
    return training, [source for source in sources if order(source) in held]


def manifest(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Return name, content hash, shape and data type of every image."""
    return [
        {
            "name": source.name,
            "hash": source.content,
            "shape": list(source.image.shape),
            "dtype": source.image.dtype,
        }
        for source in sources
    ]
