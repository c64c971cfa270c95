"""What the detection metric gives where there is little, nothing, or something odd."""

from __future__ import annotations

import importlib.util
import pickle

import cv2
import numpy as np
import pytest
import rasterio

from iqf_core.api import ConfigurationError, DatasetError

#: COCO adds 2^-52 to the number of detections that it divides by.
PERFECT = pytest.approx(1)


def plane(image=1, x=10.0, y=10.0, side=20.0, number=1, **more):
    area = side * side
    return {
        "image_id": image,
        "category_id": number,
        "bbox": [x, y, side, side],
        "area": area,
    } | more


def found(image=1, x=10.0, y=10.0, side=20.0, number=1, score=0.9, **more):
    box = [x, y, side, side]
    return {"image_id": image, "category_id": number, "bbox": box, "score": score} | more


def test_right_boxes_are_perfect(coco, judge):
    values = judge("detection", coco([plane()]), [found()])
    for name in ("ap", "ap50", "ar_100", "ap_small"):
        assert values[name].value == PERFECT
    assert values["ap_large"].value is None and "no large object" in values["ap_large"].reason


def test_nothing_predicted_is_zero(coco, judge):
    values = judge("detection", coco([plane()]), [])
    assert values["ap"].value == values["ar_100"].value == 0
    assert values["detections"].value == 0


def test_without_ground_truth_there_is_no_value_but_the_reason(coco, judge):
    for predictions in ([], [found()]):
        values = judge("detection", coco([]), predictions)
        assert values["ap"].value is None
        assert "holds no object" in values["ap"].reason
        assert "no plane" in values["ap_class"].parts["plane"].reason
        assert values["images"].value == 2


def test_a_class_without_objects_does_not_enter_the_mean(coco, judge):
    values = judge("detection", coco([plane()]), [found(), found(number=2)])
    assert values["ap"].value == PERFECT
    assert values["ap_class"].parts["ship"].value is None


def test_detections_of_unknown_classes_are_left_out_and_counted(coco, judge):
    values = judge("detection", coco([plane()]), [found(), found(number=77, score=1.0)])
    assert values["ap"].value == PERFECT
    assert values["unknown_class"].value == 1
    assert values["detections"].value == 1


def test_a_detection_in_an_image_without_objects_is_a_false_one(coco, judge):
    values = judge("detection", coco([plane()]), [found(score=0.5), found(image=2)])
    assert values["ap50"].value == pytest.approx(0.5)


def test_crowds_neither_hit_nor_miss(coco, judge):
    objects = [plane(), plane(x=50.0, side=40.0, iscrowd=1)]
    predictions = [found(score=0.2), found(x=52.0, side=10.0), found(x=70.0, side=10.0)]
    values = judge("detection", coco(objects), predictions)
    assert values["ap"].value == PERFECT
    assert values["not_counted"].value == 1
    assert values["objects"].value == 1


@pytest.mark.parametrize("image", [1, "1", "i0.png", "i0.jpg", "i0"])
def test_images_are_found_by_identifier_path_or_stem(coco, judge, image):
    assert judge("detection", coco([plane()]), [found(image=image)])["ap"].value == PERFECT


def test_classes_are_found_by_name(coco, judge):
    record = found(number="plane")
    assert judge("detection", coco([plane()]), [record])["ap"].value == PERFECT


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (found(image=99), "record 0: 99 is no image of the dataset"),
        (found(score=None), "record 0: score is None, expected a number"),
        (found(score=float("nan")), "score is nan"),
        (found(bbox=[1, 2, 3]), "bbox is .1, 2, 3., expected"),
        (found(bbox=[1, 2, -3, 4]), "expected .x, y, width, height. in pixels"),
        ({"image_id": 1, "bbox": [1, 2, 3, 4], "score": 1}, "has no category_id"),
        ("i0.png", "paths of images; detection reads records"),
    ],
)
def test_malformed_records_are_named(coco, judge, record, said):
    with pytest.raises(DatasetError, match=said):
        judge("detection", coco([plane()]), [record])


@pytest.mark.parametrize("counts", [[0, 10**9], "~~", None, [1, 2.5]])
def test_malformed_masks_are_named(coco, judge, counts):
    objects = [plane(segmentation=[[10, 10, 30, 10, 30, 30]])]
    record = found(segmentation={"size": [100, 100], "counts": counts})
    with pytest.raises(DatasetError, match="record 0: "):
        judge("detection:iou=mask", coco(objects), [record])


def test_a_dataset_without_annotations_is_refused(tmp_path, judge):
    (tmp_path / "plain").mkdir()
    cv2.imwrite(str(tmp_path / "plain" / "a.png"), np.zeros((9, 9), np.uint8))
    with pytest.raises(DatasetError, match="has no annotations"):
        judge("detection", tmp_path / "plain", [])


