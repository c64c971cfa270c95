"""The numbers are those of the COCO API, which is called here as its authors do."""

from __future__ import annotations

import contextlib
import copy
import io
import json

import numpy as np
import pytest
import shapely
from iqf_metrics_detection.polygons import as_rectangles, quadrilateral_iou
from pycocotools import mask as masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

#: COCO's own order of its twelve numbers (``summarize``).
TWELVE = [
    "ap_0.5-0.95_all", "ap_0.5_all", "ap_0.75_all", "ap_0.5-0.95_small", "ap_0.5-0.95_medium",
    "ap_0.5-0.95_large", "ar_0.5-0.95_all_det_1", "ar_0.5-0.95_all_det_10", "ar_0.5-0.95_all",
    "ar_0.5-0.95_small", "ar_0.5-0.95_medium", "ar_0.5-0.95_large",
]  # fmt: skip
READABLE = [
    "ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large",
    "ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large",
]  # fmt: skip


def random_case(seed, images=6, kind="box"):
    """Return annotations and detections: crowds, empty images, ties of scores, false ones."""
    rng = np.random.default_rng(seed)
    objects, found = [], []
    for image in range(1, images + 1):
        if image == 2:
            continue  # nothing annotated here, but detections
        for _ in range(rng.integers(0, 9)):
            box = [float(v) for v in np.round([*rng.uniform(0, 60, 2), *rng.uniform(4, 40, 2)], 2)]
            each = {"image_id": image, "category_id": int(rng.integers(1, 4)), "bbox": box}
            each["iscrowd"] = int(rng.random() < 0.15)
            each["area"] = round(box[2] * box[3] * rng.uniform(0.5, 1), 2)
            if kind == "mask":
                each["segmentation"] = encode(box)
                each["area"] = float(masks.area(bytes_of(each["segmentation"])))
            objects.append(each)
    for each in objects * 2:
        if rng.random() < 0.7:
            moved = np.array(each["bbox"]) + rng.normal(0, 2.5, 4)
            box = [*np.clip(moved[:2], 0, 90).tolist(), *np.maximum(moved[2:], 2).tolist()]
            found.append({**each, "bbox": box, "score": float(np.round(rng.random(), 1))})
    for _ in range(25):
        box = [*rng.uniform(0, 60, 2).tolist(), *rng.uniform(4, 40, 2).tolist()]
        image, number = int(rng.integers(1, images + 1)), int(rng.integers(1, 5))
        found.append({"image_id": image, "category_id": number, "bbox": box, "score": 0.3})
    for each in found:
        for name in ("area", "iscrowd", "segmentation"):
            each.pop(name, None)
        if kind == "mask":
            # Beside a box the COCO API takes its area for the mask's, so there is none.
            each["segmentation"] = encode(each.pop("bbox"))
    return objects, found


def encode(box):
    """Return the ellipse in a box as COCO's compressed run lengths."""
    x, y, w, h = box
    rows, cols = np.mgrid[0:100, 0:100] + 0.5
    inside = ((cols - x - w / 2) / (w / 2)) ** 2 + ((rows - y - h / 2) / (h / 2)) ** 2 <= 1
    coded = masks.encode(np.asfortranarray(inside.astype(np.uint8)))
    return {"size": [100, 100], "counts": coded["counts"].decode()}


def bytes_of(mask):
    return {**mask, "counts": mask["counts"].encode()}


