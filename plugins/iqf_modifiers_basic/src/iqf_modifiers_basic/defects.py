"""Single samples, pixels and columns that fail."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.drawing import line_uniform, uniform
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image


class SaltAndPepper(Modifier):
    """Replace single samples by the peak (salt) or by 0 (pepper).

    Impulse noise, as transmission errors and faulty conversions make it (Gonzalez & Woods,
    *Digital Image Processing*, 4th ed., section 5.2): every pixel of every band fails with the
    probability ``share``, independently of all others, and is salt with the probability
    ``salt_share``. The mean of a value f becomes (1 - share) f + share salt_share peak. Invalid
    pixels stay as they are.
    """

    random = True
    identity: ClassVar[Mapping[str, float]] = {"share": 0}

    class Params(BaseParams):
        """Parameters of the impulses."""

        share: float = parameter(
            description="share of the samples that fail", unit="", example=0.02, ge=0, le=1
        )
        salt_share: float = parameter(
            0.5,
            description="share of the failing samples that become the peak",
            unit="",
            ge=0,
            le=1,
        )

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the image with impulses; same size, data type and bands."""
        if self.is_identity():
            return image
        share = self.params.share
        salt = share * self.params.salt_share
        drawn = uniform(context, image.shape)
        pixels = image.pixels.copy()
        np.putmask(pixels, drawn < np.float32(share), 0)
        np.putmask(pixels, drawn < np.float32(salt), _peak(image))
        return image.with_pixels(keep_invalid(image, pixels))


class DeadPixels(Modifier):
    """Let detectors fail: single pixels (of a frame camera) and whole columns (of a line scanner).

    The defects of EMVA Standard 1288, release 4.0, sections 4.8 and 8: a dead detector always
    says 0, a hot one the peak. Which ones fail is drawn independently for every band, with the
    probabilities ``share`` (pixels) and ``column_share`` (detector columns); a sample survives
    with the probability (1 - share)(1 - column_share). Every image has failures of its own.
    Invalid pixels stay as they are.
    """

    random = True
    identity: ClassVar[Mapping[str, float]] = {"share": 0, "column_share": 0}

    class Params(BaseParams):
        """Parameters of the failures: at least one of the shares."""

        share: float | None = parameter(
            None, description="share of the pixels that fail", unit="", example=0.001, ge=0, le=1
        )
        column_share: float | None = parameter(
            None, description="share of the columns that fail", unit="", example=0.01, ge=0, le=1
        )
        value: Literal["zero", "peak"] = parameter(
            "zero", description="what a failed detector says: zero (dead) or the peak (hot)"
        )

        @model_validator(mode="after")
        def _something(self) -> Self:
            if self.share is None and self.column_share is None:
                raise ValueError(
                    "share (of the pixels) or column_share (of the columns) is expected, such as "
                    "share=0.001"
                )
            return self

    def is_identity(self) -> bool:
        """Return whether nothing fails."""
        return not (self.params.share or self.params.column_share)

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the image with failed detectors; same size, data type and bands."""
        if self.is_identity():
            return image
        value = 0 if self.params.value == "zero" else _peak(image)
        pixels: NDArray[Any] = image.pixels.copy()
        if self.params.share:
            drawn = uniform(context, image.shape)
            np.putmask(pixels, drawn < np.float32(self.params.share), value)
        if self.params.column_share:
            drawn = line_uniform(context, "columns", image.width, image.bands)
            columns, bands = np.nonzero(drawn < np.float32(self.params.column_share))
            pixels[:, columns, bands] = value
        return image.with_pixels(keep_invalid(image, pixels))


def _peak(image: Image) -> float:
    """Return full scale as a value that the image's pixels can have."""
    if image.pixels.dtype.kind == "f":
        return image.peak
    return math.floor(min(image.peak, np.iinfo(image.pixels.dtype).max))
