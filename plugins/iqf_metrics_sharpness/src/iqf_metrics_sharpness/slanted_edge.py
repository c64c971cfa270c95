"""One edge of a calibration target."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from iqf_core.api import Metric, Output, Value, Window, parameter
from iqf_core.api import Params as BaseParams
from iqf_metrics_sharpness.candidates import gradient
from iqf_metrics_sharpness.edge_fit import begin, solve

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageInput

Floats = NDArray[Any]

#: Samples of the edge spread function per pixel (ISO 12233).
_OVERSAMPLING = 4

#: What bins of 1/4 px and central differences over two of them add to the squared full width of a
#: bell: 8 ln 2 times their variances.
_SAMPLING_WIDTH = 8 * math.log(2) * (0.25**2 + 0.5**2) / 12


class SlantedEdge(Metric):
    """Edge response and MTF of the one edge in a region, by the practice of ISO 12233.

    The region holds one straight edge between two flat fields, slanted by some degrees against
    the pixel grid. Its line is fitted, the pixels are sorted by their distance from it into bins
    of 1/4 px (along the normal, so any direction is as good), and the edge spread function is
    differentiated, weighted with a Hamming window and transformed. The transfer functions of bins
    and of the finite difference are divided out: sinc(f / 4)², the difference at most tenfold. No
    model of the system's shape enters. Noise is not corrected for: use regions of at least 40 px
    along the edge, and flat fields of at least 8 px beside it.
    """

    class Params(BaseParams):
        """The region, in pixels of the image."""

        row: int = parameter(description="first row", unit="px", example=0, ge=0)
        column: int = parameter(description="first column", unit="px", example=0, ge=0)
        height: int = parameter(description="rows", unit="px", example=64, ge=8, le=4096)
        width: int = parameter(description="columns", unit="px", example=64, ge=8, le=4096)

    outputs = (
        Output("rer", "", "higher", "relative edge response across the edge"),
        Output("fwhm", "px", "lower", "full width at half maximum of the line spread function"),
        Output("mtf50_freq", "cycles/px", "higher", "frequency at which the MTF is 0.5"),
        Output("mtf_nyquist", "", "higher", "MTF at Nyquist, 0.5 cycles/px"),
        Output("mtf_half_nyquist", "", "higher", "MTF at half Nyquist, 0.25 cycles/px"),
        Output("angle", "degrees", None, "direction of the normal, from the x axis towards y"),
    )

    def measure(self, subject: ImageInput, context: Context) -> Mapping[str, Value]:
        """Measure the edge in every band."""
        height, width, bands = subject.reader.shape
        wanted = self.params
        window = Window(wanted.row, wanted.column, wanted.height, wanted.width)
        if not window.is_inside(height, width):
            reason = f"the region {window} reaches beyond the image of {height} x {width} pixels"
            return {output.name: Value(None, reason=reason) for output in self.outputs}
        image = subject.reader.read(window)
        told = [
            _values(image.pixels[:, :, band].astype(float), image.valid, image.peak)
            for band in range(bands)
        ]
        return {output.name: _mean([band[output.name] for band in told]) for output in self.outputs}


@dataclass(frozen=True)
class _Line:
    """The edge's line, and how far and steep it is."""

    angle: float
    offset: float
    width: float
    dark: float
    contrast: float
    residual: float


def _values(pixels: Floats, valid: NDArray[np.bool_], peak: float) -> dict[str, Value]:
    measured = _measured(pixels, valid, peak)
    if isinstance(measured, str):
        return {output.name: Value(None, reason=measured) for output in SlantedEdge.outputs}
    return {name: Value(float(f"{number:.6g}")) for name, number in measured.items()}


def _measured(pixels: Floats, valid: NDArray[np.bool_], peak: float) -> dict[str, float] | str:
    if not valid.all():
        return "the region holds invalid pixels"
    if (pixels >= peak).mean() > 0.01:
        return "the region is saturated"
    line = _fitted_line(pixels)
    if isinstance(line, str):
        return line
    reach = _reach(pixels.shape, line)
    if reach < max(4.0, 3 * line.width):
        return f"the flat fields reach {reach:.1f} px from the edge, which is too little"
    centers, spread = _edge_spread(pixels, line, reach)
    if spread is None:
        return "some distances from the edge hold no pixel: slant the target, or widen the region"
    step = 1 / _OVERSAMPLING
    # A bin holds the average over 1/4 px: the value at its middle is less by step² / 24 times the
    # second derivative.
    smooth = CubicSpline(centers, spread)
    ends = np.array([-0.5, 0.5])
    rise = smooth(ends) - step**2 / 24 * smooth(ends, 2)
    derivative = np.gradient(spread, step)
    middle = centers[1:-1] @ derivative[1:-1] / max(derivative[1:-1].sum(), 1e-12)
    half = np.max(np.abs(centers))
    window = 0.54 + 0.46 * np.cos(np.pi * np.clip((centers - middle) / half, -1, 1))
    frequency = np.linspace(0, 0.75, 301)
    wave = np.exp(-2j * np.pi * np.outer(frequency, centers))
    curve = np.abs(wave @ (derivative * window))
    # Bins are averages over 1/4 px, central differences reach over two of them.
    correction = np.sinc(frequency * step) * np.maximum(np.sinc(2 * frequency * step), 0.1)
    curve = curve / curve[0] / correction
    return {
        "rer": float(rise[1] - rise[0]),
        "fwhm": math.sqrt(max(_full_width(centers, derivative) ** 2 - _SAMPLING_WIDTH, 0.0)),
        "mtf50_freq": float(frequency[np.argmax(curve < 0.5)]) if (curve < 0.5).any() else 0.75,
        "mtf_nyquist": float(np.interp(0.5, frequency, curve)),
        "mtf_half_nyquist": float(np.interp(0.25, frequency, curve)),
        "angle": float(np.degrees(line.angle)),
    }


