"""Export crops of photographs that scikit-image and scikit-learn bundle as PNG files.

    python export_photographs.py [FOLDER]

``train`` and ``val`` below the folder hold crops of different photographs. Needs scikit-image and
scikit-learn.
"""

from __future__ import annotations

import sys
from pathlib import Path

SIDE = 256
TRAIN = ("chelsea", "coffee", "camera", "flower")
VAL = ("astronaut", "china")


def photograph(name: str) -> Path:
    """Return the file of one of them."""
    import skimage.data
    import sklearn.datasets

    for home in (Path(skimage.data.__file__).parent, Path(sklearn.datasets.__file__).parent):
        for file in (home / f"{name}.png", home / "images" / f"{name}.jpg"):
            if file.is_file():
                return file
    raise FileNotFoundError(name)


def export_photographs(folder: Path) -> None:
    """Write the crops as 8-bit RGB."""
    import cv2

    for role, names in (("train", TRAIN), ("val", VAL)):
        images = folder / role / "images"
        images.mkdir(parents=True, exist_ok=True)
        for name in names:
            pixels = cv2.imread(str(photograph(name)), cv2.IMREAD_COLOR)
            height, width = pixels.shape[:2]
            row = (height - SIDE) // 2
            for column in (0, width - SIDE):
                crop = pixels[row : row + SIDE, column : column + SIDE]
                cv2.imwrite(str(images / f"{name}_{column:03d}.png"), crop)


if __name__ == "__main__":
    export_photographs(Path(sys.argv[1] if len(sys.argv) > 1 else "data"))
