"""Every upscaler on every image, against the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

from iqf_core.api import (
    ConfigurationError,
    Image,
    ImageInput,
    ImageReader,
    PairInput,
    Specification,
    modify_whole,
    parse_specification,
)
from iqf_sr_msrn.degradation import Degradation
from iqf_sr_msrn.evaluation.fidelity import fidelity
from iqf_sr_msrn.evaluation.upscalers import Upscaler
from iqf_sr_msrn.training.patches import load_pair

if TYPE_CHECKING:
    from iqf_core.api import Context, Dataset, Metric

#: What else is compared: the low-resolution image and the truth.
INPUT, TARGET = "input", "target"

#: Analytic measures of sharpness and noise, as far as a plugin brings them.
ANALYTIC = (("sharpness", ("rer", "fwhm")), ("snr", ("snr",)))


@dataclass(frozen=True)
class Measure:
    """One number of one image.

    Attributes
    ----------
    image, upscaler
        Which image, made by which upscaler (``input`` and ``target`` besides).
    measure
        ``psnr_y``, ``psnr``, ``ssim`` or ``metric.output``.
    value
        The number, None when there is none.
    reason
        Why there is none.
    """

    image: str
    upscaler: str
    measure: str
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Measurement:
    """A registered metric, and which of its outputs are wanted (empty for all numbers)."""

    label: str
    metric: Metric
    outputs: tuple[str, ...] = ()


def measurements(specifications: Sequence[str], context: Context) -> list[Measurement]:
    """Return the analytic measures that are installed, and the metrics that were asked for.

    Raises
    ------
    ConfigurationError
        If a metric is wrong or measures predictions.
    """
    registry = context.registry
    assert registry is not None
    found = [
        Measurement(name, registry.create("metric", name, {}, context), outputs)
        for name, outputs in ANALYTIC
        if registry.find(name, "metric")
    ]
    for text in specifications:
        for given in parse_specification(text).expand():
            found.append(_asked(given, context))
    return found


def _asked(given: Specification, context: Context) -> Measurement:
    assert context.registry is not None
    metric: Metric = context.registry.create(
        "metric", given.name, given.params, context, f"metric {given}"
    )
    if metric.reads == "predictions":
        raise ConfigurationError(f"metric {given}: measures predictions, not images")
    return Measurement(str(given), metric)


@dataclass(frozen=True)
class Compared:
    """One image: the low-resolution input, what every upscaler made of it, and the truth."""

    name: str
    low: Image
    results: dict[str, Image]
    high: Image


def compare(
    dataset: Dataset,
    upscalers: Sequence[Upscaler],
    degradation: Degradation,
    measured: Sequence[Measurement],
    context: Context,
    look: Callable[[Compared], None] | None = None,
    besides: Sequence[str] = (INPUT, TARGET),
) -> Iterator[list[Measure]]:
    """Iterate the images: what was measured of each, one list an image.

    Parameters
    ----------
    dataset
        High-resolution images.
    upscalers
        What is compared.
    degradation
        Makes the low-resolution images.
    measured
        Registered metrics, of the input, of each result and of the target.
    context
        For upscalers and metrics.
    look
        Called with the images of each step, to draw them.
    besides
        What else the metrics measure: the input, the target, both or neither.
    """
    for name in dataset.image_names:
        pair = load_pair(dataset, name, degradation)
        assert pair.low is not None
        results = {}
        for upscaler in upscalers:
            results[upscaler.label], _ = modify_whole(
                pair.low, [upscaler.modifier], context, dataset.image_path(name)
            )
        compared = Compared(name, pair.low, results, pair.high)
        if look is not None:
            look(compared)
        yield _measured(compared, degradation.scale, measured, context, besides)


def _measured(
    compared: Compared,
    scale: int,
    measured: Sequence[Measurement],
    context: Context,
    besides: Sequence[str],
) -> list[Measure]:
    rows: list[Measure] = []
    for label, image in compared.results.items():
        close = fidelity(image, compared.high, scale)
        for name, value in (("psnr_y", close.psnr_y), ("psnr", close.psnr), ("ssim", close.ssim)):
            known = not math.isnan(value)
            reason = "" if known else "the image is smaller than SSIM's window"
            rows.append(Measure(compared.name, label, name, value if known else None, reason))
    images = {INPUT: compared.low, **compared.results, TARGET: compared.high}
    images = {k: v for k, v in images.items() if k in compared.results or k in besides}
    for each in measured:
        for label, image in images.items():
            if each.metric.reads == "pair" and label in (INPUT, TARGET):
                continue
            rows += _values(each, compared, label, image, context)
    return rows


def _values(
    each: Measurement, compared: Compared, label: str, image: Image, context: Context
) -> Iterator[Measure]:
    reader = ImageReader.of(image)
    subject = ImageInput(reader)
    if each.metric.reads == "pair":
        subject = PairInput(reader, reference_reader=ImageReader.of(compared.high))
    refusal = each.metric.supports(image.dtype, image.bands)
    wanted = each.outputs or tuple(output.name for output in each.metric.outputs)
    if refusal:
        for name in wanted:
            yield Measure(compared.name, label, f"{each.label}.{name}", None, refusal)
        return
    values = each.metric.measure(subject, replace(context, full_shape=image.shape))
    for name in wanted:
        value = values[name].value
        number = float(value) if isinstance(value, (int, float)) else None
        reason = values[name].reason or "" if number is None else ""
        yield Measure(compared.name, label, f"{each.label}.{name}", number, reason)


@dataclass(frozen=True)
class Summary:
    """Mean of a measure over the images that have a value."""

    upscaler: str
    measure: str
    mean: float | None
    count: int


def summarize(rows: Sequence[Measure]) -> list[Summary]:
    """Return the mean of every measure of every upscaler, in the order they come in."""
    groups: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        known = groups.setdefault((row.upscaler, row.measure), [])
        if row.value is not None:
            known.append(row.value)
    return [
        Summary(upscaler, measure, fmean(values) if values else None, len(values))
        for (upscaler, measure), values in groups.items()
    ]
