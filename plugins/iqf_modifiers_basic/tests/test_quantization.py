"""The quantization against its formula."""

from __future__ import annotations

import numpy as np
import pytest
from iqf_modifiers_basic.quantization import Quantization

from iqf_core.api import Context
from iqf_core.imaging.image import Image


def quantized(pixels, peak, bits):
    modifier = Quantization(Quantization.Params(bits=bits))
    return modifier.modify(Image(pixels, peak), None, Context()).pixels


def formula(x, peak, bits):
    steps = 2**bits - 1
    return np.round(x / peak * steps) * peak / steps


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 7, 8, 10, 12, 16])
@pytest.mark.parametrize(("dtype", "peak"), [("uint8", 255), ("uint16", 4095), ("uint16", 65535)])
def test_every_value_becomes_what_the_formula_says(dtype, peak, bits):
    values = np.arange(peak + 1)
    pixels = np.tile(values.astype(dtype), 3).reshape(3, -1, 1)
    expected = np.round(formula(values, peak, bits))
    result = quantized(pixels, peak, bits)
    np.testing.assert_array_equal(result, np.tile(expected, 3).reshape(3, -1, 1))
    levels = np.unique(result)
    assert len(levels) == min(2**bits, peak + 1)
    assert (levels[0], levels[-1]) == (0, peak)


@pytest.mark.parametrize("bits", [1, 4, 11, 16])
def test_floating_point_images_keep_the_levels_unrounded(bits):
    values = np.random.default_rng(3).uniform(0, 0.8, (60, 70, 2)).astype(np.float32)
    expected = formula(values.astype(np.float64), 0.8, bits).astype(np.float32)
    np.testing.assert_array_equal(quantized(values, 0.8, bits), expected)


def test_values_beyond_full_scale_are_clipped():
    pixels = np.array([4000, 4095, 4096, 60000], np.uint16).reshape(1, 4, 1)
    assert quantized(pixels, 4095, 4).ravel().tolist() == [4095, 4095, 4095, 4095]
    pixels = np.array([-0.3, 0.2, 1.7], np.float32).reshape(1, 3, 1)
    assert quantized(pixels, 1.0, 1).ravel().tolist() == [0, 0, 1]


def test_as_many_bits_as_the_image_has_change_nothing():
    pixels = np.arange(4096, dtype=np.uint16).reshape(64, 64, 1)
    np.testing.assert_array_equal(quantized(pixels, 4095, 12), pixels)


def test_the_error_of_a_busy_image_is_uniform():
    values = np.random.default_rng(5).uniform(0, 1, (300, 300, 1)).astype(np.float32)
    error = quantized(values, 1.0, 4).astype(np.float64) - values
    step = 1 / 15
    # Standard deviation step / sqrt(12); 0.5 % covers four standard errors of 90,000 samples.
    assert error.std() == pytest.approx(step / np.sqrt(12), rel=5e-3)
    assert np.abs(error).max() <= step / 2 * (1 + 1e-6)


def test_every_band_is_treated_alike():
    pixels = np.random.default_rng(1).integers(0, 256, (20, 31, 13)).astype(np.uint8)
    one_by_one = [quantized(pixels[:, :, [band]], 255, 3) for band in range(13)]
    np.testing.assert_array_equal(quantized(pixels, 255, 3), np.concatenate(one_by_one, axis=2))
