"""The ``metrics`` of a study file: what is measured of which images or predictions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from iqf_core.components.specification import Grid, Specification
from iqf_core.errors import nearest

On = Literal["dataset", "generated", "predictions"]
ON: tuple[On, ...] = get_args(On)

#: Keys of an entry beside the metric itself.
OPTIONS = ("on", "as", "datasets", "reference", "ground_truth")

_KEY = re.compile(r"[A-Za-z0-9_][\w-]*")


@dataclass(frozen=True)
class MetricEntry:
    """One metric of a study, as the user wrote it.

    Attributes
    ----------
    specification
        The metric and its parameters.
    on
        What it measures: the images of the run's ``dataset``, those that the run ``generated``, or
        its ``predictions``; None: as the metric itself says.
    key
        What tracked values are called; empty for the metric's name.
    datasets
        Roles whose images are measured; empty for all.
    reference
        Role or path of the dataset that pairs are compared with; empty for the default.
    ground_truth
        Role or path of the dataset whose annotations predictions are held against; empty for the
        default.
    where
        Its place in the study file.
    """

    specification: Specification
    on: On | None = None
    key: str = ""
    datasets: tuple[str, ...] = ()
    reference: str = ""
    ground_truth: str = ""
    where: str = ""


def read_entry(
    node: Any,
    where: str,
    roles: Mapping[str, Any],
    read: Callable[[Any], Specification | None],
    problem: Callable[[str], None],
) -> MetricEntry | None:
    """Read one entry.

    Parameters
    ----------
    node
        ``"snr"``, ``"snr:method=areas"``, ``{"snr": {"method": "areas"}}``, or the latter with
        ``on``, ``as``, ``datasets``, ``reference`` or ``ground_truth`` beside the metric.
    where
        Its place.
    roles
        The study's datasets.
    read
        Reads a specification; None, and the problem is noted, when it cannot.
    problem
        Notes what is wrong.
    """
    options: dict[str, Any] = {}
    if isinstance(node, Mapping):
        options = {key: value for key, value in node.items() if key in OPTIONS}
        node = {key: value for key, value in node.items() if key not in OPTIONS}
        if len(node) != 1:
            named = ", ".join(map(str, node)) or "none"
            problem(
                f"expected one metric such as snr: {{method: areas}}, and beside it only "
                f"{', '.join(OPTIONS)}; got {named}"
            )
            return None
    specification = read(node)
    if specification is None:
        return None
    mistakes = list(_mistakes(options, roles))
    for mistake in mistakes:
        problem(mistake)
    if mistakes:
        return None
    datasets = options.get("datasets") or ()
    return MetricEntry(
        specification=_without_grids(specification),
        on=options.get("on"),
        key=options.get("as") or "",
        datasets=(datasets,) if isinstance(datasets, str) else tuple(datasets),
        reference=options.get("reference") or "",
        ground_truth=options.get("ground_truth") or "",
        where=where,
    )


def _mistakes(options: Mapping[str, Any], roles: Mapping[str, Any]) -> list[str]:
    mistakes = []
    on = options.get("on", "dataset")
    if on not in ON:
        mistakes.append(f"on is {on!r}{nearest(str(on), ON)}; expected {', '.join(ON)}")
    key = options.get("as")
    if key is not None and not (isinstance(key, str) and _KEY.fullmatch(key)):
        mistakes.append(f"as is {key!r}: expected a name of letters, digits, _ and -")
    for name in ("reference", "ground_truth"):
        value = options.get(name)
        if value is not None and not isinstance(value, str):
            mistakes.append(f"{name} is {value!r}: expected the role or the path of a dataset")
    datasets = options.get("datasets") or []
    for role in [datasets] if isinstance(datasets, str) else datasets:
        if role not in roles:
            mistakes.append(f"no dataset has the role {role!r}{nearest(str(role), list(roles))}")
    return mistakes


def _without_grids(specification: Specification) -> Specification:
    """Return the same with lists as lists: one entry is one metric."""
    params = {
        name: list(value.values) if isinstance(value, Grid) else value
        for name, value in specification.params.items()
    }
    return Specification(specification.name, params)
