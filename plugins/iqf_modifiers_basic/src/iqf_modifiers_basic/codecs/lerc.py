"""LERC: limited error raster compression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from iqf_core.api import Params as BaseParams
from iqf_core.api import UnsupportedImageError, parameter
from iqf_modifiers_basic.codecs.coding import Codec, Coded, Samples
from iqf_modifiers_basic.codecs.library import library


class Lerc(Codec):
    """Compress with LERC and decode again.

    Limited Error Raster Compression as Esri's library implements it (LERC2, the codec of Cloud
    Optimized GeoTIFFs and of ArcGIS image services): blocks of 8 x 8 samples, each quantized just
    finely enough that no sample changes by more than ``max_error_dn``, then packed. 0 is lossless.
    Both are verified on every image. All bands are in one stream, the samples of a pixel together.

    Floating-point images may not hold NaN or infinities but in invalid pixels.
    """

    version = "1"
    dtypes = ("uint8", "uint16", "float32")
    needs = ("LERC",)
    identity: ClassVar[Mapping[str, float]] = {"max_error_dn": 0}

    class Params(BaseParams):
        """Parameters of the coder."""

        max_error_dn: float = parameter(
            description="largest error of a sample; 0 is lossless", unit="DN", example=2, ge=0
        )

    @property
    def largest_error(self) -> float | None:
        """What the user allows; integers below 1 are lossless."""
        return float(self.params.max_error_dn)

    def code(self, samples: Samples) -> Coded:
        """Encode and decode."""
        codec = library("LERC")
        pixels = samples.pixels
        if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
            raise UnsupportedImageError(
                "LERC codes finite numbers, and the image holds NaN or infinities; mark them as "
                "nodata, or use zstd or deflate"
            )
        source = pixels[:, :, 0] if samples.shape[2] == 1 else pixels
        stream = codec.lerc_encode(np.ascontiguousarray(source), level=self.params.max_error_dn)
        return Coded(codec.lerc_decode(stream).reshape(samples.shape), len(stream))
