"""Windows cover an image once, and what is read or computed in them equals the whole."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader, open_image, read_image
from iqf_core.imaging.windows import Window, tiles, with_halo
from iqf_core.imaging.writing import ImageWriter, write_image

sizes = st.integers(1, 40)


@given(height=sizes, width=sizes, size=sizes, halo=st.integers(0, 50))
def test_windows_cover_every_pixel_once(height: int, width: int, size: int, halo: int) -> None:
    numbers = np.arange(height * width).reshape(height, width)
    count = np.zeros((height, width), int)
    for window in tiles(height, width, size):
        count[window.slices] += 1
        outer, inner = with_halo(window, halo, height, width)
        assert outer.is_inside(height, width)
        assert np.array_equal(numbers[outer.slices][inner], numbers[window.slices])
        # The halo is whole except where the image ends.
        assert outer.row == max(0, window.row - halo)
        assert outer.col + outer.width == min(width, window.col + window.width + halo)
    assert (count == 1).all()


@pytest.mark.parametrize("values", [(-1, 0, 1, 1), (0, -1, 1, 1), (0, 0, 0, 1), (0, 0, 1, 0)])
def test_impossible_windows_are_refused(values: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="a window starts at 0"):
        Window(*values)


def test_windows_of_no_size_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        list(tiles(4, 4, 0))


@pytest.mark.parametrize("container", ["tiff", "memory"])
def test_windows_equal_the_whole(tmp_path: Path, noise: NDArray[np.uint16], container: str) -> None:
    mask = np.random.default_rng(1).random((90, 130)) < 0.9
    whole = Image(noise, peak=4095, mask=mask)
    write_image(tmp_path / "a.tif", whole)
    memory = container == "memory"
    with ImageReader.of(whole) if memory else open_image(tmp_path / "a.tif", peak=4095) as reader:
        assert reader.shape == (90, 130, 6)
        assert (reader.path is None) == memory
        assert reader.masked
        for tile in reader.windows(size=37, halo=5):
            part = reader.read(tile.outer)
            assert np.array_equal(part.pixels, noise[tile.outer.slices])
            assert np.array_equal(part.valid, mask[tile.outer.slices])
            assert np.array_equal(part.pixels[tile.inner], noise[tile.window.slices])


def test_a_filter_with_its_halo_equals_the_whole_image(
    tmp_path: Path, noise: NDArray[np.uint16]
) -> None:
    pixels = noise[:, :, :1].astype(np.float32)

    def smooth(part: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.blur(part, (7, 7), borderType=cv2.BORDER_REFLECT_101)[:, :, np.newaxis]

    image = Image(pixels, peak=4095)
    with ImageReader.of(image) as reader, ImageWriter.like(tmp_path / "a.tif", image) as writer:
        for tile in reader.windows(size=32, halo=3):
            writer.write(smooth(reader.read(tile.outer).pixels)[tile.inner], tile.window)
    result = read_image(tmp_path / "a.tif", peak=4095)
    # Integer sums below 2^24 are exact in float32, so the order of summation does not matter.
    assert np.array_equal(result.pixels, smooth(pixels))


def test_a_writer_refuses_what_does_not_fit(tmp_path: Path, noise: NDArray[np.uint16]) -> None:
    image = Image(noise, peak=4095)
    with (
        pytest.raises(ValueError, match=r"pixels are uint16 \(10, 10, 6\); expected uint16 \(20"),
        ImageWriter.like(tmp_path / "a.tif", image) as writer,
    ):
        writer.write(noise[:10, :10], Window(0, 0, 20, 10))
    with (
        pytest.raises(ValueError, match="beyond"),
        ImageWriter.like(tmp_path / "a.tif", image) as writer,
    ):
        writer.write(noise[:10], Window(85, 0, 10, 130))
    invalid = image.with_pixels(noise, mask=np.zeros((90, 130), bool))
    with (
        pytest.raises(ValueError, match="masked=True"),
        ImageWriter.like(tmp_path / "a.tif", image) as writer,
    ):
        writer.write(invalid)
    with ImageWriter.like(tmp_path / "a.tif", image, masked=True) as writer:
        writer.write(invalid)
    assert not read_image(tmp_path / "a.tif", peak=4095).valid.any()


def test_a_writer_of_another_shape(tmp_path: Path, noise: NDArray[np.uint16]) -> None:
    image = Image(noise, peak=4095, band_names=tuple("abcdef"))
    half = noise[::2, ::2, :3].astype(np.float32)
    with ImageWriter.like(tmp_path / "a.tif", image, shape=half.shape, dtype="float32") as writer:
        writer.write(half)
    again = read_image(tmp_path / "a.tif", peak=1)
    assert np.array_equal(again.pixels, half)
    assert again.band_names == ()
