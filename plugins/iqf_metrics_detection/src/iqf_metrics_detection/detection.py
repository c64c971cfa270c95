"""COCO average precision and average recall of a run's detections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from iqf_core.api import Metric, Output, Value, parameter
from iqf_core.api import Params as BaseParams
from iqf_metrics_detection.engines import match
from iqf_metrics_detection.reading import Read, read_task
from iqf_metrics_detection.task import LARGEST, NEVER_COUNTED, MatchingTask, Tables

if TYPE_CHECKING:
    from iqf_core.api import Context, PredictionsInput

SIZES = ("small", "medium", "large")


class DetectionMetric(Metric):
    """Average precision and recall as COCO defines them.

    Precision at 101 levels of recall, at the IoU thresholds 0.50, 0.55 … 0.95, averaged over the
    classes that the ground truth has objects of (T.-Y. Lin et al., "Microsoft COCO", ECCV 2014,
    and the COCO API's ``cocoeval``). All images of the dataset count, also those without objects.

    The overlap is taken of upright boxes (``iou=box``), masks or polygons (``iou=mask``), or boxes
    of four corners (``iou=oriented``), and is part of the metric's name in every table.
    """

    reads: ClassVar[Literal["image", "pair", "predictions"]] = "predictions"

    class Params(BaseParams):
        """Parameters of the detection metric."""

        iou: Literal["box", "mask", "oriented"] = parameter(
            "box", description="what overlaps: boxes, masks, or boxes of four corners", primary=True
        )
        max_detections: int = parameter(
            100, description="best-scored detections of an image and class that count", ge=10
        )
        small_px: float = parameter(
            32, description="side of a square up to which an object is small", unit="px", gt=0
        )
        large_px: float = parameter(
            96, description="side of a square from which an object is large", unit="px", gt=0
        )
        small_m: float = parameter(
            10, description="the same on the ground, of images with a GSD", unit="m", gt=0
        )
        large_m: float = parameter(
            30, description="the same on the ground, of images with a GSD", unit="m", gt=0
        )
        difficult: Literal["ignore", "count"] = parameter(
            "ignore", description="objects that DOTA marks difficult: neither hits nor misses"
        )
        engine: Literal["auto", "hotcoco", "pycocotools"] = parameter(
            "auto", description="who matches; auto says when it is not hotcoco"
        )

        @model_validator(mode="after")
        def _check(self) -> Self:
            if self.small_px > self.large_px or self.small_m > self.large_m:
                raise ValueError("small must not be above large")
            return self

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.outputs = _outputs(self._numbers())

    def _numbers(self) -> tuple[int, ...]:
        return tuple(sorted({1, 10, int(self.params.max_detections)}))

    def measure(self, subject: PredictionsInput, context: Context) -> Mapping[str, Value]:
        """Match the predictions with the annotations and average."""
        params = self.params
        read = read_task(subject, params.iou, count_difficult=params.difficult == "count")
        numbers = self._numbers()
        ranges = _ranges(params.small_px, params.large_px)
        tables, note = match(read.task, ranges, numbers, params.engine)
        values = _in_pixels(tables, numbers, note)
        values["coco"] = Value(None, parts=_predecessor(values, numbers))
        values |= _per_class(tables, read.labels)
        values |= self._in_metres(read, numbers)
        counts = {
            "objects": len(read.task.truth) - read.not_counted,
            "not_counted": read.not_counted,
            "detections": len(read.task.detections),
            "unknown_class": read.unknown_class,
            "images": len(read.task.sizes),
        }
        return values | {name: Value(float(count)) for name, count in counts.items()}

    def _in_metres(self, read: Read, numbers: tuple[int, ...]) -> dict[str, Value]:
        unknown = int(np.isnan(read.gsd_m).sum())
        if unknown:
            reason = f"the GSD of {unknown} of {len(read.gsd_m)} images is unknown"
            return {
                f"{kind}_{size}_ground": Value(None, reason=reason)
                for kind in ("ap", "ar")
                for size in SIZES
            }
        ranges = _ranges(self.params.small_m, self.params.large_m)[1:]
        tables, _ = match(on_ground(read), ranges, numbers[-1:], self.params.engine)
        values = {}
        for position, size in enumerate(SIZES):
            reason = f"no {size} object (on the ground)"
            precision = tables.precision[..., position, -1]
            values[f"ap_{size}_ground"] = _mean(precision, reason)
            values[f"ar_{size}_ground"] = _mean(tables.recall[..., position, -1], reason)
        return values


def on_ground(read: Read) -> MatchingTask:
    """Return the task with areas in square metres."""
    task = read.task
    scale = read.gsd_m**2

    def scaled(objects: Any) -> Any:
        area = np.where(
            objects.area >= NEVER_COUNTED, NEVER_COUNTED, objects.area * scale[objects.image]
        )
        return replace(objects, area=area)

    return replace(task, truth=scaled(task.truth), detections=scaled(task.detections))


def _ranges(small: float, large: float) -> list[tuple[float, float]]:
    return [(0.0, LARGEST), (0.0, small**2), (small**2, large**2), (large**2, LARGEST)]


def _mean(table: NDArray[np.float64], reason: str, note: str = "") -> Value:
    known = table[table > -1]
    if not known.size:
        return Value(None, reason=reason)
    return Value(float(known.mean()), reason=note or None)


def _in_pixels(tables: Tables, numbers: tuple[int, ...], note: str) -> dict[str, Value]:
    """Return COCO's twelve values under readable names."""
    nothing = "the ground truth holds no object that counts"
    precision, recall = tables.precision, tables.recall
    values = {
        "ap": _mean(precision[..., 0, -1], nothing, note),
        "ap50": _mean(precision[0, ..., 0, -1], nothing),
        "ap75": _mean(precision[5, ..., 0, -1], nothing),
    }
    for position, number in enumerate(numbers):
        values[f"ar_{number}"] = _mean(recall[..., 0, position], nothing)
    for position, size in enumerate(SIZES, start=1):
        reason = f"no {size} object"
        values[f"ap_{size}"] = _mean(precision[..., position, -1], reason)
        values[f"ar_{size}"] = _mean(recall[..., position, -1], reason)
    return values


def _predecessor(values: Mapping[str, Value], numbers: tuple[int, ...]) -> dict[str, Value]:
    """Return the twelve values under the names that iquaflow's users know."""
    names = {
        "ap_0.5-0.95_all": "ap",
        "ap_0.5_all": "ap50",
        "ap_0.75_all": "ap75",
        **{f"ap_0.5-0.95_{size}": f"ap_{size}" for size in SIZES},
        "ar_0.5-0.95_all_det_1": "ar_1",
        "ar_0.5-0.95_all_det_10": "ar_10",
        "ar_0.5-0.95_all": f"ar_{numbers[-1]}",
        **{f"ar_0.5-0.95_{size}": f"ar_{size}" for size in SIZES},
    }
    return {name: values[ours] for name, ours in names.items()}


def _per_class(tables: Tables, labels: tuple[str, ...]) -> dict[str, Value]:
    per_class: dict[str, dict[str, Value]] = {"ap_class": {}, "ap50_class": {}, "ar_class": {}}
    for position, label in enumerate(labels):
        reason = f"the ground truth holds no {label} that counts"
        precision = tables.precision[:, :, position, 0, -1]
        per_class["ap_class"][label] = _mean(precision, reason)
        per_class["ap50_class"][label] = _mean(precision[0], reason)
        per_class["ar_class"][label] = _mean(tables.recall[:, position, 0, -1], reason)
    return {
        name: Value(None, reason=None if parts else "the dataset has no class", parts=parts)
        for name, parts in per_class.items()
    }


def _outputs(numbers: tuple[int, ...]) -> tuple[Output, ...]:
    most = numbers[-1]
    named = {
        "ap": "Average precision, IoU 0.50 to 0.95",
        "ap50": "Average precision at IoU 0.50",
        "ap75": "Average precision at IoU 0.75",
        **{f"ar_{n}": f"Average recall with {n} detection(s) per image" for n in numbers},
        **{
            f"{kind}_{size}": f"{what} of {size} objects, in pixels"
            for size in SIZES
            for kind, what in (("ap", "Average precision"), ("ar", "Average recall"))
        },
        "coco": "The twelve values of COCO under iquaflow's names",
        "ap_class": "Average precision of each class",
        "ap50_class": "Average precision at IoU 0.50 of each class",
        "ar_class": f"Average recall of each class with {most} detections per image",
        **{
            f"{kind}_{size}_ground": f"{what} of {size} objects, in metres on the ground"
            for size in SIZES
            for kind, what in (("ap", "Average precision"), ("ar", "Average recall"))
        },
    }
    counted = {
        "objects": "Annotated objects that count",
        "not_counted": "Crowds and difficult objects: neither hits nor misses",
        "detections": "Detections that were judged",
        "unknown_class": "Detections of classes that the dataset does not have: left out",
        "images": "Images of the dataset",
    }
    return (
        *(Output(name, better="higher", summary=text) for name, text in named.items()),
        *(Output(name, summary=text) for name, text in counted.items()),
    )


DetectionMetric.outputs = _outputs((1, 10, 100))
