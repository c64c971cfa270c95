"""The noise against its statistics."""

from __future__ import annotations

import numpy as np
import pytest
from iqf_modifiers_basic.noise import GaussianNoise

from iqf_core.api import ConfigurationError, Context
from iqf_core.components.parameters import validate
from iqf_core.testing import make_image

HEIGHT, WIDTH, BANDS = 400, 420, 3
SAMPLES = HEIGHT * WIDTH


def noise_of(dtype, peak, level, context=None, **params):
    """What is added to a constant image, float64, one column per band."""
    template = make_image(HEIGHT, WIDTH, BANDS, dtype, peak=peak)
    image = template.with_pixels(np.full_like(template.pixels, level))
    modifier = GaussianNoise(GaussianNoise.Params(**params))
    result = modifier.modify(image, None, context or Context(seed=7))
    return result.pixels.astype(np.float64).reshape(-1, BANDS) - level


@pytest.mark.parametrize(
    ("dtype", "peak", "level", "sigma", "step"),
    [("uint8", 255, 128, 8.0, 1), ("uint16", 4095, 2000, 25.0, 1), ("float32", 1.0, 0.5, 0.05, 0)],
)
def test_mean_and_variance_are_as_asked(dtype, peak, level, sigma, step):
    noise = noise_of(dtype, peak, level, sigma_dn=sigma)
    # Four standard errors: sigma / sqrt(n) of the mean, sigma² sqrt(2 / n) of the variance.
    # Rounding to nearest adds a variance of 1/12 (and no bias).
    expected = sigma**2 + step / 12
    assert np.abs(noise.mean(axis=0)).max() < 4 * sigma / np.sqrt(SAMPLES)
    assert np.abs(noise.var(axis=0) / expected - 1).max() < 4 * np.sqrt(2 / SAMPLES)


def test_rounding_is_to_nearest_not_down():
    # Far below one DN: truncation would move the mean by -0.5, nearest leaves nearly all as it is.
    noise = noise_of("uint8", 255, 100, sigma_dn=0.3)
    # P(|n| > 0.5) at sigma 0.3 is 9.6 %.
    assert np.abs(noise.mean(axis=0)).max() < 4 * 0.35 / np.sqrt(SAMPLES)
    assert np.mean(noise != 0) == pytest.approx(0.0956, abs=0.004)


def test_noise_is_white_and_independent_between_bands():
    noise = noise_of("float32", 1.0, 0.5, sigma_dn=0.1).reshape(HEIGHT, WIDTH, BANDS) / 0.1
    pairs = [
        (noise[1:], noise[:-1]),
        (noise[:, 1:], noise[:, :-1]),
        (noise[:, :, 0], noise[:, :, 1]),
        (noise[:, :, 1], noise[:, :, 2]),
        (noise[256:, :140], noise[:144, :140]),  # one random block and the next
    ]
    for one, other in pairs:
        assert abs((one * other).mean()) < 4 / np.sqrt(one.size)


def test_a_relative_sigma_is_a_fraction_of_the_peak():
    relative = noise_of("uint16", 4000, 2000, sigma_rel=0.01)
    absolute = noise_of("uint16", 4000, 2000, sigma_dn=40)
    np.testing.assert_array_equal(relative, absolute)


@pytest.mark.parametrize(("dtype", "peak"), [("uint8", 255), ("uint16", 4095), ("uint16", 65535)])
def test_integer_images_stay_within_zero_and_the_peak(dtype, peak):
    bright = noise_of(dtype, peak, peak, sigma_rel=0.1) + peak
    dark = noise_of(dtype, peak, 0, sigma_rel=0.1)
    assert bright.max() == peak
    assert dark.min() == 0
    # Half of a symmetric noise is cut off at each end: E = sigma / sqrt(2 pi).
    assert dark.mean() == pytest.approx(0.1 * peak / np.sqrt(2 * np.pi), rel=0.02)
    assert (peak - bright).mean() == pytest.approx(0.1 * peak / np.sqrt(2 * np.pi), rel=0.02)


def test_floating_point_images_are_not_clipped():
    noise = noise_of("float32", 1.0, 1.0, sigma_dn=0.2)
    assert noise.max() > 0.5
    assert np.abs(noise.mean()) < 4 * 0.2 / np.sqrt(noise.size)


def test_two_links_of_a_chain_and_two_images_have_noise_of_their_own():
    contexts = [
        Context(seed=7, source_hash="a"),
        Context(seed=7, source_hash="a", position=1),
        Context(seed=7, source_hash="b"),
    ]
    one, *others = (noise_of("float32", 1, 0, context, sigma_dn=1) for context in contexts)
    for other in others:
        assert abs((one * other).mean()) < 4 / np.sqrt(one.size)


@pytest.mark.parametrize("given", [{}, {"sigma_dn": 3, "sigma_rel": 0.1}])
def test_exactly_one_sigma_is_expected(given):
    with pytest.raises(ConfigurationError, match="exactly one of sigma_dn .* and sigma_rel"):
        validate(GaussianNoise.Params, given, "modifier/gaussian_noise")


def test_either_sigma_at_zero_is_the_unmodified_image():
    for given in ({"sigma_dn": 0}, {"sigma_rel": 0}):
        assert GaussianNoise(GaussianNoise.Params(**given)).is_identity()
    assert not GaussianNoise(GaussianNoise.Params(sigma_rel=0.1)).is_identity()
