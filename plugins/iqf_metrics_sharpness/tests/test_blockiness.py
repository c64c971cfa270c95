"""What a JPEG rounded coarsely is told from straight edges that look alike from all its blocks."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from iqf_metrics_sharpness.blockiness import coarse_step
from numpy.typing import NDArray
from scipy.special import ndtr
from sklearn.datasets import load_sample_images

from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader


def reader(pixels: NDArray[Any]) -> ImageReader:
    return ImageReader.of(Image(np.atleast_3d(pixels), 255))


def coded(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return grey or RGB pixels after a JPEG."""
    swapped = pixels[:, :, ::-1] if pixels.ndim == 3 else pixels
    _, stream = cv2.imencode(".jpg", np.ascontiguousarray(swapped), [1, quality])
    decoded = np.asarray(cv2.imdecode(stream, cv2.IMREAD_UNCHANGED))
    return np.ascontiguousarray(decoded[:, :, ::-1]) if pixels.ndim == 3 else decoded


def edge(degrees: float, width: float, noise: float, seed: int) -> NDArray[np.uint8]:
    angle = np.radians(degrees)
    rows, columns = np.mgrid[:160, :160] - 79.37
    across = columns * np.cos(angle) + rows * np.sin(angle)
    image = 60 + 120 * ndtr(across / width)
    image += np.random.default_rng(seed).normal(0, noise, image.shape)
    return np.rint(image).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
# The luminance table of ITU-T T.81, annex K, has 11 and 12 at (0, 1) and (1, 0).
@pytest.mark.parametrize(("quality", "steps"), [(5, (110, 120)), (10, (55, 60))])
def test_coarse_photographs_tell_their_step(
    number: int, colour: bool, quality: int, steps: tuple[int, int]
) -> None:
    photograph = load_sample_images().images[number]
    if not colour:
        photograph = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)
    for row, column in ((0, 0), (5, 3)):
        rough = coded(photograph, quality)[row:, column:]
        step = coarse_step(reader(rough), 0)
        assert step >= 40
        assert any(abs(step * round(each / step) - each) <= 2 for each in steps)


@pytest.mark.parametrize("number", [0, 1])
def test_photographs_that_are_no_coarse_jpeg_have_no_step(number: int) -> None:
    photograph = load_sample_images().images[number]
    assert coarse_step(reader(photograph), 0) == 0
    assert coarse_step(reader(coded(photograph, 50)), 0) == 0


@pytest.mark.parametrize("degrees", [45, 26.565, 63.435, 135, 0])
def test_straight_edges_have_no_step(degrees: float) -> None:
    for width in (0.4, 0.7, 1.0, 1.6, 2.5):
        for noise in (0.2, 1.0, 1.5):
            for seed in range(4):
                assert coarse_step(reader(edge(degrees, width, noise, seed)), 0) == 0
