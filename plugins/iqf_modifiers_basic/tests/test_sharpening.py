"""Sharpness as torchvision defines it, and the unsharp mask, against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from iqf_modifiers_basic.sharpening import AdjustSharpness, UnsharpMask

from iqf_core.api import Context
from iqf_core.testing import make_image


def modified(component, image, **params):
    return component(component.Params(**params)).modify(image, None, Context()).pixels


def as_torchvision(pixels, factor):
    """torchvision.transforms._functional_tensor.adjust_sharpness for 8-bit images, in numpy."""
    x = pixels.astype(np.float64)
    weights = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    smooth = x.copy()
    height, width = x.shape[:2]
    if height <= 2 or width <= 2:
        return pixels
    smooth[1:-1, 1:-1] = np.round(
        sum(
            weights[i, j] * x[i : height - 2 + i, j : width - 2 + j]
            for i in range(3)
            for j in range(3)
        )
    )
    return np.clip(factor * x + (1 - factor) * smooth, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("factor", [0, 0.5, 1.7, 3, 10])
@pytest.mark.parametrize("shape", [(61, 47), (3, 3), (2, 9)])
def test_8_bit_images_are_torchvisions_to_one_grey_level(factor, shape):
    image = make_image(*shape, 3)
    difference = modified(AdjustSharpness, image, factor=factor).astype(int) - as_torchvision(
        image.pixels, factor
    )
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("factor", [0.0, 0.4, 2.5])
def test_sharpness_has_its_transfer_function(factor):
    y, x = np.mgrid[:60, :60]
    for fx, fy in ((0.1, 0), (0, 0.25), (0.3, 0.2)):
        wave = np.cos(2 * np.pi * (fx * x + fy * y)).astype(np.float32)[:, :, None]
        image = make_image(60, 60, 1, "float32").with_pixels(wave)
        cx, cy = np.cos(2 * np.pi * fx), np.cos(2 * np.pi * fy)
        smooth = (5 + 2 * cx + 2 * cy + 4 * cx * cy) / 13
        expected = (factor + (1 - factor) * smooth) * wave
        result = modified(AdjustSharpness, image, factor=factor)
        np.testing.assert_allclose(result[1:-1, 1:-1], expected[1:-1, 1:-1], atol=2e-6)
        # The border is the image's own, mixed with itself.
        np.testing.assert_allclose(result[0], wave[0], rtol=2e-7)


def test_only_the_borders_of_the_full_image_are_kept():
    image = make_image(50, 60, 2)
    modifier = AdjustSharpness(AdjustSharpness.Params(factor=4))
    whole = modifier.modify(image, None, Context()).pixels
    part = image.cut((slice(10, 40), slice(0, 30)))
    place = Context().at((10, 0), image.shape)
    result = modifier.modify(part, None, place).pixels
    np.testing.assert_array_equal(result[1:-1, :-1], whole[11:39, :29])


@pytest.mark.parametrize(("amount", "sigma"), [(0.5, 1.0), (2.0, 2.5)])
def test_the_unsharp_mask_has_its_transfer_function(amount, sigma):
    x = np.arange(200)
    for frequency in (0.02, 0.08, 0.2):
        wave = np.cos(2 * np.pi * frequency * (x + 0.5)).astype(np.float32)
        pixels = np.repeat(wave[None, :, None], 5, axis=0)
        image = make_image(5, 200, 1, "float32").with_pixels(pixels)
        blur = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
        result = modified(UnsharpMask, image, amount=amount, sigma_px=sigma)
        middle = slice(40, 160)
        expected = (1 + amount * (1 - blur)) * wave[middle]
        # The sampled, truncated Gaussian is within 1e-3 of the continuous one.
        np.testing.assert_allclose(result[2, middle, 0], expected, atol=2e-3 * amount)


def test_small_differences_are_left_alone():
    image = make_image(50, 60, 3, "uint16")
    everywhere = modified(UnsharpMask, image, amount=1.5, sigma_px=1.2).astype(float)
    some = modified(UnsharpMask, image, amount=1.5, sigma_px=1.2, threshold_dn=100)
    changed = some != image.pixels
    assert 0 < changed.mean() < 0.9
    np.testing.assert_array_equal(some[changed], everywhere[changed])
    # What is left alone would have changed by less than amount times the threshold.
    assert np.abs(everywhere - image.pixels)[~changed].max() <= 150 + 0.5


@pytest.mark.parametrize("component", [AdjustSharpness, UnsharpMask])
def test_overshoot_stays_within_the_peak(component):
    image = make_image(30, 30, 1, "uint16", peak=1000)
    edge = np.full_like(image.pixels, 100)
    edge[:, 15:] = 950
    given = {"factor": 5} if component is AdjustSharpness else {"amount": 4}
    result = modified(component, image.with_pixels(edge), **given)
    assert (result.min(), result.max()) == (0, 1000)
