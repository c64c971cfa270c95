"""Vignetting keeps what every modifier promises, and follows the law."""

from __future__ import annotations

import math

import numpy as np
from iqf_sample_optics.vignetting import Vignetting, cos4_factor

from iqf_core.testing import ModifierConformance, make_image


class TestVignetting(ModifierConformance):
    component = "vignetting"
    parameter_sets = ({"half_field_deg": 30}, {"half_field_deg": 0})


def test_the_corners_get_the_fourth_power_of_the_cosine():
    factor = cos4_factor((1001, 1001), (0, 0), (1001, 1001), 30)
    assert factor[500, 500] == 1
    # Pixel centres lie half a pixel inside of the corners.
    assert math.isclose(factor[0, 0], math.cos(math.radians(30)) ** 4, rel_tol=1e-3)


def test_a_uniform_image_shows_the_factor_itself(iqf_context):
    image = make_image(40, 60, bands=1, dtype="float32")
    flat = image.with_pixels(np.ones_like(image.pixels))
    result = Vignetting(Vignetting.Params(half_field_deg=45)).modify(flat, None, iqf_context)
    expected = cos4_factor((40, 60), (0, 0), (40, 60), 45)
    np.testing.assert_allclose(result.pixels[:, :, 0], expected, rtol=1e-6)
