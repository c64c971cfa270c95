"""What the modifiers to a target promise is what the metrics then measure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.special import ndtr
from sklearn.datasets import load_sample_images

from iqf_core.components.context import Context
from iqf_core.components.metric import ImageInput
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader

PHOTOGRAPHS = Path(__file__).parents[4] / "shared/data/coco_photos/images"


def synthetic(seed: int) -> Image:
    """Return bars in several directions of a Gaussian system, with a little noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:256, :256]
    # The ramp makes the median a level that noise does not move.
    pixels = 100 + 0.15 * columns
    for angle in (0.08, 1.48, 0.7):
        across = columns * np.cos(angle) + rows * np.sin(angle)
        for number, place in enumerate(np.arange(-10 + rng.uniform(0, 20), 400, 63.3)):
            pixels += (24 if number % 2 else -24) * ndtr((across - place) / 0.6)
    pixels += rng.normal(0, 0.4, pixels.shape)
    return Image(pixels.astype(np.float32)[..., None], 255)


def photograph(pixels: np.ndarray) -> Image:
    """Return half of it, so that its own compression and noise do not matter."""
    small = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return Image(np.ascontiguousarray(small), 255)


def grey(pixels: np.ndarray) -> Image:
    return Image(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)[..., None], 255)


def after(registry: Any, image: Image, name: str, metric: str, **params: Any) -> float | None:
    """Return what `metric` measures after the modifier, None where it was out of reach."""
    context = Context(registry=registry, source_hash="image", full_shape=image.shape)
    values = {"on_unreachable": "keep", **params}
    modifier = registry.create("modifier", name, values, context)
    notes: list[str] = []
    listening = Context(registry, source_hash="image", full_shape=image.shape, notes=notes)
    state = modifier.prepare(ImageReader.of(image), listening)
    if any("kept as it is" in note for note in notes):
        return None
    modified = modifier.modify(image, state, context)
    measured = registry.create("metric", metric, {}, context)
    value = measured.measure(ImageInput(ImageReader.of(modified)), context)[name].value
    assert value is not None
    return float(value)


def test_scenes_have_the_snr_asked_for(iqf_registry: Any) -> None:
    found = [after(iqf_registry, synthetic(i), "snr", "snr", target=30) for i in range(5)]
    assert np.median(found) == pytest.approx(30, rel=0.02)


def two_levels(seed: int, share: float, dtype: str, gain: float) -> Image:
    """Return two fields with a little noise; the brighter one takes about `share`."""
    rng = np.random.default_rng([seed, 3])
    rows, columns = np.mgrid[:256, :256]
    angle = rng.uniform(0, np.pi)
    across = (columns - 127.5) * np.cos(angle) + (rows - 127.5) * np.sin(angle)
    bright = ndtr((across - np.quantile(across, 1 - share)) / 0.7)
    pixels = gain * (60 + 90 * bright + rng.normal(0, 0.7, bright.shape))
    if dtype == "float32":
        return Image(pixels.astype(np.float32)[..., None], 255 * gain)
    return Image(np.rint(pixels).astype(dtype)[..., None], 255 * gain)


@pytest.mark.parametrize("target", [5, 10, 30])
@pytest.mark.parametrize(("dtype", "gain"), [("uint8", 1), ("uint16", 16), ("float32", 0.1)])
def test_scenes_of_two_levels_have_the_snr_asked_for(
    dtype: str, gain: float, target: float, iqf_registry: Any
) -> None:
    images = [two_levels(i, share, dtype, gain) for i, share in enumerate((0.48, 0.5, 0.52, 0.3))]
    found = [after(iqf_registry, image, "snr", "snr", target=target) for image in images]
    assert None not in found
    assert np.median(found) == pytest.approx(target, rel=0.02)


def test_scenes_have_the_rer_asked_for(iqf_registry: Any) -> None:
    found = [after(iqf_registry, synthetic(i), "rer", "sharpness", target=0.35) for i in range(4)]
    assert np.median(found) == pytest.approx(0.35, rel=0.02)


def test_photographs_have_the_snr_asked_for(iqf_registry: Any) -> None:
    images = [photograph(each) for each in load_sample_images().images]
    found = [after(iqf_registry, image, "snr", "snr", target=8) for image in images]
    reached = [each for each in found if each is not None]
    assert reached
    assert np.median(reached) == pytest.approx(8, rel=0.02)


@pytest.mark.shared_data
def test_other_photographs_have_the_snr_asked_for(iqf_registry: Any) -> None:
    files = sorted(PHOTOGRAPHS.glob("*.jpg")) if PHOTOGRAPHS.is_dir() else []
    if not files:
        pytest.skip("no shared data")
    images = [photograph(cv2.imread(str(file))) for file in files]
    found = [after(iqf_registry, image, "snr", "snr", target=10) for image in images]
    reached = [each for each in found if each is not None]
    assert len(reached) >= 3
    assert np.median(reached) == pytest.approx(10, rel=0.02)


def test_photographs_have_the_rer_asked_for(iqf_registry: Any) -> None:
    images = [grey(each) for each in load_sample_images().images]
    found = [after(iqf_registry, image, "rer", "sharpness", target=0.3) for image in images]
    reached = [each for each in found if each is not None]
    assert reached
    assert np.median(reached) == pytest.approx(0.3, rel=0.02)


@pytest.mark.shared_data
@pytest.mark.parametrize("target", [0.25, 0.35])
def test_other_photographs_have_the_rer_asked_for(iqf_registry: Any, target: float) -> None:
    files = sorted(PHOTOGRAPHS.glob("*.jpg")) if PHOTOGRAPHS.is_dir() else []
    if not files:
        pytest.skip("no shared data")
    images = [grey(cv2.imread(str(file))) for file in files]
    found = [after(iqf_registry, image, "rer", "sharpness", target=target) for image in images]
    reached = [each for each in found if each is not None]
    assert len(reached) >= 6
    assert np.median(np.abs(np.array(reached) / target - 1)) < 0.02
