"""Metrics applied to every image of a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal

from iqf_core.components.executor import Task
from iqf_core.components.modifier import DTYPES
from iqf_core.datasets.dataset import open_dataset
from iqf_core.errors import (
    ConfigurationError,
    DatasetError,
    ImageError,
    UnsupportedImageError,
)
from iqf_core.execution.spreading import Spread
from iqf_core.files import content_hash
from iqf_core.measurement.batch import (
    Item,
    Job,
    Measured,
    Outcome,
    make_metrics,
    measure_items,
)
from iqf_core.measurement.metrics import MetricUse, resolve_metrics
from iqf_core.measurement.pairing import cannot_pair, pair_images, source_of, unlike
from iqf_core.measurement.subjects import Source
from iqf_core.measurement.table import ALL_BANDS, Measurements, Row, row_of
from iqf_core.progress import progress

if TYPE_CHECKING:
    from iqf_core.components.executor import Executor
    from iqf_core.components.metric import Metric
    from iqf_core.components.specification import Specification
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.plugins.manager import PluginManager

OnError = Literal["fail", "skip"]

_MOST_NAMED = 10


def measure_dataset(
    dataset: Dataset,
    metrics: Sequence[str | Specification | MetricUse],
    *,
    manager: PluginManager,
    reference: Dataset | None = None,
    workers: int | None = 1,
    executor: Executor | None = None,
    peak: float | None = None,
    by_band: bool = False,
    on_error: OnError = "fail",
    names: Sequence[str] | None = None,
    pairs: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> Measurements:
    """Measure every image of `dataset`.

    Parameters
    ----------
    dataset
        The images: a dataset, a folder of images or one image.
    metrics
        What to measure, as specification strings (``"snr"``, ``"snr:method=areas"``).
    manager
        Where components come from, here and in workers.
    reference
        What metrics of pairs compare the images with. Without it, a modified copy is compared
        with its source.
    workers
        Processes to use; None for one per usable core. Small work is done in this one. The numbers
        do not depend on it.
    executor
        Where images are measured, instead of `workers` processes of its own.
    peak
        The value of full scale, in DN, of images that do not say it.
    by_band
        Also the values of single bands, of metrics that give them.
    on_error
        What an unreadable image does: ``"fail"``, or ``"skip"`` (it has no values, and the reason).
    names
        The images to measure; default all.
    pairs
        The image of `reference` for each image, where names do not say it.
    quiet
        Show no progress.

    Returns
    -------
    Measurements
        One row for each image, output and (with `by_band`) band.

    Raises
    ------
    ConfigurationError
        If a metric or its parameters are wrong, the peak of images is not known, or a reference is
        needed and there is none.
    UnsupportedImageError
        If a metric does not take the images; said before any is decoded.
    DatasetError
        If images are unreadable, or pairs are missing, ambiguous or of different size, bands, data
        type or peak.
    MeasurementError
        If a metric fails; names metric, plugin and image.
    """
    uses = resolve_metrics(metrics, manager)
    _refuse_predictions(uses)
    if peak is not None and peak != dataset.peak:
        dataset = open_dataset(dataset.path, registry=manager.registry, peak=peak)
    if peak is not None and reference is not None and peak != reference.peak:
        reference = open_dataset(reference.path, registry=manager.registry, peak=peak)
    chosen = tuple(dataset.image_names if names is None else names)
    partners: Mapping[str, str] = {}
    if any(use.reads == "pair" for use in uses):
        if reference is None:
            reference = _source_for(uses, dataset, manager)
        partners = pairs if pairs is not None else pair_images(dataset, reference, chosen)
    return measure_images(
        Source.of(dataset),
        chosen,
        uses,
        manager=manager,
        reference=Source.of(reference) if partners and reference is not None else None,
        pairs=partners,
        where=(str(dataset.path), str(reference.path) if partners and reference else ""),
        workers=workers,
        executor=executor,
        by_band=by_band,
        on_error=on_error,
        quiet=quiet,
    )


def measure_images(
    source: Source,
    names: Sequence[str],
    uses: Sequence[MetricUse],
    *,
    manager: PluginManager,
    where: tuple[str, str],
    reference: Source | None = None,
    pairs: Mapping[str, str] | None = None,
    workers: int | None = 1,
    executor: Executor | None = None,
    by_band: bool = False,
    on_error: OnError = "fail",
    quiet: bool = False,
) -> Measurements:
    """Measure images of any folder; see :func:`measure_dataset`.

    Parameters
    ----------
    source, names
        Where images come from, and which.
    uses
        The metrics.
    where
        What messages call the images and their references.
    reference, pairs
        Where references come from, and the one of each image.
    """
    job = Job(source, reference, tuple(uses), by_band, manager.settings())
    metrics = make_metrics(uses, manager.registry)
    measuring = _Measuring(job, metrics, dict(pairs or {}), where, on_error)
    with progress(f"Looking at {source.name}", len(names), quiet=quiet) as bar:
        items = []
        for name in names:
            items.append(measuring.look_at(name))
            bar.advance()
    measuring.check()
    with ExitStack() as stack:
        if executor is None and workers != 1:
            from iqf_core.execution.local import LocalExecutor

            # Its processes start when there is work for them.
            executor = stack.enter_context(LocalExecutor(LocalExecutor.Params(workers=workers)))
        bar = stack.enter_context(progress(f"Measuring {source.name}", len(items), quiet=quiet))
        for outcome in measuring.spread().outcomes(
            [item for item in items if item is not None], executor, bar
        ):
            measuring.take(outcome)
    return Measurements(
        dataset=where[0],
        reference=where[1],
        metrics=tuple(uses),
        rows=tuple(measuring.rows(names)),
        skipped=dict(sorted(measuring.unreadable.items())),
    )


def _refuse_predictions(uses: Sequence[MetricUse]) -> None:
    for use in uses:
        if use.reads == "predictions":
            raise ConfigurationError(
                f"metric {use.name!r} reads the predictions of a run, not images: put it among the "
                "metrics of a study with on: predictions, or use "
                f"iqf measure --study STUDY --metric {use.name}, or "
                f"iqf measure DATASET --predictions FILE --metric {use.name}"
            )


def _source_for(uses: Sequence[MetricUse], dataset: Dataset, manager: PluginManager) -> Dataset:
    name = next(use.name for use in uses if use.reads == "pair")
    try:
        return source_of(dataset, manager.registry)
    except ConfigurationError as error:
        raise ConfigurationError(f"metric {name!r} compares pairs of images; {error}") from None


class _Measuring:
    """One measurement of many images, step by step."""

    def __init__(
        self,
        job: Job,
        metrics: Sequence[Metric],
        pairs: dict[str, str],
        where: tuple[str, str],
        on_error: OnError,
    ) -> None:
        self.job, self.metrics, self.pairs = job, metrics, pairs
        self.where, self.on_error = where, on_error
        self.unreadable: dict[str, str] = {}
        self._unlike: dict[str, str] = {}
        self._outcomes: dict[str, Outcome] = {}

    def look_at(self, name: str) -> Item | None:
        """See from the headers whether an image can be measured; None when it cannot be read."""
        source, other = self.job.source, self.pairs.get(name, "")
        try:
            header = source.header(name)
        except ImageError as error:
            self.unreadable[name] = error.reason
            return None
        if header.dtype in DTYPES:
            self._check_support(name, header.dtype, header.bands)
            self._check_peak(name, header.peak)
        if other and self.job.reference is not None:
            try:
                difference = unlike(header, self.job.reference.header(other))
            except ImageError as error:
                self.unreadable[name] = f"its reference {error.path}: {error.reason}"
                return None
            if difference:
                self._unlike[name] = f"{difference} of {other}"
        height, width, bands = header.shape
        try:
            source_hash = content_hash(source.path(name))
        except OSError as error:
            self.unreadable[name] = f"cannot be read ({error.strerror})"
            return None
        return Item(name, other, source_hash, height * width * bands)

    def check(self) -> None:
        """Say what is wrong with the images before any is decoded."""
        if self._unlike:
            raise cannot_pair(*self.where, self._unlike, "cannot be compared")
        if self.unreadable and self.on_error == "fail":
            raise self._cannot_read()

    def _check_support(self, name: str, dtype: str, bands: int) -> None:
        for use, metric in zip(self.job.metrics, self.metrics, strict=True):
            reason = metric.supports(dtype, bands)
            if reason is not None:
                raise UnsupportedImageError(f"{self.job.source.path(name)}: {use.name} {reason}")

    def _check_peak(self, name: str, peak: float | None) -> None:
        if peak is None:
            raise ConfigurationError(
                f"{self.job.source.path(name)}: the value of full scale is unknown; give it as "
                "'peak' in the dataset's iqf.yaml, or with --peak"
            )

    def spread(self) -> Spread[Item, Outcome]:
        """Return how images are measured, here and in workers."""
        job: dict[str, Any] = self.job.to_json()
        return Spread(
            size=lambda item: item.samples,
            here=lambda items: measure_items(self.job, items, self.metrics),
            task=lambda items: Task(
                "iqf_core.measurement.batch:measure_batch",
                {"job": job, "items": [list(item) for item in items]},
                name=f"{self.where[0]}: images from {items[0].name}",
            ),
            read=Outcome.from_json,
        )

    def take(self, outcome: Outcome) -> None:
        """Keep what became of an image."""
        self._outcomes[outcome.name] = outcome
        if outcome.unreadable:
            self.unreadable[outcome.name] = outcome.unreadable
            if self.on_error == "fail":
                raise self._cannot_read()

    def _cannot_read(self) -> DatasetError:
        named = [f"{name}: {reason}" for name, reason in sorted(self.unreadable.items())]
        more = len(named) - _MOST_NAMED
        lines = "\n  ".join([*named[:_MOST_NAMED], *([f"… and {more} more"] if more > 0 else [])])
        return DatasetError(
            f"{self.where[0]}: images cannot be read, and none is left out unless you say "
            f"--on-error skip (in a study, on_error: skip)\n  {lines}"
        )

    def rows(self, names: Sequence[str]) -> list[Row]:
        """Return the table, in the order of `names`."""
        rows = []
        for name in names:
            outcome = self._outcomes.get(name)
            values = outcome.values if outcome and not outcome.unreadable else None
            for position, (use, metric) in enumerate(
                zip(self.job.metrics, self.metrics, strict=True)
            ):
                found = (
                    values[position]
                    if values is not None
                    else no_values(metric, f"cannot be read: {self.unreadable[name]}")
                )
                rows += [row_of(self.job.source.name, name, use, each) for each in found]
        return rows


def no_values(metric: Metric, reason: str) -> list[Measured]:
    """Return the values of an image that cannot be measured at all."""
    names = [
        (f"{output.name}.{element}" if element else output.name, output.unit)
        for output in metric.outputs
        for element in output.vector or ("",)
    ]
    return [Measured(name, ALL_BANDS, None, unit, None, None, reason) for name, unit in names]