def reference(folder, found, kind, most=100):
    """Evaluate as the COCO API's own example does."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / "annotations.json"))
        # Detections of unknown classes: the API loads them and never looks at them.
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(found)), kind)
        evaluation.params.maxDets = [1, 10, most]
        evaluation.evaluate()
        evaluation.accumulate()
        if most == 100:
            evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("engine", ["hotcoco", "pycocotools"])
@pytest.mark.parametrize("kind", ["box", "mask"])
@pytest.mark.parametrize("seed", range(4))
def test_all_twelve_are_those_of_the_coco_api(coco, judge, engine, kind, seed):
    objects, found = random_case(seed, kind=kind)
    folder = coco(objects, images=6, classes=("plane", "ship", "car"))
    values = judge(f"detection:iou={kind},engine={engine}", folder, found)
    expected = reference(folder, found, {"box": "bbox", "mask": "segm"}[kind]).stats
    for name, readable, number in zip(TWELVE, READABLE, expected, strict=True):
        for value in (values["coco"].parts[name], values[readable]):
            if number == -1:
                assert value.value is None and value.reason
            else:
                assert value.value == pytest.approx(number, abs=1e-9)
    assert values["unknown_class"].value == sum(each["category_id"] == 4 for each in found) > 0


@pytest.mark.parametrize("engine", ["hotcoco", "pycocotools"])
def test_more_than_a_hundred_detections_count_when_asked(coco, judge, engine):
    rng = np.random.default_rng(5)
    objects = [
        {"image_id": 1, "category_id": 1, "bbox": [x, y, 4.0, 4.0], "area": 16.0}
        for x in range(0, 100, 6)
        for y in range(0, 100, 6)
    ]
    found = [{**each, "score": float(rng.random())} for each in objects]
    folder = coco(objects, images=1, classes=("plane",))
    few = judge(f"detection:engine={engine}", folder, found)
    many = judge(f"detection:engine={engine},max_detections=500", folder, found)
    assert many["ar_500"].value == 1
    assert few["ar_100"].value == pytest.approx(100 / len(objects))
    recall = reference(folder, found, "bbox", most=500).eval["recall"]
    assert many["ar_500"].value == pytest.approx(recall[:, 0, 0, 2].mean())


@pytest.mark.parametrize("seed", range(3))
def test_values_of_a_class_are_those_of_the_class_alone(coco, judge, seed):
    objects, found = random_case(seed + 50)
    folder = coco(objects, images=6, classes=("plane", "ship", "car"))
    values = judge("detection", folder, found)
    precision = reference(folder, found, "bbox").eval["precision"]
    for index, name in enumerate(("plane", "ship", "car")):
        table = precision[:, :, index, 0, 2]
        assert values["ap_class"].parts[name].value == pytest.approx(table[table > -1].mean())
        assert values["ap50_class"].parts[name].value == pytest.approx(table[0].mean())


# Oriented boxes


def turned(rng, count):
    """Return rectangles (N, 4, 2) at random places and angles."""
    angle = rng.uniform(0, 2 * np.pi, count)
    u = np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(3, 15, (count, 1))
    v = np.stack([-np.sin(angle), np.cos(angle)], 1) * rng.uniform(2, 8, (count, 1))
    centre = rng.uniform(15, 60, (count, 1, 2))
    return centre + np.stack([-u - v, u - v, u + v, -u + v], axis=1)


def test_oriented_overlap_is_that_of_shapely():
    rng = np.random.default_rng(1)
    first, second = turned(rng, 30), turned(rng, 40) + rng.normal(0, 0.5, (40, 4, 2))
    crowd = rng.random(40) < 0.2
    got = quadrilateral_iou(first, second, crowd)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            p, q = shapely.Polygon(a), shapely.Polygon(b)
            shared = p.intersection(q).area
            union = p.area if crowd[j] else p.union(q).area
            assert got[i, j] == pytest.approx(shared / union, abs=1e-9)
    assert (got > 0.1).sum() > 20


def test_rectangles_are_told_from_other_quadrilaterals():
    rng = np.random.default_rng(2)
    boxes = turned(rng, 20)
    found = as_rectangles(boxes)
    assert found is not None
    areas = shapely.area(shapely.polygons(boxes))
    np.testing.assert_allclose(found[:, 2] * found[:, 3], areas, rtol=1e-9)
    assert as_rectangles(boxes[:, ::-1]) is not None  # the other way round
    boxes[3, 0] += 0.5
    assert as_rectangles(boxes) is None


@pytest.fixture
def oriented(coco):
    def make(seed, skew=0.0):
        rng = np.random.default_rng(seed)
        boxes = turned(rng, 24)
        boxes += rng.normal(0, skew, boxes.shape) if skew else 0
        objects = [
            {
                "image_id": 1 + i % 2,
                "category_id": 1 + i % 3 // 2,
                "segmentation": [box.ravel().tolist()],
            }
            for i, box in enumerate(boxes)
        ]
        found = []
        for each, box in zip(objects, boxes, strict=True):
            shifted = box + rng.normal(0, 1.5, 2)
            found.append(
                {
                    **{key: each[key] for key in ("image_id", "category_id")},
                    "corners": shifted.ravel().tolist(),
                    "score": float(rng.random()),
                }
            )
        return coco(objects), found

    return make


@pytest.mark.parametrize("seed", range(3))
def test_both_engines_agree_on_oriented_boxes(judge, oriented, seed):
    folder, found = oriented(seed)
    ours, theirs = (
        judge(f"detection:iou=oriented,engine={engine}", folder, found)
        for engine in ("hotcoco", "pycocotools")
    )
    for name in READABLE:
        if theirs[name].value is None:
            assert ours[name].value is None
        else:
            assert ours[name].value == pytest.approx(theirs[name].value, abs=1e-6)
    assert 0.1 < theirs["ap"].value < 0.95


def test_quadrilaterals_go_to_the_engine_that_can_and_it_is_said(judge, oriented):
    folder, found = oriented(3, skew=0.4)
    values = judge("detection:iou=oriented", folder, found)
    assert "matched by pycocotools: hotcoco takes rectangles" in values["ap"].reason
    with pytest.raises(Exception, match="some of these oriented boxes are none"):
        judge("detection:iou=oriented,engine=hotcoco", folder, found)


def test_an_upright_box_is_an_oriented_one(coco, judge):
    objects, found = random_case(9)
    objects = [each | {"iscrowd": 0} for each in objects]
    folder = coco(objects, images=6, classes=("plane", "ship", "car"))
    upright = judge("detection", folder, found)
    turned_ones = judge("detection:iou=oriented", folder, json.loads(json.dumps(found)))
    assert upright["ap"].value == pytest.approx(turned_ones["ap"].value, abs=1e-9)
