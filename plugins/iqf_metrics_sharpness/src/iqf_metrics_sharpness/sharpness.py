"""The sharpness of an image, told from the edges in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from iqf_core.api import Metric, Output, Value
from iqf_metrics_sharpness.blocks import band_blocks
from iqf_metrics_sharpness.candidates import CLASSES
from iqf_metrics_sharpness.edges import Measurement, measure_band
from iqf_metrics_sharpness.noise import noise_of_blocks
from iqf_metrics_sharpness.selection import MIN_EDGES
from iqf_metrics_sharpness.system import TOGETHER

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageInput, ImageReader

#: Name, unit, which way is better, what it is.
_FIGURES: tuple[tuple[str, str, Literal["higher", "lower"], str], ...] = (
    ("rer", "", "higher", "relative edge response"),
    ("fwhm", "px", "lower", "full width at half maximum of the line spread function"),
    ("mtf50_freq", "cycles/px", "higher", "frequency at which the MTF is 0.5"),
    ("mtf_nyquist", "", "higher", "MTF at Nyquist, 0.5 cycles/px"),
    ("mtf_half_nyquist", "", "higher", "MTF at half Nyquist, 0.25 cycles/px"),
)

_DIRECTIONS = {
    "x": "across x (near-vertical edges)",
    "y": "across y (near-horizontal edges)",
    "other": "in other directions (edges more than 15 degrees off both axes)",
}

_FEW_OF_EACH = f"from edges of all directions together: fewer than {MIN_EDGES} of each"

#: Standard deviation of rounding to integers, DN.
_ROUNDING = 12**-0.5


def _outputs() -> tuple[Output, ...]:
    outputs = []
    for name, unit, better, summary in _FIGURES:
        for direction, meaning in _DIRECTIONS.items():
            outputs.append(Output(f"{name}_{direction}", unit, better, f"{summary}, {meaning}"))
        outputs.append(Output(name, unit, better, f"{summary}, geometric mean of x and y"))
    outputs += [
        Output(f"edges_{direction}", "", None, f"edges that were used, {meaning}")
        for direction, meaning in _DIRECTIONS.items()
    ]
    outputs.append(Output("edges", "", None, "edges that were used"))
    outputs.append(Output("tier", "", None, "gates the edges passed: 1 strict to 7 lenient"))
    return tuple(outputs)


class Sharpness(Metric):
    """Edge response and MTF of the system that made an image: optics, aperture, processing, all.

    Straight, isolated edges are found in the image and fitted pixel by pixel with the edge spread
    function of a Gaussian system, between flat and between sloping sides; each is taken as it is
    known better, and its error includes what the fit leaves beyond noise. Where enough strict
    edges between flat sides agree on overshoot or a halo, these alone count: it looks like a
    slope. A squared width is the system's plus that of the scene's own border, sharp or soft: the
    likelihood of this tells the system's width, and the edges near it speak, weighted by their
    errors, as one ellipse of squared widths over the directions. ``tier`` says how strict the gates
    are that most of them pass. The pooled edge profiles then show whether the shape departs from a
    Gaussian (sharpening, halo, motion, diffraction); if the edges agree on it beyond doubt
    (Hotelling's test) Hermite terms, and wider Gaussians for tails, are added: the likeliest, as
    optics, aperture, motion and processing go together. All figures follow in closed form:

    * ``rer``: rise of the normalised edge spread function from -1/2 to +1/2 px around the edge
      (GIQE; pyBSM eq. 3-61). 1 is perfectly sharp.
    * ``fwhm`` of the line spread function; ``mtf50_freq``: the frequency of MTF 0.5 (as in ISO
      12233 practice; some papers call the value at Nyquist "MTF50"); ``mtf_nyquist``,
      ``mtf_half_nyquist``.

    ``x`` is the response across x, from near-vertical edges. The figure without a direction is
    the geometric mean of x and y, or that of the one that is known, or of all edges together where
    each direction has too few (the reason says so). Of several bands: the mean. Intervals (68 %)
    come from resampling the edges, from tier 4 on also from what the fits leave beyond noise;
    they do not cover scenes whose borders are all soft: those look like a blurred system to any
    method.
    """

    version = "4"
    outputs = _outputs()

    def measure(self, subject: ImageInput, context: Context) -> Mapping[str, Value]:
        """Measure every band; the image is read in windows."""
        bands = [band_values(each) for each in measurements(subject.reader)]
        return {
            output.name: _aggregate(output.name, [band[output.name] for band in bands])
            for output in self.outputs
        }

    def draw(self, subject: ImageInput, context: Context, path: Path) -> None:
        """Draw the accepted edges, the pooled spread functions and the MTF.

        Parameters
        ----------
        subject
            The image.
        context
            As in :meth:`measure`.
        path
            The figure's file; its suffix says the format.
        """
        from iqf_metrics_sharpness.figure import draw

        draw(subject.reader, measurements(subject.reader), path)


def measurements(reader: ImageReader) -> list[Measurement]:
    """Return what the edges of every band say."""
    found = []
    for band, blocks in enumerate(band_blocks(reader)):
        noise = noise_of_blocks(blocks)
        least = _ROUNDING if reader.dtype != "float32" else 0.0
        sigma = least if isinstance(noise, str) else max(least, math.sqrt(noise.variance))
        found.append(measure_band(reader, band, sigma))
    return found


def band_values(measured: Measurement) -> dict[str, Value]:
    """Return the values of one band by the names of the outputs."""
    system = measured.system
    values: dict[str, Value] = {}
    by_direction = {
        direction: response.figures() for direction, response in system.responses.items()
    }
    for name, *_ in _FIGURES:
        for direction in CLASSES:
            if direction in by_direction:
                value = _value(by_direction[direction][name])
            else:
                count = system.counts.get(direction, 0)
                reason = measured.reason or f"{count} edges, {MIN_EDGES} are needed"
                value = Value(None, reason=reason)
            values[f"{name}_{direction}"] = value
        values[name] = _geometric(values, name)
        if TOGETHER in by_direction:
            value = _value(by_direction[TOGETHER][name])
            values[name] = replace(value, reason=_FEW_OF_EACH)
    for direction in CLASSES:
        values[f"edges_{direction}"] = Value(float(system.counts.get(direction, 0)))
    values["edges"] = Value(float(sum(system.counts.values())))
    if measured.tier:
        values["tier"] = Value(float(measured.tier))
    else:
        values["tier"] = Value(None, reason=measured.reason)
    return values


def _geometric(values: Mapping[str, Value], name: str) -> Value:
    known = {
        direction: value
        for direction in CLASSES
        if (value := values[f"{name}_{direction}"]).value is not None
    }
    both = [known[direction] for direction in ("x", "y") if direction in known]
    if len(both) == 2:
        numbers = [
            math.sqrt(getattr(both[0], which) * getattr(both[1], which))
            for which in ("value", "low", "high")
        ]
        return _value((numbers[0], numbers[1], numbers[2]))
    if not known:
        return Value(None, reason=values[f"{name}_x"].reason)
    direction = next(iter(known))
    only = known[direction]
    return Value(
        only.value, only.low, only.high, f"from {_DIRECTIONS[direction]} alone: other edges lack"
    )


def _value(numbers: tuple[float, float, float]) -> Value:
    value, low, high = (_tidy(number) for number in numbers)
    return Value(value, low, high)


def _tidy(value: float) -> float:
    """Return `value` to 6 digits: what threads of linear algebra may change is beyond them."""
    return float(f"{value:.6g}")


def _aggregate(name: str, bands: Sequence[Value]) -> Value:
    """Return the value of the image: the mean of the bands that have one, counts added."""
    known = [band for band in bands if isinstance(band.value, float)]
    if not known:
        return Value(None, reason=bands[0].reason, bands=tuple(bands))
    numbers = [[getattr(band, which) for band in known] for which in ("value", "low", "high")]
    value, low, high = (
        None if None in each else math.fsum(each) / (1 if name.startswith("edges") else len(each))
        for each in numbers
    )
    reason = next((band.reason for band in bands if band.reason), None)
    if name == "tier":
        value = max(numbers[0])
    return Value(value, low, high, reason, tuple(bands))
