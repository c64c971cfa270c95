"""Reading YOLO labels into the neutral model; every bad line becomes a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iqf_core.api import Annotation, Annotations, ImageError, ImageRecord, open_dataset
from iqf_formats_detection import label_files
from iqf_formats_detection.classes import CLASSES_FILE
from iqf_formats_detection.label_files import Findings, Line, parse_numbers

#: Class numbers beyond this are no class numbers.
_LARGEST_CLASS = 1_000_000
# Without a list of names, the classes up to the largest one used exist, unless it is absurd.
_MOST_UNNAMED = 10_000


@dataclass(frozen=True)
class Parsed:
    """One line of labels.

    Attributes
    ----------
    class_id
        Its class.
    values
        Four numbers of a box, or the coordinates of points, in fractions of the image.
    score
        The confidence, None without.
    """

    class_id: int
    values: tuple[float, ...]
    score: float | None

    @property
    def is_box(self) -> bool:
        """Whether it is an upright box."""
        return len(self.values) == 4


def parse(line: Line) -> Parsed | None:
    """Return what a line says, None when it is malformed."""
    values = parse_numbers(line.words)
    if values is None or len(values) < 5:
        return None
    class_id, numbers = values[0], values[1:]
    score = None
    if len(numbers) % 2:
        numbers, score = numbers[:-1], numbers[-1]
    is_class = class_id.is_integer() and 0 <= class_id <= _LARGEST_CLASS
    if not is_class or len(numbers) not in (4, *range(6, len(numbers) + 1)):
        return None
    if len(numbers) == 4 and min(numbers[2:]) < 0:
        return None
    return Parsed(int(class_id), numbers, score)


def read_labels(
    path: Path, image_names: Sequence[str], names: Mapping[int, str] | None
) -> Annotations:
    """Read the folder of labels at `path`; see :meth:`DatasetFormat.read`."""
    findings = Findings()
    labels = label_files.find_labels(path, (CLASSES_FILE,))
    matched = label_files.match_labels(labels, image_names, findings)
    parsed = {label: _lines(path, label, findings) for label in matched}
    has_polygons = any(
        len(each.values) not in (4, 8) for lines in parsed.values() for _, each in lines
    )
    images = _records(path, matched, findings)
    objects: list[Annotation] = []
    for label, owners in matched.items():
        for number, each in parsed[label]:
            if max(each.values) > 1.001 or min(each.values) < -0.001:
                findings.warning(
                    "outside-image", "reaches outside the image (values are 0 to 1)", label, number
                )
            objects += [
                _object(each, images[owner], has_polygons) for owner in owners if owner in images
            ]
    classes = _classes(names, objects, findings, path.name)
    return Annotations(classes, images, tuple(objects), findings=tuple(findings.found))


def _lines(folder: Path, label: str, findings: Findings) -> list[tuple[int, Parsed]]:
    found = []
    for line in label_files.read_lines(folder / label, label, findings):
        parsed = parse(line)
        if parsed is None:
            message = f"{line.text.strip()[:60]!r}: expected class cx cy w h, or class x1 y1 …"
            findings.error("bad-line", message, label, line.number)
        else:
            found.append((line.number, parsed))
    return found


def _records(
    path: Path, matched: Mapping[str, Sequence[str]], findings: Findings
) -> dict[str, ImageRecord]:
    """Return the true size of every image that has labels."""
    if not matched:
        return {}
    dataset = open_dataset(path.parent)
    records: dict[str, ImageRecord] = {}
    for label, owners in matched.items():
        for name in owners:
            try:
                header = dataset.header(name)
            except ImageError as error:
                message = f"the size of image {name!r} is needed and unknown: {error.reason}"
                findings.error("unreadable-image", message, label)
            else:
                records[name] = ImageRecord(name, header.height, header.width)
    return records


def _object(each: Parsed, image: ImageRecord, has_polygons: bool) -> Annotation:
    width, height = float(image.width or 0), float(image.height or 0)
    if each.is_box:
        x, y, w, h = each.values
        box = ((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)
        return Annotation(image.name, each.class_id, box=box, score=each.score)
    points = tuple(
        (x * width, y * height) for x, y in zip(each.values[::2], each.values[1::2], strict=True)
    )
    if len(points) == 4 and not has_polygons:
        first, second, third, fourth = points
        corners = (first, second, third, fourth)
        return Annotation(image.name, each.class_id, oriented_box=corners, score=each.score)
    return Annotation(image.name, each.class_id, polygons=((points,),), score=each.score)


def _classes(
    names: Mapping[int, str] | None, objects: Sequence[Annotation], findings: Findings, file: str
) -> dict[int, str]:
    used = {each.class_id for each in objects}
    if names is not None:
        for number in sorted(used - set(names)):
            count = sum(each.class_id == number for each in objects)
            message = f"class {number} is not among the names, {count} objects have it"
            findings.error("unknown-class", message, file)
        return dict(names)
    if not used:
        return {}
    findings.warning("unnamed-classes", "neither data.yaml nor classes.txt names them", file)
    last = max(used)
    return {number: str(number) for number in (range(last + 1) if last < _MOST_UNNAMED else used)}
