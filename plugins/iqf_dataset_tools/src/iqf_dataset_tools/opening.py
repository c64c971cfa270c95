"""Opening datasets that other commands refuse, and finding the parts of a split one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iqf_core.api import (
    Annotations,
    Context,
    Dataset,
    DatasetError,
    DatasetFormat,
    IQFError,
    Layout,
    PluginError,
    find_layout,
    open_dataset,
)
from iqf_dataset_tools.images import Stated
from iqf_dataset_tools.problems import Problem

#: Names that parts of a split dataset have.
PARTS = ("train", "training", "val", "valid", "validation", "test", "testing")


@dataclass
class Opened:
    """A dataset, or one part of it.

    Attributes
    ----------
    part
        Name of the part, empty for a dataset without parts.
    layout
        Its folders.
    dataset
        As the core opens it; None where it refuses.
    files
        (format, path) of its annotations, all of them where there are several.
    formats
        The formats, by name.
    problems
        What was found while opening.
    """

    part: str
    layout: Layout
    dataset: Dataset | None
    files: list[tuple[str, Path]]
    formats: dict[str, DatasetFormat]
    problems: list[Problem] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """Its images."""
        return self.layout.image_names

    def stated(self) -> Stated:
        """Return where its images lie and what is stated of them."""
        folder = str(self.layout.images_folder)
        if self.dataset is None:
            return Stated(folder)
        stated = self.dataset.properties
        peak = stated.peak if self.dataset.peak is None else self.dataset.peak
        return Stated(folder, peak, stated.nodata, stated.gsd_m, stated.bands)

    def read(self, format_: str, path: Path) -> Annotations | str:
        """Return the annotations that a format reads, or why it does not."""
        try:
            return self.formats[format_].read(path, self.names)
        except IQFError as error:
            return str(error)
        except Exception as error:  # a format of a plugin may raise anything
            return f"{type(error).__name__}: {error}"


def open_parts(
    paths: list[Path], registry: Any, peak: float | None
) -> tuple[list[Opened], list[Problem]]:
    """Open the datasets at `paths`, each a part; a folder of train, val and test is several.

    Raises
    ------
    DatasetError
        If nothing is there, or no image.
    """
    if len(paths) > 1:
        names = [path.name for path in paths]
        if len(set(names)) < len(names):
            names = [str(path) for path in paths]
        return [open_loosely(p, registry, peak, n) for p, n in zip(paths, names, strict=True)], []
    path = paths[0]
    try:
        return [open_loosely(path, registry, peak)], []
    except DatasetError:
        parts = _part_folders(path)
        if len(parts) < 2:
            raise
    return [open_loosely(part, registry, peak, part.name) for part in parts], []


def _part_folders(path: Path) -> list[Path]:
    """Return the sub-folders that are called like parts, in the usual order."""
    if not path.is_dir():
        return []
    folders = {each.name.lower(): each for each in path.iterdir() if each.is_dir()}
    return [folders[name] for name in PARTS if name in folders]


def part_of(name: str) -> str:
    """Return the part that an image's folder says (``train/a.png``), empty for none."""
    first = name.partition("/")[0]
    return first if "/" in name and first.lower() in PARTS else ""


def open_loosely(path: Path, registry: Any, peak: float | None, part: str = "") -> Opened:
    """Open a dataset with everything that looks like annotations.

    Raises
    ------
    DatasetError
        If there is nothing, no image, or two image folders.
    """
    layout = find_layout(path)
    formats, problems = _formats(registry)
    dataset = None
    try:
        dataset = open_dataset(path, registry=registry, peak=peak)
    except DatasetError as error:
        problems += [Problem("bad-properties", str(error), "iqf.yaml")] * ("iqf.yaml" in str(error))
    files: list[tuple[str, Path]] = []
    if layout.kind != "image":
        for name, each in formats.items():
            try:
                found = each.detect(layout.path, layout.images_folder)
            except Exception as error:
                problems.append(Problem("format-unavailable", f"{name}: {error}"))
                continue
            files += [(name, file) for file in found]
            if len(found) > 1:
                shown = " and ".join(repr(file.name) for file in found)
                problems.append(
                    Problem("ambiguous-annotations", f"{shown} are both {name} annotations")
                )
        files += _undetected(layout, files)
    problems += [Problem("folder-oddity", each.message, each.file) for each in layout.findings]
    return Opened(part, layout, dataset, files, formats, problems)


def _formats(registry: Any) -> tuple[dict[str, DatasetFormat], list[Problem]]:
    formats: dict[str, DatasetFormat] = {}
    problems: list[Problem] = []
    context = Context(registry=registry)
    for entry in registry.entries("format"):
        try:
            formats[entry.name] = registry.create("format", entry.qualified_name, {}, context)
        except PluginError as error:
            problems.append(Problem("format-unavailable", str(error)))
    return formats, problems


def _undetected(layout: Layout, found: list[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """Return JSON files that no format takes and that look like annotations gone wrong."""
    taken = {path for _, path in found}
    more: list[tuple[str, Path]] = []
    for name in layout.others:
        path = layout.path / name
        if "/" in name or path in taken or path.suffix.lower() not in (".json", ".geojson"):
            continue
        try:
            text = path.read_bytes()
        except OSError:
            continue
        is_geo = path.suffix.lower() == ".geojson" or b'"FeatureCollection"' in text
        is_coco = b'"annotations"' in text or b'"images"' in text or _is_no_json(text)
        if is_geo and not any(format_ == "geojson" for format_, _ in found):
            more.append(("geojson", path))
        elif is_coco and not is_geo and not any(format_ == "coco" for format_, _ in found):
            more.append(("coco", path))
    return more


def _is_no_json(text: bytes) -> bool:
    import json

    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False
