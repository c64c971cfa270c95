"""Some images measured with some metrics. Runs in the driver or in any worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from iqf_core.components.context import Context
from iqf_core.components.metric import ImageInput, PairInput, Value
from iqf_core.errors import ImageError, IQFError
from iqf_core.execution.spreading import one_thread
from iqf_core.files import cache_folder
from iqf_core.measurement.metrics import MetricUse
from iqf_core.measurement.subjects import Source
from iqf_core.measurement.table import ALL_BANDS

if TYPE_CHECKING:
    from iqf_core.components.metric import Metric, Output
    from iqf_core.imaging.reading import ImageReader


class MeasurementError(IQFError):
    """A metric failed, or does not keep its contract; names metric, plugin and image."""


class Item(NamedTuple):
    """An image to measure: its name, its reference's (empty for none), its content hash."""

    name: str
    reference: str
    source_hash: str
    samples: int


class Measured(NamedTuple):
    """One value without its place: output, band, number, unit, interval, reason."""

    output: str
    band: str
    value: float | None
    unit: str
    low: float | None
    high: float | None
    reason: str


@dataclass(frozen=True)
class Job:
    """What all images have in common; crosses to workers as JSON.

    Attributes
    ----------
    source
        Where the images come from.
    reference
        Where those that they are compared with come from, None without.
    metrics
        The metrics.
    by_band
        Whether values of single bands are wanted.
    settings
        What a worker needs to find the components.
    """

    source: Source
    reference: Source | None
    metrics: tuple[MetricUse, ...]
    by_band: bool
    settings: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON value."""
        return {**asdict(self), "metrics": [use.to_json() for use in self.metrics]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Job:
        """Return the job that :meth:`to_json` described."""
        reference = value["reference"]
        return cls(
            source=Source.from_json(value["source"]),
            reference=None if reference is None else Source.from_json(reference),
            metrics=tuple(MetricUse.from_json(use) for use in value["metrics"]),
            by_band=value["by_band"],
            settings=value["settings"],
        )


@dataclass(frozen=True)
class Outcome:
    """What was measured of one image.

    Attributes
    ----------
    name
        The image.
    values
        For each metric of the job, its values; empty when the image could not be read.
    unreadable
        Why the image, or its reference, could not be read; else empty.
    """

    name: str
    values: tuple[tuple[Measured, ...], ...] = ()
    unreadable: str = ""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Outcome:
        """Return the outcome that a worker sent."""
        values = tuple(tuple(Measured(*each) for each in metric) for metric in value["values"])
        return cls(value["name"], values, value["unreadable"])


def measure_batch(job: Mapping[str, Any], items: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Measure some images; the function that workers run."""
    here = Job.from_json(job)
    metrics = _metrics(_key(job))
    with one_thread():
        return [
            {"name": each.name, "values": each.values, "unreadable": each.unreadable}
            for each in measure_items(here, (Item(*item) for item in items), metrics)
        ]


def measure_items(job: Job, items: Iterable[Item], metrics: Sequence[Metric]) -> Iterator[Outcome]:
    """Measure images one after another; each is decoded once for all metrics.

    Raises
    ------
    MeasurementError
        If a metric fails, or does not give what it declares.
    ConfigurationError
        If the peak of an image is not known.
    """
    for item in items:
        paths = [job.source.path(item.name)]
        if job.reference is not None and item.reference:
            paths.append(job.reference.path(item.reference))
        try:
            outcome = Outcome(item.name, _measure_one(job, item, metrics))
        except ImageError as error:
            if error.path not in paths:
                raise
            reference = error.path == paths[-1] and len(paths) > 1 and paths[0] != paths[1]
            which = f"its reference {error.path}: " if reference else ""
            outcome = Outcome(item.name, unreadable=f"{which}{error.reason}")
        yield outcome


def _measure_one(
    job: Job, item: Item, metrics: Sequence[Metric]
) -> tuple[tuple[Measured, ...], ...]:
    with ExitStack() as stack:
        reader = stack.enter_context(job.source.open(item.name))
        subject = ImageInput(reader, item.source_hash)
        if job.reference is not None and item.reference:
            other = stack.enter_context(job.reference.open(item.reference))
            subject = PairInput(reader, item.source_hash, reference_reader=other)
        context = Context(
            cache=cache_folder(),
            source_hash=item.source_hash,
            full_shape=reader.shape,
            properties=job.source.properties,
        )
        return tuple(
            _values(use, metric, _apply(use, metric, subject, context, item.name), reader, job)
            for use, metric in zip(job.metrics, metrics, strict=True)
        )


