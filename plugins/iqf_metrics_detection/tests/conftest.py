"""Small annotated datasets, and a short way to measure predictions of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from iqf_core.api import Context, PredictionsInput, Value, open_dataset
from iqf_core.components.specification import parse_specification

SIDE = 100


def _write_images(folder: Path, count: int) -> None:
    """Write `count` grey images of 100 x 100 pixels."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for index in range(count):
        pixels = np.full((SIDE, SIDE), 90, np.uint8)
        cv2.imwrite(str(folder / "images" / f"i{index}.png"), pixels)


@pytest.fixture
def write_images() -> Callable[[Path, int], None]:
    """Write grey images ``i0.png``, ``i1.png`` … into ``images`` of a folder."""
    return _write_images


@pytest.fixture
def coco(tmp_path: Path) -> Callable[..., Path]:
    """Write a COCO dataset; each object is a dictionary of annotation fields."""

    def write(objects: list[dict[str, Any]], images: int = 2, classes: Any = ("plane", "ship")):
        folder = tmp_path / "data"
        _write_images(folder, images)
        document = {
            "images": [
                {"id": i + 1, "file_name": f"i{i}.png", "height": SIDE, "width": SIDE}
                for i in range(images)
            ],
            "categories": [{"id": i + 1, "name": name} for i, name in enumerate(classes)],
            "annotations": [{"id": i + 1, "iscrowd": 0, **each} for i, each in enumerate(objects)],
        }
        (folder / "annotations.json").write_text(json.dumps(document))
        return folder

    return write


@pytest.fixture
def judge(iqf_registry: Any, iqf_context: Context) -> Callable[..., Mapping[str, Value]]:
    """Hold predictions against a dataset: ``judge("detection:iou=mask", folder, records)``."""

    def run(spec: str, folder: Path, predictions: Any) -> Mapping[str, Value]:
        parsed = parse_specification(spec)
        metric = iqf_registry.create("metric", parsed.name, parsed.params, iqf_context)
        dataset = open_dataset(folder, registry=iqf_registry)
        values: Mapping[str, Value] = metric.measure(
            PredictionsInput(predictions, folder.parent, dataset), iqf_context
        )
        assert set(values) == {output.name for output in metric.outputs}
        return values

    return run
