"""Tone curves against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from iqf_modifiers_basic.tones import Brightness, Contrast, Gamma, Haze

from iqf_core.api import Context, ImageReader
from iqf_core.imaging.image import Image
from iqf_core.testing import make_image

TYPES = [("uint8", 255), ("uint16", 4095), ("uint16", 65535), ("float32", 1.0)]


def every_value(dtype, peak):
    """An image of two bands that holds every value (a thousand, of floating point)."""
    values = np.linspace(0, peak, 1000) if dtype == "float32" else np.arange(peak + 1)
    return Image(np.stack([values, values[::-1]], axis=1).astype(dtype)[np.newaxis], peak)


def modified(component, image, **params):
    modifier = component(component.Params(**params))
    state = modifier.prepare(ImageReader.of(image), Context())
    return modifier.modify(image, state, Context()).pixels


def assert_formula(result, expected, dtype, peak):
    if dtype == "float32":
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
        return
    # Half a step for the rounding, and what computing in 32 bits may add to it.
    expected = np.clip(expected, 0, peak)
    assert np.abs(result - expected).max() <= 0.5 + 1e-6 * peak
    assert result.max() <= peak


@pytest.mark.parametrize(("dtype", "peak"), TYPES)
def test_gamma_is_a_power_of_the_share_of_the_peak(dtype, peak):
    image = every_value(dtype, peak)
    x = image.pixels.astype(np.float64)
    for gamma in (0.45, 2.2):
        result = modified(Gamma, image, gamma=gamma)
        assert_formula(result, peak * (x / peak) ** gamma, dtype, peak)
        assert result[0, 0, 0] == 0
        assert result[0, -1, 0] == pytest.approx(peak)


@pytest.mark.parametrize(("dtype", "peak"), TYPES)
def test_brightness_is_a_line(dtype, peak):
    image = every_value(dtype, peak)
    x = image.pixels.astype(np.float64)
    for factor, offset in ((1.4, 0), (0.7, 0.1), (1, -0.2)):
        result = modified(Brightness, image, factor=factor, offset_rel=offset)
        assert_formula(result, factor * x + offset * peak, dtype, peak)


@pytest.mark.parametrize(("dtype", "peak"), TYPES)
def test_haze_mixes_with_the_airlight(dtype, peak):
    image = every_value(dtype, peak)
    x = image.pixels.astype(np.float64)
    result = modified(Haze, image, transmission=0.6, airlight_rel=0.9)
    assert_formula(result, 0.6 * x + 0.4 * 0.9 * peak, dtype, peak)
    opaque = modified(Haze, image, transmission=0, airlight_rel=0.5)
    np.testing.assert_allclose(opaque, 0.5 * peak, atol=0.5 if dtype != "float32" else 1e-7)


@pytest.mark.parametrize(("dtype", "peak"), TYPES)
def test_contrast_keeps_the_mean_of_each_band_and_scales_its_deviation(dtype, peak):
    image = make_image(80, 90, 3, dtype, peak=peak, border=7)
    factor = 0.618  # no simple fraction, whose multiples would be rounded with a bias
    result = modified(Contrast, image, factor=factor).astype(np.float64)[image.mask]
    before = image.pixels[image.mask].astype(np.float64)
    step = 0 if dtype == "float32" else 1
    # Rounding adds 1/12 to the variance; 5,016 pixels average their rounding out.
    np.testing.assert_allclose(
        result.mean(axis=0), before.mean(axis=0), atol=0.02 * step + 1e-6 * peak
    )
    np.testing.assert_allclose(
        result.var(axis=0), factor**2 * before.var(axis=0) + step / 12, rtol=2e-2 if step else 1e-4
    )


def test_no_contrast_leaves_the_mean():
    image = make_image(40, 50, 2, "float32")
    result = modified(Contrast, image, factor=0)
    np.testing.assert_allclose(
        result, np.broadcast_to(image.pixels.mean((0, 1)), result.shape), 1e-5
    )
