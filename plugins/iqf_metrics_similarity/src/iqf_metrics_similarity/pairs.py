"""What all metrics of a pair share: valid pixels, bands, the declared outputs, missing values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Metric, Output, UnsupportedImageError, Value, parameter
from iqf_core.api import Params as BaseParams

if TYPE_CHECKING:
    from iqf_core.api import Context, PairInput

Plane = NDArray[Any]
Validity = NDArray[np.bool_] | None

#: ITU-R BT.601-7, section 2.5.1: luma of R, G, B.
LUMA = (0.299, 0.587, 0.114)

VALID_SHARE = Output(
    "valid_share", summary="Share of the pixels that are valid in both images, the ones compared"
)
DATA_RANGE = Output("data_range", unit="DN", summary="The peak that was taken as full scale")

NOTHING_VALID = "no pixel is valid in both images"
TOO_LARGE = "pixel values are too large for the arithmetic"


class ColourParams(BaseParams):
    """The parameter of every metric that compares planes."""

    colour: Literal["bands", "luma"] = parameter(
        "bands",
        description="compare each band and average, or the BT.601 luma of R, G, B only",
    )


@dataclass(frozen=True)
class Pair:
    """Two images made ready to compare.

    Attributes
    ----------
    image, reference
        Shape (H, W, C); same size, bands and data type. Finite where `valid` says valid.
    valid
        (H, W) bool, True where both are valid and finite; None when that is everywhere.
    data_range
        The peak.
    """

    image: Plane
    reference: Plane
    valid: Validity
    data_range: float

    @property
    def bands(self) -> int:
        """Number of bands."""
        return int(self.image.shape[2])

    @property
    def valid_share(self) -> float:
        """Share of the pixels that are compared, 0 to 1."""
        if self.valid is None:
            return 1.0
        return int(cv2.countNonZero(self.valid.view(np.uint8))) / self.valid.size

    def planes(self, band: int) -> tuple[Plane, Plane]:
        """Return one band of both, (H, W), contiguous, with plain values at invalid pixels.

        Invalid pixels get the mean of the reference's valid ones, in both images: a window that
        touches one is dropped later, but a huge or infinite value would spoil its neighbours.
        """
        x, y = (
            pixels[:, :, 0] if self.bands == 1 else cv2.extractChannel(pixels, band)
            for pixels in (self.image, self.reference)
        )
        if self.valid is None:
            return x, y
        fill = y[self.valid].mean(dtype=np.float64).astype(y.dtype)
        return np.where(self.valid, x, fill), np.where(self.valid, y, fill)


def joint_validity(subject: PairInput, look_for_nan: bool = True) -> Validity:
    """Return where both images are valid and every band of both is finite; None for everywhere."""
    image, reference = subject.image, subject.reference
    valid: Validity = None
    for each in (image, reference):
        if each.mask is not None and not each.mask.all():
            valid = each.mask if valid is None else valid & each.mask
        # A sum is finite only if all of its terms are: much cheaper than looking at each.
        if not look_for_nan or each.dtype != "float32":
            continue
        if not math.isfinite(sum(cv2.sumElems(_flat(each.pixels)))):
            finite = np.isfinite(each.pixels).all(axis=2)
            if not finite.all():
                valid = finite if valid is None else valid & finite
    return valid


def prepare(subject: PairInput, look_for_nan: bool = True) -> Pair:
    """Read both images and find what of them can be compared.

    Parameters
    ----------
    subject
        The pair.
    look_for_nan
        Whether to leave out pixels that are not finite.

    Raises
    ------
    UnsupportedImageError
        If size, bands, data type or peak of the two differ.
    """
    image, reference = subject.image, subject.reference
    for what in ("shape", "dtype", "peak"):
        one, other = getattr(image, what), getattr(reference, what)
        if one != other:
            raise UnsupportedImageError(
                f"the image's {what} is {one}, the reference's {other}: a pair has the same"
            )
    return Pair(
        np.ascontiguousarray(image.pixels),
        np.ascontiguousarray(reference.pixels),
        joint_validity(subject, look_for_nan),
        float(image.peak),
    )


def as_luma(pair: Pair) -> Pair:
    """Return the pair's BT.601 luma as a pair of one band, float32."""
    weights = np.array([LUMA], np.float32)
    image, reference = (
        cv2.transform(pixels.astype(np.float32), weights).reshape(*pixels.shape[:2], 1)
        for pixels in (pair.image, pair.reference)
    )
    return Pair(image, reference, pair.valid, pair.data_range)


