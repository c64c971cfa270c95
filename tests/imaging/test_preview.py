from __future__ import annotations

import numpy as np

from iqf_core.api import Image, preview


def test_eight_bits_are_shown_as_they_are() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    assert (preview(Image(pixels, 255)) == pixels).all()
    assert preview(Image(pixels[..., :1], 255)).shape == (9, 7)


def test_more_bits_are_stretched_over_the_valid_pixels() -> None:
    ramp = np.linspace(1000, 1100, 101, dtype=np.uint16).reshape(1, 101, 1)
    mask = np.ones((1, 101), bool)
    ramp[0, 0] = 65535
    mask[0, 0] = False
    picture = preview(Image(ramp, 65535, mask=mask))
    assert picture[0, 0] == 0  # invalid
    assert picture[0, 1] == 0
    assert picture[0, -1] == 255
    assert abs(int(picture[0, 50]) - 126) <= 2


def test_visible_bands_are_found_by_name() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[..., 2] = 200
    image = Image(pixels, 255, band_names=("blue", "green", "red", "nir"))
    assert preview(image)[0, 0].tolist() == [200, 0, 0]


def test_large_images_are_averaged_down_and_flat_ones_survive() -> None:
    pixels = np.zeros((40, 20, 1), np.float32)
    pixels[::2] = 1.0
    picture = preview(Image(pixels, 1.0), size=10, stretch=False)
    assert picture.shape == (10, 5)
    assert set(picture.ravel().tolist()) == {128}
    assert preview(Image(np.full((3, 3, 1), 7, np.uint16), 14))[0, 0] == 128
