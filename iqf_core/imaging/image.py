"""The image: pixels together with everything that must survive reading and writing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.errors import UnsupportedImageError
from iqf_core.imaging.georeference import Georeference

#: Data types of pixels.
DTYPES = ("uint8", "uint16", "float32")

Tags = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class ImageMetadata:
    """What a file says about an image besides pixels and place; carried from copy to copy.

    Attributes
    ----------
    driver
        The format it was read from (``"PNG"``, ``"JPEG"``, ``"GTiff"`` …), empty when it was not.
    tags
        Tags by domain; the default domain is ``""`` and holds ``AREA_OR_POINT``.
    band_tags
        The same for every band. Statistics are left out: they are those of other pixels.
    scales, offsets, units
        How pixel values become physical ones, per band; empty for none.
    colour_interpretation
        Per band, in rasterio's terms (``"red"``, ``"alpha"``, ``"undefined"`` …).
    nbits
        Declared bits per sample when fewer than the data type holds, else None.
    """

    driver: str = ""
    tags: Tags = field(default_factory=dict)
    band_tags: tuple[Tags, ...] = ()
    scales: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    colour_interpretation: tuple[str, ...] = ()
    nbits: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing that a PNG file could not carry."""
        return self == ImageMetadata(
            self.driver, colour_interpretation=self.colour_interpretation, nbits=self.nbits
        )

    def without_bands(self) -> ImageMetadata:
        """Return the same without what belongs to single bands, for another band count."""
        return replace(
            self, band_tags=(), scales=(), offsets=(), units=(), colour_interpretation=()
        )


@dataclass(frozen=True, eq=False)
class Image:
    """An image or a window of one. Never changed in place: modified copies are new images.

    Attributes
    ----------
    pixels
        Shape (H, W, C); uint8, uint16 or float32; bands in file order, RGB for colour pictures.
    peak
        The value that means full scale: 255 for uint8, for other types what the sensor or the
        product says.
    mask
        (H, W) bool, True where pixels are valid; None when all are.
    nodata
        The value that marks invalid pixels, None for none.
    band_names
        One per band, ``""`` where a band has none; empty when no band has one.
    gsd_m
        Ground sampling distance in metres, None when unknown.
    georeference
        Where it lies, None when unknown.
    metadata
        Everything else that must survive.

    Raises
    ------
    UnsupportedImageError
        If pixels, mask, peak or band names do not fit this description.
    """

    pixels: NDArray[Any]
    peak: float
    mask: NDArray[np.bool_] | None = None
    nodata: float | None = None
    band_names: tuple[str, ...] = ()
    gsd_m: float | None = None
    georeference: Georeference | None = None
    metadata: ImageMetadata = field(default_factory=ImageMetadata)

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if len(shape) != 3 or 0 in shape:
            raise UnsupportedImageError(
                f"pixels have the shape {shape}; expected (height, width, bands), none of them 0 "
                "(a single band is pixels[:, :, np.newaxis])"
            )
        if self.dtype not in DTYPES:
            raise UnsupportedImageError(
                f"pixels are {self.dtype}; IQF takes {', '.join(DTYPES)} (see to_dtype)"
            )
        if not (math.isfinite(self.peak) and self.peak > 0):
            raise UnsupportedImageError(f"the peak is {self.peak}; expected a positive number")
        if self.mask is not None and (self.mask.shape != shape[:2] or self.mask.dtype != bool):
            raise UnsupportedImageError(
                f"the mask is {self.mask.dtype} {self.mask.shape}; expected bool {shape[:2]}"
            )
        if self.band_names and len(self.band_names) != shape[2]:
            raise UnsupportedImageError(
                f"{len(self.band_names)} band names ({', '.join(self.band_names)}) "
                f"for {shape[2]} bands"
            )

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])

    @property
    def bands(self) -> int:
        """Number of bands."""
        return int(self.pixels.shape[2])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, bands)."""
        return self.height, self.width, self.bands

    @property
    def dtype(self) -> str:
        """Name of the pixels' data type."""
        return str(self.pixels.dtype)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(H, W) bool, True where pixels are valid; an array also when there is no mask."""
        return np.ones(self.pixels.shape[:2], bool) if self.mask is None else self.mask

    @property
    def sample_max(self) -> float | None:
        """Largest value a file can hold for it: 2^nbits - 1, None for floating point."""
        if self.pixels.dtype.kind != "u":
            return None
        bits = self.metadata.nbits or 8 * self.pixels.dtype.itemsize
        return float((1 << bits) - 1)

    def with_pixels(self, pixels: NDArray[Any], **changes: Any) -> Image:
        """Return the same image with other pixels, and other fields where `changes` says so.

        Where the band count changes, what belongs to single bands (names, band tags, scales,
        offsets, units, colour interpretation) is dropped unless given anew; where the size
        changes, the caller gives the mask and the georeference that go with it.

        Raises
        ------
        ValueError
            If the size changes and the old mask or georeference would stay.
        """
        if pixels.ndim == 3 and pixels.shape[2] != self.bands:
            changes.setdefault("band_names", ())
            changes.setdefault("metadata", self.metadata.without_bands())
        if pixels.shape[:2] != self.pixels.shape[:2]:
            for name in ("mask", "georeference"):
                if getattr(self, name) is not None and name not in changes:
                    raise ValueError(f"the image's size changes: say what becomes of its {name}")
        return replace(self, pixels=pixels, **changes)

    def cut(self, part: tuple[slice, slice]) -> Image:
        """Return a part of the image, with its mask and at its place.

        Parameters
        ----------
        part
            Slices of rows and columns with non-negative ends, as
            :attr:`iqf_core.imaging.windows.Tile.inner` has them.
        """
        rows, columns = part
        place = self.georeference
        return replace(
            self,
            pixels=self.pixels[part],
            mask=None if self.mask is None else self.mask[part],
            georeference=place and place.shifted(rows.start or 0, columns.start or 0),
        )