def _apply(
    use: MetricUse, metric: Metric, subject: Any, context: Context, what: str
) -> Mapping[str, Value]:
    """Measure, and see that what comes back is what the metric declares."""
    try:
        values = metric.measure(subject, context)
    except ImageError:
        raise
    except Exception as error:
        told = str(error) if isinstance(error, IQFError) else f"{type(error).__name__}: {error}"
        raise MeasurementError(f"{_who(use)} failed on {what}: {told}") from error
    declared = [output.name for output in metric.outputs]
    if set(values) != set(declared):
        raise MeasurementError(
            f"{_who(use)} gave {', '.join(sorted(values)) or 'nothing'} for {what}; it declares "
            f"{', '.join(declared)}"
        )
    return values


def _who(use: MetricUse) -> str:
    return f"metric {use.label!r} of plugin {use.plugin!r} ({use.distribution})"


def _values(
    use: MetricUse,
    metric: Metric,
    values: Mapping[str, Value],
    reader: ImageReader,
    job: Job,
) -> tuple[Measured, ...]:
    rows: list[Measured] = []
    for output in metric.outputs:
        value = values[output.name]
        rows += _flat(use, output, ALL_BANDS, value)
        if len(value.bands) not in (0, reader.shape[2]):
            raise MeasurementError(
                f"{_who(use)}: {output.name} has values of {len(value.bands)} bands; the image "
                f"has {reader.shape[2]}"
            )
        if job.by_band:
            for name, band in zip(_band_names(reader), value.bands, strict=False):
                rows += _flat(use, output, name, band)
    return tuple(rows)


def _band_names(reader: ImageReader) -> list[str]:
    """Return the bands' names, their numbers from 1 where they have none of their own."""
    names = reader.band_names or ("",) * reader.shape[2]
    return [
        name if name and name != ALL_BANDS and names.count(name) == 1 else str(number)
        for number, name in enumerate(names, start=1)
    ]


def measured_values(
    use: MetricUse, metric: Metric, subject: Any, context: Context, what: str
) -> tuple[Measured, ...]:
    """Measure something that is no image, such as predictions.

    Raises
    ------
    MeasurementError
        If the metric fails, or does not give what it declares.
    """
    values = _apply(use, metric, subject, context, what)
    return tuple(
        row
        for output in metric.outputs
        for row in _flat(use, output, ALL_BANDS, values[output.name])
    )


def _flat(use: MetricUse, output: Output, band: str, value: Value) -> list[Measured]:
    """Return one value for a number, one for each element of a vector, and those of the parts."""
    if value.parts:
        given = value.value is not None or bool(value.reason)
        rows = _flat(use, output, band, replace(value, parts={})) if given else []
        for name, part in value.parts.items():
            rows += _flat(use, replace(output, name=f"{output.name}.{name}"), band, part)
        return rows
    reason = value.reason or ("" if value.value is not None else "given for single bands only")
    if not output.vector:
        number = None if value.value is None else _number(use, output, value.value)
        low = None if value.low is None else float(value.low)
        high = None if value.high is None else float(value.high)
        return [Measured(output.name, band, number, output.unit, low, high, reason)]
    elements: Sequence[Any] = (None,) * len(output.vector)
    if value.value is not None:
        elements = value.value if isinstance(value.value, Sequence) else (value.value,)
    if len(elements) != len(output.vector):
        raise MeasurementError(
            f"{_who(use)}: {output.name} has {len(elements)} elements; it declares "
            f"{len(output.vector)}"
        )
    return [
        Measured(
            f"{output.name}.{name}",
            band,
            None if each is None else _number(use, output, each),
            output.unit,
            None,
            None,
            reason,
        )
        for name, each in zip(output.vector, elements, strict=True)
    ]


def _number(use: MetricUse, output: Output, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if number != number:
        raise MeasurementError(
            f"{_who(use)}: {output.name} is {value!r}; expected a number, or no value and a reason"
        )
    return number


def _key(job: Mapping[str, Any]) -> str:
    import json

    return json.dumps([job["settings"], job["metrics"]], sort_keys=True)


@lru_cache(maxsize=1)
def _metrics(key: str) -> list[Metric]:
    """Make the metrics of a job, once for all its batches in this worker."""
    import json

    from iqf_core.plugins.manager import PluginManager

    settings, uses = json.loads(key)
    registry = PluginManager.from_settings(settings).registry
    return make_metrics([MetricUse.from_json(use) for use in uses], registry)


def make_metrics(uses: Iterable[MetricUse], registry: Any) -> list[Metric]:
    """Make the metrics, as the driver and every worker do."""
    context = Context(registry=registry, cache=cache_folder())
    return [use.create(registry, context) for use in uses]
