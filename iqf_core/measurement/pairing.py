"""Which image is compared with which: by the record of a modified dataset, or by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from iqf_core.datasets.dataset import open_dataset
from iqf_core.errors import ConfigurationError, DatasetError, IQFError
from iqf_core.files import read_json

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.imaging.header import ImageHeader
    from iqf_core.plugins.registry import Registry

_MANIFEST = ".iqf/manifest.json"

#: Pairs that a message names; the rest is counted.
_MOST_NAMED = 10


def pair_images(
    dataset: Dataset, reference: Dataset, names: Sequence[str] | None = None
) -> dict[str, str]:
    """Return the image of `reference` that each image of `dataset` (or of `names`) is paired with.

    A modified dataset is paired with its source by its manifest, two copies of one source by both
    manifests; two single images are a pair whatever they are called; everything else is matched by
    :func:`match_names`.

    Raises
    ------
    DatasetError
        If an image has no partner, or several.
    """
    names = dataset.image_names if names is None else names
    if dataset.kind == reference.kind == "image":
        return {dataset.image_names[0]: reference.image_names[0]}
    if dataset.path == reference.path:
        return {name: name for name in names}
    recorded = _recorded(dataset, reference)
    if recorded is not None:
        missing = {name: "not in the manifest" for name in names if name not in recorded}
        if missing:
            raise _cannot_pair(dataset.path, reference.path, missing)
        return {name: recorded[name] for name in names}
    return match_names(names, reference.image_names, str(dataset.path), str(reference.path))


def source_of(dataset: Dataset, registry: Registry) -> Dataset:
    """Return the dataset that `dataset` is a modified copy of.

    Raises
    ------
    ConfigurationError
        If it is no copy, or its source has moved or changed since.
    """
    manifest = _manifest(dataset)
    advice = "name what pairs are compared with: --reference DATASET"
    if manifest is None:
        raise ConfigurationError(f"{dataset.path}: is not a modified copy; {advice}")
    folder = Path(manifest["source_folder"])
    if not folder.exists():
        raise ConfigurationError(f"{dataset.path}: its source {folder} is not there; {advice}")
    source = open_dataset(folder, registry=registry, peak=manifest.get("peak"))
    if source.fingerprint() != manifest["source_fingerprint"]:
        raise ConfigurationError(
            f"{dataset.path}: its source {folder} has changed since it was made; make it again, or "
            f"{advice}"
        )
    return source


def match_names(
    names: Iterable[str], others: Sequence[str], where: str, other_where: str
) -> dict[str, str]:
    """Match names of images: the same path, else the same but for its ending, else one stem.

    Raises
    ------
    DatasetError
        If a name has no partner, or several; names the pairs.
    """
    exact = set(others)
    by_stem: dict[str, list[str]] = {}
    by_base: dict[str, list[str]] = {}
    for other in others:
        by_stem.setdefault(_without_ending(other), []).append(other)
        by_base.setdefault(PurePosixPath(other).stem, []).append(other)
    matched: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name in names:
        if name in exact:
            matched[name] = name
            continue
        found = by_stem.get(_without_ending(name)) or by_base.get(PurePosixPath(name).stem) or []
        if len(found) == 1:
            matched[name] = found[0]
        else:
            problems[name] = f"could be {' or '.join(found)}" if found else "no partner"
    if problems:
        raise _cannot_pair(Path(where), Path(other_where), problems)
    return matched


def unlike(image: ImageHeader, reference: ImageHeader) -> str:
    """Return why two images cannot be compared, empty when they can."""
    if image.shape != reference.shape:
        return f"{_size(image)} against {_size(reference)}"
    if image.dtype != reference.dtype:
        return f"{image.dtype} against {reference.dtype}"
    if image.peak != reference.peak:
        return f"peak {image.peak} against {reference.peak}"
    return ""


def _size(header: ImageHeader) -> str:
    height, width, bands = header.shape
    return f"{height} x {width} pixels of {bands} band{'s' if bands > 1 else ''}"


def cannot_pair(
    where: str, other_where: str, problems: Mapping[str, str], what: str = "cannot be paired"
) -> DatasetError:
    """Return the error that names pairs and what is wrong with each."""
    named = [f"{name}: {reason}" for name, reason in sorted(problems.items())]
    more = len(named) - _MOST_NAMED
    lines = "\n  ".join([*named[:_MOST_NAMED], *([f"… and {more} more"] if more > 0 else [])])
    return DatasetError(f"{where}: images {what} with those of {other_where}\n  {lines}")


def _cannot_pair(where: Path, other: Path, problems: Mapping[str, str]) -> DatasetError:
    return cannot_pair(str(where), str(other), problems)


def _recorded(dataset: Dataset, reference: Dataset) -> dict[str, str] | None:
    """Return what manifests say about the pairs, None when they say nothing."""
    made = _manifest(dataset)
    if made is not None and made["source_fingerprint"] == reference.fingerprint():
        return _renamed(made)
    other = _manifest(reference)
    if other is None:
        return None
    to_reference = _renamed(other)
    if other["source_fingerprint"] == dataset.fingerprint():
        return {old: new for new, old in to_reference.items()}
    if made is not None and made["source_fingerprint"] == other["source_fingerprint"]:
        new_names = {old: new for new, old in to_reference.items()}
        return {new: new_names[old] for new, old in _renamed(made).items() if old in new_names}
    return None


def _renamed(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {str(image["new_name"]): str(image["old_name"]) for image in manifest["images"]}


def _manifest(dataset: Dataset) -> dict[str, Any] | None:
    """Return the manifest of a modified dataset; only names and fingerprints of it are read."""
    if dataset.kind == "image":
        return None
    path = dataset.path / _MANIFEST
    try:
        document = read_json(path, "manifest")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IQFError as error:
        raise DatasetError(str(error)) from None
    if not {"source_folder", "source_fingerprint", "images"} <= document.keys():
        raise DatasetError(f"{path}: not a manifest of IQF")
    return document


def _without_ending(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
