"""VIFp: against plain 64-bit numpy, and what its model predicts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose


def weights(size):
    line = np.exp(-0.5 * ((np.arange(size) - size // 2) / (size / 5)) ** 2)
    return np.outer(line, line) / line.sum() ** 2


def mean(plane, size):
    return np.einsum("ijkl,kl->ij", sliding_window_view(plane, (size, size)), weights(size))


def expected(image, reference, peak):
    """Return the information kept over the whole, window by window, in 64 bits and 8-bit units."""
    x, y = (plane.astype(np.float64) * 255 / peak for plane in (image, reference))
    kept = whole = 0.0
    for scale, size in enumerate((17, 9, 5, 3)):
        if scale:
            x, y = mean(x, size)[::2, ::2], mean(y, size)[::2, ::2]
        mx, my = mean(x, size), mean(y, size)
        vx, vy, cov = (
            mean(a * b, size) - c * d
            for a, b, c, d in ((x, x, mx, mx), (y, y, my, my), (x, y, mx, my))
        )
        for one, other, both in zip(vx.ravel(), vy.ravel(), cov.ravel(), strict=True):
            if other > 1e-9:
                whole += np.log10(1 + other / 2)
                if both > 0:
                    gain = both / other
                    rest = max(one - gain * both, 0)
                    kept += np.log10(1 + gain**2 * other / (rest + 2))
    return kept / whole


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_agrees_with_64_bit_numpy(measure, pair, dtype):
    image, reference = pair(60, 75, dtype=dtype)
    peak = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    value = measure("vif", image, reference)["vif"].value
    # Both in 64 bits: what is left is the order of sums.
    assert_allclose(value, expected(image[..., 0], reference[..., 0], peak), rtol=1e-7)


def test_an_image_keeps_all_of_its_own_information(measure, pair):
    image, _ = pair()
    assert_allclose(measure("vif", image, image)["vif"].value, 1, rtol=1e-12)


def test_more_contrast_gives_more_and_less_gives_less(measure, scene):
    reference = scene(90, 90).astype(np.float32)
    steep, shallow = (
        np.float32(0.5) + factor * (reference - np.float32(0.5)) for factor in (2, 0.5)
    )
    assert measure("vif", steep, reference)["vif"].value > 1
    assert measure("vif", shallow, reference)["vif"].value < 1


def test_noise_costs_more_the_stronger_it_is(measure, scene):
    reference = scene(90, 90).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal(reference.shape).astype(np.float32)
    values = [
        measure("vif", reference + np.float32(sigma) * noise, reference)["vif"].value
        for sigma in (0.01, 0.03, 0.1)
    ]
    assert values == sorted(values, reverse=True)


def test_a_constant_reference_has_nothing_to_keep(measure, pair):
    image, _ = pair()
    value = measure("vif", image, np.full_like(image, 80))["vif"]
    assert value.value is None and "no texture" in value.reason
    assert measure("vif", np.full_like(image, 80), image)["vif"].value == 0


def test_the_smallest_image_has_one_coarse_window(measure, pair):
    image, reference = pair(41, 41)
    assert measure("vif", image, reference)["vif"].value is not None
    value = measure("vif", image[:40], reference[:40])["vif"]
    assert value.reason == "the image is 40 x 41 pixels; four scales need 41 x 41"


def test_masked_pixels_have_no_influence(measure, pair):
    image, reference = pair(90, 90)
    mask = np.ones((90, 90), bool)
    mask[:6, :6] = False
    spoilt = np.where(mask[..., np.newaxis], image, 255).astype(np.uint8)
    plain = measure("vif", image, reference, mask)["vif"]
    assert measure("vif", spoilt, reference, mask)["vif"] == plain
    assert plain != measure("vif", image, reference)["vif"]