def test_the_fallback_is_said(coco, judge, monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "hotcoco" else there(name, *a)
    )
    folder = coco([plane()])
    values = judge("detection", folder, [found()])
    assert values["ap"].value == PERFECT
    assert values["ap"].reason == "matched by pycocotools: hotcoco is not installed"
    with pytest.raises(ConfigurationError, match="hotcoco is not installed"):
        judge("detection:engine=hotcoco", folder, [found()])


def test_the_kind_of_overlap_is_in_the_name(iqf_registry):
    from iqf_core.measurement.metrics import resolve_metrics
    from iqf_core.plugins.manager import PluginManager

    manager = PluginManager()
    labels = [use.label for use in resolve_metrics(["detection", "detection:iou=mask"], manager)]
    assert labels == ["detection:iou=box", "detection:iou=mask"]


def test_masks_polygons_and_holes_are_drawn_alike(coco, judge):
    ring = [20, 20, 60, 20, 60, 60, 20, 60]
    objects = [{"image_id": 1, "category_id": 1, "segmentation": [ring]}]
    mask = np.zeros((100, 100), bool)
    mask[20:60, 20:60] = True
    edges = np.flatnonzero(np.diff(mask.ravel(order="F").astype(int))) + 1
    counts = np.diff([0, *edges, mask.size]).tolist()
    record = found(segmentation={"size": [100, 100], "counts": counts})
    values = judge("detection:iou=mask", coco(objects), [record])
    assert values["ap"].value == PERFECT


def test_sizes_on_the_ground_need_a_gsd(coco, judge):
    folder = coco([plane(), plane(x=50.0, side=30.0)])
    predictions = [found(), found(x=50.0, side=30.0, score=0.4)]
    values = judge("detection", folder, predictions)
    assert "GSD of 2 of 2 images is unknown" in values["ap_small_ground"].reason
    (folder / "iqf.yaml").write_text("gsd_m: 0.4\n")
    values = judge("detection", folder, predictions)  # 8 m and 12 m long
    assert values["ap_small_ground"].value == values["ap_medium_ground"].value == PERFECT
    assert values["ap_large_ground"].value is None
    assert values["ap_medium"].value is None  # both are small in pixels


def test_geojson_outlines_on_the_map_are_judged_in_pixels(tmp_path, judge):
    folder = tmp_path / "tiles"
    (folder / "images").mkdir(parents=True)
    profile = {
        "driver": "GTiff", "height": 80, "width": 80, "count": 1, "dtype": "uint16",
        "crs": "EPSG:32631", "transform": rasterio.transform.from_origin(500000, 4600000, 0.5, 0.5),
    }  # fmt: skip
    with rasterio.open(folder / "images" / "a.tif", "w", **profile) as file:
        file.write(np.ones((1, 80, 80), np.uint16))
    west, north = 500000 + 10 * 0.5, 4600000 - 20 * 0.5
    ring = [[west, north], [west + 15, north], [west + 15, north - 10], [west, north - 10]]
    feature = {
        "type": "Feature",
        "properties": {"image_filename": "a.tif", "class_id": 3},
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
    }
    import json

    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    document = {"type": "FeatureCollection", "crs": crs, "features": [feature]}
    (folder / "a.geojson").write_text(json.dumps(document))
    record = {"image_id": "a.tif", "category_id": 3, "bbox": [10, 20, 30, 20], "score": 0.5}
    for kind in ("box", "oriented"):
        values = judge(f"detection:iou={kind}", folder, [record])
        assert values["ap"].value == PERFECT
        assert values["ap_medium_ground"].value == PERFECT  # 15 m x 10 m


def test_difficult_objects_of_dota_do_not_count(tmp_path, judge):
    folder = tmp_path / "harbour"
    (folder / "images").mkdir(parents=True)
    (folder / "labelTxt").mkdir()
    cv2.imwrite(str(folder / "images" / "P1.png"), np.zeros((80, 80, 3), np.uint8))
    (folder / "labelTxt" / "P1.txt").write_text(
        "10 5 30 5 30 15 10 15 ship 0\n40.0 40.0 50.0 50.0 45.0 55.0 35.0 45.0 ship 1\n"
    )
    record = {"image_id": "P1.png", "category_id": "ship", "score": 0.9}
    record["corners"] = [10, 5, 30, 5, 30, 15, 10, 15]
    ignored = judge("detection:iou=oriented", folder, [record])
    assert ignored["ap"].value == PERFECT
    assert ignored["not_counted"].value == 1
    counted = judge("detection:iou=oriented,difficult=count", folder, [record])
    assert counted["ap"].value == pytest.approx(51 / 101)


def test_the_metric_goes_to_other_processes(iqf_registry, iqf_context):
    metric = iqf_registry.create("metric", "detection", {"max_detections": 300}, iqf_context)
    copied = pickle.loads(pickle.dumps(metric))
    assert "ar_300" in [output.name for output in copied.outputs]
