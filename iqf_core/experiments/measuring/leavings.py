"""What a run left behind to be measured: generated images, predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.errors import DatasetError
from iqf_core.measurement.predictions import (
    Predictions,
    checked_paths,
    read_output,
    read_predictions,
)

if TYPE_CHECKING:
    from iqf_core.experiments.tracking.records import RunRecord

OUTPUT_NAME = "output.json"


def output_path(record: RunRecord) -> Path:
    """Return the ``output.json`` that a run left.

    Raises
    ------
    DatasetError
        If it left none, or its artifacts lie on a server.
    """
    folder = record.artifact_path
    if folder is None:
        raise DatasetError(
            "its artifacts lie on a server: what it generated or predicted cannot be measured here"
        )
    path = folder / OUTPUT_NAME
    if not path.is_file():
        raise DatasetError(f"it left no {OUTPUT_NAME} in its output folder")
    return path


def run_output(record: RunRecord) -> tuple[Path, list[Any]]:
    """Return the folder of a run's artifacts and the content of its ``output.json``.

    Raises
    ------
    DatasetError
        If it left none, or one that is no list.
    """
    path = output_path(record)
    return path.parent, read_output(path)


def generated_images(record: RunRecord) -> tuple[Path, list[str]]:
    """Return the folder of a run's artifacts and the images in it that ``output.json`` names.

    Raises
    ------
    DatasetError
        If they are no relative paths of files in that folder.
    """
    folder, content = run_output(record)
    return folder, checked_paths(folder / OUTPUT_NAME, content)


def predictions(record: RunRecord) -> tuple[Path, Predictions]:
    """Return the folder of a run's artifacts and the predictions in ``output.json``.

    Raises
    ------
    DatasetError
        If they are neither all records nor all paths.
    """
    path = output_path(record)
    return path.parent, read_predictions(path)
