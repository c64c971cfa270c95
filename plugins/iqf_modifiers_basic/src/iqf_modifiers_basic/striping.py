"""Detectors of a line scanner that differ from each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.arithmetic import add
from iqf_modifiers_basic.drawing import line_normal
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image


class Striping(Modifier):
    """Give every detector of a push-broom scanner its own gain and offset.

    g = f (1 + k) + d, with k drawn from N(0, ``gain_sigma``²), the photo-response non-uniformity
    (PRNU), and d from N(0, ``offset_sigma_dn``²), the dark-signal non-uniformity (DSNU), once for
    every detector and band (EMVA Standard 1288, release 4.0, sections 4.1 to 4.3). A detector
    makes a column of the image, or a row with ``axis=rows``. The variance from column to column
    of a uniform scene f is (gain_sigma f)² + offset_sigma_dn².

    Integers are rounded to nearest and clipped to [0, peak], floating-point images are neither.
    Invalid pixels stay as they are. The detectors are those of the scene: what a column gets
    depends on its number in the full image, on nothing else.
    """

    random = True
    identity: ClassVar[Mapping[str, float]] = {"gain_sigma": 0, "offset_sigma_dn": 0}

    class Params(BaseParams):
        """Parameters of the detectors."""

        gain_sigma: float = parameter(
            0.0,
            description="standard deviation of the detectors' relative gains (PRNU)",
            unit="",
            example=0.01,
            ge=0,
            le=1,
            primary=True,
        )
        offset_sigma_dn: float = parameter(
            0.0,
            description="standard deviation of the detectors' offsets (DSNU)",
            unit="DN",
            example=2,
            ge=0,
            primary=True,
        )
        axis: Literal["columns", "rows"] = parameter(
            "columns", description="whether a detector makes a column or a row of the image"
        )

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the striped image; same size, data type and bands."""
        if self.is_identity():
            return image
        axis = self.params.axis
        count = image.width if axis == "columns" else image.height
        drawn = line_normal(context, axis, count, image.bands, values=2)
        gain = drawn[0] * np.float32(self.params.gain_sigma)
        offset = drawn[1] * np.float32(self.params.offset_sigma_dn)
        if axis == "rows":
            gain, offset = gain[:, np.newaxis], offset[:, np.newaxis]
        change = image.pixels * gain
        change += offset
        return image.with_pixels(keep_invalid(image, add(image.pixels, change, image.peak)))
