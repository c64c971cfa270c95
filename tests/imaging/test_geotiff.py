"""GeoTIFF keeps everything that an image carries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image as Pillow
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.rpc import RPC
from rasterio.transform import from_origin

from iqf_core.errors import ConfigurationError, ImageError
from iqf_core.imaging.header import read_header
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import open_image, read_image
from iqf_core.imaging.windows import Window
from iqf_core.imaging.writing import ImageWriter, write_image

RPCS = RPC(
    height_off=100.0,
    height_scale=500.0,
    lat_off=41.5,
    lat_scale=0.1,
    line_den_coeff=[1.0] + [0.0] * 19,
    line_num_coeff=[0.5] * 20,
    line_off=45.25,
    line_scale=45.0,
    long_off=2.1,
    long_scale=0.1,
    samp_den_coeff=[1.0] + [0.0] * 19,
    samp_num_coeff=[0.25] * 20,
    samp_off=65.5,
    samp_scale=65.0,
    err_bias=1.0,
    err_rand=2.0,
)


def create(path: Path, pixels: NDArray[Any], **options: Any) -> rasterio.DatasetBase:
    height, width, bands = pixels.shape
    options = {"driver": "GTiff", "dtype": str(pixels.dtype)} | options
    dataset = rasterio.open(path, "w", height=height, width=width, count=bands, **options)
    dataset.write(np.moveaxis(pixels, 2, 0))
    return dataset


@pytest.fixture
def scene(tmp_path: Path, noise: NDArray[np.uint16]) -> Path:
    """A 12-bit scene of six bands with all that a GeoTIFF can say."""
    path = tmp_path / "scene.tif"
    pixels = noise.copy()
    pixels[:9] = 0
    with create(
        path,
        pixels,
        nbits=12,
        nodata=0,
        crs=CRS.from_epsg(32631),
        transform=from_origin(500_000, 4_600_000, 10, 10),
        photometric="MINISBLACK",
    ) as dataset:
        dataset.colorinterp = [
            ColorInterp.blue,
            ColorInterp.green,
            ColorInterp.red,
            ColorInterp.undefined,
            ColorInterp.undefined,
            ColorInterp.alpha,
        ]
        dataset.update_tags(AREA_OR_POINT="Point", TIFFTAG_SOFTWARE="mission", SUN="41°")
        dataset.update_tags(ns="MISSION", orbit="51")
        for band in range(1, 7):
            dataset.update_tags(band, wavelength=f"{band}00 nm", STATISTICS_MEAN="5")
            dataset.update_tags(band, ns="CALIBRATION", gain=str(band))
            dataset.set_band_description(band, f"B{band}")
        dataset.scales = [1e-4] * 6
        dataset.offsets = [-0.1, -0.2, -0.3, -0.4, -0.5, -0.6]
        dataset.units = ["reflectance"] * 6
        dataset.rpcs = RPCS
    return path


def facts(path: Path) -> dict[str, Any]:
    """All that rasterio, apart from IQF, finds in a file."""
    with rasterio.open(path, driver="GTiff") as data:
        bands = range(1, data.count + 1)
        domains = [d for d in data.tag_namespaces() if d not in ("IMAGE_STRUCTURE", "RPC")]
        return {
            "crs": data.crs,
            "transform": data.transform,
            "gcps": [(p.row, p.col, p.x, p.y, p.z) for p in data.gcps[0]],
            "gcps crs": data.gcps[1],
            "rpcs": data.rpcs and data.rpcs.to_dict(),
            "nodata": data.nodata,
            "dtypes": data.dtypes,
            "descriptions": data.descriptions,
            "tags": data.tags(),
            "domains": {d: data.tags(ns=d) for d in domains if d != "DERIVED_SUBDATASETS"},
            "band tags": [
                {k: v for k, v in data.tags(b).items() if "STATISTICS" not in k} for b in bands
            ],
            "band domains": [data.tags(b, ns="CALIBRATION") for b in bands],
            "scales": data.scales,
            "offsets": data.offsets,
            "units": data.units,
            "colours": data.colorinterp,
            "nbits": data.tags(1, ns="IMAGE_STRUCTURE").get("NBITS"),
            "masks": [data.read_masks(band).tolist() for band in bands],
            "pixels": data.read().tolist(),
        }


def only(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_everything_survives_a_round_trip(tmp_path: Path, scene: Path) -> None:
    image = read_image(scene)
    assert (image.dtype, image.bands, image.peak, image.gsd_m) == ("uint16", 6, 4095, 10)
    assert not image.valid[:9].any()
    assert image.valid[9:].all()
    write_image(tmp_path / "copy.tif", image)
    assert facts(tmp_path / "copy.tif") == facts(scene)
    assert facts(scene)["tags"]["AREA_OR_POINT"] == "Point"
    # Nothing is left beside it: no .aux.xml, no .msk, no temporary file.
    assert only(tmp_path, "scene.tif", "copy.tif")


def test_everything_survives_a_windowed_copy(tmp_path: Path, scene: Path) -> None:
    with open_image(scene) as reader, ImageWriter.like(tmp_path / "copy.tif", reader) as writer:
        for tile in reader.windows(size=32, halo=3):
            writer.write(reader.read(tile.outer).cut(tile.inner), tile.window)
    copied, original = facts(tmp_path / "copy.tif"), facts(scene)
    assert copied == original
    assert only(tmp_path, "scene.tif", "copy.tif")


def test_arrays_without_a_mask_are_judged_by_nodata(tmp_path: Path, scene: Path) -> None:
    with open_image(scene) as reader, ImageWriter.like(tmp_path / "copy.tif", reader) as writer:
        for tile in reader.windows(size=64):
            writer.write(reader.read(tile.window).pixels, tile.window)
    assert facts(tmp_path / "copy.tif") == facts(scene)


def test_stale_statistics_are_left_out(tmp_path: Path, scene: Path) -> None:
    write_image(tmp_path / "copy.tif", read_image(scene))
    with rasterio.open(tmp_path / "copy.tif") as data:
        assert "STATISTICS_MEAN" not in data.tags(1)


def test_control_points_survive(tmp_path: Path, noise: NDArray[np.uint16]) -> None:
    points = [
        GroundControlPoint(0, 0, 2.0, 41.0, 5.0),
        GroundControlPoint(90, 0, 2.0, 40.9, 6.0),
        GroundControlPoint(0, 130, 2.2, 41.0, 7.0),
    ]
    with create(tmp_path / "gcps.tif", noise) as dataset:
        dataset.gcps = (points, CRS.from_epsg(4326))
    write_image(tmp_path / "copy.tif", read_image(tmp_path / "gcps.tif", peak=4095))
    assert facts(tmp_path / "copy.tif") == facts(tmp_path / "gcps.tif")
    assert len(facts(tmp_path / "copy.tif")["gcps"]) == 3


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5, 12])
def test_pixels_of_every_type_and_band_count(tmp_path: Path, dtype: str, bands: int) -> None:
    values = np.random.default_rng(bands).integers(0, 256, (70, 50, bands))
    image = Image(values.astype(dtype), peak=255)
    write_image(tmp_path / "a.tif", image)
    again = read_image(tmp_path / "a.tif", peak=255)
    assert again.dtype == dtype
    assert np.array_equal(again.pixels, image.pixels)
    assert again.mask is None


def test_a_mask_of_its_own_survives(tmp_path: Path, noise: NDArray[np.uint16]) -> None:
    mask = np.random.default_rng(1).random((90, 130)) < 0.7
    write_image(tmp_path / "a.tif", Image(noise, peak=4095, mask=mask))
    again = read_image(tmp_path / "a.tif", peak=4095)
    assert np.array_equal(again.valid, mask)
    assert np.array_equal(again.pixels, noise)
    assert only(tmp_path, "a.tif")


def test_valid_pixels_that_reach_nodata_stay_valid(tmp_path: Path) -> None:
    pixels = np.full((20, 20, 2), 9, np.uint16)
    mask = np.ones((20, 20), bool)
    mask[0] = False
    pixels[5] = 0
    write_image(tmp_path / "a.tif", Image(pixels, peak=4095, mask=mask, nodata=0))
    again = read_image(tmp_path / "a.tif", peak=4095)
    assert again.nodata == 0
    assert np.array_equal(again.valid, mask)
    assert (again.pixels[0] == 0).all()
    assert (again.pixels[5] == 0).all()


def test_invalid_pixels_are_written_as_nodata(tmp_path: Path, scene: Path) -> None:
    image = read_image(scene)
    write_image(tmp_path / "copy.tif", image.with_pixels(image.pixels + np.uint16(7)))
    with rasterio.open(tmp_path / "copy.tif") as data:
        assert not data.read()[:, :9].any()
    assert np.array_equal(read_image(tmp_path / "copy.tif").valid, image.valid)


@pytest.mark.parametrize("nodata", [None, -9999.0, float("nan")])
def test_pixels_that_are_not_finite_are_invalid(tmp_path: Path, nodata: float | None) -> None:
    pixels = np.random.default_rng(0).random((20, 30, 2), np.float32)
    pixels[2, 3, 0], pixels[4, 5, 1], pixels[6, 7] = np.nan, np.inf, -9999
    with create(tmp_path / "a.tif", pixels, nodata=nodata):
        pass
    image = read_image(tmp_path / "a.tif", peak=1)
    expected = np.ones((20, 30), bool)
    expected[2, 3] = expected[4, 5] = False
    expected[6, 7] = nodata != -9999
    assert np.array_equal(image.valid, expected)
    write_image(tmp_path / "b.tif", image.with_pixels(np.nan_to_num(image.pixels)))
    assert np.array_equal(read_image(tmp_path / "b.tif", peak=1).valid, expected)


def test_nodata_beyond_the_data_type_marks_nothing(tmp_path: Path) -> None:
    image = Image(np.zeros((4, 4, 1), np.uint8), peak=255, nodata=-9999)
    write_image(tmp_path / "a.tif", image)
    assert read_image(tmp_path / "a.tif", nodata=-9999).mask is None


def test_declared_bits_saturate(tmp_path: Path, scene: Path) -> None:
    image = read_image(scene)
    write_image(tmp_path / "copy.tif", image.with_pixels(image.pixels * np.uint16(3)))
    assert read_image(tmp_path / "copy.tif").pixels.max() == 4095


def test_the_peak_of_deep_images_must_be_known(tmp_path: Path, noise: NDArray[np.uint16]) -> None:
    with create(tmp_path / "a.tif", noise):
        pass
    with pytest.raises(ConfigurationError, match=r"a\.tif.*uint16.*'peak'.*iqf\.yaml.*--peak"):
        open_image(tmp_path / "a.tif")
    assert read_header(tmp_path / "a.tif").peak is None
    assert read_image(tmp_path / "a.tif", peak=10_000).peak == 10_000


def test_palettes_and_bilevel_tiffs_are_expanded(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    indexed = Pillow.fromarray(values).convert("P")
    indexed.save(tmp_path / "palette.tif")
    image = read_image(tmp_path / "palette.tif")
    # TIFF palettes have 16 bits; GDAL 3.9 rounds them down where Pillow and GDAL 3.10 do not.
    assert np.abs(image.pixels - np.asarray(indexed.convert("RGB")).astype(int)).max() <= 1
    assert read_header(tmp_path / "palette.tif").bands == 3
    write_image(tmp_path / "copy.tif", image)
    assert np.array_equal(read_image(tmp_path / "copy.tif").pixels, image.pixels)
    Pillow.fromarray(values).convert("1").save(tmp_path / "bits.tif")
    bits = read_image(tmp_path / "bits.tif")
    assert bits.shape == (20, 30, 1)
    assert set(np.unique(bits.pixels)) == {0, 255}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compress": "deflate", "predictor": 2},
        {"compress": "lzw", "tiled": True, "blockxsize": 32, "blockysize": 32},
        {"bigtiff": "yes"},
        {"endianness": "big"},
    ],
    ids=["plain", "deflate", "tiled", "bigtiff", "big-endian"],
)
def test_truncated_tiffs_are_refused(
    tmp_path: Path, noise: NDArray[np.uint16], options: dict[str, Any]
) -> None:
    path = tmp_path / "cut.tif"
    with create(path, noise, **options) as dataset:
        dataset.update_tags(purpose="lies behind the pixels, as GDAL writes it")
    data = path.read_bytes()
    read_image(path, peak=4095)
    for cut in (1, 2, 3, 10, 100, 1000, len(data) // 3, len(data) // 2, len(data) - 9):
        path.write_bytes(data[:-cut])
        with pytest.raises(ImageError, match=r"cut\.tif"):
            read_header(path)
        with pytest.raises(ImageError, match=r"cut\.tif"):
            open_image(path, peak=4095)


def test_our_own_tiffs_are_refused_when_truncated(tmp_path: Path, scene: Path) -> None:
    path = tmp_path / "copy.tif"
    write_image(path, read_image(scene))
    data = path.read_bytes()
    for cut in (1, 2, 50, 500, 5000, len(data) // 2):
        path.write_bytes(data[:-cut])
        with pytest.raises(ImageError):
            read_image(path)


@pytest.mark.parametrize(
    ("driver", "suffix", "options"),
    [
        ("JP2OpenJPEG", ".jp2", {"QUALITY": "100", "REVERSIBLE": "YES", "NBITS": "12"}),
        ("BMP", ".bmp", {}),
        ("WEBP", ".webp", {"LOSSLESS": "YES"}),
    ],
)
def test_other_formats(
    tmp_path: Path, noise: NDArray[np.uint16], driver: str, suffix: str, options: dict[str, str]
) -> None:
    path = tmp_path / f"a{suffix}"
    pixels = noise[:, :, :3] if driver == "JP2OpenJPEG" else (noise[:, :, :3] >> 4).astype(np.uint8)
    with create(path, pixels, driver=driver, **options):
        pass
    header = read_header(path)
    assert (header.driver, header.shape) == (driver, pixels.shape)
    assert header.peak == (4095 if driver == "JP2OpenJPEG" else 255)
    assert not header.lossy
    assert np.array_equal(read_image(path).pixels, pixels)
    data = path.read_bytes()
    for cut in (1, 2, 20, 200, len(data) // 2, len(data) - 30):
        path.write_bytes(data[:-cut])
        with pytest.raises(ImageError, match=f"a{suffix}"):
            read_image(path)


def test_lossy_files_are_told_apart(tmp_path: Path, noise: NDArray[np.uint16]) -> None:
    pixels = (noise[:, :, :3] >> 4).astype(np.uint8)
    kinds: dict[str, tuple[bool, dict[str, Any]]] = {
        "jpeg.tif": (True, {"compress": "jpeg"}),
        "deflate.tif": (False, {"compress": "deflate"}),
        "lossy.jp2": (True, {"driver": "JP2OpenJPEG"}),
        "lossy.webp": (True, {"driver": "WEBP"}),
    }
    for name, (lossy, options) in kinds.items():
        with create(tmp_path / name, pixels, **options):
            pass
        assert read_header(tmp_path / name).lossy is lossy, name


@pytest.mark.parametrize(
    "name",
    [
        "with space.tif",
        "hash#tag.tif",
        "100%.tif",
        "größe 影像.tif",
        "s3:a.tif",
        "http:b.tif",
        "zip:c.zip!d.tif",
        "GTIFF_DIR:1:e.tif",
        "NETCDF:f.tif",
        "-g.TIF",
    ],
)
def test_names_that_gdal_would_take_for_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: NDArray[np.uint16], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(name, Image(noise, peak=4095))
    assert only(tmp_path, name)
    assert read_header(name).path == tmp_path / name
    assert np.array_equal(read_image(name, peak=4095).pixels, noise)


def test_a_name_that_is_not_unicode_is_an_image_error(
    tmp_path: Path, noise: NDArray[np.uint16]
) -> None:
    path = tmp_path / os.fsdecode(b"\xff.tif")
    try:
        path.touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    write_image(path, Image(noise, peak=4095))
    with pytest.raises(ImageError, match="UTF-8"):
        read_image(path, peak=4095)


def test_a_name_of_the_longest_length_can_be_written(
    tmp_path: Path, noise: NDArray[np.uint16]
) -> None:
    path = tmp_path / ("x" * 251 + ".tif")
    write_image(path, Image(noise, peak=4095))
    assert np.array_equal(read_image(path, peak=4095).pixels, noise)


def test_cloud_optimized(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1200, 1300, 3), dtype=np.uint8)
    mask = np.ones((1200, 1300), bool)
    mask[:100] = False
    write_image(tmp_path / "a.tif", Image(pixels, peak=255, mask=mask), cog=True)
    again = read_image(tmp_path / "a.tif")
    assert np.array_equal(again.pixels, pixels)
    assert np.array_equal(again.valid, mask)
    with rasterio.open(tmp_path / "a.tif") as data:
        assert data.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert data.overviews(1)
    assert only(tmp_path, "a.tif")


def test_a_cog_keeps_all_but_tags_in_other_domains(tmp_path: Path, scene: Path) -> None:
    write_image(tmp_path / "copy.tif", read_image(scene), cog=True)
    copied, original = facts(tmp_path / "copy.tif"), facts(scene)
    for told in (copied, original):
        told["tags"].pop("OVR_RESAMPLING_ALG", None)
        del told["domains"], told["band domains"]
    assert copied == original


def test_a_failed_write_leaves_nothing(tmp_path: Path, noise: NDArray[np.uint16]) -> None:
    image = Image(noise, peak=4095)
    with pytest.raises(ImageError, match=r"gone/a\.tif: cannot be written"):
        write_image(tmp_path / "gone" / "a.tif", image)
    with pytest.raises(RuntimeError), ImageWriter.like(tmp_path / "a.tif", image) as writer:
        writer.write(noise)
        raise RuntimeError
    assert only(tmp_path)


def test_a_file_appears_only_when_complete(tmp_path: Path, noise: NDArray[np.uint16]) -> None:
    path = tmp_path / "a.tif"
    image = Image(noise, peak=4095)
    with ImageWriter.like(path, image) as writer:
        writer.write(noise[:32], Window(0, 0, 32, 130))
        assert not path.exists()
        writer.write(noise[32:], Window(32, 0, 58, 130))
    assert np.array_equal(read_image(path, peak=4095).pixels, noise)
    with (
        pytest.raises(ImageError, match="4160 of 11700 pixels"),
        ImageWriter.like(tmp_path / "b.tif", image) as writer,
    ):
        writer.write(noise[:32], Window(0, 0, 32, 130))
    assert only(tmp_path, "a.tif")


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on file sizes stands in for the full disk: writes fail in the same way."""
    code = (
        "import resource, sys, numpy as np\n"
        "from iqf_core.errors import ImageError\n"
        "from iqf_core.imaging.image import Image\n"
        "from iqf_core.imaging.writing import ImageWriter, write_image\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "noise = np.random.default_rng(0).integers(0, 65536, (400, 400, 2), dtype=np.uint16)\n"
        "image = Image(noise, peak=65535)\n"
        "def windowed(path, image):\n"
        "    with ImageWriter.like(path, image) as writer: writer.write(image)\n"
        "for write in write_image, windowed:\n"
        "    try: write(sys.argv[1] + '/a.tif', image)\n"
        "    except ImageError as error: print('refused', error)\n"
        "try: write_image(sys.argv[1] + '/a.png', Image(noise[:, :, :1], peak=1))\n"
        "except ImageError as error: print('refused', error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True
    )
    assert run.stdout.count("refused") == 3, run.stdout
    assert only(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_windows_bound_the_memory(tmp_path: Path) -> None:
    """A scene of 450 MB is copied window by window within 300 MB of memory."""
    source = tmp_path / "large.tif"
    with rasterio.open(
        source,
        "w",
        driver="GTiff",
        width=10_000,
        height=15_000,
        count=3,
        dtype="uint8",
        tiled=True,
        blockxsize=512,
        blockysize=512,
        SPARSE_OK=True,
    ):
        pass
    code = (
        "import pathlib, re, sys\n"
        "from iqf_core.imaging.reading import open_image\n"
        "from iqf_core.imaging.writing import ImageWriter\n"
        "with open_image(sys.argv[1]) as reader, ImageWriter.like(sys.argv[2], reader) as writer:\n"
        "    for tile in reader.windows(1024, halo=8):\n"
        "        writer.write(reader.read(tile.outer).pixels[tile.inner], tile.window)\n"
        # Not ru_maxrss: on Linux a child starts with the peak of the process that started it.
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', status)[1])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, source, tmp_path / "copy.tif"],
        env=os.environ | {"GDAL_CACHEMAX": "64"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(run.stdout) * 1024 < 300e6


@pytest.mark.shared_data
def test_real_tiles_survive(tmp_path: Path, shared_data: Path) -> None:
    for source in sorted((shared_data / "geo_tiles" / "images").glob("*.tif")):
        header = read_header(source)
        assert header.georeferenced
        write_image(tmp_path / source.name, read_image(source, peak=header.peak or 65535))
        assert facts(tmp_path / source.name) == facts(source)
