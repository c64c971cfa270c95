"""What a run left behind to be measured: generated images, predictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from iqf_core.datasets.untrusted import load_json
from iqf_core.errors import DatasetError

if TYPE_CHECKING:
    from iqf_core.experiments.tracking.records import RunRecord

OUTPUT_NAME = "output.json"


def run_output(record: RunRecord) -> tuple[Path, list[Any]]:
    """Return the folder of a run's artifacts and the content of its ``output.json``.

    Raises
    ------
    DatasetError
        If it left none, or one that is no list.
    """
    folder = record.artifact_path
    if folder is None:
        raise DatasetError(
            "its artifacts lie on a server: what it generated or predicted cannot be measured here"
        )
    path = folder / OUTPUT_NAME
    if not path.is_file():
        raise DatasetError(f"it left no {OUTPUT_NAME} in its output folder")
    content = load_json(path)
    if not isinstance(content, list):
        raise DatasetError(
            f"{path}: expected a list: predictions in COCO results form, or paths of images"
        )
    return folder, content


def generated_images(record: RunRecord) -> tuple[Path, list[str]]:
    """Return the folder of a run's artifacts and the images in it that ``output.json`` names.

    Raises
    ------
    DatasetError
        If they are no relative paths of files in that folder.
    """
    folder, content = run_output(record)
    path = folder / OUTPUT_NAME
    if not content:
        raise DatasetError(f"{path}: names no image")
    for name in content:
        if not isinstance(name, str):
            raise DatasetError(f"{path}: holds {_kind(name)}, not relative paths of images")
        pure = PurePosixPath(name)
        inside = (folder / name).resolve().is_relative_to(folder.resolve())
        if pure.is_absolute() or ".." in pure.parts or not inside:
            raise DatasetError(f"{path}: {name!r} leaves the run's output folder")
        if not (folder / name).is_file():
            raise DatasetError(f"{path}: {name!r} is not in the run's output folder")
    return folder, list(dict.fromkeys(content))


def predictions(record: RunRecord) -> tuple[Path, list[Mapping[str, Any]] | list[str]]:
    """Return the folder of a run's artifacts and the predictions in ``output.json``.

    Raises
    ------
    DatasetError
        If they are neither all records nor all paths.
    """
    folder, content = run_output(record)
    if all(isinstance(each, Mapping) for each in content):
        return folder, content
    if all(isinstance(each, str) for each in content):
        return generated_images(record)
    raise DatasetError(
        f"{folder / OUTPUT_NAME}: expected records in COCO results form, or relative paths"
    )


def _kind(value: Any) -> str:
    return "predictions" if isinstance(value, Mapping) else f"{value!r}"
