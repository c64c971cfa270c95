"""What the tests of the metrics share: pairs of images, and a short way to measure them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from iqf_core.api import Context, Image, ImageReader, PairInput, Value
from iqf_core.components.specification import parse_specification

PEAKS = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}

Measure = Callable[..., Mapping[str, Value]]


def as_image(pixels: NDArray[Any], **fields: Any) -> Image:
    """Return an image of pixels (H, W) or (H, W, C)."""
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    return Image(pixels, **{"peak": PEAKS[str(pixels.dtype)], **fields})


@pytest.fixture
def measure(iqf_registry: Any, iqf_context: Context) -> Measure:
    """Measure ``spec`` (``"ssim:variant=torchmetrics"``) on two arrays; masks may differ."""

    def run(
        spec: str,
        pixels: NDArray[Any],
        reference: NDArray[Any],
        mask: Any = None,
        reference_mask: Any = None,
        **fields: Any,
    ) -> Mapping[str, Value]:
        specification = parse_specification(spec)
        metric = iqf_registry.create(
            "metric", specification.name, specification.params, iqf_context
        )
        image = as_image(pixels, mask=mask, **fields)
        other = as_image(reference, mask=reference_mask, **fields)
        subject = PairInput(ImageReader.of(image), reference_reader=ImageReader.of(other))
        values: Mapping[str, Value] = metric.measure(subject, iqf_context)
        return values

    return run


@pytest.fixture
def scene() -> Callable[..., NDArray[np.float64]]:
    """Make a field of values around 0.5, (H, W): waves, an edge, a flat part and grain."""

    def make(height: int, width: int, seed: int = 0) -> NDArray[np.float64]:
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[0:height, 0:width].astype(float)
        field = 0.5 + 0.15 * np.sin(0.21 * x + 0.05 * y + seed) * np.cos(0.13 * y)
        field += np.where(x + 0.4 * y > 0.6 * width, 0.2, -0.1)
        field[: height // 5, : width // 4] = 0.3
        field += 0.02 * rng.standard_normal(field.shape)
        return np.clip(field, 0.02, 0.98)

    return make


@pytest.fixture
def pair(scene: Callable[..., NDArray[np.float64]]) -> Callable[..., Any]:
    """Make a degraded image and its reference, of a data type: blurred by hand, noisy, darker."""

    def make(
        height: int = 97, width: int = 120, dtype: str = "uint8", bands: int = 1, peak: float = 0
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        full_scale = peak or PEAKS[dtype]
        reference = np.stack([scene(height, width, band) for band in range(bands)], axis=2)
        image = 0.5 * reference + 0.25 * (np.roll(reference, 1, 0) + np.roll(reference, 1, 1))
        image = 0.9 * image + 0.03 * np.random.default_rng(7).standard_normal(image.shape)
        planes = [np.clip(each, 0, 1) * full_scale for each in (image, reference)]
        if dtype != "float32":
            planes = [np.rint(each) for each in planes]
        image, reference = (each.astype(dtype) for each in planes)
        return image, reference

    return make
