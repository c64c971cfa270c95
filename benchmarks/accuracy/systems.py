"""Imaging systems with an analytic transfer function, and the truth that follows from it.

H(fx, fy) is the transfer function of everything together: optics, pixel aperture, motion,
processing; frequencies in cycles/px. Along the normal of an edge, at the angle phi:

ESF(d) = 1/2 + integral over f > 0 of H sin(2 pi f d) / (pi f),
LSF(d) = 2 x integral of H cos(2 pi f d), RER = ESF(1/2) - ESF(-1/2).

The integrals are sums over a fine grid; nothing of the code under test takes part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
Transfer = Callable[[Floats, Floats], Floats]
Family = Literal["gaussian", "anisotropic", "shaped", "optics"]

#: Frequencies of the integrals, cycles/px: fine enough for 250 px, far enough for a bare aperture.
_STEP = 0.004
_F = np.arange(_STEP, 16, _STEP)

#: Distances from the edge at which the spread functions are tabulated, px.
_REACH = 24.0
_D = np.linspace(-_REACH, _REACH, 1921)


@dataclass(frozen=True)
class System:
    """One imaging system: its name, family and transfer function."""

    name: str
    family: Family
    transfer: Transfer
    _spread: dict[float, Floats] = field(default_factory=dict, compare=False, repr=False)

    def along(self, angle: float, frequency: Floats = _F) -> Floats:
        """Return H along the direction `angle` (radians from x)."""
        return self.transfer(frequency * math.cos(angle), frequency * math.sin(angle))

    def edge_spread(self, distance: Floats, angle: float) -> Floats:
        """Return the edge spread function at `distance` (px) along `angle` (radians)."""
        key = round(angle, 9)
        if key not in self._spread:
            over = self.along(angle) / (np.pi * _F) * _STEP
            # The rectangle rule misses half a cell at f = 0, where the integrand is 2 d.
            self._spread[key] = 0.5 + np.sin(2 * np.pi * np.outer(_D, _F)) @ over + _D * _STEP
        return np.interp(distance, _D, self._spread[key], left=0.0, right=1.0)

    def truth(self, angle: float) -> dict[str, float]:
        """Return RER, FWHM (px), MTF50 frequency (cycles/px) and MTF at Nyquist and half of it."""
        curve = self.along(angle)
        distance = np.linspace(0, 12, 2401)
        line = 2 * np.cos(2 * np.pi * np.outer(distance, _F)) @ curve * _STEP + _STEP
        sinc = np.sinc(_F)
        return {
            "rer": float(2 * (curve * sinc).sum() * _STEP + _STEP),
            "fwhm": 2 * _falls_below(distance, line, line.max() / 2),
            "mtf50_freq": _falls_below(_F, curve, 0.5),
            "mtf_nyquist": abs(float(np.interp(0.5, _F, curve))),
            "mtf_half_nyquist": abs(float(np.interp(0.25, _F, curve))),
        }


def _falls_below(x: Floats, y: Floats, level: float) -> float:
    start = int(np.argmax(y))
    i = start + int(np.argmax(y[start:] < level))
    return float(x[i - 1] + (x[i] - x[i - 1]) * (y[i - 1] - level) / (y[i - 1] - y[i]))


def gaussian(sx: float, sy: float | None = None) -> Transfer:
    """Return a Gaussian of `sx`, `sy` px (standard deviations)."""
    sy = sx if sy is None else sy
    return lambda fx, fy: np.exp(-2 * np.pi**2 * ((sx * fx) ** 2 + (sy * fy) ** 2))


def aperture(width: float = 1.0) -> Transfer:
    """Return a square pixel of `width` px."""
    return lambda fx, fy: np.sinc(width * fx) * np.sinc(width * fy)


def motion(length: float, angle: float = 0.0) -> Transfer:
    """Return a straight motion of `length` px at `angle` (radians from x)."""
    return lambda fx, fy: np.sinc(length * (fx * math.cos(angle) + fy * math.sin(angle)))


def pillbox(radius: float) -> Transfer:
    """Return a disc of uniform weight (defocus of geometric optics): 2 J1(z) / z."""
    from scipy.special import j1

    def transfer(fx: Floats, fy: Floats) -> Floats:
        z = np.maximum(2 * np.pi * radius * np.hypot(fx, fy), 1e-9)
        return np.asarray(2 * j1(z) / z)

    return transfer


def airy(cutoff: float) -> Transfer:
    """Return a circular pupil's incoherent transfer with `cutoff` in cycles/px (Goodman 6-31)."""

    def transfer(fx: Floats, fy: Floats) -> Floats:
        r = np.minimum(np.hypot(fx, fy) / cutoff, 1)
        return np.asarray(2 / np.pi * (np.arccos(r) - r * np.sqrt(1 - r * r)))

    return transfer


def product(*parts: Transfer) -> Transfer:
    """Return systems one after the other."""
    return lambda fx, fy: math.prod((part(fx, fy) for part in parts), start=np.ones(1))


def mixture(*parts: tuple[float, Transfer]) -> Transfer:
    """Return systems side by side, with weights that add up to 1 (negative: sharpening)."""
    return lambda fx, fy: np.asarray(sum(weight * part(fx, fy) for weight, part in parts))


def _systems() -> tuple[System, ...]:
    found = [
        System(f"gaussian {s}", "gaussian", gaussian(s)) for s in (0.5, 0.7, 1.0, 1.5, 2.0, 2.5)
    ]
    found += [
        System(f"anisotropic {sx} x {sy}", "anisotropic", gaussian(sx, sy))
        for sx, sy in ((0.6, 1.2), (1.4, 0.7), (0.9, 1.8), (2.2, 1.1))
    ]
    found += [
        System(
            f"sharpened {s}",
            "shaped",
            mixture((1 + amount, gaussian(s)), (-amount, gaussian(1.8 * s))),
        )
        for s, amount in ((0.7, 0.35), (1.0, 0.5))
    ]
    found += [
        System(f"halo {s}", "shaped", mixture((1 - share, gaussian(s)), (share, gaussian(2.5 * s))))
        for s, share in ((0.6, 0.15), (0.9, 0.2))
    ]
    found += [
        System(f"motion {length}", "shaped", product(gaussian(0.6), aperture(), motion(length)))
        for length in (1.5, 2.5)
    ]
    found.append(
        System("motion 2 at 30 degrees", "shaped", product(gaussian(0.7), motion(2, math.pi / 6)))
    )
    found += [
        System("point: aperture alone", "shaped", product(aperture(), gaussian(0.25))),
        System("point: aperture and 0.45", "shaped", product(aperture(), gaussian(0.45))),
    ]
    found += [
        System(f"pillbox {radius}", "optics", product(pillbox(radius), gaussian(0.4), aperture()))
        for radius in (1.0, 2.0)
    ]
    found += [
        System(f"airy {cutoff}", "optics", product(airy(cutoff), aperture()))
        for cutoff in (0.7, 1.2)
    ]
    return tuple(found)


#: Every system of the benchmark.
SYSTEMS = _systems()
