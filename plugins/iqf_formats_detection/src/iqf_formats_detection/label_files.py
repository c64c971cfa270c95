"""Folders with one text file of labels for each image: ``a/b.png`` has ``a/b.txt``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from iqf_core.api import DatasetError, Finding, ImageChange

SUFFIX = ".txt"

#: The longest line that is looked at; an object takes about a hundred characters.
_LONGEST_LINE = 100_000

_MOST_LOOKED_AT = 200


class Line(NamedTuple):
    """One line of a label file: its number from 1, its words, and its text."""

    number: int
    words: list[str]
    text: str


class Findings:
    """What is found while a folder of label files is read."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def error(self, code: str, message: str, file: str, line: int | None = None) -> None:
        """Report an object that cannot be used."""
        self.found.append(Finding(code, "error", message, file, _item(line)))

    def warning(self, code: str, message: str, file: str, line: int | None = None) -> None:
        """Report what is used but looks wrong."""
        self.found.append(Finding(code, "warning", message, file, _item(line)))

    def info(self, code: str, message: str, file: str) -> None:
        """Report what is worth knowing."""
        self.found.append(Finding(code, "info", message, file))


def _item(line: int | None) -> str:
    return "" if line is None else f"line {line}"


def label_name(image: str) -> str:
    """Return the name of the label file of `image`, below the folder with ``/``."""
    return str(PurePosixPath(image).with_suffix(SUFFIX))


def find_labels(folder: Path, ignored: Iterable[str] = ()) -> list[str]:
    """Return the label files below `folder`, sorted, hidden ones and `ignored` names left out."""
    skipped = set(ignored)
    found: list[str] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        prefix = Path(parent).relative_to(folder).as_posix()
        prefix = "" if prefix == "." else f"{prefix}/"
        found += [
            prefix + name
            for name in files
            if name.endswith(SUFFIX) and not name.startswith(".") and prefix + name not in skipped
        ]
    return sorted(found)


def match_labels(
    labels: Sequence[str], image_names: Sequence[str], findings: Findings
) -> dict[str, list[str]]:
    """Return label file -> its images.

    Images of one stem (``a.jpg``, ``a.png``) share a file, with a warning; a file without image
    is an error.
    """
    images: dict[str, list[str]] = {}
    for name in image_names:
        images.setdefault(label_name(name), []).append(name)
    matched: dict[str, list[str]] = {}
    for label in labels:
        owners = images.get(label, [])
        if not owners:
            findings.error("missing-image", "no image of this name in the image folder", label)
            continue
        if len(owners) > 1:
            shown = ", ".join(map(repr, owners))
            findings.warning("shared-labels", f"stands for {shown}, which share a name", label)
        matched[label] = owners
    return matched


def read_lines(path: Path, name: str, findings: Findings) -> Iterator[Line]:
    """Iterate the lines of a label file that are not empty.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if len(line) > _LONGEST_LINE:
            findings.error("bad-line", f"has {len(line):,} characters", name, number)
        elif line.strip():
            yield Line(number, line.split(), line)


def first_line(folder: Path, ignored: str) -> str | None:
    """Return the first line of a label file that has one.

    Looks at no more than a few; empty when these are empty, None when there is no label file.
    """
    looked = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            if not name.endswith(SUFFIX) or name.startswith(".") or name == ignored:
                continue
            looked += 1
            try:
                with Path(parent, name).open("rb") as file:
                    line = file.readline(_LONGEST_LINE).decode("utf-8", errors="replace").strip()
            except OSError:
                continue
            if line or looked >= _MOST_LOOKED_AT:
                return line
    return "" if looked else None


def copy_others(source: Path, target: Path) -> None:
    """Copy the files of the folder that are no labels; trainers' caches are not worth it."""
    for parent, folders, files in os.walk(source):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.startswith(".") or name.endswith((SUFFIX, ".cache")):
                continue
            new = target / Path(parent).relative_to(source) / name
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(parent, name), new)


def targets_of(
    matched: Mapping[str, Sequence[str]], changes: Mapping[str, ImageChange], folder: Path
) -> list[tuple[str, str, ImageChange]]:
    """Return (old label file, new label file, change) for every image of a copy that has labels.

    Raises
    ------
    DatasetError
        If two images of the copy would share a file without having shared one.
    """
    made: dict[str, str] = {}
    found: list[tuple[str, str, ImageChange]] = []
    for label, owners in matched.items():
        for image in owners:
            if image not in changes:
                continue
            new = label_name(changes[image].new_name)
            if made.setdefault(new.lower(), label) != label:
                raise DatasetError(
                    f"{folder}: two images of the copy would share the labels {new!r}; rename one "
                    f"of those that {made[new.lower()]!r} and {label!r} stand for"
                )
            found.append((label, new, changes[image]))
    return found


def require_own_labels(image_names: Iterable[str], folder: Path) -> None:
    """Raise :class:`DatasetError` when two images would share a label file."""
    seen: dict[str, str] = {}
    for name in image_names:
        label = label_name(name).lower()
        if seen.setdefault(label, name) != name:
            raise DatasetError(
                f"{folder}: the images {seen[label]!r} and {name!r} would share the labels "
                f"{label_name(name)!r}; rename one of them"
            )


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Write a label file; an image without objects has an empty one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def parse_numbers(words: Sequence[str]) -> tuple[float, ...] | None:
    """Return words as finite numbers of sane size, None when one is none."""
    try:
        values = tuple(float(word) for word in words)
    except ValueError:
        return None
    return values if all(-1e9 <= value <= 1e9 for value in values) else None
