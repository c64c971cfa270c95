"""The signal-to-noise ratio."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import field_validator

from iqf_core.api import Metric, Output, Value, parameter
from iqf_core.api import Params as BaseParams
from iqf_metrics_sharpness.areas import noise_of_areas
from iqf_metrics_sharpness.blocks import band_blocks
from iqf_metrics_sharpness.noise import Noise, noise_of_blocks

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageInput

_ALIASES = {"hb": "blocks", "ha": "areas"}


class Snr(Metric):
    """Signal-to-noise ratio: the signal over the standard deviation of the noise, linear.

    The signal is the median of the band's valid pixels in the whole image, or ``level_dn``. The
    noise comes from the high frequencies of those 8 x 8 blocks that have the least energy in the
    low ones, so texture does not count as noise (Ponomarenko et al. 2007; Colom and Buades, IPOL
    2013); where its variance grows with the signal it is that of the fitted line b + a x mean at
    the signal (Foi et al. 2008). Rounding to integers is part of the noise (1/12 DN²). Clipped,
    invalid and constant blocks are left out.

    * ``method=blocks`` (``HB`` of the papers on homogeneous blocks): a value whenever 64 blocks
      can be used.
    * ``method=areas`` (``HA``): the areas of 100 or more connected pixels whose low frequencies
      hold nothing but noise (chi-square test at 99 %); signal and noise are the averages over
      them. A value or the reason why there is none.

    Of several bands: the mean of the ratios, signals and variances.

    High frequencies speak for white noise. Compressed or resampled images have less noise there
    than elsewhere: ``noise_colour`` is the ratio of the variances of the highest and the middle
    frequencies, and ``coloured`` is 1 where it is clearly not 1, or where blocks on the grid of
    JPEG have clearly less noise than those beside it; then the noise is a lower bound.
    """

    class Params(BaseParams):
        """What is measured, and where."""

        method: Literal["blocks", "areas"] = parameter(
            "blocks", description="blocks (HB): always a value; areas (HA): homogeneous areas only"
        )
        level_dn: float | None = parameter(
            None,
            description="level the ratio is given at, by default the median",
            unit="DN",
            example=100,
            gt=0,
        )

        @field_validator("method", mode="before")
        @classmethod
        def _alias(cls, value: Any) -> Any:
            return _ALIASES.get(value.lower(), value) if isinstance(value, str) else value

    outputs = (
        Output("snr", "", "higher", "signal over noise sigma, linear"),
        Output("snr_db", "dB", "higher", "20 log10 of the ratio"),
        Output("noise_sigma", "DN", "lower", "standard deviation of the noise at the signal"),
        Output("signal", "DN", None, "the signal: median of the valid pixels, or the level asked"),
        Output("noise_a", "DN", None, "slope of the noise variance against the mean"),
        Output("noise_b", "DN²", None, "noise variance at mean 0"),
        Output("noise_colour", "", None, "variance of highest over middle frequencies; white: 1"),
        Output("coloured", "", None, "1 where the noise is clearly not white"),
        Output("blocks", "", None, "blocks the noise was told from (areas: pixels)"),
    )

    def measure(self, subject: ImageInput, context: Context) -> Mapping[str, Value]:
        """Measure every band; the image is read in windows."""
        told = noise_of_blocks if self.params.method == "blocks" else noise_of_areas
        bands = []
        for blocks in band_blocks(subject.reader):
            level = self.params.level_dn or blocks.signal
            bands.append(_values(told(replace(blocks, signal=level))))
        return {
            output.name: _aggregate(output.name, [band[output.name] for band in bands])
            for output in self.outputs
        }


def _values(noise: Noise | str) -> dict[str, Value]:
    if isinstance(noise, str):
        return {output.name: Value(None, reason=noise) for output in Snr.outputs}
    sigma = math.sqrt(noise.variance)
    spread = min(0.9, noise.error / (2 * noise.variance))
    values = {
        "noise_sigma": _around(sigma, spread),
        "signal": Value(noise.signal),
        "noise_colour": _around(noise.colour, noise.colour_error / max(noise.colour, 1e-12)),
        "coloured": Value(float(noise.coloured)),
        "blocks": Value(float(noise.blocks)),
    }
    if noise.signal > 0:
        ratio = noise.signal / sigma
        values["snr"] = replace(_around(ratio, spread), reason=_limit(noise))
        values["snr_db"] = _decibels(values["snr"])
    else:
        reason = f"the signal is {noise.signal:.6g} DN, so there is no ratio"
        values |= {name: Value(None, reason=reason) for name in ("snr", "snr_db")}
    if noise.slope is None or noise.offset is None:
        reason = "the noise does not depend on the signal beyond doubt"
        values |= {name: Value(None, reason=reason) for name in ("noise_a", "noise_b")}
    else:
        values |= {"noise_a": Value(_tidy(noise.slope)), "noise_b": Value(_tidy(noise.offset))}
    return values


def _limit(noise: Noise) -> str | None:
    if not noise.coloured:
        return None
    if noise.compressed:
        return f"the image was a JPEG: on its grid is {noise.grid:.0%} of the noise beside it"
    return f"the noise is coloured (ratio {noise.colour:.2f}): filtered, resampled or compressed"


def _around(value: float, spread: float) -> Value:
    return Value(_tidy(value), _tidy(value * (1 - spread)), _tidy(value * (1 + spread)))


def _tidy(value: float) -> float:
    """Return `value` to 7 digits: what threads of linear algebra may change is beyond them."""
    return float(f"{value:.7g}")


def _decibels(ratio: Value) -> Value:
    def decibels(value: Any) -> float:
        return _tidy(20 * math.log10(value))

    low, high = (decibels(each) for each in (ratio.low, ratio.high))
    return replace(ratio, value=decibels(ratio.value), low=low, high=high)


def _aggregate(name: str, bands: Sequence[Value]) -> Value:
    """Return the value of the image: the mean of what the bands have, or their reason."""
    if len(bands) == 1:
        return replace(bands[0], bands=tuple(bands))
    known = [band for band in bands if band.value is not None]
    if not known:
        return Value(None, reason=bands[0].reason, bands=tuple(bands))
    average = _AVERAGES.get(name, (lambda value: value, lambda value: value))
    limits = [
        _mean([getattr(band, which) for band in known], *average)
        for which in ("value", "low", "high")
    ]
    value = limits[0]
    reason = next((band.reason for band in bands if band.reason), None)
    if name == "coloured":
        value = max(float(band.value) for band in known if isinstance(band.value, float))
    return Value(value, limits[1], limits[2], reason, tuple(bands))


Function = Callable[[float], float]

#: What is averaged: variances of the noise, ratios of the decibels; else the values themselves.
_AVERAGES: dict[str, tuple[Function, Function]] = {
    "noise_sigma": (lambda value: value**2, math.sqrt),
    "snr_db": (lambda value: 10 ** (value / 20), lambda value: 20 * math.log10(value)),
}


def _mean(values: Sequence[Any], forward: Function, back: Function) -> float | None:
    if any(value is None for value in values):
        return None
    return _tidy(back(math.fsum(forward(value) for value in values) / len(values)))
