"""Classes of images: against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from iqf_core.api import DatasetError

NAMES = ("a", "b", "c")


@pytest.fixture
def labelled(coco):
    def make(numbers):
        box = {"bbox": [1, 1, 5, 5], "area": 25}
        objects = [
            {"image_id": i + 1, "category_id": int(n) + 1, **box} for i, n in enumerate(numbers)
        ]
        return coco(objects, images=len(numbers), classes=NAMES)

    return make


def test_values_are_those_of_scikit_learn(labelled, judge):
    rng = np.random.default_rng(3)
    truth, predicted = rng.integers(0, 3, 40), rng.integers(0, 3, 40)
    records = [{"image_id": i + 1, "category_id": int(n) + 1} for i, n in enumerate(predicted)]
    values = judge("classification", labelled(truth), records)
    assert values["accuracy"].value == accuracy_score(truth, predicted)
    assert values["mean_f1"].value == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert values["balanced_accuracy"].value == pytest.approx(
        balanced_accuracy_score(truth, predicted)
    )
    for name, value in zip(NAMES, f1_score(truth, predicted, average=None), strict=True):
        assert values["f1"].parts[name].value == pytest.approx(value)
    count = int(((truth == 0) & (predicted == 1)).sum())
    assert values["confusion"].parts["a.b"].value == count > 0


def test_what_is_not_predicted_or_unknown_is_a_miss(labelled, judge):
    records = [{"image_id": 1, "category_id": 1}, {"image_id": 2, "category_id": 9}]
    values = judge("classification", labelled([0, 0, 0]), records)
    assert values["accuracy"].value == pytest.approx(1 / 3)
    assert values["not_predicted"].value == values["unknown_class"].value == 1
    assert values["confusion"].parts["a.(not predicted)"].value == 1
    assert judge("classification", labelled([0, 0]), [])["accuracy"].value == 0


def test_the_best_scored_prediction_counts(labelled, judge):
    records = [
        {"image_id": 1, "category_id": number, "score": score}
        for number, score in ((2, 0.3), (1, 0.6), (3, 0.1))
    ]
    assert judge("classification", labelled([0]), records)["accuracy"].value == 1


def test_images_of_several_classes_are_left_out(coco, judge):
    box = {"image_id": 1, "bbox": [1, 1, 5, 5], "area": 25}
    folder = coco([{**box, "category_id": 1}, {**box, "category_id": 2}], images=1, classes=NAMES)
    values = judge("classification", folder, [])
    assert values["accuracy"].value is None
    assert "no image has one true class" in values["accuracy"].reason
    assert values["left_out"].value == 1


def test_a_label_table_says_the_classes(tmp_path, judge, write_images):
    folder = tmp_path / "digits"
    write_images(folder, 3)
    (folder / "labels.csv").write_text("image_filename,digit\ni0.png,7\ni1.png,8\ni2.png,7\n")
    records = [{"file_name": f"i{i}.png", "class": n} for i, n in enumerate((7, 8, "8"))]
    spec = "classification:table=labels.csv,class_column=digit"
    values = judge(spec, folder, records)
    assert values["accuracy"].value == pytest.approx(2 / 3)
    assert values["recall"].parts["7"].value == 0.5
    with pytest.raises(DatasetError, match=r"say table= and class_column= \(it has labels.csv\)"):
        judge("classification", folder, records)
    with pytest.raises(DatasetError, match="no column 'class'; it has image_filename, digit"):
        judge("classification:table=labels.csv,class_column=class", folder, records)
    with pytest.raises(DatasetError, match="has no table 'other.csv'; beside its images are"):
        judge("classification:table=other.csv,class_column=digit", folder, records)


def test_mistakes_are_named(labelled, judge):
    with pytest.raises(DatasetError, match="record 0 is of image 77 and class 1"):
        judge("classification", labelled([0]), [{"image_id": 77, "category_id": 1}])
    with pytest.raises(DatasetError, match="paths of images; classification reads records"):
        judge("classification", labelled([0]), ["a.png"])
