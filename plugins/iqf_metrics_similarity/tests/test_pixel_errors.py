"""RMSE, MAE and PSNR: values one can work out by hand, and other programs' values."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

BY_HAND = np.array([[10, 20], [30, 40]], np.uint8)


def test_errors_of_four_pixels(measure):
    image = np.array([[13, 20], [30, 36]], np.uint8)  # errors 3, 0, 0, -4
    assert measure("rmse", image, BY_HAND)["rmse"].value == 2.5  # sqrt(25 / 4)
    assert measure("mae", image, BY_HAND)["mae"].value == 1.75
    psnr = measure("psnr", image, BY_HAND)["psnr"].value
    assert_allclose(psnr, 20 * np.log10(255 / 2.5), rtol=1e-14)


def test_the_peak_is_the_full_scale(measure):
    reference = np.full((8, 8), 1000, np.uint16)
    image = reference + np.uint16(41)
    values = measure("psnr", image, reference, peak=4095)
    assert_allclose(values["psnr"].value, 20 * np.log10(4095 / 41), rtol=1e-14)
    assert values["data_range"].value == 4095


def test_all_bands_together_average_the_squared_errors(measure):
    reference = np.full((4, 4, 2), 100, np.uint8)
    image = reference + np.array([1, 7], np.uint8)
    rmse = measure("rmse", image, reference)["rmse"]
    assert [band.value for band in rmse.bands] == [1, 7]
    assert rmse.value == 5  # sqrt((1 + 49) / 2)
    assert measure("mae", image, reference)["mae"].value == 4


def test_luma_weighs_the_bands(measure):
    reference = np.full((4, 4, 3), 100, np.uint8)
    image = reference + np.array([10, 0, 0], np.uint8)
    value = measure("rmse:colour=luma", image, reference)["rmse"]
    assert_allclose(value.value, 2.99, atol=1e-5)  # 0.299 x 10; lumas of about 100 in 32 bits
    assert value.bands == ()


def test_identical_images_have_no_finite_psnr(measure):
    values = measure("psnr", BY_HAND, BY_HAND)
    assert values["psnr"].value is None
    assert "identical" in values["psnr"].reason
    assert measure("rmse", BY_HAND, BY_HAND)["rmse"].value == 0


def test_one_identical_band_is_said_to_be_so(measure):
    reference = np.full((4, 4, 2), 100, np.uint8)
    psnr = measure("psnr", reference + np.array([0, 5], np.uint8), reference)["psnr"]
    assert psnr.bands[0].value is None and "identical" in psnr.bands[0].reason
    assert_allclose(psnr.bands[1].value, 20 * np.log10(51))
    assert_allclose(psnr.value, 20 * np.log10(51) + 10 * np.log10(2))


def test_only_what_is_valid_in_both_counts(measure):
    image = np.array([[13, 255], [0, 36]], np.uint8)
    mask = np.array([[True, False], [True, True]])
    reference_mask = np.array([[True, True], [False, True]])
    values = measure("mae", image, BY_HAND, mask, reference_mask)
    assert values["mae"].value == 3.5  # (3 + 4) / 2
    assert values["valid_share"].value == 0.5


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("bands", [1, 3, 5])
def test_agrees_with_scikit_image_and_opencv(measure, pair, dtype, bands):
    image, reference = pair(dtype=dtype, bands=bands)
    peak = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    psnr = measure("psnr", image, reference)["psnr"].value
    # scikit-image computes 32-bit images in 32 bits: 1e-6 of a mean square is 4e-6 dB.
    expected = peak_signal_noise_ratio(reference, image, data_range=peak)
    assert_allclose(psnr, expected, atol=1e-5)
    assert_allclose(psnr, cv2.PSNR(image, reference, float(peak)), atol=1e-5)
    rmse = measure("rmse", image, reference)["rmse"].value
    assert_allclose(rmse, np.sqrt(mean_squared_error(reference, image)), rtol=1e-6)


def test_a_masked_image_has_the_psnr_of_its_valid_part(measure, pair):
    image, reference = pair(dtype="uint16", bands=3, peak=4095)
    mask = np.zeros(image.shape[:2], bool)
    mask[20:70, 30:90] = True
    whole = measure("psnr", image, reference, mask, peak=4095)["psnr"]
    part = (slice(20, 70), slice(30, 90))
    assert whole == measure("psnr", image[part], reference[part], peak=4095)["psnr"]
