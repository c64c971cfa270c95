"""YOLO: boxes in a ``labels`` folder, in fractions of the image.

One text file for each image, in it for each object ``class cx cy w h`` (a box by its centre),
``class x1 y1 x2 y2 x3 y3 x4 y4`` (an oriented box), or ``class x1 y1 … xn yn`` (a polygon; where a
dataset has such lines, four corners are a polygon too). One more number is a confidence.
(https://docs.ultralytics.com/datasets/)

Names of classes are in ``data.yaml`` or ``classes.txt``, in the dataset folder or the one above it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from iqf_core.api import (
    Annotations,
    DatasetError,
    DatasetFormat,
    Finding,
    ImageChange,
    Params,
    parameter,
)
from iqf_formats_detection import label_files
from iqf_formats_detection.classes import (
    CLASSES_FILE,
    data_classes,
    data_file,
    read_class_list,
    read_data,
    write_class_list,
)
from iqf_formats_detection.label_files import Findings

Task = Literal["auto", "boxes", "oriented", "polygons"]


class YoloFormat(DatasetFormat):
    """A folder ``labels`` beside the image folder, which trainers expect to be ``images``."""

    class Params(Params):
        """What is written."""

        task: Task = parameter(
            "auto",
            description="Lines that are written: boxes, oriented boxes or polygons; auto writes "
            "oriented boxes where there are any, polygons where objects have nothing else",
        )

    default_name: ClassVar[str] = "labels"

    def detect(self, folder: Path, images_folder: Path) -> list[Path]:
        """Return ``labels/`` when it holds text files that begin like labels."""
        path = folder / "labels"
        if not path.is_dir():
            return []
        line = label_files.first_line(path, CLASSES_FILE)
        if line is None:
            return []
        words = line.split()
        fits = len(words) >= 5 and label_files.parse_numbers(words) is not None
        return [path] if fits or not line else []

    def read(self, path: Path, image_names: Sequence[str]) -> Annotations:
        """Read boxes, oriented boxes or polygons; sizes come from the headers of the images.

        Raises
        ------
        DatasetError
            If the list of classes is malformed, or the labels are those of poses.
        """
        from iqf_formats_detection.yolo_reading import read_labels

        return read_labels(path, image_names, class_names(path))

    def write(self, annotations: Annotations, path: Path) -> list[Finding]:
        """Write one file for each image, and ``data.yaml`` beside the folder.

        Objects are clipped to their image, as trainers demand. Class numbers that do not count
        from 0 are counted anew.

        Raises
        ------
        DatasetError
            If the size of an image is not stated, or two images would share a file.
        """
        from iqf_formats_detection.yolo_writing import write_labels

        task: Task = self.params.task
        return write_labels(annotations, path, task)

    def rewrite(self, source: Path, target: Path, changes: Mapping[str, ImageChange]) -> None:
        """Rename label files after their images; move what they say to the new grid.

        A malformed line stays as it is, and :meth:`check` reports it in the copy too.
        """
        from iqf_formats_detection.yolo_writing import moved_line

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
                label_files.write_lines(target / new, [moved_line(each, change) for each in lines])
        label_files.copy_others(source, target)
        if (source / CLASSES_FILE).is_file():
            shutil.copyfile(source / CLASSES_FILE, target / CLASSES_FILE)
        elif not _has_names(source.parent):
            above = class_names(source)
            if above is not None:  # the copy may lie somewhere else
                write_class_list(target.parent, _without_gaps(above))


def class_names(labels: Path) -> dict[int, str] | None:
    """Return the names of classes that belong to a folder of labels, None when nothing says them.

    Raises
    ------
    DatasetError
        If a file with names is malformed, or says that the labels are poses.
    """
    for folder in (labels.parent, labels.parent.parent):
        path = data_file(folder)
        if path is not None:
            data = read_data(path)
            if data.get("kpt_shape") is not None:
                raise DatasetError(
                    f"{path}: kpt_shape: labels of poses are not supported; expected boxes, "
                    "oriented boxes or polygons"
                )
            names = data_classes(path, data)
            if names is not None:
                return names
        if folder == labels.parent:
            listed = read_class_list(labels)
            if listed is not None:
                return listed
    return None


def _without_gaps(names: Mapping[int, str]) -> list[str]:
    return [names.get(number, str(number)) for number in range(max(names, default=-1) + 1)]


def _has_names(folder: Path) -> bool:
    return data_file(folder) is not None or (folder / CLASSES_FILE).is_file()
