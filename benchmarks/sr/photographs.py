"""The photographs of scikit-image and scikit-learn, split by image into fixed lists."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

#: Colour photographs only: what scikit-image and scikit-learn ship without a download.
TRAINING = (
    "skimage:chelsea.png",
    "skimage:coffee.png",
    "skimage:hubble_deep_field.jpg",
    "skimage:ihc.png",
    "skimage:motorcycle_left.png",
    "skimage:retina.jpg",
    "sklearn:flower.jpg",
    "skimage:grass.png",
    "skimage:gravel.png",
    "skimage:brick.png",
    "skimage:camera.png",
    "skimage:coins.png",
)
VALIDATION = (
    "skimage:astronaut.png",
    "skimage:rocket.jpg",
    "sklearn:china.jpg",
    "skimage:moon.png",
)


def read(name: str) -> np.ndarray:
    """Return one of them, (H, W, 3) uint8 in OpenCV's band order; grey ones with equal bands."""
    import skimage.data
    import sklearn.datasets

    package, _, file = name.partition(":")
    home = Path(skimage.data.__file__).parent
    if package == "sklearn":
        home = Path(sklearn.datasets.__file__).parent / "images"
    pixels = cv2.imread(str(home / file), cv2.IMREAD_COLOR)
    assert pixels is not None, name
    return pixels


def write(folder: Path) -> tuple[Path, Path]:
    """Write them as PNG to ``train`` and ``validation`` below `folder`; return both."""
    folders = folder / "train", folder / "validation"
    for target, names in zip(folders, (TRAINING, VALIDATION), strict=True):
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            file = target / f"{Path(name.partition(':')[2]).stem}.png"
            if not file.exists():
                cv2.imwrite(str(file), read(name))
    return folders


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    print(*write(parser.parse_args().folder))
