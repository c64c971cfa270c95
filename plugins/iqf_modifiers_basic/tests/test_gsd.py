"""Ground sampling against exact averages, Pillow, and the annotations that follow."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from iqf_modifiers_basic.gsd import GroundSampling
from iqf_modifiers_basic.resampling import resample
from PIL import Image as Pillow
from rasterio.crs import CRS

from iqf_core.api import (
    ConfigurationError,
    Context,
    Georeference,
    UnsupportedImageError,
    read_image,
    write_image,
)
from iqf_core.components.parameters import validate
from iqf_core.testing import make_image

UTM = CRS.from_epsg(32631).to_wkt()

FILTERS = {
    "bilinear": Pillow.Resampling.BILINEAR,
    "bicubic": Pillow.Resampling.BICUBIC,
    "lanczos": Pillow.Resampling.LANCZOS,
    "area": Pillow.Resampling.BOX,
}


def sampled(image, **params):
    modifier = GroundSampling(GroundSampling.Params(**params))
    return modifier.modify(image, None, Context())


@pytest.mark.parametrize(("dtype", "step"), [("uint8", 0.5), ("uint16", 0.5), ("float32", 0)])
@pytest.mark.parametrize("bands", [1, 3, 5, 13])
def test_a_factor_of_three_averages_three_by_three_pixels(dtype, step, bands):
    image = make_image(60, 90, bands, dtype)
    exact = image.pixels.reshape(20, 3, 30, 3, bands).mean(axis=(1, 3), dtype=np.float64)
    result = sampled(image, factor=3, restore_size=False).pixels
    assert np.abs(result - exact).max() <= step + 1e-6 * image.peak


@pytest.mark.parametrize("factor", [1.3, 2, 3.7])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
def test_shrinking_is_pillows_antialiased_resampling(interpolation, factor):
    image = make_image(74, 111, 1, "float32")
    shape = (round(74 / factor), round(111 / factor))
    # Pillow takes the part of the image that the new grid covers exactly.
    box = (0, 0, shape[1] * factor, shape[0] * factor)
    if box[2] > 111 or box[3] > 74:
        shape = (shape[0] - 1, shape[1] - 1)
        box = (0, 0, shape[1] * factor, shape[0] * factor)
    theirs = Pillow.fromarray(image.pixels[:, :, 0]).resize(
        shape[::-1], FILTERS[interpolation], box
    )
    ours = resample(image.pixels, factor, shape, interpolation)[:, :, 0]
    # Pillow lets no kernel reach beyond the box: away from the border they are the same.
    inner = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(ours[inner], np.asarray(theirs)[inner], atol=1e-5)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos", "area"])
def test_a_wave_that_the_coarse_grid_cannot_show_is_gone(interpolation):
    x = np.arange(240)
    wave = np.cos(2 * np.pi * 0.42 * x).astype(np.float32)
    image = make_image(4, 240, 1, "float32").with_pixels(np.repeat(wave[None, :, None], 4, 0))
    result = sampled(image, factor=3, restore_size=False, interpolation=interpolation).pixels
    kept = sampled(image, factor=3, restore_size=False, interpolation="nearest").pixels
    assert np.abs(kept).max() > 0.9  # aliased
    # A box of three pixels leaves sin(3 pi f) / (3 sin(pi f)) = 0.2509 of it, the others less.
    assert np.abs(result[:, 8:-8]).max() < 0.252


@pytest.mark.parametrize("interpolation", [*FILTERS, "nearest"])
@pytest.mark.parametrize("factor", [0.5, 1.5, 2, 3.3])
def test_positions_stay_where_they_are(interpolation, factor):
    x, y = np.meshgrid(np.arange(120) + 0.5, np.arange(100) + 0.5)
    ramp = np.stack([x, y], axis=2).astype(np.float32)
    image = make_image(100, 120, 2, "float32").with_pixels(ramp)
    inner = (slice(12, -12), slice(12, -12))
    restored = sampled(image, factor=factor, interpolation=interpolation).pixels
    coarse = interpolation in ("nearest", "area")
    # A kernel on a grid whose phase changes reproduces a ramp to some hundredths of a new pixel.
    tolerance = (0.5 * max(factor, 1) + 0.5) if coarse else 0.03 * max(factor, 1)
    assert np.abs(restored - ramp)[inner].max() <= tolerance
    small = sampled(image, factor=factor, restore_size=False, interpolation=interpolation).pixels
    centres = (np.arange(small.shape[1]) + 0.5) * factor
    reach = 0.51 if interpolation == "nearest" else 0.03
    if interpolation == "area":
        # An old pixel is constant: a new one may see a part of it.
        reach = 0.26
    assert np.abs(small[:, :, 0] - centres)[:, 12:-12].max() <= reach * max(factor, 1)


@pytest.mark.parametrize("interpolation", [*FILTERS, "nearest"])
def test_the_last_pixels_of_a_grid_that_does_not_fit_are_sensible(interpolation):
    image = make_image(100, 97, 1, "uint16")
    constant = image.with_pixels(np.full_like(image.pixels, 1234))
    for factor in (0.7, 3.3, 30, 99):
        for restore in (True, False):
            given = {"factor": factor, "restore_size": restore, "interpolation": interpolation}
            assert (sampled(constant, **given).pixels == 1234).all()


def test_the_mean_is_kept():
    image = make_image(96, 120, 3, "float32")
    for given in ({"factor": 2}, {"factor": 4, "restore_size": False}):
        result = sampled(image, **given).pixels
        np.testing.assert_allclose(result.mean((0, 1)), image.pixels.mean((0, 1)), rtol=1e-5)


def test_a_target_distance_is_a_factor_of_the_images_own():
    image = make_image(60, 80, 2, "uint16", gsd_m=0.3)
    result = sampled(image, target_gsd_m=0.6, restore_size=False)
    assert result.gsd_m == pytest.approx(0.6)
    assert result.shape == (30, 40, 2)
    twice = sampled(image, factor=2, restore_size=False)
    np.testing.assert_array_equal(result.pixels, twice.pixels)
    with pytest.raises(UnsupportedImageError, match="state gsd_m in the dataset's iqf.yaml"):
        sampled(make_image(), target_gsd_m=0.6)


def test_exactly_one_of_factor_and_distance_is_expected():
    for given in ({}, {"factor": 2, "target_gsd_m": 1}):
        with pytest.raises(ConfigurationError, match="exactly one of factor and target_gsd_m"):
            validate(GroundSampling.Params, given, "modifier/gsd")


def test_invalid_pixels_do_not_bleed_into_averages():
    image = make_image(60, 60, 2, "uint16", border=7)
    pixels = np.where(image.mask[:, :, None], np.uint16(1500), np.uint16(0))
    for given in ({"factor": 2.5}, {"factor": 3, "restore_size": False}):
        for interpolation in ("area", "bicubic"):
            result = sampled(image.with_pixels(pixels), interpolation=interpolation, **given)
            assert (result.pixels[result.mask] == 1500).all()
            assert (result.pixels[~result.mask] == 0).all()


def test_the_georeference_follows():
    place = Georeference(crs_wkt=None, transform=(0.5, 0, 1000, 0, -0.5, 2000))
    image = make_image(50, 70, 1, "uint16", georeference=place)
    result = sampled(image, factor=2, restore_size=False)
    assert result.georeference.transform == pytest.approx((1, 0, 1000, 0, -1, 2000))


def iqf(*arguments):
    command = [sys.executable, "-m", "iqf_core.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def test_annotations_masks_georeference_and_gsd_follow_a_smaller_grid(tmp_path):
    dataset = tmp_path / "fields"
    (dataset / "images").mkdir(parents=True)
    (dataset / "masks").mkdir()
    place = Georeference(crs_wkt=UTM, transform=(0.5, 0, 400000, 0, -0.5, 4600000))
    image = make_image(61, 80, 4, "uint16", georeference=place)
    write_image(dataset / "images" / "a.tif", image)
    labels = np.zeros((61, 80), np.uint8)
    labels[20:40, 10:30] = 7
    cv2.imwrite(str(dataset / "masks" / "a.png"), labels)
    coco = {
        "images": [{"id": 1, "file_name": "a.tif", "width": 80, "height": 61}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 20, 20], "area": 400}
        ],
        "categories": [{"id": 1, "name": "field"}],
    }
    (dataset / "annotations.json").write_text(json.dumps(coco))
    (dataset / "iqf.yaml").write_text("peak: 4095\ngsd_m: 0.5\nsnr: 40\n")
    iqf("modify", dataset, "gsd:target_gsd_m=1,restore_size=false")
    copy = next(path for path in tmp_path.iterdir() if path.name.startswith("fields#"))
    small = read_image(copy / "images" / "a.tif", peak=4095)
    assert small.shape == (30, 40, 4)
    assert small.georeference.transform == pytest.approx((1, 0, 400000, 0, -1, 4600000))
    boxes = json.loads((copy / "annotations.json").read_text())
    assert boxes["annotations"][0]["bbox"] == [5, 10, 10, 10]
    assert (boxes["images"][0]["width"], boxes["images"][0]["height"]) == (40, 30)
    mask = cv2.imread(str(copy / "masks" / "a.png"), cv2.IMREAD_UNCHANGED)
    expected = np.zeros((30, 40), np.uint8)
    expected[10:20, 5:15] = 7
    np.testing.assert_array_equal(mask, expected)
    stated = (copy / "iqf.yaml").read_text()
    assert "gsd_m: 1" in stated
    assert "snr" not in stated


def test_geojson_in_pixels_follows_and_in_map_coordinates_stays(tmp_path):
    for name, place in (
        ("plain", None),
        ("mapped", Georeference(crs_wkt=UTM, transform=(1, 0, 0, 0, -1, 100))),
    ):
        dataset = tmp_path / name
        (dataset / "images").mkdir(parents=True)
        image = make_image(64, 64, 3, "uint8", georeference=place)
        file = "a.png" if place is None else "a.tif"
        write_image(dataset / "images" / file, image)
        ring = [[8, 8], [24, 8], [24, 40], [8, 8]]
        feature = {
            "type": "Feature",
            "properties": {"image_filename": file, "class_id": 2},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        document = {"type": "FeatureCollection", "features": [feature]}
        (dataset / "objects.geojson").write_text(json.dumps(document))
        iqf("modify", dataset, "gsd:factor=2,restore_size=false")
        copy = next(path for path in tmp_path.iterdir() if path.name.startswith(f"{name}#"))
        (new,) = json.loads((copy / "objects.geojson").read_text())["features"]
        scale = 0.5 if place is None else 1
        assert np.array(new["geometry"]["coordinates"][0]) == pytest.approx(np.array(ring) * scale)
