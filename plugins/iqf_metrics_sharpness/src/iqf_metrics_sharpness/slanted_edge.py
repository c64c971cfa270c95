"""One edge of a calibration target."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from iqf_core.api import Metric, Output, Value, Window, parameter
from iqf_core.api import Params as BaseParams
from iqf_metrics_sharpness.candidates import gradient
from iqf_metrics_sharpness.edge_profile import Line, Pixels, fitted_line, profile_figures

if TYPE_CHECKING:
    from iqf_core.api import Context, Image, ImageInput

Floats = NDArray[Any]

_REGION = ("row", "column", "height", "width")
_LINE = ("x0", "y0", "x1", "y1")

#: A line may be so far from the edge: in degrees, and in px as a share of the half width.
_MOST_TURN, _MOST_SHIFT = 10.0, 0.5


class SlantedEdge(Metric):
    """Edge response and MTF of one edge that the user shows, by the practice of ISO 12233.

    The edge lies between two flat fields, slanted by some degrees against the pixel grid. It is
    shown by a region around it (``row``, ``column``, ``height``, ``width``), or by a line along it
    (from ``x0``, ``y0`` to ``x1``, ``y1``, about right): then the pixels count that lie beside the
    line, at most ``half_width`` px from it. The edge's own line is fitted, the pixels are sorted
    by their distance from it into bins of 1/4 px (along the normal, so any direction is as good),
    and the edge spread function is differentiated, weighted with a Hamming window beyond half of
    the reach, and transformed. The transfer functions of bins and of the finite difference are
    divided out. No model of the system's shape enters. Noise is not corrected for: show at least
    40 px along the edge, and flat fields of at least 8 px beside it.
    """

    class Params(BaseParams):
        """The region or the line, in pixels of the image: pixel (0, 0) has its middle at 0, 0."""

        row: int | None = parameter(None, description="first row", unit="px", ge=0)
        column: int | None = parameter(None, description="first column", unit="px", ge=0)
        height: int | None = parameter(None, description="rows", unit="px", ge=8, le=4096)
        width: int | None = parameter(None, description="columns", unit="px", ge=8, le=4096)
        x0: float | None = parameter(None, description="column where the line begins", unit="px")
        y0: float | None = parameter(None, description="row where the line begins", unit="px")
        x1: float | None = parameter(None, description="column where the line ends", unit="px")
        y1: float | None = parameter(None, description="row where the line ends", unit="px")
        half_width: float = parameter(
            12.0, description="how far beside the line pixels count", unit="px", ge=5, le=100
        )

        @model_validator(mode="after")
        def _one_place(self) -> Self:
            given = [name for name in (*_REGION, *_LINE) if getattr(self, name) is not None]
            if tuple(given) not in (_REGION, _LINE):
                raise ValueError(
                    "give a region (row, column, height, width) or a line (x0, y0, x1, y1), "
                    f"all four numbers of one of them; given: {', '.join(given) or 'nothing'}"
                )
            if self.x0 is not None and self.length() < 8:
                raise ValueError(f"the line is {self.length():.1f} px long; at least 8 are needed")
            return self

        def length(self) -> float:
            """Return the line's length, px."""
            x, y = (self.x1 or 0) - (self.x0 or 0), (self.y1 or 0) - (self.y0 or 0)
            return math.hypot(x, y)

    version = "2"
    params: Params

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
        row, column, rows, columns = self._extent()
        if min(row, column) < 0 or row + rows > height or column + columns > width:
            reason = (
                f"the region of {rows} x {columns} pixels from row {row}, column {column} reaches "
                f"beyond the image of {height} x {width} pixels"
            )
            return {output.name: Value(None, reason=reason) for output in self.outputs}
        window = Window(row, column, rows, columns)
        image = subject.reader.read(window)
        told = [_values(self._measured(image, band, window)) for band in range(bands)]
        return {output.name: _mean([band[output.name] for band in told]) for output in self.outputs}

    def _extent(self) -> tuple[int, int, int, int]:
        """Return (row, column, height, width) of the region, or of all pixels beside the line."""
        place = self.params
        if place.x0 is None:
            row, column, height, width = (getattr(place, name) for name in _REGION)
            return row, column, height, width
        x0, y0, x1, y1 = (getattr(place, name) for name in _LINE)
        cos, sin = (y1 - y0) / place.length(), (x0 - x1) / place.length()
        across, down = abs(cos) * place.half_width, abs(sin) * place.half_width
        left, right = math.ceil(min(x0, x1) - across), math.floor(max(x0, x1) + across)
        top, bottom = math.ceil(min(y0, y1) - down), math.floor(max(y0, y1) + down)
        return top, left, bottom - top + 1, right - left + 1

    def _measured(self, image: Image, band: int, window: Window) -> dict[str, float] | str:
        values = image.pixels[:, :, band].astype(float)
        if self.params.x0 is None:
            used = np.ones(values.shape, bool)
        else:
            along, across = self._beside(window)
            used = (np.abs(along) <= self.params.length() / 2) & (
                np.abs(across) <= self.params.half_width
            )
        if not image.valid[used].all():
            return "the region holds invalid pixels"
        if (values[used] >= image.peak).mean() > 0.01:
            return "the region is saturated"
        line = (
            self._line_in(values)
            if self.params.x0 is None
            else self._line_beside(values, used, window)
        )
        if isinstance(line, str):
            return line
        edge, pixels, reach = line
        told = profile_figures(pixels, edge, reach)
        if not isinstance(told, str):
            degrees = math.degrees(edge.angle)
            if self.params.x0 is not None:
                # Across the line is a right angle on from along it, the other way round.
                x0, y0, x1, y1 = (getattr(self.params, name) for name in _LINE)
                degrees = 90 + math.degrees(math.atan2(y1 - y0, x1 - x0)) - degrees
            told["angle"] = math.remainder(degrees, 360)
        return told

    def _line_in(self, values: Floats) -> tuple[Line, Pixels, float] | str:
        """Return the region's only edge, its pixels and how far they reach all along."""
        height, width = values.shape
        dx, dy, _ = gradient(values.astype(np.float32))
        inner = (slice(4, -4), slice(4, -4))
        dx, dy = dx[inner].astype(float), dy[inner].astype(float)
        weight = (dx**2 + dy**2) ** 2
        rows, columns = np.mgrid[:height, :width].astype(float)
        x, y = columns - (width - 1) / 2, rows - (height - 1) / 2
        if not weight.sum() > 0:
            return "the region is constant" if np.ptp(values) <= 0 else "the region holds no edge"
        angle = float(np.arctan2((weight * dy).sum(), (weight * dx).sum()))
        across = x[inner] * np.cos(angle) + y[inner] * np.sin(angle)
        pixels = Pixels(x.ravel(), y.ravel(), values.ravel())
        line = fitted_line(pixels, angle, float((weight * across).sum() / weight.sum()))
        if isinstance(line, str):
            return line
        cos, sin = abs(np.cos(line.angle)), abs(np.sin(line.angle))
        extent = (width - 1) / 2 * cos + (height - 1) / 2 * sin
        return line, pixels, float(extent - abs(line.offset))

    def _beside(self, window: Window) -> tuple[Floats, Floats]:
        """Return each pixel's place along the line from its middle, and across it, px."""
        x0, y0, x1, y1 = (getattr(self.params, name) for name in _LINE)
        cos, sin = (x1 - x0) / self.params.length(), (y1 - y0) / self.params.length()
        rows, columns = np.mgrid[: window.height, : window.width].astype(float)
        x = columns + window.col - (x0 + x1) / 2
        y = rows + window.row - (y0 + y1) / 2
        return x * cos + y * sin, y * cos - x * sin

    def _line_beside(
        self, values: Floats, used: NDArray[np.bool_], window: Window
    ) -> tuple[Line, Pixels, float] | str:
        """Return the edge along the line, its pixels and how far they reach all along.

        Coordinates are along and across the line: x is across.
        """
        along, across = self._beside(window)
        pixels = Pixels(across[used], along[used], values[used])
        edge = fitted_line(pixels, 0.0, 0.0)
        if isinstance(edge, str):
            return edge
        half = self.params.half_width
        turn = math.remainder(edge.angle, math.pi)
        shift = abs(edge.offset)
        if abs(math.degrees(turn)) > _MOST_TURN or shift > _MOST_SHIFT * half:
            return (
                f"the edge is {shift:.1f} px and {abs(math.degrees(turn)):.0f} degrees from the "
                "line: draw the line along it"
            )
        reach = half - shift - abs(math.sin(turn)) * self.params.length() / 2
        return edge, pixels, reach


def _values(measured: dict[str, float] | str) -> dict[str, Value]:
    if isinstance(measured, str):
        return {output.name: Value(None, reason=measured) for output in SlantedEdge.outputs}
    missing = Value(None, reason="the MTF does not fall to 0.5 below 0.75 cycles/px")
    return {
        output.name: Value(float(f"{measured[output.name]:.6g}"))
        if output.name in measured
        else missing
        for output in SlantedEdge.outputs
    }


def _mean(bands: list[Value]) -> Value:
    known = [band.value for band in bands if isinstance(band.value, float)]
    if not known:
        return Value(None, reason=bands[0].reason, bands=tuple(bands))
    reason = next((band.reason for band in bands if band.reason), None)
    return Value(sum(known) / len(known), reason=reason, bands=tuple(bands))
