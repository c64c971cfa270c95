"""The contract of every metric of images, as tests.

A metric's author subclasses it::

    class TestEntropy(MetricConformance):
        component = "entropy"
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from iqf_core.components.context import Context
from iqf_core.components.metric import ImageInput, Metric, Output, PairInput, Value
from iqf_core.components.modifier import DTYPES
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader
from iqf_core.testing.component import ComponentConformance, in_spawned_process, taken_by
from iqf_core.testing.images import BAND_COUNTS, make_image

Make = Callable[[Mapping[str, Any]], Metric]

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class MetricConformance(ComponentConformance):
    """What every metric promises; subclass it and name the metric.

    For a metric that reads predictions override :meth:`subject`: it makes what is measured.

    Attributes
    ----------
    component, parameter_sets
        As in :class:`~iqf_core.testing.component.ComponentConformance`.
    """

    kind: ClassVar[str] = "metric"

    def subject(self, metric: Metric, image: Image) -> Any:
        """Return what `metric` is given for `image`; the reference of a pair is another image."""
        if metric.reads == "image":
            return ImageInput(ImageReader.of(image), source_hash="a synthetic image")
        assert metric.reads == "pair", "override subject() for a metric that reads predictions"
        other = make_image(*image.shape, image.dtype, peak=image.peak, seed=99)
        reference = replace(image, pixels=other.pixels)
        return PairInput(ImageReader.of(image), reference_reader=ImageReader.of(reference))

    @pytest.fixture
    def cases(self, make: Make, values: Mapping[str, Any]) -> list[tuple[str, int]]:
        """The data types and band counts it takes."""
        return taken_by(make(values))

    def test_declares_its_outputs(self, make: Make, values: Mapping[str, Any]) -> None:
        outputs = make(values).outputs
        assert outputs, "a metric has at least one output"
        for output in outputs:
            assert isinstance(output, Output)
            assert _NAME.fullmatch(output.name), f"{output.name!r} is not lower-case snake_case"
            assert output.better in (None, "higher", "lower")
            assert output.summary, f"{output.name}: say in `summary` what it is"
        names = [output.name for output in outputs]
        assert len(set(names)) == len(names)

    def test_takes_the_data_types_it_declares_and_says_why_not_others(
        self, make: Make, values: Mapping[str, Any]
    ) -> None:
        metric = make(values)
        taken = set()
        for dtype, bands in product(DTYPES, BAND_COUNTS):
            reason = metric.supports(dtype, bands)
            if reason is None:
                taken.add(dtype)
            else:
                assert isinstance(reason, str) and reason.strip(), "say why, and what can"
        assert taken == set(metric.dtypes)

    def test_gives_what_it_declares(
        self, make: Make, values: Mapping[str, Any], context: Context, cases: list[tuple[str, int]]
    ) -> None:
        metric = make(values)
        for dtype, bands in cases:
            for border in (0, 9):
                image = make_image(bands=bands, dtype=dtype, border=border)
                before = image.pixels.copy()
                _check_values(metric, metric.measure(self.subject(metric, image), context), bands)
                assert_array_equal(image.pixels, before, "the input was changed")

    def test_measures_the_same_again(
        self, make: Make, values: Mapping[str, Any], context: Context, cases: list[tuple[str, int]]
    ) -> None:
        for dtype, bands in cases:
            image = make_image(bands=bands, dtype=dtype)
            first, second = (
                metric.measure(self.subject(metric, image), context)
                for metric in (make(values), make(values))
            )
            assert dict(first) == dict(second)

    def test_says_why_where_there_is_nothing_to_measure(
        self, make: Make, values: Mapping[str, Any], context: Context, cases: list[tuple[str, int]]
    ) -> None:
        metric = make(values)
        dtype, bands = cases[0]
        textured = make_image(bands=bands, dtype=dtype)
        flat = np.full_like(textured.pixels, textured.pixels[0, 0, 0])
        nothing = np.zeros(textured.shape[:2], bool)
        difficult = {
            "constant": textured.with_pixels(flat),
            "black": textured.with_pixels(np.zeros_like(flat)),
            "one pixel": make_image(1, 1, bands, dtype),
            "a few pixels": make_image(2, 3, bands, dtype),
            "all invalid": replace(textured, mask=nothing),
        }
        for image in difficult.values():
            _check_values(metric, metric.measure(self.subject(metric, image), context), bands)

    def test_works_in_another_process(
        self, make: Make, first_values: Mapping[str, Any], context: Context
    ) -> None:
        metric = make(first_values)
        dtype, bands = taken_by(metric)[0]
        image = make_image(bands=bands, dtype=dtype)
        elsewhere = replace(context, registry=None)
        expected = dict(metric.measure(self.subject(metric, image), elsewhere))
        copied = pickle.loads(pickle.dumps(metric))
        assert dict(copied.measure(self.subject(metric, image), elsewhere)) == expected
        subject = self.subject(metric, image)
        if metric.reads == "image":
            result = in_spawned_process(_measure_image, metric, subject.image, elsewhere)
            assert result == expected
        elif metric.reads == "pair":
            pair = (subject.image, subject.reference)
            assert in_spawned_process(_measure_pair, metric, *pair, elsewhere) == expected
        else:
            assert in_spawned_process(_measure, metric, subject, elsewhere) == expected


def _measure(metric: Metric, subject: Any, context: Context) -> dict[str, Value]:
    return dict(metric.measure(subject, context))


def _measure_image(metric: Metric, image: Image, context: Context) -> dict[str, Value]:
    return _measure(metric, ImageInput(ImageReader.of(image)), context)


def _measure_pair(
    metric: Metric, image: Image, reference: Image, context: Context
) -> dict[str, Value]:
    subject = PairInput(ImageReader.of(image), reference_reader=ImageReader.of(reference))
    return _measure(metric, subject, context)


def _check_values(metric: Metric, measured: Mapping[str, Value], bands: int) -> None:
    assert set(measured) == {output.name for output in metric.outputs}
    for output in metric.outputs:
        value = measured[output.name]
        assert isinstance(value, Value)
        _check_value(output, value)
        assert len(value.bands) in (0, bands)
        for band in value.bands:
            _check_value(output, band)


def _check_value(output: Output, value: Value) -> None:
    if value.value is None:
        assert value.reason or value.bands, f"{output.name}: no value and no reason"
        return
    if output.vector:
        assert isinstance(value.value, tuple)
        assert len(value.value) == len(output.vector)
    numbers = value.value if isinstance(value.value, tuple) else (value.value,)
    for number in numbers:
        assert not math.isnan(number), f"{output.name}: NaN; give no value and say why"
        if value.low is not None and value.high is not None and not output.vector:
            assert value.low <= number <= value.high
