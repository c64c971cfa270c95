"""Train a QMRNet on photographs, read a blur and a JPEG series with it, and plot what it read.

    python run.py [--cpu-minutes 4] [--crop 128] [--crops 200000]

The photographs are those that scikit-image and scikit-learn bring along; nothing is downloaded.
It writes data/train, data/validation and data/test, the model, the copies of the series, and
predicted_against_true.png. See the README for what the steps are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

#: Split by image: what is tested was neither trained nor validated on.
PHOTOGRAPHS = {
    "train": ("astronaut", "coffee", "camera", "coins", "moon", "brick", "gravel", "china"),
    "validation": ("chelsea", "grass"),
    "test": ("rocket", "flower"),
}


def export_photographs(folder: Path) -> None:
    """Write the photographs as PNG files, one folder for each part."""
    import cv2
    import numpy as np
    from skimage import data
    from sklearn.datasets import load_sample_image

    for part, names in PHOTOGRAPHS.items():
        images = folder / part / "images"
        images.mkdir(parents=True, exist_ok=True)
        for name in names:
            if name in ("china", "flower"):
                pixels = load_sample_image(f"{name}.jpg")
            else:
                pixels = getattr(data, name)()
            pixels = pixels[..., ::-1] if pixels.ndim == 3 else pixels
            cv2.imwrite(str(images / f"{name}.png"), np.ascontiguousarray(pixels))


def iqf(*arguments: str) -> str:
    """Run the program; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "iqf_core.cli", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def series(runs: list[dict[str, Any]], modifier: str, head: str) -> list[tuple[float, float]]:
    """Return (true, read) of the copies that `modifier` made and that have a value."""
    found = []
    for run in runs:
        name, _, params = run["params"]["modifier"].partition(":")
        read = run["metrics"].get(f"test.qmrnet.{head}.mean")
        if name == modifier and read is not None:
            found.append((float(params.partition("=")[2]), float(read)))
    return sorted(found)


def plot(runs: list[dict[str, Any]], path: Path) -> None:
    """Draw what was read against what was done."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes: Any = figure.subplots(1, 2)
    series_of = (("blur", "sigma", "blur sigma [px]"), ("jpeg", "jpeg", "JPEG quality"))
    for place, (modifier, head, label) in zip(axes, series_of, strict=True):
        points = series(runs, modifier, head)
        true = [each[0] for each in points]
        place.plot(true, [each[1] for each in points], "o-", label="read, mean of the photographs")
        place.plot(true, true, "k--", linewidth=1, label="true")
        place.set(xlabel=f"true {label}", ylabel=f"read {label}")
        place.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Export, train, evaluate, measure, plot."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--cpu-minutes", default="4")
    parser.add_argument("--crop", default="128")
    parser.add_argument("--crops", default="200000")
    given = parser.parse_args()
    export_photographs(Path("data"))
    size = ("--crop", given.crop, "--crops", given.crops, "--cpu-minutes", given.cpu_minutes)
    heads = ("--parameter", "sigma", "--parameter", "jpeg")
    folders = ("data/train", "--val", "data/validation", "--out", "model")
    print(iqf("qmrnet", "train", *folders, *heads, *size))
    print(iqf("qmrnet", "evaluate", "model", "data/test", "--figure", "evaluation.png"))
    iqf("run", "study.yaml")
    runs = json.loads(iqf("results", "study.yaml", "--json"))
    for modifier, head in (("blur", "sigma"), ("jpeg", "jpeg")):
        for true, read in series(runs, modifier, head):
            print(f"{modifier}: true {true:g}, read {read:.3g}")
    plot(runs, Path("predicted_against_true.png"))


if __name__ == "__main__":
    main()
