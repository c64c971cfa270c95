"""Photographs that are there without a download, in a set to tune on and one held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
Set = Literal["tuning", "held out"]

SHARED = Path(__file__).resolve().parents[3] / "shared/data"

#: Bundled in scikit-image. Nobody chooses a threshold while looking at those held out.
_TUNING = ("astronaut.png", "brick.png", "motorcycle_left.png", "moon.png")
_HELD_OUT = (
    "camera.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "ihc.png",
    "retina.jpg",
    "rocket.jpg",
)


@dataclass(frozen=True)
class Photograph:
    """A photograph: its name, its set and (H, W, C) DN of 8 bits."""

    name: str
    set: Set
    pixels: Floats

    @property
    def grey(self) -> Floats:
        """Return (H, W) DN: the mean of the bands."""
        return np.asarray(self.pixels.mean(axis=2))


def photographs() -> list[Photograph]:
    """Return every photograph: scikit-learn's, scikit-image's and those of the sample data."""
    import skimage
    from sklearn.datasets import load_sample_images

    bundled = load_sample_images()
    found = [
        Photograph(Path(name).name, "tuning", image.astype(np.float64))
        for name, image in zip(bundled.filenames, bundled.images, strict=True)
    ]
    folder = Path(skimage.__file__).parent / "data"
    found += [_read(folder / name, "tuning") for name in _TUNING]
    found += [_read(folder / name, "held out") for name in _HELD_OUT]
    files = sorted((SHARED / "coco_photos/images").glob("*.jpg"))
    found += [_read(file, "tuning") for file in files]
    return found


def _read(file: Path, which: Set) -> Photograph:
    read = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if read is None:
        raise FileNotFoundError(file)
    pixels = np.atleast_3d(read).astype(np.float64)
    return Photograph(file.name, which, pixels)


def geo_tiles() -> list[tuple[str, Floats]]:
    """Return (name, (H, W) DN) of the 16-bit tiles of the sample data, none without it."""
    from iqf_core.api import read_image

    found = []
    for file in sorted((SHARED / "geo_tiles/images").glob("*.tif")):
        found.append((file.name, read_image(file, peak=65535).pixels[:, :, 0].astype(np.float64)))
    return found


def halved(pixels: Floats, times: int = 2) -> Floats:
    """Return means of 2 x 2 pixels: most of a photograph's own noise and compression is gone."""
    height, width = (length // times * times for length in pixels.shape[:2])
    cut = pixels[:height, :width]
    folded = cut.reshape(height // times, times, width // times, times, -1).mean(axis=(1, 3))
    return np.asarray(folded.reshape(height // times, width // times, *pixels.shape[2:]))
