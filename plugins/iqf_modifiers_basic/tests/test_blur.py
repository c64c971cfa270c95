"""The blur against its closed form."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from iqf_modifiers_basic.blur import GaussianBlur, cut_kernel, gaussian_kernel, kernel_radius
from iqf_modifiers_basic.filtering import convolve

from iqf_core.api import Context
from iqf_core.testing import make_image

SIGMAS = [0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 2.7, 5.0, 12.0]


def blurred(image, sigma_px):
    modifier = GaussianBlur(GaussianBlur.Params(sigma_px=sigma_px))
    return modifier.modify(image, None, Context())


def impulse_response(sigma_px):
    """The blur of a single bright pixel, float32, centred in an array that holds all of it."""
    radius = kernel_radius(sigma_px)
    image = make_image(2 * radius + 3, 2 * radius + 3, 1, "float32")
    pixels = np.zeros_like(image.pixels)
    pixels[radius + 1, radius + 1] = 1
    return blurred(image.with_pixels(pixels), sigma_px).pixels[:, :, 0].astype(np.float64)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_variance_of_a_blurred_impulse_is_sigma_squared(sigma):
    response = impulse_response(sigma)
    position = np.arange(len(response)) - len(response) // 2
    for profile in (response.sum(axis=0), response.sum(axis=1)):
        assert profile.sum() == pytest.approx(1, abs=1e-6)
        assert (profile * position).sum() == pytest.approx(0, abs=1e-6 * sigma)
        # What remains is the rounding of the weights to 32-bit floating point.
        assert (profile * position**2).sum() == pytest.approx(sigma**2, rel=2e-6)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_variance_of_a_blurred_edge_is_sigma_squared(sigma):
    radius = kernel_radius(sigma)
    edge = np.zeros((3, 4 * radius + 8, 1), np.float32)
    edge[:, edge.shape[1] // 2 :] = 1
    spread = np.diff(convolve(edge, gaussian_kernel(sigma))[1, :, 0].astype(np.float64))
    position = np.arange(len(spread))
    mean = (spread * position).sum()
    assert (spread * (position - mean) ** 2).sum() == pytest.approx(sigma**2, rel=1e-5)


@pytest.mark.parametrize("sigma", [0.8, 1.0, 1.5, 2.7, 5.0])
def test_transfer_function_is_that_of_a_gaussian(sigma):
    kernel = gaussian_kernel(sigma).astype(np.float64)
    position = np.arange(len(kernel)) - len(kernel) // 2
    frequency = np.linspace(0, 0.5, 101)  # cycles per pixel
    transfer = (kernel * np.cos(2 * np.pi * frequency[:, None] * position)).sum(axis=1)
    expected = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
    # Sampling folds what lies beyond Nyquist: exp(-pi² sigma² / 2) there, 0.04 at sigma 0.8. The
    # truncation at 4 sigma costs less than 1e-3.
    folded = np.exp(-2 * (np.pi * sigma * (1 - frequency)) ** 2)
    assert np.abs(transfer - expected - folded).max() < 1e-3


def test_consecutive_blurs_add_their_variances():
    image = make_image(80, 80, 1, "float32")
    twice = blurred(blurred(image, 1.5), 2.0).pixels
    once = blurred(image, 2.5).pixels
    # Truncation at 4 sigma is all that separates them.
    assert np.abs(twice - once).max() < 1e-3


@pytest.mark.parametrize(("dtype", "largest"), [("uint8", 255), ("uint16", 65535)])
@pytest.mark.parametrize("bands", [1, 3, 5, 13])
def test_integer_images_are_rounded_to_the_nearest_value_of_the_exact_convolution(
    dtype, largest, bands
):
    image = make_image(61, 47, bands, dtype, peak=largest)
    kernel, radius = gaussian_kernel(2.0).astype(np.float64), kernel_radius(2.0)
    padded = np.pad(
        image.pixels.astype(np.float64), ((radius,) * 2, (radius,) * 2, (0, 0)), "symmetric"
    )
    rows = sum(w * padded[i : i + 61] for i, w in enumerate(kernel))
    exact = sum(w * rows[:, i : i + 47] for i, w in enumerate(kernel))
    # Half a step for the rounding, and what 32-bit arithmetic adds to it.
    assert np.abs(blurred(image, 2.0).pixels - exact).max() <= 0.5 + 2e-7 * largest


def test_the_mean_is_kept_also_near_the_borders():
    image = make_image(33, 40, 3, "float32")
    before = image.pixels.mean(axis=(0, 1), dtype=np.float64)
    after = blurred(image, 4.0).pixels.mean(axis=(0, 1), dtype=np.float64)
    np.testing.assert_allclose(after, before, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_constant_image_stays_constant(dtype):
    image = make_image(20, 30, 5, dtype)
    constant = image.with_pixels(np.full_like(image.pixels, image.peak))
    np.testing.assert_allclose(blurred(constant, 3.3).pixels, image.peak, rtol=3e-7)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_valid_pixels_beside_invalid_ones_are_averages_of_valid_ones_only(dtype):
    image = make_image(40, 40, 3, dtype, border=9)
    value = np.asarray(image.peak * 0.5, dtype)
    pixels = np.where(image.mask[:, :, None], value, np.asarray(0, dtype))
    result = blurred(image.with_pixels(pixels), 2.0)
    # A normalised average of equal values is that value; zeros bleeding in would darken it.
    np.testing.assert_allclose(result.pixels[image.mask], value, rtol=1e-6)
    assert (result.pixels[~image.mask] == 0).all()


def test_an_invalid_nan_pixel_spoils_no_other():
    image = make_image(30, 30, 1, "float32")
    pixels, mask = image.pixels.copy(), np.ones((30, 30), bool)
    pixels[12, 17], mask[12, 17] = np.nan, False
    result = blurred(image.with_pixels(pixels, mask=mask), 1.5)
    assert np.isfinite(result.pixels[mask]).all()
    assert np.isnan(result.pixels[12, 17, 0])


def test_agrees_with_opencv_where_its_kernel_is_the_same():
    image = make_image(64, 64, 3, "float32")
    kernel = gaussian_kernel(1.7)
    theirs = cv2.sepFilter2D(image.pixels, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT)
    np.testing.assert_allclose(blurred(image, 1.7).pixels, theirs, rtol=1e-6)


def test_the_kernel_reaches_four_sigma_on_both_sides():
    for sigma in SIGMAS:
        assert len(gaussian_kernel(sigma)) == 2 * kernel_radius(sigma) + 1
        assert kernel_radius(sigma) >= 4 * sigma
    assert GaussianBlur(GaussianBlur.Params(sigma_px=1.5)).halo() == 6


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_kernel_of_a_given_size_is_the_sampled_gaussian(dtype):
    image = make_image(40, 33, 3, dtype)
    modifier = GaussianBlur(GaussianBlur.Params(sigma_px=2.5, kernel_px=7))
    cut = modifier.modify(image, None, Context()).pixels.astype(np.float64)
    expected = cv2.GaussianBlur(
        image.pixels.astype(np.float64), (7, 7), 2.5, borderType=cv2.BORDER_REFLECT
    )
    assert modifier.halo() == 3
    assert np.abs(cut - expected).max() <= (0.5 if dtype == "uint8" else 1e-6) + 1e-4


def test_cutting_the_kernel_takes_from_its_width():
    position = np.arange(7) - 3
    moment = (cut_kernel(2.5, 7) * position**2).sum()
    assert np.sqrt(moment) == pytest.approx(1.765, abs=1e-3)


def test_a_kernel_has_a_centre():
    with pytest.raises(ValueError, match="odd number of pixels"):
        GaussianBlur.Params(sigma_px=1, kernel_px=6)
