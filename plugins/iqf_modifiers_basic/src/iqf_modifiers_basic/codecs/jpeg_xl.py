"""JPEG XL: by perceptual distance, or lossless."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from iqf_core.api import Params as BaseParams
from iqf_core.api import parameter
from iqf_modifiers_basic.codecs.coding import Codec, Coded, Samples, by_band
from iqf_modifiers_basic.codecs.library import library


class JpegXl(Codec):
    """Compress with JPEG XL and decode again.

    ISO/IEC 18181-1 as libjxl implements it, at the bit depth of the peak. ``distance`` is the
    Butteraugli distance that the lossy mode aims at: 1 is just visible on a display. Three bands
    are taken as the R, G, B of a picture and coded in one stream, lossy ones in a perceptual colour
    space (XYB), where red and blue lose more than green. Other bands are coded for themselves as
    grey pictures and their streams added up, so that all are treated alike.

    ``lossless``: every image is verified.
    """

    version = "1"
    needs = ("JPEGXL",)

    class Params(BaseParams):
        """Parameters of the coder: exactly one of distance and lossless."""

        distance: float | None = parameter(
            None,
            description="Butteraugli distance to aim at; the larger, the fewer bits",
            unit="",
            example=1,
            gt=0,
            le=25,
        )
        lossless: bool = parameter(False, description="every sample stays as it is")
        effort: int = parameter(
            7, description="time spent to save bits; libjxl's scale", unit="", ge=1, le=9
        )

        @model_validator(mode="after")
        def _exactly_one(self) -> Self:
            if (self.distance is None) != self.lossless:
                raise ValueError(
                    "exactly one of distance and lossless=true is expected, such as distance=1"
                )
            return self

    @property
    def largest_error(self) -> float | None:
        """Zero when lossless."""
        return 0 if self.params.lossless else None

    def code(self, samples: Samples) -> Coded:
        """Encode and decode."""
        codec, params = library("JPEGXL"), self.params

        def code_picture(picture: NDArray[Any]) -> tuple[NDArray[Any], int]:
            stream = codec.jpegxl_encode(
                picture,
                effort=params.effort,
                distance=params.distance,
                lossless=params.lossless,
                bitspersample=samples.bits,
            )
            return codec.jpegxl_decode(stream), len(stream)

        if samples.shape[2] == 3:
            return Coded(*code_picture(np.ascontiguousarray(samples.pixels)))
        return by_band(samples, code_picture)
