"""SAM and ERGAS: values by hand, and plain 64-bit numpy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from iqf_core.errors import ConfigurationError, UnsupportedImageError


def spectrum(*values, dtype=np.uint8):
    return np.array([[values]], dtype)


@pytest.mark.parametrize(
    ("image", "reference", "degrees"),
    [
        ((10, 0), (0, 7), 90),
        ((3, 0), (5, 5), 45),
        ((1, 2, 3), (2, 4, 6), 0),  # brighter, of the same colour
        ((1, 0, 0), (1, 1, 1), np.degrees(np.arccos(1 / np.sqrt(3)))),
    ],
)
def test_angles_by_hand(measure, image, reference, degrees):
    value = measure("sam", spectrum(*image), spectrum(*reference))["sam"].value
    assert_allclose(value, degrees, atol=1e-5)


def test_opposite_spectra_of_negative_values(measure):
    image, reference = spectrum(1, -2, dtype=np.float32), spectrum(-1, 2, dtype=np.float32)
    assert_allclose(measure("sam", image, reference)["sam"].value, 180)


def test_small_angles_are_accurate(measure):
    # arccos of a 32-bit cosine cannot tell angles below 0.02 degrees apart.
    image = spectrum(60_000, 60_001, 60_000, dtype=np.uint16)
    reference = spectrum(60_000, 60_000, 60_000, dtype=np.uint16)
    expected = np.degrees(np.arctan2(np.sqrt(2 / 3), 60_000 * np.sqrt(3) + 1 / np.sqrt(3)))
    # Unit vectors in 32 bits: 6e-8 of a radian.
    assert_allclose(measure("sam", image, reference)["sam"].value, expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_agrees_with_64_bit_numpy(measure, pair, dtype):
    image, reference = pair(dtype=dtype, bands=6)
    x, y = image.astype(np.float64), reference.astype(np.float64)
    cosine = (x * y).sum(axis=2) / np.linalg.norm(x, axis=2) / np.linalg.norm(y, axis=2)
    expected = np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean()
    assert_allclose(measure("sam", image, reference)["sam"].value, expected, rtol=1e-5)


def test_black_pixels_have_no_direction(measure):
    image = np.array([[[0, 0], [4, 0]], [[3, 3], [0, 9]]], np.uint8)
    reference = np.array([[[1, 1], [0, 4]], [[3, 3], [0, 0]]], np.uint8)
    values = measure("sam", image, reference)
    assert_allclose(values["sam"].value, 45)  # 90 and 0; the other two have none
    assert values["angle_share"].value == 0.5
    black = measure("sam", np.zeros_like(image), reference)["sam"]
    assert black.value is None and "0 in all bands" in black.reason


def test_one_band_has_no_angle(measure):
    with pytest.raises(UnsupportedImageError, match="needs 2 bands"):
        measure("sam", np.ones((4, 4), np.uint8), np.ones((4, 4), np.uint8))


def test_masked_pixels_have_no_angle(measure, pair):
    image, reference = pair(bands=3)
    mask = np.zeros(image.shape[:2], bool)
    mask[10:50, 20:60] = True
    masked = measure("sam", image, reference, mask)["sam"].value
    part = (slice(10, 50), slice(20, 60))
    assert_allclose(masked, measure("sam", image[part], reference[part])["sam"].value, rtol=1e-12)


def test_ergas_by_hand(measure):
    reference = np.full((4, 4, 2), 100, np.uint8)
    reference[..., 1] = 50
    image = reference + np.array([10, 10], np.uint8)
    ergas = measure("ergas:gsd_ratio=0.25", image, reference)["ergas"]
    assert_allclose([band.value for band in ergas.bands], [2.5, 5])  # 100 / 4 x 10 / 100, x 10 / 50
    assert_allclose(ergas.value, 25 * np.sqrt((0.1**2 + 0.2**2) / 2))


def test_ergas_counts_valid_pixels_only(measure, pair):
    image, reference = pair(dtype="uint16", bands=4)
    mask = np.random.default_rng(0).random(image.shape[:2]) < 0.5
    x, y = image[mask].astype(float), reference[mask].astype(float)
    relative = ((x - y) ** 2).mean(axis=0) / y.mean(axis=0) ** 2
    value = measure("ergas:gsd_ratio=0.5", image, reference, mask)["ergas"].value
    assert_allclose(value, 50 * np.sqrt(relative.mean()), rtol=1e-12)


def test_a_mean_of_zero_has_no_relative_error(measure):
    reference = np.zeros((4, 4, 2), np.uint8)
    reference[..., 1] = 9
    ergas = measure("ergas:gsd_ratio=0.25", reference + np.uint8(1), reference)["ergas"]
    assert ergas.value is None
    assert ergas.reason == "band 1: the reference's mean is 0, not positive"
    assert ergas.bands[1].value is not None


def test_ergas_asks_for_the_ratio(iqf_registry, iqf_context):
    with pytest.raises(ConfigurationError, match="gsd_ratio"):
        iqf_registry.create("metric", "ergas", {}, iqf_context)
