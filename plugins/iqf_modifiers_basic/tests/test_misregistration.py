"""Shifted bands against the shift theorem."""

from __future__ import annotations

import numpy as np
import pytest
from iqf_modifiers_basic.misregistration import BandMisregistration, shift_kernel

from iqf_core.api import ConfigurationError, Context, UnsupportedImageError
from iqf_core.components.parameters import validate
from iqf_core.components.specification import parse_specification
from iqf_core.modification.chain import Chain
from iqf_core.testing import ModifierConformance, make_image


class TestGivenShifts(ModifierConformance):
    component = "band_misregistration"
    parameter_sets = ({"shifts_px": [[0, 0], [0.3, -0.2], [-1.5, 0]]},)


def shifted(image, context=None, **params):
    modifier = BandMisregistration(BandMisregistration.Params(**params))
    return modifier.modify(image, None, context or Context(seed=4)).pixels


@pytest.mark.parametrize(("dx", "dy"), [(0.5, 0), (0, -0.25), (0.3, 0.7), (-1.4, 2.2)])
def test_a_wave_moves_by_the_shift(dx, dy):
    y, x = np.mgrid[:80, :90].astype(np.float64)
    for fx, fy in ((0.05, 0.02), (0.2, 0), (0.1, 0.25)):

        def wave(at_x, at_y, fx=fx, fy=fy):
            return np.cos(2 * np.pi * (fx * at_x + fy * at_y))

        pixels = np.dstack([wave(x, y), wave(x, y)]).astype(np.float32)
        image = make_image(80, 90, 2, "float32").with_pixels(pixels)
        result = shifted(image, shifts_px=[[0, 0], [dx, dy]])
        np.testing.assert_array_equal(result[:, :, 0], pixels[:, :, 0])
        inner = (slice(10, -10), slice(10, -10))
        # The kernel's modulation is within 1 % of 1 on each axis below 0.3 cycles per pixel.
        np.testing.assert_allclose(result[inner][..., 1], wave(x - dx, y - dy)[inner], atol=0.02)


def test_whole_pixels_are_moved_exactly():
    image = make_image(40, 50, 3, "uint16")
    result = shifted(image, shifts_px=[[0, 0], [3, 0], [0, -2]])
    np.testing.assert_array_equal(result[:, 3:, 1], image.pixels[:, :-3, 1])
    np.testing.assert_array_equal(result[:-2, :, 2], image.pixels[2:, :, 2])


def test_random_shifts_are_uniform_and_leave_the_first_band():
    bands = 400
    ramp = np.arange(21, dtype=np.float32)
    across = np.broadcast_to(ramp[None, :, None], (21, 21, bands)).copy()
    image = make_image(21, 21, bands, "float32").with_pixels(across)
    moved = 10 - shifted(image, max_shift_px=1.5)[10, 10]
    assert moved[0] == 0
    assert np.abs(moved).max() <= 1.52
    # Four standard errors: sd 1.5 / sqrt(3) of the mean; the variance's own is sqrt(4/5 / n) of it.
    assert abs(moved.mean()) < 4 * 1.5 / np.sqrt(3 * bands)
    assert moved.var() == pytest.approx(1.5**2 / 3, rel=4 * np.sqrt(0.8 / bands) + 0.02)


def test_the_kernel_sums_to_one():
    for shift in (0, 0.1, -0.5, 2.75, 31.9):
        assert shift_kernel(shift).sum() == pytest.approx(1, abs=1e-6)


def test_shifts_may_be_written_as_text():
    text = parse_specification("band_misregistration:shifts_px='0 0; 0.3 -0.2'").params
    given = validate(BandMisregistration.Params, text, "modifier/band_misregistration")
    assert given.shifts_px == ((0, 0), (0.3, -0.2))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "exactly one of max_shift_px"),
        ({"max_shift_px": 1, "shifts_px": [[0, 0]]}, "exactly one of max_shift_px"),
        ({"shifts_px": [[0, 40]]}, "at most 32 px"),
        ({"shifts_px": "0 0 1"}, "shifts_px"),
    ],
)
def test_shifts_that_make_no_sense_are_refused(given, says):
    with pytest.raises(ConfigurationError, match=says):
        validate(BandMisregistration.Params, given, "modifier/band_misregistration")


def test_one_band_and_other_numbers_of_bands_are_refused():
    given = BandMisregistration(BandMisregistration.Params(shifts_px=[[0, 0], [1, 1]]))
    assert "shifts for 2 bands, not for 3" in given.supports("uint8", 3)
    assert "only one" in given.supports("uint8", 1)
    with pytest.raises(UnsupportedImageError, match="shifts for 2 bands"):
        given.modify(make_image(bands=3), None, Context())


def test_only_drawn_shifts_depend_on_the_seed(iqf_registry):
    drawn, given = (
        Chain.resolve([parse_specification(f"band_misregistration:{text}")], iqf_registry)
        for text in ("max_shift_px=1", "shifts_px='0 0; 1 0'")
    )
    assert drawn.random
    assert not given.random
