"""Export crops of scikit-learn's two sample photographs as PNG files.

    python export_photographs.py [FOLDER]

The photographs are bundled with scikit-learn: ``china.jpg`` by danielbuechele and ``flower.jpg``
by vultilion, both from Flickr under the Creative Commons licence CC BY 2.0 (see the README.txt
beside them). Each gives six crops of 192 x 192 pixels. They were JPEG files before, so their rates
are not those of an untouched image.
"""

from __future__ import annotations

import sys
from pathlib import Path

SIDE = 192


def export_photographs(folder: Path) -> None:
    """Write the crops as 8-bit RGB into ``images`` below `folder`."""
    import cv2
    from sklearn.datasets import load_sample_images

    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    samples = load_sample_images()
    for path, photograph in zip(samples.filenames, samples.images, strict=True):
        height, width = photograph.shape[:2]
        for row in range(0, height - SIDE + 1, SIDE):
            for column in range(0, width - SIDE + 1, SIDE):
                crop = photograph[row : row + SIDE, column : column + SIDE]
                name = f"{Path(path).stem}_{row:03d}_{column:03d}.png"
                cv2.imwrite(str(images / name), cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    export_photographs(Path(sys.argv[1] if len(sys.argv) > 1 else "data/photographs"))
