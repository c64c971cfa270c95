"""Predictions of a file held against a dataset, and values that have parts."""

from __future__ import annotations

import json

import pytest

from iqf_core.components.metric import Output, Value
from iqf_core.errors import ConfigurationError, DatasetError
from iqf_core.measurement.batch import measured_values
from iqf_core.measurement.metrics import MetricUse
from iqf_core.measurement.predictions import read_predictions

USE = MetricUse("parts", "tests", "tests", reads="predictions")


class Parts:
    """Gives what it is made with."""

    outputs = (Output("f1", "", "higher", "of each class"),)

    def __init__(self, value):
        self.value = value

    def measure(self, subject, context):
        return {"f1": self.value}


def rows_of(value):
    return [
        (row.output, row.value, row.reason)
        for row in measured_values(USE, Parts(value), None, None, "a test")
    ]


def test_parts_are_named_by_the_subject_and_tabulated_below_their_output():
    parts = {"plane": Value(0.5), "ship": Value(None, reason="none there")}
    below = [("f1.plane", 0.5, ""), ("f1.ship", None, "none there")]
    assert rows_of(Value(None, parts=parts)) == below
    assert rows_of(Value(0.4, parts=parts)) == [("f1", 0.4, ""), *below]
    assert rows_of(Value(None, reason="no mean", parts=parts))[0] == ("f1", None, "no mean")
    with pytest.raises(ValueError, match="needs a reason"):
        Value(None, parts={})


@pytest.fixture
def predicted(pictures, tmp_path):
    """Write an annotated dataset and a file of predictions; returns both paths."""
    folder = tmp_path / "annotated"
    folder.mkdir()
    pictures.rename(folder / "images")
    names = sorted(path.name for path in (folder / "images").iterdir())
    document = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 4, 4]}],
    }
    (folder / "annotations.json").write_text(json.dumps(document))
    path = tmp_path / "output.json"
    path.write_text(json.dumps([{"image_id": 0, "category_id": 1, "bbox": [1, 1, 4, 4]}] * 3))
    return folder, path


def test_a_file_of_predictions_is_measured(iqf, predicted, tmp_path):
    folder, path = predicted
    command = ("measure", folder, "--predictions", path, "--metric", "hits")
    printed = iqf(*command, "--csv", "values.csv").stdout
    assert [line.split() for line in printed.splitlines()[:3]] == [
        ["METRIC", "OUTPUT", "VALUE", "UNIT"],
        ["hits", "per_object", "3"],
        ["hits", "images", "3"],
    ]
    assert "hits,per_object,3.0" in (tmp_path / "values.csv").read_text()
    document = json.loads(iqf(*command, "--json").stdout)
    assert [row["value"] for row in document["rows"]] == [3.0, 3.0]


def test_metrics_of_images_and_predictions_are_not_mixed_up(iqf, predicted):
    folder, path = predicted
    refused = iqf("measure", folder, "--predictions", path, "--metric", "brightness", code=2)
    assert "reads images, not predictions: leave out --predictions" in refused.stderr
    refused = iqf("measure", folder, "--metric", "hits", code=2)
    assert "--predictions FILE --metric hits" in refused.stderr
    refused = iqf("measure", folder, "--predictions", path, "--metric", "hits", "--by-band", code=2)
    assert "--predictions excludes" in refused.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "expected a list"),
        ("[1, 2]", "expected records in COCO results form"),
        ('["../a.png"]', "leaves the output folder"),
        ('["a.png"]', "'a.png' is not in the output folder"),
        ("[", "not valid JSON"),
    ],
)
def test_what_is_no_list_of_predictions_is_refused(tmp_path, content, said):
    path = tmp_path / "output.json"
    path.write_text(content)
    with pytest.raises(DatasetError, match=said):
        read_predictions(path)


def test_an_empty_list_is_no_prediction(tmp_path):
    (tmp_path / "output.json").write_text("[]")
    assert read_predictions(tmp_path / "output.json") == []


def test_nothing_to_measure_is_a_mistake(iqf_manager, predicted):
    from iqf_core.datasets.dataset import open_dataset
    from iqf_core.measurement.predictions import measure_predictions

    folder, path = predicted
    with pytest.raises(ConfigurationError, match="no metric given"):
        measure_predictions(open_dataset(folder), path, [], manager=iqf_manager)
