"""Splitting a dataset into parts without leakage."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from iqf_core.components.dataset_format import Finding, ImageChange
from iqf_core.datasets.atomic import cannot_write, locked, partial_folder
from iqf_core.datasets.deriving import (
    copy_properties,
    find_made,
    holding_folder,
    readable_headers,
    require_images,
)
from iqf_core.datasets.folder_names import fitting
from iqf_core.datasets.following import (
    below,
    link_or_copy,
    make_folders,
    write_annotations,
    write_companions,
)
from iqf_core.datasets.tile_record import TileRecord, read_tiles
from iqf_core.errors import ConfigurationError
from iqf_core.files import hash_json, hash_text, write_json
from iqf_core.progress import progress

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.imaging.header import ImageHeader

By = Literal["image", "scene"]

KIND = "split"
SPLIT_FILE = ".iqf/split.json"

#: Raise it when the same parameters make other parts.
_VERSION = 1

_USUAL_NAMES = {2: ("train", "val"), 3: ("train", "val", "test")}
_PART_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=@~-]*")


@dataclass(frozen=True)
class SplitDataset:
    """The parts of a dataset.

    Attributes
    ----------
    path
        The folder that holds them.
    parts
        Name of each part -> names of its images; each is a dataset below `path`.
    by
        What was kept together.
    findings
        What is noteworthy.
    reused
        Whether they were there already.
    """

    path: Path
    parts: Mapping[str, tuple[str, ...]]
    by: By
    findings: tuple[Finding, ...]
    reused: bool


def split_dataset(
    dataset: Dataset,
    fractions: Sequence[float],
    *,
    by: By | None = None,
    seed: int = 0,
    names: Sequence[str] | None = None,
    scene_pattern: str | None = None,
    out: Path | None = None,
    quiet: bool = False,
) -> SplitDataset:
    """Split a dataset into parts, or find the parts that are there.

    Parameters
    ----------
    dataset
        The source; it is not changed.
    fractions
        Of the images, one for each part; they sum to 1.
    by
        ``"image"``: identical files stay together. ``"scene"``: all images of one scene stay
        together, as tiles must, which share pixels and light. By default scenes where they are
        known (tiles, or a pattern), else images.
    seed
        Another one makes other parts.
    names
        Of the parts; by default train and val, or train, val and test.
    scene_pattern
        A regular expression that finds the scene in an image's name: its first group, or all it
        matches. By default the scenes are those that the tiles were cut from.
    out
        The folder that will hold the folder of the parts; by default the one that holds the source.
    quiet
        Show no progress.

    Returns
    -------
    SplitDataset
        Below ``<source>#split-…`` one dataset for each part: images linked where the file system
        can, annotations, masks and tables restricted to the part.

    Raises
    ------
    ConfigurationError
        If the fractions, names or the pattern make no sense, or a part would be empty.
    DatasetError
        If images cannot be read, or the parts cannot be written. Nothing is left behind.
    """
    if dataset.kind == "image":
        raise ConfigurationError(f"{dataset.path}: one image cannot be split; tile it first")
    names = _checked_names(fractions, names)
    tiles = read_tiles(dataset.path)
    by = by or ("scene" if tiles or scene_pattern else "image")
    folder = holding_folder(dataset, out)
    shown = "+".join(f"{fraction:g}" for fraction in fractions)
    name = fitting(f"{dataset.name}#split-fractions={shown},by={by},seed={seed}")
    with progress(f"Reading {dataset.name}", len(dataset), quiet=quiet) as bar:
        source = dataset.fingerprint(bar)
    groups = _groups(dataset, by, tiles, scene_pattern)
    parts = assign(groups, dict(zip(names, fractions, strict=True)), seed, by)
    # The assignment stands for everything that decides it.
    fingerprint = hash_json({"source": source, "parts": parts, "version": _VERSION})
    findings = _leaks(dataset, by, tiles)
    with locked(folder, name, quiet=quiet):
        path, document = find_made(folder, name, fingerprint, SPLIT_FILE, KIND)
        if document is not None:
            for part, images in parts.items():
                require_images(path / part / below(dataset), images)
            return SplitDataset(path, _frozen(parts), by, tuple(findings), reused=True)
        headers = readable_headers(dataset, quiet=quiet)
        with partial_folder(folder, name, path) as partial:
            try:
                with progress(f"Splitting {dataset.name}", len(dataset), quiet=quiet) as bar:
                    for part, images in parts.items():
                        _write_part(dataset, partial / part, path / part, headers, images)
                        bar.advance(len(images))
                (partial / SPLIT_FILE).parent.mkdir()
                write_json(
                    partial / SPLIT_FILE,
                    KIND,
                    {
                        "source": dataset.name,
                        "source_folder": str(dataset.path),
                        "source_fingerprint": source,
                        "fractions": list(fractions),
                        "by": by,
                        "seed": seed,
                        "scene_pattern": scene_pattern,
                        "fingerprint": fingerprint,
                        "parts": parts,
                        "created": datetime.now(UTC).isoformat(timespec="seconds"),
                    },
                )
            except OSError as error:
                raise cannot_write(folder, error) from error
    return SplitDataset(path, _frozen(parts), by, tuple(findings), reused=False)


def _frozen(parts: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {part: tuple(images) for part, images in parts.items()}


def _checked_names(fractions: Sequence[float], names: Sequence[str] | None) -> tuple[str, ...]:
    count = len(fractions)
    if count < 2 or not all(0 < fraction < 1 for fraction in fractions):
        raise ConfigurationError(
            f"fractions are {_listed(fractions)}: expected two or more numbers between 0 and 1"
        )
    if not math.isclose(sum(fractions), 1, abs_tol=1e-6):
        raise ConfigurationError(
            f"fractions {_listed(fractions)} sum to {sum(fractions):g}: expected 1"
        )
    if names is None:
        if count not in _USUAL_NAMES:
            raise ConfigurationError(f"{count} parts have no usual names; name them with --names")
        return _USUAL_NAMES[count]
    if len(names) != count:
        raise ConfigurationError(f"{len(names)} names for {count} fractions; expected one for each")
    for name in names:
        if not _PART_NAME.fullmatch(name) or name.lower().startswith("stats"):
            raise ConfigurationError(
                f"{name!r} is no name for a part; expected letters, digits, '_', '-' and '.'"
            )
    if len({name.lower() for name in names}) < count:
        raise ConfigurationError(f"names {', '.join(names)}: two parts have one name")
    return tuple(names)


def _listed(fractions: Sequence[float]) -> str:
    return " ".join(f"{fraction:g}" for fraction in fractions) or "missing"


def _groups(
    dataset: Dataset, by: By, tiles: TileRecord | None, pattern: str | None
) -> dict[str, list[str]]:
    """Return the images that stay together, by a stable name of each group."""
    if by == "image":
        if pattern is not None:
            raise ConfigurationError("a scene pattern is for splitting by scene")
        keys = {name: dataset.image_hash(name) for name in dataset.image_names}
        first: dict[str, str] = {}
        for name, content in keys.items():
            first.setdefault(content, name)
        scenes = {name: first[content] for name, content in keys.items()}
    elif pattern is not None:
        scenes = _matched(dataset, pattern)
    elif tiles is not None:
        scenes = {tile.name: tile.origin for tile in tiles.tiles}
        unknown = [name for name in dataset.image_names if name not in scenes]
        if unknown:
            raise ConfigurationError(
                f"{dataset.path}: the scene of {_some(unknown)} is not recorded; give "
                "--scene-pattern"
            )
    else:
        raise ConfigurationError(
            f"{dataset.path}: its scenes are not known, it was not made by `iqf dataset tile`; "
            "give --scene-pattern, a regular expression that finds the scene in an image's name"
        )
    groups: dict[str, list[str]] = {}
    for name in dataset.image_names:
        groups.setdefault(scenes[name], []).append(name)
    return groups


def _matched(dataset: Dataset, pattern: str) -> dict[str, str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(
            f"scene pattern {pattern!r} is no regular expression: {error}"
        ) from None
    scenes: dict[str, str] = {}
    missing: list[str] = []
    for name in dataset.image_names:
        match = compiled.search(name)
        scene = match and (match[1] if compiled.groups else match[0])
        if scene:
            scenes[name] = scene
        else:
            missing.append(name)
    if missing:
        raise ConfigurationError(f"scene pattern {pattern!r} finds no scene in {_some(missing)}")
    return scenes


def _some(names: Sequence[str]) -> str:
    return f"{names[0]!r}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def assign(
    groups: Mapping[str, Sequence[str]], fractions: Mapping[str, float], seed: int, what: str
) -> dict[str, list[str]]:
    """Distribute groups of images over parts.

    Each group in turn, in an order that the seed decides, goes to the part that lacks most.

    Parameters
    ----------
    groups
        Name of a group -> its images.
    fractions
        Name of a part -> the fraction of the images that it should get.
    seed
        Decides the order, together with the groups' names only.
    what
        What a group is, for messages.

    Returns
    -------
    dict
        Name of a part -> its images, sorted.

    Raises
    ------
    ConfigurationError
        If a part would get nothing.
    """
    total = sum(map(len, groups.values()))
    lacking = {part: fraction * total for part, fraction in fractions.items()}
    parts: dict[str, list[str]] = {part: [] for part in fractions}
    for group in sorted(groups, key=lambda group: (hash_text(f"{seed}:{group}"), group)):
        part = max(lacking, key=lambda part: lacking[part])
        parts[part] += groups[group]
        lacking[part] -= len(groups[group])
    empty = [part for part, images in parts.items() if not images]
    if empty:
        raise ConfigurationError(
            f"part {empty[0]!r} would get no image: {len(groups)} {what}s with {total} images are "
            f"too few for the fractions {_listed(list(fractions.values()))}"
        )
    return {part: sorted(images) for part, images in parts.items()}


def _leaks(dataset: Dataset, by: By, tiles: TileRecord | None) -> list[Finding]:
    if by != "image" or tiles is None:
        return []
    shared = Counter(tile.origin for tile in tiles.tiles)
    if max(shared.values(), default=0) < 2:
        return []
    return [
        Finding(
            "tiles-split-by-image",
            "warning",
            "tiles of one scene may lie in several parts, which leaks; split by scene",
            dataset.name,
        )
    ]


def _write_part(
    dataset: Dataset,
    target: Path,
    final: Path,
    headers: Mapping[str, ImageHeader],
    images: Sequence[str],
) -> None:
    target.mkdir()
    folder = target / below(dataset)
    make_folders(folder, images)
    for name in images:
        link_or_copy(dataset.image_path(name), folder / name)
    changes = {name: _unchanged(name, headers[name]) for name in images}
    write_annotations(dataset, target, changes)
    write_companions(dataset, target, final, changes, set(images))
    copy_properties(dataset, target)


def _unchanged(name: str, header: ImageHeader) -> ImageChange:
    shape = (header.height, header.width)
    return ImageChange(name, shape, shape, georeferenced=header.georeferenced)
