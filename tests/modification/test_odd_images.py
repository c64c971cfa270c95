"""Odd but real images through the engine: each has one clear outcome."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import rasterio

from iqf_core.api import DatasetError, IQFError, open_dataset, read_image
from iqf_core.components.specification import parse_specification
from iqf_core.modification.chain import Chain
from iqf_core.modification.engine import modify_dataset


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "odd" / "images"
    place.mkdir(parents=True)
    return place


@pytest.fixture
def modify(folder, iqf_manager):
    def run(*specifications, peak=None, **options):
        chain = Chain.resolve(list(map(parse_specification, specifications)), iqf_manager.registry)
        dataset = open_dataset(folder.parent, peak=peak)
        copy = modify_dataset(dataset, chain, manager=iqf_manager, quiet=True, **options)
        return copy.path / "images", copy.manifest

    return run


def write_tiff(path, pixels, **profile):
    bands, height, width = pixels.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=bands,
        dtype=pixels.dtype,
        **profile,
    ) as dataset:
        dataset.write(pixels)


def texture(*shape, dtype=np.uint8, high=200):
    return np.random.default_rng(0).integers(1, high, shape).astype(dtype)


@pytest.mark.parametrize("chain", [["blur:sigma_px=2"], ["gaussian_noise:sigma_dn=5"], ["none"]])
def test_an_image_of_nodata_only_stays_one(folder, modify, chain):
    write_tiff(folder / "a.tif", np.zeros((2, 40, 30), np.uint16), nodata=0)
    images, _ = modify(*chain, peak=4095)
    copy = read_image(images / "a.tif", peak=4095)
    assert not copy.valid.any()
    assert (copy.pixels == 0).all()


def test_pixels_that_are_not_finite_do_not_spread(folder, modify):
    pixels = texture(1, 40, 40, dtype=np.float32)
    pixels[0, 10, 10], pixels[0, 30, 30] = np.nan, np.inf
    write_tiff(folder / "a.tif", pixels)
    images, _ = modify("blur:sigma_px=2", "gaussian_noise:sigma_dn=1", peak=255)
    copy = read_image(images / "a.tif", peak=255)
    assert np.isfinite(copy.pixels[copy.valid]).all()
    assert not copy.valid[10, 10]
    assert not copy.valid[30, 30]
    assert copy.valid.sum() == 40 * 40 - 2


@pytest.mark.parametrize("dtype", ["complex64", "int16", "uint32", "float64"])
def test_other_data_types_are_refused_by_name(folder, modify, dtype):
    write_tiff(folder / "a.tif", texture(1, 20, 20).astype(dtype))
    with pytest.raises(
        DatasetError, match=rf"a\.tif: holds {dtype} pixels.*uint8, uint16, float32"
    ):
        modify("blur:sigma_px=1", peak=255)


def test_alpha_is_a_band_like_any_other(folder, modify):
    cv2.imwrite(str(folder / "a.png"), texture(30, 40, 4))
    images, _ = modify("quantization:bits=1")
    assert set(np.unique(cv2.imread(str(images / "a.png"), -1))) == {0, 255}
    with pytest.raises(IQFError, match="1 or 3 bands, not 4"):
        modify("jpeg:quality=50")


def test_a_palette_and_one_bit_become_what_they_show(folder, modify):
    indices = texture(24, 24, high=4)
    from PIL import Image as Picture

    palette = Picture.fromarray(indices, "P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(folder / "palette.png")
    Picture.fromarray(indices > 2).save(folder / "bits.png")
    images, _ = modify("none")
    shown = cv2.cvtColor(cv2.imread(str(images / "palette.png"), -1), cv2.COLOR_BGR2RGB)
    assert np.array_equal(shown, np.array(palette.convert("RGB")))
    assert np.array_equal(cv2.imread(str(images / "bits.png"), -1), (indices > 2) * 255)


def test_one_pixel_is_an_image(folder, modify):
    cv2.imwrite(str(folder / "a.png"), np.full((1, 1, 3), 7, np.uint8))
    images, _ = modify("blur:sigma_px=3", "jpeg:quality=100,subsampling=444")
    assert cv2.imread(str(images / "a.png"), -1).shape == (1, 1, 3)


def test_two_images_never_share_an_output_name(folder, modify):
    pixels = texture(16, 16, 3)
    cv2.imwrite(str(folder / "a.png"), pixels)
    cv2.imwrite(str(folder / "a.jpg"), pixels)
    cv2.imwrite(str(folder / "a.jpg.png"), 255 - pixels)
    images, manifest = modify("blur:sigma_px=1")
    names = {entry.old_name: entry.new_name for entry in manifest.images}
    assert len(set(names.values())) == 3
    assert names["a.png"] == "a.png"
    assert sorted(path.name for path in images.iterdir()) == sorted(names.values())
