"""Checking folders of label files (DOTA, YOLO) line by line.

Names of classes and the images of files are judged by the format that the registry offers; here
lines are looked at, so that each problem names its line and can be mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from iqf_dataset_tools.images import ImageFacts
from iqf_dataset_tools.numbers import finite, short
from iqf_dataset_tools.outlines import Size, outline_problems, polygon
from iqf_dataset_tools.problems import Problem, Problems

Found = list[tuple[str, str]]
LABEL_FORMATS = ("dota", "yolo")
_HEADERS = ("imagesource:", "gsd:")
_LISTS = ("classes.txt",)

#: What the formats themselves report that lines cannot say -> our code.
_PASSED = {
    "unknown-class": "unknown-class",
    "unnamed-classes": "unnamed-classes",
    "shared-labels": "shared-labels",
    "missing-image": "missing-label-image",
}


@dataclass
class LabelsView:
    """A folder of label files.

    Attributes
    ----------
    format
        ``"dota"`` or ``"yolo"``.
    path
        The folder.
    images
        Label file -> an image it belongs to.
    """

    format: str
    path: Path
    images: dict[str, str] = field(default_factory=dict)
    objects: int = 0
    annotated: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Label:
    """The numbers of a line: points in pixels, or in fractions of the image for YOLO."""

    points: tuple[tuple[float, float], ...]
    class_name: str


def label_files(folder: Path) -> Iterator[str]:
    """Iterate the label files below `folder`, with ``/``."""
    for path in sorted(folder.rglob("*.txt")):
        name = path.relative_to(folder).as_posix()
        if name not in _LISTS and not any(part.startswith(".") for part in name.split("/")):
            yield name


def check_labels(
    view: LabelsView, names: Sequence[str], facts: Mapping[str, ImageFacts]
) -> list[Problem]:
    """Return everything wrong with the lines of a folder of labels."""
    owners: dict[str, str] = {}
    for name in names:
        owners.setdefault(str(PurePosixPath(name).with_suffix(".txt")), name)
    found: list[Problem] = []
    for label in label_files(view.path):
        problems = Problems(f"{view.path.name}/{label}")
        image = owners.get(label)
        size = None
        if image is None:
            problems.add("missing-label-image", "no image of this name in the image folder")
        else:
            view.images[label] = image
            known = facts.get(image)
            size = None if known is None else known.size
        _check_file(view, label, size, problems)
        found += problems.found
    return found


def passed_on(findings: Sequence[Any], folder: str) -> list[Problem]:
    """Return what the format itself found and lines do not say."""
    return [
        Problem(_PASSED[each.code], each.message, each.file or folder, each.item)
        for each in findings
        if each.code in _PASSED and each.code != "missing-image"
    ]


def read_label_lines(path: Path) -> list[str]:
    """Return the lines of a label file."""
    return path.read_bytes().decode("utf-8", errors="replace").removeprefix("\ufeff").splitlines()


def _check_file(view: LabelsView, label: str, size: Size | None, problems: Problems) -> None:
    try:
        lines = read_label_lines(view.path / label)
    except OSError as error:
        problems.add("annotations-unreadable", f"cannot be read ({error.strerror})")
        return
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or is_header(view.format, line):
            continue
        view.objects += 1
        if label in view.images:
            view.annotated.add(view.images[label])
        item = f"line {number}"
        for code, message in line_problems(view.format, line, size):
            problems.add(code, message, item)
        first = seen.setdefault(" ".join(line.split()), number)
        if first != number:
            problems.add("duplicate-object", f"is the same as line {first}", item)


def is_header(format_: str, line: str) -> bool:
    """Return whether a line is one of DOTA's header."""
    return format_ == "dota" and line.strip().lower().startswith(_HEADERS)


def line_problems(format_: str, line: str, size: Size | None) -> Found:
    """Return (code, message) for one line."""
    words = line.split()
    parsed = _dota(words) if format_ == "dota" else _yolo(words)
    if isinstance(parsed, str):
        return [("bad-line", f"{short(line.strip())}: {parsed}")]
    flat = [value for point in parsed.points for value in point]
    if not finite(flat):
        return [("polygon-not-finite", f"{short(line.strip())} is not finite")]
    if format_ == "yolo" and size is not None:
        scaled = tuple((x * size[1], y * size[0]) for x, y in parsed.points)
    else:
        scaled = parsed.points
        size = size if format_ == "dota" else (1, 1)
    if format_ == "yolo" and len(words) in (5, 6):
        width, height = float(words[3]), float(words[4])
        if width < 0 or height < 0:
            return [("box-negative", f"width {width:g}, height {height:g}")]
        if width == 0 or height == 0:
            return [("empty-box", f"width {width:g}, height {height:g}")]
    return outline_problems(polygon(scaled), size)


def label_of(format_: str, line: str) -> Label | None:
    """Return what a line says, None when it is malformed."""
    parsed = _dota(line.split()) if format_ == "dota" else _yolo(line.split())
    return None if isinstance(parsed, str) else parsed


def _dota(words: list[str]) -> Label | str:
    if not 9 <= len(words) <= 10:
        return f"{len(words)} words, expected x1 y1 … x4 y4 class [difficult]"
    values = _numbers(words[:8])
    if values is None:
        return "the coordinates are no numbers"
    return Label(_points(values), words[8])


def _yolo(words: list[str]) -> Label | str:
    values = _numbers(words)
    if values is None:
        return "holds something other than numbers"
    if not values[0].is_integer() or values[0] < 0:
        return f"class {words[0]} is no whole number from 0"
    rest = values[1:]
    if len(rest) in (4, 5):
        x, y, width, height = rest[:4]
        left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        return Label(((left, top), (right, top), (right, bottom), (left, bottom)), words[0])
    if len(rest) < 6:
        return f"{len(words)} numbers, expected class cx cy w h, or class x1 y1 …"
    return Label(_points(rest[: len(rest) // 2 * 2]), words[0])


def _numbers(words: list[str]) -> list[float] | None:
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def _points(values: Sequence[float]) -> tuple[tuple[float, float], ...]:
    return tuple(zip(values[::2], values[1::2], strict=True))
