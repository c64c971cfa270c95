"""Natural vignetting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams

if TYPE_CHECKING:
    from iqf_core.api import Context, Image


class Vignetting(Modifier):
    r"""Darken an image away from its centre as a simple lens does.

    The illuminance of the image plane falls with the fourth power of the cosine of the field
    angle, :math:`E = E_0 \cos^4\theta` (Kingslake, *Optics in Photography*, 1992, chapter 6). The
    angle is 0 in the centre and ``half_field_deg`` in the corners, and its tangent grows in
    proportion to the distance from the centre.

    Pixel values are taken as proportional to light. Integers are rounded to nearest; invalid
    pixels stay as they are.
    """

    version = "1"
    scope = "local"
    identity: ClassVar[Mapping[str, float]] = {"half_field_deg": 0}

    class Params(BaseParams):
        """Parameters of the lens."""

        half_field_deg: float = parameter(
            description="field angle of the image's corners",
            unit="deg",
            example=30,
            ge=0,
            lt=90,
        )

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the darkened image; same size, data type and bands."""
        if self.is_identity():
            return image
        # A window knows where it lies: the centre is that of the full image.
        full_shape = context.full_shape or image.shape
        factor = cos4_factor(
            image.shape[:2], context.offset, full_shape[:2], self.params.half_field_deg
        )
        darkened = image.pixels * factor[:, :, np.newaxis]
        if image.pixels.dtype.kind == "u":
            np.rint(darkened, out=darkened)
        pixels = darkened.astype(image.pixels.dtype)
        if image.mask is not None:
            pixels[~image.mask] = image.pixels[~image.mask]
        return image.with_pixels(pixels)


def cos4_factor(
    shape: tuple[int, int],
    offset: tuple[int, int],
    full_shape: tuple[int, int],
    half_field_deg: float,
) -> NDArray[np.float64]:
    """Return the relative illuminance of every pixel of a window.

    Parameters
    ----------
    shape
        (height, width) of the window in pixels.
    offset
        (row, column) of its first pixel in the full image.
    full_shape
        (height, width) of the full image.
    half_field_deg
        Field angle of the full image's corners in degrees.

    Returns
    -------
    ndarray
        Shape `shape`, float64, 1 in the centre of the full image and cos^4 of the half field in
        its corners.
    """
    height, width = full_shape
    rows = np.arange(offset[0], offset[0] + shape[0]) + 0.5 - height / 2
    columns = np.arange(offset[1], offset[1] + shape[1]) + 0.5 - width / 2
    squared = rows[:, np.newaxis] ** 2 + columns[np.newaxis, :] ** 2
    corner = (height / 2) ** 2 + (width / 2) ** 2
    # cos^2 = 1 / (1 + tan^2): additions, products and quotients are exact to the last bit
    # wherever a pixel stands in an array, so that windows give what the whole image gives.
    cos2 = 1 / (1 + squared * (math.tan(math.radians(half_field_deg)) ** 2 / corner))
    return cos2 * cos2
