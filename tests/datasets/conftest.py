from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IQF_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def write_image() -> Callable[..., Path]:
    def write(path: Path, height: int = 20, width: int = 30, seed: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
        data = cv2.imencode(path.suffix, pixels)[1]
        path.write_bytes(data.tobytes())
        return path

    return write


@pytest.fixture
def coco_document() -> dict[str, Any]:
    """Two images of 20 x 30 pixels, and one object of each sort."""
    return {
        "info": {"year": 2024, "unknown": [1, {"deep": None}]},
        "images": [
            {"id": 1, "file_name": "a.png", "height": 20, "width": 30, "license": 3},
            {"id": 2, "file_name": "b.png", "height": 20, "width": 30},
        ],
        "annotations": [
            {
                "id": 10,
                "image_id": 1,
                "category_id": 5,
                "bbox": [2, 4, 10, 8],
                "area": 80,
                "iscrowd": 0,
                "segmentation": [[2, 4, 12, 4, 12, 12, 2, 12]],
                "note": "kept",
            },
            {
                "id": 11,
                "image_id": 2,
                "category_id": 7,
                "bbox": [0, 0, 1, 20],
                "iscrowd": 1,
                "segmentation": {"size": [20, 30], "counts": [0, 20, 580]},
            },
            {
                "id": 12,
                "image_id": 2,
                "category_id": 7,
                "keypoints": [3, 4, 2, 0, 0, 0],
                "num_keypoints": 1,
            },
        ],
        "categories": [{"id": 5, "name": "car"}, {"id": 7, "name": "ship"}],
    }


@pytest.fixture
def coco_dataset(
    tmp_path: Path, write_image: Callable[..., Path], coco_document: dict[str, Any]
) -> Path:
    folder = tmp_path / "ships"
    for index, name in enumerate(("a.png", "b.png")):
        write_image(folder / "images" / name, seed=index)
    (folder / "annotations.json").write_text(json.dumps(coco_document))
    return folder
