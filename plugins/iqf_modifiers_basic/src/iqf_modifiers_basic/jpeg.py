"""JPEG compression."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from iqf_core.api import Encoded, Modifier, UnsupportedImageError, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image

_SAMPLING = {
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}

#: Largest width and height of a JPEG image (16-bit fields, ITU-T T.81, table B.2).
LARGEST_SIDE = 65535


class Jpeg(Modifier):
    """Compress with baseline JPEG and decode again.

    ITU-T T.81 | ISO/IEC 10918-1 as libjpeg-turbo implements it: the 8 x 8 discrete cosine
    transform, quantization tables of its Annex K scaled by ``quality`` as the Independent JPEG
    Group does, Huffman coding. Three bands are taken as R, G, B and coded as luminance and two
    chroma components (JFIF, BT.601), the chroma at the resolution that ``subsampling`` says; one
    band is coded as luminance.

    Gives the decoded image and the size of the stream in bytes. Invalid pixels are coded with the
    value they have, like the rest, and put back afterwards.
    """

    version = "1"
    scope = "global"
    dtypes = ("uint8",)

    class Params(BaseParams):
        """Parameters of the coder."""

        quality: int = parameter(
            description="quality of the Independent JPEG Group's scale, 100 is the best",
            unit="",
            example=70,
            ge=1,
            le=100,
        )
        subsampling: Literal["420", "422", "444"] = parameter(
            "420",
            description="chroma at half resolution both ways (420), in width (422) or full (444); "
            "no effect on one band",
            unit="",
        )

        @field_validator("subsampling", mode="before")
        @classmethod
        def _as_text(cls, value: object) -> object:
            return str(value) if isinstance(value, int) else value

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return why images other than 8-bit ones of 1 or 3 bands cannot be coded."""
        if dtype != "uint8":
            return (
                f"baseline JPEG stores 8 bits per sample, not {dtype}; convert the images to uint8 "
                "beforehand, or use a coder for more bits (jpeg2000)"
            )
        if bands not in (1, 3):
            return (
                f"JPEG codes 1 or 3 bands, not {bands}; select bands beforehand, or use a coder "
                "for more bands (jpeg2000)"
            )
        return None

    def modify(self, image: Image, state: Any, context: Context) -> Encoded:
        """Return the decoded image and the size of its JPEG stream.

        Raises
        ------
        UnsupportedImageError
            If a side is longer than JPEG allows.
        """
        if max(image.height, image.width) > LARGEST_SIDE:
            raise UnsupportedImageError(
                f"JPEG images have at most {LARGEST_SIDE} pixels a side, this one has "
                f"{image.width} x {image.height}; cut it into tiles first"
            )
        stream = encode(image.pixels, self.params.quality, self.params.subsampling)
        pixels = decode(stream)
        if image.peak < np.iinfo(np.uint8).max:
            np.minimum(pixels, np.uint8(math.floor(image.peak)), out=pixels)
        return Encoded(image.with_pixels(keep_invalid(image, pixels)), nbytes=stream.size)


def encode(pixels: NDArray[np.uint8], quality: int, subsampling: str) -> NDArray[np.uint8]:
    """Return the JPEG stream of an image.

    Parameters
    ----------
    pixels
        Shape (H, W, 1) or (H, W, 3) in the order R, G, B, uint8.
    quality
        1 to 100.
    subsampling
        ``"420"``, ``"422"`` or ``"444"``.

    Raises
    ------
    UnsupportedImageError
        If the encoder refuses it.
    """
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        _SAMPLING[subsampling],
    ]
    source: Any = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.shape[2] == 3 else pixels
    written, stream = cv2.imencode(".jpg", source, options)
    if not written:
        raise UnsupportedImageError(f"the JPEG encoder refuses an image of shape {pixels.shape}")
    return np.asarray(stream, np.uint8)


def decode(stream: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pixels of a JPEG stream: (H, W, 1) or (H, W, 3) in the order R, G, B, uint8."""
    pixels: Any = cv2.imdecode(stream, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 3:
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
    return np.asarray(pixels.reshape(*pixels.shape[:2], -1), np.uint8)
