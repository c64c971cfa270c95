"""Mask images: against counts by hand and scikit-learn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score

from iqf_core.api import DatasetError


@pytest.fixture
def masks(tmp_path, write_images):
    """Write a dataset of masks and predicted ones; returns its folder and their paths."""

    def write(truth, predicted):
        folder = tmp_path / "data"
        write_images(folder, len(truth))
        (folder / "masks").mkdir()
        for index, labels in enumerate(truth):
            cv2.imwrite(str(folder / "masks" / f"i{index}.png"), labels)
        names = []
        for index, labels in predicted.items():
            names.append(f"i{index}_mask.png")
            cv2.imwrite(str(tmp_path / names[-1]), labels)
        return folder, names

    return write


def labels(seed, classes=4):
    return np.random.default_rng(seed).integers(0, classes, (100, 100)).astype(np.uint8)


def test_values_are_those_of_scikit_learn(masks, judge):
    truth = [labels(0), labels(1)]
    rng = np.random.default_rng(9)
    predicted = [np.where(rng.random(each.shape) < 0.6, each, labels(7)) for each in truth]
    folder, names = masks(truth, dict(enumerate(predicted)))
    values = judge("segmentation", folder, names)
    t, p = np.stack(truth).ravel(), np.stack(predicted).ravel()
    expected = jaccard_score(t, p, average=None)
    for number, value in enumerate(expected):
        assert values["iou"].parts[str(number)].value == pytest.approx(value)
    assert values["mean_iou"].value == pytest.approx(expected.mean())
    assert values["mean_dice"].value == pytest.approx(f1_score(t, p, average="macro"))
    assert values["pixel_accuracy"].value == pytest.approx((t == p).mean())
    counts = confusion_matrix(t, p)
    assert values["mean_accuracy"].value == pytest.approx((np.diag(counts) / counts.sum(1)).mean())
    without = judge("segmentation:background=0", folder, names)
    assert without["mean_iou"].value == pytest.approx(expected[1:].mean())


def test_ignored_pixels_do_not_enter(masks, judge):
    truth, predicted = labels(0, 2), labels(0, 2)
    truth[:50] = 255
    predicted[:50] = 1
    folder, names = masks([truth], {0: predicted})
    assert judge("segmentation:ignore=255", folder, names)["mean_iou"].value == 1
    assert judge("segmentation", folder, names)["mean_iou"].value < 0.8


def test_a_class_that_is_only_predicted_counts_with_zero(masks, judge):
    truth, predicted = np.zeros((100, 100), np.uint8), np.zeros((100, 100), np.uint8)
    predicted[:10] = 5
    folder, names = masks([truth], {0: predicted})
    values = judge("segmentation", folder, names)
    assert values["mean_iou"].value == pytest.approx(0.9 / 2)
    assert values["iou"].parts["5"].value == 0
    assert values["accuracy"].parts["5"].value is None
    assert values["mean_accuracy"].value == pytest.approx(0.9)


def test_nothing_predicted_has_no_value_and_missing_images_are_counted(masks, judge):
    folder, names = masks([labels(0), labels(1)], {1: labels(1)})
    values = judge("segmentation", folder, names)
    assert values["mean_iou"].value == 1
    assert values["not_predicted"].value == 1
    assert "1 images are not predicted" in values["pixel_accuracy"].reason
    nothing = judge("segmentation", folder, [])
    assert nothing["mean_iou"].value is None
    assert nothing["not_predicted"].value == 2


def test_mistakes_are_named(masks, judge, tmp_path):
    folder, names = masks([labels(0)], {0: labels(0)[:50]})
    with pytest.raises(DatasetError, match="is 50 x 100 pixels, the mask of i0.png 100 x 100"):
        judge("segmentation", folder, names)
    with pytest.raises(DatasetError, match="no annotated image"):
        judge("segmentation", folder, ["other.png"])
    with pytest.raises(DatasetError, match="i0.png is predicted twice"):
        judge("segmentation", folder, [*names, "i0.png"])
    with pytest.raises(DatasetError, match="records; segmentation reads"):
        judge("segmentation", folder, [{"image_id": 1}])
