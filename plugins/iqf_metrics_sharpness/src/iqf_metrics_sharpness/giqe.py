"""The General Image Quality Equation: NIIRS from GSD, RER and SNR."""

from __future__ import annotations

import math

_INCHES_PER_METRE = 1 / 0.0254

#: What GIQE 4 is said to have been fitted to: GSD of 3 to 80 inches, in metres, RER, SNR. These
#: ranges are quoted from the paper (Leachtenauer et al. 1997) by others; the paper itself could not
#: be consulted to confirm them. GIQE 5 (NGA 2015) publishes no range that is known to us: the same
#: is warned of.
RANGE = {"GSD": (0.0762, 2.032), "RER": (0.2, 1.3), "SNR": (2.0, 130.0)}


def giqe5(gsd_m: float, rer: float, snr: float) -> float:
    """Return NIIRS by GIQE 5.

    9.57 - 3.32 log10 GSD + 3.32 (1 - exp(-1.9 / SNR)) log10 RER - 2 (log10 RER)⁴ - 1.8 / SNR,
    GSD in inches: NGA, *The General Image Quality Equation version 5.0*, 16 September 2015. The
    constants are those of pyBSM 0.14 (Kitware, ``pybsm.metrics.functional.giqe5``), which cites
    that paper; its test case from the paper's figure 1 (RER 0.35, 20.8 inches, SNR 50: NIIRS 5.0)
    comes out here.

    Parameters
    ----------
    gsd_m
        Ground sampling distance, geometric mean over both directions, metres. Off nadir, that of
        the image plane over sin(elevation angle)^(1/4).
    rer
        Relative edge response, see :func:`giqe5_rer`.
    snr
        Signal-to-noise ratio, linear.
    """
    logarithm = math.log10(rer)
    return (
        9.57
        - 3.32 * math.log10(gsd_m * _INCHES_PER_METRE)
        + 3.32 * (1 - math.exp(-1.9 / snr)) * logarithm
        - 2 * logarithm**4
        - 1.8 / snr
    )


def giqe5_rer(one: float, other: float) -> float:
    """Return GIQE 5's edge response of two directions: (max x min²)^(1/3).

    The blurrier direction counts double (NGA 2015, as in pyBSM); GIQE 4 takes the geometric mean.
    """
    return float((max(one, other) * min(one, other) ** 2) ** (1 / 3))


def giqe4(gsd_m: float, rer: float, snr: float, overshoot: float, gain: float) -> float:
    """Return NIIRS by GIQE 4 (Leachtenauer et al., Applied Optics 36, 1997).

    10.251 - a log10 GSD + b log10 RER - 0.656 H - 0.344 G / SNR, GSD in inches; a = 3.32 and
    b = 1.559 for an RER of 0.9 and more, 3.16 and 2.817 below. pyBSM 0.14 confirms all constants
    but one: it has 0.334 where the paper is commonly quoted with 0.344. The difference is 0.01 of
    a level at G / SNR = 1; 0.344 is kept.

    Parameters
    ----------
    gsd_m, rer, snr
        As in :func:`giqe5`; RER the geometric mean over both directions.
    overshoot
        H, the height of the edge's overshoot, 1 for none to 3 px from the edge.
    gain
        G, the noise gain of the sharpening, 1 for none.
    """
    a, b = (3.32, 1.559) if rer >= 0.9 else (3.16, 2.817)
    return (
        10.251
        - a * math.log10(gsd_m * _INCHES_PER_METRE)
        + b * math.log10(rer)
        - 0.656 * overshoot
        - 0.344 * gain / snr
    )


def outside(gsd_m: float, rer: float, snr: float) -> str:
    """Return which quantity lies outside what the equations were fitted to; empty for none."""
    given = {"GSD": gsd_m, "RER": rer, "SNR": snr}
    wrong = [
        f"{name} {given[name]:.3g} is outside {low:.3g} to {high:.3g}{' m' * (name == 'GSD')}"
        for name, (low, high) in RANGE.items()
        if not low <= given[name] <= high
    ]
    return "; ".join(wrong)
