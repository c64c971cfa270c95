"""What a check finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from iqf_dataset_tools.catalogue import CODES, Code, Severity

CHECK_SCHEMA = "iqf.dataset-check/1"


@dataclass(frozen=True)
class Problem:
    """Something wrong with a dataset.

    Attributes
    ----------
    code
        One of :data:`iqf_dataset_tools.catalogue.CODES`.
    message
        What was found.
    file, item
        Where: the file, and the object in it.
    """

    code: str
    message: str
    file: str = ""
    item: str = ""

    @property
    def kind(self) -> Code:
        """What is known of its kind."""
        return CODES[self.code]

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.kind.severity

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.file,
            "object": self.item,
            "message": self.message,
            "explanation": self.kind.explanation,
            "fix": self.kind.fix,
        }


@dataclass
class Problems:
    """Problems of one file, while it is looked at."""

    file: str
    found: list[Problem] = field(default_factory=list)

    def add(self, code: str, message: str, item: str = "") -> None:
        """Report a problem."""
        self.found.append(Problem(code, message, self.file, item))

    def by_item(self) -> dict[str, list[Problem]]:
        """Return the problems of each object."""
        sorted_: dict[str, list[Problem]] = {}
        for each in self.found:
            sorted_.setdefault(each.item, []).append(each)
        return sorted_


@dataclass(frozen=True)
class CheckReport:
    """Everything found in a dataset, or in its parts.

    Attributes
    ----------
    path
        What was checked.
    parts
        Name of a part (train, val, test) -> its folder; one for a dataset without parts.
    images, objects
        How many were looked at.
    problems
        What was found, errors first.
    """

    path: str
    parts: dict[str, str]
    images: int
    objects: int
    problems: tuple[Problem, ...]

    @property
    def failed(self) -> bool:
        """Whether an error is among the problems."""
        return any(each.severity == "error" for each in self.problems)

    def counts(self) -> dict[Severity, int]:
        """Return how many errors, warnings and infos there are."""
        counted = Counter(each.severity for each in self.problems)
        return {"error": counted["error"], "warning": counted["warning"], "info": counted["info"]}

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values, with ``schema``."""
        return {
            "schema": CHECK_SCHEMA,
            "path": self.path,
            "parts": self.parts,
            "images": self.images,
            "objects": self.objects,
            "counts": self.counts(),
            "findings": [each.to_json() for each in self.problems],
        }


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems without repetitions, errors first, otherwise in order."""
    rank = ("error", "warning", "info")
    return tuple(sorted(dict.fromkeys(problems), key=lambda each: rank.index(each.severity)))
