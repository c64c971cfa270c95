"""Noise, defects and stripes against their statistics."""

from __future__ import annotations

import numpy as np
import pytest
from iqf_modifiers_basic.defects import DeadPixels, SaltAndPepper
from iqf_modifiers_basic.shot_noise import ShotNoise
from iqf_modifiers_basic.striping import Striping

from iqf_core.api import ConfigurationError, Context
from iqf_core.components.parameters import validate
from iqf_core.testing import make_image

HEIGHT, WIDTH = 420, 500
SAMPLES = HEIGHT * WIDTH


def modified(component, dtype, peak, level, bands=1, **params):
    """A constant image, modified, float64."""
    template = make_image(HEIGHT, WIDTH, bands, dtype, peak=peak)
    image = template.with_pixels(np.full_like(template.pixels, level))
    result = component(component.Params(**params)).modify(image, None, Context(seed=3))
    return result.pixels.astype(np.float64)


@pytest.mark.parametrize("level", [50, 400, 3000])
@pytest.mark.parametrize(("dtype", "rounding"), [("uint16", 1 / 12), ("float32", 0)])
def test_the_variance_of_shot_noise_is_a_line_over_the_signal(dtype, rounding, level):
    noise = modified(ShotNoise, dtype, 4095, level, a=0.4, b=9) - level
    expected = 9 + 0.4 * level + rounding
    # Four standard errors.
    assert abs(noise.mean()) < 4 * np.sqrt(expected / SAMPLES)
    assert noise.var() == pytest.approx(expected, rel=4 * np.sqrt(2 / SAMPLES))


def test_where_the_variance_line_is_negative_there_is_no_shot_noise():
    assert (modified(ShotNoise, "float32", 1, -5, a=1, b=2) == -5).all()


@pytest.mark.parametrize(("dtype", "peak"), [("uint8", 255), ("uint16", 4095), ("float32", 2.0)])
def test_salt_and_pepper_have_their_shares(dtype, peak):
    level = peak / 2 if dtype == "float32" else peak // 2
    result = modified(SaltAndPepper, dtype, peak, level, bands=2, share=0.1, salt_share=0.3)
    for value, share in ((peak, 0.03), (0, 0.07), (level, 0.9)):
        error = np.sqrt(share * (1 - share) / result.size)
        assert np.mean(result == value) == pytest.approx(share, abs=4 * error)
    # E = (1 - share) f + share salt_share peak; four standard errors of it.
    expected = 0.9 * level + 0.03 * peak
    assert result.mean() == pytest.approx(expected, abs=4 * result.std() / np.sqrt(result.size))
    # Each band fails on its own.
    both = np.mean((result[:, :, 0] != level) & (result[:, :, 1] != level))
    assert both == pytest.approx(0.01, abs=4 * np.sqrt(0.01 / SAMPLES))


def test_dead_pixels_and_columns_have_their_shares():
    result = modified(DeadPixels, "uint16", 4095, 1000, bands=3, share=0.02, column_share=0.05)
    dead_columns = (result == 0).all(axis=0)
    # 1,500 columns: four standard errors.
    assert dead_columns.mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 1500))
    alive = result[:, ~dead_columns]
    assert np.mean(alive == 0) == pytest.approx(0.02, abs=4 * np.sqrt(0.02 / alive.size))
    assert set(np.unique(result)) == {0, 1000}


def test_hot_pixels_have_the_peak():
    result = modified(DeadPixels, "uint16", 1023, 100, share=0.5, value="peak")
    assert set(np.unique(result)) == {100, 1023}


def test_dead_pixels_want_at_least_one_share():
    with pytest.raises(ConfigurationError, match="share .* or column_share"):
        validate(DeadPixels.Params, {}, "modifier/dead_pixels")


@pytest.mark.parametrize(("axis", "lines"), [("columns", WIDTH), ("rows", HEIGHT)])
def test_stripes_have_the_variances_of_gain_and_offset(axis, lines):
    result = modified(
        Striping, "float32", 4095, 1000, bands=8, gain_sigma=0.02, offset_sigma_dn=15, axis=axis
    )
    along = 0 if axis == "columns" else 1
    profile = result.mean(axis=along) - 1000
    # A line is one detector: nothing varies along it.
    assert np.ptp(result, axis=along).max() == 0
    count = lines * 8
    expected = (0.02 * 1000) ** 2 + 15**2
    assert abs(profile.mean()) < 4 * np.sqrt(expected / count)
    assert profile.var() == pytest.approx(expected, rel=4 * np.sqrt(2 / count))
    # White from detector to detector, independent between bands.
    assert abs((profile[1:] * profile[:-1]).mean()) < 4 * expected / np.sqrt(count)
    assert abs((profile[:, 0] * profile[:, 1]).mean()) < 4 * expected / np.sqrt(lines)


def test_gains_grow_with_the_signal_and_offsets_do_not():
    dark = modified(Striping, "float32", 1, 10, gain_sigma=0.1, offset_sigma_dn=0) - 10
    bright = modified(Striping, "float32", 1, 100, gain_sigma=0.1, offset_sigma_dn=0) - 100
    np.testing.assert_allclose(bright, 10 * dark, atol=1e-3)
    one, other = (
        modified(Striping, "float32", 1, level, offset_sigma_dn=2) - level for level in (10, 100)
    )
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_columns_of_a_window_are_those_of_the_full_image():
    image = make_image(40, 700, 2, "float32")
    modifier = Striping(Striping.Params(gain_sigma=0.05))
    whole = modifier.modify(image, None, Context(seed=5)).pixels
    part = image.cut((slice(0, 40), slice(250, 600)))
    place = Context(seed=5).at((0, 250), image.shape)
    np.testing.assert_array_equal(modifier.modify(part, None, place).pixels, whole[:, 250:600])
