"""Intersection over union, Dice and accuracy of predicted mask images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import DatasetError, Metric, Output, Value, parameter, read_mask
from iqf_core.api import Params as BaseParams
from iqf_metrics_detection.confusion import Confusion

if TYPE_CHECKING:
    from iqf_core.api import Context, PredictionsInput


class SegmentationMetric(Metric):
    """Predicted mask images against those of the dataset, by the pixels of all images together.

    ``output.json`` lists the predicted masks; each belongs to the image of the same stem, or of
    the stem without ``_mask``. With n_tc the pixels of class t that are predicted as c:

    * IoU of a class = n_cc / (pixels of c + predicted as c - n_cc),
    * Dice = 2 n_cc / (pixels of c + predicted as c), which is F1,
    * accuracy of a class = n_cc / pixels of c,
    * pixel accuracy = sum of n_cc / pixels.

    The means are over the classes that occur in the ground truth or the predictions: one that is
    only predicted counts with 0.
    """

    reads: ClassVar[Literal["image", "pair", "predictions"]] = "predictions"
    outputs = (
        Output("mean_iou", better="higher", summary="Mean intersection over union of the classes"),
        Output("mean_dice", better="higher", summary="Mean Dice coefficient of the classes"),
        Output("pixel_accuracy", better="higher", summary="Share of pixels of the right class"),
        Output("mean_accuracy", better="higher", summary="Mean accuracy of the annotated classes"),
        Output("iou", better="higher", summary="Intersection over union of each class"),
        Output("dice", better="higher", summary="Dice coefficient of each class"),
        Output("accuracy", better="higher", summary="Share of each class's pixels found"),
        Output("images", summary="Images whose masks were compared"),
        Output("not_predicted", summary="Images with a mask that no prediction belongs to"),
    )

    class Params(BaseParams):
        """Parameters of the segmentation metric."""

        ignore: int | None = parameter(
            None, description="pixels annotated with this class do not enter", ge=0
        )
        background: int | None = parameter(
            None, description="this class enters no mean over classes", ge=0
        )

    def measure(self, subject: PredictionsInput, context: Context) -> Mapping[str, Value]:
        """Compare the masks."""
        annotations = subject.dataset.annotations()
        if annotations is None or not annotations.masks:
            raise DatasetError(f"{subject.dataset.path}: has no mask images")
        predicted = _by_image(subject, list(annotations.masks))
        confusion = Confusion.empty()
        for name, path in predicted.items():
            truth, found = read_mask(annotations.masks[name]), read_mask(path)
            if truth.shape != found.shape:
                raise DatasetError(
                    f"{path}: is {found.shape[0]} x {found.shape[1]} pixels, the mask of {name} "
                    f"{truth.shape[0]} x {truth.shape[1]}"
                )
            confusion = confusion.plus(_count(truth, found, self.params.ignore))
        missing = len(annotations.masks) - len(predicted)
        values = _values(confusion, annotations.classes, self.params.background, missing)
        return values | {
            "images": Value(float(len(predicted))),
            "not_predicted": Value(float(missing)),
        }


def _by_image(subject: PredictionsInput, names: list[str]) -> dict[str, Any]:
    """Return image -> predicted mask."""
    stems: dict[str, list[str]] = {}
    for name in names:
        stems.setdefault(PurePosixPath(name).stem, []).append(name)
    found: dict[str, Any] = {}
    for each in subject.predictions:
        if not isinstance(each, str):
            raise DatasetError(
                "the predictions are records; segmentation reads a list of paths of mask images"
            )
        stem = PurePosixPath(each).stem
        images = stems.get(stem) or stems.get(stem.removesuffix("_mask")) or []
        if len(images) != 1:
            problem = "no annotated image" if not images else "several images"
            raise DatasetError(f"{each}: {problem} of {subject.dataset.path} have its stem")
        if images[0] in found:
            raise DatasetError(f"{each}: {images[0]} is predicted twice")
        found[images[0]] = subject.folder / each
    return found


def _count(truth: NDArray[Any], found: NDArray[Any], ignore: int | None) -> Confusion:
    kept = np.ones(truth.shape, bool) if ignore is None else truth != ignore
    return Confusion.of(truth[kept], found[kept])


def _values(
    confusion: Confusion, classes: Mapping[int, str], background: int | None, missing: int
) -> dict[str, Value]:
    numbers, counts = confusion.classes, confusion.counts.astype(np.float64)
    names = ("mean_iou", "mean_dice", "pixel_accuracy", "mean_accuracy")
    if not counts.sum():
        nothing = Value(None, reason="no predicted mask, or no pixel that counts")
        return dict.fromkeys((*names, "iou", "dice", "accuracy"), nothing)
    hits, of_truth, of_found = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        tables = {
            "iou": hits / (of_truth + of_found - hits),
            "dice": 2 * hits / (of_truth + of_found),
            "accuracy": hits / of_truth,
        }
    in_mean = np.array([number != background for number in numbers])
    note = f"{missing} images are not predicted and do not enter" if missing else None
    values = {"pixel_accuracy": Value(float(hits.sum() / counts.sum()), reason=note)}
    for name, table in tables.items():
        values[f"mean_{name}"] = _mean(table[in_mean])
        parts = {
            classes.get(number, str(number)): Value(float(value))
            if np.isfinite(value)
            else Value(None, reason="the ground truth holds no pixel of it")
            for number, value in zip(numbers, table, strict=True)
        }
        values[name] = Value(None, parts=parts)
    return values


def _mean(table: NDArray[np.float64]) -> Value:
    known = table[np.isfinite(table)]
    if not known.size:
        return Value(None, reason="no class but the background")
    return Value(float(known.mean()))
