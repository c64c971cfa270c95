"""The image itself, conversion to its data type, and the container it is written in."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from iqf_core.errors import ImageError, UnsupportedImageError
from iqf_core.imaging.conversion import to_dtype
from iqf_core.imaging.georeference import Georeference
from iqf_core.imaging.header import read_header
from iqf_core.imaging.image import Image, ImageMetadata
from iqf_core.imaging.reading import ImageReader, read_image
from iqf_core.imaging.writing import container_for, write_image


@pytest.mark.parametrize(
    ("pixels", "changes", "message"),
    [
        (np.zeros((4, 5), np.uint8), {}, r"\(4, 5\); expected \(height, width, bands\)"),
        (np.zeros((4, 0, 3), np.uint8), {}, "none of them 0"),
        (np.zeros((4, 5, 1)), {}, "pixels are float64; IQF takes uint8, uint16, float32"),
        (np.zeros((4, 5, 1), np.uint8), {"peak": 0}, "the peak is 0"),
        (np.zeros((4, 5, 1), np.uint8), {"peak": float("nan")}, "expected a positive"),
        (np.zeros((4, 5, 1), np.uint8), {"mask": np.ones((5, 4), bool)}, "the mask is"),
        (np.zeros((4, 5, 1), np.uint8), {"mask": np.ones((4, 5))}, "the mask is float64"),
        (np.zeros((4, 5, 1), np.uint8), {"band_names": ("a", "b")}, "2 band names"),
    ],
)
def test_what_is_no_image_is_refused(
    pixels: NDArray[Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnsupportedImageError, match=message):
        Image(pixels, **({"peak": 255} | changes))


def test_other_pixels_keep_the_rest() -> None:
    metadata = ImageMetadata(tags={"": {"a": "b"}}, units=("DN",) * 3)
    image = Image(
        np.zeros((4, 5, 3), np.uint8), 255, band_names=("r", "g", "b"), gsd_m=2, metadata=metadata
    )
    other = image.with_pixels(image.pixels + np.uint8(1), peak=200)
    assert (other.band_names, other.gsd_m, other.peak) == (image.band_names, 2, 200)
    assert other.metadata is metadata
    assert not image.pixels.any()
    gray = image.with_pixels(image.pixels[:, :, :1])
    assert gray.band_names == ()
    assert gray.metadata == ImageMetadata(tags={"": {"a": "b"}})


@pytest.mark.parametrize(
    "field", [{"mask": np.ones((4, 6), bool)}, {"georeference": Georeference("WKT")}]
)
def test_another_size_needs_its_mask_and_georeference(field: dict[str, Any]) -> None:
    image = Image(np.zeros((4, 6, 1), np.uint8), 255, **field)
    (name,) = field
    with pytest.raises(ValueError, match=f"say what becomes of its {name}"):
        image.with_pixels(image.pixels[::2, ::2])
    assert image.with_pixels(image.pixels[::2, ::2], **{name: None}).shape == (2, 3, 1)


def test_a_part_keeps_its_mask_and_its_place() -> None:
    pixels = np.arange(40, dtype=np.uint8).reshape(5, 8, 1)
    mask = pixels[:, :, 0] % 2 == 0
    place = Georeference("WKT", (10.0, 0.0, 100.0, 0.0, -10.0, 500.0))
    part = Image(pixels, 255, mask=mask, georeference=place).cut((slice(1, 4), slice(2, 8)))
    assert np.array_equal(part.pixels, pixels[1:4, 2:8])
    assert np.array_equal(part.valid, mask[1:4, 2:8])
    assert part.georeference is not None
    assert part.georeference.transform == (10.0, 0.0, 120.0, 0.0, -10.0, 490.0)


def test_images_travel_between_processes() -> None:
    image = Image(np.ones((2, 2, 1), np.uint8), 255, georeference=Georeference("WKT"))
    again = pickle.loads(pickle.dumps(image))
    assert np.array_equal(again.pixels, image.pixels)
    assert again.georeference == image.georeference


def test_rounding_is_to_nearest_and_clips_to_the_type() -> None:
    values = np.array([-5.0, -0.4, 0.4, 0.6, 1.5, 2.5, 254.4, 255.6, 1e9, np.nan, np.inf])
    expected = [0, 0, 0, 1, 2, 2, 254, 255, 255, 0, 255]
    assert to_dtype(values, "uint8").tolist() == expected
    assert to_dtype(values.astype(np.float32), np.uint8).tolist() == expected
    assert to_dtype(values, "uint16").tolist() == [0, 0, 0, 1, 2, 2, 254, 256, 65535, 0, 65535]


def test_clipping_to_a_peak_happens_only_when_asked() -> None:
    values = np.array([4000.2, 4095.4, 5000.0])
    assert to_dtype(values, "uint16").tolist() == [4000, 4095, 5000]
    assert to_dtype(values, "uint16", limit=4095).tolist() == [4000, 4095, 4095]
    assert to_dtype(values, "float32", limit=4095).max() == 4095
    floats = to_dtype(np.array([-1.25, np.nan]), "float32")
    assert floats.dtype == np.float32
    assert floats[0] == -1.25
    assert np.isnan(floats[1])
    assert to_dtype(np.array([-3, 300]), "uint8").tolist() == [0, 255]


def test_conversion_leaves_its_input_alone() -> None:
    values = np.array([1.7, 300.0])
    to_dtype(values, "uint8")
    assert values.tolist() == [1.7, 300.0]


PLAIN = np.zeros((8, 9, 3), np.uint8)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image(PLAIN, 255), ".png"),
        (Image(PLAIN[:, :, :1], 255), ".png"),
        (Image(PLAIN.astype(np.uint16), 4095), ".png"),
        (Image(PLAIN[:, :, :2], 255), ".tif"),
        (Image(np.zeros((8, 9, 6), np.uint8), 255), ".tif"),
        (Image(PLAIN.astype(np.float32), 1), ".tif"),
        (Image(PLAIN, 255, nodata=0), ".tif"),
        (Image(PLAIN, 255, mask=np.ones((8, 9), bool)), ".tif"),
        (Image(PLAIN, 255, georeference=Georeference("WKT")), ".tif"),
        (Image(PLAIN, 255, metadata=ImageMetadata(driver="GTiff")), ".tif"),
        (Image(PLAIN, 255, metadata=ImageMetadata(driver="JPEG")), ".png"),
        (Image(PLAIN, 255, metadata=ImageMetadata(tags={"": {"a": "b"}})), ".tif"),
    ],
)
def test_the_container_carries_the_image_whole(image: Image, expected: str) -> None:
    assert container_for(image) == expected


@pytest.mark.parametrize(
    ("name", "mode", "expected"),
    [
        ("a.png", "RGB", ".png"),
        ("a.png", "P", ".png"),
        ("a.png", "I;16", ".png"),
        ("a.png", "LA", ".tif"),
        ("a.jpg", "L", ".png"),
        ("a.bmp", "RGB", ".png"),
        ("a.tif", "RGB", ".tif"),
    ],
)
def test_header_and_image_agree_on_the_container(
    tmp_path: Path, name: str, mode: str, expected: str
) -> None:
    source = Pillow.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    if mode == "I;16":
        source = Pillow.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8))
    else:
        source = source.convert(mode)
    source.save(tmp_path / name)
    image = read_image(tmp_path / name, peak=4095)
    assert container_for(read_header(tmp_path / name)) == container_for(image) == expected
    write_image(tmp_path / f"copy{expected}", image)
    again = read_image(tmp_path / f"copy{expected}", peak=4095)
    assert np.array_equal(again.pixels, image.pixels)


def test_png_refuses_what_it_cannot_carry(tmp_path: Path) -> None:
    for image, message in (
        (Image(PLAIN[:, :, :2], 255), "not 2 of uint8; write a .tif"),
        (Image(PLAIN.astype(np.float32), 1), "not 3 of float32"),
        (Image(PLAIN, 255, mask=np.zeros((8, 9), bool)), "cannot carry a mask"),
    ):
        with pytest.raises(ImageError, match=message):
            write_image(tmp_path / "a.png", image)
    with pytest.raises(ImageError, match=r"a\.jpg: is written in another format"):
        write_image(tmp_path / "a.jpg", Image(PLAIN, 255))
    assert not list(tmp_path.iterdir())


def test_invalid_pixels_of_a_png_get_the_nodata_value(tmp_path: Path) -> None:
    mask = np.ones((8, 9), bool)
    mask[0] = False
    write_image(tmp_path / "a.png", Image(PLAIN + np.uint8(9), 255, mask=mask, nodata=0))
    image = read_image(tmp_path / "a.png", nodata=0)
    assert np.array_equal(image.valid, mask)


def test_writing_replaces_a_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("old")
    write_image(path, Image(PLAIN, 255))
    assert read_image(path).shape == PLAIN.shape
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_writing_leaves_the_image_alone(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    before = pixels.copy()
    for name in ("a.png", "a.tif"):
        write_image(tmp_path / name, Image(pixels, 255))
        assert np.array_equal(pixels, before)


def test_two_images_read_in_turn_share_nothing(tmp_path: Path) -> None:
    first = np.full((40, 50, 3), 10, np.uint8)
    for index in (1, 2):
        write_image(tmp_path / f"{index}.png", Image(first * np.uint8(index), 255))
    one, two = (read_image(tmp_path / f"{index}.png") for index in (1, 2))
    assert (one.pixels == 10).all()
    assert (two.pixels == 20).all()


def test_an_image_in_memory_knows_its_valid_pixels_itself() -> None:
    with ImageReader.of(Image(PLAIN, 255, nodata=0)) as reader:
        assert reader.read().valid.all()


def test_a_reader_of_an_image_in_memory() -> None:
    image = Image(PLAIN, 255, gsd_m=0.5)
    with ImageReader.of(image) as reader:
        assert (reader.shape, reader.dtype, reader.peak, reader.gsd_m) == (
            (8, 9, 3),
            "uint8",
            255,
            0.5,
        )
        assert reader.read().pixels is PLAIN
