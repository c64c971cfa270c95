"""How fast a dataset of many small images is checked and measured.

python benchmarks/dataset_tools.py [--images 1000]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from iqf_dataset_tools.check import check_dataset
from iqf_dataset_tools.duplicates import near_duplicates
from iqf_dataset_tools.images import ImageFacts
from iqf_dataset_tools.statistics import dataset_statistics

from iqf_core.api import PluginManager

SIDE = 256
OBJECTS = 10


def write(folder: Path, count: int) -> None:
    """Write COCO with `count` PNG images of 256 x 256 pixels and ten polygons in each."""
    rng = np.random.default_rng(1)
    (folder / "images").mkdir(parents=True)
    images, objects = [], []
    for number in range(count):
        coarse = rng.integers(0, 255, (16, 16, 3), np.uint8)
        pixels = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / "images" / f"{number:06}.png"), pixels)
        name = f"{number:06}.png"
        images.append({"id": number, "file_name": name, "height": SIDE, "width": SIDE})
        for x, y in rng.integers(0, SIDE - 30, (OBJECTS, 2)).tolist():
            ring = [x, y, x + 20, y, x + 20, y + 10, x, y + 10]
            objects.append(
                {"id": len(objects), "image_id": number, "category_id": 1, "area": 200,
                 "bbox": [x, y, 20, 10], "segmentation": [ring], "iscrowd": 0}
            )  # fmt: skip
    document = {
        "images": images,
        "annotations": objects,
        "categories": [{"id": 1, "name": "plane"}],
    }
    (folder / "annotations.json").write_text(json.dumps(document))


def timed(what: str, function: Any) -> Any:
    """Call a function and print what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    print(
        f"{what}: {time.process_time() - cpu:.2f} s CPU, {time.perf_counter() - wall:.2f} s",
        flush=True,
    )
    return result


def hashed(count: int) -> dict[tuple[str, str], ImageFacts]:
    """Return images of two parts with random hashes, one in a hundred near one of the other."""
    rng = np.random.default_rng(2)
    hashes = rng.integers(0, 2**63, count).astype(np.uint64)
    half = count // 2
    near = np.arange(0, half, 50)
    hashes[half + near] = hashes[near] ^ np.uint64(0b1010)
    thumbnail = "AP8A" * 64 + "AA=="
    return {
        ("train" if n < half else "val", f"{n}.png"): ImageFacts(
            f"{n}.png", digest=str(n), likeness=int(value), thumbnail=thumbnail
        )
        for n, value in enumerate(hashes)
    }


def main() -> None:
    """Write, check and measure a dataset."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=1000)
    count = parser.parse_args().images
    registry = PluginManager.create().registry
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "dataset"
        write(root, count)
        report = timed(
            f"check of {count:,} images with {OBJECTS * count:,} objects, one process",
            lambda: check_dataset(root, registry=registry, workers=1, quiet=True),
        )
        assert not report.failed, report.problems[:3]
        found = timed(
            f"statistics of the same {count:,} images, one process",
            lambda: dataset_statistics(root, registry=registry, workers=1, quiet=True),
        )
        timed("its page with 60 pictures", lambda: found.write_html(Path(folder) / "page.html"))
    facts = hashed(50_000)
    near = timed("near duplicates among 50,000 images", lambda: near_duplicates(facts))
    print(f"  {len(near)} found of 500 made")


if __name__ == "__main__":
    main()
