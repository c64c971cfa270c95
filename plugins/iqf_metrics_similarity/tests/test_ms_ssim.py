"""MS-SSIM: against plain 64-bit numpy, and the value that torchmetrics documents."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def maps(x, y, peak):
    """Return SSIM and contrast-structure of every window within the planes, in 64 bits."""
    line = np.exp(-0.5 * ((np.arange(11) - 5) / 1.5) ** 2)
    line /= line.sum()

    def mean(plane):
        across = sliding_window_view(plane, 11, axis=1) @ line
        return sliding_window_view(across, 11, axis=0) @ line

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    structure = (2 * cov + c2) / (vx + vy + c2)
    return structure * (2 * mx * my + c1) / (mx**2 + my**2 + c1), structure


def expected(x, y, peak, mirrored=False):
    """Return equation 7 of Wang, Simoncelli, Bovik 2003."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    result = 1.0
    for scale, exponent in enumerate(EXPONENTS):
        if scale == 4:
            if mirrored:
                x, y = np.pad(x, 5, mode="reflect"), np.pad(y, 5, mode="reflect")
            return result * maps(x, y, peak)[0].mean() ** exponent
        result *= maps(x, y, peak)[1].mean() ** exponent
        rows, columns = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
        x, y = (
            p[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))
            for p in (x, y)
        )
    return None


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_agrees_with_64_bit_numpy(measure, pair, dtype):
    image, reference = pair(187, 210, dtype=dtype)
    peak = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    planes = image[..., 0], reference[..., 0]
    # 1e-4 is the goal; 32-bit filters stay well within it.
    values = {
        variant: measure(f"ms_ssim:variant={variant}", image, reference)["ms_ssim"].value
        for variant in ("wang2003", "torchmetrics")
    }
    assert_allclose(values["wang2003"], expected(*planes, peak), atol=1e-5)
    assert_allclose(values["torchmetrics"], expected(*planes, peak, mirrored=True), atol=1e-5)
    assert abs(values["wang2003"] - values["torchmetrics"]) > 1e-4


def test_16_bits_around_60000(measure):
    rng = np.random.default_rng(2)
    reference = (60_000 + 300 * rng.standard_normal((180, 190))).astype(np.uint16)
    image = (reference + 100 * rng.standard_normal(reference.shape)).astype(np.uint16)
    value = measure("ms_ssim", image, reference, peak=1000)["ms_ssim"].value
    assert_allclose(value, expected(image, reference, 1000.0), atol=1e-4)


def test_meets_the_value_that_torchmetrics_documents(measure):
    # Its documentation: rand([3, 3, 256, 256]) against 0.75 times itself gives 0.9628; the coarsest
    # scale has 256 pixels a plane, so nine planes scatter by a few 1e-4.
    noise = np.random.default_rng(3).random((256, 256, 9), np.float32)
    value = measure("ms_ssim:variant=torchmetrics", noise, noise * np.float32(0.75))
    assert_allclose(value["ms_ssim"].value, 0.9628, atol=1e-3)


def test_an_image_is_like_itself(measure, pair):
    image, _ = pair(176, 176)
    assert measure("ms_ssim", image, image)["ms_ssim"].value == 1


def test_masked_pixels_have_no_influence(measure, pair):
    image, reference = pair(300, 300)
    mask = np.ones((300, 300), bool)
    mask[:16, :16] = False
    plain = measure("ms_ssim", image, reference, mask)["ms_ssim"]
    spoilt = np.where(mask[..., np.newaxis], image, 255).astype(np.uint8)
    assert measure("ms_ssim", spoilt, reference, mask)["ms_ssim"] == plain
    # The rows below the masked corner, alone, have nearly the same number.
    assert_allclose(
        plain.value, measure("ms_ssim", image[16:], reference[16:])["ms_ssim"].value, atol=0.01
    )


def test_too_small_an_image_is_told_what_it_needs(measure, pair):
    image, reference = pair(175, 300)
    value = measure("ms_ssim", image, reference)["ms_ssim"]
    assert value.value is None
    assert value.reason == (
        "the image is 175 x 300 pixels; five scales of 11 x 11 windows need 176 x 176"
    )


def test_a_negative_has_no_real_power(measure, pair):
    _, reference = pair(200, 200)
    value = measure("ms_ssim", 255 - reference, reference)["ms_ssim"]
    assert value.value is None and "negative" in value.reason
