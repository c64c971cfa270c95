"""Which image and which class a record of predictions means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from iqf_core.api import Annotations

_IMAGE_KEYS = ("image_id", "file_name", "image")
_CLASS_KEYS = ("category_id", "category_name", "class")


class ImageNames:
    """Images by what records call them: identifier, path, or stem where that is unique.

    Parameters
    ----------
    names
        Paths of the dataset's images.
    annotations
        Where identifiers come from; None for none.
    """

    def __init__(self, names: Iterable[str], annotations: Annotations | None) -> None:
        self._names = list(names)
        records = annotations.images if annotations is not None else {}
        self._by_key: dict[Any, str] = {}
        stems = Counter(PurePosixPath(name).stem for name in self._names)
        for name in self._names:
            stem = PurePosixPath(name).stem
            if stems[stem] == 1:
                self._by_key[stem] = name
        for name in self._names:
            self._by_key[name] = name
        # An identifier goes before a name that looks like it.
        for name in self._names:
            record = records.get(name)
            if record is not None and record.id is not None:
                self._by_key[record.id] = name

    def find(self, record: Mapping[str, Any]) -> str | None:
        """Return the image that a record belongs to, None when it is none of the dataset's."""
        given = stated_image(record)
        if isinstance(given, bool) or not isinstance(given, (str, int, float)):
            return None
        found = self._by_key.get(given)
        if found is None and isinstance(given, str):
            # "7" for 7, as programs write that keep identifiers as text; "a.jpg" for a.png.
            number = int(given) if given.isascii() and given.isdigit() else None
            found = self._by_key.get(number) or self._by_key.get(PurePosixPath(given).stem)
        return found


def stated_image(record: Mapping[str, Any]) -> Any:
    """Return what a record says of its image, None for nothing."""
    return next((record[key] for key in _IMAGE_KEYS if record.get(key) is not None), None)


def stated_class(record: Mapping[str, Any]) -> Any:
    """Return what a record says of its class, None for nothing."""
    return next((record[key] for key in _CLASS_KEYS if record.get(key) is not None), None)


class ClassNames:
    """The classes of a dataset: those that it declares, and those that its objects have.

    Attributes
    ----------
    numbers
        In ascending order.
    labels
        Number -> name, or the number where it has none; no two share one.
    """

    def __init__(self, annotations: Annotations) -> None:
        self.numbers = sorted({*annotations.classes, *(o.class_id for o in annotations.objects)})
        names = {number: annotations.classes.get(number, str(number)) for number in self.numbers}
        shared = Counter(names.values())
        self.labels = {
            number: name if shared[name] == 1 else f"{name} ({number})"
            for number, name in names.items()
        }
        self._by_name = {name: number for number, name in names.items() if shared[name] == 1}

    def find(self, record: Mapping[str, Any]) -> int | None:
        """Return the class of a record, given by number or name; None when it is unknown."""
        given = stated_class(record)
        if isinstance(given, str):
            if given in self._by_name:
                return self._by_name[given]
            given = int(given) if given.isascii() and given.isdigit() else None
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            return None
        return int(given) if given in self.labels else None
