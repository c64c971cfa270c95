"""Annotations, masks and label tables follow the images; a training script opens every copy."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from iqf_core.modification.engine import ModifiedDataset

Modify = Callable[..., ModifiedDataset]

TRAIN = """
import csv, json, sys
from pathlib import Path

import cv2
import numpy as np

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
rows = list(csv.DictReader((folder / "labels.csv").open()))
x, y = [], []
for row in rows:
    image = cv2.imread(str(folder / "images" / row["file"]))
    x.append([image.mean() / 255, image.std() / 255, 1])
    y.append(float(row["label"]))
weights, *_ = np.linalg.lstsq(np.array(x), np.array(y), rcond=None)
out.write_text(json.dumps({"mse": float(np.mean((np.array(x) @ weights - y) ** 2)), "n": len(y)}))
"""


def test_a_script_that_reads_the_label_table_trains_on_every_copy(
    photographs: Path, modify: Modify, tmp_path: Path
) -> None:
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    results = {}
    for specification in ("none", "mean:radius_px=5"):
        out = tmp_path / "results.json"
        folder = modify(photographs, specification).path
        subprocess.run([sys.executable, script, folder, out], check=True, timeout=60)
        results[specification] = json.loads(out.read_text())
    assert results["none"]["n"] == results["mean:radius_px=5"]["n"] == 6
    assert results["none"]["mse"] != results["mean:radius_px=5"]["mse"]


def test_coco_boxes_follow_names_and_grid(photographs: Path, modify: Modify) -> None:
    document = {
        "images": [{"id": 1, "file_name": "p0.jpg", "width": 60, "height": 40, "extra": 5}],
        "annotations": [
            {"id": 7, "image_id": 1, "category_id": 3, "bbox": [10, 20, 8, 4], "area": 32}
        ],
        "categories": [{"id": 3, "name": "plane"}],
    }
    (photographs / "annotations.json").write_text(json.dumps(document))
    same = json.loads((modify(photographs, "mean").path / "annotations.json").read_text())
    assert same["images"][0] == {**document["images"][0], "file_name": "p0.png"}
    assert same["annotations"] == document["annotations"]
    half = json.loads((modify(photographs, "half").path / "annotations.json").read_text())
    assert half["images"][0]["width"] == 30
    assert half["annotations"][0]["bbox"] == [5, 10, 4, 2]
    assert half["annotations"][0]["area"] == 8
    quarter = json.loads(
        (modify(photographs, "half", "half").path / "annotations.json").read_text()
    )
    assert quarter["annotations"][0]["bbox"] == [2.5, 5, 2, 1]


def test_masks_follow_names_and_grid(photographs: Path, modify: Modify) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 20:40] = 7
    (photographs / "images_mask").mkdir()
    cv2.imwrite(str(photographs / "images_mask" / "p1.png"), mask)
    copied = cv2.imread(str(modify(photographs, "mean").path / "images_mask" / "p1.png"), -1)
    np.testing.assert_array_equal(copied, mask)
    half = cv2.imread(str(modify(photographs, "half").path / "images_mask" / "p1.png"), -1)
    np.testing.assert_array_equal(half, mask[::2, ::2])


def test_other_files_travel_and_those_of_the_old_pixels_stay(pngs: Path, modify: Modify) -> None:
    (pngs / "notes.md").write_text("0.png is dark")
    (pngs / "deep").mkdir()
    (pngs / "deep" / "classes.txt").write_text("plane\n")
    (pngs / "0.png.aux.xml").write_text("<PAMDataset/>")
    copy = modify(pngs, "mean").path
    assert (copy / "notes.md").read_text() == "0.png is dark"
    assert (copy / "deep" / "classes.txt").read_text() == "plane\n"
    assert not (copy / "0.png.aux.xml").exists()
    assert (modify(pngs, "none").path / "0.png.aux.xml").exists()


def test_editing_a_table_of_the_copy_leaves_the_source_alone(pngs: Path, modify: Modify) -> None:
    (pngs / "classes.txt").write_text("plane\n")
    copied = modify(pngs, "none").path / "classes.txt"
    with copied.open("a") as file:
        file.write("boat\n")
    assert (pngs / "classes.txt").read_text() == "plane\n"
