"""How much of an image is saturated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from iqf_core.api import Metric, Output, Value, parameter
from iqf_core.api import Params as BaseParams

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageInput


class Saturation(Metric):
    """Fraction of the valid samples at or above a fraction of the peak.

    A sample that reached full scale tells only that there was at least so much light: a high
    fraction spoils every measurement of contrast or brightness.
    """

    version = "1"
    reads = "image"
    outputs = (
        Output(
            "saturated",
            better="lower",
            summary="samples at or above the threshold, as a fraction of all valid samples",
        ),
    )

    class Params(BaseParams):
        """Parameters of the measurement."""

        threshold_rel: float = parameter(
            1.0,
            description="value from which on a sample counts, as a fraction of the peak",
            unit="peak",
            gt=0,
            le=1,
        )

    def measure(self, subject: ImageInput, context: Context) -> Mapping[str, Value]:
        """Return the fraction over all bands, and for each band."""
        threshold = self.params.threshold_rel * subject.reader.peak
        saturated = np.zeros(subject.reader.shape[2], np.int64)
        valid = 0
        # Window by window: a large scene never has to fit into memory.
        for tile in subject.reader.windows():
            image = subject.reader.read(tile.window)
            samples = image.pixels[image.valid]
            saturated += (samples >= threshold).sum(axis=0)
            valid += len(samples)
        if valid == 0:
            return {"saturated": Value(None, reason="the image has no valid pixel")}
        bands = tuple(Value(float(count / valid)) for count in saturated)
        return {"saturated": Value(float(saturated.sum() / (valid * len(bands))), bands=bands)}
