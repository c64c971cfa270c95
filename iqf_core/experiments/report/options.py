"""What a report shows, and by which rules it decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from iqf_core.errors import ConfigurationError
from iqf_core.experiments.results.knee import CONFIDENCE, DEFAULT_TOLERANCE, Tolerance
from iqf_core.experiments.results.plots import default_metric
from iqf_core.experiments.results.summary import metrics_of_interest
from iqf_core.experiments.results.sweeps import is_lower_better
from iqf_core.experiments.results.table import find_name
from iqf_core.experiments.tracking.records import APPLIED, RunRecord


@dataclass(frozen=True)
class ReportOptions:
    """What a report shows.

    Attributes
    ----------
    metrics
        The measures of performance, the main one first; empty for those that the task reported.
    lower_is_better
        Metrics that are the better the lower they are, beside those whose name says so.
    higher_is_better
        Metrics that are the better the higher they are, whatever their name says.
    tolerance, confidence, paired, pooled
        As for :func:`~iqf_core.experiments.results.sweeps.sweep_knee`.
    images
        How many example images are shown at every degradation.
    min_score
        Predictions below this confidence are not drawn.
    """

    metrics: tuple[str, ...] = ()
    lower_is_better: tuple[str, ...] = ()
    higher_is_better: tuple[str, ...] = ()
    tolerance: Tolerance = DEFAULT_TOLERANCE
    confidence: float = CONFIDENCE
    paired: bool = False
    pooled: bool = False
    images: int = 2
    min_score: float = 0.5


@dataclass(frozen=True)
class Measures:
    """The metrics of a study by what they are about.

    Attributes
    ----------
    performance
        What the task reported, and what was measured of its predictions; the main one first.
    quality
        What was measured of images: the means over them.
    lower
        Those that are the better the lower they are.
    sizes
        Rates and sizes, where there is no task.
    """

    performance: tuple[str, ...]
    quality: tuple[str, ...]
    lower: frozenset[str]
    sizes: tuple[str, ...] = ()

    @property
    def main(self) -> str | None:
        """The main measure of performance, None where there is none."""
        return self.performance[0] if self.performance else None

    def direction(self, metric: str) -> str:
        """Return ``higher is better`` or ``lower is better``."""
        return "lower is better" if metric in self.lower else "higher is better"


def find_measures(runs: Sequence[RunRecord], options: ReportOptions) -> Measures:
    """Sort the metrics of finished runs.

    Raises
    ------
    ConfigurationError
        If one that was asked for is not there, or is said to be better both ways.
    """
    every = list(dict.fromkeys(name for run in runs for name in run.metrics))
    of_images = _measured_on_images(runs)
    interesting = metrics_of_interest(runs)
    quality = [
        name
        for name in interesting
        if name.startswith(of_images) and not name.endswith(("valid_share.mean", "data_range.mean"))
    ]
    sizes = (".bpppc", ".ratio", ".bytes")
    others = [name for name in interesting if not name.startswith(of_images)]
    performance = [name for name in others if not name.endswith(sizes)]
    if options.metrics:
        performance = [find_name(name, every, "metric") for name in options.metrics]
        quality = [name for name in quality if name not in performance]
    elif performance:
        main = default_metric(runs)
        if main in performance:
            performance = [main, *(name for name in performance if name != main)]
    lower = {find_name(name, every, "metric") for name in options.lower_is_better}
    higher = {find_name(name, every, "metric") for name in options.higher_is_better}
    if lower & higher:
        raise ConfigurationError(f"{min(lower & higher)}: is better either higher or lower")
    lower |= {name for name in performance if is_lower_better(name) and name not in higher}
    found = tuple(name for name in others if name.endswith(sizes))
    return Measures(tuple(performance), tuple(quality), frozenset(lower), found)


def _measured_on_images(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """Return the beginnings of the names of values that were measured of images."""
    found: dict[str, None] = {}
    for run in runs:
        for tag, text in run.tags.items():
            if tag.startswith(APPLIED) and _on(text) != "predictions":
                found[f"{tag.removeprefix(APPLIED)}."] = None
    return tuple(found)


def _on(text: str) -> str:
    try:
        return str(json.loads(text).get("on", ""))
    except (ValueError, AttributeError):  # cut by the store's limit
        return "predictions" if '"on": "predictions"' in text else ""
