"""Writing a mended copy of a dataset; the source stays as it is."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iqf_core.api import ConfigurationError, DatasetError, link_or_copy, partial_folder
from iqf_dataset_tools import coco
from iqf_dataset_tools.check import check_part
from iqf_dataset_tools.geojson import GeoJsonView, check_geojson
from iqf_dataset_tools.images import ImageFacts
from iqf_dataset_tools.labels import LABEL_FORMATS, LabelsView, check_labels, read_label_lines
from iqf_dataset_tools.mending import Change, Changes, Choices, mend_coco, mend_geojson, mend_lines
from iqf_dataset_tools.opening import Opened, open_loosely
from iqf_dataset_tools.problems import Problem, Problems

FIX_SCHEMA = "iqf.dataset-fix/1"
RECORD = ".iqf/fix.json"


@dataclass(frozen=True)
class FixReport:
    """What was changed.

    Attributes
    ----------
    path
        The new dataset.
    changes
        Every change.
    left
        Errors and warnings of the source that nothing could be done about.
    """

    path: Path
    changes: tuple[Change, ...]
    left: tuple[Problem, ...]

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values, with ``schema``."""
        return {
            "schema": FIX_SCHEMA,
            "path": str(self.path),
            "counts": dict(Counter(each.action for each in self.changes)),
            "changes": [each.to_json() for each in self.changes],
            "left": [each.to_json() for each in self.left],
        }


