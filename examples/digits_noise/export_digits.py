"""Export scikit-learn's handwritten digits as two folders of images with a label table each.

    python export_digits.py [FOLDER]

The digits are 1797 scans of 8 x 8 pixels with 17 grey levels (E. Alpaydin and C. Kaynak, UCI
Machine Learning Repository, 1998), bundled with scikit-learn; they are stored as 8-bit PNG.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

TRAINING_IMAGES = 1297


def export_digits(folder: Path) -> None:
    """Write ``train`` and ``val`` below `folder`: ``images/*.png`` and ``labels.csv`` in each."""
    import cv2
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = (digits.images * (255 / 16)).round().astype("uint8")
    parts = {"train": range(TRAINING_IMAGES), "val": range(TRAINING_IMAGES, len(pixels))}
    for part, indices in parts.items():
        images = folder / part / "images"
        images.mkdir(parents=True, exist_ok=True)
        with (folder / part / "labels.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["image_filename", "digit"])
            for index in indices:
                name = f"digit_{index:04d}.png"
                cv2.imwrite(str(images / name), pixels[index])
                table.writerow([name, int(digits.target[index])])


if __name__ == "__main__":
    export_digits(Path(sys.argv[1] if len(sys.argv) > 1 else "data"))
