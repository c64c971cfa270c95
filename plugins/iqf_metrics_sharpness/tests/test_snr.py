"""The noise that was put in comes out, and where none can be told the metric says so."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from iqf_metrics_sharpness.snr import Snr
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images

from iqf_core.components.context import Context
from iqf_core.components.metric import ImageInput, Value
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader
from iqf_core.testing import MetricConformance

PHOTOGRAPHS = Path(__file__).parents[4] / "shared/data/coco_photos/images"


class TestSnr(MetricConformance):
    component = "snr"
    parameter_sets = ({}, {"method": "areas"}, {"level_dn": 80})


def measured(
    pixels: NDArray[Any], peak: float = 255, mask: Any = None, **params: Any
) -> dict[str, Value]:
    image = Image(pixels if pixels.ndim == 3 else pixels[..., None], peak, mask)
    metric = Snr(Snr.Params(**params))
    return dict(metric.measure(ImageInput(ImageReader.of(image)), Context()))


def scene(height: int = 384, width: int = 384) -> NDArray[np.float64]:
    """Return fields of several levels, stripes and a gradient, without noise."""
    rows, columns = np.mgrid[:height, :width]
    fields = 60 + 40 * ((rows // 48 * 7 + columns // 48 * 3) % 5)
    return fields - 15 * ((rows // 3) % 2) * (columns > 0.7 * width) + columns / width * 10


@pytest.mark.parametrize("sigma", [1.5, 5, 12])
def test_noise_of_a_scene_is_that_put_in(sigma: float) -> None:
    errors = []
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(0, sigma, (384, 384))
        value = measured(np.rint(scene() + noise).clip(0, 255).astype(np.uint8))["noise_sigma"]
        errors.append(abs(value.value / np.hypot(sigma, 12**-0.5) - 1))
    assert np.median(errors) < 0.008
    assert max(errors) < 0.03


def test_sixteen_bits_with_an_offset_are_measured_alike() -> None:
    noise = np.random.default_rng(1).normal(0, 5, (384, 384))
    values = measured(np.rint(scene() + noise + 60000).astype(np.uint16), peak=65535)
    assert values["noise_sigma"].value == pytest.approx(5, rel=0.03)


def test_signal_is_the_median_and_the_ratio_is_taken_there() -> None:
    pixels = np.random.default_rng(2).normal(100, 4, (256, 256)).astype(np.float32)
    values = measured(pixels)
    assert values["signal"].value == pytest.approx(np.median(pixels), rel=1e-4)
    assert values["snr"].value == pytest.approx(25, rel=0.03)
    assert values["snr_db"].value == pytest.approx(20 * np.log10(values["snr"].value), rel=1e-5)
    assert values["snr"].low < values["snr"].value < values["snr"].high
    assert measured(pixels, level_dn=50)["snr"].value == pytest.approx(12.5, rel=0.03)


def test_noise_that_grows_with_the_signal_is_a_line() -> None:
    mean = np.tile(np.repeat(np.arange(20, 220, 25.0), 48), (384, 1))
    noise = np.random.default_rng(3).normal(0, 1, mean.shape) * np.sqrt(4 + 0.5 * mean)
    values = measured((mean + noise).astype(np.float32))
    assert values["noise_a"].value == pytest.approx(0.5, rel=0.05)
    assert values["noise_b"].value == pytest.approx(4, abs=2)
    expected = np.sqrt(4 + 0.5 * values["signal"].value)
    assert values["noise_sigma"].value == pytest.approx(expected, rel=0.02)


def test_constant_noise_has_no_line() -> None:
    values = measured(np.random.default_rng(4).normal(100, 4, (256, 256)).astype(np.float32))
    assert values["noise_a"].value is None
    assert "does not depend" in values["noise_a"].reason


def photographs() -> list[NDArray[np.uint8]]:
    return [
        cv2.resize(each, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for each in load_sample_images().images
    ]


def errors_on(images: list[NDArray[np.uint8]]) -> list[float]:
    rng, errors = np.random.default_rng(5), []
    for image in images:
        for sigma in (5, 10, 20):
            noisy = 20 + 0.8 * image + rng.normal(0, sigma, image.shape)
            values = measured(np.rint(noisy).clip(0, 255).astype(np.uint8))["noise_sigma"]
            errors += [abs(band.value / np.hypot(sigma, 12**-0.5) - 1) for band in values.bands]
    return errors


def test_noise_added_to_photographs_is_found() -> None:
    assert np.median(errors_on(photographs())) < 0.02


@pytest.mark.shared_data
def test_noise_added_to_other_photographs_is_found() -> None:
    files = sorted(PHOTOGRAPHS.glob("*.jpg")) if PHOTOGRAPHS.is_dir() else []
    if not files:
        pytest.skip("no shared data")
    images = [cv2.imread(str(file)) for file in files[:6]]
    halves = [
        cv2.resize(each, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for each in images
    ]
    errors = errors_on(halves)
    assert np.median(errors) < 0.015
    assert np.percentile(errors, 90) < 0.08


def test_areas_agree_on_fields_and_give_no_value_on_texture() -> None:
    rng = np.random.default_rng(6)
    pixels = np.rint(scene() + rng.normal(0, 5, (384, 384))).clip(0, 255).astype(np.uint8)
    by_areas = measured(pixels, method="HA")
    assert by_areas["noise_sigma"].value == pytest.approx(5, rel=0.03)
    rows, columns = np.mgrid[:256, :256]
    texture = 128 + 60 * np.sin(rows * 0.8) * np.sin(columns * 0.7) + rng.normal(0, 2, (256, 256))
    none = measured(texture.astype(np.float32), method="areas")["snr"]
    assert none.value is None
    assert "homogeneous" in none.reason


def test_the_names_of_the_papers_are_understood() -> None:
    assert Snr.Params(method="HB").method == "blocks"
    assert Snr.Params(method="ha").method == "areas"


def test_blurred_noise_is_flagged_as_coloured_and_white_noise_is_not() -> None:
    white = np.random.default_rng(7).normal(100, 8, (256, 256)).astype(np.float32)
    assert measured(white)["coloured"].value == 0
    blurred = measured(cv2.GaussianBlur(white, (0, 0), 0.6))
    assert blurred["coloured"].value == 1
    assert "coloured" in blurred["snr"].reason


@pytest.mark.parametrize("quality", [50, 75])
def test_a_jpeg_of_noise_is_flagged_and_says_so(quality: int) -> None:
    rows = np.arange(256)[:, np.newaxis]
    noisy = 80 + 0.3 * rows + np.random.default_rng(17).normal(0, 4, (256, 256))
    pixels = np.rint(noisy).astype(np.uint8)
    assert measured(pixels)["coloured"].value == 0
    _, stream = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    values = measured(cv2.imdecode(stream, cv2.IMREAD_GRAYSCALE))
    # Or all noise is gone.
    assert values["coloured"].value in (1, None)
    assert any(word in values["snr"].reason for word in ("JPEG", "coloured", "no noise"))


def test_invalid_pixels_do_not_count() -> None:
    pixels = np.random.default_rng(8).normal(100, 5, (256, 256)).astype(np.float32)
    mask = np.ones((256, 256), bool)
    mask[:, 128:] = False
    expected = measured(pixels[:, :128])
    pixels[:, 128:] = np.nan
    values = measured(pixels, mask=mask)
    assert values["noise_sigma"].value == pytest.approx(expected["noise_sigma"].value, rel=0.01)
    assert values["signal"].value == expected["signal"].value


def test_a_scene_in_many_windows_is_measured_as_one() -> None:
    pixels = np.random.default_rng(9).normal(100, 5, (1500, 2100)).astype(np.float32)
    assert measured(pixels)["noise_sigma"].value == pytest.approx(5, rel=0.01)


def checkerboard(edge: int, dtype: str = "uint8") -> np.ndarray:
    """Return squares of `edge` pixels, 60 and 180 DN, without any noise."""
    return (60 + 120 * ((np.indices((96, 96)) // edge).sum(axis=0) % 2)).astype(dtype)


def text(background: int, ink: int) -> np.ndarray:
    pixels = np.full((160, 400), background, np.uint8)
    for line in range(6):
        place = (5, 25 + 25 * line)
        cv2.putText(pixels, "Nothing but text 12345", place, 0, 0.7, ink, 1, cv2.LINE_AA)
    return pixels


BAD = {
    "constant": np.full((64, 64), 70, np.uint8),
    "constant floats": np.full((64, 64), 0.3, np.float32),
    "black": np.zeros((64, 64), np.uint8),
    "saturated": np.full((64, 64), 255, np.uint8),
    "all NaN": np.full((64, 64), np.nan, np.float32),
    "one pixel": np.ones((1, 1), np.uint8),
    "three by three": np.arange(9, dtype=np.uint8).reshape(3, 3),
    "one pixel wide": np.arange(200, dtype=np.uint8).reshape(200, 1),
    "one pixel high": np.arange(200, dtype=np.uint8).reshape(1, 200),
    "text on white": text(255, 0),
    "text on grey": text(187, 60),
    "a ramp": np.add.outer(np.arange(128), np.arange(128)).astype(np.uint8),
    "a ramp of floats": np.add.outer(np.arange(128), np.arange(128)).astype(np.float32) / 3,
    "stripes": np.tile(np.uint8([60, 160]), (128, 64)),
    "few different pixels": np.where(np.arange(16384).reshape(128, 128) % 911, 100, 101).astype(
        np.uint8
    ),
    **{f"checkerboard of {edge}": checkerboard(edge) for edge in (1, 2, 3, 4, 5, 8, 16)},
    **{f"floats, of {edge}": checkerboard(edge, "float32") / 7 for edge in (1, 3, 5, 8)},
}


@pytest.mark.parametrize("method", ["blocks", "areas"])
@pytest.mark.parametrize("name", BAD)
def test_where_there_is_no_noise_it_says_why(name: str, method: str) -> None:
    for value in measured(BAD[name], method=method).values():
        assert value.value is None
        assert value.reason


def test_pure_noise_is_noise() -> None:
    pixels = np.random.default_rng(5).normal(128, 30, (128, 128))
    values = measured(np.rint(pixels).clip(1, 254).astype(np.uint8))
    assert values["noise_sigma"].value == pytest.approx(30, rel=0.02)
    assert values["coloured"].value == 0


def test_pixels_that_are_no_numbers_do_not_count() -> None:
    pixels = np.random.default_rng(6).normal(100, 5, (128, 128)).astype(np.float32)
    pixels[3:9, 4:20] = np.nan
    pixels[50, 60] = np.inf
    assert measured(pixels)["noise_sigma"].value == pytest.approx(5, rel=0.03)


def test_values_too_large_to_square_say_so() -> None:
    pixels = np.random.default_rng(6).normal(1e30, 1e29, (128, 128)).astype(np.float32)
    value = measured(pixels, peak=1e31)["snr"]
    assert value.value is None
    assert "large" in value.reason


def test_grey_filling_beside_a_noisy_image_does_not_matter() -> None:
    pixels = np.random.default_rng(4).normal(100, 3, (160, 160))
    pixels[:, 80:] = 127
    assert measured(np.rint(pixels).astype(np.uint8))["noise_sigma"].value == pytest.approx(
        math.hypot(3, 12**-0.5), rel=0.04
    )


def test_all_invalid_says_so() -> None:
    noisy = np.random.default_rng(0).normal(9, 2, (64, 64)).astype(np.float32)
    value = measured(noisy, mask=np.zeros((64, 64), bool))["snr"]
    assert value.value is None
    assert "invalid" in value.reason


def test_negative_signals_have_noise_and_no_ratio() -> None:
    pixels = np.random.default_rng(0).normal(-50, 3, (128, 128)).astype(np.float32)
    values = measured(pixels)
    assert values["noise_sigma"].value == pytest.approx(3, rel=0.04)
    assert values["snr"].value is None
    assert "no ratio" in values["snr"].reason


def test_strong_compression_does_not_pass_for_clean_data() -> None:
    image = load_sample_images().images[0]
    _, stream = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 5])
    values = measured(cv2.imdecode(stream, cv2.IMREAD_COLOR))
    assert values["snr"].value is None or values["coloured"].value == 1


def test_nodata_of_65535_is_no_signal() -> None:
    pixels = np.random.default_rng(3).normal(2000, 30, (256, 256, 1))
    pixels = np.rint(pixels).astype(np.uint16)
    pixels[:, 100:] = 65535
    image = Image(pixels, 65535, mask=pixels[..., 0] != 65535, nodata=65535)
    values = Snr(Snr.Params()).measure(ImageInput(ImageReader.of(image)), Context())
    assert values["signal"].value == pytest.approx(2000, rel=0.005)
    assert values["noise_sigma"].value == pytest.approx(30, rel=0.04)
