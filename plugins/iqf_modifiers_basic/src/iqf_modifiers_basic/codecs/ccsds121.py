"""CCSDS 121.0: the lossless coder of many instruments."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Params as BaseParams
from iqf_core.api import parameter
from iqf_modifiers_basic.codecs.coding import Codec, Coded, Samples, by_band
from iqf_modifiers_basic.codecs.library import library

#: An uncompressed block costs its samples and an option field; far below this.
_ROOM = 4096


class Ccsds121(Codec):
    """Compress with the lossless coder of CCSDS 121.0 and decode again.

    CCSDS 121.0-B-3 (ISO 15887) as libaec implements it: the unit-delay predictor along the rows,
    then for each block of J samples the Rice code that fits, at the bit depth of the peak. Bands
    are coded for themselves and their streams added up. Every image is verified.
    """

    version = "1"
    needs = ("AEC",)

    class Params(BaseParams):
        """Parameters of the coder."""

        block_size: Literal[8, 16, 32, 64] = parameter(
            16, description="samples of a block, J", unit="px"
        )
        reference_interval: int = parameter(
            128,
            description="blocks between samples that are stored as they are, r",
            unit="",
            ge=1,
            le=4096,
        )

    @property
    def largest_error(self) -> float | None:
        """Lossless."""
        return 0

    def code(self, samples: Samples) -> Coded:
        """Encode and decode, band by band."""
        codec = library("AEC")
        options = {
            "bitspersample": samples.bits,
            "flags": codec.AEC.FLAG.DATA_PREPROCESS,
            "blocksize": self.params.block_size,
            "rsi": self.params.reference_interval,
        }

        def code_band(band: NDArray[Any]) -> tuple[NDArray[Any], int]:
            stream = codec.aec_encode(band, out=2 * band.nbytes + _ROOM, **options)
            # The decoder fills whole blocks.
            decoded = codec.aec_decode(stream, out=band.nbytes + _ROOM, **options)
            return np.frombuffer(decoded, band.dtype, band.size), len(stream)

        return by_band(samples, code_band)
