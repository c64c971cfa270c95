"""DOTA: oriented boxes in a ``labelTxt`` folder.

One text file for each image: optional header lines ``imagesource:…`` and ``gsd:…``, then for each
object ``x1 y1 x2 y2 x3 y3 x4 y4 class difficult`` in pixels.
(https://captain-whu.github.io/DOTA/dataset.html)

The format names classes and does not number them. Their numbers are those of the lines of
``classes.txt`` in the dataset folder, from 0; without that file they follow the alphabet.
"""

from __future__ import annotations

import math
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from iqf_core.api import (
    Annotation,
    Annotations,
    DatasetError,
    DatasetFormat,
    Finding,
    ImageChange,
    ImageRecord,
)
from iqf_formats_detection import label_files
from iqf_formats_detection.classes import (
    CLASSES_FILE,
    counted_from_zero,
    read_class_list,
    write_class_list,
)
from iqf_formats_detection.label_files import Findings, Line, parse_numbers
from iqf_formats_detection.outlines import Corners, corners, moved, spelled

_HEADER = re.compile(r"\s*(imagesource|gsd)\s*:\s*(.*?)\s*\Z", re.IGNORECASE)


class DotaFormat(DatasetFormat):
    """A folder ``labelTxt`` (or ``labelTxt-v1.5`` …) beside the image folder."""

    default_name: ClassVar[str] = "labelTxt"

    def detect(self, folder: Path, images_folder: Path) -> list[Path]:
        """Return the folders whose name begins with ``labelTxt``."""
        return sorted(
            path
            for path in folder.iterdir()
            if path.name.lower().startswith("labeltxt") and path.is_dir()
        )

    def read(self, path: Path, image_names: Sequence[str]) -> Annotations:
        """Read oriented boxes; difficulty is the attribute ``difficult`` of an object."""
        reading = _Reading(path)
        labels = label_files.find_labels(path, (CLASSES_FILE,))
        matched = label_files.match_labels(labels, image_names, reading.findings)
        for label, images in matched.items():
            reading.file(label, images)
        return reading.result()

    def write(self, annotations: Annotations, path: Path) -> list[Finding]:
        """Write one file for each image, and ``classes.txt`` beside the folder.

        Upright boxes become their four corners, polygons of other than four corners the smallest
        rectangle around them. Spaces in names of classes become hyphens, and class numbers that do
        not count from 0 are counted anew.

        Raises
        ------
        DatasetError
            If two classes or two images would get one name.
        """
        lost: Counter[tuple[str, str]] = Counter()
        names = _class_words(annotations, path, lost)
        lines: dict[str, list[str]] = {name: [] for name in annotations.images}
        for each in annotations.objects:
            found = corners(each)
            if found is None:
                lost["object-not-carried", "objects without an outline in pixels"] += 1
                continue
            points, is_less = found
            lost["outline-not-carried", "outlines, they became rectangles"] += is_less
            _count_lost(each, lost)
            lines.setdefault(each.image, []).append(
                _object_line(points, names[each.class_id], each.attributes.get("difficult"))
            )
        label_files.require_own_labels(lines, path)
        path.mkdir(parents=True, exist_ok=True)
        for image, objects in lines.items():
            record = annotations.images.get(image)
            header = [] if record is None else _header_lines(record.attributes)
            label_files.write_lines(path / label_files.label_name(image), header + objects)
        write_class_list(path.parent, names.values())
        if annotations.masks:
            lost["masks-not-carried", "mask images"] = len(annotations.masks)
        return [
            Finding(code, "warning", f"DOTA cannot carry {what} ({count} of them)", path.name)
            for (code, what), count in lost.items()
            if count
        ]

    def rewrite(self, source: Path, target: Path, changes: Mapping[str, ImageChange]) -> None:
        """Rename label files after their images; move corners and GSD to the new grid.

        A malformed line stays as it is, and :meth:`check` reports it in the copy too. Where images
        are left out, and with them maybe classes, ``classes.txt`` keeps the numbers of classes.
        """
        findings = Findings()
        labels = label_files.find_labels(source, (CLASSES_FILE,))
        matched = label_files.match_labels(labels, list(changes), findings)
        target.mkdir(parents=True, exist_ok=True)
        for label, new, change in label_files.targets_of(matched, changes, source):
            (target / new).parent.mkdir(parents=True, exist_ok=True)
            if change.transform is None:
                shutil.copyfile(source / label, target / new)
            else:
                lines = label_files.read_lines(source / label, label, findings)
                moved_lines = [_moved_line(line, change.transform) for line in lines]
                label_files.write_lines(target / new, moved_lines)
        label_files.copy_others(source, target)
        listed = source / CLASSES_FILE
        if listed.is_file():
            shutil.copyfile(listed, target / CLASSES_FILE)
        elif len(matched) < len(labels) and not (source.parent / CLASSES_FILE).is_file():
            write_class_list(target.parent, _names_used(source, labels))


