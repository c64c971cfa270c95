"""Predictions: what an ``output.json`` holds, and how metrics judge it against annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from iqf_core.components.context import Context
from iqf_core.components.metric import PredictionsInput
from iqf_core.datasets.untrusted import load_json
from iqf_core.errors import ConfigurationError, DatasetError
from iqf_core.files import cache_folder
from iqf_core.measurement.batch import measured_values
from iqf_core.measurement.metrics import MetricUse, resolve_metrics
from iqf_core.measurement.table import Measurements, Row, row_of

if TYPE_CHECKING:
    from iqf_core.components.specification import Specification
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.plugins.manager import PluginManager

Predictions = Sequence[Mapping[str, Any]] | Sequence[str]


def measure_predictions(
    dataset: Dataset,
    path: Path,
    metrics: Sequence[str | Specification | MetricUse],
    *,
    manager: PluginManager,
) -> Measurements:
    """Hold a file of predictions against the annotations of `dataset`.

    Parameters
    ----------
    dataset
        The annotated dataset that was predicted.
    path
        The predictions: records in COCO results form, or relative paths of images, as the
        ``output.json`` of a run.
    metrics
        What to measure; metrics that read predictions only.
    manager
        Where components come from.

    Raises
    ------
    ConfigurationError
        If a metric or its parameters are wrong, or it reads images.
    DatasetError
        If the file holds no predictions.
    MeasurementError
        If a metric fails.
    """
    uses = resolve_metrics(metrics, manager)
    for use in uses:
        if use.reads != "predictions":
            raise ConfigurationError(
                f"metric {use.name!r} reads images, not predictions: leave out --predictions"
            )
    predicted = read_predictions(path)
    rows = [
        row
        for use in uses
        for row in judge(use, predicted, path.parent, dataset, manager, str(path))
    ]
    return Measurements(str(dataset.path), tuple(uses), tuple(rows))


def judge(
    use: MetricUse,
    predicted: Predictions,
    folder: Path,
    dataset: Dataset,
    manager: PluginManager,
    what: str,
) -> list[Row]:
    """Return the values of one metric.

    Parameters
    ----------
    use
        The metric.
    predicted, folder
        The predictions, and what the paths among them are relative to.
    dataset
        The ground truth.
    manager
        Where components come from.
    what
        What the predictions are called in messages.

    Raises
    ------
    MeasurementError
        If the metric fails, or does not give what it declares.
    """
    context = Context(registry=manager.registry, cache=cache_folder())
    metric = use.create(manager.registry, context)
    subject = PredictionsInput(predicted, folder, dataset)
    values = measured_values(use, metric, subject, context, what)
    return [row_of(dataset.name, "", use, value) for value in values]


def read_output(path: Path) -> list[Any]:
    """Return the content of an ``output.json``.

    Raises
    ------
    DatasetError
        If it cannot be read, or is no list.
    """
    content = load_json(path)
    if not isinstance(content, list):
        raise DatasetError(
            f"{path}: expected a list: predictions in COCO results form, or paths of images"
        )
    return content


def read_predictions(path: Path) -> Predictions:
    """Return the predictions in a file: all records, or all relative paths of files beside it.

    Raises
    ------
    DatasetError
        If they are neither.
    """
    content = read_output(path)
    if all(isinstance(each, Mapping) for each in content):
        return content
    if all(isinstance(each, str) for each in content):
        return checked_paths(path, content)
    raise DatasetError(f"{path}: expected records in COCO results form, or relative paths")


def checked_paths(path: Path, content: Sequence[Any]) -> list[str]:
    """Return the relative paths that the list at `path` holds, each once.

    Raises
    ------
    DatasetError
        If they are no relative paths of files in the list's folder.
    """
    folder = path.parent
    if not content:
        raise DatasetError(f"{path}: names no image")
    for name in content:
        if not isinstance(name, str):
            kind = "predictions" if isinstance(name, Mapping) else f"{name!r}"
            raise DatasetError(f"{path}: holds {kind}, not relative paths of images")
        pure = PurePosixPath(name)
        inside = (folder / name).resolve().is_relative_to(folder.resolve())
        if pure.is_absolute() or ".." in pure.parts or not inside:
            raise DatasetError(f"{path}: {name!r} leaves the output folder")
        if not (folder / name).is_file():
            raise DatasetError(f"{path}: {name!r} is not in the output folder")
    return list(dict.fromkeys(content))
