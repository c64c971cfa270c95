"""Statistics against numbers computed in another way."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from broken_datasets import (
    coco_document,
    collection,
    feature,
    ring,
    scene,
    square,
    write_coco,
    write_geotiff,
    write_image,
    write_json,
)
from iqf_dataset_tools.fix import fix_dataset
from iqf_dataset_tools.pixel_statistics import PERCENTILES
from iqf_dataset_tools.statistics import dataset_statistics

from iqf_core.api import DatasetError

X, Y = 500_000.0, 4_000_000.0


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_pixels_in_windows_equal_numpy(tmp_path: Path, registry: Any, dtype: str) -> None:
    rng = np.random.default_rng(3)
    # More than one window of 1024 in both directions.
    values = rng.normal(0, 40, (1500, 1100, 2)) if dtype == "float32" else rng.integers(
        0, np.iinfo(dtype).max, (1500, 1100, 2), endpoint=True
    )  # fmt: skip
    pixels = values.astype(dtype)
    write_geotiff(tmp_path / "d/images/a.tif", pixels)
    found = dataset_statistics(tmp_path / "d", registry=registry, peak=30000, quiet=True)
    for band in (0, 1):
        flat = pixels[..., band].ravel()
        each = found.bands[band]
        assert each.valid == flat.size
        assert each.minimum == flat.min()
        assert each.maximum == flat.max()
        assert each.mean == pytest.approx(flat.mean(dtype=np.float64), rel=1e-12)
        assert each.std == pytest.approx(flat.std(dtype=np.float64), rel=1e-12)
        expected = np.percentile(flat, PERCENTILES, method="inverted_cdf")
        assert list(each.percentiles.values()) == expected.tolist()
        assert each.zeros == (flat == 0).mean()
        peak = 255 if dtype == "uint8" else 30000
        assert each.saturated == pytest.approx((flat >= peak).mean(), abs=1e-15)


def test_workers_give_the_same_numbers(tmp_path: Path, registry: Any) -> None:
    for number in range(3):
        write_image(tmp_path / "d" / f"{number}.png", scene(number, 700, 900))
    one, two = (
        dataset_statistics(tmp_path / "d", registry=registry, workers=workers, quiet=True)
        for workers in (1, 2)
    )
    assert one.to_json() == two.to_json()


def test_bands_over_images_are_those_of_all_pixels(tmp_path: Path, registry: Any) -> None:
    pictures = [scene(n, 30 + 10 * n, 50) for n in range(3)]
    for number, pixels in enumerate(pictures):
        write_image(tmp_path / "d" / f"{number}.png", pixels)
    found = dataset_statistics(tmp_path / "d", registry=registry, quiet=True)
    for band in range(3):
        flat = np.concatenate([each[..., 2 - band].ravel() for each in pictures])  # BGR
        assert found.bands[band].mean == pytest.approx(flat.mean(), rel=1e-12)
        assert found.bands[band].std == pytest.approx(flat.std(), rel=1e-12)
        median = np.percentile(flat, 50, method="inverted_cdf")
        assert found.bands[band].percentiles["50"] == median


def test_nodata_does_not_count_and_an_unknown_peak_is_no_number(
    tmp_path: Path, registry: Any
) -> None:
    pixels = np.full((10, 10, 1), 700, np.uint16)
    pixels[:4] = 0
    write_geotiff(tmp_path / "d/images/a.tif", pixels)
    (tmp_path / "d/iqf.yaml").write_text("nodata: 0\n")
    found = dataset_statistics(tmp_path / "d", registry=registry, quiet=True)
    assert found.images[0].nodata == pytest.approx(0.4)
    assert found.images[0].bits == 10
    assert (found.bands[0].mean, found.bands[0].valid) == (700, 60)
    assert found.bands[0].saturated is None


def test_geometry_of_objects(tmp_path: Path, registry: Any) -> None:
    angle = math.radians(30)
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array(
        [-math.sin(angle), math.cos(angle)]
    )  # fmt: skip
    corner = np.array([30.0, 10.0])
    points = [corner, corner + 20 * along, corner + 20 * along + 5 * across, corner + 5 * across]
    document = coco_document()
    document["annotations"][0]["segmentation"] = [np.concatenate(points).tolist()]
    document["annotations"][0].pop("bbox")
    found = dataset_statistics(write_coco(tmp_path / "d", document), registry=registry, quiet=True)
    row = found.rows[0]
    assert row.area_px == pytest.approx(100)
    assert row.rotated_width_px == pytest.approx(20)
    assert row.rotated_height_px == pytest.approx(5)
    assert row.rotated_angle_deg == pytest.approx(30)
    assert row.compactness == pytest.approx(4 * math.pi * 100 / 50**2)
    centre = corner + 10 * along + 2.5 * across
    assert (row.x, row.y) == pytest.approx(tuple(centre))
    upright = found.rows[1]
    assert (upright.width_px, upright.height_px, upright.aspect_ratio) == (20, 10, 2)
    assert (upright.rotated_width_px, upright.rotated_angle_deg) == pytest.approx((20, 0))


def test_square_metres_come_from_the_georeference(tmp_path: Path, registry: Any) -> None:
    write_geotiff(tmp_path / "d/images/a.tif", scene(1), gsd=0.5)
    document = collection([feature(square(X + 2, Y - 2, 10)), feature(square(X + 2, Y - 2, 10))])
    write_json(tmp_path / "d/labels.geojson", document)
    found = dataset_statistics(tmp_path / "d", registry=registry, quiet=True)
    assert found.rows[0].area_m2 == pytest.approx(100)
    assert found.rows[0].area_px == pytest.approx(400)
    # Two objects on the same place cover it once.
    assert found.classes[0].area_m2 == pytest.approx(100)
    assert found.classes[0].coverage == pytest.approx(400 / (60 * 80))
    assert found.summary("objects_per_km2").mean == pytest.approx(2 / (60 * 80 * 0.25) * 1e6)


def test_classes_and_what_shares_an_image(tmp_path: Path, registry: Any) -> None:
    document = coco_document()
    document["annotations"].append(
        {"id": 3, "image_id": 1, "category_id": 2, "segmentation": [ring(0, 0, 80, 60)],
         "area": 4800}
    )  # fmt: skip
    found = dataset_statistics(write_coco(tmp_path / "d", document), registry=registry, quiet=True)
    assert found.together == {(1, 2): 1}
    plane, ship = found.classes
    assert (plane.objects, plane.images, ship.objects, ship.images) == (1, 1, 2, 2)
    assert ship.coverage == pytest.approx((4800 + 200) / (2 * 4800))
    assert plane.area_m2 is None


def test_masks_cover_what_their_pixels_say(tmp_path: Path, registry: Any) -> None:
    write_image(tmp_path / "d/images/a.png", scene(1))
    mask = np.zeros((60, 80), np.uint8)
    mask[:15] = 3
    write_image(tmp_path / "d/masks/a.png", mask)
    found = dataset_statistics(tmp_path / "d", registry=registry, quiet=True)
    assert found.mask_classes == {0: 0.75, 3: 0.25}


def test_polygons_become_masks_the_right_way_round(tmp_path: Path, registry: Any) -> None:
    source = write_coco(tmp_path / "d")
    fix_dataset(source, tmp_path / "o", registry=registry, rasterize=True, quiet=True)
    found = dataset_statistics(tmp_path / "o", registry=registry, quiet=True)
    # 20 x 10 pixels of class 1 in one image and of class 2 in the other; the rest is background.
    share = 200 / (2 * 60 * 80)
    assert found.mask_classes == pytest.approx({0: 1 - 2 * share, 1: share, 2: share})
    assert not (source / "masks").exists()


def test_any_field_has_least_mean_and_greatest(tmp_path: Path, registry: Any) -> None:
    document = coco_document()
    document["annotations"][0]["cloud_cover"] = 0.25
    document["annotations"][1]["cloud_cover"] = 0.75
    found = dataset_statistics(write_coco(tmp_path / "d", document), registry=registry, quiet=True)
    summary = found.summary("attributes.cloud_cover")
    assert (summary.count, summary.min, summary.mean, summary.max) == (2, 0.25, 0.5, 0.75)
    with pytest.raises(DatasetError, match=r"no field 'wetness'.*objects\.area_px"):
        found.summary("wetness")


def test_tables_json_and_the_notebook(tmp_path: Path, registry: Any) -> None:
    found = dataset_statistics(write_coco(tmp_path / "d"), registry=registry, quiet=True)
    found.write_csv(tmp_path / "o.csv")
    rows = list(csv.DictReader((tmp_path / "o.csv").open()))
    assert [row["class_name"] for row in rows] == ["plane", "ship"]
    assert float(rows[0]["area_px"]) == 200
    frame = found.frame()
    assert frame["area_px"].tolist() == [200, 200]
    values = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert values["schema"] == "iqf.dataset-stats/1"
    histogram = values["histograms"]["objects.area_px"]
    assert sum(histogram["counts"]) == 2
    assert len(histogram["edges"]) == len(histogram["counts"]) + 1
    shown = found._repr_html_()
    assert "objects.area_px" in shown
    assert "plane (1)" in shown


def test_unreadable_images_are_named_and_left_out(tmp_path: Path, registry: Any) -> None:
    folder = write_coco(tmp_path / "d")
    (folder / "images/1.png").write_bytes(b"")
    found = dataset_statistics(folder, registry=registry, quiet=True)
    assert [each.name for each in found.readable] == ["2.png"]
    assert found.to_json()["images"]["unreadable"]["1.png"]
    found.write_html(tmp_path / "p.html")
    assert "1.png" in (tmp_path / "p.html").read_text()
