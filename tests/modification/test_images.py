"""One image: whole and window by window give the same pixels, metadata survives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from iqf_core.components.context import Context
from iqf_core.components.specification import parse_specification
from iqf_core.datasets.dataset import open_dataset
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader, read_image
from iqf_core.imaging.windows import Window
from iqf_core.modification import batch, images
from iqf_core.modification.chain import Chain
from iqf_core.modification.engine import ModifiedDataset, modify_dataset
from iqf_core.modification.images import ModifiedReader, modify_whole
from iqf_core.plugins.manager import PluginManager

Modify = Callable[..., ModifiedDataset]
CHAIN = ("mean:radius_px=3", "grain", "stretch", "mean:radius_px=2", "grain:sigma_dn=9")


def test_every_window_equals_its_part_of_the_whole(
    chain_of: Callable[..., Chain], manager: PluginManager
) -> None:
    pixels = np.random.default_rng(1).integers(0, 4000, (700, 530, 5), np.uint16)
    image = Image(pixels, 4095.0)
    context = Context(seed=3, source_hash="abc")
    modifiers = chain_of(*CHAIN).create(manager.registry, context)
    whole, _ = modify_whole(image, modifiers, context)
    reader = ModifiedReader(ImageReader.of(image), modifiers, context)
    for window in (Window(0, 0, 1, 1), Window(250, 255, 20, 7), Window(600, 400, 100, 130)):
        np.testing.assert_array_equal(reader.read(window).pixels, whole.pixels[window.slices])
    np.testing.assert_array_equal(reader.assembled(97).pixels, whole.pixels)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A GeoTIFF of 6 bands and 16 bits with all that must survive."""
    folder = tmp_path / "data" / "scenes"
    folder.mkdir(parents=True)
    random = np.random.default_rng(2)
    pixels = random.integers(1, 4000, (6, 300, 420), np.uint16)
    pixels[:, :50, :60] = 0
    path = folder / "scene.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=300,
        width=420,
        count=6,
        dtype="uint16",
        nodata=0,
        crs="EPSG:32631",
        transform=Affine(10, 0, 500000, 0, -10, 4600000),
    ) as dataset:
        dataset.write(pixels)
        dataset.update_tags(SENSOR="MSI", AREA_OR_POINT="Area")
        dataset.update_tags(2, WAVELENGTH="560")
        dataset.set_band_description(1, "blue")
    (folder / "iqf.yaml").write_text("peak: 4095\ngsd_m: 10\nsnr: 120\n")
    return folder


@pytest.mark.parametrize("specification", ["mean", "none", "half"])
def test_a_geotiff_keeps_place_nodata_and_tags(
    scene: Path, modify: Modify, specification: str
) -> None:
    copy = modify(scene, specification)
    with rasterio.open(copy.path / "scene.tif") as new:
        assert new.crs.to_epsg() == 32631
        factor = 2 if specification == "half" else 1
        assert new.transform.almost_equals(Affine(10 * factor, 0, 500000, 0, -10 * factor, 4600000))
        assert new.nodata == 0
        assert new.tags()["SENSOR"] == "MSI"
        assert new.tags(2)["WAVELENGTH"] == "560"
        assert new.descriptions[0] == "blue"
        assert (new.count, new.dtypes[0]) == (6, "uint16")


def test_the_properties_follow_as_far_as_they_hold(scene: Path, modify: Modify) -> None:
    assert (modify(scene, "none").path / "iqf.yaml").read_text().startswith("peak: 4095\ngsd_m: 10")
    text = (modify(scene, "half").path / "iqf.yaml").read_text()
    assert "gsd_m: 20" in text
    assert "snr" not in text


def test_a_large_image_is_processed_in_windows_with_the_same_result(
    scene: Path, modify: Modify, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = modify(scene, *CHAIN, seed=4)
    windows = []
    read = ModifiedReader.read
    monkeypatch.setattr(images, "LARGE_IMAGE_SAMPLES", 1000)
    monkeypatch.setattr(batch, "WINDOW", 128)
    monkeypatch.setattr(
        ModifiedReader,
        "read",
        lambda self, window=None: windows.append(window) or read(self, window),
    )
    windowed = modify(scene, *CHAIN, seed=4, out=scene.parent / "windowed")
    assert len(windows) >= 12
    one, other = (read_image(copy.path / "scene.tif", peak=4095) for copy in (whole, windowed))
    np.testing.assert_array_equal(other.pixels, one.pixels)
    np.testing.assert_array_equal(other.valid, one.valid)
    assert other.georeference == one.georeference


def test_a_large_png_is_processed_in_windows_with_the_same_result(
    pngs: Path, modify: Modify, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = modify(pngs, *CHAIN)
    monkeypatch.setattr(images, "LARGE_IMAGE_SAMPLES", 1000)
    monkeypatch.setattr(batch, "WINDOW", 32)
    windowed = modify(pngs, *CHAIN, out=pngs.parent / "windowed")
    for image in whole.manifest.images:
        one = (whole.path / image.new_name).read_bytes()
        assert (windowed.path / image.new_name).read_bytes() == one


def test_the_modifiers_that_come_with_iqf_give_the_same_in_windows(
    scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = PluginManager.create()
    dataset = open_dataset(scene)
    texts = ("blur:sigma_px=2.5", "gaussian_noise:sigma_dn=30", "quantization:bits=6")
    chain = Chain.resolve([parse_specification(text) for text in texts], manager.registry)
    results = []
    for samples, out in ((10**9, "whole"), (1000, "windows")):
        monkeypatch.setattr(images, "LARGE_IMAGE_SAMPLES", samples)
        monkeypatch.setattr(batch, "WINDOW", 96)
        copy = modify_dataset(dataset, chain, manager=manager, out=scene.parent / out, quiet=True)
        results.append(read_image(copy.path / "scene.tif", peak=4095))
    np.testing.assert_array_equal(results[0].pixels, results[1].pixels)
    np.testing.assert_array_equal(results[0].valid, results[1].valid)
