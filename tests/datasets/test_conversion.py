from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner

from iqf_core.cli.main import cli
from iqf_core.datasets.conversion import ConvertedDataset, convert_dataset
from iqf_core.datasets.dataset import open_dataset
from iqf_core.datasets.formats.coco import CocoFormat
from iqf_core.datasets.formats.geojson import GeoJsonFormat
from iqf_core.datasets.formats.masks import MasksFormat
from iqf_core.errors import ConfigurationError, DatasetError

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FORMATS = {"coco": CocoFormat, "geojson": GeoJsonFormat, "masks": MasksFormat}


def convert(path: Path, target: Path, format_: str, **options: Any) -> ConvertedDataset:
    dataset = open_dataset(path)
    return convert_dataset(dataset, target, FORMATS[format_](), quiet=True, **options)


def boxes(path: Path) -> list[tuple[float, ...]]:
    annotations = open_dataset(path).annotations()
    assert annotations is not None
    return [each.box for each in annotations.objects if each.box is not None]


def test_a_complete_dataset_is_written(
    coco_dataset: Path, write_image: Callable[..., Path]
) -> None:
    write_image(coco_dataset / "masks" / "a.png")
    (coco_dataset / "labels.csv").write_text("file,label\na.png,1\n")
    (coco_dataset / "iqf.yaml").write_text("gsd_m: 2\n")
    made = convert(coco_dataset, coco_dataset.parent / "new", "geojson")
    new = open_dataset(made.path)
    assert {each.format for each in new.annotation_files} == {"geojson", "masks"}
    assert new.companions == ("labels.csv",) and new.properties.gsd_m == 2
    assert new.image_path("a.png").samefile(coco_dataset / "images" / "a.png")
    annotations = new.annotations()
    assert annotations is not None
    assert [each.geometry.bounds for each in annotations.objects if each.geometry] == [
        (2, 4, 12, 12),
        (0, 0, 1, 20),
    ]
    assert annotations.classes == {5: "car", 7: "ship"}


def test_what_is_lost_is_said(coco_dataset: Path) -> None:
    made = convert(coco_dataset, coco_dataset.parent / "new", "geojson")
    assert {each.code for each in made.findings} == {
        "mask-not-carried",
        "keypoints-not-carried",
        "object-not-carried",
    }


def test_pixels_come_back_from_geojson(coco_dataset: Path) -> None:
    parent = coco_dataset.parent
    convert(coco_dataset, parent / "there", "geojson")
    convert(parent / "there", parent / "back", "coco")
    assert boxes(parent / "back") == [(2, 4, 10, 8), (0, 0, 1, 20)]


@pytest.fixture
def georeferenced(tmp_path: Path) -> Path:
    """Two rotated images in two UTM zones, with COCO boxes."""
    folder = tmp_path / "zones"
    (folder / "images").mkdir(parents=True)
    turned = Affine.translation(500_000, 4_000_000) @ Affine.rotation(20) @ Affine.scale(0.5, -0.5)
    for name, code in (("a.tif", 32616), ("b.tif", 32617)):
        with rasterio.open(
            folder / "images" / name,
            "w",
            driver="GTiff",
            height=40,
            width=60,
            count=1,
            dtype="uint8",
            crs=f"EPSG:{code}",
            transform=turned,
        ) as file:
            file.write(np.full((1, 40, 60), 7, np.uint8))
    document = {
        "images": [{"id": 1, "file_name": "a.tif"}, {"id": 2, "file_name": "b.tif"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 5, 20, 10]},
            {"id": 2, "image_id": 2, "category_id": 1, "bbox": [0, 0, 60, 40]},
        ],
        "categories": [{"id": 1, "name": "roof"}],
    }
    (folder / "roofs.json").write_text(json.dumps(document))
    return folder


