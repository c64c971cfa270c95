"""Requantization to fewer bits."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.arithmetic import look_up
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image

#: Samples computed at a time where 64-bit intermediates are needed: they stay in the cache.
_CHUNK = 1 << 16


class Quantization(Modifier):
    """Keep 2^bits grey levels, evenly spaced from 0 to the peak, both included.

    A mid-tread uniform quantizer (Gersho & Gray, *Vector Quantization and Signal Compression*,
    1992, section 5.2; Gonzalez & Woods, *Digital Image Processing*, 4th ed., section 2.4), the
    model of a converter with fewer bits:
    q(x) = round(x / peak * (2^bits - 1)) * peak / (2^bits - 1). Where the image is busy the error
    is close to uniform, with a standard deviation of peak / (2^bits - 1) / sqrt(12).

    Values stay on the scale of the image, only rarer: integer images are rounded to the nearest
    integer, floating-point ones are not. Values above the peak become the peak, negative ones 0,
    halves go to the even level. With as many bits as the image has, nothing changes. Invalid
    pixels stay as they are.
    """

    version = "1"

    class Params(BaseParams):
        """Parameters of the quantization."""

        bits: int = parameter(
            description="bits per pixel and band that remain",
            unit="bit",
            example=4,
            ge=1,
            le=16,
        )

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the requantized image; same size, data type and bands."""
        pixels, bits, peak = image.pixels, self.params.bits, image.peak
        if pixels.dtype.kind == "u":
            quantized = look_up(pixels, level_table(bits, peak, image.dtype))
        else:
            quantized = _quantize_float(pixels, bits, peak)
        return image.with_pixels(keep_invalid(image, quantized))


def quantize(values: NDArray[Any], bits: int, peak: float) -> NDArray[np.float64]:
    """Return the levels nearest to `values`: the formula itself, in 64-bit floating point.

    Parameters
    ----------
    values
        Any shape, in DN.
    bits
        2^bits levels from 0 to `peak`.
    peak
        Full scale in DN.
    """
    steps = 2**bits - 1
    clipped = np.clip(values.astype(np.float64), 0, peak)
    levels: NDArray[np.float64] = np.rint(clipped * steps / peak) * peak / steps
    return levels


@lru_cache(maxsize=32)
def level_table(bits: int, peak: float, dtype: str) -> NDArray[Any]:
    """Return the level of every value an integer image can have, in its data type, read-only."""
    largest = np.iinfo(dtype).max
    table = np.rint(quantize(np.arange(largest + 1), bits, peak))
    table = np.minimum(table, min(np.floor(peak), largest)).astype(dtype)
    table.flags.writeable = False
    return table


def _quantize_float(pixels: NDArray[np.float32], bits: int, peak: float) -> NDArray[np.float32]:
    source = pixels.reshape(-1)
    result = np.empty_like(source)
    for start in range(0, source.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        result[part] = quantize(source[part], bits, peak)
    return result.reshape(pixels.shape)
