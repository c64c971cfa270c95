"""Errors of spectra: the spectral angle, and ERGAS."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Output, UnsupportedImageError, Value, parameter
from iqf_core.api import Params as BaseParams
from iqf_metrics_similarity.pairs import (
    NOTHING_VALID,
    VALID_SHARE,
    Pair,
    PairMetric,
    missing,
    number,
    prepare,
)
from iqf_metrics_similarity.pixel_errors import mean_errors

if TYPE_CHECKING:
    from iqf_core.api import Context, PairInput

_STRIP_SAMPLES = 1 << 17


class SpectralAngle(PairMetric):
    """Mean angle between the bands' vectors of each pixel, in degrees.

    arccos(x.y / (|x| |y|)) per pixel: Yuhas, Goetz, Boardman, "Discrimination among semi-arid
    landscape endmembers using the spectral angle mapper (SAM) algorithm", JPL Airborne Geoscience
    Workshop 1992; computed as 2 atan2(|u - v|, |u + v|) of the unit vectors u, v (Kahan), which is
    accurate at small angles, where the arc cosine is not.

    A pixel that is 0 in all bands of either image has no direction: it is left out, and
    ``angle_share`` says which share of the valid pixels has one. At least two bands.
    """

    output: ClassVar[Output] = Output(
        "sam", unit="deg", better="lower", summary="Mean spectral angle, 0 to 180"
    )

    class Params(BaseParams):
        """The spectral angle has no parameters."""

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        share = Output("angle_share", summary="Share of the valid pixels that have an angle")
        self.outputs = (self.output, share, VALID_SHARE)

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return None when taken, else why not; an angle needs two bands."""
        if bands < 2:
            return f"a spectral angle needs 2 bands or more, not {bands}"
        return super().supports(dtype, bands)

    def measure(self, subject: PairInput, context: Context) -> Mapping[str, Value]:
        """Return ``sam`` (degrees), ``angle_share`` and ``valid_share``."""
        pair = prepare(subject)
        if reason := self.supports(str(pair.image.dtype), pair.bands):
            raise UnsupportedImageError(reason)
        total, count, valid = 0.0, 0, 0
        for x, y in _spectra(pair):
            angles = spectral_angles(x, y)
            total += float(angles.sum(dtype=np.float64))
            count, valid = count + angles.size, valid + x.shape[1]
        share = Value(None, reason=NOTHING_VALID) if not valid else Value(count / valid)
        if count:
            value = number(math.degrees(total / count))
        elif valid:
            value = Value(None, reason="every valid pixel is 0 in all bands of one of the images")
        else:
            value = share
        return {"sam": value, "angle_share": share, "valid_share": Value(pair.valid_share)}


def spectral_angles(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the angles between columns of `x` and `y`, (bands, n), in radians.

    Columns without a direction are left out.
    """
    scales = [np.sqrt(np.square(p, dtype=np.float64).sum(axis=0)) for p in (x, y)]
    directed = (scales[0] > 0) & (scales[1] > 0)
    if not directed.all():
        x, y = x[:, directed], y[:, directed]
        scales = [scale[directed] for scale in scales]
    one, other = (
        p * (1 / scale).astype(np.float32) for p, scale in zip((x, y), scales, strict=True)
    )
    across, along = (np.sqrt(np.square(p).sum(axis=0)) for p in (one - other, one + other))
    angles: NDArray[np.float32] = 2 * np.arctan2(across, along)
    return angles


def _spectra(pair: Pair) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Iterate the valid pixels' spectra, (bands, n), in units of the largest sample."""
    height, width, bands = pair.image.shape
    step = max(1, _STRIP_SAMPLES // (width * bands))
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        keep = None if pair.valid is None else pair.valid[rows].ravel()
        planes = []
        for pixels in (pair.image, pair.reference):
            flat = pixels[rows].reshape(-1, bands)
            flat = flat if keep is None else flat[keep]
            planes.append(np.ascontiguousarray(flat.T, dtype=np.float32))
        if planes[0].shape[1]:
            yield planes[0], planes[1]


class Ergas(PairMetric):
    """Relative dimensionless global error of synthesis.

    ERGAS = 100 (h / l) sqrt(mean over bands of (RMSE_k / mean_k)²), mean_k that of the reference's
    band: Wald, "Quality of high resolution synthesised images: is there a simple criterion?",
    Fusion of Earth Data 2000. h / l is the pixel size of the high resolution over that of the low
    one: 0.25 where a 2 m image was sharpened to 0.5 m. Below 3, says the paper, quality is good.

    Per band: 100 (h / l) RMSE_k / mean_k. A band whose mean is not positive has no relative error.
    """

    output: ClassVar[Output] = Output(
        "ergas", better="lower", summary="Relative dimensionless global error of synthesis"
    )

    class Params(BaseParams):
        """Parameters of ERGAS."""

        gsd_ratio: float = parameter(
            description="pixel size of the sharpened image over that of the multispectral one",
            unit="",
            example=0.25,
            gt=0,
            le=1,
        )

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.outputs = (self.output, VALID_SHARE)

    def measure(self, subject: PairInput, context: Context) -> Mapping[str, Value]:
        """Return ``ergas``, with one value per band, and ``valid_share``."""
        pair = prepare(subject)
        share = pair.valid_share
        value = self.compare_pair(pair) if share > 0 else Value(None, reason=NOTHING_VALID)
        return {"ergas": value, "valid_share": Value(share)}

    def compare_pair(self, pair: Pair) -> Value:
        """Return the value over all bands, and per band."""
        mask = None if pair.valid is None else pair.valid.view(np.uint8)
        scale = 100 * self.params.gsd_ratio
        bands: list[Value] = []
        for band, error in enumerate(mean_errors(pair, cv2.NORM_L2SQR)):
            mean = cv2.mean(cv2.extractChannel(pair.reference, band), mask)[0]
            if mean > 0:
                bands.append(number(scale * math.sqrt(error) / mean))
            else:
                bands.append(
                    Value(None, reason=f"the reference's mean is {mean:.4g}, not positive")
                )
        numbers = [band.value for band in bands if isinstance(band.value, float)]
        if len(numbers) < len(bands):
            return Value(None, reason=missing(bands), bands=tuple(bands))
        return Value(math.sqrt(float(np.mean(np.square(numbers)))), bands=tuple(bands))
