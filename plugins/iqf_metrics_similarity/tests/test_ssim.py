"""SSIM: the numbers of scikit-image and torchmetrics, masks, 16 bits, and closed forms.

torchmetrics is not run here, it needs torch: `full_ssim` states in plain 64-bit numpy what its
documentation, its source and its change of border handling (Lightning-AI/torchmetrics, pull request
2721) say, and `test_meets_the_value_that_torchmetrics_documents` ties it to a number that
torchmetrics prints.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose
from skimage.metrics import structural_similarity

from iqf_core.errors import ConfigurationError

PEAKS = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}
#: The goal; what is left are 32-bit filters.
WITHIN = 1e-4


def gaussian(size: int, sigma: float) -> np.ndarray:
    """Return Gaussian weights that sum to 1, (size, size)."""
    line = np.exp(-0.5 * ((np.arange(size) - size // 2) / sigma) ** 2)
    weights = np.outer(line, line)
    return weights / weights.sum()


def ssim_map(x, y, weights, peak, factor=1.0) -> np.ndarray:
    """Return equation 13 of Wang et al. 2004 for every window, by two-pass sums in 64 bits."""
    windows = [sliding_window_view(p.astype(np.float64), weights.shape) for p in (x, y)]
    mean_x, mean_y = (np.einsum("ijkl,kl->ij", each, weights) for each in windows)
    dx, dy = windows[0] - mean_x[..., None, None], windows[1] - mean_y[..., None, None]
    var_x, var_y, cov = (
        factor * np.einsum("ijkl,kl->ij", each, weights) for each in (dx * dx, dy * dy, dx * dy)
    )
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    return top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))


def full_ssim(x, y, peak) -> float:
    """Return the mean over windows around every pixel, the image mirrored at its edge pixels."""
    x, y = (np.pad(plane.astype(np.float64), 5, mode="reflect") for plane in (x, y))
    return float(ssim_map(x, y, gaussian(11, 1.5), peak).mean())


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("bands", [1, 4])
def test_gives_the_numbers_of_scikit_image(measure, pair, dtype, bands):
    image, reference = pair(dtype=dtype, bands=bands)
    options = {"data_range": PEAKS[dtype], "channel_axis": 2}
    uniform = structural_similarity(image, reference, **options)
    weighted = structural_similarity(
        image, reference, gaussian_weights=True, use_sample_covariance=False, **options
    )
    assert_allclose(
        measure("ssim:variant=skimage_uniform", image, reference)["ssim"].value,
        uniform,
        atol=WITHIN,
    )
    for variant in ("skimage_gaussian", "wang2004"):
        value = measure(f"ssim:variant={variant}", image, reference)["ssim"].value
        assert_allclose(value, weighted, atol=WITHIN)
    assert abs(uniform - weighted) > 10 * WITHIN, "the variants must be told apart here"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_gives_the_numbers_of_torchmetrics(measure, pair, dtype):
    image, reference = pair(61, 58, dtype=dtype)
    value = measure("ssim:variant=torchmetrics", image, reference)["ssim"].value
    expected = full_ssim(image[:, :, 0], reference[:, :, 0], PEAKS[dtype])
    assert_allclose(value, expected, atol=WITHIN)
    assert abs(value - measure("ssim", image, reference)["ssim"].value) > 3 * WITHIN


def test_meets_the_value_that_torchmetrics_documents(measure):
    # Its documentation: rand([3, 3, 256, 256]) against 0.75 times itself gives 0.9219. Nine planes
    # of uniform noise scatter by less than 1e-4 around the expectation, whatever the generator.
    noise = np.random.default_rng(3).random((256, 256, 9), np.float32)
    value = measure("ssim:variant=torchmetrics", noise, noise * np.float32(0.75))["ssim"].value
    assert_allclose(value, 0.9219, atol=2e-4)


def test_16_bits_around_60000(measure):
    rng = np.random.default_rng(5)
    reference = (60_000 + 300 * rng.standard_normal((64, 80))).clip(0, 65535).astype(np.uint16)
    image = (reference + 200 * rng.standard_normal(reference.shape)).clip(0, 65535)
    image = image.astype(np.uint16)
    # With the peak of the texture itself the constants hide nothing: the hardest case.
    for peak in (65535.0, 1000.0):
        expected = ssim_map(image, reference, gaussian(11, 1.5), peak).mean()
        value = measure("ssim", image, reference, peak=peak)["ssim"].value
        assert_allclose(value, expected, atol=WITHIN)
    uniform = np.full((7, 7), 1 / 49)
    expected = ssim_map(image, reference, uniform, 1000.0, factor=49 / 48).mean()
    value = measure("ssim:variant=skimage_uniform", image, reference, peak=1000)["ssim"].value
    assert_allclose(value, expected, atol=WITHIN)


def test_constant_planes_have_the_luminance_term_alone(measure):
    one, other = (np.full((20, 20), value, np.uint8) for value in (100, 120))
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert_allclose(measure("ssim", one, other)["ssim"].value, expected, rtol=1e-6)


def test_an_image_is_like_itself(measure, pair):
    image, _ = pair(dtype="uint16", bands=2)
    assert measure("ssim", image, image)["ssim"].value == 1


def test_windows_that_touch_invalid_pixels_are_dropped(measure, pair):
    image, reference = pair(70, 90)
    mask = np.ones((70, 90), bool)
    mask[30:34, 40] = mask[0, 0] = False
    spoilt = np.where(mask[..., np.newaxis], image, 255).astype(np.uint8)
    every = ssim_map(image[..., 0], reference[..., 0], gaussian(11, 1.5), 255.0)
    clean = sliding_window_view(mask, (11, 11)).all(axis=(2, 3))
    values = measure("ssim", spoilt, reference, mask)
    assert_allclose(values["ssim"].value, every[clean].mean(), atol=WITHIN)
    assert abs(every[clean].mean() - every.mean()) > 3 * WITHIN
    assert values["valid_share"].value == 1 - 5 / 6300


def test_a_huge_nodata_value_leaves_no_trace(measure, pair):
    image, reference = pair(dtype="float32")
    mask = np.ones(image.shape[:2], bool)
    mask[40:60, 50:80] = False
    plain = measure("ssim:variant=skimage_uniform", image, reference, mask)["ssim"]
    spoilt = np.where(mask[..., np.newaxis], image, np.float32(-3.4e38))
    assert measure("ssim:variant=skimage_uniform", spoilt, reference, mask)["ssim"] == plain


def test_strips_of_a_large_image_leave_no_seam(measure, pair):
    image, reference = pair(700, 300)
    expected = structural_similarity(
        image[..., 0],
        reference[..., 0],
        data_range=255,
        gaussian_weights=True,
        use_sample_covariance=False,
    )
    assert_allclose(measure("ssim", image, reference)["ssim"].value, expected, atol=WITHIN)


def test_bands_are_averaged(measure, pair):
    image, reference = pair(bands=3)
    ssim = measure("ssim", image, reference)["ssim"]
    alone = [measure("ssim", image[..., b], reference[..., b])["ssim"].value for b in range(3)]
    assert [band.value for band in ssim.bands] == alone
    assert ssim.value == np.mean(alone)


def test_a_variant_records_what_it_stands_for(iqf_registry, iqf_context):
    def params(**given):
        return iqf_registry.create("metric", "ssim", given, iqf_context).params.model_dump()

    assert params()["size"] == 11 and params()["sigma"] == 1.5
    uniform = params(variant="skimage_uniform")
    assert (uniform["window"], uniform["size"], uniform["sigma"]) == ("uniform", 7, None)
    assert uniform["sample_covariance"] is True
    assert params(sigma=3)["size"] == 23  # 2 int(3.5 sigma + 0.5) + 1
    assert params(window="uniform")["variant"] == "custom"
    for given in ({}, {"variant": "torchmetrics"}, {"window": "uniform", "size": 9}):
        assert params(**params(**given)) == params(**given), "what is recorded can be given again"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"variant": "skimage_uniform", "size": 11}, "means size=7"),
        ({"size": 8}, "odd"),
        ({"window": "uniform", "sigma": 2}, "sigma belongs to window=gaussian"),
        ({"sigma": "wide"}, "sigma"),
    ],
)
def test_contradictions_are_refused(iqf_registry, iqf_context, given, message):
    with pytest.raises(ConfigurationError, match=message):
        iqf_registry.create("metric", "ssim", given, iqf_context)
