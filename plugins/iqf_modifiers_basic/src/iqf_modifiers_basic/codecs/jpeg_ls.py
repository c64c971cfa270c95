"""JPEG-LS: lossless or near-lossless prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import NDArray

from iqf_core.api import Params as BaseParams
from iqf_core.api import parameter
from iqf_modifiers_basic.codecs.coding import Codec, Coded, Samples, by_band
from iqf_modifiers_basic.codecs.library import library


class JpegLs(Codec):
    """Compress with JPEG-LS and decode again.

    ITU-T T.87 | ISO/IEC 14495-1 as CharLS implements it: the LOCO-I predictor, context modelling
    and Golomb codes. ``max_error_dn`` is the standard's NEAR: no sample changes by more; 0 is
    lossless. Both are verified on every image. Bands are coded for themselves and their streams
    added up.

    CharLS gets the samples with 8 or 16 bits declared, 16 for 12-bit data: imagecodecs passes no
    other depth. Predictor and contexts are the same for 12 and 16 bits (T.87, C.2.4.1.1.1), only
    the first codes of each context are longer.
    """

    version = "1"
    needs = ("JPEGLS",)
    identity: ClassVar[Mapping[str, float]] = {"max_error_dn": 0}

    class Params(BaseParams):
        """Parameters of the coder."""

        max_error_dn: int = parameter(
            0,
            description="largest error of a sample; 0 is lossless",
            unit="DN",
            example=2,
            ge=0,
            le=127,
            primary=True,
        )

    @property
    def largest_error(self) -> float | None:
        """What the user allows."""
        return float(self.params.max_error_dn)

    def code(self, samples: Samples) -> Coded:
        """Encode and decode, band by band."""
        codec = library("JPEGLS")

        def code_band(band: NDArray[Any]) -> tuple[NDArray[Any], int]:
            stream = codec.jpegls_encode(band, level=self.params.max_error_dn)
            return codec.jpegls_decode(stream), len(stream)

        return by_band(samples, code_band)
