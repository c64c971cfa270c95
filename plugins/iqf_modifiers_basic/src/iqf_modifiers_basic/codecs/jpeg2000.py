"""JPEG 2000: OpenJPEG by quality, by rate, or reversibly."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from iqf_core.api import Params as BaseParams
from iqf_core.api import PluginError, parameter
from iqf_modifiers_basic.codecs.coding import Codec, Coded, Samples
from iqf_modifiers_basic.codecs.library import library

#: A stream of a given rate is at most this much smaller than asked for, a fraction.
RATE_TOLERANCE = 0.02

#: How often the rate is corrected before the nearest stream is taken.
_MOST_PASSES = 6

#: OpenJPEG's own number of resolutions; fewer where the image is smaller than the smallest one.
_MOST_RESOLUTIONS = 6

#: GDAL takes no smaller ones; a tile ends with the image.
_SMALLEST_TILE = 64


class Jpeg2000(Codec):
    """Compress with JPEG 2000 and decode again.

    ITU-T T.800 | ISO/IEC 15444-1 as OpenJPEG implements it: one tile, one quality layer, code
    blocks of 64 x 64, up to five decompositions, a bare codestream. All bands are components of
    one codestream at the bit depth of the peak; exactly three are decorrelated by the component
    transform (annex G), others are not.

    * ``quality``: OpenJPEG's fixed quality, the PSNR in dB that its rate control aims at with the
      irreversible 9/7 wavelet, relative to the full scale of the bit depth.
    * ``bpppc`` or ``ratio``: OpenJPEG's rate control aims at this size, header included, with the
      9/7 wavelet. The stream is never larger than asked for, and at most 2 % smaller for images of
      512 x 512 samples and more; small images have coarser steps (5 % for 200 x 200), and the
      header alone may exceed the rate of a tiny one. An image that needs fewer bits for errors
      of about one DN gets them. The rate reached is recorded.
    * ``reversible``: the 5/3 wavelet and nothing left out; every image is verified.

    ``ratio`` is the size of the pixels in memory (16 bits for 12-bit data in uint16) over that of
    the stream, as everywhere in IQF.
    """

    version = "1"
    needs = ("JPEG2K",)

    class Params(BaseParams):
        """Parameters of the coder: exactly one of the four."""

        quality: float | None = parameter(
            None,
            description="PSNR that the rate control aims at (OpenJPEG's fixed quality)",
            unit="dB",
            example=45,
            ge=1,
            le=200,
        )
        bpppc: float | None = parameter(
            None,
            description="bits per pixel and band of the stream, header included",
            unit="bit",
            example=2,
            gt=0,
            le=32,
        )
        ratio: float | None = parameter(
            None,
            description="size of the pixels in memory over the size of the stream",
            unit="",
            example=8,
            ge=1,
        )
        reversible: bool = parameter(False, description="lossless, with the 5/3 wavelet")

        @model_validator(mode="after")
        def _exactly_one(self) -> Self:
            lossy = [each for each in (self.quality, self.bpppc, self.ratio) if each is not None]
            if len(lossy) + self.reversible != 1:
                raise ValueError(
                    "exactly one of quality (PSNR in dB), bpppc, ratio and reversible=true is "
                    "expected, such as bpppc=2"
                )
            return self

    @property
    def largest_error(self) -> float | None:
        """Zero when reversible."""
        return 0 if self.params.reversible else None

    def code(self, samples: Samples) -> Coded:
        """Encode and decode."""
        params, codec = self.params, library("JPEG2K")
        if params.bpppc is not None:
            stream = encode_at_size(samples, samples.pixels.size * params.bpppc / 8)
        elif params.ratio is not None:
            stream = encode_at_size(samples, samples.pixels.nbytes / params.ratio)
        else:
            stream = codec.jpeg2k_encode(
                np.ascontiguousarray(samples.pixels),
                level=params.quality,
                codecformat="j2k",
                bitspersample=samples.bits,
                resolutions=_resolutions(samples),
                reversible=params.reversible,
                mct=samples.shape[2] == 3,
            )
        decoded: NDArray[Any] = codec.jpeg2k_decode(stream)
        return Coded(decoded.reshape(samples.shape), len(stream))


def encode_at_size(samples: Samples, nbytes: float) -> bytes:
    """Return a codestream of at most `nbytes`, and as near as OpenJPEG's rate control comes.

    imagecodecs gives access to OpenJPEG's quality only, not to its rates; GDAL, which rasterio
    brings, to both. What the first pass misses the next ones correct.
    """
    raw = samples.pixels.size * samples.bits / 8
    best, percent = b"", 100 * nbytes / raw
    sizes = set()
    for _ in range(_MOST_PASSES):
        stream = _encode_percent(samples, min(percent, 100.0))
        if not best or _nearer(len(stream), len(best), nbytes):
            best = stream
        if (1 - RATE_TOLERANCE) * nbytes <= len(stream) <= nbytes:
            break
        if len(stream) in sizes or (percent >= 100 and len(stream) <= nbytes):
            break  # a step is coarser than the tolerance, or this is all there is
        sizes.add(len(stream))
        percent = min(percent, 100.0) * (1 - RATE_TOLERANCE / 4) * nbytes / len(stream)
    return best


def _nearer(size: int, other: int, wanted: float) -> bool:
    """Return whether `size` is nearer below `wanted` than `other`; above it, whether smaller."""
    if size <= wanted:
        return other > wanted or size > other
    return other > wanted and size < other


def _encode_percent(samples: Samples, percent: float) -> bytes:
    """Return the codestream that takes `percent` of the uncompressed samples."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.io import MemoryFile

    height, width, bands = samples.shape
    options: dict[str, Any] = {
        "CODEC": "J2K",
        "QUALITY": f"{percent:.6f}",
        "REVERSIBLE": "NO",
        "YCC": "YES" if bands == 3 else "NO",
        "NBITS": samples.bits,
        "RESOLUTIONS": _resolutions(samples),
        "BLOCKXSIZE": max(width, _SMALLEST_TILE),
        "BLOCKYSIZE": max(height, _SMALLEST_TILE),
    }
    memory_file: Any = MemoryFile
    try:
        with warnings.catch_warnings(), memory_file() as memory:
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with memory.open(
                driver="JP2OpenJPEG",
                width=width,
                height=height,
                count=bands,
                dtype=samples.pixels.dtype,
                **options,
            ) as file:
                file.write(samples.planes)
            return bytes(memory.read())
    except (RasterioError, rasterio._err.CPLE_BaseError) as error:
        raise PluginError(
            f"GDAL cannot code JPEG 2000 at a given rate ({error}); use quality or reversible, or "
            "a rasterio with the driver JP2OpenJPEG, as its wheels have"
        ) from error


def _resolutions(samples: Samples) -> int:
    return min(_MOST_RESOLUTIONS, min(samples.shape[:2]).bit_length())
