"""Where frames of one scene lie against each other, to fractions of a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import IQFError

Plane = NDArray[np.float32]

#: Gaussian smoothing before derivatives are taken, px: what lies above is aliased and noise.
_SMOOTHING_PX = 1.2

#: Pixels at the border that smoothing and interpolation reach.
_BORDER_PX = 6

_ITERATIONS = 30
_CONVERGED_PX = 1e-4

#: Least eigenvalue of the mean structure tensor, as a share of the noise-free signal variance.
_LEAST_TEXTURE = 1e-6


@dataclass(frozen=True)
class Shift:
    """Translation of a frame.

    Attributes
    ----------
    row, column
        The point (y, x) of the reference lies at (y + row, x + column) of the frame, px.
    residual
        Root mean square of what is left between the registered frames, 1 is full scale.
    """

    row: float
    column: float
    residual: float = 0.0


def register(reference: Plane, frame: Plane, valid: NDArray[np.bool_] | None = None) -> Shift:
    """Return the translation of `frame` against `reference`.

    Phase correlation (Kuglin and Hines 1975) gives whole pixels, Gauss-Newton steps on the
    smoothed images (Lucas and Kanade, IJCAI 1981) the rest.

    Parameters
    ----------
    reference, frame
        (H, W) float32, 1 is full scale, of equal shape.
    valid
        (H, W), where both are valid; None for everywhere.

    Raises
    ------
    IQFError
        If the images show nothing that a shift could be told from, or do not overlap.
    """
    from scipy import ndimage

    whole = _whole_pixels(reference, frame)
    smooth = [
        ndimage.gaussian_filter(each.astype(np.float64), _SMOOTHING_PX)
        for each in (reference, frame)
    ]
    shift = np.array(whole, float)
    slopes = np.gradient(smooth[0])
    inside = _inside(reference.shape, shift)
    if valid is not None:
        inside &= ndimage.binary_erosion(valid, iterations=_BORDER_PX, border_value=1)
    if inside.sum() < 64:
        raise IQFError("the frames do not overlap enough to be registered")
    design = np.stack([slope[inside] for slope in slopes], 1)
    normal = design.T @ design / len(design)
    if np.linalg.eigvalsh(normal)[0] < _LEAST_TEXTURE * max(float(smooth[0].var()), 1e-12):
        raise IQFError("the frames show too little structure to be registered")
    spline = ndimage.spline_filter(smooth[1], order=3, mode="nearest")
    residual: NDArray[Any] = np.zeros(1)
    for _ in range(_ITERATIONS):
        moved = ndimage.shift(spline, -shift, order=3, mode="nearest", prefilter=False)
        residual = smooth[0][inside] - moved[inside]
        # Exposure may differ: an offset is no shift.
        step = np.linalg.solve(normal, design.T @ (residual - residual.mean()) / len(design))
        shift += step
        if np.abs(step).max() < _CONVERGED_PX:
            break
    if np.abs(shift - whole).max() > 2:
        raise IQFError(
            f"a frame could not be registered: it ended {np.abs(shift - whole).max():.1f} px from "
            "the correlation's peak; are all frames of one scene, without rotation?"
        )
    return Shift(float(shift[0]), float(shift[1]), float(np.sqrt(np.mean(residual**2))))


def register_all(frames: Sequence[Plane], reference: int = 0) -> list[Shift]:
    """Return the shift of every frame against frame number `reference`.

    Raises
    ------
    IQFError
        If one cannot be registered; names its number.
    """
    shifts = []
    for number, frame in enumerate(frames):
        if number == reference:
            shifts.append(Shift(0.0, 0.0))
            continue
        try:
            shifts.append(register(frames[reference], frame))
        except IQFError as error:
            raise IQFError(f"frame {number + 1}: {error}") from None
    return shifts


def _whole_pixels(reference: Plane, frame: Plane) -> tuple[int, int]:
    height, width = reference.shape
    window = np.hanning(height)[:, None] * np.hanning(width)[None, :]
    spectra = [np.fft.rfft2((each - each.mean()) * window) for each in (reference, frame)]
    cross = np.conj(spectra[0]) * spectra[1]
    # Low frequencies alone: the high ones are aliased differently in every frame.
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    cross = cross / np.maximum(np.abs(cross), 1e-12) * np.exp(-(rows**2 + columns**2) / 0.03)
    surface = np.fft.irfft2(cross, s=(height, width))
    row, column = np.unravel_index(int(surface.argmax()), surface.shape)
    return (
        int(row) - height if row > height // 2 else int(row),
        int(column) - width if column > width // 2 else int(column),
    )


def _inside(shape: tuple[int, ...], shift: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where the reference's pixels lie well inside the frame."""
    inside = np.zeros(shape[:2], bool)
    margins = [
        (
            _BORDER_PX + max(0, int(np.ceil(-each))),
            length - _BORDER_PX - max(0, int(np.ceil(each))),
        )
        for each, length in zip(shift, shape, strict=False)
    ]
    (top, bottom), (left, right) = margins
    inside[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    return inside
