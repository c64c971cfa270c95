"""The synthetic images that the suites use."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_core.testing import make_image


@pytest.mark.parametrize(("dtype", "peak"), [("uint8", 255), ("uint16", 4095), ("float32", 1)])
@pytest.mark.parametrize("bands", [1, 3, 4, 5, 13])
def test_images_are_textured_within_their_peak_in_every_band(dtype, peak, bands):
    image = make_image(40, 50, bands, dtype)
    assert (image.shape, image.dtype, image.peak) == ((40, 50, bands), dtype, peak)
    assert image.pixels.min() > 0 and image.pixels.max() <= peak
    assert image.pixels.std(axis=(0, 1)).min() > 0.05 * peak
    if bands > 1:
        assert not np.array_equal(image.pixels[:, :, 0], image.pixels[:, :, 1])


def test_the_same_seed_gives_the_same_image_and_another_seed_another():
    first = make_image(seed=4).pixels
    np.testing.assert_array_equal(make_image(seed=4).pixels, first)
    assert not np.array_equal(make_image(seed=5).pixels, first)


def test_a_border_is_nodata_and_nothing_else_is():
    image = make_image(30, 40, 3, "uint16", border=6)
    assert image.valid.sum() == (30 - 12) * (40 - 12)
    np.testing.assert_array_equal((image.pixels != image.nodata).any(axis=2), image.mask)


def test_the_arrays_cannot_be_changed():
    image = make_image(border=2)
    with pytest.raises(ValueError, match="read-only"):
        image.pixels[0, 0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        image.mask[0, 0] = True
