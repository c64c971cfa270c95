"""A real study with annotated images, predictions, a failed run and measured image quality."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from iqf_core.experiments.results.results import Results
from iqf_core.experiments.study import Study

SCRIPT = """
import argparse, json, os, random, sys
parser = argparse.ArgumentParser()
for name in ("outputpath", "trainds", "valds"):
    parser.add_argument("--" + name)
args = parser.parse_args()
name = os.path.basename(args.valds)
bad = {"quality=5": 0.5, "quality=40": 0.01, "sigma_dn=4": 0.01, "sigma_dn=60": 0.6}
loss = next((value for part, value in bad.items() if part in name), 0.0)
seed = int(os.environ["IQF_SEED"])
if "sigma_dn=60" in name and seed == 3:
    sys.exit("no <memory> left")
rng = random.Random(seed)
truth = json.load(open(os.path.join(args.valds, "annotations.json")))
found = [
    {"image_id": each["image_id"], "category_id": 1, "bbox": each["bbox"], "score": 0.9}
    for each in truth["annotations"] if rng.random() > loss
]
json.dump(found, open(os.path.join(args.outputpath, "output.json"), "w"))
results = {"val_ap50": 0.8 * (1 - loss) + rng.gauss(0, 0.004), "zero": 0}
json.dump(results, open(os.path.join(args.outputpath, "results.json"), "w"))
print("a line of the log")
"""

STUDY = """
study: boats-and-ships
datasets: {train: train, val: val}
modifiers:
  - none
  - jpeg: {quality: [5, 40, 90]}
  - gaussian_noise: {sigma_dn: [4, 60]}
task: {python_script: {path: script.py, timeout: 1m}}
repetitions: 3
metrics: [psnr, gmsd]
seed: 1
"""


def make_dataset(folder: Path, images: int) -> None:
    """Write annotated scenes with bright rectangles."""
    generator = np.random.default_rng(images)
    (folder / "images").mkdir(parents=True)
    records, objects = [], []
    for number in range(images):
        scene = generator.normal(90, 12, (96, 128, 3))
        for _ in range(4 + number):
            x, y = (int(v) for v in generator.integers(0, (110, 80)))
            scene[y : y + 12, x : x + 16] += 90
            box = [x, y, 16, 12]
            objects.append(
                {"id": len(objects) + 1, "image_id": number + 1, "category_id": 1, "bbox": box}
            )
        name = f"scene{number}.png"
        pixels = np.clip(scene, 0, 255).astype(np.uint8)
        assert cv2.imwrite(str(folder / "images" / name), pixels)
        records.append({"id": number + 1, "file_name": name, "height": 96, "width": 128})
    document = {
        "images": records,
        "annotations": objects,
        "categories": [{"id": 1, "name": "boat"}],
    }
    (folder / "annotations.json").write_text(json.dumps(document))


@pytest.fixture(scope="session")
def dataset() -> Callable[[Path, int], None]:
    """Write a dataset: ``dataset(folder, images)``."""
    return make_dataset


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the finished study."""
    folder = tmp_path_factory.mktemp("report")
    make_dataset(folder / "train", 1)
    make_dataset(folder / "val", 3)
    (folder / "script.py").write_text(SCRIPT)
    (folder / "study.yaml").write_text(STUDY)
    study = Study.from_file(folder / "study.yaml")
    study.run(workers=2, quiet=True)
    return folder


@pytest.fixture
def results(study_folder: Path) -> Results:
    """Its results."""
    return Results(study_folder / "study.yaml")
