"""Saturation keeps what every metric promises, and counts right."""

from __future__ import annotations

import numpy as np
from iqf_sample_optics.saturation import Saturation

from iqf_core.api import ImageInput
from iqf_core.imaging.reading import ImageReader
from iqf_core.testing import MetricConformance, make_image


class TestSaturation(MetricConformance):
    component = "saturation"
    parameter_sets = ({}, {"threshold_rel": 0.5})


def test_counts_the_samples_at_full_scale(iqf_context):
    image = make_image(20, 30, bands=2)  # no value above 96 % of the peak
    pixels = image.pixels.copy()
    pixels[:5, :, 0] = 255
    subject = ImageInput(ImageReader.of(image.with_pixels(pixels)))
    saturated = Saturation().measure(subject, iqf_context)["saturated"]
    assert saturated.value == 1 / 8
    assert [band.value for band in saturated.bands] == [1 / 4, 0]


def test_says_why_an_image_without_valid_pixels_has_no_value(iqf_context):
    image = make_image(20, 30, mask=np.zeros((20, 30), bool))
    subject = ImageInput(ImageReader.of(image))
    saturated = Saturation().measure(subject, iqf_context)["saturated"]
    assert saturated.value is None
    assert saturated.reason == "the image has no valid pixel"
