"""Accuracy, F1 and confusion of predicted classes of whole images."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from iqf_core.api import Dataset, DatasetError, Metric, Output, Value, parameter
from iqf_core.api import Params as BaseParams
from iqf_metrics_detection.naming import ClassNames, ImageNames, stated_class, stated_image

if TYPE_CHECKING:
    from iqf_core.api import Context, PredictionsInput

#: What an image is taken for that no prediction belongs to.
NOTHING = "(not predicted)"


class ClassificationMetric(Metric):
    """Predicted classes of images against the dataset's.

    The true class of an image is that of its annotated objects, when they have one only; or it
    stands in a label table of the dataset (``table=labels.csv,class_column=digit``). Of several
    predictions of one image the best-scored counts, the first without scores.

    Accuracy is the share of the images with a true class that are predicted rightly. F1 of a class
    is 2 TP / (2 TP + FP + FN); the mean is over the classes that occur in the ground truth. An
    image that is not predicted, or predicted as an unknown class, is a miss.
    """

    reads: ClassVar[Literal["image", "pair", "predictions"]] = "predictions"
    outputs = (
        Output("accuracy", better="higher", summary="Share of the images predicted rightly"),
        Output("balanced_accuracy", better="higher", summary="Mean recall of the classes"),
        Output("mean_f1", better="higher", summary="Mean F1 of the classes"),
        Output("f1", better="higher", summary="F1 of each class"),
        Output("precision", better="higher", summary="Precision of each class"),
        Output("recall", better="higher", summary="Recall of each class"),
        Output("confusion", summary="Images by true.predicted class; those above zero"),
        Output("images", summary="Images with one true class"),
        Output("left_out", summary="Images with none, or objects of several classes"),
        Output("not_predicted", summary="Images that no prediction belongs to"),
        Output("unknown_class", summary="Images predicted as a class that nobody declares"),
    )

    class Params(BaseParams):
        """Parameters of the classification metric."""

        table: str = parameter("", description="label table (CSV) of the dataset; else annotations")
        image_column: str = parameter("image_filename", description="its column of image names")
        class_column: str = parameter("", description="its column of classes")

    def measure(self, subject: PredictionsInput, context: Context) -> Mapping[str, Value]:
        """Compare the classes."""
        names = ImageNames(subject.dataset.image_names, subject.dataset.annotations())
        truth, known = self._truth(subject.dataset, names)
        predicted = _predicted(subject, names)
        pairs = [(true, known(predicted[name]) if name in predicted else NOTHING)
                 for name, true in truth.items()]  # fmt: skip
        declared = {true for true, _ in pairs}
        counts = {
            "images": len(truth),
            "left_out": len(subject.dataset) - len(truth),
            "not_predicted": sum(found == NOTHING for _, found in pairs),
            "unknown_class": sum(found.startswith("(unknown)") for _, found in pairs),
        }
        values = _values(pairs, sorted(declared))
        return values | {name: Value(float(count)) for name, count in counts.items()}

    def _truth(self, dataset: Dataset, names: ImageNames) -> tuple[dict[str, str], Any]:
        """Return image -> class, and what turns a record into a class."""
        if self.params.table:
            truth = self._from_table(dataset, names)
            labels = set(truth.values())

            def stated(record: Mapping[str, Any]) -> str:
                given = str(stated_class(record))
                return given if given in labels else f"(unknown) {given}"

            return truth, stated
        annotations = dataset.annotations()
        if annotations is None:
            tables = [name for name in dataset.companions if name.lower().endswith(".csv")]
            hint = f"; say table= and class_column= (it has {', '.join(tables)})" if tables else ""
            raise DatasetError(f"{dataset.path}: has no annotations that say classes{hint}")
        classes = ClassNames(annotations)
        found: dict[str, set[int]] = {}
        for each in annotations.objects:
            found.setdefault(each.image, set()).add(each.class_id)

        def declared(record: Mapping[str, Any]) -> str:
            number = classes.find(record)
            return f"(unknown) {stated_class(record)}" if number is None else classes.labels[number]

        return {
            name: classes.labels[next(iter(found[name]))]
            for name in dataset.image_names
            if len(found.get(name, ())) == 1
        }, declared

    def _from_table(self, dataset: Dataset, names: ImageNames) -> dict[str, str]:
        params = self.params
        if params.table not in dataset.companions:
            raise DatasetError(
                f"{dataset.path}: has no table {params.table!r}; beside its images are "
                f"{', '.join(dataset.companions) or 'no other files'}"
            )
        path = dataset.path / params.table
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        for column in (params.image_column, params.class_column):
            if rows and column not in rows[0]:
                raise DatasetError(f"{path}: no column {column!r}; it has {', '.join(rows[0])}")
        truth = {}
        for row in rows:
            name = names.find({"file_name": row[params.image_column]})
            if name is not None:
                truth[name] = str(row[params.class_column])
        return truth


def _predicted(subject: PredictionsInput, names: ImageNames) -> dict[str, Mapping[str, Any]]:
    """Return image -> the record that counts."""
    best: dict[str, tuple[float, Mapping[str, Any]]] = {}
    for position, record in enumerate(subject.predictions):
        if not isinstance(record, Mapping):
            raise DatasetError(
                "the predictions are paths of images; classification reads records with image_id "
                "and category_id"
            )
        name = names.find(record)
        if name is None or stated_class(record) is None:
            raise DatasetError(
                f"the predictions do not fit {subject.dataset.path}: record {position} is of "
                f"image {stated_image(record)!r} and class {stated_class(record)!r}"
            )
        score = record.get("score", 0.0)
        score = float(score) if isinstance(score, (int, float)) else 0.0
        if name not in best or score > best[name][0]:
            best[name] = (score, record)
    return {name: record for name, (_, record) in best.items()}


def _values(pairs: list[tuple[str, str]], classes: list[str]) -> dict[str, Value]:
    if not pairs:
        nothing = Value(None, reason="no image has one true class")
        names = ("accuracy", "balanced_accuracy", "mean_f1", "f1", "precision", "recall")
        return dict.fromkeys((*names, "confusion"), nothing)
    counts: dict[tuple[str, str], int] = {}
    for pair in pairs:
        counts[pair] = counts.get(pair, 0) + 1
    parts: dict[str, dict[str, Value]] = {"f1": {}, "precision": {}, "recall": {}}
    for name in classes:
        hits = counts.get((name, name), 0)
        true = sum(n for (each, _), n in counts.items() if each == name)
        found = sum(n for (_, each), n in counts.items() if each == name)
        parts["f1"][name] = Value(2 * hits / (true + found))
        parts["recall"][name] = Value(hits / true)
        parts["precision"][name] = (
            Value(hits / found) if found else Value(None, reason=f"nothing is predicted as {name}")
        )
    confusion = {
        f"{true}.{found}": Value(float(count)) for (true, found), count in sorted(counts.items())
    }
    return {
        "accuracy": Value(sum(counts.get((name, name), 0) for name in classes) / len(pairs)),
        "balanced_accuracy": _mean(parts["recall"]),
        "mean_f1": _mean(parts["f1"]),
        **{name: Value(None, parts=each) for name, each in parts.items()},
        "confusion": Value(None, parts=confusion),
    }


def _mean(parts: Mapping[str, Value]) -> Value:
    return Value(float(np.mean([each.value for each in parts.values()])))
