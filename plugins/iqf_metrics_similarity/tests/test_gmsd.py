"""GMSD: against plain 64-bit numpy, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose


def halved(plane):
    rows, columns = plane.shape[0] // 2, plane.shape[1] // 2
    blocks = plane[: 2 * rows, : 2 * columns].astype(np.float64)
    return blocks.reshape(rows, 2, columns, 2).mean(axis=(1, 3))


def gradient(plane):
    """Return Prewitt's magnitude from differences of sums, where it lies within the plane."""
    columns = plane[:-2] + plane[1:-1] + plane[2:]
    rows = plane[:, :-2] + plane[:, 1:-1] + plane[:, 2:]
    return np.hypot(columns[:, 2:] - columns[:, :-2], rows[2:] - rows[:-2]) / 3


def similarity(x, y, peak):
    one, other = gradient(halved(x)), gradient(halved(y))
    constant = 170 * (peak / 255) ** 2
    return (2 * one * other + constant) / (one**2 + other**2 + constant)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_agrees_with_64_bit_numpy(measure, pair, dtype):
    image, reference = pair(dtype=dtype)
    peak = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    expected = similarity(image[..., 0], reference[..., 0], peak).std()
    # 32-bit gradients.
    assert_allclose(measure("gmsd", image, reference)["gmsd"].value, expected, rtol=1e-4)


def test_a_ramp_against_nothing_is_alike_everywhere(measure):
    ramp = np.tile(np.arange(0, 120, 4, dtype=np.uint8), (20, 1))
    assert_allclose(measure("gmsd", np.zeros_like(ramp), ramp)["gmsd"].value, 0, atol=1e-7)


def test_equal_images_do_not_deviate(measure, pair):
    image, _ = pair()
    assert measure("gmsd", image, image)["gmsd"].value == 0


def test_windows_that_touch_invalid_pixels_are_dropped(measure, pair):
    image, reference = pair(60, 80)
    mask = np.ones((60, 80), bool)
    mask[20, 31] = False  # in the block (10, 15) at half the resolution
    every = similarity(image[..., 0], reference[..., 0], 255)
    clean = np.ones(every.shape, bool)
    clean[8:11, 13:16] = False
    spoilt = np.where(mask[..., np.newaxis], image, 255).astype(np.uint8)
    value = measure("gmsd", spoilt, reference, mask)["gmsd"].value
    assert_allclose(value, every[clean].std(), rtol=1e-4)