class _Reading:
    """What is read from the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.findings = Findings()
        self._objects: list[tuple[Annotation, str]] = []
        self._images: dict[str, ImageRecord] = {}

    def file(self, label: str, images: Sequence[str]) -> None:
        """Read one file, which stands for `images`."""
        header: dict[str, Any] = {}
        for line in label_files.read_lines(self._folder / label, label, self.findings):
            stated = _HEADER.match(line.text)
            if stated:
                header[stated[1].lower()] = _header_value(stated[1].lower(), stated[2])
                continue
            parsed = _parse(line)
            if parsed is None:
                self.findings.error(
                    "bad-line",
                    f"{line.text.strip()[:60]!r}: expected x1 y1 … x4 y4 class [difficult]",
                    label,
                    line.number,
                )
                continue
            points, name, attributes = parsed
            if _area(points) == 0:
                self.findings.warning("empty-box", "has no area", label, line.number)
            for image in images:
                each = Annotation(image, 0, oriented_box=points, attributes=attributes)
                self._objects.append((each, name))
        for image in images:
            self._images[image] = ImageRecord(image, attributes=header)

    def result(self) -> Annotations:
        """Return everything, with the classes numbered."""
        from dataclasses import replace

        used = {name for _, name in self._objects}
        numbers, is_listed = _numbers(self._folder, used)
        if used and not is_listed:
            shown = ", ".join(f"{name!r} = {number}" for name, number in list(numbers.items())[:20])
            self.findings.info(
                "named-classes",
                f"there is no {CLASSES_FILE}; classes are numbered alphabetically: {shown}",
                self._folder.name,
            )
        objects = tuple(replace(each, class_id=numbers[name]) for each, name in self._objects)
        classes = {number: name for name, number in numbers.items()}
        return Annotations(classes, self._images, objects, findings=tuple(self.findings.found))


def _numbers(folder: Path, used: set[str]) -> tuple[dict[str, int], bool]:
    """Return the number of every class name, and whether they are listed in a file."""
    listed = read_class_list(folder)
    numbers = {name: number for number, name in (listed or {}).items()}
    free = max(numbers.values(), default=-1) + 1
    for name in sorted(used - set(numbers)):
        numbers[name] = free
        free += 1
    return numbers, listed is not None


def _names_used(folder: Path, labels: Sequence[str]) -> list[str]:
    """Return the names of classes of all objects, in the order of their numbers."""
    findings = Findings()
    parsed = (
        _parse(line)
        for label in labels
        for line in label_files.read_lines(folder / label, label, findings)
        if not _HEADER.match(line.text)
    )
    numbers, _ = _numbers(folder, {each[1] for each in parsed if each is not None})
    return list(numbers)


def _parse(line: Line) -> tuple[Corners, str, dict[str, Any]] | None:
    """Return corners, class and attributes of an object, None when the line is malformed."""
    if not 9 <= len(line.words) <= 10:
        return None
    values = parse_numbers(line.words[:8])
    if values is None or (len(line.words) == 10 and not line.words[9].isdecimal()):
        return None
    x1, y1, x2, y2, x3, y3, x4, y4 = values
    attributes = {"difficult": int(line.words[9][:9])} if len(line.words) == 10 else {}
    return ((x1, y1), (x2, y2), (x3, y3), (x4, y4)), line.words[8], attributes


def _header_value(key: str, text: str) -> Any:
    if key == "gsd":
        values = parse_numbers([text])
        return values[0] if values and values[0] > 0 else None
    return text


def _header_lines(attributes: Mapping[str, Any]) -> list[str]:
    lines = []
    for key in ("imagesource", "gsd"):
        if key in attributes:
            value = attributes[key]
            shown = spelled(value) if isinstance(value, float) else value
            lines.append(f"{key}:{'null' if value is None else ' '.join(str(shown).split())}")
    return lines


def _object_line(points: Corners, name: str, difficult: Any) -> str:
    numbers = " ".join(spelled(value) for point in points for value in point)
    is_number = isinstance(difficult, int) and difficult >= 0
    return f"{numbers} {name} {int(difficult) if is_number else 0}"


def _moved_line(line: Line, transform: tuple[float, ...]) -> str:
    stated = _HEADER.match(line.text)
    if stated:
        gsd = _header_value("gsd", stated[2]) if stated[1].lower() == "gsd" else None
        if gsd is None:
            return line.text
        a, b, _, d, e, _ = transform
        return f"{stated[1]}:{spelled(gsd / math.sqrt(abs(a * e - b * d)))}"
    parsed = _parse(line)
    if parsed is None:
        return line.text
    new = [spelled(value) for x, y in parsed[0] for value in moved(transform, x, y)]
    return " ".join([*new, *line.words[8:]])


def _class_words(
    annotations: Annotations, path: Path, lost: Counter[tuple[str, str]]
) -> dict[int, str]:
    """Return the name of each class as one word."""
    used = {each.class_id for each in annotations.objects}
    names = {**{number: str(number) for number in used}, **annotations.classes}
    words = {number: "-".join(names[number].split()) or str(number) for number in sorted(names)}
    if len(set(words.values())) < len(words):
        twice = next(word for word, count in Counter(words.values()).items() if count > 1)
        raise DatasetError(f"{path}: two classes would be called {twice!r}; rename one")
    if any(old != new for old, new in counted_from_zero(words).items()):
        what = "class numbers with gaps, classes are counted from 0"
        lost["classes-renumbered", what] = len(words)
    changed = sum(words[number] != names[number] for number in words)
    lost["class-renamed", "spaces in names of classes, they became hyphens"] = changed
    return words


def _count_lost(each: Annotation, lost: Counter[tuple[str, str]]) -> None:
    lost["keypoints-not-carried", "keypoints"] += each.keypoints is not None
    lost["crowd-not-carried", "marks of groups of objects"] += each.crowd
    lost["score-not-carried", "scores of predictions"] += each.score is not None


def _area(points: Corners) -> float:
    pairs = zip(points, (*points[1:], points[0]), strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)) / 2