def _fitted_line(pixels: Floats) -> _Line | str:
    """Return the line of the region's only edge."""
    height, width = pixels.shape
    scale = float(np.ptp(pixels))
    if scale <= 0:
        return "the region is constant"
    dx, dy, _ = gradient(pixels.astype(np.float32))
    inner = (slice(4, -4), slice(4, -4))
    dx, dy = dx[inner].astype(float), dy[inner].astype(float)
    weight = (dx**2 + dy**2) ** 2
    rows, columns = np.mgrid[4 : height - 4, 4 : width - 4]
    if weight.sum() <= 0:
        return "the region holds no edge"
    angle = float(np.arctan2((weight * dy).sum(), (weight * dx).sum()))
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    cos, sin = np.cos(angle), np.sin(angle)
    across = (columns - middle_x) * cos + (rows - middle_y) * sin
    offset = float((weight * across).sum() / weight.sum())
    rows, columns = np.mgrid[:height, :width].reshape(2, 1, -1).astype(float)
    x, y = columns - middle_x, rows - middle_y
    flat = pixels.reshape(1, -1)
    everything = np.ones_like(flat)
    theta = begin(flat, everything, x - offset * cos, y - offset * sin, np.array([angle]), 1.0)
    theta[:, 3] = offset
    theta, _, residual = solve(flat, everything, x, y, theta, 30)
    dark, contrast, angle, offset, logarithm = theta[0]
    if contrast <= 0 or residual[0] > 0.1 * contrast:
        return "the region does not hold one straight edge between two flat fields"
    return _Line(angle, offset, float(np.exp(logarithm)), dark, contrast, float(residual[0]))


def _reach(shape: tuple[int, ...], line: _Line) -> float:
    """Return how far from the edge on both sides the region holds pixels all along, px."""
    height, width = shape
    cos, sin = np.cos(line.angle), np.sin(line.angle)
    extent = (width - 1) / 2 * abs(cos) + (height - 1) / 2 * abs(sin)
    return float(min(extent - abs(line.offset), 20.0))


def _edge_spread(pixels: Floats, line: _Line, reach: float) -> tuple[Floats, Floats | None]:
    """Return distances (px) and the normalised edge spread function in bins of 1/4 px."""
    height, width = pixels.shape
    rows, columns = np.mgrid[:height, :width]
    cos, sin = np.cos(line.angle), np.sin(line.angle)
    distance = (columns - (width - 1) / 2) * cos + (rows - (height - 1) / 2) * sin - line.offset
    value = (pixels - line.dark) / line.contrast
    count = int(reach * _OVERSAMPLING)
    number = np.floor(distance * _OVERSAMPLING).astype(int) + count
    inside = (number >= 0) & (number < 2 * count)
    pixels_of = np.bincount(number[inside], minlength=2 * count)
    centers = (np.arange(2 * count) - count + 0.5) / _OVERSAMPLING
    if (pixels_of == 0).any():
        return centers, None
    sums = np.bincount(number[inside], weights=value[inside], minlength=2 * count)
    return centers, np.asarray(sums / pixels_of)


def _full_width(centers: Floats, spread: Floats) -> float:
    """Return the full width at half maximum."""
    top = int(np.argmax(spread))
    half = spread[top] / 2
    left = np.nonzero(spread[:top] < half)[0]
    right = np.nonzero(spread[top:] < half)[0]
    if not len(left) or not len(right):
        return float(centers[-1] - centers[0])
    i, j = int(left[-1]), top + int(right[0])
    step = centers[1] - centers[0]
    start = centers[i] + step * (half - spread[i]) / (spread[i + 1] - spread[i])
    end = centers[j - 1] + step * (spread[j - 1] - half) / (spread[j - 1] - spread[j])
    return float(end - start)


def _mean(bands: list[Value]) -> Value:
    known = [band.value for band in bands if isinstance(band.value, float)]
    if not known:
        return Value(None, reason=bands[0].reason, bands=tuple(bands))
    reason = next((band.reason for band in bands if band.reason), None)
    return Value(sum(known) / len(known), reason=reason, bands=tuple(bands))
