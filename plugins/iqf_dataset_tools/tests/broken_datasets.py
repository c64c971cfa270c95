"""Small datasets, whole and broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

HEIGHT, WIDTH = 60, 80


def scene(seed: int, height: int = HEIGHT, width: int = WIDTH) -> Any:
    """Return a smooth random picture, as scenes are: white noise has nothing to recognise."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def write_image(path: Path, pixels: Any, *options: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, pixels, list(options))[1].tobytes())
    return path


def write_json(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def ring(x: float, y: float, width: float, height: float) -> list[float]:
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def coco_document() -> dict[str, Any]:
    """Return two images with an object each, without fault."""
    return {
        "images": [
            {"id": n, "file_name": f"{n}.png", "height": HEIGHT, "width": WIDTH} for n in (1, 2)
        ],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": n,
                "bbox": [10, 10, 20, 10],
                "segmentation": [ring(10, 10, 20, 10)],
                "area": 200,
                "iscrowd": 0,
            }
            for n in (1, 2)
        ],
        "categories": [{"id": 1, "name": "plane"}, {"id": 2, "name": "ship"}],
    }


def write_coco(folder: Path, document: dict[str, Any] | None = None) -> Path:
    for number in (1, 2):
        write_image(folder / "images" / f"{number}.png", scene(number))
    write_json(folder / "annotations.json", document or coco_document())
    return folder


def write_geotiff(
    path: Path, pixels: Any, *, origin: tuple[float, float] = (500_000, 4_000_000), gsd: float = 0.5
) -> Path:
    import rasterio
    from rasterio.transform import from_origin

    path.parent.mkdir(parents=True, exist_ok=True)
    bands = pixels if pixels.ndim == 3 else pixels[..., None]
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=bands.shape[0],
        width=bands.shape[1],
        count=bands.shape[2],
        dtype=bands.dtype,
        crs="EPSG:32631",
        transform=from_origin(*origin, gsd, gsd),
    ) as file:
        file.write(np.moveaxis(bands, 2, 0))
    return path


def square(x: float, y: float, side: float) -> dict[str, Any]:
    points = [[x, y], [x + side, y], [x + side, y - side], [x, y - side], [x, y]]
    return {"type": "Polygon", "coordinates": [points]}


def feature(geometry: Any, image: Any = "a.tif", class_id: Any = 1) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"image_filename": image, "class_id": class_id},
        "geometry": geometry,
    }


def collection(features: list[Any]) -> dict[str, Any]:
    name = "urn:ogc:def:crs:EPSG::32631"
    return {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": name}},
        "features": features,
    }
