"""WebP: by quality, or lossless."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import model_validator

from iqf_core.api import Params as BaseParams
from iqf_core.api import UnsupportedImageError, parameter
from iqf_modifiers_basic.codecs.coding import Codec, Coded, Samples
from iqf_modifiers_basic.codecs.library import library

#: Largest width and height of a WebP image (14-bit fields, RFC 6386, section 9.1).
LARGEST_SIDE = 16383


class WebP(Codec):
    """Compress with WebP and decode again.

    RFC 9649 as libwebp implements it: the key frame of VP8 (RFC 6386) with chroma at half
    resolution, or its own lossless format. It knows nothing but 8-bit R, G, B. ``lossless``: every
    image is verified.
    """

    version = "1"
    dtypes = ("uint8",)
    needs = ("WEBP",)

    class Params(BaseParams):
        """Parameters of the coder: exactly one of quality and lossless."""

        quality: float | None = parameter(
            None, description="quality on libwebp's scale", unit="", example=75, ge=0, le=100
        )
        lossless: bool = parameter(False, description="every sample stays as it is")

        @model_validator(mode="after")
        def _exactly_one(self) -> Self:
            if (self.quality is None) != self.lossless:
                raise ValueError(
                    "exactly one of quality and lossless=true is expected, such as quality=75"
                )
            return self

    @property
    def largest_error(self) -> float | None:
        """Zero when lossless."""
        return 0 if self.params.lossless else None

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return why images other than 8-bit ones of three bands cannot be coded."""
        if (dtype, bands) == ("uint8", 3):
            return None
        return (
            f"WebP codes 3 bands of uint8, not {bands} of {dtype}; convert or select beforehand, "
            "or use a coder for more (jpeg2000, jpeg_xl)"
        )

    def code(self, samples: Samples) -> Coded:
        """Encode and decode."""
        height, width, _ = samples.shape
        if max(height, width) > LARGEST_SIDE:
            raise UnsupportedImageError(
                f"WebP images have at most {LARGEST_SIDE} pixels a side, this one has "
                f"{width} x {height}; cut it into tiles first"
            )
        codec, params = library("WEBP"), self.params
        stream = codec.webp_encode(
            np.ascontiguousarray(samples.pixels),
            level=None if params.lossless else params.quality,
            lossless=params.lossless,
        )
        return Coded(codec.webp_decode(stream, hasalpha=False), len(stream))
