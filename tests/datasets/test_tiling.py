from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner

from iqf_core.cli.main import cli
from iqf_core.datasets.dataset import open_dataset
from iqf_core.datasets.tile_record import read_tiles
from iqf_core.datasets.tiling import TiledDataset, tile_dataset
from iqf_core.errors import ConfigurationError, DatasetError
from iqf_core.imaging.reading import read_image
from iqf_core.imaging.windows import Window

MAP = Affine(0.5, 0, 700_000, 0, -0.5, 3_000_000)


def tiled(path: Path, **options: Any) -> TiledDataset:
    return tile_dataset(open_dataset(path), quiet=True, **{"size": 16, "overlap": 4, **options})


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A dataset of one georeferenced uint16 scene, 40 x 50 pixels, with nodata, and GeoJSON."""
    folder = tmp_path / "harbour"
    (folder / "images").mkdir(parents=True)
    pixels = np.random.default_rng(1).integers(1, 4000, (2, 40, 50)).astype(np.uint16)
    pixels[:, :5] = 0
    with rasterio.open(
        folder / "images" / "s.tif",
        "w",
        driver="GTiff",
        height=40,
        width=50,
        count=2,
        dtype="uint16",
        crs="EPSG:32616",
        transform=MAP,
        nodata=0,
    ) as file:
        file.write(pixels)
        file.descriptions = ("red", "nir")
    left, top = MAP @ (10, 10)
    right, bottom = MAP @ (20, 14)
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    feature = {
        "type": "Feature",
        "id": "ship-1",
        "properties": {"image_filename": "s.tif", "class_id": 3, "note": "moored"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32616"}}
    document = {"type": "FeatureCollection", "crs": crs, "features": [feature]}
    (folder / "annots.geojson").write_text(json.dumps(document))
    return folder


def test_tiles_show_the_scene_at_their_place(scene: Path) -> None:
    made = tiled(scene)
    whole = read_image(scene / "images" / "s.tif", peak=4095)
    assert made.path.name == "harbour#tile-size=16,overlap=4,keep=0.3"
    assert len(made.record.tiles) == 3 * 4
    for tile in made.record.tiles:
        assert tile.name == f"s__x{tile.col}_y{tile.row}.tif"
        image = read_image(made.path / "images" / tile.name, peak=4095)
        part = Window(tile.row, tile.col, 16, 16).slices
        assert np.array_equal(image.pixels, whole.pixels[part])
        assert np.array_equal(image.valid, whole.valid[part])
        assert image.band_names == ("red", "nir")
        assert image.georeference is not None and image.georeference.transform is not None
        assert image.georeference.transform[2::3] == MAP @ (tile.col, tile.row)
        assert image.georeference.crs_wkt == whole.georeference.crs_wkt  # type: ignore[union-attr]


def test_footprints_stay_on_the_map_and_are_cut_at_the_tile(scene: Path) -> None:
    made = tiled(scene, overlap=0)
    annotations = open_dataset(made.path).annotations()
    assert annotations is not None and annotations.findings == ()
    areas = {each.image: each.geometry.area for each in annotations.objects if each.geometry}
    # 10 x 4 pixels of 0.5 m: six columns lie in the first tile, four in the second.
    assert areas == pytest.approx({"s__x0_y0.tif": 6.0, "s__x16_y0.tif": 4.0})
    (first, *_) = annotations.objects
    assert first.attributes == {"note": "moored", "source_id": "ship-1"}
    assert first.crs == "urn:ogc:def:crs:EPSG::32616"


def test_coco_boxes_masks_and_keypoints_follow(
    coco_dataset: Path, coco_document: dict[str, Any]
) -> None:
    made = tiled(coco_dataset, size=10, overlap=0, keep=0)
    assert made.findings == ()
    document = json.loads((made.path / "annotations.json").read_text())
    images = {each["id"]: each for each in document["images"]}
    assert {(each["height"], each["width"]) for each in images.values()} == {(10, 10)}
    assert len(images) == 2 * 2 * 3 and document["info"] == coco_document["info"]
    car = [each for each in document["annotations"] if each.get("source_id") == 10]
    assert {(images[each["image_id"]]["file_name"], *each["bbox"]) for each in car} == {
        ("a__x0_y0.png", 2, 4, 8, 6),
        ("a__x10_y0.png", 0, 4, 2, 6),
        ("a__x0_y10.png", 2, 0, 8, 2),
        ("a__x10_y10.png", 0, 0, 2, 2),
    }
    assert sum(each["area"] for each in car) == 80 and {each["note"] for each in car} == {"kept"}
    crowd = [each for each in document["annotations"] if each.get("source_id") == 11]
    assert [each["segmentation"]["size"] for each in crowd] == [[10, 10]] * 2
    ship = next(each for each in document["annotations"] if each.get("source_id") == 12)
    assert ship["keypoints"] == [3, 4, 2, 0, 0, 0]


def test_objects_that_no_tile_shows_enough_of_are_counted(coco_dataset: Path) -> None:
    made = tiled(coco_dataset, size=10, overlap=0, keep=0.7)
    assert (made.record.objects, made.record.objects_dropped) == (3, 2)
    (finding,) = made.findings
    assert finding.code == "objects-in-no-tile" and "2 of 3" in finding.message


@pytest.mark.parametrize("factor", [1, 2])
def test_masks_are_cut_with_their_images(
    tmp_path: Path, write_image: Callable[..., Path], factor: int
) -> None:
    """The second mask is half as fine as its image."""
    folder = tmp_path / "fields"
    write_image(folder / "images" / "a.png", 20, 30)
    labels = np.random.default_rng(2).integers(0, 9, (20 // factor, 30 // factor), np.uint8)
    (folder / "masks").mkdir()
    cv2.imwrite(str(folder / "masks" / "a_mask.png"), labels)
    made = tiled(folder, size=10, overlap=2)
    full = np.kron(labels, np.ones((factor, factor), np.uint8))
    for tile in made.record.tiles:
        name = tile.name.replace(".png", "_mask.png")
        mask = cv2.imread(str(made.path / "masks" / name), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(mask, full[tile.row : tile.row + 10, tile.col : tile.col + 10])
    assert open_dataset(made.path).annotations().findings == ()  # type: ignore[union-attr]


def test_a_scene_smaller_than_a_tile_stays_whole(
    tmp_path: Path, write_image: Callable[..., Path]
) -> None:
    write_image(tmp_path / "plain" / "a.png", 20, 30)
    made = tiled(tmp_path / "plain", size=64)
    assert [(tile.name, tile.height, tile.width) for tile in made.record.tiles] == [
        ("a__x0_y0.png", 20, 30)
    ]
    pixels = read_image(made.path / "a__x0_y0.png").pixels
    assert np.array_equal(pixels, read_image(tmp_path / "plain" / "a.png").pixels)


def test_scenes_of_one_stem_get_different_tiles(
    tmp_path: Path, write_image: Callable[..., Path]
) -> None:
    for index, name in enumerate(("a.png", "a.jpg", "A.bmp")):
        write_image(tmp_path / "plain" / name, seed=index)
    names = [tile.name for tile in tiled(tmp_path / "plain", size=64).record.tiles]
    assert len({name.lower() for name in names}) == 3


def test_the_same_tiles_are_made_once(scene: Path) -> None:
    first = tiled(scene)
    assert tiled(scene).reused and tiled(scene).record == first.record
    (scene / "iqf.yaml").write_text("peak: 4095\n")
    other = tiled(scene)
    assert not other.reused and other.path.name.startswith(f"{first.path.name}~")
    assert (other.path / "iqf.yaml").read_text() == "peak: 4095\n"
    (first.path / "images" / "s__x0_y0.tif").unlink()
    (scene / "iqf.yaml").unlink()
    with pytest.raises(DatasetError, match="missing"):
        tiled(scene)


def test_tables_of_scenes_are_copied_with_a_warning(coco_dataset: Path) -> None:
    (coco_dataset / "labels.csv").write_text("file,label\na.png,1\n")
    (coco_dataset / "readme.txt").write_text("of a day at sea\n")
    made = tiled(coco_dataset)
    assert [each.file for each in made.findings if each.code == "table-of-scenes"] == ["labels.csv"]
    assert (made.path / "readme.txt").read_text() == "of a day at sea\n"


def test_tiles_of_tiles_remember_the_first_scene(coco_dataset: Path) -> None:
    first = tiled(coco_dataset)
    second = tiled(first.path, size=8, overlap=0)
    assert {tile.origin for tile in second.record.tiles} == {"a.png", "b.png"}
    assert {tile.scene for tile in second.record.tiles} == {t.name for t in first.record.tiles}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size is 0"),
        ({"overlap": 16}, "overlap is 16: expected 0 to 15"),
        ({"keep": 1.5}, "keep is 1.5"),
        ({"keep": float("nan")}, "keep is nan"),
        ({"out": "inside"}, "lies in the dataset"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    coco_dataset: Path, options: dict[str, Any], message: str
) -> None:
    if options.get("out"):
        options = {"out": coco_dataset / "tiles"}
    with pytest.raises(ConfigurationError, match=message):
        tiled(coco_dataset, **options)


def test_a_damaged_scene_is_named_and_nothing_is_left(coco_dataset: Path) -> None:
    damaged = coco_dataset / "images" / "b.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.raises(Exception, match=r"b\.png"):
        tiled(coco_dataset)
    left = [path.name for path in coco_dataset.parent.iterdir() if path.name != ".iqf"]
    assert left == ["ships"]


def test_a_footprint_in_an_unknown_system_is_reported(scene: Path) -> None:
    path = scene / "annots.geojson"
    path.write_text(path.read_text().replace("EPSG::32616", "EPSG::999999"))
    made = tiled(scene)
    (finding,) = [each for each in made.findings if each.severity == "error"]
    assert finding.code == "not-placed" and "EPSG::999999" in finding.message
    assert (made.record.objects, made.record.objects_dropped) == (1, 1)


def test_longitude_and_latitude_beside_a_projected_image_are_taken_as_such(scene: Path) -> None:
    from rasterio.warp import transform_geom

    path = scene / "annots.geojson"
    document = json.loads(path.read_text())
    (feature,) = document["features"]
    feature["geometry"] = transform_geom("EPSG:32616", "EPSG:4326", feature["geometry"])
    del document["crs"]
    path.write_text(json.dumps(document))
    made = tiled(scene)
    assert made.findings == () and made.record.objects_dropped == 0


def test_the_command_prints_the_folder_and_what_is_in_it(scene: Path) -> None:
    arguments = ["dataset", "tile", str(scene), "--size", "16", "--overlap", "0"]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "12 tiles of 1 scenes; 1 of 1 objects" in result.output
    record = read_tiles(scene.parent / "harbour#tile-size=16,overlap=0,keep=0.3")
    assert record is not None and record.source == "harbour"