def fix_dataset(
    path: Path | str,
    out: Path | str,
    *,
    registry: Any,
    choices: Choices | None = None,
    copy: bool = False,
    rasterize: bool = False,
    background: int = 0,
    workers: int | None = 1,
    quiet: bool = False,
) -> FixReport:
    """Write a mended copy of the dataset at `path` as the new folder `out`.

    Parameters
    ----------
    path
        The source; nothing in it is written.
    out
        The folder of the new dataset, which must not exist.
    registry
        Where annotation formats are found.
    choices
        What is left out and mended; default everything that can be.
    copy
        Copy images instead of linking them.
    rasterize
        Also draw the objects as mask images into ``masks/``.
    background
        The class number of pixels without object.
    workers
        Processes that decode images; None for one per core.
    quiet
        Show no progress.

    Raises
    ------
    DatasetError
        If there is no dataset, or `out` exists or cannot be written. Nothing is left behind.
    ConfigurationError
        If `out` lies in the dataset, or masks cannot be drawn.
    """
    opened = open_loosely(Path(path), registry, None)
    target = Path(out).absolute()
    if opened.layout.kind == "image":
        raise ConfigurationError(f"{path}: one image has no annotations to mend")
    if target.resolve().is_relative_to(opened.layout.path.resolve()):
        raise ConfigurationError(f"{target}: lies in the dataset {path}; choose another folder")
    if target.exists() or target.is_symlink():
        raise DatasetError(f"{target}: exists already; give a new folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    fixer = _Fixer(opened, choices or Choices(), copy)
    with partial_folder(target.parent, target.name, target) as partial:
        problems, facts, _ = check_part(opened, workers, quiet)
        fixer.write(partial, problems, facts)
        if rasterize:
            from iqf_dataset_tools.rasterizing import draw_masks

            fixer.changes += draw_masks(partial, registry, facts, background)
        report = FixReport(target, tuple(fixer.changes), tuple(_left(problems, fixer)))
        record = {**report.to_json(), "source": str(opened.layout.path)}
        (partial / RECORD).parent.mkdir(exist_ok=True)
        (partial / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
    return report


def _left(problems: list[Problem], fixer: _Fixer) -> list[Problem]:
    done = {(each.file, each.item) for each in fixer.changes}
    return [
        each
        for each in problems
        if each.severity != "info"
        and (each.file, each.item) not in done
        and each.code != "folder-oddity"
    ]


class _Fixer:
    """Writes the files of a mended dataset and keeps the record."""

    def __init__(self, opened: Opened, choices: Choices, copy: bool) -> None:
        self._opened = opened
        self._choices = choices
        self._copy = copy
        self.changes: list[Change] = []

    def write(self, target: Path, problems: list[Problem], facts: Mapping[str, ImageFacts]) -> None:
        """Write every file of the dataset into `target`."""
        source = self._opened.layout.path
        gone = set()
        if "unreadable" in self._choices.drop:
            gone = {name for name, each in facts.items() if each.code in _UNREADABLE}
        folder = target / self._opened.layout.images_folder.relative_to(source)
        for name in self._opened.names:
            if name in gone:
                known = facts[name]
                self.changes.append(Change(name, "", known.code, "left out", known.reason))
            else:
                self._file(self._opened.layout.images_folder / name, folder / name, self._copy)
        written = set()
        for format_, path in self._opened.files:
            written.add(path)
            self._annotations(format_, path, target / path.relative_to(source), facts, gone)
        dropped_masks = self._masks(problems)
        for name in self._opened.layout.others:
            path = source / name
            if path in written or any(path.is_relative_to(each) for each in written):
                is_mask = any(
                    format_ == "masks" and path.is_relative_to(each)
                    for format_, each in self._opened.files
                )
                if not is_mask or name in dropped_masks:
                    continue
            self._file(path, target / name, True)

    def _masks(self, problems: list[Problem]) -> set[str]:
        dropped = set()
        for each in problems:
            is_mask = each.code in ("orphan-mask", "unreadable-mask")
            if is_mask and self._choices.drops(each.code) and each.file not in dropped:
                self.changes.append(Change(each.file, "", each.code, "left out", each.message))
                dropped.add(each.file)
        return dropped

    def _annotations(
        self,
        format_: str,
        path: Path,
        new: Path,
        facts: Mapping[str, ImageFacts],
        gone: set[str],
    ) -> None:
        changes, problems = Changes(path.name), Problems(path.name)
        names = self._opened.names
        if format_ in LABEL_FORMATS:
            self._labels(LabelsView(format_, path), new, facts, gone)
            return
        if format_ == "masks":
            return
        document = coco.load(path, problems) if format_ in ("coco", "geojson") else None
        if document is None:  # not to be mended: it travels as it is
            self._file(path, new, True)
            return
        if format_ == "coco":
            view = coco.check_coco(document, names, facts, problems)
            result = mend_coco(document, problems, view.images, gone, self._choices, changes)
        else:
            geo = GeoJsonView(document, names, facts)
            check_geojson(geo, problems)
            result = mend_geojson(geo, problems, gone, self._choices, changes)
        new.parent.mkdir(parents=True, exist_ok=True)
        if changes.made:
            new.write_text(json.dumps(result), encoding="ascii")
        else:
            shutil.copyfile(path, new)
        self.changes += changes.made

    def _labels(
        self, view: LabelsView, new: Path, facts: Mapping[str, ImageFacts], gone: set[str]
    ) -> None:
        check_labels(view, self._opened.names, facts)
        for path in sorted(view.path.rglob("*")):
            if not path.is_file():
                continue
            name = path.relative_to(view.path).as_posix()
            changes = Changes(f"{view.path.name}/{name}")
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            image = view.images.get(name)
            if path.suffix != ".txt" or name == "classes.txt":
                shutil.copyfile(path, new / name)
                continue
            if image is None and "missing" in self._choices.drop:
                changes.add("", "missing-label-image", "left out")
            elif image in gone:
                changes.add("", "unreadable-image", "left out with its image")
            else:
                size = facts[image].size if image is not None else None
                lines = read_label_lines(path)
                kept = mend_lines(view.format, lines, size, self._choices, changes)
                if changes.made:
                    (new / name).write_text("".join(f"{line}\n" for line in kept), "utf-8")
                else:
                    shutil.copyfile(path, new / name)
            self.changes += changes.made

    def _file(self, source: Path, target: Path, copy: bool) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if copy:
            if source.exists():
                shutil.copy2(source, target)
        elif source.exists():
            link_or_copy(source, target)


_UNREADABLE = ("unreadable-image", "truncated-image")
