"""Short edges count where they are more than noise of the image's spectrum has by chance."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from iqf_metrics_sharpness.candidates import SHORT, find_candidates
from iqf_metrics_sharpness.chance import more_than_chance, surrogates
from iqf_metrics_sharpness.selection import TIERS
from iqf_metrics_sharpness.sharpness import Sharpness
from numpy.typing import NDArray
from scipy.special import ndtr

from iqf_core.components.context import Context
from iqf_core.components.metric import ImageInput, Value
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader

#: The tier of edges of which some may be chance.
LAST = len(TIERS) + 1


def pebbles(width: float, radius: float, texture: float, noise: float, seed: int) -> NDArray[Any]:
    """Return crowded, textured discs of 0.6 to 1.6 times `radius`, seen by a Gaussian system."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:256, :256] + 0.0
    image = np.full(rows.shape, 110.0)
    for _ in range(1500):
        row, column = rng.uniform(0, 256, 2)
        own, level = rng.uniform(0.6, 1.6) * radius, rng.uniform(40, 200)
        inside = ndtr((own - np.hypot(rows - row, columns - column)) / width)
        image += inside * (level - image)
    rough = cv2.GaussianBlur(rng.normal(0, 1, image.shape), (0, 0), 1.2)
    image += texture * rough / rough.std() + rng.normal(0, noise, image.shape)
    return np.rint(image).clip(0, 255).astype(np.uint8)


def reader(pixels: NDArray[Any]) -> ImageReader:
    return ImageReader.of(Image(pixels[:, :, np.newaxis], 255))


def measured(of: ImageReader) -> dict[str, Value]:
    return dict(Sharpness(Sharpness.Params()).measure(ImageInput(of), Context()))


@pytest.mark.parametrize(("texture", "seed"), [(8, 0), (8, 1), (15, 1)])
def test_pebbles_are_more_than_chance_and_their_intervals_are_wide(
    texture: float, seed: int
) -> None:
    radius, noise = (4, 3) if texture == 8 else (6, 3)
    values = measured(reader(pebbles(0.5, radius, texture, noise, seed)))
    assert values["tier"].value == LAST
    # Borders that are curved within a window of 6 px seem wider, and the interval says so.
    assert values["rer"].low < 2 * ndtr(1.0) - 1 < values["rer"].high
    assert values["rer"].high - values["rer"].low > 0.15 * values["rer"].value


def test_noise_of_the_same_spectrum_has_no_value() -> None:
    source = reader(pebbles(0.5, 4, 8, 3, 0))
    for noise in surrogates(source, 0):
        assert measured(noise)["rer"].value is None


def test_surrogates_have_the_spectrum_and_the_steps_of_the_image() -> None:
    rng = np.random.default_rng(5)
    pixels = cv2.GaussianBlur(rng.normal(0, 900, (256, 256)), (0, 0), 1.2, sigmaY=4)
    source = reader((120 + pixels / pixels.std() * 30).clip(0, 255).astype(np.uint8))

    def steps(of: ImageReader) -> list[float]:
        tile = next(iter(of.windows(256)))
        band = of.read(tile.window).pixels[:, :, 0].astype(float)
        return [float(np.diff(band, axis=axis).std()) for axis in (0, 1)]

    for noise in surrogates(source, 0):
        # 256 px hold some 800 independent samples: 5 % is three standard errors of their spread.
        assert steps(noise) == pytest.approx(steps(source), rel=0.05)


def test_surrogates_of_masked_images_hold_no_border_of_the_mask() -> None:
    rng = np.random.default_rng(5)
    pixels = rng.normal(200, 2, (256, 256, 1)).astype(np.float32)
    mask = np.ones((256, 256), bool)
    mask[:, 128:] = False
    pixels[~mask] = 0
    masked = ImageReader.of(Image(pixels, 255, mask))
    for noise in surrogates(masked, 0):
        assert np.abs(noise.read(next(iter(noise.windows(256))).window).pixels).max() < 15


@pytest.mark.parametrize(
    ("passed", "candidates", "by_chance", "of_noise", "expected"),
    [
        (30, 150, 5, 100, True),
        (30, 150, 9, 100, False),  # 20 % are not 2.5 times 9 %
        (10, 100, 0, 100, True),
        (10, 100, 3, 100, False),  # 3.3 times as many, which ten in a hundred may be by chance
        (10, 100, 0, 0, False),
    ],
)
def test_few_more_may_be_chance(
    passed: int, candidates: int, by_chance: int, of_noise: int, expected: bool
) -> None:
    source = reader(np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8))
    counts = (by_chance, of_noise)
    assert more_than_chance(passed, candidates, lambda _: counts, source, 0) is expected


@pytest.mark.parametrize("width", [1.2, 1.7, 2.0])
def test_filtered_noise_has_no_more_short_edges_than_chance(width: float) -> None:
    for seed in range(4):
        noise = cv2.GaussianBlur(
            np.random.default_rng(seed).normal(0, 1, (256, 256)), (0, 0), width
        )
        source = reader(np.rint(120 + 35 * noise / noise.std()).clip(0, 255).astype(np.uint8))
        assert len(find_candidates(source, 0, 0.3, None, SHORT)) >= 50
        assert measured(source)["tier"].value != LAST
