"""Measurements that are kept: the same bytes are not measured twice with the same metric."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.errors import IQFError
from iqf_core.files import cache_folder, hash_json, read_json, write_json
from iqf_core.measurement.engine import measure_dataset
from iqf_core.measurement.table import Measurements, Row

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.measurement.metrics import MetricUse
    from iqf_core.plugins.manager import PluginManager

#: Raise it when the engine itself gives other numbers for the same metrics.
ENGINE_VERSION = 1

_KIND = "measured"


def measure_cached(
    dataset: Dataset,
    uses: Sequence[MetricUse],
    *,
    manager: PluginManager,
    reference: Dataset | None = None,
    **options: Any,
) -> dict[str, tuple[Row, ...]]:
    """Measure a dataset, or find what was measured of it before.

    A measurement is found by the content of the dataset (and of the reference, for pairs), and by
    the metric with its parameters and versions. What is missing is measured together.

    Parameters
    ----------
    dataset, manager, reference, **options
        As for :func:`iqf_core.measurement.engine.measure_dataset`.
    uses
        The metrics.

    Returns
    -------
    dict
        Fingerprint of each metric -> its rows.
    """
    paths = {use.fingerprint(): _path(dataset, use, reference) for use in uses}
    found = {key: _read(path, dataset.name) for key, path in paths.items()}
    missing = [use for use in uses if found[use.fingerprint()] is None]
    if missing:
        measured = measure_dataset(
            dataset, missing, manager=manager, reference=reference, **options
        )
        for use in missing:
            rows = _rows_of(measured, use)
            found[use.fingerprint()] = rows
            if not measured.skipped:
                _write(paths[use.fingerprint()], rows)
    return {key: rows for key, rows in found.items() if rows is not None}


def _rows_of(measured: Measurements, use: MetricUse) -> tuple[Row, ...]:
    same = [each for each in measured.metrics if each.label == use.label]
    if len(same) > 1:
        raise IQFError(
            f"metrics {' and '.join(each.qualified_name for each in same)} with the same "
            "parameters cannot be told apart in one table; measure them one after another"
        )
    return tuple(row for row in measured.rows if row.metric == use.label)


def _path(dataset: Dataset, use: MetricUse, reference: Dataset | None) -> Path:
    pair = reference is not None and use.reads == "pair"
    key = hash_json(
        {
            "engine": ENGINE_VERSION,
            "dataset": dataset.fingerprint(),
            "reference": reference.fingerprint() if reference is not None and pair else None,
            "metric": use.fingerprint(),
        }
    )
    return cache_folder() / "measurements" / key[:2] / f"{key}.json"


def _read(path: Path, dataset: str) -> tuple[Row, ...] | None:
    try:
        rows = read_json(path, _KIND)["rows"]
        return tuple(Row(dataset, *row) for row in rows)
    except (OSError, IQFError, KeyError, TypeError):
        return None


def _write(path: Path, rows: Sequence[Row]) -> None:
    with contextlib.suppress(OSError):  # a cache that cannot be kept only costs time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, _KIND, {"rows": [list(row[1:]) for row in rows]})