def _flat(pixels: Plane) -> Plane:
    return np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1)


def number(value: float) -> Value:
    """Return a value, or the reason where arithmetic overflowed."""
    if math.isfinite(value):
        return Value(float(value))
    return Value(None, reason=TOO_LARGE)


def average(bands: Sequence[Value], by_band: bool = True) -> Value:
    """Return the mean of all bands with the bands; none when one of them has no value."""
    kept = tuple(bands) if by_band else ()
    numbers = [band.value for band in bands if isinstance(band.value, float)]
    if len(numbers) == len(bands):
        return Value(float(np.mean(numbers)), bands=kept)
    return Value(None, reason=missing(bands), bands=kept)


def missing(bands: Sequence[Value]) -> str:
    """Return why a value over all bands is missing, naming the bands when they differ."""
    reasons = [band.reason for band in bands if band.value is None]
    if len(reasons) == len(bands) and len(set(reasons)) == 1:
        return str(reasons[0])
    return "; ".join(
        f"band {index}: {band.reason}"
        for index, band in enumerate(bands, start=1)
        if band.value is None
    )


class PairMetric(Metric):
    """A full-reference metric of planes: each band on its own, and their mean.

    A subclass names its output with ``output`` and implements :meth:`compare`.
    """

    reads: ClassVar[Literal["image", "pair", "predictions"]] = "pair"
    output: ClassVar[Output]

    class Params(ColourParams):
        """Parameters of the metric."""

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.outputs = (self.output, VALID_SHARE, DATA_RANGE)

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return None when taken, else why not; luma wants three bands."""
        if getattr(self.params, "colour", "bands") == "luma" and bands != 3:
            return f"colour=luma takes 3 bands (R, G, B), not {bands}; use colour=bands"
        return super().supports(dtype, bands)

    def measure(self, subject: PairInput, context: Context) -> Mapping[str, Value]:
        """Compare an image with its reference.

        Parameters
        ----------
        subject
            The pair.
        context
            Not used: the numbers depend on the pair and the parameters alone.

        Returns
        -------
        Mapping
            The metric's value with one per band, ``valid_share`` and ``data_range``.
        """
        return self.measure_pair(prepare(subject))

    def measure_pair(self, pair: Pair) -> Mapping[str, Value]:
        """Return what :meth:`measure` does, for a pair made ready."""
        if self.params.colour == "luma":
            reason = self.supports(str(pair.image.dtype), pair.bands)
            if reason:
                raise UnsupportedImageError(reason)
            pair = as_luma(pair)
        share = pair.valid_share
        value = self.compare_pair(pair) if share > 0 else Value(None, reason=NOTHING_VALID)
        return {
            self.output.name: value,
            "valid_share": Value(share),
            "data_range": Value(pair.data_range),
        }

    def compare_pair(self, pair: Pair) -> Value:
        """Return the value over all bands, and per band; luma is no band."""
        # Overflow of absurd values ends as infinity or NaN, which `number` refuses with a reason.
        with np.errstate(over="ignore", invalid="ignore"):
            bands = [
                self.compare(*pair.planes(band), pair.valid, pair.data_range)
                for band in range(pair.bands)
            ]
        return average(bands, by_band=self.params.colour == "bands")

    def compare(self, x: Plane, y: Plane, valid: Validity, data_range: float) -> Value:
        """Compare a plane `x` with its reference `y`.

        Parameters
        ----------
        x, y
            (H, W), same data type; finite.
        valid
            (H, W) bool with at least one True, or None when all pixels are valid.
        data_range
            Full scale in the planes' units.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement compare()")
