"""High-throughput JPEG 2000: OpenJPH, reversibly or with a quantization step."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from iqf_core.api import Params as BaseParams
from iqf_core.api import parameter
from iqf_modifiers_basic.codecs.coding import Codec, Coded, Samples
from iqf_modifiers_basic.codecs.library import library


class Htj2k(Codec):
    """Compress with high-throughput JPEG 2000 and decode again.

    ITU-T T.814 | ISO/IEC 15444-15 as OpenJPH implements it: JPEG 2000 with a faster block coder,
    some per cent less efficient. All bands are components of one codestream; three are decorrelated
    by the component transform, others are not.

    Without ``step_dn`` the 5/3 wavelet and nothing left out: lossless, and every image is verified.
    With it the 9/7 wavelet, its coefficients quantized in steps that are ``step_dn`` in the
    image's own numbers before the weights of the wavelet bands (T.800, E.1); OpenJPH has no rate
    control, so a rate is found by trying steps.

    OpenJPH gets the samples with 8 or 16 bits declared, 16 for 12-bit data: imagecodecs passes no
    other depth. The coefficients are the same; the stream is a fraction of a per cent longer.
    """

    version = "1"
    needs = ("HTJ2K",)

    class Params(BaseParams):
        """Parameters of the coder."""

        step_dn: float | None = parameter(
            None,
            description="quantization step; left out, lossless",
            unit="DN",
            example=8,
            gt=0,
            primary=True,
        )

    @property
    def largest_error(self) -> float | None:
        """Zero without a step."""
        return 0 if self.params.step_dn is None else None

    def code(self, samples: Samples) -> Coded:
        """Encode and decode."""
        codec = library("HTJ2K")
        step = self.params.step_dn
        full_scale = 1 << (8 * samples.pixels.itemsize)
        colour = samples.shape[2] == 3
        source = samples.pixels.copy() if colour else samples.planes
        stream = codec.htj2k_encode(
            source,
            level=None if step is None else min(step / full_scale, 0.5),
            planar=not colour,
            rgb=colour,
            reversible=step is None,
        )
        decoded: NDArray[Any] = codec.htj2k_decode(stream, planar=not colour)
        if not colour:
            height, width, bands = samples.shape
            decoded = decoded.reshape(bands, height, width).transpose(1, 2, 0)
        return Coded(decoded.reshape(samples.shape), len(stream))
