"""Bad input: no crash, no made-up number, the reason stated; for every metric."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iqf_core.api import Image, ImageReader, PairInput
from iqf_core.errors import UnsupportedImageError

METRICS = ["psnr", "rmse", "mae", "ssim", "ms_ssim", "sam", "ergas", "gmsd", "vif", "fsim"]
WINDOWED = ["ssim", "ms_ssim", "gmsd", "vif", "fsim"]
SPECS = {"ergas": "ergas:gsd_ratio=0.25"}


@pytest.fixture(params=METRICS)
def metric(request):
    return request.param


@pytest.fixture
def value_of(measure):
    """Measure, see that every output is a finite number or a reason, and return the main one."""

    def run(metric, *arguments, **fields):
        values = measure(SPECS.get(metric, metric), *arguments, **fields)
        for value in values.values():
            for each in (value, *value.bands):
                if each.value is None:
                    assert each.reason
                else:
                    assert math.isfinite(each.value)
        return values[metric]

    return run


def test_constant_images(metric, value_of):
    one, other = (np.full((200, 200, 2), value, np.uint8) for value in (90, 120))
    value = value_of(metric, one, other)
    if metric in ("vif", "fsim"):
        assert value.value is None
        assert "texture" in value.reason or "feature" in value.reason
    else:
        assert value.value is not None
    if metric in ("rmse", "mae"):
        assert value.value == 30
    if metric in ("sam", "gmsd"):
        assert value.value == pytest.approx(0, abs=1e-5)  # degrees: unit vectors have 32 bits


def test_saturated_images(metric, value_of):
    full = np.full((200, 200, 3), 65535, np.uint16)
    value = value_of(metric, full, full)
    expected = {"rmse": 0, "mae": 0, "ssim": 1, "ms_ssim": 1, "sam": 0, "ergas": 0, "gmsd": 0}
    assert value.value == expected.get(metric)


def test_black_images(metric, value_of):
    black = np.zeros((200, 200, 2), np.float32)
    value = value_of(metric, black, black)
    expected = {"rmse": 0, "mae": 0, "ssim": 1, "ms_ssim": 1, "gmsd": 0}
    assert value.value == expected.get(metric)


def test_nothing_valid(metric, value_of, pair):
    image, reference = pair(200, 200, bands=2)
    left = np.zeros((200, 200), bool)
    left[:, :100] = True
    value = value_of(metric, image, reference, left, ~left)
    assert value.value is None
    assert value.reason == "no pixel is valid in both images"


def test_single_valid_pixels(metric, value_of, pair):
    image, reference = pair(200, 200, bands=2)
    mask = np.zeros((200, 200), bool)
    mask[::5, ::5] = True
    value = value_of(metric, image, reference, mask)
    assert (value.value is None) == (metric in WINDOWED)
    if metric in WINDOWED:
        assert "free of invalid pixels" in value.reason


@pytest.mark.parametrize("shape", [(3, 3), (300, 1), (1, 300), (1, 1)])
def test_small_and_thin_images(metric, value_of, pair, shape):
    image, reference = pair(*shape, bands=2)
    value = value_of(metric, image, reference)
    assert (value.value is None) == (metric in WINDOWED)
    if metric in WINDOWED:
        assert f"{shape[0]} x {shape[1]} pixels" in value.reason


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_left_out(metric, measure, value_of, pair, bad):
    image, reference = pair(208, 208, "float32", bands=2)
    image[5, 7, 1] = reference[8, 9, 0] = bad
    mask = np.ones((208, 208), bool)
    mask[5, 7] = mask[8, 9] = False
    value = value_of(metric, image, reference)
    assert value.value is not None
    assert value == value_of(metric, np.nan_to_num(image), np.nan_to_num(reference), mask)
    share = measure(SPECS.get(metric, metric), image, reference)["valid_share"]
    assert share.value == 1 - 2 / 208**2


def test_negative_values(metric, value_of, pair):
    image, reference = (each - np.float32(0.5) for each in pair(200, 200, "float32", bands=2))
    value = value_of(metric, image, reference)
    if metric == "ergas":
        value = value_of(metric, -image - 1, -reference - 1)
        assert value.value is None and "not positive" in value.reason
    elif metric != "ms_ssim":
        assert value.value is not None


def test_huge_values(metric, value_of, pair):
    image, reference = (each * np.float32(3e38) for each in pair(200, 200, "float32", bands=2))
    value_of(metric, image, reference)
    # And with a peak that fits them.
    value_of(metric, image, reference, peak=3e38)


def test_nodata_of_65535_is_not_compared(metric, value_of, pair):
    image, reference = pair(220, 220, "uint16", bands=2, peak=4095)
    mask = np.ones((220, 220), bool)
    mask[:30, :12] = False
    filled = np.where(mask[..., np.newaxis], image, 65535).astype(np.uint16)
    value = value_of(metric, filled, reference, mask, peak=4095)
    assert value.value is not None
    assert value == value_of(metric, image, reference, mask, peak=4095)


@pytest.mark.parametrize("difference", ["shape", "dtype", "peak"])
def test_images_that_are_no_pair_are_refused(iqf_registry, iqf_context, pair, difference):
    image, _ = pair()
    other = {
        "shape": Image(image[1:], peak=255),
        "dtype": Image(image.astype(np.uint16), peak=255),
        "peak": Image(image, peak=200),
    }[difference]
    metric = iqf_registry.create("metric", "psnr", {}, iqf_context)
    subject = PairInput(
        ImageReader.of(Image(image, peak=255)), reference_reader=ImageReader.of(other)
    )
    with pytest.raises(UnsupportedImageError, match=difference):
        metric.measure(subject, iqf_context)


def test_luma_wants_three_bands(measure, pair):
    image, reference = pair(bands=4)
    with pytest.raises(UnsupportedImageError, match="colour=luma takes 3 bands"):
        measure("ssim:colour=luma", image, reference)
