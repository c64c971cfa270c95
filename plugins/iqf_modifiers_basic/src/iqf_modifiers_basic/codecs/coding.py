"""What all coders share: the samples they get, the check of what they give back, the rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Encoded, IQFError, Modifier
from iqf_modifiers_basic.codecs.library import library
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context, Params
    from iqf_core.imaging.image import Image


@dataclass(frozen=True)
class Samples:
    """What a coder gets.

    Attributes
    ----------
    pixels
        Shape (H, W, C), uint8, uint16 or float32.
    bits
        Bits per sample: the fewest that hold full scale, 12 for a peak of 4095; 32 for float32.
    """

    pixels: NDArray[Any]
    bits: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, bands)."""
        height, width, bands = self.pixels.shape
        return height, width, bands

    @property
    def planes(self) -> NDArray[Any]:
        """The bands one after the other, shape (C, H, W), contiguous."""
        return np.ascontiguousarray(self.pixels.transpose(2, 0, 1))


@dataclass(frozen=True)
class Coded:
    """What a coder gives back.

    Attributes
    ----------
    pixels
        The decoded samples, in the shape and data type of the original.
    nbytes
        Bytes of the stream, or of all of them.
    """

    pixels: NDArray[Any]
    nbytes: int


class Codec(Modifier):
    """Code an image, decode it, and tell the size of the stream.

    A coder implements :meth:`code`. Invalid pixels are coded with the value they have, like the
    rest, and put back afterwards; where that value does not fit the bit depth (65535 in 12-bit
    data) the largest that fits is coded instead.

    Attributes
    ----------
    needs
        The codec classes of imagecodecs that it calls.
    """

    scope = "global"
    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "uint16")
    needs: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def create(cls, params: Params, context: Context) -> Self:
        """Build the coder, once its library is known to be there."""
        if cls.needs:
            library(*cls.needs)
        return cls(params)

    @property
    def largest_error(self) -> float | None:
        """The largest error of a sample that is allowed, 0 for a lossless coder, None for any."""
        return None

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return why images of `dtype` cannot be coded, and by what they can."""
        if dtype in self.dtypes:
            return None
        return (
            f"takes {', '.join(self.dtypes)} images, not {dtype}; lerc, zstd and deflate code all"
        )

    def code(self, samples: Samples) -> Coded:
        """Encode and decode `samples`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement code()")

    def modify(self, image: Image, state: Any, context: Context) -> Encoded:
        """Return the decoded image and the size of its stream.

        Raises
        ------
        IQFError
            If the decoded samples are not what the coder promises.
        """
        limit, samples = samples_of(image)
        coded = self.code(samples)
        if (coded.pixels.shape, coded.pixels.dtype) != (samples.pixels.shape, image.pixels.dtype):
            raise IQFError(
                f"the decoder gives {coded.pixels.dtype} samples of the shape "
                f"{coded.pixels.shape}, expected {image.dtype} {samples.pixels.shape}"
            )
        if self.largest_error is not None:
            check_error(samples.pixels, coded.pixels, self.largest_error)
        if self.largest_error == 0:
            return Encoded(image, coded.nbytes)
        pixels = np.array(coded.pixels) if not coded.pixels.flags.writeable else coded.pixels
        if limit is not None:
            np.minimum(pixels, pixels.dtype.type(limit), out=pixels)
        return Encoded(image.with_pixels(keep_invalid(image, pixels)), coded.nbytes)


def samples_of(image: Image) -> tuple[int | None, Samples]:
    """Return what is coded of an image, and the largest value the result may have.

    The bit depth is that of the peak; of the brightest valid pixel where that exceeds the peak, so
    that a coder clips nothing.

    Returns
    -------
    int or None, Samples
        The largest value, None for float32.
    """
    if image.pixels.dtype.kind != "u":
        return None, Samples(_without_invalid_nan(image), 32)
    largest = int(image.pixels.max())
    if largest > image.peak and image.mask is not None:
        valid = image.pixels[image.mask]
        largest = int(valid.max()) if valid.size else 0
    limit = max(largest, math.floor(image.peak), 1)
    bits = limit.bit_length()
    pixels = image.pixels
    if image.mask is not None:
        pixels = np.minimum(pixels, pixels.dtype.type((1 << bits) - 1))
    return limit, Samples(pixels, bits)


def _without_invalid_nan(image: Image) -> NDArray[Any]:
    """Return the pixels with 0 where an invalid one is NaN or infinite."""
    if image.mask is None:
        return image.pixels
    unfit = ~image.mask[:, :, np.newaxis] & ~np.isfinite(image.pixels)
    return np.where(unfit, np.float32(0), image.pixels) if unfit.any() else image.pixels


def check_error(original: NDArray[Any], decoded: NDArray[Any], largest: float) -> None:
    """Compare every decoded sample with the original.

    Parameters
    ----------
    original, decoded
        Shape (H, W, C), of one data type.
    largest
        The error allowed in DN; 0 asks for equality bit for bit.

    Raises
    ------
    IQFError
        If a sample differs by more; says how many do.
    """
    if largest == 0:
        if original.tobytes() == decoded.tobytes():
            return
        count = int((original != decoded).sum())
        raise IQFError(
            f"the coder is lossless, and {count} of {original.size} decoded samples differ from "
            "the original; do not use it for this image, and report it"
        )
    difference = cv2.absdiff(*(each.reshape(len(each), -1) for each in (original, decoded)))
    if difference.max() <= largest:
        return
    excess = difference - largest
    if original.dtype.kind == "f":  # the coder's sums are rounded to float32
        excess -= 2 * np.spacing(np.abs(original)).reshape(difference.shape)
    if (excess > 0).any():
        raise IQFError(
            f"the coder promises errors of at most {largest:g}, and a decoded sample differs by "
            f"{difference[excess > 0].max():g}; do not use it for this image, and report it"
        )


def by_band(samples: Samples, code: Callable[[NDArray[Any]], tuple[NDArray[Any], int]]) -> Coded:
    """Code every band for itself; the size is the sum.

    Parameters
    ----------
    samples
        The image.
    code
        Takes a contiguous band (H, W), gives the decoded one and the bytes of its stream.
    """
    pixels = np.empty_like(samples.pixels)
    nbytes = 0
    for band in range(samples.shape[2]):
        decoded, size = code(np.ascontiguousarray(samples.pixels[:, :, band]))
        pixels[:, :, band] = decoded.reshape(samples.shape[:2])
        nbytes += size
    return Coded(pixels, nbytes)
