"""The photographs that come with scikit-image and scikit-learn, in two fixed lists.

Only what lies in the installed packages is used. The right image of the motorcycle's stereo pair
is in neither list: it shows what the left one shows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TRAINING = (
    "astronaut", "brick", "camera", "chelsea", "flower", "gravel", "moon", "motorcycle_left",
    "rocket",
)  # fmt: skip
VALIDATION = ("china", "coffee", "coins", "grass")


def photograph(name: str) -> NDArray[np.uint8]:
    """Return a photograph, shape (H, W) or (H, W, 3), uint8."""
    from skimage import data

    if name in ("china", "flower"):
        from sklearn.datasets import load_sample_image

        return np.asarray(load_sample_image(f"{name}.jpg"))
    if name == "motorcycle_left":
        return np.asarray(data.stereo_motorcycle()[0])
    return np.asarray(getattr(data, name)())


def write(folder: Path) -> tuple[Path, Path]:
    """Write all photographs as PNG; return the folders of training and of validation."""
    from iqf_core.api import Image, write_image

    parts = (folder / "training", folder / "validation")
    for part, names in zip(parts, (TRAINING, VALIDATION), strict=True):
        part.mkdir(parents=True, exist_ok=True)
        for name in names:
            pixels = photograph(name)
            pixels = pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
            write_image(part / f"{name}.png", Image(np.ascontiguousarray(pixels), 255.0))
    return parts