def test_objects_of_georeferenced_images_get_map_coordinates(georeferenced: Path) -> None:
    (georeferenced / "images" / "b.tif").unlink()
    made = convert(georeferenced, georeferenced.parent / "map", "geojson")
    document = json.loads(made.annotations.read_text())
    assert document["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32616"
    (ring,) = document["features"][0]["geometry"]["coordinates"]
    turned = Affine.translation(500_000, 4_000_000) @ Affine.rotation(20) @ Affine.scale(0.5, -0.5)
    assert set(map(tuple, np.round(ring, 6))) == {
        tuple(np.round(turned @ corner, 6)) for corner in ((10, 5), (30, 5), (30, 15), (10, 15))
    }


def test_several_systems_become_longitude_and_latitude_and_come_back(georeferenced: Path) -> None:
    parent = georeferenced.parent
    made = convert(georeferenced, parent / "map", "geojson")
    assert "CRS84" in made.annotations.read_text()
    convert(parent / "map", parent / "back", "coco")
    # Tolerance: PROJ's inverse UTM is good to well under a millimetre, a pixel has 0.5 m.
    assert np.allclose(boxes(parent / "back"), [(10, 5, 20, 10), (0, 0, 60, 40)], atol=1e-3)


def test_sizes_that_lie_are_reported_and_the_files_taken(coco_dataset: Path) -> None:
    path = coco_dataset / "annotations.json"
    document = json.loads(path.read_text())
    document["images"][0] |= {"height": 2000, "width": 3000}
    path.write_text(json.dumps(document))
    made = convert(coco_dataset, coco_dataset.parent / "new", "coco")
    assert "size-mismatch" in {each.code for each in made.findings}
    images = json.loads(made.annotations.read_text())["images"]
    assert {(each["height"], each["width"]) for each in images} == {(20, 30)}


def test_names_that_leave_the_dataset_are_not_followed(coco_dataset: Path) -> None:
    secret = coco_dataset.parent / "secret.png"
    secret.write_bytes((coco_dataset / "images" / "a.png").read_bytes())
    path = coco_dataset / "annotations.json"
    path.write_text(path.read_text().replace('"a.png"', '"../../secret.png"'))
    made = convert(coco_dataset, coco_dataset.parent / "new", "coco")
    assert [each.code for each in made.findings if each.severity == "error"] == ["unsafe-name"]
    assert "secret" not in made.annotations.read_text()
    assert open_dataset(made.path).image_names == ("a.png", "b.png")


def test_an_existing_target_is_left_alone(coco_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(DatasetError, match="exists already"):
        convert(coco_dataset, tmp_path / "there", "geojson")
    with pytest.raises(ConfigurationError, match="lies in the dataset"):
        convert(coco_dataset, coco_dataset / "new", "geojson")
    with pytest.raises(ConfigurationError, match="holds no objects"):
        convert(coco_dataset, tmp_path / "new", "masks")


def test_what_to_read_must_be_clear(coco_dataset: Path, tmp_path: Path) -> None:
    convert(coco_dataset, tmp_path / "other", "geojson")
    both = coco_dataset / "other.geojson"
    both.write_bytes((tmp_path / "other" / "annotations.geojson").read_bytes())
    with pytest.raises(ConfigurationError, match=r"coco .* and geojson .*--from"):
        convert(coco_dataset, tmp_path / "new", "coco")
    made = convert(coco_dataset, tmp_path / "new", "coco", source="geojson")
    assert made.objects == 2
    assert [each.format for each in open_dataset(tmp_path / "new").annotation_files] == ["coco"]
    with pytest.raises(ConfigurationError, match="no yolo annotations; it has coco, geojson"):
        convert(coco_dataset, tmp_path / "newer", "coco", source="yolo")


def test_a_failure_leaves_nothing_behind(coco_dataset: Path, tmp_path: Path) -> None:
    class Broken(CocoFormat):
        def write(self, annotations: Any, path: Path) -> Any:
            raise RuntimeError("no more ink")

    dataset = open_dataset(coco_dataset)
    with pytest.raises(DatasetError, match="no more ink"):
        convert_dataset(dataset, tmp_path / "new", Broken(), quiet=True)
    assert {path.name for path in tmp_path.iterdir()} == {"ships", ".iqf"}


def test_the_command_names_the_format_it_does_not_know(coco_dataset: Path) -> None:
    arguments = ["dataset", "convert", str(coco_dataset), str(coco_dataset.parent / "new")]
    result = CliRunner().invoke(cli, [*arguments, "--format", "cocos"])
    assert result.exit_code != 0 and "coco" in str(result.exception)


@pytest.mark.shared_data
def test_real_footprints_keep_their_area(tmp_path: Path) -> None:
    source = DATA / "geo_tiles"
    made = convert(source, tmp_path / "pixels", "coco")
    before = open_dataset(source).annotations()
    after = open_dataset(made.path).annotations()
    assert before is not None and after is not None
    # A pixel has 0.5 m x 0.5 m.
    assert [each.area for each in after.objects] == pytest.approx(
        [each.geometry.area / 0.25 for each in before.objects if each.geometry is not None]
    )
