"""Copies as Cloud Optimized GeoTIFF, whole and in windows."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from iqf_core.api import Image, open_dataset, read_image, write_image
from iqf_core.components.specification import parse_specification
from iqf_core.imaging.georeference import Georeference
from iqf_core.modification import images as engine
from iqf_core.modification.chain import Chain
from iqf_core.modification.engine import modify_dataset


@pytest.fixture
def scene(tmp_path):
    folder = tmp_path / "scene" / "images"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(1).integers(1, 4096, (700, 1100, 2)).astype(np.uint16)
    place = Georeference(
        transform=(2.0, 0.0, 5e5, 0.0, -2.0, 4e6), crs_wkt=rasterio.CRS.from_epsg(32633).to_wkt()
    )
    write_image(folder / "a.tif", Image(pixels, peak=4095, georeference=place, nodata=0))
    return open_dataset(tmp_path / "scene", peak=4095)


@pytest.mark.parametrize("large", [10**9, 1000])
def test_a_copy_is_cloud_optimized_and_holds_the_same_pixels(
    scene, iqf_manager, monkeypatch, large
):
    monkeypatch.setattr(engine, "LARGE_IMAGE_SAMPLES", large)
    chain = Chain.resolve([parse_specification("blur:sigma_px=1.5")], iqf_manager.registry)
    plain = modify_dataset(scene, chain, manager=iqf_manager, quiet=True)
    copy = modify_dataset(scene, chain, manager=iqf_manager, cog=True, quiet=True)
    assert copy.path != plain.path
    image = copy.path / "images" / "a.tif"
    with rasterio.open(image) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.overviews(1)
        assert dataset.crs.to_epsg() == 32633
        assert dataset.nodata == 0
    expected = read_image(plain.path / "images" / "a.tif", peak=4095)
    assert np.array_equal(read_image(image, peak=4095).pixels, expected.pixels)
    assert modify_dataset(scene, chain, manager=iqf_manager, cog=True, quiet=True).reused


def test_an_unmodified_copy_is_rewritten_too(scene, iqf_manager):
    chain = Chain.resolve([parse_specification("none")], iqf_manager.registry)
    copy = modify_dataset(scene, chain, manager=iqf_manager, cog=True, quiet=True)
    with rasterio.open(copy.path / "images" / "a.tif") as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_a_large_image_reports_its_progress_window_by_window(scene, iqf_manager, monkeypatch):
    from contextlib import contextmanager

    advanced = []

    @contextmanager
    def record(description, total=None, *, quiet=False):
        class Bar:
            def advance(self, amount=1):
                if description.startswith("Modifying"):
                    advanced.append(amount)

        yield Bar()

    monkeypatch.setattr("iqf_core.modification.engine.progress", record)
    monkeypatch.setattr(engine, "LARGE_IMAGE_SAMPLES", 1000)
    chain = Chain.resolve([parse_specification("blur:sigma_px=1")], iqf_manager.registry)
    modify_dataset(scene, chain, manager=iqf_manager)
    assert len(advanced) == 3  # two windows of 1024 pixels, and the end
    assert sum(advanced) == pytest.approx(1)
