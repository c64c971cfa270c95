"""Edge response, width and transfer function of a system, in closed form.

The line spread function is a Gaussian of width s with even Hermite terms, for the core, and with
wider Gaussians of width r s in its place, for tails,
g(u) (1 + a2 He2(u) + a4 He4(u) + a6 He6(u)) + sum of b_r (g(u/r)/r - g(u)), u = x / s.
Its integral is the edge spread function,
Phi(u) - g(u) (a2 He1(u) + a4 He3(u) + a6 He5(u)) + sum of b_r (Phi(u/r) - Phi(u)),
its Fourier transform the transfer function, with w = 2 pi s f,
exp(-w²/2) (1 - a2 w² + a4 w⁴ - a6 w⁶) + sum of b_r (exp(-r²w²/2) - exp(-w²/2)).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[Any]

#: Hermite terms of the shape, (a2, a4, a6), and the widths r of the Gaussians behind them.
HERMITE, WIDER = 3, (2.0, 3.5, 6.0)

#: Terms of the shape: (a2, a4, a6, b2, b3.5, b6).
TERMS = HERMITE + len(WIDER)

GAUSSIAN: Floats = np.zeros(TERMS)

_ROOT = np.sqrt(2 * np.pi)


def edge_spread(u: Floats, shape: Floats = GAUSSIAN) -> Floats:
    """Return the edge spread function at `u` (in widths), from 0 to 1."""
    result = ndtr(u)
    if np.any(shape):
        result = result + np.tensordot(shape, shape_terms(u), axes=1)
    return np.asarray(result)


def shape_terms(u: Floats) -> Floats:
    """Return (TERMS, …): what each term adds to the edge spread function at `u`."""
    square = u * u
    bell = np.exp(-square / 2) / _ROOT
    hermite = (u, u * (square - 3), u * (square * (square - 10) + 15))
    rise = ndtr(u)
    return np.stack([-bell * term for term in hermite] + [ndtr(u / r) - rise for r in WIDER])


def line_spread(u: Floats, shape: Floats = GAUSSIAN) -> Floats:
    """Return the line spread function at `u` (in widths); its integral over u is 1."""
    return np.asarray(np.tensordot(_with_gaussian(shape), _line_terms(u), axes=1))


def _with_gaussian(shape: Floats) -> Floats:
    return np.concatenate([[1.0], shape])


def _line_terms(u: Floats) -> Floats:
    """Return (1 + TERMS, …): the Gaussian's line spread, and what each term adds, at `u`."""
    square = u * u
    bell = np.exp(-square / 2) / _ROOT
    hermite = (
        square - 1,
        square * (square - 6) + 3,
        square * (square * (square - 15) + 45) - 15,
    )
    wider = [np.exp(-square / (2 * r * r)) / (r * _ROOT) - bell for r in WIDER]
    return np.stack([bell, *(bell * term for term in hermite), *wider])


def transfer(frequency: Floats | float, width: float, shape: Floats = GAUSSIAN) -> Floats:
    """Return the transfer function at `frequency` (cycles/px) of a system of `width` (px)."""
    square = (2 * np.pi * width * np.asarray(frequency, float)) ** 2
    return np.asarray(np.tensordot(_with_gaussian(shape), _transfer_terms(square), axes=1))


def _transfer_terms(square: Floats) -> Floats:
    """Return (1 + TERMS, …): the Gaussian's transfer, and what each term adds, at w²."""
    bell = np.exp(-square / 2)
    hermite = (-square, square**2, -(square**3))
    wider = [np.exp(-(r * r) * square / 2) - bell for r in WIDER]
    return np.stack([bell, *(bell * term for term in hermite), *wider])


def relative_edge_response(width: float, shape: Floats = GAUSSIAN) -> float:
    """Return the rise of the edge spread function from -1/2 to +1/2 px (GIQE; pyBSM eq. 3-61)."""
    ends = edge_spread(np.array([-0.5, 0.5]) / width, shape)
    return float(ends[1] - ends[0])


_U = np.linspace(0, 6, 601)
_W = np.linspace(0, 6, 601)
_LINES, _TRANSFERS = _line_terms(_U), _transfer_terms(_W**2)


def full_width_half_maximum(width: float, shape: Floats = GAUSSIAN) -> float:
    """Return the full width of the line spread function at half its maximum, in px."""
    spread = _with_gaussian(shape) @ _LINES
    return 2 * width * _falls_below(_U, spread, 0.5 * float(spread.max()))


def mtf50_frequency(width: float, shape: Floats = GAUSSIAN) -> float:
    """Return the lowest frequency at which the transfer is 0.5, in cycles/px."""
    curve = _with_gaussian(shape) @ _TRANSFERS
    return _falls_below(_W, curve, 0.5) / (2 * np.pi * width)


def _falls_below(x: Floats, y: Floats, level: float) -> float:
    """Return where `y` falls below `level` for the first time after its maximum."""
    start = int(np.argmax(y))
    below = np.nonzero(y[start:] < level)[0]
    if not len(below):
        return float(x[-1])
    i = start + int(below[0])
    return float(x[i - 1] + (x[i] - x[i - 1]) * (y[i - 1] - level) / (y[i - 1] - y[i]))


def figures(width: float, shape: Floats = GAUSSIAN) -> dict[str, float]:
    """Return every figure of merit of a system of `width` (px), by the stem of its output."""
    return {
        "rer": relative_edge_response(width, shape),
        "fwhm": full_width_half_maximum(width, shape),
        "mtf50_freq": mtf50_frequency(width, shape),
        "mtf_nyquist": abs(float(transfer(0.5, width, shape))),
        "mtf_half_nyquist": abs(float(transfer(0.25, width, shape))),
    }
