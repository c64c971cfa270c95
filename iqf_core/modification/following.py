"""What is still true of a copy: its ``iqf.yaml``."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.components.dataset_format import ImageChange
from iqf_core.datasets.following import below as below
from iqf_core.datasets.following import make_folders as make_folders
from iqf_core.datasets.following import write_annotations as write_annotations
from iqf_core.datasets.following import write_companions as write_companions
from iqf_core.datasets.properties import PROPERTIES_FILE, DatasetProperties, write_properties
from iqf_core.modification.batch import Outcome

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset


def write_updated_properties(
    dataset: Dataset,
    target: Path,
    changes: Sequence[ImageChange],
    outcomes: Sequence[Outcome],
    *,
    unmodified: bool,
) -> None:
    """Write ``iqf.yaml``, as far as it still holds for the copy."""
    folder = dataset.images_folder if dataset.kind == "image" else dataset.path
    stated = dataset.properties
    updated = updated_properties(stated, dataset.peak, changes, outcomes, unmodified=unmodified)
    source = folder / PROPERTIES_FILE
    if updated != stated:
        write_properties(target, updated)
    elif source.is_file():
        shutil.copy2(source, target / PROPERTIES_FILE)


def updated_properties(
    stated: DatasetProperties,
    peak: float | None,
    changes: Sequence[ImageChange],
    outcomes: Sequence[Outcome],
    *,
    unmodified: bool,
) -> DatasetProperties:
    """Return what can be stated of a copy.

    A peak given by the caller is stated from now on, the GSD follows the pixel grid, the names of
    bands go where their number changes, and SNR and RER, which were those of the original, are
    stated for an unmodified copy only.
    """
    new = stated.model_dump()
    peaks = {outcome.peak for outcome in outcomes if outcome.dtype != "uint8"}
    if peak is not None and peaks:
        new["peak"] = peak
    if new["peak"] is not None and len(peaks) == 1:
        (new["peak"],) = peaks
    if stated.bands and any(outcome.shape[2] != len(stated.bands) for outcome in outcomes):
        new["bands"] = None
    if stated.gsd_m is not None:
        scales = {_scale(change) for change in changes}
        new["gsd_m"] = stated.gsd_m / scales.pop() if len(scales) == 1 else None
    if not unmodified:
        new["snr"] = new["rer"] = None
    return DatasetProperties.model_validate(new)


def _scale(change: ImageChange) -> float:
    """Return how many new pixels stand for one old one, along an edge."""
    if change.transform is None:
        return 1.0
    a, b, _, d, e, _ = change.transform
    return round(math.sqrt(abs(a * e - b * d)), 12)
