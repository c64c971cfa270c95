"""Matching and accumulation as COCO defines them: hotcoco, or pycocotools.

Both take the same task and give the same tables. hotcoco does it in compiled code; pycocotools is
the reference, and does what hotcoco does not: quadrilaterals that are no rectangles.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import ConfigurationError
from iqf_metrics_detection.polygons import as_rectangles, quadrilateral_iou
from iqf_metrics_detection.task import IOU_THRESHOLDS, MatchingTask, Objects, Tables

Engine = Literal["auto", "hotcoco", "pycocotools"]
AreaRange = tuple[float, float]

_KINDS = {"box": "bbox", "mask": "segm"}


def match(
    task: MatchingTask,
    areas: Sequence[AreaRange],
    most_detections: Sequence[int],
    engine: Engine = "auto",
) -> tuple[Tables, str]:
    """Match detections with objects and accumulate precision and recall.

    Parameters
    ----------
    task
        What to match.
    areas
        Ranges of areas, both ends included.
    most_detections
        Numbers of detections per image and class, ascending.
    engine
        Who does it; ``auto`` is hotcoco where it is installed and can.

    Returns
    -------
    tables, note
        The note says why another engine than hotcoco was taken; else it is empty.

    Raises
    ------
    ConfigurationError
        If hotcoco is asked for and cannot do it.
    """
    rectangles = _rectangles(task) if task.iou == "oriented" else ()
    missing = ""
    if importlib.util.find_spec("hotcoco") is None:
        missing = "hotcoco is not installed"
    elif rectangles is None:
        missing = "hotcoco takes rectangles, and some of these oriented boxes are none"
    if engine == "pycocotools" or (engine == "auto" and missing):
        tables = _pycocotools(task, areas, most_detections)
        return tables, f"matched by pycocotools: {missing}" if missing and engine == "auto" else ""
    if missing:
        raise ConfigurationError(f"engine=hotcoco: {missing}; use engine=auto or pycocotools")
    return _hotcoco(task, areas, most_detections, rectangles or ()), ""


def _rectangles(task: MatchingTask) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    truth, detections = (
        as_rectangles(np.array(each.geometry, np.float64)) for each in (task.truth, task.detections)
    )
    return None if truth is None or detections is None else (truth, detections)


def _document(task: MatchingTask, objects: Objects, key: str, geometry: Any) -> dict[str, Any]:
    """Return objects as a COCO document; identifiers begin at 1."""
    scored = len(objects.score) > 0
    annotations = []
    for index in range(len(objects)):
        entry = {
            "id": index + 1,
            "image_id": int(objects.image[index]) + 1,
            "category_id": int(objects.category[index]) + 1,
            "area": float(objects.area[index]),
            "iscrowd": int(objects.crowd[index]),
            key: geometry[index],
        }
        if scored:
            entry["score"] = float(objects.score[index])
        annotations.append(entry)
    return {
        "images": [
            {"id": index + 1, "height": height, "width": width, "file_name": str(index)}
            for index, (height, width) in enumerate(task.sizes)
        ],
        "categories": [{"id": each + 1, "name": str(each)} for each in range(task.categories)],
        "annotations": annotations,
    }


def _hotcoco(
    task: MatchingTask,
    areas: Sequence[AreaRange],
    most_detections: Sequence[int],
    rectangles: tuple[NDArray[np.float64], ...],
) -> Tables:
    import hotcoco

    kind = _KINDS.get(task.iou, "obb")
    key = {"bbox": "bbox", "segm": "segmentation", "obb": "obb"}[kind]
    sides = (task.truth, task.detections)
    shapes = (
        [each.tolist() for each in rectangles]
        if kind == "obb"
        else [side.geometry for side in sides]
    )
    with warnings.catch_warnings():
        # It warns of every parameter that is not the benchmark's own.
        warnings.simplefilter("ignore")
        truth, detections = (
            hotcoco.COCO(_document(task, side, key, shape))
            for side, shape in zip(sides, shapes, strict=True)
        )
        evaluation = hotcoco.COCOeval(truth, detections, kind)
        parameters = evaluation.params
        parameters.max_dets = list(most_detections)
        parameters.area_rng = [list(each) for each in areas]
        parameters.area_rng_lbl = [str(index) for index in range(len(areas))]
        evaluation.evaluate()
        evaluation.accumulate()
    return _tables(evaluation.eval)


def _pycocotools(
    task: MatchingTask, areas: Sequence[AreaRange], most_detections: Sequence[int]
) -> Tables:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    class Evaluation(COCOeval):  # type: ignore[misc]
        """The reference, with the overlap of quadrilaterals."""

        def computeIoU(self, image: int, category: int) -> Any:  # noqa: N802
            if task.iou != "oriented":
                return super().computeIoU(image, category)
            truth, found = self._gts[image, category], self._dts[image, category]
            if not truth or not found:
                return []
            order = np.argsort([-each["score"] for each in found], kind="mergesort")
            kept = [found[index] for index in order[: self.params.maxDets[-1]]]
            return quadrilateral_iou(
                np.array([each["corners"] for each in kept]),
                np.array([each["corners"] for each in truth]),
                np.array([bool(each["iscrowd"]) for each in truth]),
            )

    key = {"box": "bbox", "mask": "segmentation", "oriented": "corners"}[task.iou]
    with contextlib.redirect_stdout(io.StringIO()):  # it reports its progress there
        sides = []
        for side in (task.truth, task.detections):
            coco: Any = COCO()
            coco.dataset = _document(task, side, key, side.geometry)
            coco.createIndex()
            sides.append(coco)
        evaluation: Any = Evaluation(*sides, _KINDS.get(task.iou, "bbox"))
        evaluation.params.iouThrs = IOU_THRESHOLDS
        evaluation.params.maxDets = list(most_detections)
        evaluation.params.areaRng = [list(each) for each in areas]
        evaluation.params.areaRngLbl = [str(index) for index in range(len(areas))]
        evaluation.evaluate()
        evaluation.accumulate()
    return _tables(evaluation.eval)


def _tables(evaluated: Any) -> Tables:
    return Tables(
        np.asarray(evaluated["precision"], np.float64), np.asarray(evaluated["recall"], np.float64)
    )
