"""What a matching engine is given: objects and detections as arrays, in one geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

IoU = Literal["box", "mask", "oriented"]

#: The thresholds of COCO: 0.50, 0.55 … 0.95 (``Params.setDetParams`` in the COCO API).
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)

#: Above every range of areas, ``1e5 ** 2`` in the COCO API: no object of this area ever counts.
NEVER_COUNTED = 1e12
LARGEST = 1e10


@dataclass(frozen=True)
class Objects:
    """Objects of many images, in the order they were stated.

    Attributes
    ----------
    image
        (N,) index of the image.
    category
        (N,) index of the class.
    area
        (N,) area in square pixels, as ranges of sizes see it.
    geometry
        Of each object: (x, y, width, height) for ``box``, an RLE dictionary for ``mask``, four
        corners (4, 2) for ``oriented``.
    score
        (N,) confidence; empty for ground truth.
    crowd
        (N,) whether it stands for a group: any number of detections may match it, none counts.
    """

    image: NDArray[np.int64]
    category: NDArray[np.int64]
    area: NDArray[np.float64]
    geometry: Sequence[Any]
    score: NDArray[np.float64]
    crowd: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True)
class MatchingTask:
    """Detections to match with objects.

    Attributes
    ----------
    iou
        Of what the intersection over union is taken.
    sizes
        (height, width) of each image in pixels.
    categories
        Number of classes.
    truth, detections
        The objects, and what was found.
    """

    iou: IoU
    sizes: Sequence[tuple[int, int]]
    categories: int
    truth: Objects
    detections: Objects


@dataclass(frozen=True)
class Tables:
    """What COCO's accumulation gives; -1 where there is no ground truth.

    Attributes
    ----------
    precision
        (threshold, recall level, class, range of areas, number of detections).
    recall
        (threshold, class, range of areas, number of detections).
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
